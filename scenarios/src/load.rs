//! Resolves a change against a snapshot into a scenario.

use simulator::Scenario;
use simulator::finding::Finding;

use crate::change::{Change, ChangeSettings, Operation};
use crate::complaint::Complaints;
use crate::coverage::Coverage;
use crate::snapshot::Snapshot;

/// A change resolved against a snapshot.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What to simulate.
    pub scenario: Scenario,
    /// The operations as resolved (a whole-pool write becomes what it changes), in order.
    pub operations: Vec<Operation>,
    /// Rules that apply.
    pub findings: Vec<Finding>,
    /// What it rests on.
    pub coverage: Coverage,
    /// The pools, for the report.
    pub pools: Vec<PoolFacts>,
    /// The settings in force: the message's, with `overrides` on top, defaults filled in.
    pub settings: ChangeSettings,
}

/// A pool as the report shows it.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "the fields carry the names of the AKS API")]
pub struct PoolFacts {
    pub name: String,
    pub mode: String,
    pub count: u32,
    pub vm_size: String,
    pub os_type: String,
    pub zones: Vec<String>,
    pub taints: Vec<String>,
    pub max_surge: String,
    pub autoscaler: Option<(u32, u32)>,
}

/// Resolves `change` against `snapshot`; `overrides` (the command line) win over the message's settings.
///
/// # Errors
/// Everything wrong with the change on this cluster at once: unknown pool or node, counts out of range, an operation
/// that this version does not simulate.
pub fn load(
    change: &Change,
    snapshot: &Snapshot,
    overrides: &ChangeSettings,
) -> Result<Loaded, Complaints> {
    let _ = (change, snapshot, overrides);
    unimplemented!()
}

//! From a complete snapshot to the simulator's start state: owners resolved, shapes interned, selectors of budgets resolved to
//! workloads. Names stay only where reports and random streams need them.

mod budgets;
mod duties;
mod images;
mod nodes;
pub mod owners;
pub mod peers;
mod provisioners;
pub mod requests;
pub(crate) mod shapes;
pub(crate) mod stated;
pub mod volumes;
pub(crate) mod webhooks;
mod workloads;

use std::collections::BTreeMap;

use simulator::spec::{self, ClusterSpec, NodeShape, PodSpec};
use simulator::{Id, NodeId, NodeShapeId, PoolId, SupplyId, WorkloadId};

use crate::azure::supply::Supply;
use crate::change::ChangeSettings;
use crate::coverage::Coverage;
use crate::snapshot::Snapshot;

pub use shapes::{Asking, pod_shape};
pub use workloads::MINIMUM;

/// A start state with the way back to names.
#[derive(Clone, Debug, Default)]
pub struct Interned {
    /// The start state.
    pub spec: ClusterSpec,
    /// Pools by name.
    pub pools: BTreeMap<String, PoolId>,
    /// Nodes by name.
    pub nodes: BTreeMap<String, NodeId>,
    /// Workloads by namespace and name.
    pub workloads: BTreeMap<(String, String), Vec<WorkloadId>>,
    /// What pools share, by its key.
    pub(crate) supplies: BTreeMap<String, SupplyId>,
}

/// Interns a snapshot that [`crate::complete::complete`] has completed.
pub fn intern(full: &Snapshot, settings: &ChangeSettings, coverage: &mut Coverage) -> Interned {
    let mut drafts = owners::resolve(full, coverage);
    let extended = shapes::extended(&drafts, coverage);
    let mut interned = Interned { spec: ClusterSpec { extended, ..ClusterSpec::default() }, ..Interned::default() };
    interned.spec.namespaces = peers::namespaces(full, &drafts);
    peers::note(full, &drafts, coverage);
    let asked = nodes::asked(full, &drafts);
    nodes::intern(full, &asked, &mut interned, coverage);
    let own = workloads::intern(full, &mut drafts, settings, &mut interned, coverage);
    images::intern(full, &drafts, &mut interned, coverage);
    interned.spec.budgets = budgets::intern(full, &drafts);
    duties::note(full, &drafts, coverage);
    interned.spec.webhooks = webhooks::intern(full, &drafts, &settings.deny_evictions, coverage);
    for (i, draft) in drafts.iter().enumerate() {
        let workload = WorkloadId::from_index(i);
        let pods = draft.pods.iter().map(|pod| PodSpec {
            name: pod.name.clone(),
            workload,
            node: pod.node.as_ref().and_then(|n| interned.nodes.get(n)).copied(),
            ready: pod.ready,
            gated: !pod.spec.gates.is_empty(),
            old: draft.old.contains(&pod.name.as_str()),
            shape: own.get(&(i, requests::priority(&pod.spec))).copied(),
        });
        interned.spec.pods.extend(pods);
        let missing = (draft.pods.len()..draft.expected()).map(|n| PodSpec {
            name: format!("{}-missing-{n}", draft.name),
            workload,
            node: None,
            ready: false,
            gated: draft.gated(),
            old: false,
            shape: None,
        });
        interned.spec.pods.extend(missing);
        interned.workloads.entry((draft.namespace.clone(), draft.name.clone())).or_default().push(workload);
    }
    interned
}

impl Interned {
    /// The id of a node shape; equal shapes share one.
    pub fn shape(&mut self, shape: NodeShape) -> NodeShapeId {
        let found = self.spec.node_shapes.iter().find(|(_, s)| **s == shape).map(|(id, _)| id);
        found.unwrap_or_else(|| self.spec.node_shapes.push(shape))
    }

    /// The id of something nodes use up.
    pub(crate) fn supply(&mut self, found: &Supply) -> SupplyId {
        let Interned { spec, supplies, .. } = self;
        let supply = spec::Supply { name: found.what.clone(), free: found.free, code: found.code };
        *supplies.entry(found.key.clone()).or_insert_with(|| spec.supplies.push(supply))
    }

    /// Every shape the pool uses or would use, changed by `change`, as pairs of old and new.
    pub fn reshaped(&mut self, pool: PoolId, change: impl Fn(&mut NodeShape)) -> Vec<(NodeShapeId, NodeShapeId)> {
        let mut old: Vec<NodeShapeId> =
            self.spec.nodes.rows().iter().filter(|n| n.pool == pool).map(|n| n.shape).collect();
        old.extend(&self.spec.pools[pool].templates);
        old.sort();
        old.dedup();
        let changed = |id: NodeShapeId, this: &mut Interned| {
            let mut shape = this.spec.node_shapes[id].clone();
            change(&mut shape);
            (id, this.shape(shape))
        };
        old.into_iter().map(|id| changed(id, self)).collect()
    }
}

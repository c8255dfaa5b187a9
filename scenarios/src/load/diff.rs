//! What a change does to the cluster as it stands: a whole-pool write becomes the operations it amounts to. What is not
//! simulated is refused here.

use crate::change::{Change, Operation, PoolFields, UpgradeFields, difference};
use crate::complaint::Complaint;
use crate::coverage::Coverage;
use crate::snapshot::{AgentPool, Snapshot};
use crate::system_workloads;

/// The operations of a change on this cluster, in order.
pub(super) fn resolve(
    change: &Change,
    full: &Snapshot,
    coverage: &mut Coverage,
) -> Result<Vec<Operation>, Vec<Complaint>> {
    let operations = match &change.operation {
        Operation::PutPool { desired } | Operation::AddPool { desired } => match named(change, full) {
            Some(pool) => of_put(pool, desired),
            None => vec![Operation::AddPool { desired: desired.clone() }],
        },
        Operation::Rolling => {
            let source = "NodePoolRolling events name the pool and nothing else";
            coverage.assume("what is rolling", "a node image upgrade with the pool's own settings", source, 'C');
            vec![Operation::Upgrade {
                version: None,
                node_image_only: true,
                settings: UpgradeFields::default(),
                force: false,
                reason: None,
            }]
        }
        Operation::Upgrade { version: Some(version), node_image_only: false, reason: None, .. }
            if named(change, full).is_some_and(|p| already(p, version)) =>
        {
            let sentence = "the pool has this version already: AKS does nothing then, unless the pool has failed (az aks upgrade says so)";
            coverage.missing(sentence);
            Vec::new()
        }
        Operation::SetDnsLadder { cores, nodes } => vec![dns(cores, nodes, full)],
        other => vec![other.clone()],
    };
    let complaints: Vec<Complaint> = operations.iter().filter_map(not_simulated).collect();
    if complaints.is_empty() { Ok(operations) } else { Err(complaints) }
}

/// Replicas of CoreDNS by a ladder, on the nodes of the snapshot.
fn dns(cores: &[(u32, u32)], nodes: &[(u32, u32)], full: &Snapshot) -> Operation {
    let dns = full.workloads.iter().find(|w| system_workloads::is_dns(w));
    let (namespace, name) = dns.map_or(("kube-system", "coredns"), |w| (w.namespace.as_str(), w.name.as_str()));
    let milli: i64 = full.nodes.iter().map(|n| n.capacity.cpu).sum();
    let replicas = system_workloads::laddered(
        (u32::try_from(full.nodes.len()).unwrap_or(u32::MAX), u32::try_from(milli / 1000).unwrap_or(u32::MAX)),
        nodes,
        cores,
    );
    Operation::SetReplicas { namespace: namespace.to_owned(), name: name.to_owned(), replicas }
}

/// The pool a change names, in any case.
pub(super) fn named<'a>(change: &Change, full: &'a Snapshot) -> Option<&'a AgentPool> {
    let name = change.pool.as_deref()?;
    full.pool(name).or_else(|| full.pools.iter().find(|p| p.name.eq_ignore_ascii_case(name)))
}

fn not_simulated(operation: &Operation) -> Option<Complaint> {
    let unknown = "unknown (the message does not say what it changes)";
    let expected = "another operation: this one is not simulated in this version";
    matches!(operation, Operation::Unknown).then(|| Complaint::at("operation.kind", unknown, expected))
}

/// What writing `desired` over `pool` changes. Where that takes a new pool, the pool is rotated, as Terraform does.
fn of_put(pool: &AgentPool, desired: &PoolFields) -> Vec<Operation> {
    let rotated = |operation| match operation {
        Operation::PutPool { desired } => Operation::ResizePool { desired, method: "rotate".into() },
        other => other,
    };
    difference(&pool.fields(), desired).into_iter().map(rotated).collect()
}

/// True where an upgrade to a version finds the pool there; a pool that failed half-way resumes (AKS docs,
/// upgrade-aks-node-pools-rolling).
fn already(pool: &AgentPool, version: &str) -> bool {
    let failed = pool.provisioning_state.as_deref().is_some_and(|s| s.eq_ignore_ascii_case("failed"));
    is_version(pool, version) && !failed
}

/// True where the pool already has this version; `1.33` stands for any patch of it.
fn is_version(pool: &AgentPool, version: &str) -> bool {
    let has = |own: &Option<String>| {
        own.as_deref()
            .is_some_and(|o| o == version || o.strip_prefix(version).is_some_and(|rest| rest.starts_with('.')))
    };
    has(&pool.current_orchestrator_version) || has(&pool.orchestrator_version)
}

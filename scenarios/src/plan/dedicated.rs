//! A pool for system pods alone: where they share nodes with applications, a new system pool with the taint
//! `CriticalAddonsOnly=true:NoSchedule` takes them before the change (AKS docs, use-system-pools, 2026-04-30). A change of mode
//! does not move pods that run, so they are restarted.

use super::shrink::free_name;
use super::view::View;
use super::{Draft, on, whole};
use crate::azure::{Sku, sku};
use crate::change::{Operation, PoolFields, Step};
use crate::snapshot::AgentPool;
use crate::system_workloads::is_system;

const TAINT: &str = "CriticalAddonsOnly=true:NoSchedule";
/// Nodes of the new pool: three are recommended for the only system pool of production.
const NODES: u32 = 3;

pub(super) fn drafts(view: &View<'_>) -> Vec<Draft> {
    let shared: Vec<&AgentPool> =
        view.own_pools().filter(|p| p.mode == "System" && hosts_applications(view, p)).collect();
    let dedicated = view
        .own_pools()
        .any(|p| p.mode == "System" && p.node_taints.iter().any(|t| t.starts_with("CriticalAddonsOnly")));
    let names: Vec<String> = (view.full.workloads.iter())
        .filter(|w| w.kind == "Deployment" && w.namespace == "kube-system" && w.replicas > 0)
        .map(|w| w.name.clone())
        .collect();
    let (Some(old), false, false) = (shared.first(), dedicated || view.emptied().is_empty(), names.is_empty()) else {
        return Vec::new();
    };
    let (Some(name), Some(size)) = (free_name(view, "system"), size(&shared)) else { return Vec::new() };
    let desired = PoolFields {
        mode: Some("System".into()),
        count: Some(NODES),
        vm_size: Some(size.name.to_owned()),
        availability_zones: Some(old.availability_zones.clone()).filter(|z| !z.is_empty()),
        max_pods: old.max_pods,
        orchestrator_version: old.version().map(str::to_owned),
        node_taints: Some(vec![TAINT.into()]),
        ..PoolFields::default()
    };
    let mut before = vec![on(&name, Operation::AddPool { desired })];
    // Pods prefer nodes of mode System: the old pools give theirs up.
    before.extend(shared.iter().map(|p| on(&p.name, Operation::SetMode { mode: "User".into() })));
    before.push(whole(Operation::Restart { namespace: "kube-system".into(), names }));
    let at = before.len();
    let mut steps: Vec<Step> = view.between(before, Vec::new());
    steps[at].wait_seconds += 300;
    vec![Draft::new(format!("a system pool {name} of {NODES} nodes for system pods alone ({TAINT}) first"), steps)]
}

/// The size of the new nodes: the smallest of the old ones that a system pool may have (four cores, no GPU), else a usual one.
fn size(shared: &[&AgentPool]) -> Option<Sku> {
    let mut sizes: Vec<Sku> = shared.iter().filter_map(|p| sku(p.vm_size.as_deref()?)).collect();
    sizes.retain(|s| s.gpus == 0 && s.cores >= 4 && s.arch == "amd64");
    sizes.sort_by_key(|s| (s.cores, s.memory_mib, s.name));
    sizes.first().copied().or_else(|| sku("Standard_D4ds_v5"))
}

/// True where pods of users run on a pool.
fn hosts_applications(view: &View<'_>, pool: &AgentPool) -> bool {
    view.movable(&pool.name).iter().any(|p| !is_system(&p.namespace))
}

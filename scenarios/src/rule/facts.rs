//! What the rules look at, worked out once: the pools before and after the change, the nodes it empties, the nodes it
//! adds at a time.

use simulator::spec::Quantity;

use crate::azure::{self, Sku};
use crate::change::{Change, Operation, PoolFields, UpgradeFields};
use crate::leaving;
use crate::load::pool;
use crate::snapshot::pool::known_mode;
use crate::snapshot::{AgentPool, Node, Pod, Snapshot};
use crate::system_workloads;

/// A change on a cluster, seen from all sides.
pub(super) struct Facts<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) change: &'a Change,
    pub(super) operations: &'a [Operation],
    /// The changed pool as the snapshot spells it; `None` for changes of the whole cluster.
    name: Option<&'a str>,
    /// The changed pool as it stands; `None` for a new pool and for changes of the whole cluster.
    pub(super) before: Option<&'a AgentPool>,
    /// All pools as they will be.
    pub(super) after: Vec<AgentPool>,
    /// Nodes that are cordoned and drained.
    pub(super) drained: Vec<&'a Node>,
    /// Nodes that are deleted without a drain.
    pub(super) killed: Vec<&'a Node>,
    /// True where nodes leave for good, so that their pods must find room on others.
    pub(super) shrinks: bool,
    /// True where the change replaces nodes one batch after another.
    pub(super) rolls: bool,
    /// True where disruption budgets are bypassed.
    pub(super) forced: bool,
}

impl<'a> Facts<'a> {
    /// Works out the facts.
    pub(super) fn new(snapshot: &'a Snapshot, change: &'a Change, operations: &'a [Operation]) -> Facts<'a> {
        let named = change.pool.as_deref();
        let spelled = |p: &&AgentPool| named.is_some_and(|n| p.name.eq_ignore_ascii_case(n));
        let before = named.and_then(|name| snapshot.pool(name)).or_else(|| snapshot.pools.iter().find(spelled));
        let mut facts = Facts {
            name: before.map(|p| p.name.as_str()).or(named),
            snapshot,
            change,
            operations,
            before,
            after: snapshot.pools.clone(),
            drained: Vec::new(),
            killed: Vec::new(),
            shrinks: false,
            rolls: false,
            forced: false,
        };
        for operation in operations {
            facts.take_nodes(operation);
            facts.carry_out(operation);
        }
        facts
    }

    /// Name of the changed pool; empty where none is named.
    pub(super) fn pool_name(&self) -> &'a str {
        self.name.unwrap_or("")
    }

    /// The changed pool as it will be; `None` where it will be gone.
    pub(super) fn changed(&self) -> Option<&AgentPool> {
        self.after.iter().find(|p| Some(p.name.as_str()) == self.name)
    }

    /// True for pools that the change touches: the one named, or all where none is named.
    pub(super) fn touches(&self, pool: &AgentPool) -> bool {
        self.name.is_none_or(|name| name == pool.name)
    }

    /// System pools as they will be, with whether the change touches them.
    pub(super) fn system_pools(&self) -> impl Iterator<Item = (&AgentPool, bool)> {
        self.after.iter().filter(|p| p.mode == "System").map(|p| (p, self.touches(p)))
    }

    /// Touched pools as they will be.
    pub(super) fn touched_pools(&self) -> impl Iterator<Item = &AgentPool> {
        self.after.iter().filter(|p| self.touches(p))
    }

    /// The new pool, where one is added.
    pub(super) fn added(&self) -> Option<&PoolFields> {
        self.operations.iter().find_map(|op| match op {
            Operation::AddPool { desired } => Some(desired),
            _ => None,
        })
    }

    /// True where an operation is among those of the change.
    pub(super) fn has(&self, wanted: fn(&Operation) -> bool) -> bool {
        self.operations.iter().any(wanted)
    }

    /// Pods on nodes that a drain evicts: no DaemonSet pods, no static pods, none that are over.
    pub(super) fn evicted(&self) -> impl Iterator<Item = &'a Pod> + use<'a, '_> {
        movable_on(self.snapshot, &self.drained)
    }

    /// Pods that a drain would evict, on nodes that are deleted without one.
    pub(super) fn lost(&self) -> impl Iterator<Item = &'a Pod> + use<'a, '_> {
        movable_on(self.snapshot, &self.killed)
    }

    /// Pods that a drain would evict, on the nodes of a pool.
    pub(super) fn movable_in(&self, pool: &str) -> Vec<&'a Pod> {
        let nodes: Vec<&Node> = self.snapshot.nodes.iter().filter(|n| n.pool() == Some(pool)).collect();
        movable_on(self.snapshot, &nodes).collect()
    }

    /// The upgrade settings in force for a pool: the call's, else the pool's.
    pub(super) fn upgrade_settings(&self, pool: &AgentPool) -> UpgradeFields {
        let given = self.operations.iter().find_map(|op| match op {
            Operation::Upgrade { settings, .. } if self.touches(pool) => Some(settings),
            _ => None,
        });
        given.map_or_else(|| pool.upgrade_settings.clone(), |above| above.over(&pool.upgrade_settings))
    }

    /// Surge nodes of a pool's upgrade.
    pub(super) fn surge(&self, pool: &AgentPool) -> u32 {
        let settings = self.upgrade_settings(pool);
        if settings.is_blue_green() {
            return pool.count; // a whole green set stands beside the blue one
        }
        let given = settings.max_surge.as_deref().and_then(quantity);
        given.unwrap_or_else(|| default_surge(pool)).of(pool.count).min(pool.count)
    }

    /// Most nodes the change adds at a time, by pool as it will be.
    pub(super) fn additions(&self) -> Vec<(&AgentPool, u32)> {
        self.touched_pools().map(|pool| (pool, self.added_at_once(pool))).filter(|(_, n)| *n > 0).collect()
    }

    fn added_at_once(&self, pool: &AgentPool) -> u32 {
        let before = self.snapshot.pool(&pool.name).map_or(0, |p| if p.is_stopped() { 0 } else { p.count });
        let grown = if pool.is_stopped() { 0 } else { pool.count.saturating_sub(before) };
        let rotated = self.has(|op| matches!(op, Operation::ResizePool { method, .. } if method == "rotate"));
        let surged = match (rotated, self.rolls && !pool.is_spot()) {
            (true, _) => pool.count, // a temporary pool of the same size
            (false, true) => self.surge(pool),
            (false, false) => 0,
        };
        grown.max(surged)
    }

    /// The nodes an operation empties or deletes, and how.
    fn take_nodes(&mut self, operation: &'a Operation) {
        let pool = self.pool_name();
        let all = |s: &'a Snapshot| -> Vec<&'a Node> { s.nodes.iter().filter(|n| n.pool() == Some(pool)).collect() };
        let named = |s: &'a Snapshot, names: &[String]| -> Vec<&'a Node> {
            s.nodes.iter().filter(|n| names.contains(&n.name)).collect()
        };
        let spot = self.before.is_some_and(AgentPool::is_spot);
        match operation {
            Operation::Scale { count } => {
                let leaving = leaving::until(all(self.snapshot), *count as usize);
                self.shrinks |= !leaving.is_empty();
                self.drained.extend(leaving);
            }
            Operation::DeletePool { ignore_pdb } => {
                self.drained.extend(all(self.snapshot));
                (self.shrinks, self.forced) = (true, self.forced || *ignore_pdb);
            }
            Operation::StopPool => {
                self.drained.extend(all(self.snapshot));
                self.shrinks = true;
            }
            Operation::Upgrade { .. } | Operation::Rolling | Operation::Rollback if spot => {
                // Cordon and eviction notice only: learn.microsoft.com/azure/aks/spot-node-pool.
                self.killed.extend(all(self.snapshot));
                self.rolls = true;
            }
            Operation::Upgrade { force, .. } => {
                self.drained.extend(all(self.snapshot));
                (self.rolls, self.forced) = (true, self.forced || *force);
            }
            Operation::Rolling | Operation::Rollback | Operation::ResizePool { .. } => {
                self.drained.extend(all(self.snapshot));
                self.rolls = true;
            }
            // All nodes are recreated; a drain is not spoken of (AKS docs, rotate-certificates).
            Operation::RotateCertificates => self.killed.extend(self.snapshot.nodes.iter()),
            Operation::Drain { nodes } if nodes.is_empty() => self.drained.extend(all(self.snapshot)),
            Operation::Drain { nodes } => self.drained.extend(named(self.snapshot, nodes)),
            Operation::DeleteMachines { machines } => {
                self.killed.extend(named(self.snapshot, machines));
                self.shrinks = true;
            }
            _ => {}
        }
    }

    /// The pools after an operation.
    fn carry_out(&mut self, operation: &Operation) {
        let name = self.pool_name();
        if let Operation::AddPool { desired } = operation {
            let mut pool = pool::new(name, desired);
            pool.mode = spelled(&pool.mode);
            pool.count = desired.count.or(desired.min_count).unwrap_or(0);
            self.after.push(pool);
            return;
        }
        if matches!(operation, Operation::DeletePool { .. }) {
            self.after.retain(|p| p.name != name);
            return;
        }
        let Some(pool) = self.after.iter_mut().find(|p| p.name == name) else {
            return;
        };
        match operation {
            Operation::Scale { count } => pool.count = *count,
            Operation::PutPool { desired } | Operation::ResizePool { desired, .. } => {
                *pool = pool::written(pool, desired);
                pool.mode = spelled(&pool.mode);
            }
            Operation::Upgrade { version: Some(version), .. } => {
                pool.orchestrator_version = Some(version.clone());
                pool.current_orchestrator_version = Some(version.clone());
            }
            Operation::SetMode { mode } => pool.mode = spelled(mode),
            Operation::SetTaints { taints } => pool.node_taints = taints.clone(),
            Operation::SetLabels { labels } => pool.node_labels = labels.clone(),
            Operation::SetAutoscaler { enabled, min, max } => {
                pool.enable_auto_scaling = enabled.unwrap_or(pool.enable_auto_scaling);
                pool.min_count = min.or(pool.min_count);
                pool.max_count = max.or(pool.max_count);
            }
            Operation::SetUpgradeSettings { settings } => pool.upgrade_settings = settings.over(&pool.upgrade_settings),
            Operation::StopPool => pool.power_state = Some("Stopped".into()),
            Operation::StartPool => pool.power_state = Some("Running".into()),
            Operation::DeleteMachines { machines } => {
                pool.count = pool.count.saturating_sub(u32::try_from(machines.len()).unwrap_or(u32::MAX));
            }
            _ => {}
        }
    }
}

/// What a pool is called in findings.
pub(super) fn subject(pool: &str) -> String {
    format!("pool {pool}")
}

/// The VM size of a pool, where the table knows it.
pub(super) fn sku_of(pool: &AgentPool) -> Option<Sku> {
    pool.vm_size.as_deref().filter(|s| !s.is_empty()).and_then(azure::sku)
}

/// A count or percentage as the API writes it.
pub(super) fn quantity(text: &str) -> Option<Quantity> {
    let text = text.trim();
    match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse().ok().map(Quantity::Percent),
        None => text.parse().ok().map(Quantity::Count),
    }
}

/// 10 % from Kubernetes 1.32, one node before (AKS CHANGELOG; every recorded pool from 1.32 on answers `10%`).
fn default_surge(pool: &AgentPool) -> Quantity {
    let minor = pool.version().and_then(azure::allocatable::minor);
    if minor.is_some_and(|m| m < 32) { Quantity::Count(1) } else { Quantity::Percent(10) }
}

/// A known mode as AKS spells it.
fn spelled(mode: &str) -> String {
    known_mode(mode).unwrap_or(mode).to_owned()
}

fn movable_on<'a>(snapshot: &'a Snapshot, nodes: &[&'a Node]) -> impl Iterator<Item = &'a Pod> + use<'a> {
    let names: std::collections::BTreeSet<&str> = nodes.iter().map(|n| n.name.as_str()).collect();
    snapshot.pods.iter().filter(move |p| {
        let there = p.node.as_deref().is_some_and(|n| names.contains(n));
        let daemon = p.owner.as_ref().is_some_and(|o| o.kind == "DaemonSet");
        there && !daemon && !p.is_mirror() && !p.is_over()
    })
}

/// True for pods that keep the cluster itself running.
pub(super) fn is_system(pod: &Pod) -> bool {
    system_workloads::is_system(&pod.namespace)
}

/// `namespace/name`.
pub(super) fn pod_name(pod: &Pod) -> String {
    format!("{}/{}", pod.namespace, pod.name)
}

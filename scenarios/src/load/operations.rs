//! Operations of AKS in the simulator's terms.

mod replace;

use std::collections::BTreeMap;

use simulator::change::{DrainSettings, Operation as Simulated, Planned, Undrainable};
use simulator::spec::{NodeShape, Role, WorkloadKind};
use simulator::{Duration, NodeId, PoolId, Time};

use super::admission::opening;
use super::begun;
use super::upgrade::{self, Asked};
use super::{diff, horizon, later, pool as fields};
use crate::azure::allocatable::minor;
use crate::change::{Change, ChangeSettings, Operation, Phase, UndrainableSchedule, UpgradeFields};
use crate::complaint::Complaint;
use crate::complete::nodes::taints;
use crate::coverage::Coverage;
use crate::defaults::{autoscaler, pools};
use crate::intern::Interned;
use crate::snapshot::pool::{MODES, known_mode, read::MOST_NODES, taint};
use crate::snapshot::{AgentPool, Snapshot};

/// Broken taints of one list that are complained about.
pub(super) const MOST_TAINTS: usize = 20;

/// A temporary pool and its successor, as Terraform names and makes them when it cycles a pool.
const TEMPORARY: &str = "-temporary";
const SUCCESSOR: &str = "-new";
/// A pool without nodes that says what machines of the new size are like.
const RESIZED: &str = "-resized";

/// Adds the pools that the operations will make, without nodes.
pub(super) fn add_pools(
    change: &Change,
    operations: &[Operation],
    full: &mut Snapshot,
    keep: &mut impl FnMut(Vec<Complaint>),
) {
    for operation in operations {
        match operation {
            Operation::AddPool { desired } => match change.pool.as_deref().filter(|n| !n.is_empty()) {
                // Its autoscaler begins when it is there.
                Some(name) => {
                    full.pools.push(AgentPool { count: 0, enable_auto_scaling: false, ..fields::new(name, desired) })
                }
                None => keep(vec![Complaint::at("pool", "nothing", "the name of the new pool")]),
            },
            Operation::ResizePool { desired, method } => {
                if let Some(pool) = diff::named(change, full).map(|p| fields::written(p, desired)) {
                    let suffixes: &[&str] = if method == "rotate" { &[TEMPORARY, SUCCESSOR] } else { &[RESIZED] };
                    for suffix in suffixes {
                        full.pools.push(AgentPool {
                            count: 0,
                            enable_auto_scaling: false,
                            name: format!("{}{suffix}", pool.name),
                            ..pool.clone()
                        });
                    }
                }
            }
            _ => {}
        }
    }
}

/// What a change is planned against.
pub(super) struct Around<'a> {
    /// The planned operations of earlier changes.
    pub before: &'a [Planned],
    /// Windows in which operations may begin.
    pub windows: &'a [(Time, Time)],
    pub full: &'a Snapshot,
    pub settings: &'a ChangeSettings,
}

/// The planned operations, by time.
pub(super) fn plan(
    change: &Change,
    operations: &[Operation],
    around: &Around<'_>,
    interned: &mut Interned,
    coverage: &mut Coverage,
) -> Result<Vec<Planned>, Vec<Complaint>> {
    let Around { before, windows, full, settings } = *around;
    let mut planner = Planner {
        change,
        before,
        windows,
        full,
        settings,
        interned,
        coverage,
        complaints: Vec::new(),
        planned: Vec::new(),
        labels: BTreeMap::new(),
    };
    for operation in operations {
        planner.operation(operation);
    }
    let Planner { complaints, mut planned, .. } = planner;
    planned.sort_by_key(|p| p.at);
    if complaints.is_empty() { Ok(planned) } else { Err(complaints) }
}

struct Planner<'a> {
    change: &'a Change,
    before: &'a [Planned],
    windows: &'a [(Time, Time)],
    full: &'a Snapshot,
    settings: &'a ChangeSettings,
    interned: &'a mut Interned,
    coverage: &'a mut Coverage,
    complaints: Vec<Complaint>,
    planned: Vec<Planned>,
    /// Shapes of pools after the reshapings planned so far, by the shape at the start.
    labels: BTreeMap<PoolId, Vec<(simulator::NodeShapeId, simulator::NodeShapeId)>>,
}

impl Planner<'_> {
    fn operation(&mut self, operation: &Operation) {
        match operation {
            Operation::Cordon { nodes } => {
                let nodes = self.nodes(nodes);
                self.at_once(Simulated::Cordon { nodes });
            }
            Operation::Drain { nodes } => {
                let nodes = self.nodes(nodes);
                self.coverage.assume(
                    "patience of a drain by hand",
                    "60 min a node",
                    "kubectl drain waits for ever; somebody gives up",
                    'C',
                );
                let drain = drain(true, Duration::mins(60));
                self.at_once(Simulated::Drain { nodes, drain });
            }
            Operation::DeleteMachines { machines } => {
                let nodes = self.nodes(machines);
                self.at_once(Simulated::DeleteNodes { nodes });
            }
            Operation::SetReplicas { namespace, name, replicas } => {
                for workload in self.workloads(namespace, std::slice::from_ref(name)) {
                    self.at_once(Simulated::SetReplicas { workload, replicas: *replicas });
                }
            }
            Operation::Restart { namespace, names } => {
                let workloads = self.workloads(namespace, names);
                self.at_once(Simulated::Rollout { workloads });
            }
            // In force from the start.
            Operation::SetBudget { .. } => {}
            other => {
                let mut at = self.control_plane(other);
                for (pool, id) in self.pools_of(other) {
                    let first = self.planned.len();
                    self.of_pool(other, &pool, id);
                    // AKS upgrades the pools of a cluster one after another; certificates change everywhere at once.
                    let one_by_one = !matches!(other, Operation::RotateCertificates);
                    if let Some(Planned { at: start, operation, .. }) = self.planned.get_mut(first)
                        && one_by_one
                        && let Some(takes) = horizon::replacing(operation, &self.interned.spec)
                    {
                        *start = opening(self.windows, at);
                        at = *start + takes;
                    }
                }
            }
        }
    }

    /// Workloads by name; a complaint for each that is not there.
    fn workloads(&mut self, namespace: &str, names: &[String]) -> Vec<simulator::WorkloadId> {
        let mut found = Vec::new();
        for name in names {
            let same = |w: &simulator::spec::WorkloadSpec| w.namespace == namespace && w.name == *name;
            match self.interned.spec.workloads.iter().find(|(_, w)| same(w)) {
                Some((id, _)) => found.push(id),
                None => {
                    let expected = "a Deployment or StatefulSet of the cluster";
                    self.complaints.push(Complaint::at("operation.name", format!("{namespace}/{name}"), expected));
                }
            }
        }
        found
    }

    /// What an upgrade of the whole cluster does before its pools: the control plane, AKS' own workloads, which come in versions
    /// that go with it, and the nodes of node auto-provisioning, which are out of date then. When the pools' turn comes.
    fn control_plane(&mut self, operation: &Operation) -> Time {
        let Operation::Upgrade { version, node_image_only: false, reason: None, .. } = operation else {
            return later(Duration::ZERO);
        };
        if self.change.pool.is_some() {
            return later(Duration::ZERO);
        }
        let mut done = later(Duration::ZERO);
        if version.as_deref().is_some_and(|v| self.is_new(v)) {
            let takes = pools::control_plane_takes(self.coverage);
            self.at_once(Simulated::ControlPlane { takes });
            done = opening(self.windows, done) + takes;
            let own = |w: &simulator::spec::WorkloadSpec| {
                let rolls = matches!(w.kind, WorkloadKind::Deployment | WorkloadKind::DaemonSet);
                w.namespace == "kube-system" && rolls && w.role != Role::Application
            };
            let spec = &self.interned.spec;
            let workloads: Vec<_> = spec.workloads.iter().filter(|(_, w)| own(w)).map(|(id, _)| id).collect();
            if !workloads.is_empty() {
                self.coverage.assume(
                    "AKS' own workloads in an upgrade",
                    "roll out once, when the control plane has its new version",
                    "AKS docs, supported-kubernetes-versions: add-ons and components come with the minor version",
                    'C',
                );
                self.planned.push(Planned::new(done, Simulated::Rollout { workloads }));
            }
        }
        // AKS docs, node-auto-provisioning-upgrade-image.
        if !self.interned.spec.provisioners.is_empty() {
            self.planned.push(Planned::new(done, Simulated::Drift));
        }
        done
    }

    /// True for a minor version that the control plane does not have yet.
    fn is_new(&self, version: &str) -> bool {
        let now = self.full.cluster.kubernetes_version.as_deref().and_then(minor);
        minor(version).zip(now).is_none_or(|(then, now)| then > now)
    }

    /// The pool the change names. Where it names none: the only one, or all for what reaches a whole cluster.
    fn pools_of(&mut self, operation: &Operation) -> Vec<(AgentPool, PoolId)> {
        let own = |p: &&AgentPool| p.mode != "ManagedSystem" && self.interned.pools.contains_key(&p.name);
        let all: Vec<&AgentPool> = self.full.pools.iter().filter(own).collect();
        let whole = matches!(
            operation,
            Operation::Upgrade { .. }
                | Operation::SetLabels { .. }
                | Operation::SetTaints { .. }
                | Operation::SetAutoscaler { .. }
                | Operation::SetUpgradeSettings { .. }
                | Operation::SetProperties { .. }
                | Operation::RotateCertificates
                | Operation::Abort
                | Operation::Rollback
        );
        if self.change.pool.is_some() || !(whole || all.len() == 1) {
            return self.pool().into_iter().collect();
        }
        let running = |p: &&&AgentPool| !replaces_nodes(operation) || p.count > 0 && !p.is_stopped();
        let with_id = |p: &AgentPool| Some((p.clone(), *self.interned.pools.get(&p.name)?));
        all.iter().filter(running).filter_map(|p| with_id(p)).collect()
    }

    fn of_pool(&mut self, operation: &Operation, pool: &AgentPool, id: PoolId) {
        match operation {
            Operation::Scale { count } => self.scale(id, *count),
            Operation::DeletePool { ignore_pdb } => self.delete(id, !ignore_pdb, later(Duration::ZERO)),
            Operation::AddPool { desired } => {
                let new = fields::new(&pool.name, desired);
                self.scale(id, new.count);
                self.autoscaled(id, &new, later(Duration::ZERO));
            }
            Operation::Upgrade { version, settings, force, reason, .. } => {
                // The blue-green strategy is for versions and images (AKS docs, blue-green-node-pool-upgrade).
                let asked = Asked { version: version.as_deref(), settings, force: *force, rolling: reason.is_some() };
                match upgrade::operation(id, pool, &asked, self.full, self.interned, self.coverage) {
                    Ok(mut upgrade) => {
                        if let Simulated::Upgrade { how, .. } = &mut upgrade
                            && self.change.phase == Phase::InFlight
                        {
                            how.begun = begun::of(pool, version.as_deref(), self.full, self.interned, self.coverage);
                        }
                        self.at_once(upgrade);
                    }
                    Err(found) => self.complain_once(found),
                }
            }
            Operation::Rollback => self.rollback(pool, id),
            Operation::Abort => self.abort(pool, id),
            Operation::RotateCertificates => self.certificates(id),
            // Events may carry newer modes, whose effect on nodes that are there is not known.
            Operation::SetMode { mode } if known_mode(mode).is_none() => {
                let expected = format!("a mode that is simulated: {}", MODES.join(", "));
                self.complaints.push(Complaint::at("operation.mode", mode, expected));
            }
            Operation::SetMode { mode } => {
                let label = mode.to_ascii_lowercase();
                let (old, new) = (taints(pool), taints(&AgentPool { mode: mode.clone(), ..pool.clone() }));
                self.reshape(id, |shape| {
                    shape.labels.insert("kubernetes.azure.com/mode".into(), label.clone());
                    replace_taints(shape, &old, &new);
                });
            }
            Operation::SetTaints { taints: list } => self.set_taints(pool, id, list),
            Operation::SetLabels { labels } => {
                self.reshape(id, |shape| {
                    shape.labels.retain(|key, _| !pool.node_labels.contains_key(key));
                    shape.labels.extend(labels.clone());
                });
            }
            Operation::SetAutoscaler { enabled, min, max } => {
                let takes = pools::settings_take(self.coverage);
                let after = AgentPool {
                    enable_auto_scaling: enabled.unwrap_or(pool.enable_auto_scaling),
                    min_count: min.or(pool.min_count),
                    max_count: max.or(pool.max_count),
                    ..pool.clone()
                };
                self.at_once(Simulated::SetAutoscaler { pool: id, range: autoscaler::range(&after), takes });
            }
            Operation::SetUpgradeSettings { .. } | Operation::SetProperties { .. } => {
                let takes = pools::settings_take(self.coverage);
                self.at_once(Simulated::Settings { pool: id, takes });
            }
            Operation::StopPool => {
                self.coverage.assume(
                    "stopping a pool",
                    "drains its nodes like a deletion",
                    "AKS docs start-stop-nodepools do not say; a recorded stop took 52 s",
                    'C',
                );
                self.delete(id, true, later(Duration::ZERO));
            }
            Operation::StartPool => {
                self.scale(id, pool.count);
                self.autoscaled(id, &AgentPool { power_state: None, ..pool.clone() }, later(Duration::ZERO));
            }
            Operation::ResizePool { desired, method } if method == "rotate" => self.rotate(pool, id, desired),
            Operation::ResizePool { .. } => self.resize(pool, id),
            // Refused or resolved before.
            _ => {}
        }
    }

    /// The version and image before, as an upgrade (AKS docs, roll-back-node-pool-version); or the way back of a blue-green
    /// upgrade that was aborted before.
    fn rollback(&mut self, pool: &AgentPool, id: PoolId) {
        let of_pool = |p: &&Planned| p.operation.pool() == Some(id);
        if self.before.iter().filter(of_pool).any(|p| matches!(p.operation, Simulated::BlueGreen { .. })) {
            let drain = self.platform_drain(true);
            self.at_once(Simulated::Rollback { pool: id, drain });
            return;
        }
        self.coverage.assume(
            "rolling a pool back",
            "replaces its nodes as an upgrade does, with the pool's own settings",
            "AKS docs, roll-back-node-pool-version; a blue-green upgrade under way is not in a snapshot",
            'B',
        );
        let asked = Asked { version: None, settings: &UpgradeFields::default(), force: false, rolling: false };
        match upgrade::operation(id, pool, &asked, self.full, self.interned, self.coverage) {
            Ok(upgrade) => self.at_once(upgrade),
            Err(found) => self.complain_once(found),
        }
    }

    /// Ends what a change before began; what began before the snapshot is not known, and its nodes stay as they are.
    fn abort(&mut self, pool: &AgentPool, id: PoolId) {
        let takes = pools::abort_takes(self.coverage);
        if self.before.iter().any(|p| p.operation.pool() == Some(id)) {
            self.at_once(Simulated::Abort { pool: id, takes });
            return;
        }
        self.coverage.missing(format!(
            "what the operation that is aborted would still have done to pool {} is not known; its nodes stay as the snapshot shows them",
            pool.name
        ));
        self.at_once(Simulated::Settings { pool: id, takes });
    }

    fn scale(&mut self, pool: PoolId, count: u32) {
        if count > MOST_NODES {
            self.complaints.push(Complaint::at("operation.count", count, format!("a count from 0 to {MOST_NODES}")));
            return;
        }
        let drain = self.platform_drain(true);
        self.at_once(Simulated::Scale { pool, count, drain });
    }

    /// Once the pool is there, its autoscaler begins.
    fn autoscaled(&mut self, pool: PoolId, as_made: &AgentPool, at: Time) {
        if let Some(range) = autoscaler::range(as_made) {
            let operation = Simulated::SetAutoscaler { pool, range: Some(range), takes: Duration::ZERO };
            self.planned.push(Planned::new(at, operation));
        }
    }

    fn delete(&mut self, pool: PoolId, respect_budgets: bool, at: Time) {
        let drain = self.platform_drain(respect_budgets);
        self.planned.push(Planned::new(at, Simulated::DeletePool { pool, drain }));
    }

    /// AKS drains nodes that it scales away or deletes with their pool, and gives up after ten minutes (Azure/AKS issues 3996
    /// and 2090: "Drain did not complete pods within 10m0s"). Not everybody agrees: it is an option.
    fn platform_drain(&mut self, respect_budgets: bool) -> DrainSettings {
        let evict = self.settings.drain_on_delete.unwrap_or_else(|| {
            self.coverage.assume(
                "nodes that are scaled away or deleted",
                "are drained under budgets for up to 10 min (settings.drainOnDelete)",
                "AKS docs, scale-cluster (2024-01-22); Azure/AKS issues 3996 and 2090; azure-docs issue 22676 says otherwise",
                'B',
            );
            true
        });
        DrainSettings { evict, ..drain(respect_budgets, Duration::mins(10)) }
    }

    fn set_taints(&mut self, pool: &AgentPool, id: PoolId, list: &[String]) {
        for (i, text) in list.iter().enumerate().filter(|(_, t)| taint(t).is_none()).take(MOST_TAINTS) {
            let expected = "key=value:NoSchedule, PreferNoSchedule or NoExecute";
            self.complaints.push(Complaint::at(format!("operation.taints[{i}]"), text, expected));
        }
        let (old, new) = (taints(pool), taints(&AgentPool { node_taints: list.to_vec(), ..pool.clone() }));
        self.reshape(id, |shape| replace_taints(shape, &old, &new));
    }

    /// Changes every shape of the pool, those of reshapings planned before included.
    fn reshape(&mut self, pool: PoolId, change: impl Fn(&mut NodeShape)) {
        let earlier = self.labels.entry(pool).or_default().clone();
        let mut shapes = self.interned.reshaped(pool, &change);
        for (_, after) in earlier {
            let mut shape = self.interned.spec.node_shapes[after].clone();
            change(&mut shape);
            let to = self.interned.shape(shape);
            if !shapes.iter().any(|(from, _)| *from == after) {
                shapes.push((after, to));
            }
        }
        self.labels.entry(pool).or_default().extend(shapes.iter().copied());
        let takes = pools::settings_take(self.coverage);
        self.at_once(Simulated::Reshape { pool, shapes, takes });
    }

    /// The pool the change names.
    fn pool(&mut self) -> Option<(AgentPool, PoolId)> {
        let named = diff::named(self.change, self.full).cloned();
        let found = named.and_then(|p| self.interned.pools.get(&p.name).map(|id| (p, *id)));
        if found.is_none() {
            let known: Vec<&str> = self.full.pools.iter().map(|p| p.name.as_str()).take(20).collect();
            let name = self.change.pool.clone().unwrap_or_else(|| "nothing".into());
            self.complaints.push(Complaint::at("pool", name, format!("a pool of the cluster: {}", known.join(", "))));
        }
        found
    }

    /// Nodes by name; all of the pool where none is named.
    fn nodes(&mut self, names: &[String]) -> Vec<NodeId> {
        if names.is_empty() {
            let Some((_, id)) = self.pool() else {
                return Vec::new();
            };
            return self.interned.spec.nodes.iter().filter(|(_, n)| n.pool == id).map(|(node, _)| node).collect();
        }
        let mut found = Vec::new();
        for name in names {
            match self.interned.nodes.get(name).or_else(|| self.interned.nodes.get(&name.to_ascii_lowercase())) {
                Some(id) => found.push(*id),
                None => {
                    let mine = |n: &&String| self.change.pool.as_ref().is_none_or(|p| n.contains(p.as_str()));
                    let known: Vec<&str> =
                        self.interned.nodes.keys().filter(mine).map(String::as_str).take(10).collect();
                    self.complaints.push(Complaint::at(
                        "operation.nodes",
                        name,
                        format!("a node of the cluster, such as {}", known.join(", ")),
                    ));
                }
            }
        }
        found
    }

    fn at_once(&mut self, mut operation: Simulated) {
        let replaces = self.settings.undrainable_schedule == Some(UndrainableSchedule::Replace);
        if let Simulated::Upgrade { how, .. } = &mut operation
            && replaces
            && how.drain.undrainable == Undrainable::Fail
        {
            how.drain.undrainable = Undrainable::Force;
        }
        self.planned.push(Planned::new(later(Duration::ZERO), operation));
    }
}

/// True for what makes every node of a pool anew.
fn replaces_nodes(operation: &Operation) -> bool {
    matches!(operation, Operation::Upgrade { .. } | Operation::RotateCertificates | Operation::Rollback)
}

fn drain(respect_budgets: bool, timeout: Duration) -> DrainSettings {
    DrainSettings { evict: true, respect_budgets, forced_until: None, timeout, undrainable: Undrainable::Fail }
}

/// Taints set through the pool are replaced; those set on the nodes themselves stay (AKS docs, use-node-taints).
fn replace_taints(shape: &mut NodeShape, old: &[simulator::spec::Taint], new: &[simulator::spec::Taint]) {
    shape.taints.retain(|t| !old.contains(t));
    for taint in new {
        if !shape.taints.contains(taint) {
            shape.taints.push(taint.clone());
        }
    }
}

//! A builder of example clusters for tests, benches and demonstrations: defaults make a healthy three-zone cluster, the
//! caller states only what it cares about.

mod fleet;

use std::collections::BTreeMap;

pub use fleet::fleet;

use crate::change::{Admission, DrainSettings, Operation, Pace, Planned, Replacement, Undrainable, UpgradeSettings};
use crate::parameters::{Belief, Knob};
use crate::random::Dist;
use crate::random::Prior;
use crate::scenario::{Happening, Scenario, Scripted};
use crate::settings::Settings;
use crate::spec::{
    Backend, BudgetRule, BudgetSpec, Clients, ClusterSpec, Control, Duty, MANY_DISKS, Memory, NodeShape, NodeSpec,
    PodShape, PodSpec, PoolSpec, Quantity, Resources, Role, Selector, Service, ServiceMemory, Share, Spread,
    StaleEntries, Stampede, Supply, Toleration, Webhook, WorkloadKind, WorkloadSpec,
};
use crate::time::{Duration, Time};
use crate::{NodeId, PoolId, WorkloadId};

const MIB: i64 = 1 << 20;

/// A cluster under construction. Calls act on what was added last.
#[derive(Clone, Debug)]
pub struct Example {
    spec: ClusterSpec,
    settings: Settings,
    beliefs: Vec<Belief>,
    changes: Vec<Planned>,
    script: Vec<Scripted>,
    horizon: Duration,
}

impl Default for Example {
    fn default() -> Self {
        Example::new()
    }
}

impl Example {
    /// An empty cluster with three zones, nothing random, two hours long.
    pub fn new() -> Example {
        let mut spec = ClusterSpec::default();
        for zone in ["1", "2", "3"] {
            spec.zones.push(zone.to_owned());
        }
        Example {
            spec,
            settings: Settings::calm(),
            beliefs: Vec::new(),
            changes: Vec::new(),
            script: Vec::new(),
            horizon: Duration::mins(120),
        }
    }

    /// Adds a pool of `count` nodes with 4 cores, 16 GiB and 110 pod slots each, spread over the zones. Nodes take 150 s to
    /// come, 200 s to be reimaged, 30 s to go.
    pub fn pool(mut self, name: &str, count: u32) -> Example {
        let id = PoolId(self.spec.pools.len() as u32);
        let shapes: Vec<_> = self
            .spec
            .zones
            .ids()
            .map(|zone| {
                self.spec.node_shapes.push(NodeShape {
                    labels: BTreeMap::from([("agentpool".to_owned(), name.to_owned())]),
                    taints: Vec::new(),
                    allocatable: Resources {
                        cpu: 3860,
                        memory: 13_000 * MIB,
                        pods: 110,
                        disks: MANY_DISKS,
                        ..Resources::default()
                    },
                    cores: 4000,
                    zone,
                    ..NodeShape::default()
                })
            })
            .collect();
        for ordinal in 0..count {
            self.spec.nodes.push(NodeSpec {
                name: format!("{name}-{ordinal}"),
                pool: id,
                shape: shapes[ordinal as usize % shapes.len()],
                ordinal,
                cordoned: false,
                ready: true,
            });
        }
        self.spec.pools.push(PoolSpec {
            name: name.to_owned(),
            system: false,
            templates: shapes,
            provision: Dist::Constant(Duration::secs(150)),
            reimage: Dist::Constant(Duration::secs(200)),
            delete: Dist::Constant(Duration::secs(30)),
            deallocates: None,
            room: None,
            takes: Vec::new(),
            next_ordinal: count,
            usd_per_hour: None,
            autoscaler: None,
            spot: None,
            local_cache: None,
        });
        self
    }

    /// Puts the pool added last into the first `count` zones.
    pub fn zones(mut self, count: u32) -> Example {
        let id = PoolId(self.spec.pools.len().saturating_sub(1) as u32);
        let Some(pool) = self.spec.pools.rows_mut().last_mut() else { return self };
        pool.templates.truncate((count as usize).max(1));
        let templates = pool.templates.clone();
        for node in self.spec.nodes.rows_mut().iter_mut().filter(|n| n.pool == id) {
            node.shape = templates[node.ordinal as usize % templates.len()];
        }
        self
    }

    /// Edits the pool added last.
    pub fn with_pool(mut self, edit: impl FnOnce(&mut PoolSpec)) -> Example {
        if let Some(pool) = self.spec.pools.rows_mut().last_mut() {
            edit(pool);
        }
        self
    }

    /// Lets the nodes of all pools added so far draw on one supply: `each` a node, of which `free` are left.
    pub fn supply(mut self, name: &str, free: u32, each: u32) -> Example {
        let supply = Supply { name: name.to_owned(), free, code: "QuotaExceeded" };
        let of = self.spec.supplies.push(supply);
        self.spec.pools.rows_mut().iter_mut().for_each(|pool| pool.takes.push(Share { of, each }));
        self
    }

    /// Adds a Deployment whose running pods (100m, 128 MiB, ready 10 s after their start, gone 5 s after their deletion)
    /// stand on the nodes of the pool added last, one after the other.
    pub fn deployment(self, name: &str, replicas: u32) -> Example {
        let last = PoolId(self.spec.pools.len().saturating_sub(1) as u32);
        let nodes: Vec<NodeId> = self.spec.nodes.iter().filter(|(_, n)| n.pool == last).map(|(id, _)| id).collect();
        let hosts = (0..replicas as usize).filter_map(|i| nodes.get(i % nodes.len().max(1)).copied()).collect();
        self.workload(name, WorkloadKind::Deployment, hosts)
    }

    /// Adds a workload with one running pod on each of `hosts`.
    pub fn workload(mut self, name: &str, kind: WorkloadKind, hosts: Vec<NodeId>) -> Example {
        let daemons = kind == WorkloadKind::DaemonSet;
        let shape = self.spec.pod_shapes.push(PodShape {
            requests: Resources { cpu: 100, memory: 128 * MIB, pods: 1, ..Resources::default() },
            score_requests: (100, 128 * MIB),
            labels: BTreeMap::from([("app".to_owned(), name.to_owned())]),
            node_selector: BTreeMap::new(),
            required: Vec::new(),
            preferred: Vec::new(),
            tolerations: if daemons { Toleration::of_daemons().collect() } else { Vec::new() },
            priority: 0,
            preempts: true,
            host_ports: Vec::new(),
            node_name: None,
            ..PodShape::default()
        });
        let id = self.spec.workloads.push(WorkloadSpec {
            namespace: "default".to_owned(),
            name: name.to_owned(),
            kind,
            replicas: hosts.len() as u32,
            shape,
            shapes: Vec::new(),
            minimum: None,
            role: Role::Application,
            pull: Dist::Constant(Duration::ZERO),
            image_bytes: None,
            start: Dist::Constant(Duration::ZERO),
            readiness: Dist::Constant(Duration::secs(10)),
            grace: Duration::secs(30),
            exit: Dist::Constant(Duration::secs(5)),
            unreachable: (!daemons).then_some(Duration::secs(300)),
            scaling: None,
            cpu_use: 50,
            cpu_limit: None,
            memory: Memory::default(),
            follows_load: false,
            service: None,
            gated: false,
            control: Control::default(),
            duty: Duty::default(),
        });
        for (i, node) in hosts.into_iter().enumerate() {
            self.spec.pods.push(PodSpec {
                name: format!("{name}-{i}"),
                workload: id,
                node: Some(node),
                ready: true,
                gated: false,
                old: false,
                shape: None,
            });
        }
        self
    }

    /// Edits a workload by its name.
    pub fn workload_named(mut self, name: &str, edit: impl FnOnce(&mut WorkloadSpec)) -> Example {
        if let Some(workload) = self.spec.workloads.rows_mut().iter_mut().find(|w| w.name == name) {
            edit(workload);
        }
        self
    }

    /// Edits the shape of a workload's pods by its name.
    pub fn shape_of(mut self, name: &str, edit: impl FnOnce(&mut PodShape)) -> Example {
        let shape = self.spec.workloads.rows().iter().find(|w| w.name == name).map(|w| w.shape);
        if let Some(shape) = shape {
            edit(&mut self.spec.pod_shapes[shape]);
        }
        self
    }

    /// A webhook that fails closed: some workloads answer, and are asked before pods of others are made.
    pub fn webhook(mut self, name: &str, backend: &[WorkloadId], creations: &[WorkloadId]) -> Example {
        self.spec.webhooks.push(Webhook {
            name: name.to_owned(),
            backend: Backend::Inside(backend.to_vec()),
            fails_closed: true,
            creations: creations.to_vec(),
            evictions: Vec::new(),
            timeout: Duration::secs(10),
            denies_evictions: false,
        });
        self
    }

    /// Edits the webhook added last.
    pub fn with_webhook(mut self, edit: impl FnOnce(&mut Webhook)) -> Example {
        if let Some(webhook) = self.spec.webhooks.rows_mut().last_mut() {
            edit(webhook);
        }
        self
    }

    /// Edits the workload added last.
    pub fn with(mut self, edit: impl FnOnce(&mut WorkloadSpec)) -> Example {
        if let Some(workload) = self.spec.workloads.rows_mut().last_mut() {
            edit(workload);
        }
        self
    }

    /// Edits the pod shape added last.
    pub fn with_shape(mut self, edit: impl FnOnce(&mut PodShape)) -> Example {
        if let Some(shape) = self.spec.pod_shapes.rows_mut().last_mut() {
            edit(shape);
        }
        self
    }

    /// Edits whatever the cluster holds so far.
    pub fn edit(mut self, edit: impl FnOnce(&mut ClusterSpec)) -> Example {
        edit(&mut self.spec);
        self
    }

    /// Judges the workload added last by a minimum of up replicas.
    pub fn minimum(self, minimum: u32) -> Example {
        self.with(|w| w.minimum = Some(minimum))
    }

    /// Protects the workload added last by a disruption budget.
    pub fn budget(mut self, rule: BudgetRule) -> Example {
        let workload = WorkloadId(self.spec.workloads.len().saturating_sub(1) as u32);
        let name = self.spec.workloads[workload].name.clone();
        self.spec.budgets.push(BudgetSpec {
            namespace: "default".to_owned(),
            name,
            workloads: vec![workload],
            rule,
            always_allow_unhealthy: false,
        });
        self
    }

    /// A number that is not known well.
    pub fn belief(mut self, knob: Knob, prior: Prior) -> Example {
        self.beliefs.push(Belief { knob, prior });
        self
    }

    /// Edits the settings.
    pub fn settings(mut self, edit: impl FnOnce(&mut Settings)) -> Example {
        edit(&mut self.settings);
        self
    }

    /// Plans an operation at a time.
    pub fn change(mut self, at: Duration, operation: Operation) -> Example {
        self.changes.push(Planned::new(Time::ZERO + at, operation));
        self
    }

    /// Edits how the operation planned last is let in.
    pub fn admission(mut self, edit: impl FnOnce(&mut Admission)) -> Example {
        if let Some(planned) = self.changes.last_mut() {
            edit(&mut planned.admission);
        }
        self
    }

    /// Scripts something that happens whatever is planned.
    pub fn happens(mut self, at: Duration, what: Happening) -> Example {
        self.script.push(Scripted { at: Time::ZERO + at, what });
        self
    }

    /// Plans a rolling upgrade of a pool at time zero, in batches, with the given surge.
    pub fn upgrade(self, pool: PoolId, max_surge: Quantity) -> Example {
        let how = UpgradeSettings {
            max_surge,
            max_unavailable: Quantity::Count(0),
            soak: Duration::ZERO,
            drain: drain_settings(),
            max_blocked: max_surge,
            replacement: Replacement::Reimage,
            pace: Pace::Batches,
            surge_fallback: false,
            shapes: Vec::new(),
            draws_as: None,
            begun: None,
        };
        self.change(Duration::ZERO, Operation::Upgrade { pool, how })
    }

    /// Sets how long is simulated.
    pub fn horizon(mut self, horizon: Duration) -> Example {
        self.horizon = horizon;
        self
    }

    /// The scenario.
    pub fn build(self) -> Scenario {
        Scenario {
            cluster: self.spec,
            script: self.script,
            changes: self.changes,
            settings: self.settings,
            beliefs: self.beliefs,
            horizon: self.horizon,
        }
    }
}

/// Drains as AKS does by default: evict, respect budgets, give up after 30 minutes.
pub fn drain_settings() -> DrainSettings {
    DrainSettings {
        evict: true,
        respect_budgets: true,
        forced_until: None,
        timeout: Duration::mins(30),
        undrainable: Undrainable::Fail,
    }
}

/// The 50-node, 1,000-pod rolling upgrade that speed is measured on: 10 % surge, node failures, bursts, slow starts and
/// provisioning trouble switched on, five watched system workloads with budgets, daemons on every node.
pub fn busy_upgrade() -> Scenario {
    let lognormal = |median: u64, sigma: f64| Dist::LogNormal { median: Duration::secs(median), sigma };
    let mut example = Example::new().pool("work", 50).with_pool(|p| {
        p.system = true;
        p.provision = lognormal(150, 0.35);
        p.reimage = lognormal(200, 0.4);
    });
    let nodes: Vec<NodeId> = (0..50).map(NodeId).collect();
    for daemon in ["cns", "proxy", "csi", "logs"] {
        example = example.workload(daemon, WorkloadKind::DaemonSet, nodes.clone());
    }
    for (i, name) in ["dns", "metrics", "tunnel", "gatekeeper", "autoscaler"].into_iter().enumerate() {
        example = example
            .deployment(name, if i == 0 { 5 } else { 2 })
            .minimum(1)
            .budget(BudgetRule::MinAvailable(Quantity::Count(1)))
            .with_shape(|s| s.priority = 2_000_000_000)
            .with(|w| {
                w.role = if i == 0 { Role::Dns } else { Role::System };
                w.readiness = lognormal(6, 0.5);
                w.exit = lognormal(3, 1.2);
            });
    }
    for app in 0..40 {
        let replicas = if app < 7 { 19 } else { 20 };
        example = example
            .deployment(&format!("app-{app}"), replicas)
            .budget(BudgetRule::MaxUnavailable(Quantity::Percent(25)))
            .with_shape(|s| {
                s.requests.cpu = [50, 100, 150, 200][app % 4];
                s.score_requests.0 = s.requests.cpu;
            })
            .with(|w| {
                w.pull = Dist::ZeroOrLogNormal { zero: 0.5, median: Duration::secs(18), sigma: 0.9 };
                w.start = lognormal(2, 0.4);
                w.exit = lognormal(3, 1.2);
                w.follows_load = app % 2 == 0;
            });
    }
    example
        .settings(|s| {
            s.failures.per_hour = 1.5 / 8766.0;
            s.failures.down = lognormal(480, 0.9);
            s.bursts.per_hour = 0.25 / 24.0;
            s.bursts.hold = lognormal(600, 1.0);
            s.bursts.ramp = lognormal(60, 0.6);
            s.provisioning.allocation_failure = 0.002;
            s.provisioning.bootstrap_failure = 0.005;
            s.provisioning.gap_share = 0.25;
            s.provisioning.gap = lognormal(60, 0.6);
            s.series_steps = 240;
        })
        .upgrade(PoolId(0), Quantity::Percent(10))
        .horizon(Duration::mins(240))
        .build()
}

/// The same cluster with DNS as a service under load, all of it as reports have it by default: 10 queries per second of each
/// application pod, replicas of 5,000, clients that ask twice, a stampede after outages, memory with its
/// limit, and stale entries on a tenth of the nodes.
pub fn under_load(mut scenario: Scenario) -> Scenario {
    let applications = scenario.cluster.pods.iter().filter(|p| {
        let workload = &scenario.cluster.workloads[p.workload];
        workload.role == Role::Application && workload.kind != WorkloadKind::DaemonSet
    });
    let rate = 10.0 * applications.count() as f64;
    let uniform = |low, high| Dist::Uniform { low, high };
    for dns in scenario.cluster.workloads.rows_mut().iter_mut().filter(|w| w.role == Role::Dns) {
        dns.follows_load = true;
        dns.service = Some(Service {
            service_time: Duration(500),
            clients: Clients { timeout: Duration::secs(5), attempts: 2.0 },
            stampede: Stampede { factor: 2.0, lasts: Duration::mins(5), after: Duration::mins(1) },
            memory: Some(ServiceMemory {
                base: 55_000_000,
                per_rate: 2_000.0,
                limit: Some(500 << 20),
                fills: Duration::secs(20),
            }),
            stale: StaleEntries {
                probability: 0.1,
                lasts: uniform(Duration::secs(3), Duration::secs(30)),
                long_probability: 0.0,
                long_lasts: uniform(Duration::mins(5), Duration::mins(30)),
            },
            ..Service::plain(rate, 5000.0, 150e-6)
        });
    }
    scenario
}

/// The same cluster with labels by which its pods are spread: nodes have host names and zones, and each workload's pods prefer
/// zones and nodes that hold few of them, as kube-scheduler v1.34.1 has it by default (`systemDefaultConstraints`).
pub fn spread_by_default(mut scenario: Scenario) -> Scenario {
    const ZONE: &str = "topology.kubernetes.io/zone";
    let cluster = &mut scenario.cluster;
    for shape in cluster.node_shapes.rows_mut() {
        shape.labels.insert(ZONE.to_owned(), shape.zone.0.to_string());
    }
    for workload in cluster.workloads.rows() {
        let shape = &mut cluster.pod_shapes[workload.shape_of(0)];
        let labels = BTreeMap::from([("app".to_owned(), workload.name.clone())]);
        let constraint = |key: &str, max_skew| Spread {
            key: key.to_owned(),
            max_skew,
            hard: false,
            min_domains: 1,
            honor_affinity: true,
            honor_taints: false,
            selector: Some(Selector { labels: labels.clone(), expressions: Vec::new() }),
        };
        shape.spread = vec![constraint("kubernetes.io/hostname", 3), constraint(ZONE, 5)];
        shape.spread_by_default = true;
        shape.labels = labels;
    }
    scenario
}

//! A small cluster for the tests of this crate: a system pool of three nodes, a user pool of four, the usual system
//! workloads and an application that fills most of the user pool.

use std::collections::BTreeMap;

use reports::Inputs;
use reports::estimate::Sampling;
use reports::input::{AssumptionInfo, ChangeInfo, ClusterInfo, PoolInfo};
use reports::stopping::Stop;
use simulator::Runs;
use simulator::change::{Operation, Pace, Planned, Replacement, UpgradeSettings};
use simulator::example::drain_settings;
use simulator::finding::{Evidence, Finding, Severity};
use simulator::random::Dist;
use simulator::settings::Settings;
use simulator::spec::*;
use simulator::{BudgetId, Duration, NodeId, Pair, PodShapeId, PoolId, Scenario, Time, WorkloadId};

pub const GIB: i64 = 1 << 30;

/// What differs between the examples.
#[derive(Clone, Copy)]
pub struct Example {
    /// Nodes of the system pool.
    pub system_nodes: u32,
    /// Extra nodes while the pool is upgraded; one node is missing at a time where 0.
    pub surge: u32,
    /// True to upgrade the system pool, false to do nothing.
    pub upgrade: bool,
    /// True where a budget on coredns allows no disruption.
    pub blocked: bool,
}

pub const SURGED: Example = Example { system_nodes: 3, surge: 1, upgrade: true, blocked: false };
pub const TIGHT: Example = Example { system_nodes: 2, surge: 0, upgrade: true, blocked: false };
pub const STUCK: Example = Example { system_nodes: 3, surge: 1, upgrade: true, blocked: true };
pub const NOTHING: Example = Example { system_nodes: 3, surge: 1, upgrade: false, blocked: false };

impl Example {
    pub fn scenario(self) -> Scenario {
        let mut cluster = ClusterSpec::default();
        let zone = cluster.zones.push("1".to_string());
        let shape = |name: &str, cores: i64| NodeShape {
            labels: BTreeMap::from([("agentpool".to_string(), name.to_string())]),
            taints: Vec::new(),
            allocatable: Resources {
                cpu: cores * 1000 - 100,
                memory: cores * 3 * GIB,
                ephemeral: 100 * GIB,
                pods: 110,
                ..Default::default()
            },
            cores: cores * 1000,
            zone,
            ..NodeShape::default()
        };
        let system_shape = cluster.node_shapes.push(shape("system", 2));
        let user_shape = cluster.node_shapes.push(shape("work", 4));
        let pool = |name: &str, system: bool, template, next_ordinal| PoolSpec {
            name: name.to_string(),
            system,
            templates: vec![template],
            provision: Dist::LogNormal { median: Duration::secs(150), sigma: 0.4 },
            reimage: Dist::LogNormal { median: Duration::secs(240), sigma: 0.3 },
            delete: Dist::Constant(Duration::secs(60)),
            deallocates: None,
            room: None,
            takes: Vec::new(),
            next_ordinal,
            autoscaler: None,
            spot: None,
            local_cache: None,
            usd_per_hour: Some(0.2),
        };
        let system = cluster.pools.push(pool("system", true, system_shape, self.system_nodes));
        let work = cluster.pools.push(pool("work", false, user_shape, 4));
        let mut node = |pool, shape, name: &str, ordinal| {
            cluster.nodes.push(NodeSpec {
                name: format!("aks-{name}-31415926-vmss{ordinal:06}"),
                pool,
                shape,
                ordinal,
                cordoned: false,
                ready: true,
            })
        };
        let system_nodes: Vec<NodeId> =
            (0..self.system_nodes).map(|i| node(system, system_shape, "system", i)).collect();
        let work_nodes: Vec<NodeId> = (0..4).map(|i| node(work, user_shape, "work", i)).collect();
        let mut add = |workload: Workload<'_>, nodes: &[NodeId]| workload.add(&mut cluster, nodes);
        let dns = add(
            Workload { name: "coredns", role: Role::Dns, replicas: 2, minimum: Some(1), cpu: 100, selector: "system" },
            &system_nodes,
        );
        add(
            Workload {
                name: "konnectivity-agent",
                role: Role::Tunnel,
                replicas: 2,
                minimum: Some(1),
                cpu: 40,
                selector: "system",
            },
            &system_nodes,
        );
        add(
            Workload {
                name: "metrics-server",
                role: Role::Metrics,
                replicas: 2,
                minimum: Some(1),
                cpu: 150,
                selector: "system",
            },
            &system_nodes,
        );
        add(
            Workload {
                name: "azure-policy",
                role: Role::System,
                replicas: 1,
                minimum: Some(1),
                cpu: 300,
                selector: "system",
            },
            &system_nodes,
        );
        add(
            Workload {
                name: "checkout",
                role: Role::Application,
                replicas: 12,
                minimum: Some(9),
                cpu: 900,
                selector: "work",
            },
            &work_nodes,
        );
        if self.blocked {
            cluster.budgets.push(BudgetSpec {
                namespace: "kube-system".to_string(),
                name: "coredns-pdb".to_string(),
                workloads: vec![dns],
                rule: BudgetRule::MinAvailable(Quantity::Count(2)),
                always_allow_unhealthy: false,
            });
        }
        let mut settings = Settings::calm();
        settings.failures.per_hour = 1.0 / 500.0;
        settings.failures.down = Dist::LogNormal { median: Duration::mins(10), sigma: 0.6 };
        settings.bursts.per_hour = 0.25;
        settings.bursts.ramp = Dist::Constant(Duration::mins(5));
        settings.bursts.hold = Dist::Constant(Duration::mins(20));
        settings.series_steps = 96;
        let changes = if self.upgrade { vec![self.change(system)] } else { Vec::new() };
        Scenario { cluster, script: Vec::new(), changes, settings, beliefs: Vec::new(), horizon: Duration::mins(240) }
    }

    fn change(self, pool: PoolId) -> Planned {
        let how = UpgradeSettings {
            max_surge: Quantity::Count(self.surge),
            max_unavailable: Quantity::Count(1),
            soak: Duration::ZERO,
            drain: drain_settings(),
            max_blocked: Quantity::Count(self.surge),
            replacement: Replacement::Reimage,
            pace: Pace::Batches,
            surge_fallback: false,
            draws_as: None,
            begun: None,
            shapes: Vec::new(),
        };
        Planned::new(Time::ZERO + Duration::mins(10), Operation::Upgrade { pool, how })
    }
}

struct Workload<'a> {
    name: &'a str,
    role: Role,
    replicas: u32,
    minimum: Option<u32>,
    cpu: i64,
    selector: &'a str,
}

impl Workload<'_> {
    fn add(self, cluster: &mut ClusterSpec, nodes: &[NodeId]) -> WorkloadId {
        let memory = 200 << 20;
        let shape: PodShapeId = cluster.pod_shapes.push(PodShape {
            requests: Resources { cpu: self.cpu, memory, pods: 1, ..Default::default() },
            score_requests: (self.cpu, memory),
            labels: BTreeMap::from([("k8s-app".to_string(), self.name.to_string())]),
            node_selector: BTreeMap::from([("agentpool".to_string(), self.selector.to_string())]),
            required: Vec::new(),
            preferred: Vec::new(),
            tolerations: Vec::new(),
            priority: 0,
            preempts: true,
            host_ports: Vec::new(),
            node_name: None,
            ..PodShape::default()
        });
        let application = self.role == Role::Application;
        let dns = self.role == Role::Dns;
        let id = cluster.workloads.push(WorkloadSpec {
            namespace: if application { "shop" } else { "kube-system" }.to_string(),
            name: self.name.to_string(),
            kind: WorkloadKind::Deployment,
            replicas: self.replicas,
            shape,
            shapes: Vec::new(),
            minimum: self.minimum,
            role: self.role,
            pull: Dist::ZeroOrLogNormal { zero: 0.5, median: Duration::secs(8), sigma: 0.5 },
            start: Dist::LogNormal { median: Duration::secs(12), sigma: 0.4 },
            readiness: Dist::Constant(Duration::secs(10)),
            grace: Duration::secs(30),
            exit: Dist::Constant(Duration::secs(5)),
            unreachable: Some(Duration::secs(300)),
            scaling: None,
            cpu_use: self.cpu / 2,
            cpu_limit: None,
            memory: Default::default(),
            image_bytes: None,
            follows_load: application || dns,
            service: dns.then_some(Service::plain(2000.0, 2500.0, 1e-5)),
            gated: false,
            control: Control::default(),
            duty: Default::default(),
        });
        for i in 0..self.replicas {
            let node = nodes.get(i as usize % nodes.len()).copied();
            cluster.pods.push(PodSpec {
                name: format!("{}-{i}", self.name),
                workload: id,
                node,
                ready: true,
                gated: false,
                old: false,
                shape: None,
            });
        }
        id
    }
}

/// Paired trials of a scenario.
pub fn pairs(scenario: &Scenario, trials: u32, threads: usize) -> Vec<Pair> {
    simulator::paired(scenario, Runs { seed: 7, first: 0, trials, threads }, &|_| {})
}

/// Inputs around a scenario and its outcomes.
pub fn inputs<'a>(scenario: &'a Scenario, pairs: &'a [Pair]) -> Inputs<'a> {
    let pool = |name: &str, mode: &str, count| PoolInfo {
        name: name.to_string(),
        mode: mode.to_string(),
        count,
        vm_size: "Standard_D2s_v5".to_string(),
        os_type: "Linux".to_string(),
        zones: vec!["1".to_string()],
        taints: Vec::new(),
        max_surge: "1".to_string(),
        autoscaler: None,
    };
    Inputs {
        id: "3f2a9c41d0b7".to_string(),
        engine: "0.1.0".to_string(),
        change: ChangeInfo {
            id: "c-17".to_string(),
            phase: "proposed".to_string(),
            source: serde_json::json!({"format": "proposal", "eventId": "e-1", "correlationId": null, "caller": "ada@example.org", "time": "2026-11-21T08:00:00Z"}),
            cluster: "shop-prod".to_string(),
            pool: Some("system".to_string()),
            operation: serde_json::json!({"kind": "upgrade", "nodeImageOnly": true}),
            summary: "Upgrade the node image of pool system".to_string(),
            recorded: None,
        },
        lived: None,
        cluster: ClusterInfo {
            name: "shop-prod".to_string(),
            digest: "sha256:77aa".to_string(),
            taken_at: Some("2026-11-21T07:55:00Z".to_string()),
            pools: vec![pool("system", "System", scenario.cluster.nodes.len() as u32 - 4), pool("work", "User", 4)],
        },
        scenario,
        pairs,
        seed: 7,
        threads: 1,
        sampling: Sampling::Fixed,
        stopped: Stop::Budget,
        findings: vec![Finding {
            id: "system-pool-three-nodes",
            severity: Severity::Warning,
            subject: "pool system".to_string(),
            message: "Pool system has fewer nodes than the three that AKS advises for system pools.".to_string(),
            source: "doc:use-system-pools.md",
            evidence: vec![("nodes", Evidence::Number(2.0)), ("advised", Evidence::Number(3.0))],
            blocks: false,
        }],
        not_seen: vec!["No HorizontalPodAutoscalers in the snapshot.".to_string()],
        assumptions: vec![AssumptionInfo {
            name: "time from request to Ready of a node".to_string(),
            value: "median 150 s, log-sd 0.4".to_string(),
            source: "calibration table".to_string(),
            grade: 'B',
            range: Some("20 to 60 s".into()),
        }],
        doubts: Vec::new(),
        study: None,
        plans: None,
        weighted: None,
        thresholds: reports::score::Thresholds::default(),
        slo_days: reports::score::BUDGET_DAYS,
        slo: 0.999,
    }
}

/// A budget id that no cluster has.
pub const STRANGE: BudgetId = BudgetId(999);

//! The table of cases behind the rules, and the cluster they start from: a healthy one, on which hardly a rule fires.

use std::sync::Arc;

use simulator::finding::{Finding, Severity};
use simulator::spec::{BudgetRule, Effect, Quantity, Taint, Toleration};

use crate::change::{Change, ChangeSettings, ClusterRef, Operation, Phase, PoolFields, Source, UpgradeFields};
use crate::snapshot::{AgentPool, Amounts, Budget, Labels, Node, Owner, Pod, PodTemplate, Selector, Snapshot};

mod pods;
mod pools;
mod volumes;
mod webhooks;

/// What a rule should do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expect {
    Quiet,
    Info,
    Warning,
    Error,
    Refused,
}

/// One case: what is different from the healthy cluster, which pool is changed how, and what one rule makes of it.
pub(super) struct Row {
    pub(super) id: &'static str,
    pub(super) expect: Expect,
    edit: fn(&mut Snapshot),
    pool: &'static str,
    operation: Operation,
}

/// Every case.
pub(super) fn all() -> Vec<Row> {
    [pools::rows(), pods::rows(), volumes::rows(), webhooks::rows()].into_iter().flatten().collect()
}

impl Row {
    /// Runs the case.
    pub(super) fn check(&self) {
        let findings = findings(self.edit, self.pool, self.operation.clone());
        let mine: Vec<&Finding> = findings.iter().filter(|f| f.id == self.id).collect();
        let what = format!("{} for {:?} of {}", self.id, self.operation, self.pool);
        let Some(first) = mine.first() else {
            assert_eq!(self.expect, Expect::Quiet, "quiet: {what}");
            return;
        };
        assert_eq!(self.expect, of(first), "{what}: {}", first.message);
        assert!(first.message.ends_with('.') && !first.message.contains("  "), "{}", first.message);
        assert!(!first.source.is_empty() && !first.subject.is_empty());
    }
}

fn of(finding: &Finding) -> Expect {
    match (finding.blocks, finding.severity) {
        (true, _) => Expect::Refused,
        (_, Severity::Error) => Expect::Error,
        (_, Severity::Warning) => Expect::Warning,
        (_, Severity::Info) => Expect::Info,
    }
}

/// Findings on the edited cluster; the change names no pool where `pool` is empty.
pub(super) fn findings(edit: fn(&mut Snapshot), pool: &str, operation: Operation) -> Vec<Finding> {
    let written = matches!(operation, Operation::PutPool { .. });
    findings_from(if written { "arm-request" } else { "proposal" }, edit, pool, operation)
}

/// The same for a change that came in a message of this format.
pub(super) fn findings_from(format: &str, edit: fn(&mut Snapshot), pool: &str, operation: Operation) -> Vec<Finding> {
    let mut snapshot = healthy();
    edit(&mut snapshot);
    let change = change(format, pool, operation.clone());
    super::check(&snapshot, &change, &[operation])
}

fn change(format: &str, pool: &str, operation: Operation) -> Change {
    Change {
        id: "change".into(),
        phase: Phase::Proposed,
        source: Source { format: format.to_owned(), ..Source::default() },
        cluster: ClusterRef::default(),
        pool: (!pool.is_empty()).then(|| pool.to_owned()),
        operation,
        summary: String::new(),
        result: None,
        snapshot: None,
        snapshot_ref: None,
        settings: ChangeSettings::default(),
    }
}

pub(super) fn upgrade() -> Operation {
    upgrade_with(UpgradeFields::default())
}

pub(super) fn upgrade_with(settings: UpgradeFields) -> Operation {
    Operation::Upgrade { version: None, node_image_only: true, settings, force: false, reason: None }
}

pub(super) fn upgrade_to(version: &str) -> Operation {
    Operation::Upgrade {
        version: Some(version.into()),
        node_image_only: false,
        settings: UpgradeFields::default(),
        force: false,
        reason: None,
    }
}

pub(super) fn add(desired: PoolFields) -> Operation {
    let mode = desired.mode.clone().or(Some("User".into()));
    Operation::AddPool { desired: PoolFields { mode, ..desired } }
}

pub(super) fn mode(mode: &str) -> Operation {
    Operation::SetMode { mode: mode.into() }
}

pub(super) fn taints(taints: &[&str]) -> Operation {
    Operation::SetTaints { taints: taints.iter().map(|t| (*t).to_owned()).collect() }
}

/// Pools `sys` (System, dedicated, 3 nodes) and `apps` (User, 3 nodes), three zones, DNS guarded by a budget, one application.
pub(super) fn healthy() -> Snapshot {
    let mut snapshot = Snapshot { name: "prod".into(), digest: "d".into(), ..Snapshot::default() };
    snapshot.cluster.kubernetes_version = Some("1.33.2".into());
    snapshot.pools = vec![pool("apps", "User", &[]), pool("sys", "System", &["CriticalAddonsOnly=true:NoSchedule"])];
    for name in ["apps", "sys"] {
        snapshot.nodes.extend((0..3).map(|i| node(name, i)));
    }
    for i in 0..2 {
        snapshot.pods.push(pod("kube-system", "coredns", i, "sys"));
        snapshot.pods.push(pod("shop", "web", i, "apps"));
    }
    snapshot.budgets = vec![budget("kube-system", "coredns", BudgetRule::MinAvailable(Quantity::Count(1)))];
    snapshot
}

fn pool(name: &str, mode: &str, taints: &[&str]) -> AgentPool {
    AgentPool {
        name: name.into(),
        count: 3,
        vm_size: Some("Standard_D4s_v5".into()),
        mode: mode.into(),
        os_type: "Linux".into(),
        max_pods: Some(110),
        orchestrator_version: Some("1.33.2".into()),
        current_orchestrator_version: Some("1.33.2".into()),
        availability_zones: vec!["1".into(), "2".into(), "3".into()],
        node_taints: taints.iter().map(|t| (*t).to_owned()).collect(),
        provisioning_state: Some("Succeeded".into()),
        power_state: Some("Running".into()),
        upgrade_settings: UpgradeFields { max_surge: Some("3".into()), ..UpgradeFields::default() },
        ..AgentPool::default()
    }
}

fn node(pool: &str, i: usize) -> Node {
    let name = node_name(pool, i);
    let mut labels = Labels::new();
    for (key, value) in [
        ("agentpool", pool.to_owned()),
        ("kubernetes.azure.com/agentpool", pool.to_owned()),
        ("kubernetes.io/os", "linux".to_owned()),
        ("topology.kubernetes.io/zone", format!("westeurope-{}", i + 1)),
        ("kubernetes.io/hostname", name.clone()),
    ] {
        labels.insert(key.to_owned(), value);
    }
    let critical = Taint { key: "CriticalAddonsOnly".into(), value: "true".into(), effect: Effect::NoSchedule };
    let taints = if pool == "sys" { vec![critical] } else { Vec::new() };
    let mut allocatable = Amounts { cpu: 3860, memory: 12 << 30, pods: 110, ..Amounts::default() };
    allocatable.other.insert("example.com/license".into(), 1);
    if pool == "apps" && i == 2 {
        allocatable.other.insert("nvidia.com/gpu".into(), 1);
    }
    Node { name, labels, taints, allocatable, ready: true, version: "v1.33.2".into(), ..Node::default() }
}

pub(super) fn node_name(pool: &str, i: usize) -> String {
    format!("aks-{pool}-1234-vmss00000{i}")
}

/// A ready pod of a Deployment on the `i`-th node of a pool.
pub(super) fn pod(namespace: &str, app: &str, i: usize, pool: &str) -> Pod {
    let critical = Toleration { key: Some("CriticalAddonsOnly".into()), value: None, effect: None, seconds: None };
    Pod {
        namespace: namespace.into(),
        name: format!("{app}-{i}"),
        labels: Arc::new([("app".to_owned(), app.to_owned())].into()),
        owner: Some(Owner { kind: "ReplicaSet".into(), name: format!("{app}-5d") }),
        spec: Arc::new(PodTemplate {
            tolerations: if namespace == "kube-system" { vec![critical] } else { Vec::new() },
            ..PodTemplate::default()
        }),
        node: Some(node_name(pool, i)),
        phase: "Running".into(),
        ready: true,
        ..Pod::default()
    }
}

/// A budget over the pods of one application.
pub(super) fn budget(namespace: &str, app: &str, rule: BudgetRule) -> Budget {
    Budget {
        namespace: namespace.into(),
        name: format!("{app}-pdb"),
        selector: Some(Selector { labels: [("app".to_owned(), app.to_owned())].into(), expressions: Vec::new() }),
        rule,
        always_allow_unhealthy: false,
        disruptions_allowed: None,
        current_healthy: None,
        desired_healthy: None,
        expected_pods: None,
        assumed: false,
        disrupted: Vec::new(),
    }
}

/// Makes rows of one rule.
macro_rules! rows {
    ($($id:literal { $($expect:ident: $edit:expr, $pool:expr, $operation:expr;)+ })+) => {
        vec![$($(Row { id: $id, expect: Expect::$expect, edit: $edit, pool: $pool, operation: $operation },)+)+]
    };
}
use rows;

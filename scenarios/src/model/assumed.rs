//! Everything that is ever assumed, gathered by asking the defaults for every case they tell apart and by loading changes of
//! every kind: values in the document are the ones reports list. `NAME` stands for names of a cluster.

use simulator::spec::Role;

use crate::azure::sku;
use crate::change::{Change, ChangeSettings, ClusterRef, Operation, Phase, Source};
use crate::coverage::{Assumption, Coverage};
use crate::defaults::{autoscaler, demand, dns, pods, pools, rates};
use crate::load::load;
use crate::snapshot::{AgentPool, ClusterFacts, Snapshot};
use crate::system_workloads;

/// Every assumption once, in the order found.
pub fn all() -> Vec<Assumption> {
    let mut coverage = Coverage::default();
    of_pods(&mut coverage);
    of_pools(&mut coverage);
    for minor in [30, 31, 35] {
        rates::settings(minor, &ChangeSettings::default(), &mut coverage).unwrap();
    }
    autoscaler::profile(&Snapshot::default(), true, &mut coverage);
    let mut all = coverage.assumptions;
    all.extend(of_changes());
    let mut once: Vec<Assumption> = Vec::new();
    for mut assumption in all {
        assumption.value = without_counts(&assumption.value);
        if !once.contains(&assumption) {
            once.push(assumption);
        }
    }
    once
}

/// Names in the calls that note an assumption, read off the sources; `{...}` of a format string is `NAME`.
pub fn names_in(source: &str) -> Vec<String> {
    let code = source.split("#[cfg(test)]").next().unwrap();
    let mut names: Vec<String> = Vec::new();
    for call in code.split(".assume(").skip(1) {
        let literal = call.trim_start().trim_start_matches("&format!(");
        let Some(name) = literal.strip_prefix('"').and_then(|rest| rest.split('"').next()) else {
            continue; // the definition itself, or a name handed on
        };
        let (head, tail) = name.split_once('{').map_or((name, None), |(h, t)| (h, Some(t)));
        let named = tail.and_then(|t| t.split_once('}')).map(|(_, rest)| format!("{head}NAME{rest}"));
        names.push(named.unwrap_or_else(|| name.to_owned()));
    }
    names
}

fn of_pods(coverage: &mut Coverage) {
    for role in [Role::Dns, Role::Tunnel, Role::Metrics, Role::Ingress, Role::System, Role::Application] {
        for (windows, probed) in [(false, false), (false, true), (true, false)] {
            pods::life_cycle(role, windows, probed, None, coverage);
        }
    }
    pods::note_pull_of_size(coverage);
    for (application_pods, lookups) in [(1, None), (0, None), (0, Some(1.0))] {
        let known = dns::Known { application_pods, lookups, nodes: 1, minor: 31, ..dns::Known::default() };
        dns::service(&known, coverage);
    }
    dns::local_cache(&AgentPool::default(), Some(true), 33, coverage);
    demand::application_cpu(0, coverage);
    demand::system_cpu(0, coverage);
}

fn of_pools(coverage: &mut Coverage) {
    let pool = |os: &str| AgentPool { name: "NAME".into(), os_type: os.into(), ..AgentPool::default() };
    for os in ["Linux", "Windows"] {
        for size in ["Standard_D4s_v5", "Standard_NC6s_v3", "Standard_D64s_v5"] {
            pools::provision(&pool(os), sku(size).as_ref(), coverage);
        }
        pools::reimage(&pool(os), coverage);
    }
    pools::provisioned(None, coverage);
    let linux = pool("Linux");
    pools::delete(coverage);
    pools::spot(&AgentPool { scale_set_priority: Some("Spot".into()), ..linux.clone() }, coverage);
    pools::deallocates(&AgentPool { scale_down_mode: Some("Deallocate".into()), ..linux.clone() }, coverage);
    pools::settings_take(coverage);
    pools::abort_takes(coverage);
    pools::size(&linux, coverage);
    pools::size(&AgentPool { vm_size: Some("NAME".into()), ..linux.clone() }, coverage);
    let facts = |plugin: &str, mode: &str| ClusterFacts {
        network_plugin: Some(plugin.into()),
        network_plugin_mode: Some(mode.into()),
        ..ClusterFacts::default()
    };
    for facts in [facts("azure", "overlay"), facts("azure", ""), facts("kubenet", "")] {
        pools::max_pods(&linux, &facts, coverage);
    }
    pools::minor(None, &ClusterFacts::default(), coverage);
}

/// A system pool, an application pool, and a pool for each trait that changes what is assumed.
const POOLS: &str = r#""cluster":{"name":"c","kubernetesVersion":"1.33.2"},"agentPools":[
    {"name":"sys","count":2,"vmSize":"Standard_D4s_v3","mode":"System","currentOrchestratorVersion":"1.33.2","maxPods":110},
    {"name":"old","count":1,"vmSize":"Standard_D4s_v3","mode":"User","currentOrchestratorVersion":"1.31.2","maxPods":110},
    {"name":"spot","count":1,"vmSize":"Standard_D4s_v3","mode":"User","currentOrchestratorVersion":"1.33.2","maxPods":110,
     "scaleSetPriority":"Spot"},
    {"name":"two","count":1,"vmSize":"Standard_D4s_v3","mode":"User","currentOrchestratorVersion":"1.33.2","maxPods":110,
     "upgradeStrategy":"BlueGreen"}]"#;

/// Objects that leave something open: an autoscaled workload without measurement, a claim whose disk asks for a zone.
const OBJECTS: &str = r#"
    {"kind":"Node","metadata":{"name":"n1","labels":{"agentpool":"sys","topology.kubernetes.io/zone":"westeurope-1",
     "node.kubernetes.io/instance-type":"Standard_D4s_v3"}},"status":{"conditions":[{"type":"Ready","status":"True"}]}},
    {"kind":"Deployment","metadata":{"namespace":"shop","name":"web"},"spec":{"replicas":2,
     "selector":{"matchLabels":{"app":"web"}},"template":{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"c",
     "resources":{"requests":{"cpu":"100m"}}}],"volumes":[{"name":"d","persistentVolumeClaim":{"claimName":"one"}}]}}}},
    {"kind":"HorizontalPodAutoscaler","metadata":{"namespace":"shop","name":"web"},"spec":{"minReplicas":1,"maxReplicas":4,
     "scaleTargetRef":{"kind":"Deployment","name":"web"},"metrics":[{"type":"Resource","resource":{"name":"cpu",
     "target":{"type":"Utilization","averageUtilization":60}}}]}},
    {"kind":"ValidatingWebhookConfiguration","metadata":{"name":"policy"},"webhooks":[{"name":"check",
     "clientConfig":{"service":{"namespace":"shop","name":"web"}},"rules":[{"operations":["CREATE"],"apiGroups":[""],
     "apiVersions":["v1"],"resources":["pods"]}]}]},
    {"kind":"PersistentVolumeClaim","metadata":{"namespace":"shop","name":"one"},"spec":{"volumeName":"pv-1"},
     "status":{"phase":"Bound"}},
    {"kind":"PersistentVolume","metadata":{"name":"pv-1"},"spec":{"csi":{"driver":"disk.csi.azure.com","volumeHandle":"d"},
     "nodeAffinity":{"required":{"nodeSelectorTerms":[{"matchExpressions":[
     {"key":"topology.disk.csi.azure.com/zone","operator":"In","values":["westeurope-1"]}]}]}}}}"#;

/// Operations as proposals write them, each on a pool of [`POOLS`].
const OPERATIONS: [(&str, &str); 13] = [
    ("sys", r#"{"kind":"scale","count":3}"#),
    ("sys", r#"{"kind":"upgrade","nodeImageOnly":true}"#),
    ("old", r#"{"kind":"upgrade","nodeImageOnly":true}"#),
    ("spot", r#"{"kind":"upgrade","nodeImageOnly":true}"#),
    ("two", r#"{"kind":"upgrade","nodeImageOnly":true,"settings":{"strategy":"BlueGreen"}}"#),
    ("old", r#"{"kind":"drain","nodes":[]}"#),
    ("old", r#"{"kind":"stopPool"}"#),
    ("old", r#"{"kind":"rollback"}"#),
    ("old", r#"{"kind":"abort"}"#),
    ("old", r#"{"kind":"rolling"}"#),
    ("", r#"{"kind":"rotateCertificates"}"#),
    ("old", r#"{"kind":"resizePool","method":"resize","desired":{"vmSize":"Standard_D8s_v3"}}"#),
    ("old", r#"{"kind":"resizePool","method":"rotate","desired":{"vmSize":"Standard_D8s_v3"}}"#),
];

fn of_changes() -> Vec<Assumption> {
    let bare = snapshot("");
    let objects = snapshot(OBJECTS);
    let cluster = system_workloads::Cluster { nodes: 3, cores: 12, policy: true, ..Default::default() };
    let items = system_workloads::generate(&cluster);
    let own: Vec<String> =
        items.iter().filter(|item| item["kind"] != "PodDisruptionBudget").map(ToString::to_string).collect();
    let without_budgets = snapshot(&own.join(","));
    let mut found = Vec::new();
    for (pool, operation) in OPERATIONS {
        found.extend(loaded(pool, operation, &bare));
    }
    // Pods of a cluster without admission show no toleration of unreachable nodes.
    let plain = snapshot(
        r#"{"kind":"Pod","metadata":{"namespace":"kube-system","name":"p"},"spec":{"nodeName":"x","containers":[]}}"#,
    );
    let auto =
        text("").replace(r#""kubernetesVersion""#, r#""nodeProvisioningProfile":{"mode":"Auto"},"kubernetesVersion""#);
    let auto = Snapshot::from_json(auto.as_bytes()).unwrap();
    found.extend(loaded("", r#"{"kind":"upgrade","version":"1.34.0"}"#, &bare));
    found.extend(under_way());
    for snapshot in [&objects, &without_budgets, &plain, &auto] {
        found.extend(loaded("sys", OPERATIONS[0].1, snapshot));
    }
    found
}

/// An upgrade that a message says is under way.
fn under_way() -> Vec<Assumption> {
    let node = |name: &str, version: &str| {
        format!(
            r#"{{"kind":"Node","metadata":{{"name":"{name}","labels":{{"agentpool":"sys","node.kubernetes.io/instance-type":"Standard_D4s_v3"}}}},
            "status":{{"nodeInfo":{{"kubeletVersion":"v{version}"}},"conditions":[{{"type":"Ready","status":"True"}}]}}}}"#
        )
    };
    let both = [node("n1", "1.33.2"), node("n2", "1.34.0")].join(",");
    let change = Change { phase: Phase::InFlight, ..proposal("sys", r#"{"kind":"upgrade","version":"1.34.0"}"#) };
    load(&change, &snapshot(&both), &ChangeSettings::default()).unwrap().coverage.assumptions
}

fn snapshot(items: &str) -> Snapshot {
    Snapshot::from_json(text(items).as_bytes()).unwrap()
}

fn text(items: &str) -> String {
    format!(r#"{{"schema":"poolproof.snapshot/1",{POOLS},"items":[{items}]}}"#)
}

fn loaded(pool: &str, operation: &str, snapshot: &Snapshot) -> Vec<Assumption> {
    load(&proposal(pool, operation), snapshot, &ChangeSettings::default())
        .unwrap_or_else(|c| panic!("{operation}: {c}"))
        .coverage
        .assumptions
}

fn proposal(pool: &str, operation: &str) -> Change {
    Change {
        id: "t".into(),
        phase: Phase::Proposed,
        source: Source::default(),
        cluster: ClusterRef::default(),
        pool: Some(pool.to_owned()).filter(|p| !p.is_empty()),
        operation: serde_json::from_str::<Operation>(operation).unwrap(),
        summary: String::new(),
        result: None,
        snapshot: None,
        snapshot_ref: None,
        settings: ChangeSettings::default(),
    }
}

/// Values that count what a snapshot holds, without the number.
fn without_counts(value: &str) -> String {
    if let Some((_, rest)) = value.split_once(" pods spread") {
        return format!("pods spread{rest}");
    }
    match value.rsplit_once(", ") {
        Some((head, tail)) if tail.ends_with(" pods") || tail.ends_with(" nodes") => head.to_owned(),
        _ => value.to_owned(),
    }
}

//! What nodes report of their images, and what `kubectl top pods` measured of memory.

use simulator::Duration;
use simulator::random::Dist;
use simulator::spec::{Memory, WorkloadSpec};

use super::*;

/// Two nodes of which the first holds the image of `web`, one pod of it there, and what else the caller adds.
fn cluster(version: &str, items: &str) -> Loaded {
    let node = |name: &str, images: &str| {
        format!(
            r#"{{"kind":"Node","metadata":{{"name":"{name}","labels":{{"agentpool":"apps"}}}},"status":{{"images":[{images}],
               "conditions":[{{"type":"Ready","status":"True"}}]}}}}"#
        )
    };
    let image = r#"{"names":["shop.azurecr.io/web:1"],"sizeBytes":314572800}"#;
    let text = format!(
        r#"{{"schema":"poolproof.snapshot/1","cluster":{{"name":"c","kubernetesVersion":"{version}"}},"agentPools":[{{"name":"apps",
        "count":2,"vmSize":"Standard_D4s_v3","mode":"System","currentOrchestratorVersion":"{version}","maxPods":110}}],
        "items":[{},{},{{"kind":"Deployment","metadata":{{"namespace":"shop","name":"web"}},"spec":{{"replicas":1,
        "template":{{"spec":{{"containers":[{{"name":"c","image":"shop.azurecr.io/web:1","resources":{{"requests":
        {{"cpu":"100m","memory":"100Mi"}},"limits":{{"memory":"500Mi"}}}}}}]}}}}}}}}{items}]}}"#,
        node("n0", image),
        node("n1", ""),
    );
    try_load("", Operation::Cordon { nodes: vec!["n1".into()] }, &text).unwrap()
}

fn web(loaded: &Loaded) -> &WorkloadSpec {
    loaded.scenario.cluster.workloads.rows().iter().find(|w| w.name == "web").unwrap()
}

#[test]
fn images_take_as_long_as_they_are_large_and_are_where_nodes_report_them() {
    let loaded = cluster("1.33.2", "");
    let cluster = &loaded.scenario.cluster;
    // 300 MiB at 30 MiB/s after the first second.
    let sized = Dist::LogNormal { median: Duration::secs(11), sigma: 0.5 };
    assert_eq!((&web(&loaded).pull, web(&loaded).image_bytes), (&sized, Some(300 << 20)));
    let there = |(node, workload): &(simulator::NodeId, simulator::WorkloadId)| {
        format!("{} on {}", cluster.workloads[*workload].name, cluster.nodes[*node].name)
    };
    assert_eq!(cluster.cached.iter().map(there).collect::<Vec<_>>(), ["web on n0"]);
}

#[test]
fn kubelets_of_old_versions_pull_one_image_after_the_other() {
    let serial = |version| cluster(version, "").scenario.settings.serial_pulls;
    assert_eq!((serial("1.30.9"), serial("1.31.0")), (true, false));
}

#[test]
fn memory_is_what_was_measured_up_to_the_limit_and_else_what_is_asked_for() {
    let pod = r#",{"kind":"Pod","metadata":{"namespace":"shop","name":"web-1","ownerReferences":[{"kind":"Deployment",
        "name":"web"}]},"spec":{"nodeName":"n0","containers":[{"name":"c","image":"shop.azurecr.io/web:1","resources":{"requests":
        {"cpu":"100m","memory":"100Mi"},"limits":{"memory":"500Mi"}}}]},"status":{"phase":"Running","conditions":[
        {"type":"Ready","status":"True"}]}}"#;
    let top = r#",{"kind":"PodMetrics","metadata":{"namespace":"shop","name":"web-1"},"containers":[{"name":"c",
        "usage":{"cpu":"50m","memory":"300Mi"}}]}"#;
    let memory = |items: &str| web(&cluster("1.33.2", items)).memory;
    let limit = Some(500 << 20);
    assert_eq!(memory(pod), Memory { used: None, limit, with_load: 0.0 });
    assert_eq!(memory(&format!("{pod}{top}")), Memory { used: Some(300 << 20), limit, with_load: 0.0 });
}

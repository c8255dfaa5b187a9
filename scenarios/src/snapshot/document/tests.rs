//! What is read, what is refused, what the digest depends on.

use super::*;

const POOL: &str =
    r#"{"name":"system1","count":3,"vmSize":"Standard_D4s_v3","mode":"System","orchestratorVersion":"1.33.2"}"#;
const NODE: &str = r#"{"apiVersion":"v1","kind":"Node","metadata":{"name":"n1","labels":{"agentpool":"system1"},"managedFields":[{"a":1}]},
    "status":{"allocatable":{"cpu":"3860m","memory":"12Gi","pods":"30"},"conditions":[{"type":"Ready","status":"True"}]}}"#;

fn json(text: &str) -> Result<Snapshot, String> {
    Snapshot::from_json(text.as_bytes()).map_err(|c| c.to_string())
}

fn files(list: &[(&str, &str)]) -> Result<Snapshot, String> {
    let list = list.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect();
    Snapshot::from_files(list).map_err(|c| c.to_string())
}

#[test]
fn a_document_and_its_printouts_read_the_same() {
    let list = format!(r#"{{"apiVersion":"v1","kind":"List","items":[{NODE}]}}"#);
    let whole =
        json(&format!(r#"{{"schema":"poolproof.snapshot/1","agentPools":[{POOL}],"items":[{NODE}]}}"#)).unwrap();
    let nested =
        json(&format!(r#"{{"schema":"poolproof.snapshot/1","agentPools":{{"value":[{POOL}]}},"items":{list}}}"#))
            .unwrap();
    let split = files(&[("nodes.json", &list), ("pools.json", &format!("[{POOL}]"))]).unwrap();
    let single = files(&[("a.json", POOL), ("b.json", NODE)]).unwrap();
    for other in [&nested, &split, &single] {
        assert_eq!(other.digest, whole.digest);
        assert_eq!((&other.pools, &other.nodes), (&whole.pools, &whole.nodes));
    }
    assert_eq!(
        (whole.nodes[0].allocatable.cpu, whole.nodes[0].ready, whole.nodes[0].pool()),
        (3860, true, Some("system1"))
    );
}

#[test]
fn the_digest_depends_on_content_not_on_form() {
    let a = json(&format!(r#"{{"agentPools":[{POOL},{{"name":"b","count":1,"mode":"User"}}]}}"#)).unwrap();
    let b =
        json(&format!(r#"{{ "agentPools" : [{{"mode":"User","count":1,"name":"b","nodeTaints":null}}, {POOL}] }}"#))
            .unwrap();
    let c = json(&format!(r#"{{"agentPools":[{POOL},{{"name":"b","count":2,"mode":"User"}}]}}"#)).unwrap();
    assert_eq!(a.digest, b.digest);
    assert_ne!(a.digest, c.digest);
    assert_eq!(a.digest.len(), 64);
}

#[test]
fn a_cluster_answer_brings_its_pools_unless_there_is_a_list() {
    let cluster = format!(
        r#"{{"name":"c1","location":"westeurope","kubernetesVersion":"1.33.1","agentPoolProfiles":[{POOL}],"networkProfile":{{"networkPlugin":"azure"}},
           "addonProfiles":{{"azurepolicy":{{"enabled":true}},"x":{{"enabled":false}}}},"sku":{{"name":"Base","tier":"Standard"}}}}"#
    );
    let s = files(&[("cluster.json", &cluster)]).unwrap();
    assert_eq!((s.name.as_str(), s.pools.len(), s.cluster.tier.as_deref()), ("c1", 1, Some("Standard")));
    assert_eq!(s.cluster.addons, ["azurepolicy"]);
    let s = files(&[
        ("cluster.json", &cluster),
        ("pools.json", r#"{"value":[{"name":"p","properties":{"count":2,"mode":"System"}}]}"#),
    ])
    .unwrap();
    assert_eq!(s.pools.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(), ["p"]);
}

#[test]
fn every_complaint_names_its_file_and_path() {
    let bad = r#"{"apiVersion":"v1","kind":"PodList","items":[{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},
        "spec":{"containers":[{"resources":{"requests":{"cpu":"lots"}}}]}},{"metadata":{}}]}"#;
    let text = files(&[
        ("pods.json", bad),
        ("pools.json", r#"[{"name":"a","count":-3}]"#),
        ("junk.json", "{\"a\": 1}"),
        ("cut.json", "[{"),
    ])
    .unwrap_err();
    for part in [
        r#"pods.json: items[0].spec.containers[0].resources.requests.cpu: found "lots", expected a Kubernetes quantity such as"#,
        "pods.json: items[1]: found",
        "pools.json: count: found -3, expected a count from 0 to 1000",
        "junk.json: found an object with a",
        "cut.json: found no JSON",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
}

#[test]
fn nothing_to_work_on_is_a_complaint() {
    for text in [
        r#"{"schema":"poolproof.snapshot/1","agentPools":[],"items":[]}"#,
        r#"{"apiVersion":"v1","kind":"NodeList","items":[]}"#,
    ] {
        assert!(json(text).unwrap_err().contains("neither agentPools nor nodes"), "{text}");
    }
    assert!(json(&"[".repeat(10_000)).unwrap_err().contains("recursion limit"));
    assert!(json(r#"{"schema":"poolproof.snapshot/9","agentPools":[]}"#).unwrap_err().contains("schema"));
    assert!(json("").is_err());
}

#[test]
fn limits_are_named() {
    let many: Vec<String> = (0..6).map(|i| format!(r#"{{"name":"p{i}","count":1000,"mode":"User"}}"#)).collect();
    assert!(
        json(&format!("[{}]", many.join(",")))
            .unwrap_err()
            .contains("found 6000 nodes in all agent pools, expected at most 5000")
    );
    let greedy = format!(
        r#"{{"agentPools":[{POOL}],"items":[{{"apiVersion":"apps/v1","kind":"Deployment","metadata":{{"name":"d"}},"spec":{{"replicas":999999}}}}]}}"#
    );
    assert!(json(&greedy).unwrap_err().contains("found 999999 pods wanted by all workloads, expected at most 150000"));
}

#[test]
fn oddities_are_noted() {
    let odd = json(&format!(
        r#"{{"agentPools":[{{"name":"a","count":1,"mode":"Quantum"}}],"items":[{NODE},{NODE},{{"apiVersion":"v1","kind":"Secret","metadata":{{"name":"s"}}}}]}}"#
    ));
    let notes = odd.unwrap().coverage.not_seen.join("\n");
    for part in ["Quantum", "1 objects of kind Secret", "1 objects were given more than once"] {
        assert!(notes.contains(part), "{part} in {notes}");
    }
}

#[test]
fn reads_the_table_of_top() {
    let table = "NAMESPACE     NAME        CPU(cores)   MEMORY(bytes)\nshop          web-1       250m         300Mi\n";
    let s = files(&[("pools.json", POOL), ("top-pods.txt", table)]).unwrap();
    assert_eq!(s.usage, [Usage { namespace: "shop".into(), pod: "web-1".into(), cpu: 250, memory: 300 << 20 }]);
}

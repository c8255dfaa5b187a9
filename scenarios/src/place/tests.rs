//! What `place` says about snapshots, in its own words.

use super::*;

fn node(name: &str) -> String {
    format!(
        r#"{{"kind":"Node","metadata":{{"name":"{name}","labels":{{"node.kubernetes.io/instance-type":"Standard_D4s_v5"}}}},
            "status":{{"allocatable":{{"cpu":"4","memory":"8Gi","pods":"10"}}}}}}"#
    )
}

fn pod(name: &str, spec: &str) -> String {
    format!(
        r#"{{"kind":"Pod","metadata":{{"namespace":"shop","name":"{name}"}},"spec":{{{spec}}},"status":{{"phase":"Pending"}}}}"#
    )
}

/// A claim bound to a disk of its own, which is called like the claim.
fn disk(name: &str) -> String {
    format!(
        r#"{{"kind":"PersistentVolumeClaim","metadata":{{"namespace":"shop","name":"{name}"}},"spec":{{"volumeName":"{name}"}},"status":{{"phase":"Bound"}}}},
           {{"kind":"PersistentVolume","metadata":{{"name":"{name}"}},"spec":{{"csi":{{"driver":"disk.csi.azure.com"}}}}}}"#
    )
}

fn using(claims: &[&str]) -> String {
    let volumes: Vec<String> =
        claims.iter().map(|c| format!(r#"{{"name":"{c}","persistentVolumeClaim":{{"claimName":"{c}"}}}}"#)).collect();
    format!(r#""volumes":[{}]"#, volumes.join(","))
}

fn limit(node: &str, count: u32) -> String {
    format!(
        r#"{{"kind":"CSINode","metadata":{{"name":"{node}"}},"spec":{{"drivers":[{{"name":"disk.csi.azure.com","allocatable":{{"count":{count}}}}}]}}}}"#
    )
}

fn attached(node: &str, volume: &str) -> String {
    format!(
        r#"{{"kind":"VolumeAttachment","metadata":{{"name":"{node}-{volume}"}},"spec":{{"nodeName":"{node}","source":{{"persistentVolumeName":"{volume}"}}}}}}"#
    )
}

fn check(items: &[String], want: &[&str]) {
    let snapshot = Snapshot::from_json(format!(r#"{{"items":[{}]}}"#, items.join(",")).as_bytes()).unwrap();
    let text = Case::from_snapshot(&snapshot).to_text(None);
    assert_eq!(text.lines().collect::<Vec<_>>(), want);
}

const GOES: &str = "shop/a: n1, score 400; 1 of 1 nodes are feasible";
const FULL: &str = "shop/a: 0/1 nodes are available: 1 node(s) exceed max volume count. preemption: 0/1 nodes are available: \
                    1 No preemption victims found for incoming pod.";

#[test]
fn disks_that_are_left_behind_count_until_they_are_detached() {
    let case = |more: &[String]| {
        let base = [node("n1"), limit("n1", 2), disk("one"), disk("old"), disk("older"), pod("a", &using(&["one"]))];
        [&base[..], more].concat()
    };
    check(&case(&[]), &[GOES]);
    check(&case(&[attached("n1", "old")]), &[GOES]);
    check(&case(&[attached("n1", "old"), attached("n1", "older")]), &[FULL]);
    // Its own disk is where it was before.
    check(&case(&[attached("n1", "old"), attached("n1", "one")]), &[GOES]);
    check(&case(&[attached("n2", "old"), attached("n2", "older")]), &[GOES]);
}

#[test]
fn limits_are_those_of_the_driver_else_of_the_size() {
    let names: Vec<String> = (0..9).map(|n| format!("d{n}")).collect();
    let claims: Vec<&str> = names.iter().map(String::as_str).collect();
    let case = |claims: &[&str], more: &[String]| {
        let disks: Vec<String> = names.iter().map(|name| disk(name)).collect();
        [&[node("n1"), pod("a", &using(claims))], &disks[..], more].concat()
    };
    check(&case(&claims[..8], &[]), &[GOES]);
    check(&case(&claims, &[]), &[FULL]);
    check(&case(&claims, &[limit("n1", 9)]), &[GOES]);
    // The snapshot holds CSINodes, but none of this node: nothing limits it.
    check(&case(&claims, &[limit("n2", 9)]), &[GOES]);
}

#[test]
fn what_decisions_do_not_rest_on_is_said() {
    let asks: Vec<String> = (1..=7).map(|n| format!(r#""example.org/r{n}":"1""#)).collect();
    let greedy = format!(r#""containers":[{{"name":"c","resources":{{"requests":{{{}}}}}}}]"#, asks.join(","));
    let lacks: Vec<String> = (1..=6).map(|n| format!("1 Insufficient example.org/r{n}")).collect();
    let refused = format!(
        "shop/a: 0/1 nodes are available: {}. preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.",
        lacks.join(", ")
    );
    check(
        &[node("n1"), pod("a", &greedy)],
        &[
            "note: more than 6 extended resources are asked for: requests of example.org/r7 are NOT looked at, and pods that ask for \
             them may not fit where they are said to go",
            &refused,
        ],
    );
    // What only pods that run ask for is in nobody's way.
    let running = pod("b", &format!(r#""nodeName":"n1",{greedy}"#));
    check(&[node("n1"), running, pod("a", "")], &["shop/a: n1, score 397; 1 of 1 nodes are feasible"]);
    check(
        &[node("n1"), pod("a", &using(&["dark"]))],
        &["note: PersistentVolumeClaim dark not given: volumes are not looked at as far as they depend on it", GOES],
    );
}

#[test]
fn one_pod_may_be_shown_while_all_are_placed() {
    let asks = r#""containers":[{"name":"c","resources":{"requests":{"cpu":"3"}}}]"#;
    let items = [node("n1"), pod("a", asks), pod("b", asks), pod("c", r#""schedulerName":"batch""#)];
    let snapshot = Snapshot::from_json(format!(r#"{{"items":[{}]}}"#, items.join(",")).as_bytes()).unwrap();
    let mut case = Case::from_snapshot(&snapshot);
    assert!(case.show_only("shop/b"));
    assert!(case.to_text(None).starts_with("shop/b: 0/1 nodes are available: 1 Insufficient cpu."));
    assert!(case.show_only("shop/c"));
    assert_eq!(case.to_text(None), "shop/c: left to scheduler batch; no decision is made for it here\n");
    assert!(!case.show_only("b"));
}

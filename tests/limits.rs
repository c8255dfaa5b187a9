//! Limits: each number that OPERATING.md states is the one that holds, at it and just beyond it, and what is beyond it ends with a
//! reason, in time.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Folder, poolproof, run, scale, snapshot};
use crate::worker::Place;

/// The number that a row of the table states first.
#[track_caller]
fn stated(row: &str) -> usize {
    let operating = include_str!("../worker/OPERATING.md");
    let line = operating.lines().find_map(|line| line.strip_prefix(&format!("| {row} | ")));
    let digits: String =
        line.unwrap_or_else(|| panic!("no row {row}")).chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or_else(|_| panic!("{row}: no number"))
}

/// How `decode` ends with a message.
fn decoded(message: &[u8]) -> (Option<i32>, String) {
    let folder = Folder::new();
    let ended = run(poolproof().arg("decode").arg(folder.file("message", message)));
    (ended.code, ended.stderr)
}

/// A proposal with something in its label values.
fn with(inner: &str) -> Vec<u8> {
    format!(r#"{{"schema":"poolproof.change/1","cluster":"tiny","pool":"apps","operation":{{"kind":"scale","count":4}},"snapshot":{inner}}}"#)
        .into_bytes()
}

#[test]
fn messages_are_limited_in_size_depth_and_number() {
    let size = stated("a message");
    let mut message = scale("tiny", 4).to_string().into_bytes();
    message.resize(size, b' ');
    assert_eq!(decoded(&message).0, Some(0));
    message.push(b' ');
    let (code, why) = decoded(&message);
    assert!(code == Some(2) && why.contains(&size.to_string()), "{why}");

    let depth = stated("depth of a message's JSON");
    // The object around it is a level of its own.
    let nested = |levels: usize| with(&format!("{}1{}", "[".repeat(levels), "]".repeat(levels)));
    let (code, why) = decoded(&nested(depth - 1));
    assert!(!why.contains("deep"), "{code:?} {why}");
    let (code, why) = decoded(&nested(depth));
    assert!(code == Some(2) && why.contains(&format!("at most {depth} levels")), "{why}");
    let (code, why) = decoded(&nested(4_000_000));
    assert!(code == Some(2) && why.contains("deep"), "{why}");

    let values = stated("values in a message");
    let (code, why) = decoded(&with(&format!("[{}1]", "1,".repeat(values))));
    assert!(code == Some(2) && why.contains(&format!("at most {values} JSON values")), "{why}");

    let changes = stated("changes of a message");
    let many = |n: usize| Value::from((0..n).map(|i| scale(&format!("c{i}"), 4)).collect::<Vec<_>>()).to_string();
    let (code, why) = decoded(many(changes).as_bytes());
    assert_eq!(code, Some(0), "{why:.300}");
    let (code, why) = decoded(many(changes + 1).as_bytes());
    assert!(code == Some(2) && why.contains(&changes.to_string()), "{code:?} {why:.300}");
}

/// Scores a small change of a cluster with these items and so many nodes in its user pool.
fn scored(folder: &Folder, count: usize, items: Vec<Value>, settings: Value) -> crate::support::Ended {
    let mut cluster = snapshot("tiny");
    cluster["agentPools"][1]["count"] = count.into();
    cluster["items"] = items.into();
    let mut change = scale("tiny", 4);
    change["settings"] = settings;
    let (cluster, change) = (folder.json("cluster.json", &cluster), folder.json("change.json", &change));
    run(poolproof().args(["score", "--threads", "1", "--cluster"]).arg(cluster).arg(change))
}

fn deployment(name: &str, replicas: usize) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": "default", "annotations": {"poolproof.dev/minimum": "1"}},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}},
                 "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "c"}]}}}
    })
}

#[test]
fn clusters_are_limited_in_nodes_and_pods() {
    let folder = Folder::new();
    let begun = Instant::now();
    let pods = stated("pods of a cluster");
    let ended = scored(&folder, 3, vec![deployment("web", pods + 1)], json!({"trials": 1})).expect_code(2);
    assert!(ended.stderr.contains(&pods.to_string()), "{}", ended.stderr);
    let ended = scored(&folder, 1_001, Vec::new(), json!({"trials": 1})).expect_code(2);
    assert!(ended.stderr.contains("1000"), "{}", ended.stderr);
    assert!(stated("nodes of a cluster") == 5000 && begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
}

#[test]
fn trials_and_what_they_keep_are_limited() {
    let folder = Folder::new();
    let trials = stated("paired trials");
    let ended = scored(&folder, 3, Vec::new(), json!({"trials": trials + 1})).expect_code(2);
    assert!(ended.stderr.contains(&trials.to_string()), "{}", ended.stderr);
    let kept = stated("memory: trials times watched workloads");
    let many: Vec<Value> = (0..=kept / trials).map(|i| deployment(&format!("web{i}"), 1)).collect();
    let ended = scored(&folder, 3, many, json!({"trials": trials})).expect_code(2);
    assert!(ended.stderr.contains(&format!("at most {kept} for their product")), "{}", ended.stderr);
}

#[test]
fn a_change_over_its_time_is_a_dead_letter_that_says_so() {
    let place = Place::new();
    let mut cluster = snapshot("tiny");
    cluster["agentPools"][1]["count"] = 200.into();
    cluster["items"] = (0..40).map(|i| deployment(&format!("web{i}"), 60)).collect();
    let mut change = json!({"schema": "poolproof.change/1", "cluster": "tiny", "pool": "apps",
                            "operation": {"kind": "upgrade", "nodeImageOnly": true}, "settings": {"trials": 20_000}});
    change["snapshot"] = cluster;
    place.submit(&[change]);
    let begun = Instant::now();
    run(&mut place.worker(&["--until-empty", "--limit", "2"])).expect_code(0);
    // Two seconds, the trial that was under way, and what a busy machine adds.
    assert!(begun.elapsed() < Duration::from_secs(45), "{:?}", begun.elapsed());
    let list = run(poolproof().args(["queue", "list", "--dead", "--queue", &place.0.queue()])).expect_code(0);
    assert!(list.stdout.contains("of 20000 trials took 2s, longer than allowed"), "{}", list.stdout);
}

#[test]
fn defaults_are_those_of_the_table() {
    let operating = include_str!("../worker/OPERATING.md");
    let help = run(poolproof().args(["worker", "--help"])).expect_code(0).stdout;
    for (row, option) in [("wall time of one change", "limit"), ("attempts of a message", "attempts")] {
        let line = operating.lines().find(|line| line.starts_with(&format!("| {row} |"))).unwrap();
        let number: String = line.split(", ").nth(1).unwrap().chars().take_while(char::is_ascii_digit).collect();
        let told = help.split(&format!("--{option} <")).nth(1).unwrap().split("[default: ").nth(1).unwrap();
        assert!(told.starts_with(&format!("{number}]")), "{option}: {number}, {told:.20}");
    }
}

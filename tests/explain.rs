//! One trial told in full: it is the report's trial, its lines name what led to them, and the lanes of the trace file say
//! what the lines say.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::{Ended, Folder, poolproof, proposal, run, snapshot};

/// An upgrade of the system pool of a cluster, scored; the folder of its report.
fn scored(folder: &Folder, inline: bool) -> PathBuf {
    let cluster = snapshot("tiny");
    let mut change = proposal("tiny", &json!({"kind": "upgrade", "nodeImageOnly": true}));
    change["pool"] = json!("sys");
    change["settings"] = json!({"trials": 40, "seed": 7});
    let path = folder.json("tiny.json", &cluster);
    if inline {
        change["snapshot"] = cluster;
    }
    let change = folder.json("change.json", &change);
    let mut command = poolproof();
    command.arg("score").arg(change).arg("--out").arg(folder.path("out"));
    if !inline {
        command.arg("--cluster").arg(path);
    }
    let ended = run(&mut command).expect_code(0);
    let place = ended.stderr.lines().find_map(|line| line.strip_prefix("report: ")).expect("a report");
    PathBuf::from(place)
}

fn explain(report: &Path, arguments: &[&str]) -> Ended {
    run(poolproof().arg("explain").arg(report).args(arguments))
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn the_trial_is_the_one_of_the_report() {
    let folder = Folder::new();
    let report = scored(&folder, false);
    let told = parsed(&explain(&report, &["--format", "json"]).expect_code(0).stdout);
    let document = parsed(&std::fs::read_to_string(report.join("report.json")).unwrap());
    assert_eq!(told["trial"], document["worstTrial"]["trial"]);
    assert_eq!(told["report"], document["id"]);
    // Every moment of the report's timeline, rounded to nine digits there, is a line at the same time.
    let times: Vec<f64> = told["events"].as_array().unwrap().iter().map(|e| e["t"].as_f64().unwrap()).collect();
    let timeline = document["worstTrial"]["timeline"].as_array().unwrap();
    assert!(!timeline.is_empty());
    for moment in timeline {
        let t = moment["t"].as_f64().unwrap();
        assert!(times.iter().any(|time| (time - t).abs() <= 1e-8 * t), "{moment}");
    }
    // The same bytes again, and for people a line an event.
    let again = explain(&report, &["--format", "json"]).expect_code(0).stdout;
    assert_eq!(parsed(&again), told);
    let text = explain(&report, &[]).expect_code(0).stdout;
    assert_eq!(text.lines().count(), 1 + told["events"].as_array().unwrap().len());
    // Nobody drains anything where nothing is done.
    let nothing = explain(&report, &["--plan", "baseline"]).expect_code(0).stdout;
    assert!(text.contains("Drain") && !nothing.contains("Drain"), "{nothing}");
}

#[test]
fn causes_lead_back_and_end_at_the_operation() {
    let folder = Folder::new();
    let told = parsed(&explain(&scored(&folder, true), &["--format", "json"]).expect_code(0).stdout);
    let events = told["events"].as_array().unwrap();
    let of = |line: &Value| line["because"].as_u64().map(|n| &events[n as usize - 1]);
    for line in events {
        assert!(of(line).is_none_or(|cause| cause["number"].as_u64() < line["number"].as_u64()), "{line}");
    }
    let evicted: Vec<&Value> = events.iter().filter(|e| e["reason"] == "Evicted").collect();
    assert!(!evicted.is_empty());
    for line in evicted {
        let chain: Vec<&str> =
            std::iter::successors(Some(line), |l| of(l)).map(|l| l["reason"].as_str().unwrap()).collect();
        assert_eq!(chain.last(), Some(&"OperationStarted"), "{chain:?}");
        assert!(chain.contains(&"Drain"), "{chain:?}");
    }
}

/// The rules of the trace event format that a viewer relies on, and that lanes and lines tell the same.
#[test]
fn the_trace_file_keeps_the_format_and_agrees_with_the_lines() {
    let folder = Folder::new();
    let report = scored(&folder, false);
    explain(&report, &["--out", folder.path("told").to_str().unwrap()]).expect_code(0);
    let file = |name: &str| parsed(&std::fs::read_to_string(folder.path("told").join(name)).unwrap());
    let (trace, told) = (file("trace.json"), file("events.json"));
    let horizon = (told["horizonSeconds"].as_f64().unwrap() * 1e6) as u64;
    let mut names = BTreeMap::new();
    let mut slices: BTreeMap<(u64, u64), Vec<(u64, u64)>> = BTreeMap::new();
    let mut instants = 0;
    for event in trace["traceEvents"].as_array().unwrap() {
        let number = |field: &str| event[field].as_u64().unwrap_or_else(|| panic!("{field} of {event}"));
        let lane = (number("pid"), number("tid"));
        assert!(event["name"].is_string() && event["args"].is_object() && number("ts") <= horizon, "{event}");
        match event["ph"].as_str().unwrap() {
            "X" => slices.entry(lane).or_default().push((number("ts"), number("ts") + number("dur"))),
            "i" => {
                assert_eq!(event["s"], "t");
                instants += 1;
            }
            "C" => assert!(event["args"]["value"].is_i64(), "{event}"),
            "M" if event["name"] == "thread_name" => {
                names.insert(lane, event["args"]["name"].as_str().unwrap().to_owned());
            }
            "M" => {}
            other => panic!("unknown phase {other}"),
        }
    }
    let lines = told["events"].as_array().unwrap();
    assert_eq!(instants, lines.len());
    let mut times: BTreeMap<&str, BTreeSet<u64>> = BTreeMap::new();
    for line in lines {
        let (_, name) = line["object"].as_str().unwrap().split_once('/').unwrap_or(("", ""));
        times.entry(name).or_default().insert((line["t"].as_f64().unwrap() * 1e6).round() as u64);
    }
    let mut compared = 0;
    for (lane, mut spans) in slices {
        spans.sort_unstable();
        assert!(spans.windows(2).all(|pair| pair[0].1 <= pair[1].0), "{} overlaps", names[&lane]);
        // Lanes of nodes and pods turn where a line about that node or pod says so.
        let Some(times) = times.get(names[&lane].as_str()) else { continue };
        for at in spans.iter().flat_map(|(from, to)| [*from, *to]).filter(|at| *at > 0 && *at < horizon) {
            assert!(times.contains(&at), "{} turns at {at} without a line", names[&lane]);
            compared += 1;
        }
    }
    assert!(compared > 20, "{compared} turns compared");
}

#[test]
fn what_does_not_belong_to_the_report_is_refused() {
    let folder = Folder::new();
    let report = scored(&folder, false);
    // Another cluster under the same name.
    let mut other = snapshot("tiny");
    other["takenAt"] = json!("2030-01-01T00:00:00Z");
    other["agentPools"][0]["count"] = json!(9);
    let other = folder.json("other.json", &other);
    let ended = explain(&report, &["--cluster", other.to_str().unwrap()]).expect_code(2);
    assert!(ended.stderr.contains("other.json") && ended.stderr.contains("digest"), "{}", ended.stderr);
    // The snapshot is gone, and the report says where it was.
    std::fs::remove_file(folder.path("tiny.json")).unwrap();
    let ended = explain(&report, &[]).expect_code(2);
    assert!(ended.stderr.contains("--cluster"), "{}", ended.stderr);
    // Tampered with, of another version, and no report at all.
    let path = report.join("identity.json");
    let identity = std::fs::read_to_string(&path).unwrap();
    for (from, to, says) in [("\"engine\": \"poolproof", "\"engine\": \"poolproof 9", "engine"), ("{", "[", "JSON")] {
        std::fs::write(&path, identity.replacen(from, to, 1)).unwrap();
        let ended = explain(&report, &[]).expect_code(2);
        assert!(ended.stderr.contains("identity.json") && ended.stderr.contains(says), "{}", ended.stderr);
    }
    let nothing = explain(&folder.path("nowhere"), &[]).expect_code(2);
    assert!(nothing.stderr.contains("identity.json") && nothing.stderr.contains("report.json"), "{}", nothing.stderr);
}

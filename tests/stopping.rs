//! How many trials are drawn, seen from outside: as many as asked for, or as many as it takes, the same everywhere.

use scenarios::cases::cases;
use serde_json::{Value, json};

use crate::support::{Folder, poolproof, run};

/// The report of a change, from the command line.
fn report(folder: &Folder, change: &str, cluster: &str, arguments: &[&str]) -> (String, Value) {
    let ended = run(poolproof()
        .arg("score")
        .arg(folder.path(change))
        .arg("--cluster")
        .arg(folder.path(cluster))
        .args(["--format", "json"])
        .args(arguments))
    .expect_code(0);
    let report = serde_json::from_str(&ended.stdout).unwrap();
    (ended.stdout, report)
}

/// A change of a case study that hurts, and far from the next level, so that few trials are enough.
fn harmful() -> Folder {
    let folder = Folder::new();
    let case = cases().iter().find(|c| c.name == "storm-season").unwrap();
    folder.file("change.json", case.before.changes[0].text);
    folder.file("cluster.json", case.before.snapshot);
    folder
}

#[test]
fn sampling_stops_at_the_same_look_with_any_number_of_threads() {
    let folder = harmful();
    let [(one, first), (two, _)] =
        ["1", "2"].map(|threads| report(&folder, "change.json", "cluster.json", &["--threads", threads]));
    assert_eq!(one, two);
    let (trials, verdict) = (&first["trials"], &first["verdict"]);
    assert_eq!(trials["sampling"], "sequential");
    let count = trials["count"].as_u64().unwrap();
    assert!(count >= 1024 && count.is_multiple_of(256), "{trials}");
    let (low, high) = (verdict["scoreLow"].as_f64().unwrap(), verdict["scoreHigh"].as_f64().unwrap());
    match trials["stopped"].as_str().unwrap() {
        "width" => assert!(high - low <= 20.0, "{verdict}"),
        "decision" => assert_eq!(reports::score::level(low), reports::score::level(high), "{verdict}"),
        other => panic!("stopped by {other}: {verdict}"),
    }
}

#[test]
fn a_number_that_is_asked_for_is_the_number_of_trials() {
    let folder = harmful();
    for (arguments, count) in [(["--trials", "60"].as_slice(), 60), (&["--quick"], 200)] {
        let (_, report) = report(&folder, "change.json", "cluster.json", arguments);
        let trials = &report["trials"];
        assert_eq!(
            (&trials["count"], &trials["sampling"], &trials["stopped"]),
            (&json!(count), &json!("fixed"), &json!("budget"))
        );
        let outage = &report["risk"]["outage"]["proposal"];
        // From 200 on they are dealt by the number of failures, every one of them.
        let strata = report["risk"]["rareEvents"]["strata"].as_array();
        assert_eq!(strata.is_some(), count >= 200);
        if let Some(strata) = strata {
            let sum = |of: &dyn Fn(&Value) -> f64| strata.iter().map(of).sum::<f64>();
            assert_eq!(sum(&|s| s["trials"].as_f64().unwrap()), f64::from(count));
            assert!((sum(&|s| s["probability"].as_f64().unwrap()) - 1.0).abs() < 1e-6);
            for end in ["low", "estimate", "high"] {
                let parts = sum(&|s| s["proposal"][end].as_f64().unwrap());
                assert!((parts - outage[end].as_f64().unwrap()).abs() < 1e-8, "{end} of {outage}");
            }
            continue;
        }
        let events = (outage["estimate"].as_f64().unwrap() * f64::from(count)).round() as u64;
        let (low, high) = reports::estimate::clopper_pearson(events, count as u64, 0.05);
        assert!((outage["low"].as_f64().unwrap() - low).abs() < 1e-8, "{outage}");
        assert!((outage["high"].as_f64().unwrap() - high).abs() < 1e-8, "{outage}");
    }
}

/// With `--watch` every few trials a line says what is known so far, and that it is not the answer; no line knows less than the one
/// before, and the last of the lines is the answer.
#[test]
fn partial_answers_are_labelled_and_improve() {
    let folder = harmful();
    let arguments = ["--watch", "--format", "json", "--trials", "1024"];
    let mut command = poolproof();
    command
        .arg("score")
        .arg(folder.path("change.json"))
        .arg("--cluster")
        .arg(folder.path("cluster.json"))
        .args(arguments);
    let lines: Vec<Value> =
        run(&mut command).expect_code(0).stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (report, partial) = lines.split_last().unwrap();
    // Causes come before other plans are looked for.
    let (judged, partial) = partial.split_last().unwrap();
    assert_eq!(judged["partial"], true);
    assert!(!judged["causes"].as_array().unwrap().is_empty(), "{judged}");
    assert_eq!((&judged["causes"], &judged["verdict"]), (&report["causes"], &report["verdict"]));
    assert!(partial.len() >= 4 && partial.iter().all(|line| line["partial"] == true), "{partial:?}");
    assert_eq!((report["schema"].as_str(), &report["partial"]), (Some("poolproof.report/1"), &Value::Null));
    let width = |line: &Value| line["outage"]["high"].as_f64().unwrap() - line["outage"]["low"].as_f64().unwrap();
    let trials = |line: &Value| line["trials"].as_u64().unwrap();
    assert!(partial.windows(2).all(|two| trials(&two[0]) < trials(&two[1])));
    assert!(width(&partial[partial.len() - 1]) < 0.75 * width(&partial[0]), "{partial:?}");
    let last = &partial[partial.len() - 1];
    assert_eq!(last["trials"], report["trials"]["count"]);
    let score = |value: &Value| value.as_f64().unwrap();
    assert!((score(&last["score"]) - score(&report["verdict"]["score"])).abs() < 1e-6, "{last}");
}

//! What is foretold is remembered beside what comes, and held against it: worker, memory and `backtest` from outside.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Folder, poolproof, record, run, run_with_input, scale, snapshot};
use crate::worker::{Place, tally};

/// The memory of a place as the command line names it.
fn memory(place: &Place) -> String {
    format!("sqlite:{}", place.0.path("memory.db").display())
}

/// The history of a place.
fn rows(place: &Place) -> Vec<Value> {
    let ended = run(poolproof().args(["backtest", &memory(place), "--format", "rows"])).expect_code(0);
    ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The proposal that `record` tells the execution of, ten minutes before.
fn proposed() -> Value {
    let mut proposal = scale("tiny", 4);
    proposal["time"] = json!("2026-03-02T05:50:00Z");
    proposal
}

fn stated(correlation: &str) -> Value {
    json!({"schema": "poolproof.outcome/1", "correlationId": correlation, "outageMinutes": 2.5, "time": "2026-03-02T09:00:00Z"})
}

#[test]
fn what_was_foretold_meets_what_came() {
    let place = Place::new();
    let memory = memory(&place);
    // Completed before it was proposed, and everything twice: the row is the same.
    let messages = [record("c-1", "Succeeded", 9), stated("c-1"), proposed(), record("c-1", "Started", 0)];
    for round in 0..2 {
        place.submit(&messages);
        let ended = run(&mut place.few(&["--until-empty", "--memory", &memory])).expect_code(0);
        assert_eq!(tally(&ended)["outcomes"], 1, "round {round}");
        let rows = rows(&place);
        assert_eq!(rows.len(), 1, "{rows:#?}");
        let row = &rows[0];
        assert_eq!(row["schema"], "poolproof.history/1");
        assert_eq!((&row["operation"], &row["prediction"]["phase"]), (&json!("scale"), &json!("proposed")));
        assert_eq!(row["startedAt"], "2026-03-02T06:00:00Z");
        let expected = json!({"succeeded": true, "durationMinutes": 9.0, "outage": true, "outageMinutes": 2.5, "mitigated": false});
        assert_eq!(row["outcome"], expected);
        assert_eq!(row["prediction"]["durationMinutes"].as_array().unwrap().len(), 19);
        assert!(row["prediction"]["response"]["machines"].as_f64().unwrap() >= 1.0);
    }
    // The same as a file of rows, from standard input, in every form.
    let lines = run(poolproof().args(["backtest", &memory, "--format", "rows"])).stdout;
    let json = run_with_input(poolproof().args(["backtest", "-", "--format", "json"]), lines.as_bytes()).expect_code(0);
    let document: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(document["history"]["used"], 1);
    assert_eq!(document["success"]["verdict"], "tooFew");
    let out = place.0.path("backtest");
    let ended = run(poolproof().arg("backtest").arg(place.0.path("memory.db")).arg("--out").arg(&out)).expect_code(0);
    assert!(ended.stdout.contains("Operations that end well"), "{}", ended.stdout);
    for file in ["backtest.json", "backtest.html", "backtest.md", "charts/reliability-success.svg"] {
        assert!(out.join(file).is_file(), "{file}");
    }
}

#[test]
fn an_outcome_without_a_memory_is_not_lost() {
    let place = Place::new();
    place.submit(&[stated("c-1"), proposed()]);
    let ended = run(&mut place.few(&["--until-empty"])).expect_code(0);
    assert_eq!(ended.stderr.matches("outcomes are not remembered").count(), 1, "said once");
    let list = run(poolproof().args(["queue", "list", "--dead", "--format", "json", "--queue", &place.0.queue()]));
    assert!(list.stdout.contains("no --memory"), "{}", list.stdout);
}

#[test]
fn a_completed_change_is_told_beside_its_beginning() {
    let place = Place::new();
    let memory = memory(&place);
    place.submit(&[record("c-1", "Started", 0)]);
    run(&mut place.few(&["--until-empty", "--memory", &memory])).expect_code(0);
    place.submit(&[record("c-1", "Succeeded", 9)]);
    run(&mut place.few(&["--until-empty", "--memory", &memory])).expect_code(0);
    let reports = place.documents();
    assert_eq!(reports.len(), 1);
    assert_eq!(reports[0]["change"]["source"]["startedAt"], "2026-03-02T06:00:00Z");
    let lived = &reports[0]["inFlight"];
    assert_eq!((&lived["over"], &lived["elapsedMinutes"]), (&json!(true), &json!(9.0)), "{lived:#}");
    // Two machines more take minutes, not nine.
    assert_eq!(lived["standing"], "tookLonger");
    let findings = reports[0]["findings"].to_string();
    assert!(findings.contains("outside-predicted-band"), "{findings}");
}

#[test]
fn killed_workers_forget_nothing() {
    let place = Place::new();
    let memory = memory(&place);
    let messages: Vec<Value> = (0..10)
        .flat_map(|i| {
            ["Started", "Succeeded"]
                .map(|status| record(&format!("c-{i}"), status, if status == "Started" { 0 } else { 9 }))
        })
        .collect();
    place.submit(&messages);
    for round in 0..8 {
        let mut workers: Vec<_> = (0..2)
            .map(|_| place.few(&["--until-empty", "--memory", &memory, "--lease", "0.5"]).spawn().unwrap())
            .collect();
        std::thread::sleep(Duration::from_millis(120 + 90 * round));
        for worker in &mut workers {
            let _ = worker.kill();
            worker.wait().unwrap();
        }
    }
    run(&mut place.few(&["--until-empty", "--memory", &memory])).expect_code(0);
    let rows = rows(&place);
    assert_eq!(rows.len(), 10);
    for row in &rows {
        assert_eq!(
            (&row["outcome"]["succeeded"], &row["outcome"]["durationMinutes"]),
            (&json!(true), &json!(9.0)),
            "{row:#}"
        );
        assert!(row["prediction"].is_object(), "{row:#}");
    }
    assert_eq!(place.reports().len(), 10);
}

#[test]
fn what_was_learned_is_used_where_it_is_named() {
    let folder = Folder::new();
    let rows: Vec<String> = (0..40)
        .map(|i| {
            let minutes = 2.0 + 2.5 + 20.0 * (1.0 + 0.01 * f64::from(i % 7));
            json!({"change": format!("c-{i}"), "prediction": {"success": 0.99, "response": {"fixed": 2, "provision": 2.5, "reimage": 10,
                "spread": 0.1, "machines": 1}}, "outcome": {"succeeded": true, "durationMinutes": minutes}})
            .to_string()
        })
        .collect();
    let history = folder.file("history.jsonl", rows.join("\n"));
    let learned = folder.path("learned.json");
    let ended = run(poolproof().arg("backtest").arg(&history).arg("--learn").arg(&learned)).expect_code(0);
    assert!(ended.stdout.contains("Learned from 40 operations"), "{}", ended.stdout);
    let cluster = folder.json("tiny.json", &snapshot("tiny"));
    let mut upgrade = scale("tiny", 4);
    upgrade["operation"] = json!({"kind": "upgrade", "nodeImageOnly": true});
    upgrade["settings"] = json!({"trials": 100});
    let change = folder.json("change.json", &upgrade);
    let score = |with: bool| {
        let mut command = poolproof();
        command.arg("score").arg(&change).arg("--cluster").arg(&cluster).args(["--format", "json"]);
        if with {
            command.arg("--learned").arg(&learned);
        }
        serde_json::from_str::<Value>(&run(&mut command).expect_code(0).stdout).unwrap()
    };
    let (before, after) = (score(false), score(true));
    assert_ne!(before["id"], after["id"]);
    let p50 = |report: &Value| report["operation"]["durationMinutes"]["p50"].as_f64().unwrap();
    assert!(p50(&after) > 1.3 * p50(&before), "{} for {}", p50(&after), p50(&before));
    let assumed = after["coverage"]["assumptions"].to_string();
    assert!(assumed.contains("learned from 40 operations of this history"), "{assumed}");
    // Whatever else is named there is refused with all that is wrong.
    let ended = run(poolproof().arg("score").arg(&change).arg("--learned").arg(&history)).expect_code(2);
    assert!(ended.stderr.contains("poolproof.learned/1"), "{}", ended.stderr);
}

#[test]
fn broken_histories_are_refused_with_every_fault() {
    let folder = Folder::new();
    let check = |name: &str, content: &str, expected: &[&str]| {
        let file: PathBuf = folder.file(name, content);
        let ended = run(poolproof().arg("backtest").arg(&file)).expect_code(2);
        for words in expected {
            assert!(ended.stderr.contains(words), "{words:?} is missing: {}", ended.stderr);
        }
    };
    check(
        "rows.jsonl",
        "{\"change\":\"a\",\"prediction\":{\"outage\":7}}\n{\"change\":3}\n{\"schema\":\"poolproof.history/9\",\"change\":\"a\"}\n",
        &["rows.jsonl: [0].prediction.outage", "[1]: found invalid type", "[2].schema: found poolproof.history/9"],
    );
    check("bytes", "\u{0}", &["[0]"]);
    let ended = run(poolproof().args(["backtest", "sqlite:nowhere.db"])).expect_code(1);
    assert!(ended.stderr.contains("there is no memory file nowhere.db"), "{}", ended.stderr);
    let queue = run(poolproof().args(["submit", "-", "--queue"]).arg(folder.queue())).expect_code(0);
    drop(queue);
    let ended = run(poolproof().arg("backtest").arg(folder.path("queue.db"))).expect_code(1);
    assert!(ended.stderr.contains("is not a poolproof memory file"), "{}", ended.stderr);
}

//! The demonstration as a user runs it: twice into one folder, from the real binary.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use scenarios::cases::{Case, cases};
use serde_json::Value;

use crate::support::{Ended, Folder, poolproof, run};

/// Few trials: this is about the path, not the figures.
const TRIALS: &str = "60";

#[test]
fn the_demo_ends_with_tables_and_an_index_and_can_be_repeated() {
    let folder = Folder::new();
    let out = folder.path("demo");
    let first = demo(&out);
    check_tables(&first.stdout);
    let ids = check_reports(&out);
    check_index(&out, &ids);
    let bytes = contents(&out, &ids);

    let second = demo(&out);
    assert_eq!(first.stdout, second.stdout);
    assert_eq!(check_reports(&out), ids, "a repeat adds no report");
    assert_eq!(contents(&out, &ids), bytes);
    check_queue_is_empty(&out);
}

/// Enough trials that causes are shared out and bad trials told.
#[test]
fn in_every_report_shares_add_up_and_courses_are_proven() {
    let folder = Folder::new();
    let out = folder.path("demo");
    run(poolproof().args(["demo", "--trials", "1024", "--out"]).arg(&out)).expect_code(0);
    let (mut shared_out, mut told) = (0, 0);
    for report in reports(&out) {
        let id = &report["id"];
        let folder = out.join("reports").join(id.as_str().unwrap());
        check_plain_words(&report, &fs::read_to_string(folder.join("report.md")).unwrap());
        let shares: Vec<f64> =
            report["causes"].as_array().unwrap().iter().filter_map(|c| c["shapley"].as_f64()).collect();
        if let Some(attribution) = report["attribution"].as_object() {
            let total = attribution["with"].as_f64().unwrap() - attribution["without"].as_f64().unwrap();
            assert!((shares.iter().sum::<f64>() - total).abs() < 1e-6, "{id}: {shares:?} of {attribution:?}");
            shared_out += 1;
        } else {
            assert!(shares.is_empty(), "{id}");
        }
        for course in report["courses"].as_array().into_iter().flatten() {
            assert_eq!(course["proven"], true, "{id}");
            assert!(course["steps"].as_array().unwrap().iter().any(|step| step["needed"] == true), "{id}");
            told += 1;
        }
    }
    assert!(shared_out >= 6 && told >= 6, "{shared_out} shared out, {told} told");
}

/// What the risk section must say of every change: what was estimated, over which time, how sure it is, what would make it surer.
fn check_plain_words(report: &Value, markdown: &str) {
    let read: reports::Report = serde_json::from_value(report.clone()).unwrap();
    let sentences = reports::plainly::risk(&read);
    let told = sentences.join(" ");
    let time = told.split(" in the ").nth(1).unwrap().split(" from now on").next().unwrap();
    let (number, unit) = time.split_once(' ').unwrap();
    let hours = number.parse::<f64>().unwrap() / if unit == "minutes" { 60.0 } else { 1.0 };
    assert!((hours / read.trials.horizon_hours - 1.0).abs() < 0.01, "{told}");
    for part in [
        "Estimated was how likely it is that some system workload is out for more than 1 min",
        "followed for up to|By then everything was over",
        "given what is not known of this cluster; error of the simulation \u{00b1}",
        "when nothing is done",
        "What would make it surer: ",
    ] {
        assert!(part.split('|').any(|one| told.contains(one)), "{part:?} is missing: {told}");
    }
    // What would help is named.
    assert!(["--trials", "--thorough", "to know it, "].iter().any(|help| told.contains(help)), "{told}");
    let words: Vec<&str> = told.split([' ', ',', ';', '.', '(', ')']).collect();
    let plural =
        |two: &&[&str]| two[0] == "1" && ["pods", "points", "trials", "nodes", "hours", "days"].contains(&two[1]);
    assert_eq!(words.windows(2).find(plural), None, "{told}");
    assert!(!told.contains("NaN") && !told.contains("inf "), "{told}");
    for sentence in &sentences {
        let start = sentence.split(['`', '*', '_', '<']).next().unwrap();
        assert!(markdown.contains(start), "{start:?} is not in the Markdown");
        assert!(sentence.ends_with('.'), "{sentence:?}");
    }
}

fn demo(out: &Path) -> Ended {
    let ended = run(poolproof().args(["demo", "--trials", TRIALS, "--out"]).arg(out)).expect_code(0);
    // No terminal, no bar; nothing to complain about either.
    assert_eq!(ended.stderr, "");
    ended
}

fn messages() -> usize {
    let of = |case: &Case| case.before.changes.len() + case.after.changes.len();
    cases().iter().map(of).sum()
}

/// One table with every change, one with every case, then the way to the index page.
fn check_tables(stdout: &str) {
    let parts: Vec<&str> = stdout.split("\n\n").collect();
    let [changes, comparison, index] = parts.as_slice() else {
        panic!("three parts expected: {stdout}");
    };
    assert_eq!(changes.lines().count(), 1 + messages(), "{changes}");
    assert_eq!(comparison.lines().count(), 1 + cases().len(), "{comparison}");
    for case in cases() {
        let rows: Vec<&str> = changes.lines().filter(|l| l.starts_with(case.name)).collect();
        assert!(rows.iter().any(|r| r.contains(" before ")), "{changes}");
        assert!(rows.iter().any(|r| r.contains(" after ")), "{changes}");
        assert!(comparison.contains(case.name), "{comparison}");
        for row in rows {
            let decided = ["proceed", "review", "stop"].iter().any(|d| row.contains(d));
            assert!(decided && row.contains('[') && row.contains(']'), "{row}");
        }
    }
    assert!(Path::new(index.trim_end()).ends_with("index.html"), "{index}");
}

fn reports(out: &Path) -> Vec<Value> {
    let folders = fs::read_dir(out.join("reports")).unwrap().map(|entry| entry.unwrap().path());
    let folders = folders.filter(|path| path.is_dir() && !path.ends_with(".changes"));
    let report = |path: std::path::PathBuf| {
        let report: Value = serde_json::from_slice(&fs::read(path.join("report.json")).unwrap()).unwrap();
        assert_eq!(path.file_name().unwrap().to_str(), report["id"].as_str());
        report
    };
    folders.map(report).collect()
}

/// Every report folder is complete; gives the ids.
fn check_reports(out: &Path) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    for report in reports(out) {
        let id = report["id"].as_str().unwrap().to_owned();
        let path = out.join("reports").join(&id);
        assert_eq!(report["schema"], "poolproof.report/1");
        assert!(!report["verdict"]["why"].as_array().unwrap().is_empty(), "{id}");
        for file in ["report.html", "report.md", "run.json"] {
            assert!(fs::metadata(path.join(file)).unwrap().len() > 0, "{id}/{file}");
        }
        let charts = fs::read_dir(path.join("charts")).unwrap().count();
        assert!(charts > 0, "{id} has charts");
        ids.insert(id);
    }
    assert_eq!(ids.len(), messages());
    ids
}

/// The index groups the cases, links every report, and every link leads somewhere.
fn check_index(out: &Path, ids: &BTreeSet<String>) {
    let page = fs::read_to_string(out.join("index.html")).unwrap();
    let targets = page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let (places, links): (Vec<&str>, Vec<&str>) = targets.partition(|target| target.starts_with('#'));
    let links: BTreeSet<String> = links.into_iter().map(str::to_owned).collect();
    let expected: BTreeSet<String> = ids.iter().map(|id| format!("reports/{id}/report.html")).collect();
    assert_eq!(links, expected);
    assert!(links.iter().all(|link| out.join(link).is_file()));
    for case in cases() {
        assert!(page.contains(&format!("id=\"{}\"", case.name)), "{}", case.name);
        assert!(places.contains(&&*format!("#{}", case.name)), "{}", case.name);
    }
    assert_eq!(page.matches("<b>Before</b>").count(), cases().len());
    assert_eq!(page.matches("<b>After</b>").count(), cases().len());
}

fn contents(out: &Path, ids: &BTreeSet<String>) -> Vec<Vec<u8>> {
    let read = |id: &String| fs::read(out.join("reports").join(id).join("report.json")).unwrap();
    ids.iter().map(read).collect()
}

fn check_queue_is_empty(out: &Path) {
    let queue = format!("sqlite:{}", out.join("queue.db").display());
    let listed = run(poolproof().args(["queue", "list", "--queue", &queue])).expect_code(0);
    for state in ["waiting", "delayed", "leased", "dead"] {
        assert!(!listed.stdout.contains(state), "{}", listed.stdout);
    }
}

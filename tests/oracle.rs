//! Decisions recorded from kube-scheduler v1.34.1 (default profile), compared one by one with those of `scenarios::place`: what
//! each filter says of each node, with plugin, reasons and code; the weighted score of every plugin on each feasible node; the
//! best nodes; the victims of preemption on each candidate. A case goes on as our own decisions say, so one that differs
//! shows again in those after it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use scenarios::place::{Case, Way};
use serde_json::Value;

/// Every recorded decision of every family, all of whose disagreements are shown.
#[test]
fn decisions_are_those_of_kube_scheduler() {
    agree(Way::Scan);
}

/// The same where the simulator's index says which nodes are feasible, and what their scores come to.
#[test]
fn decisions_by_the_index_are_those_of_kube_scheduler() {
    agree(Way::Index);
}

fn agree(way: Way) {
    let folders = folders();
    assert!(!folders.is_empty(), "no recorded decisions");
    for folder in folders {
        let mut families: Vec<PathBuf> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
        families.retain(|path| path.is_dir());
        families.sort();
        let (mut wrong, mut total) = (Vec::new(), Count::default());
        for family in &families {
            let count = check(family, way, &mut wrong);
            println!("{:14} {count}", family.file_name().unwrap().to_string_lossy());
            total.add(&count);
        }
        println!("{:14} {total}", "all");
        let shown = wrong[..wrong.len().min(20)].join("\n");
        assert!(wrong.is_empty(), "{} disagreements in {}\n{shown}", wrong.len(), folder.display());
        let indexed = if way == Way::Index { total.decisions * 4 / 5 } else { 0 };
        assert!(total.by_index >= indexed, "the index left most decisions to the scan");
        assert!(families.len() >= 19 && total.decisions > 500, "the records are not all there");
    }
}

/// The set in this repository, or one that is named; and the larger one where it lies beside the repository.
fn folders() -> Vec<PathBuf> {
    if let Some(folder) = std::env::var_os("POOLPROOF_ORACLE_DIR") {
        return vec![folder.into()];
    }
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let mut folders = vec![root.join("tests/data/oracle"), root.join("../shared/oracle")];
    folders.retain(|folder| folder.is_dir());
    folders
}

/// What was compared.
#[derive(Default)]
struct Count {
    cases: usize,
    decisions: usize,
    agree: usize,
    verdicts: usize,
    scores: usize,
    preemptions: usize,
    by_index: usize,
}

impl Count {
    fn add(&mut self, other: &Count) {
        self.cases += other.cases;
        self.decisions += other.decisions;
        self.agree += other.agree;
        self.verdicts += other.verdicts;
        self.scores += other.scores;
        self.preemptions += other.preemptions;
        self.by_index += other.by_index;
    }
}

impl std::fmt::Display for Count {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let Count { cases, decisions, agree, verdicts, scores, preemptions, by_index } = self;
        write!(
            f,
            "{cases:3} cases {agree:5} of {decisions:5} decisions agree ({verdicts} verdicts, {scores} scored nodes, {preemptions} dry runs; {by_index} by the index)"
        )
    }
}

fn check(family: &Path, way: Way, wrong: &mut Vec<String>) -> Count {
    let mut files: Vec<PathBuf> = family.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut count = Count::default();
    for file in files {
        let record: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        let case = Case::from_record(&record).unwrap();
        let ours = case.to_json(way);
        assert_eq!(ours["case"], record["case"]["name"]);
        count.by_index += ours["byIndex"].as_u64().unwrap_or(0) as usize;
        let (ours, theirs) = (ours["decisions"].as_array().unwrap(), record["decisions"].as_array().unwrap());
        assert_eq!(ours.len(), theirs.len(), "{}", case.name);
        count.cases += 1;
        for (ours, theirs) in ours.iter().zip(theirs) {
            let found = differences(ours, theirs);
            count.decisions += 1;
            count.agree += usize::from(found.is_empty());
            count.verdicts += entries(&theirs["filter"]);
            count.scores += entries(&theirs["scores"]);
            count.preemptions += entries(&theirs["preemption"]["candidates"]);
            wrong.extend(found.iter().map(|line| format!("{} {}: {line}", case.name, theirs["pod"])));
        }
    }
    count
}

fn entries(value: &Value) -> usize {
    value.as_object().map_or_else(|| value.as_array().map_or(0, Vec::len), serde_json::Map::len)
}

/// Every field of either, reasons as sets.
fn differences(ours: &Value, theirs: &Value) -> Vec<String> {
    let fields: BTreeSet<&String> = [ours, theirs].into_iter().flat_map(|d| d.as_object().unwrap().keys()).collect();
    let mut found = Vec::new();
    for field in fields {
        match (&ours[field], &theirs[field]) {
            // Why there was no preemption is not a text of the scheduler's.
            (Value::String(_), Value::String(_)) if field == "noPreemption" => {}
            (Value::Object(ours), Value::Object(theirs)) if field == "filter" || field == "scores" => {
                let nodes: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
                for node in nodes {
                    let (have, want) = (ours.get(node).map(as_set), theirs.get(node).map(as_set));
                    if have != want {
                        found.push(format!("{field} {node}: want {want:?}, have {have:?}"));
                    }
                }
            }
            (have, want) if as_set(have) != as_set(want) => found.push(format!("{field}: want {want}, have {have}")),
            _ => {}
        }
    }
    found
}

/// The same value with every list of reasons and every list of names sorted.
fn as_set(value: &Value) -> Value {
    match value {
        Value::Array(list) => {
            let mut list: Vec<Value> = list.iter().map(as_set).collect();
            list.sort_by_key(ToString::to_string);
            list.into()
        }
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), as_set(value))).collect(),
        other => other.clone(),
    }
}

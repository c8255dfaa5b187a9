//! Decisions recorded from kube-scheduler v1.34.1 (default profile), compared one by one: what each filter says of each
//! node, with plugin, reasons and code; the weighted score of each modelled plugin on each feasible node; the victims of
//! preemption on each candidate. Plugins that are not modelled come last in their order, so what they refuse counts as
//! feasible here, and scores are taken over the nodes the record calls feasible. Left out: what pods that ask for the host
//! name get on the few nodes that lack its label (on AKS every node has it), and the NodeResourcesFit score of pods with
//! pod-level resources while they are placed (v1.34.1 overlooks them there, but not once they are bound).
#![allow(clippy::unwrap_used)]

mod compare;
mod object;
mod state;

use std::path::{Path, PathBuf};

use serde_json::Value;

use compare::Count;
use object::{each, text};
use state::{State, identity};

#[test]
fn basics() {
    check("basics", 80);
}

#[test]
fn resources() {
    check("resources", 400);
}

#[test]
fn podspec() {
    check("podspec", 340);
}

#[test]
fn apidefaults() {
    check("apidefaults", 320);
}

#[test]
fn taints() {
    check("taints", 410);
}

#[test]
fn nodeaffinity() {
    check("nodeaffinity", 380);
}

#[test]
fn hostports() {
    check("hostports", 380);
}

#[test]
fn preemption() {
    check("preemption", 220);
}

#[test]
fn nominated() {
    check("nominated", 100);
}

#[test]
fn mixed() {
    check("mixed", 100);
}

#[test]
fn images() {
    check("images", 100);
}

#[test]
fn spread() {
    for family in ["spread-hard", "spread-soft", "spread-mixed", "spread-default"] {
        check(family, 100);
    }
}

#[test]
fn podaffinity() {
    check("podaffinity", 100);
}

#[test]
fn aks() {
    for family in ["aks", "aks-tight"] {
        check(family, 100);
    }
}

#[test]
fn aks_large() {
    check("aks-large", 100);
}

/// Compares every decision of a family, of which there must be at least `least`.
fn check(family: &str, least: usize) {
    let Some(folder) = folder() else {
        eprintln!("skipped: no recorded decisions (set POOLPROOF_ORACLE_DIR)");
        return;
    };
    let mut files: Vec<PathBuf> = folder.join(family).read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let (mut count, mut wrong) = (Count::default(), Vec::new());
    for file in files {
        let record: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        let name = text(&record["case"]["name"]);
        wrong.extend(play(&record, &mut count).into_iter().map(|line| format!("{name}: {line}")));
    }
    eprintln!("{family}: {count:?}, {} disagreements", wrong.len());
    assert!(wrong.is_empty(), "{} disagreements\n{}", wrong.len(), wrong[..wrong.len().min(20)].join("\n"));
    assert!(count.decisions >= least, "only {} decisions", count.decisions);
}

fn folder() -> Option<PathBuf> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/oracle");
    let folder = std::env::var_os("POOLPROOF_ORACLE_DIR").map_or_else(|| PathBuf::from(beside), PathBuf::from);
    Path::is_dir(&folder).then_some(folder)
}

/// Plays one case and returns what differs.
fn play(record: &Value, count: &mut Count) -> Vec<String> {
    let case = &record["case"];
    let mut state = State::new(case);
    let mut wrong = Vec::new();
    for (order, (decision, object)) in each(&record["decisions"]).zip(each(&case["pending"])).enumerate() {
        assert_eq!(decision["pod"], identity(object));
        let pod = state.index[&identity(object)];
        let reserved = state.reserved(pod);
        let mut differ = |what: &str, want: &Value, have: &Value| {
            if want != have {
                wrong.push(format!("{} {what}: want {want}, have {have}", text(&decision["pod"])));
            }
        };
        count.decisions += 1;
        if decision["filter"].is_object() {
            compare::filters(&state, pod, &reserved, decision, count, &mut differ);
            compare::scores(&state, pod, &reserved, decision, count, &mut differ);
        } else {
            compare::summary(&state, pod, &reserved, decision, &mut differ);
        }
        if decision["feasibleCount"] == 0
            && decision["filter"].is_object()
            && alone(case, object)
            && state.names_known(pod)
        {
            compare::preemption(&state, pod, &reserved, decision, count, &mut differ);
        }
        carry_on(&mut state, pod, order, decision);
    }
    wrong
}

/// True where neither the pod's terms on other pods nor theirs on it can decide.
fn alone(case: &Value, pod: &Value) -> bool {
    let spec = &pod["spec"];
    let labels = object::map(&pod["metadata"]["labels"]);
    let selects = |term: &Value| {
        let selector = &term["labelSelector"];
        object::map(&selector["matchLabels"]).iter().all(|(key, value)| labels.get(key) == Some(value))
    };
    let repels = |other: &Value| {
        let terms = &other["spec"]["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
        each(terms).any(selects)
    };
    spec["affinity"]["podAffinity"].is_null()
        && spec["affinity"]["podAntiAffinity"].is_null()
        && spec["topologySpreadConstraints"].is_null()
        && !each(&case["pods"]).chain(each(&case["pending"])).any(repels)
}

/// Brings the state to where the record goes on.
fn carry_on(state: &mut State, pod: usize, order: usize, decision: &Value) {
    for victim in each(&decision["preemption"]["victims"]) {
        state.remove(state.index[&text(victim)]);
    }
    for cleared in each(&decision["nominationCleared"]) {
        let cleared = state.index[&text(cleared)];
        state.pods[cleared].nominated = None;
    }
    let bound = decision["bound"].as_str().or_else(|| decision["boundAfterPreemption"].as_str());
    if let Some(name) = bound {
        let node = state.node(name);
        state.start(pod, node, order);
    }
}

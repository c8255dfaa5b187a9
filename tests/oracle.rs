//! Decisions recorded from kube-scheduler v1.34.1 (default profile), compared one by one: what each filter says of each
//! node, with plugin, reasons and code; the weighted score of each modelled plugin on each feasible node; the victims of
//! preemption on each candidate. Plugins that are not modelled come last in their order, so what they refuse counts as
//! feasible here, and scores are taken over the nodes the record calls feasible. Left out: what pods that ask for the host
//! name get on the few nodes that lack its label (on AKS every node has it).
#![allow(clippy::unwrap_used)]

mod object;
mod quantity;
mod requests;
mod state;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use simulator::scheduler::{
    Code, Explanation, Rejection, Scratch, decide, dry_run, explain, preempt,
};
use simulator::{Id, NodeId};

use object::{each, text};
use state::{Reserved, State, identity};

/// Plugins this project knows, by the names in the record; the empty one stands for nodes left out in advance.
const FILTERS: [&str; 7] = [
    "",
    "NodeUnschedulable",
    "NodeName",
    "TaintToleration",
    "NodeAffinity",
    "NodePorts",
    "NodeResourcesFit",
];
const SCORES: [&str; 4] = [
    "TaintToleration",
    "NodeAffinity",
    "NodeResourcesFit",
    "NodeResourcesBalancedAllocation",
];

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
    for family in [
        "spread-hard",
        "spread-soft",
        "spread-mixed",
        "spread-default",
    ] {
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

/// What was compared in one family.
#[derive(Debug, Default)]
struct Count {
    decisions: usize,
    verdicts: usize,
    scores: usize,
    preemptions: usize,
}

/// Compares every decision of a family, of which there must be at least `least`.
fn check(family: &str, least: usize) {
    let Some(folder) = folder() else {
        eprintln!("skipped: no recorded decisions (set POOLPROOF_ORACLE_DIR)");
        return;
    };
    let mut files: Vec<PathBuf> = folder
        .join(family)
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let (mut count, mut wrong) = (Count::default(), Vec::new());
    for file in files {
        let record: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        let name = text(&record["case"]["name"]);
        wrong.extend(
            play(&record, &mut count)
                .into_iter()
                .map(|line| format!("{name}: {line}")),
        );
    }
    eprintln!("{family}: {count:?}, {} disagreements", wrong.len());
    assert!(
        wrong.is_empty(),
        "{} disagreements\n{}",
        wrong.len(),
        wrong[..wrong.len().min(20)].join("\n")
    );
    assert!(
        count.decisions >= least,
        "only {} decisions",
        count.decisions
    );
}

fn folder() -> Option<PathBuf> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/oracle");
    let folder = std::env::var_os("POOLPROOF_ORACLE_DIR")
        .map_or_else(|| PathBuf::from(beside), PathBuf::from);
    Path::is_dir(&folder).then_some(folder)
}

/// Plays one case and returns what differs.
fn play(record: &Value, count: &mut Count) -> Vec<String> {
    let case = &record["case"];
    let mut state = State::new(case);
    let mut wrong = Vec::new();
    for (order, (decision, object)) in each(&record["decisions"])
        .zip(each(&case["pending"]))
        .enumerate()
    {
        assert_eq!(decision["pod"], identity(object));
        let pod = state.index[&identity(object)];
        let reserved = state.reserved(pod);
        let mut differ = |what: &str, want: &Value, have: &Value| {
            if want != have {
                wrong.push(format!(
                    "{} {what}: want {want}, have {have}",
                    text(&decision["pod"])
                ));
            }
        };
        count.decisions += 1;
        if decision["filter"].is_object() {
            compare_filters(&state, pod, &reserved, decision, count, &mut differ);
            compare_scores(&state, pod, &reserved, decision, count, &mut differ);
        } else {
            compare_summary(&state, pod, &reserved, decision, &mut differ);
        }
        if decision["feasibleCount"] == 0
            && decision["filter"].is_object()
            && alone(case, object)
            && state.names_known(pod)
        {
            compare_preemption(&state, pod, &reserved, decision, count, &mut differ);
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
        object::map(&selector["matchLabels"])
            .iter()
            .all(|(key, value)| labels.get(key) == Some(value))
    };
    let repels = |other: &Value| {
        let terms = &other["spec"]["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
        each(terms).any(selects)
    };
    spec["affinity"]["podAffinity"].is_null()
        && spec["affinity"]["podAntiAffinity"].is_null()
        && spec["topologySpreadConstraints"].is_null()
        && !each(&case["pods"])
            .chain(each(&case["pending"]))
            .any(repels)
}

type Differ<'a> = dyn FnMut(&str, &Value, &Value) + 'a;

fn compare_filters(
    state: &State,
    pod: usize,
    reserved: &Reserved,
    decision: &Value,
    count: &mut Count,
    differ: &mut Differ,
) {
    let views = (0..state.nodes.len()).map(|i| state.view(reserved, i));
    let Explanation { verdicts, .. } = explain(&state.compat, state.incoming(pod), views);
    for (node, verdict) in verdicts {
        let name = &state.nodes[node.index()].name;
        if state.nodes[node.index()].nameless && state.asks_hostname(pod) {
            continue;
        }
        let want = match &decision["preFilter"] {
            Value::Null => modelled(&decision["filter"][name]),
            refused => sorted(refused),
        };
        differ(
            &format!("filter {name}"),
            &want,
            &verdict.map_or(Value::Null, |rejection| written(state, rejection)),
        );
        count.verdicts += 1;
    }
}

/// The recorded verdict of a modelled plugin; null otherwise.
fn modelled(recorded: &Value) -> Value {
    each(recorded)
        .find(|entry| FILTERS.contains(&entry["plugin"].as_str().unwrap()))
        .map_or(Value::Null, sorted)
}

fn sorted(entry: &Value) -> Value {
    let reasons: BTreeSet<String> = each(&entry["reasons"]).map(text).collect();
    json!({"plugin": entry["plugin"], "reasons": reasons, "code": entry["code"]})
}

fn written(state: &State, rejection: Rejection) -> Value {
    let reasons: BTreeSet<String> = rejection
        .reasons(&state.compat)
        .iter()
        .map(ToString::to_string)
        .collect();
    let code = match rejection.code() {
        Code::Unschedulable => "Unschedulable",
        Code::UnschedulableAndUnresolvable => "UnschedulableAndUnresolvable",
    };
    json!({"plugin": rejection.plugin(), "reasons": reasons, "code": code})
}

fn compare_scores(
    state: &State,
    pod: usize,
    reserved: &Reserved,
    decision: &Value,
    count: &mut Count,
    differ: &mut Differ,
) {
    let Some(recorded) = decision["scores"].as_object() else {
        return;
    };
    let names: Vec<&String> = recorded.keys().collect();
    let views = || {
        names
            .iter()
            .map(|name| state.view(reserved, state.node(name)))
    };
    let Explanation { scores, .. } = explain(&state.compat, state.incoming(pod), views());
    for (node, scores) in &scores {
        let name = &state.nodes[node.index()].name;
        let parts = [
            Some(scores.taint_toleration),
            scores.node_affinity,
            Some(scores.node_resources_fit),
            scores.balanced_allocation,
        ];
        let have: Map<String, Value> = SCORES
            .iter()
            .zip(parts)
            .filter_map(|(plugin, score)| Some(((*plugin).to_owned(), json!(score?))))
            .collect();
        let want: Map<String, Value> = recorded[name]
            .as_object()
            .unwrap()
            .iter()
            .filter(|(k, _)| SCORES.contains(&k.as_str()))
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect();
        differ(
            &format!("scores {name}"),
            &Value::Object(want),
            &Value::Object(have),
        );
        count.scores += 1;
    }
    // The node that is chosen must be one of the best by the same numbers, and every tie reachable.
    let best = scores.iter().map(|(_, s)| s.total()).max();
    let winners: Vec<NodeId> = scores
        .iter()
        .filter(|(_, s)| Some(s.total()) == best)
        .map(|(node, _)| *node)
        .collect();
    for (i, winner) in winners.iter().enumerate() {
        let mut ties = 1;
        let mut scratch = Scratch::default();
        let chosen = decide(
            &state.compat,
            state.incoming(pod),
            views(),
            &mut scratch,
            |n| {
                ties = n;
                i as u32
            },
        );
        differ(
            "chosen",
            &json!([winner.0, winners.len()]),
            &json!([chosen.map(|n| n.0), ties]),
        );
    }
}

/// Only sums are recorded of large clusters: nodes by plugin and reason.
fn compare_summary(
    state: &State,
    pod: usize,
    reserved: &Reserved,
    decision: &Value,
    differ: &mut Differ,
) {
    let views = (0..state.nodes.len()).map(|i| state.view(reserved, i));
    let mut have = Map::new();
    for (_, verdict) in explain(&state.compat, state.incoming(pod), views).verdicts {
        let Some(rejection) = verdict else { continue };
        for reason in rejection.reasons(&state.compat) {
            let entry = have.entry(rejection.plugin()).or_insert(json!({}));
            let nodes = entry[reason.to_string()].as_u64().unwrap_or(0);
            entry[reason.to_string()] = json!(nodes + 1);
        }
    }
    let known = decision["filterSummary"]
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(k, _)| FILTERS.contains(&k.as_str()));
    let want: Map<String, Value> = known.map(|(k, v)| (k.clone(), v.clone())).collect();
    differ("summary", &Value::Object(want), &Value::Object(have));
}

fn compare_preemption(
    state: &State,
    pod: usize,
    reserved: &Reserved,
    decision: &Value,
    count: &mut Count,
    differ: &mut Differ,
) {
    let recorded = &decision["preemption"];
    let candidates = || (0..state.nodes.len()).map(|i| state.candidate(reserved, i));
    let incoming = state.incoming(pod);
    let chosen = preempt(&state.compat, incoming, candidates(), &state.allowed);
    count.preemptions += 1;
    let Some(chosen) = chosen else {
        return differ("preemption", &recorded["nominatedNode"], &Value::Null);
    };
    let name = &state.nodes[chosen.node.index()].name;
    differ(
        "preemption",
        &json!(true),
        &json!(each(&recorded["ties"]).any(|tie| tie == name)),
    );
    let runs = candidates()
        .filter_map(|candidate| dry_run(&state.compat, incoming, &candidate, &state.allowed));
    let have = runs.map(|run| {
        let victims: BTreeSet<&str> = run.victims.iter().map(|victim| &*state.pods[victim.index()].id).collect();
        json!({"node": state.nodes[run.node.index()].name, "victims": victims, "numPDBViolations": run.violations})
    });
    let mut have: Vec<Value> = have.collect();
    have.sort_by_key(|run| text(&run["node"]));
    differ("candidates", &recorded["candidates"], &json!(have));
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
    let bound = decision["bound"]
        .as_str()
        .or_else(|| decision["boundAfterPreemption"].as_str());
    if let Some(name) = bound {
        let node = state.node(name);
        state.start(pod, node, order);
    }
}

//! One recorded decision against ours, aspect by aspect.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use simulator::scheduler::{Code, Explanation, Rejection, Scores, Scratch, decide, dry_run, explain, preempt};
use simulator::{Id, NodeId};

use super::object::{each, text};
use super::state::{Reserved, State};

/// Plugins this project knows, by the names in the record; the empty one stands for nodes left out in advance.
const FILTERS: [&str; 7] =
    ["", "NodeUnschedulable", "NodeName", "TaintToleration", "NodeAffinity", "NodePorts", "NodeResourcesFit"];
const SCORES: [&str; 4] = ["TaintToleration", "NodeAffinity", "NodeResourcesFit", "NodeResourcesBalancedAllocation"];

/// What was compared in one family.
#[derive(Debug, Default)]
pub struct Count {
    pub decisions: usize,
    verdicts: usize,
    scores: usize,
    preemptions: usize,
}

/// Told what is compared, what is recorded and what we say.
pub type Differ<'a> = dyn FnMut(&str, &Value, &Value) + 'a;

pub fn filters(
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
        differ(&format!("filter {name}"), &want, &verdict.map_or(Value::Null, |rejection| written(state, rejection)));
        count.verdicts += 1;
    }
}

/// The recorded verdict of a modelled plugin; null otherwise.
fn modelled(recorded: &Value) -> Value {
    each(recorded).find(|entry| FILTERS.contains(&entry["plugin"].as_str().unwrap())).map_or(Value::Null, sorted)
}

fn sorted(entry: &Value) -> Value {
    let reasons: BTreeSet<String> = each(&entry["reasons"]).map(text).collect();
    json!({"plugin": entry["plugin"], "reasons": reasons, "code": entry["code"]})
}

fn written(state: &State, rejection: Rejection) -> Value {
    let reasons: BTreeSet<String> = rejection.reasons(&state.compat).iter().map(ToString::to_string).collect();
    let code = match rejection.code() {
        Code::Unschedulable => "Unschedulable",
        Code::UnschedulableAndUnresolvable => "UnschedulableAndUnresolvable",
    };
    json!({"plugin": rejection.plugin(), "reasons": reasons, "code": code})
}

pub fn scores(
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
    let feasible: Vec<usize> = recorded.keys().map(|name| state.node(name)).collect();
    let views = feasible.iter().map(|&i| state.view(reserved, i));
    let Explanation { scores, .. } = explain(&state.compat, state.incoming(pod), views);
    for (node, scores) in &scores {
        let name = &state.nodes[node.index()].name;
        let mut have = by_plugin(scores);
        let mut want = recorded[name].as_object().unwrap().clone();
        want.retain(|plugin, _| SCORES.contains(&plugin.as_str()));
        if state.pods[pod].pod_level {
            have.remove("NodeResourcesFit");
            want.remove("NodeResourcesFit");
        }
        differ(&format!("scores {name}"), &want.into(), &have.into());
        count.scores += 1;
    }
    choice(state, pod, reserved, &scores, differ);
}

fn by_plugin(scores: &Scores) -> Map<String, Value> {
    let parts = [
        Some(scores.taint_toleration),
        scores.node_affinity,
        Some(scores.node_resources_fit),
        scores.balanced_allocation,
    ];
    let present = SCORES.iter().zip(parts).filter_map(|(plugin, score)| Some(((*plugin).to_owned(), json!(score?))));
    present.collect()
}

/// The node that is chosen must be one of the best by the same numbers, and each of them within reach of the draw.
fn choice(state: &State, pod: usize, reserved: &Reserved, scores: &[(NodeId, Scores)], differ: &mut Differ) {
    let best = scores.iter().map(|(_, s)| s.total()).max();
    let winners: Vec<NodeId> = scores.iter().filter(|(_, s)| Some(s.total()) == best).map(|(node, _)| *node).collect();
    for (i, winner) in winners.iter().enumerate() {
        let mut ties = 1;
        let tie = |n| {
            ties = n;
            i as u32
        };
        let views = scores.iter().map(|(node, _)| state.view(reserved, node.index()));
        let chosen = decide(&state.compat, state.incoming(pod), views, &mut Scratch::default(), tie);
        differ("chosen", &json!([winner.0, winners.len()]), &json!([chosen.map(|n| n.0), ties]));
    }
}

/// Only sums are recorded of large clusters: nodes by plugin and reason.
pub fn summary(state: &State, pod: usize, reserved: &Reserved, decision: &Value, differ: &mut Differ) {
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
    let known =
        decision["filterSummary"].as_object().into_iter().flatten().filter(|(k, _)| FILTERS.contains(&k.as_str()));
    let want: Map<String, Value> = known.map(|(k, v)| (k.clone(), v.clone())).collect();
    differ("summary", &Value::Object(want), &Value::Object(have));
}

pub fn preemption(
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
    differ("preemption", &json!(true), &json!(each(&recorded["ties"]).any(|tie| tie == name)));
    let runs = candidates().filter_map(|candidate| dry_run(&state.compat, incoming, &candidate, &state.allowed));
    let have = runs.map(|run| {
        let victims: BTreeSet<&str> = run.victims.iter().map(|victim| &*state.pods[victim.index()].id).collect();
        json!({"node": state.nodes[run.node.index()].name, "victims": victims, "numPDBViolations": run.violations})
    });
    let mut have: Vec<Value> = have.collect();
    have.sort_by_key(|run| text(&run["node"]));
    differ("candidates", &recorded["candidates"], &json!(have));
}

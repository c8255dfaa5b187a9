//! A decision in the format of the recorded ones.

use serde_json::{Map, Value, json};
use simulator::Id;
use simulator::scheduler::{Code, Preemption, Rejection, Scores};

use super::cluster::Cluster;
use super::decision::{Decision, NoPreemption, Preempted};

/// One entry of `decisions`; `summary` leaves out what is written per node.
pub(super) fn write(cluster: &Cluster, decision: &Decision, summary: bool) -> Value {
    let mut out = Map::new();
    let name = |node: usize| json!(cluster.nodes[node].name);
    let mut put = |key: &str, value: Value| drop(out.insert(key.to_owned(), value));
    put("pod", json!(cluster.pods[decision.pod].id));
    let verdicts = || cluster.nodes.iter().map(|node| &node.name).zip(&decision.verdicts);
    if let Some(NoPreemption::NotTried) = decision.no_preemption
        && let Some(Some(refused)) = decision.verdicts.first()
    {
        put("preFilter", status(cluster, *refused));
    }
    if summary {
        let sums = filter_summary(cluster, decision);
        if sums.as_object().is_some_and(|map| !map.is_empty()) {
            put("filterSummary", sums);
        }
    } else {
        let list = |verdict: &Option<Rejection>| verdict.map_or(Value::Null, |r| json!([status(cluster, r)]));
        put("filter", verdicts().map(|(node, verdict)| (node.clone(), list(verdict))).collect::<Map<_, _>>().into());
    }
    put("feasibleCount", json!(decision.scores.len()));
    if decision.via_nominated.is_some() || decision.scores.len() == 1 {
        put("scoringSkipped", json!(true));
    }
    if decision.via_nominated.is_some() {
        put("viaNominatedNode", json!(true));
    }
    if !decision.scores.is_empty() {
        if !summary {
            let by_node =
                decision.scores.iter().map(|(node, s, total)| (cluster.nodes[*node].name.clone(), scores(s, *total)));
            put("scores", by_node.collect::<Map<_, _>>().into());
        }
        if decision.via_nominated.is_none() {
            put("bestTotal", json!(decision.scores.iter().map(|(.., total)| total).max()));
        }
    }
    put("best", decision.best.iter().map(|&node| name(node)).collect());
    put("bound", decision.bound().map_or(Value::Null, name));
    if let Some(preempted) = &decision.preemption {
        put("preemption", preemption(cluster, preempted, summary));
        put("boundAfterPreemption", preempted.bound.map_or(Value::Null, name));
    }
    if let Some(why) = &decision.no_preemption {
        let text = match why {
            NoPreemption::NotTried => "not tried (PreFilter rejected the pod)",
            NoPreemption::Never => "preemptionPolicy Never",
            NoPreemption::NoCandidate(_) => "no candidate",
        };
        put("noPreemption", json!(text));
    }
    if !decision.cleared.is_empty() {
        put("nominationCleared", decision.cleared.iter().map(|&pod| json!(cluster.pods[pod].id)).collect());
    }
    out.into()
}

fn status(cluster: &Cluster, rejection: Rejection) -> Value {
    let reasons: Vec<String> = rejection.reasons(&cluster.compat).iter().map(ToString::to_string).collect();
    let code = match rejection.code() {
        Code::Unschedulable => "Unschedulable",
        Code::UnschedulableAndUnresolvable => "UnschedulableAndUnresolvable",
    };
    json!({"plugin": rejection.plugin(), "reasons": reasons, "code": code})
}

fn filter_summary(cluster: &Cluster, decision: &Decision) -> Value {
    let mut sums = json!({});
    for rejection in decision.verdicts.iter().flatten() {
        for reason in rejection.reasons(&cluster.compat) {
            let count = &mut sums[rejection.plugin()][reason.to_string()];
            *count = json!(count.as_u64().unwrap_or(0) + 1);
        }
    }
    sums
}

/// Weighted scores by plugin; those of plugins that had nothing to say are absent.
pub(super) fn by_plugin(s: &Scores) -> impl Iterator<Item = (&'static str, i64)> {
    let parts = [
        ("TaintToleration", Some(s.taint_toleration)),
        ("NodeAffinity", s.node_affinity),
        ("NodeResourcesFit", Some(s.node_resources_fit)),
        ("PodTopologySpread", s.pod_topology_spread),
        ("InterPodAffinity", s.inter_pod_affinity),
        ("NodeResourcesBalancedAllocation", s.balanced_allocation),
        ("ImageLocality", Some(s.image_locality)),
    ];
    parts.into_iter().filter_map(|(plugin, score)| Some((plugin, score?)))
}

fn scores(s: &Scores, total: i64) -> Value {
    let mut map: Map<String, Value> = by_plugin(s).map(|(plugin, score)| (plugin.to_owned(), json!(score))).collect();
    map.insert("total".into(), json!(total));
    map.into()
}

fn preemption(cluster: &Cluster, preempted: &Preempted, summary: bool) -> Value {
    let node = |p: &Preemption| cluster.nodes[p.node.index()].name.clone();
    let victims = |p: &Preemption| {
        let mut ids: Vec<&str> = p.victims.iter().map(|pod| cluster.pods[pod.index()].id.as_str()).collect();
        ids.sort_unstable();
        json!(ids)
    };
    let chosen = &preempted.chosen;
    let ties = preempted.candidates.iter().filter(|p| p.rank == chosen.rank);
    let mut out = json!({
        "nominatedNode": node(chosen),
        "victims": victims(chosen),
        "numPDBViolations": chosen.violations,
        "ties": ties.map(node).collect::<Vec<_>>(),
    });
    if !summary {
        let run = |p: &Preemption| json!({"node": node(p), "victims": victims(p), "numPDBViolations": p.violations});
        out["candidates"] = preempted.candidates.iter().map(run).collect();
    }
    out
}

//! A decision in words: those `kubectl describe pod` shows where a pod fits nowhere (kube-scheduler v1.34.1 `FitError`). What
//! DynamicResources adds before `preemption:` from v1.34 on, `no new claims to deallocate`, says nothing and is left out.

use std::collections::BTreeMap;
use std::fmt::Write;

use simulator::Id;
use simulator::scheduler::{NoHelp, Summary};

use super::cluster::Cluster;
use super::decision::{Decision, NoPreemption};

/// Equally good nodes that are named beside the chosen one.
const MOST_NAMES: usize = 3;

/// Appends the decision.
pub(super) fn write(out: &mut String, cluster: &Cluster, decision: &Decision) {
    let line = match &decision.preemption {
        _ if !decision.best.is_empty() => goes(cluster, decision),
        Some(preempted) => {
            let victims = preempted.chosen.victims.iter().map(|pod| cluster.pods[pod.index()].id.as_str());
            let node = &cluster.nodes[preempted.chosen.node.index()].name;
            let victims: Vec<&str> = victims.collect();
            format!("{node} after preemption of {}; before: {}", victims.join(", "), refused(cluster, decision))
        }
        None => refused(cluster, decision),
    };
    // Writing to a String does not fail.
    let _ = writeln!(out, "{}: {line}", cluster.pods[decision.pod].id);
}

fn goes(cluster: &Cluster, decision: &Decision) -> String {
    let name = |&node: &usize| cluster.nodes[node].name.as_str();
    let (first, others) = (decision.best.first().map(name).unwrap_or_default(), decision.best.get(1..).unwrap_or(&[]));
    if decision.via_nominated.is_some() {
        return format!("{first}, to which it was nominated");
    }
    let total = decision.scores.iter().map(|(.., total)| *total).max().unwrap_or(0);
    let feasible = decision.scores.len();
    let mut line = format!("{first}, score {total}; {feasible} of {} nodes are feasible", decision.verdicts.len());
    if !others.is_empty() {
        let named: Vec<&str> = others.iter().take(MOST_NAMES).map(name).collect();
        let more = others.len() - named.len();
        let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
        let _ = write!(line, "; as good: {}{rest}", named.join(", "));
    }
    line
}

fn refused(cluster: &Cluster, decision: &Decision) -> String {
    let summary = Summary::new(&cluster.compat, decision.verdicts.iter().flatten().copied());
    let nodes = decision.verdicts.len();
    let preemption = match &decision.no_preemption {
        None => return summary.to_string(),
        Some(NoPreemption::Never) => "not eligible due to preemptionPolicy=Never.".to_owned(),
        Some(NoPreemption::NotTried) => {
            format!("0/{nodes} nodes are available: {nodes} Preemption is not helpful for scheduling.")
        }
        Some(NoPreemption::NoCandidate(why)) => no_help(cluster, why),
    };
    format!("{summary} preemption: {preemption}")
}

/// Counts why removing pods does not help.
fn no_help(cluster: &Cluster, why: &[NoHelp]) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut count = |reason: String| *counts.entry(reason).or_default() += 1;
    for reason in why {
        match reason {
            NoHelp::NotPods => count("Preemption is not helpful for scheduling".to_owned()),
            NoHelp::NoVictims => count("No preemption victims found for incoming pod".to_owned()),
            NoHelp::StillRefused(r) => r.reasons(&cluster.compat).iter().for_each(|r| count(r.to_string())),
        }
    }
    let mut parts: Vec<String> = counts.iter().map(|(reason, n)| format!("{n} {reason}")).collect();
    parts.sort();
    format!("0/{} nodes are available: {}.", why.len(), parts.join(", "))
}

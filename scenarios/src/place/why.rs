//! Why a pod may or may not go to one node: what every plugin says of it by itself, and the amounts or volumes behind a refusal.

use std::fmt::Write;

use simulator::scheduler::{Rejection, verdicts};
use simulator::spec::Resources;

use super::cluster::Cluster;
use super::decision::Decision;
use super::record::by_plugin;
use crate::snapshot::{ClaimRef, Snapshot};

/// What the plugins say of a node before the pod is decided for.
pub(super) struct Look {
    node: usize,
    lines: Vec<Line>,
}

struct Line {
    plugin: &'static str,
    verdict: Option<Rejection>,
    /// What the refusal rests on.
    details: Vec<String>,
}

/// Asks every plugin about a node.
pub(super) fn look(cluster: &mut Cluster, snapshot: &Snapshot, pod: usize, node: usize) -> Look {
    cluster.turn_to(pod);
    let Some(view) = cluster.views().nth(node) else {
        return Look { node, lines: Vec::new() };
    };
    let mut used = *view.used;
    if let Some(promised) = view.promised {
        used.shift(&promised.requests, 1);
    }
    let asked = &cluster.pods[pod].requests;
    let has = &cluster.nodes[node].has;
    let line = |(plugin, verdict): (&'static str, Option<Rejection>)| {
        let details = match verdict {
            Some(Rejection::Resources(_)) => lacking(&cluster.extended, asked, has, &used),
            Some(Rejection::Disks) => vec![amount("disks", asked.disks, has.disks, used.disks, &|n| n.to_string())],
            Some(Rejection::VolumeBinding { .. } | Rejection::VolumeZone) => volumes(snapshot, pod),
            _ => Vec::new(),
        };
        Line { plugin, verdict, details }
    };
    let said = verdicts(&cluster.compat, cluster.incoming(pod), &view, cluster.views());
    Look { node, lines: said.into_iter().map(line).collect() }
}

fn amount(name: &str, asked: i64, has: i64, used: i64, show: &dyn Fn(i64) -> String) -> String {
    format!("{name}: {} asked, {} of {} free", show(asked), show((has - used).max(0)), show(has))
}

/// Every resource of which more is asked than is free.
fn lacking(extended: &[String], asked: &Resources, has: &Resources, used: &Resources) -> Vec<String> {
    let milli = |n: i64| format!("{n}m");
    let mebi = |n: i64| format!("{}Mi", n >> 20);
    let plain = |n: i64| n.to_string();
    let mut lines = Vec::new();
    let mut check = |name: &str, asked: i64, has: i64, used: i64, show: &dyn Fn(i64) -> String| {
        if asked > 0 && asked > has - used {
            lines.push(amount(name, asked, has, used, show));
        }
    };
    check("pods", 1, has.pods, used.pods, &plain);
    check("cpu", asked.cpu, has.cpu, used.cpu, &milli);
    check("memory", asked.memory, has.memory, used.memory, &mebi);
    check("ephemeral-storage", asked.ephemeral, has.ephemeral, used.ephemeral, &mebi);
    for (i, name) in extended.iter().enumerate().take(asked.extended.len()) {
        check(name, asked.extended[i], has.extended[i], used.extended[i], &plain);
    }
    lines
}

/// The volumes behind the pod's claims and where they can be reached.
fn volumes(snapshot: &Snapshot, pod: usize) -> Vec<String> {
    let pod = &snapshot.pods[pod];
    let storage = &snapshot.storage;
    let line = |reference: &ClaimRef| {
        let claim = match reference {
            ClaimRef::Named(name) => name.clone(),
            ClaimRef::Ephemeral { volume, .. } => format!("{}-{volume}", pod.name),
            ClaimRef::Disk => return None,
        };
        let found = storage.claims.get(&(pod.namespace.clone(), claim.clone()))?;
        let Some(name) = &found.volume else {
            let class = found.class.as_deref().unwrap_or("no class");
            return Some(format!("claim {claim}: no volume yet, {class}"));
        };
        let volume = storage.volumes.get(name)?;
        let conditions = volume.affinity.iter().flatten().flat_map(|t| t.expressions.iter().chain(&t.fields));
        let mut places: Vec<String> = conditions.map(|r| format!("{} {}", r.key, r.values.join("|"))).collect();
        places.extend(volume.zones.iter().map(|(key, values)| format!("{key} {}", values.join("|"))));
        (!places.is_empty()).then(|| format!("claim {claim}: volume {name}, only at {}", places.join(" or ")))
    };
    pod.claims.iter().filter_map(line).collect()
}

/// The verdict, then a line per plugin: what it says, what the refusal rests on, what score it gives.
pub(super) fn write(out: &mut String, cluster: &Cluster, decision: &Decision, look: &Look) {
    let name = &cluster.nodes[look.node].name;
    let scores = decision.scores.iter().find(|(n, ..)| *n == look.node).map(|(_, scores, _)| scores);
    let refusal = look.lines.iter().find_map(|line| Some((line.plugin, line.verdict?)));
    let verdict = match (refusal, scores) {
        (Some((plugin, refused)), _) => format!("refused by {plugin}: {}", reasons(cluster, refused)),
        (None, Some(scores)) => format!("passes every filter, score {}", scores.total()),
        (None, None) => "passes every filter".to_owned(),
    };
    // Writing to a String does not fail.
    let _ = writeln!(out, "    {name}: {verdict}");
    let given: Vec<(&str, i64)> = scores.map_or(Vec::new(), |scores| by_plugin(scores).collect());
    for Line { plugin, verdict, details } in &look.lines {
        let said =
            verdict.map_or_else(|| "passes".to_owned(), |refused| format!("refuses: {}", reasons(cluster, refused)));
        let score = given.iter().find(|(p, _)| p == plugin).map(|(_, n)| format!(", score {n}"));
        let _ = writeln!(out, "        {plugin}: {said}{}", score.unwrap_or_default());
        details.iter().for_each(|detail| out.push_str(&format!("            {detail}\n")));
    }
    for (plugin, n) in given.iter().filter(|(plugin, _)| !look.lines.iter().any(|line| line.plugin == *plugin)) {
        let _ = writeln!(out, "        {plugin}: score {n}");
    }
}

fn reasons(cluster: &Cluster, rejection: Rejection) -> String {
    let list: Vec<String> = rejection.reasons(&cluster.compat).iter().map(ToString::to_string).collect();
    list.join(", ")
}

//! The causes of the risk in words and rows.

use crate::estimate::Est;
use crate::report::{Cause, Object, Report};
use crate::words;

/// What a cause befalls or comes from, most often first; empty where it never comes first.
fn objects(cause: &Cause) -> String {
    let told = |object: &Object| match object.share {
        share if share > 0.995 => object.name.clone(),
        share => format!("{} ({})", object.name, words::percent(share)),
    };
    cause.objects.iter().map(told).collect::<Vec<_>>().join("; ")
}

/// A row of the table: cause, what it befalls, what would be so without it, risk that would be spared, its share of the risk, share of bad
/// futures that it comes first in.
pub fn rows(report: &Report) -> Vec<[String; 6]> {
    let row = |cause: &Cause| {
        [
            title(&cause.cause).to_owned(),
            objects(cause),
            cause.without.as_ref().map_or("–".to_owned(), |without| format!("if {without}")),
            cause.avoidable.map_or("–".to_owned(), spared),
            cause.shapley.map_or("–".to_owned(), words::percent),
            cause
                .first_cause_share
                .map_or("–".to_owned(), |share| if share > 0.0 { words::percent(share) } else { "–".to_owned() }),
        ]
    };
    report.causes.iter().map(row).collect()
}

/// What a cause is called.
fn title(name: &str) -> &str {
    match name {
        "eviction" => "Evictions",
        "capacity" => "No room for a pod",
        "contention" => "Busy neighbours on a node",
        "burst" => "Bursts of load",
        "node-failure" => "Failures of single nodes",
        "shared-failure" => "Nodes failing together",
        "spot-eviction" => "Spot evictions",
        "provisioning" => "Nodes late or missing",
        "slow-start" => "Pods slow to start or stop",
        "controllers" => "Controllers that change replicas",
        "autoscaler" => "The cluster autoscaler",
        "operation" => "The operation itself",
        "start" => "What is so from the start",
        other => other,
    }
}

fn spared(avoidable: Est) -> String {
    if avoidable.estimate < 0.0 {
        format!("{} (worse without)", words::points(avoidable))
    } else {
        words::probability(avoidable)
    }
}

/// What the table comes to, in a sentence or two; `None` without causes.
pub fn sentence(report: &Report) -> Option<String> {
    let mut text = String::new();
    let first = report.causes.iter().max_by(|a, b| share(a).total_cmp(&share(b))).filter(|c| share(c) > 0.0);
    if let Some(first) = first {
        text += &format!(
            "First in {} of the bad futures looked into: {}{}. ",
            words::percent(share(first)),
            title(&first.cause).to_lowercase(),
            first.objects.first().map_or(String::new(), |object| format!(", most often {}", object.name)),
        );
    }
    let most = report.causes.iter().find(|c| c.avoidable.is_some_and(|a| a.estimate > 0.0));
    match most.and_then(|c| Some((c.without.as_ref()?, c.avoidable?))) {
        Some((without, avoidable)) => {
            text += &format!(
                "If {without}, {} of all futures would have no outage of a system workload that have one now.",
                words::probability(avoidable)
            );
        }
        None if text.is_empty() => return None,
        None => text += "No single cause switched off would spare the outage.",
    }
    Some(text)
}

/// The risk that is left without the causes, and that of doing nothing.
pub fn anyway(report: &Report) -> String {
    let left = report.attribution.map(|shared| match shared.without {
        without if without > 0.0 => {
            format!("With all of them switched off, {} of futures still have an outage. ", words::percent(without))
        }
        _ => "With all of them switched off, no future looked into has an outage. ".to_owned(),
    });
    let anyway = words::probability(report.risk.outage.baseline);
    format!("{}When nothing is done, an outage comes in {anyway} of futures.", left.unwrap_or_default())
}

fn share(cause: &Cause) -> f64 {
    cause.first_cause_share.unwrap_or(0.0)
}

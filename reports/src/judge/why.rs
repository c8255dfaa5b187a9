//! The reasons of a verdict as sentences that name the objects: what the platform says, who loses and how it comes to
//! that, what becomes of the operation.

use simulator::finding::{Finding, Severity};

use crate::estimate::{Est, Strata};
use crate::input::Inputs;
use crate::report::{Failure, Operation, Risk, Workload};
use crate::score;
use crate::words;

/// How single trials come to their weightiest outage, where they have one.
#[derive(Clone, Debug, Default)]
pub struct Stories {
    /// A trial of median loss.
    pub typical: Option<String>,
    /// The trial of greatest loss.
    pub worst: Option<String>,
}

/// Most reasons a verdict gives.
const MOST: usize = 6;
/// Probability from which a failing operation is the first thing to say.
const LIKELY: f64 = 0.5;
/// Most workloads named.
const WORKLOADS: usize = 3;

/// Reasons, weightiest first; never empty. `unresolved` where the limits reach a level that the estimate does not, `raised`
/// where the tail guard raised the level.
pub fn why(
    inputs: &Inputs<'_>,
    strata: &Strata,
    risk: &Risk,
    operation: &Operation,
    unresolved: bool,
    raised: bool,
    stories: Stories,
) -> Vec<String> {
    let mut reasons: Vec<String> = Vec::new();
    let of = |wanted: Severity| inputs.findings.iter().filter(move |f| f.severity == wanted);
    reasons.extend(inputs.findings.iter().filter(|f| f.blocks).map(|f| format!("Blocked: {}", sentence(f))));
    reasons.extend(of(Severity::Error).filter(|f| !f.blocks).map(sentence));
    let before_losers = reasons.len();
    let losers = losers(risk);
    reasons.extend(losers.iter().take(WORKLOADS).map(|w| loser(w, risk.outage.threshold_seconds)));
    if !losers.is_empty() {
        // What is typical explains more than what is worst.
        let worst_too = raised || stories.typical.is_none();
        reasons.extend(stories.typical);
        reasons.extend(stories.worst.filter(|_| worst_too));
        reasons.extend(crowding(inputs, strata));
    }
    if raised {
        reasons.push(
            "Rare but severe: one future in a hundred is far worse than the mean, so the level is raised by one."
                .to_string(),
        );
    }
    if losers.is_empty() {
        reasons.push(harmless(inputs, risk));
    }
    if unresolved {
        reasons.push(format!(
            "{} trials do not rule out {} of weighted outage in the mean; more trials would (--trials).",
            words::count(inputs.pairs.len() as u64),
            words::minutes(risk.added_outage_minutes.high),
        ));
    }
    if let Some(failure) = operation.failures.first() {
        let at = if failure.probability >= LIKELY { before_losers } else { reasons.len() };
        reasons.insert(at, failing(failure));
    }
    reasons.extend(of(Severity::Warning).map(sentence));
    reasons.truncate(MOST);
    reasons
}

/// Workloads that lose more with the change than without, weightiest first; less than the scale begins with is nothing.
fn losers(risk: &Risk) -> Vec<&Workload> {
    let mut losers: Vec<&Workload> = risk.workloads.iter().filter(|w| added(w) >= score::LOSS_LOW).collect();
    losers.sort_by(|a, b| (added(b) * b.weight).total_cmp(&(added(a) * a.weight)).then(added(b).total_cmp(&added(a))));
    losers
}

fn added(workload: &Workload) -> f64 {
    workload.loss_minutes.mean - workload.baseline_loss_minutes.mean
}

fn loser(w: &Workload, threshold: f64) -> String {
    let outage = |est: Est| words::probability_short(est);
    let chance = if w.outage.estimate > w.baseline_outage.estimate {
        format!(
            "an outage of more than {} comes in {} of futures, {} when nothing is done",
            words::minutes(threshold / 60.0),
            outage(w.outage),
            outage(w.baseline_outage)
        )
    } else {
        format!("outages of more than {} do not become more likely", words::minutes(threshold / 60.0))
    };
    format!(
        "{}/{} is out {} longer on average ({}, {} of {} pods must be up); {chance}.",
        w.namespace,
        w.name,
        words::minutes(added(w)),
        words::weight(w.weight),
        w.min_available,
        w.replicas,
    )
}

fn failing(failure: &Failure) -> String {
    let probability = words::probability_short(Est::new(failure.probability, failure.low, failure.high));
    format!("The operation ends in {} in {probability} of futures. {}", failure.code, failure.cause)
}

/// Pods of watched workloads that find no node, where the change makes that likelier.
fn crowding(inputs: &Inputs<'_>, strata: &Strata) -> Option<String> {
    let pairs = inputs.pairs;
    let with = strata.probability(inputs.sampling, |i| pairs[i].proposal.counts.unschedulable > 0);
    let without = strata.probability(inputs.sampling, |i| pairs[i].baseline.counts.unschedulable > 0);
    // What comes in fewer than one future in a hundred explains nothing.
    if with.estimate - without.estimate < 0.01 {
        return None;
    }
    let longest = inputs.pairs.iter().map(|p| p.proposal.counts.longest_wait).max().unwrap_or_default();
    Some(format!(
        "Pods of watched workloads find no node with room in {} of futures ({} when nothing is done); the longest wait is {}.",
        words::probability_short(with),
        words::probability_short(without),
        words::minutes(longest.as_mins_f64())
    ))
}

fn harmless(inputs: &Inputs<'_>, risk: &Risk) -> String {
    let futures = words::count(inputs.pairs.len() as u64);
    if inputs.scenario.changes.is_empty() {
        return "Nothing is changed, so nothing can be lost.".to_string();
    }
    let saved = -risk.added_outage_minutes.estimate;
    if saved > 0.0 {
        return format!(
            "Watched workloads are out {} less on average than when nothing is done, over {futures} futures.",
            words::minutes(saved)
        );
    }
    if risk.workloads.is_empty() {
        return "No workload is watched, so nothing can be said about losses.".to_string();
    }
    format!("In none of {futures} futures is a watched workload out longer than when nothing is done.")
}

/// A finding's message, with its subject where the message does not name it.
fn sentence(finding: &Finding) -> String {
    let name = finding.subject.rsplit([' ', '/']).next().unwrap_or_default();
    if name.is_empty() || finding.message.contains(name) {
        finding.message.clone()
    } else {
        format!("{}: {}", finding.subject, finding.message)
    }
}

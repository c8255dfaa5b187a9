//! Judges paired outcomes: the facts of many trials become one report.
//!
//! Everything is read in the order of trials, so the report does not depend on how they were computed.

use simulator::Trace;
use simulator::settings::Cause;

use crate::chart::{self, Chart};
use crate::course::{self, Course, Wanted};
use crate::estimate::Est;
use crate::explain::Plan;
use crate::figures::Figures;
use crate::input::{AssumptionInfo, Inputs, PoolInfo};
use crate::rare;
use crate::report::{self, Report};
use crate::score::{self, Objections};
use crate::timeline;

pub(crate) mod alternatives;
mod bad;
mod causes;
mod doubt;
mod latent;
mod losses;
mod operation;
mod queries;
mod risk;
mod why;

pub use causes::Again;
pub use losses::{Facts, Losses, any_out, weights};
pub(crate) use operation::{length, succeeded};
use why::Stories;

/// What coverage says where nobody looked for other plans.
const NOT_LOOKED_FOR: &str = "Not looked for in this run: safer plans.";

/// A judged report with what is needed to draw it.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The published document.
    pub report: Report,
    /// What the charts show.
    pub(crate) figures: Figures,
}

impl Judged {
    /// The same with what a search for other plans came to since (`inputs.plans`).
    pub fn with_plans(mut self, inputs: &Inputs<'_>) -> Judged {
        let report = &mut self.report;
        (report.alternatives, report.plan_search) =
            alternatives::alternatives(inputs, &report.risk, &report.operation, report.verdict.score);
        if inputs.plans.is_some() {
            report.coverage.not_seen.retain(|line| line != NOT_LOOKED_FOR);
        }
        self.report = as_published(self.report);
        self
    }

    /// The charts of the report.
    pub fn charts(&self) -> Vec<Chart> {
        let progress = self.report.in_flight.as_ref().and_then(chart::progress);
        progress.into_iter().chain(chart::draw(&self.figures)).chain(chart::plans(&self.report)).collect()
    }
}

/// Trials that are run again between two questions whether it may go on: what is run together shares what is prepared.
const TOGETHER: usize = 16;

/// Judges the outcomes. The worst trial is traced again for its story.
pub fn judge(inputs: &Inputs<'_>) -> Judged {
    judge_while(inputs, &|| true)
}

/// The same while it may go on, which is asked from any thread: afterwards no trial is run again to find causes and courses, and
/// what comes out is of no use.
pub fn judge_while(inputs: &Inputs<'_>, may_go_on: &(dyn Fn() -> bool + Sync)) -> Judged {
    let weights = weights(inputs.scenario);
    // To the end that the trial had.
    let ended = |trial: &u32| {
        let pair = inputs.pairs.binary_search_by_key(trial, |pair| pair.trial).ok().map(|i| &inputs.pairs[i]);
        (*trial, pair.map_or(simulator::Time::ZERO + inputs.scenario.horizon, |pair| pair.proposal.end))
    };
    let again = |off: &[Cause], trials: &[u32]| {
        let out = |outcome: simulator::Outcome| losses::any_out(&weights, &outcome);
        let trials: Vec<_> = trials.iter().map(ended).collect();
        let again = |trials: &[_]| match may_go_on() {
            true => simulator::again(inputs.scenario, off, inputs.seed, trials, inputs.threads, &out),
            false => vec![false; trials.len()],
        };
        trials.chunks(TOGETHER).flat_map(again).collect()
    };
    let courses = |wanted: &[Wanted]| course::courses(inputs.scenario, inputs.seed, inputs.threads, wanted, may_go_on);
    let trace = |plan, trial| match plan {
        Plan::Proposal => simulator::trace(inputs.scenario, inputs.seed, trial),
        Plan::Baseline => simulator::trace_nothing(inputs.scenario, inputs.seed, trial),
    };
    judge_with(inputs, &trace, &again, &courses)
}

/// Judges the outcomes, with another way to trace a trial, to run trials again and to find the courses of bad ones (a test).
pub fn judge_with(
    inputs: &Inputs<'_>,
    trace: &dyn Fn(Plan, u32) -> Trace,
    again: Again<'_>,
    courses: &dyn Fn(&[Wanted]) -> Vec<Course>,
) -> Judged {
    let losses = Losses::of(inputs);
    let worst = losses.worst(inputs).map(|(trial, added)| (trial, added, trace(Plan::Proposal, trial)));
    let found = doubt::Found::of(inputs, &losses);
    let risk = risk::risk(inputs, &losses);
    let readings = doubt::readings(inputs, risk.outage.proposal);
    let risk = found.told_in(risk, readings);
    let operation = operation::operation(inputs, &losses.strata);
    let tell = |lead: String, trial: u32, with: &Trace| {
        timeline::story(inputs.scenario, &lead, with, &trace(Plan::Baseline, trial))
    };
    let stories = Stories {
        typical: losses
            .typical(inputs)
            .and_then(|trial| tell(format!("Typically (as in trial {trial})"), trial, &trace(Plan::Proposal, trial))),
        worst: worst.as_ref().and_then(|(trial, _, with)| tell(worst_lead(inputs, &losses, *trial), *trial, with)),
    };
    let hazards = latent::hazards(inputs, &losses);
    let (causes, attribution) =
        causes::causes(inputs, &weights(inputs.scenario), &|trial| trace(Plan::Proposal, trial), again);
    let in_flight = crate::in_flight::in_flight(inputs);
    let outside = in_flight.as_ref().and_then(|flight| flight.finding(inputs.change.pool.as_deref()));
    let warnings = hazards.len() + outside.iter().filter(|finding| finding.severity == "warning").count();
    let verdict = verdict(inputs, &losses, &risk, &operation, warnings, stories);
    let (alternatives, plan_search) = alternatives::alternatives(inputs, &risk, &operation, verdict.score);
    let report = Report {
        schema: report::SCHEMA.to_string(),
        id: inputs.id.clone(),
        change: change(inputs),
        cluster: cluster(inputs),
        verdict,
        findings: inputs.findings.iter().map(finding).chain(hazards).chain(outside).collect(),
        risk,
        operation,
        in_flight,
        causes,
        attribution,
        alternatives,
        plan_search,
        worst_trial: worst.as_ref().map(|(trial, added, trace)| {
            let told = timeline::worst_trial(inputs.scenario, *trial, *added, trace);
            match losses.strata.kind(inputs.pairs, *trial) {
                Some((failures, share)) => {
                    report::WorstTrial { failures: Some(rare::failures(failures)), share: Some(share), ..told }
                }
                None => told,
            }
        }),
        courses: courses(&bad::wanted(inputs, &losses)),
        coverage: coverage(inputs, &losses, found),
        trials: report::Trials {
            count: inputs.pairs.len() as u64,
            sampling: inputs.sampling,
            stopped: inputs.stopped,
            seed: inputs.seed,
            engine: inputs.engine.clone(),
            horizon_hours: inputs.scenario.horizon.as_secs_f64() / 3600.0,
            followed: followed(inputs, &losses.strata),
        },
    };
    let traced = worst.as_ref().map(|(trial, _, trace)| (*trial, trace));
    Judged { report: as_published(report), figures: Figures::of(inputs, &losses, traced) }
}

/// What became of trials beyond the horizon; absent where none may be followed.
fn followed(inputs: &Inputs<'_>, strata: &crate::estimate::Strata) -> Option<report::Followed> {
    let horizon = inputs.scenario.horizon;
    let most = inputs.scenario.longest();
    let share = |of: &dyn Fn(&simulator::Pair) -> bool| strata.average(|i| f64::from(u8::from(of(&inputs.pairs[i]))));
    (most > horizon).then(|| report::Followed {
        hours_at_most: (most.as_secs_f64() - horizon.as_secs_f64()) / 3600.0,
        share: share(&|pair| pair.proposal.end.since(simulator::Time::ZERO) > horizon),
        unsettled: share(&|pair| !pair.proposal.settled),
    })
}

/// The worst trial, and how often such a future comes where trials are dealt by their failures.
fn worst_lead(inputs: &Inputs<'_>, losses: &Losses<'_>, trial: u32) -> String {
    match losses.strata.kind(inputs.pairs, trial) {
        Some((failures, share)) if failures > 0 => format!(
            "In the worst trial (number {trial}, with {} {}, as {} has)",
            rare::failures(failures),
            if failures == 1 { "failure" } else { "failures" },
            rare::futures(share)
        ),
        _ => format!("In the worst trial (number {trial})"),
    }
}

/// The report with its numbers as they are written, so that pages and file say the same.
fn as_published(report: Report) -> Report {
    serde_json::from_slice(&report::to_bytes_compact(&report)).unwrap_or(report)
}

fn verdict(
    inputs: &Inputs<'_>,
    losses: &Losses<'_>,
    risk: &report::Risk,
    operation: &report::Operation,
    found: usize,
    stories: Stories,
) -> report::Verdict {
    let (score, score_low, score_high) = score::scored(risk.added_outage_minutes);
    let p99 = losses.strata.ranked(|i| losses.added[i]).quantile(0.99);
    let (level, raised) = score::guarded_level(score, p99);
    let severity = |s| inputs.findings.iter().filter(|f| f.severity == s).count();
    let objections = Objections {
        blocked: inputs.findings.iter().any(|f| f.blocks),
        errors: severity(simulator::finding::Severity::Error),
        warnings: severity(simulator::finding::Severity::Warning) + found,
        upper: score::level(score_high),
        failure: 1.0 - operation.success.estimate,
        outage: risk.outage.proposal,
        burn: risk.error_budget.as_ref().map_or(Est::exact(0.0), |budget| budget.burn),
    };
    report::Verdict {
        score,
        score_low,
        score_high,
        level,
        decision: score::decide(level, &objections, &inputs.thresholds),
        thresholds: inputs.thresholds,
        blocked: objections.blocked,
        why: why::why(
            inputs,
            &losses.strata,
            risk,
            operation,
            objections.upper >= inputs.thresholds.review_upper_at && level < inputs.thresholds.review_upper_at,
            raised,
            stories,
        ),
    }
}

fn change(inputs: &Inputs<'_>) -> report::Change {
    let change = &inputs.change;
    report::Change {
        id: change.id.clone(),
        phase: change.phase.clone(),
        source: change.source.clone(),
        cluster: change.cluster.clone(),
        pool: change.pool.clone(),
        operation: change.operation.clone(),
        summary: change.summary.clone(),
        recorded: change
            .recorded
            .as_ref()
            .map(|(succeeded, text)| report::Recorded { succeeded: *succeeded, text: text.clone() }),
    }
}

fn cluster(inputs: &Inputs<'_>) -> report::Cluster {
    let spec = &inputs.scenario.cluster;
    report::Cluster {
        name: inputs.cluster.name.clone(),
        digest: inputs.cluster.digest.clone(),
        taken_at: inputs.cluster.taken_at.clone(),
        nodes: spec.nodes.len() as u64,
        pods: spec.pods.len() as u64,
        pools: inputs.cluster.pools.iter().map(pool).collect(),
    }
}

fn pool(pool: &PoolInfo) -> report::Pool {
    report::Pool {
        name: pool.name.clone(),
        mode: pool.mode.clone(),
        count: pool.count,
        vm_size: pool.vm_size.clone(),
        os_type: pool.os_type.clone(),
        zones: pool.zones.clone(),
        taints: pool.taints.clone(),
        max_surge: pool.max_surge.clone(),
        min_count: pool.autoscaler.map(|(min, _)| min),
        max_count: pool.autoscaler.map(|(_, max)| max),
    }
}

fn finding(finding: &simulator::finding::Finding) -> report::Finding {
    use simulator::finding::{Evidence, Severity};
    report::Finding {
        id: finding.id.to_string(),
        severity: match finding.severity {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
        .to_string(),
        subject: finding.subject.clone(),
        message: finding.message.clone(),
        source: finding.source.to_string(),
        evidence: finding
            .evidence
            .iter()
            .map(|(name, evidence)| {
                let value = match evidence {
                    Evidence::Number(n) => serde_json::Value::from(*n),
                    Evidence::Text(text) => serde_json::Value::from(text.clone()),
                };
                ((*name).to_string(), value)
            })
            .collect(),
    }
}

fn coverage(inputs: &Inputs<'_>, losses: &Losses<'_>, found: doubt::Found) -> report::Coverage {
    let mut not_seen = inputs.not_seen.clone();
    if losses.watched.iter().all(|w| w.weight == 0.0) {
        not_seen.push(
            "No system workload with replicas is watched in this snapshot, so the score has nothing to rest on."
                .to_string(),
        );
    }
    if inputs.plans.is_none() && !inputs.scenario.changes.is_empty() {
        not_seen.push(NOT_LOOKED_FOR.to_string());
    }
    if found.outage.is_none() && !inputs.scenario.beliefs.is_empty() && !inputs.scenario.changes.is_empty() {
        not_seen.push(
            "Not estimated in this run: how far the answer moves with what is not known well of this cluster."
                .to_string(),
        );
    }
    let assumption = |a: &AssumptionInfo| report::Assumption {
        name: a.name.clone(),
        value: a.value.clone(),
        source: a.source.clone(),
        grade: a.grade.to_string(),
        range: a.range.clone(),
    };
    report::Coverage {
        not_seen,
        assumptions: inputs.assumptions.iter().map(assumption).collect(),
        most_valuable_datum: found.datum,
        sensitivity: found.sensitivity,
    }
}

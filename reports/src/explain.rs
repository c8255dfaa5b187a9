//! One trial told in full: a line for everything that happened, in the words of Kubernetes and AKS, each with the line that
//! led to it; and the same as lanes for a trace viewer.
//!
//! A line says who would have written it. What no component of a real cluster would see at that time (a machine that has
//! just died, a service that loses requests) is written by `simulation`.

pub mod because;
mod lanes;
mod reason;
mod viewer;

use schemars::JsonSchema;
use serde::Serialize;
use simulator::outcome::Incident;
use simulator::{Scenario, Trace};

use crate::timeline::{PodNames, Teller, node_name};
use crate::words::{self, Names};

/// Widest column of the text; longer names push their line out.
const WIDEST: usize = 56;

/// Schema of the document.
pub const SCHEMA: &str = "poolproof.events/1";

/// Everything that happened in one trial of one plan.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Explained {
    /// `poolproof.events/1`.
    pub schema: &'static str,
    /// Id of the report that the trial belongs to.
    pub report: String,
    /// Index of the trial.
    pub trial: u32,
    /// Root seed.
    pub seed: u64,
    /// Which of the two courses.
    pub plan: Plan,
    /// Length of what was simulated, in seconds.
    pub horizon_seconds: f64,
    /// What happened, in order.
    pub events: Vec<Line>,
    #[serde(skip)]
    lanes: lanes::Lanes,
}

/// A course of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Plan {
    /// The change is made.
    Proposal,
    /// Nothing is done.
    Baseline,
}

/// One event.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// Number of the line, from 1.
    pub number: usize,
    /// Seconds since the start of the simulation.
    pub t: f64,
    /// `Normal` or `Warning`, as Kubernetes sorts its events.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// The event's reason: Kubernetes' or AKS' own where there is one.
    pub reason: &'static str,
    /// What it is about, as `kind/name`.
    pub object: String,
    /// More about it.
    pub message: String,
    /// Who would have written it.
    pub from: &'static str,
    /// Number of the line that led to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<usize>,
}

/// How Kubernetes sorts its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub enum Kind {
    /// As intended.
    Normal,
    /// Worth a look.
    Warning,
}

/// Tells a traced trial; `report` and `seed` say where it comes from.
pub fn explain(scenario: &Scenario, trace: &Trace, report: &str, seed: u64, trial: u32, plan: Plan) -> Explained {
    let names = Names { cluster: &scenario.cluster };
    let teller = Teller { scenario, names, trace };
    let pods = PodNames::of(scenario, trace);
    let causes = because::causes(scenario, trace, &pods);
    let line = |(i, entry): (usize, &simulator::outcome::Entry)| {
        let (event, subject, detail) = teller.told(entry.what);
        let (kind, reason, from) = reason::of(entry.what);
        let refusal = trace.refusal(i).map(ToString::to_string);
        let pod = pods.at(i).map(|pod| format!("pod/{}", pods.name(pod)));
        Line {
            number: i + 1,
            t: entry.at.as_secs_f64(),
            kind,
            reason,
            object: pod.unwrap_or_else(|| object(scenario, trace, entry.what, &subject)),
            message: refusal.unwrap_or(if detail.is_empty() { event.to_owned() } else { detail }),
            from,
            because: causes[i].map(|cause| cause + 1),
        }
    };
    Explained {
        schema: SCHEMA,
        report: report.to_owned(),
        trial,
        seed,
        plan,
        horizon_seconds: trace.outcome.end.as_secs_f64(),
        events: trace.log.iter().enumerate().map(line).collect(),
        lanes: lanes::Lanes::of(scenario, trace, &pods),
    }
}

/// What an incident is about, where it is no pod.
fn object(scenario: &Scenario, trace: &Trace, what: Incident, subject: &str) -> String {
    if let Some(node) = what.node() {
        return format!("node/{}", node_name(trace, node));
    }
    match what.workload().and_then(|id| scenario.cluster.workloads.get(id)) {
        Some(workload) => format!("{}/{subject}", words::kind(workload.kind).to_lowercase()),
        None if subject.starts_with("pool ") => subject.replacen(' ', "/", 1),
        None => format!("operation/{subject}"),
    }
}

impl Explained {
    /// The document as JSON, its times to the microsecond (a report rounds its numbers to nine digits).
    pub fn to_json(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// The same for a trace viewer (Chrome's trace event format, JSON object form; Perfetto reads it).
    pub fn to_trace(&self) -> Vec<u8> {
        viewer::trace(self)
    }

    /// The same for people: a line an event, numbered, with the number of the line that led to it.
    pub fn to_text(&self) -> String {
        let width = |of: fn(&Line) -> usize| self.events.iter().map(of).max().unwrap_or(0).clamp(6, WIDEST);
        let (reasons, objects) = (width(|l| l.reason.len()), width(|l| l.object.chars().count()));
        let digits = self.events.len().to_string().len().max(1);
        let mut text = format!(
            "{:>digits$}  {:<9} {:<7} {:<reasons$} {:<objects$} MESSAGE\n",
            "#", "TIME", "TYPE", "REASON", "OBJECT"
        );
        for line in &self.events {
            let kind = if line.kind == Kind::Warning { "Warning" } else { "Normal" };
            let because = line.because.map(|n| format!(" [from #{n}]")).unwrap_or_default();
            let (number, time) = (line.number, words::clock(line.t));
            let (reason, object, message) = (line.reason, &line.object, &line.message);
            text += &format!(
                "{number:>digits$}  {time:<9} {kind:<7} {reason:<reasons$} {object:<objects$} {message}{because}\n"
            );
        }
        text
    }
}

//! What a report is made of.

use std::collections::BTreeMap;

use simulator::finding::Finding;
use simulator::parameters::Knob;
use simulator::{Pair, Scenario};

use crate::estimate::Sampling;
use crate::score::Thresholds;
use crate::stood::Stood;
use crate::stopping::Stop;
use crate::uncertainty::Study;
use crate::weighted::Weighted;

/// Everything a report is made of.
#[derive(Clone, Debug)]
pub struct Inputs<'a> {
    /// Digest of change, snapshot, settings and engine version.
    pub id: String,
    /// Version of the engine.
    pub engine: String,
    /// The change.
    pub change: ChangeInfo,
    /// How far the operation has come by what messages and snapshot tell, where it has begun.
    pub lived: Option<Lived>,
    /// The cluster.
    pub cluster: ClusterInfo,
    /// What was simulated.
    pub scenario: &'a Scenario,
    /// Outcomes in order of their trials; never empty.
    pub pairs: &'a [Pair],
    /// Root seed.
    pub seed: u64,
    /// Threads for the runs that are made while judging; 0 for one per core.
    pub threads: usize,
    /// What decided the number of trials.
    pub sampling: Sampling,
    /// Why sampling stopped.
    pub stopped: Stop,
    /// Rules that apply.
    pub findings: Vec<Finding>,
    /// Things not seen or not modelled, one sentence each.
    pub not_seen: Vec<String>,
    /// Values assumed.
    pub assumptions: Vec<AssumptionInfo>,
    /// What is not known well, in words.
    pub doubts: Vec<DoubtInfo>,
    /// Trials at points of what is not known well; absent where that was not asked for.
    pub study: Option<&'a Study>,
    /// Other plans for the same end; absent where nobody looked for any.
    pub plans: Option<&'a PlansInfo>,
    /// The probability of an outage from weighted futures; absent where that was not asked for.
    pub weighted: Option<&'a Weighted>,
    /// From where on a change is worth a look, or is stopped.
    pub thresholds: Thresholds,
    /// Days over which the error budget is spent.
    pub slo_days: f64,
    /// Service level objective the error budget is measured against, such as 0.999.
    pub slo: f64,
}

/// The change, as reports show it.
#[derive(Clone, Debug)]
pub struct ChangeInfo {
    /// Digest that identifies it.
    pub id: String,
    /// `proposed`, `in_flight` or `completed`.
    pub phase: String,
    /// `{format, eventId, correlationId, caller, time}`.
    pub source: serde_json::Value,
    /// Cluster name or id.
    pub cluster: String,
    /// Pool, where one is named.
    pub pool: Option<String>,
    /// `{kind, ...}`.
    pub operation: serde_json::Value,
    /// One line in plain words.
    pub summary: String,
    /// How it really ended, where it is over: `(succeeded, text)`.
    pub recorded: Option<(bool, String)>,
}

/// How far an operation has come by what messages and snapshot tell.
#[derive(Clone, Debug, PartialEq)]
pub struct Lived {
    /// When it began, as messages say.
    pub started_at: String,
    /// Minutes from its beginning to now, or to its end.
    pub elapsed: f64,
    /// It is over.
    pub over: bool,
    /// It ended well, where it is over.
    pub well: bool,
    /// Minutes from its beginning to the snapshot, and nodes that were done then, where the snapshot tells.
    pub seen: Option<(f64, u32)>,
}

/// The cluster, as reports show it.
#[derive(Clone, Debug)]
pub struct ClusterInfo {
    /// Name.
    pub name: String,
    /// Digest of the snapshot.
    pub digest: String,
    /// When the snapshot was taken.
    pub taken_at: Option<String>,
    /// Pools.
    pub pools: Vec<PoolInfo>,
}

/// A pool, as reports show it.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the fields carry the names of the AKS API")]
pub struct PoolInfo {
    pub name: String,
    pub mode: String,
    pub count: u32,
    pub vm_size: String,
    pub os_type: String,
    pub zones: Vec<String>,
    pub taints: Vec<String>,
    pub max_surge: String,
    pub autoscaler: Option<(u32, u32)>,
}

/// A number that is not known well.
#[derive(Clone, Debug)]
pub struct DoubtInfo {
    /// Which.
    pub knob: Knob,
    /// What it is.
    pub what: String,
    /// What 90 % of clusters are thought to have.
    pub range: String,
    /// How to get it for one cluster, in words that end a sentence.
    pub datum: String,
    /// Where it is a question that sources answer differently.
    pub question: Option<QuestionInfo>,
}

/// A question that sources answer differently.
#[derive(Clone, Debug)]
pub struct QuestionInfo {
    /// The question.
    pub asks: String,
    /// The answer that is thought likelier.
    pub ours: String,
    /// The other.
    pub other: String,
    /// How likely the other is thought.
    pub other_share: f64,
}

/// A value that was assumed.
#[derive(Clone, Debug)]
pub struct AssumptionInfo {
    /// What it is.
    pub name: String,
    /// Its value with unit.
    pub value: String,
    /// Where the value comes from.
    pub source: String,
    /// `A`, `B` or `C`.
    pub grade: char,
    /// What 90 % of clusters are thought to have instead, where each trial draws its own value.
    pub range: Option<String>,
}

/// What a search for other plans came to.
#[derive(Clone, Debug, Default)]
pub struct PlansInfo {
    /// Plans that were tried.
    pub tried: u64,
    /// Trials in which plans were compared, all plans together.
    pub trials: u64,
    /// Plans left out because they fail more often than others.
    pub failing: u64,
    /// Plans that were not tried, by the reason.
    pub set_aside: Vec<SetAsideInfo>,
    /// Why nobody searched, where that is so.
    pub not_searched: Option<String>,
    /// The plans that came out best, on trials of their own: those of the proposal, from the first on.
    pub finalists: Vec<Finalist>,
}

/// Plans that were not tried for one reason.
#[derive(Clone, Debug, Default)]
pub struct SetAsideInfo {
    /// The reason, a sentence.
    pub reason: String,
    /// How many.
    pub plans: u64,
    /// One of them.
    pub example: String,
}

/// A plan that came out well.
#[derive(Clone, Debug)]
pub struct Finalist {
    /// What it does otherwise, in one line.
    pub summary: String,
    /// How to apply it, by tool (`az`, `terraform`).
    pub apply: BTreeMap<String, String>,
    /// It as a scenario.
    pub scenario: Scenario,
    /// What its trials came to.
    pub stood: Stood,
}

//! Where an operation that has begun should be by now, and whether it is there.
//!
//! The operation is simulated once more from its beginning, in plain trials whose logs tell how many nodes are done when. "Now" is
//! the later of the message's time and the snapshot's: no clock is read. What the snapshot shows of the nodes is held against the
//! band at the time it was taken. Left out: what was done before an earlier operation on the pool had ended, and operations
//! without nodes to count, of which only the length is known.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use simulator::change::{Begun, Operation, Planned};
use simulator::outcome::Incident;
use simulator::{NodeId, PoolId, Scenario, Time, Trace};

use crate::backtest::history::QUANTILES;
use crate::estimate::quantile;
use crate::forecast::Forecast;
use crate::input::{Inputs, Lived};
use crate::report::Finding;
use crate::words;

/// Trials, and pods times trials: about two seconds.
const TRIALS: std::ops::RangeInclusive<usize> = 40..=200;
const PODS_TIMES_TRIALS: usize = 40_000;
/// Points of the curve.
const POINTS: usize = 49;

/// Id of the finding.
pub const OUTSIDE: &str = "outside-predicted-band";

/// Where an operation should be, and where it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InFlight {
    /// When it began, as messages say.
    pub started_at: String,
    /// Minutes from its beginning to the message or the snapshot, whichever is later; to its end, where it is over.
    pub elapsed_minutes: f64,
    /// True where it is over.
    pub over: bool,
    /// Nodes it has to do; 0 where it has none to count.
    pub nodes: u32,
    /// Nodes that should be done by now.
    pub done_by_now: Range,
    /// Nodes that were done when the snapshot was taken, where it tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Sighting>,
    /// How long it takes from its beginning where it ends well, minutes; absent where no trial ends well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub takes_minutes: Option<Range>,
    /// The same, knowing what is known: by the simulation that goes on where the snapshot shows it, else for those trials that last
    /// longer than it has been at work; absent where it is over, or no trial lasts as long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_minutes: Option<Range>,
    /// Where it is beside the band.
    pub standing: Standing,
    /// The same in a sentence.
    pub sentence: String,
    /// Nodes done over time.
    pub curve: Vec<Point>,
    /// Trials behind it.
    pub trials: u32,
}

/// A median with the band from the 5 % to the 95 % quantile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Range {
    /// 5 %.
    pub p5: f64,
    /// Median.
    pub p50: f64,
    /// 95 %.
    pub p95: f64,
}

/// What a snapshot shows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Sighting {
    /// Minutes after the beginning.
    pub at_minutes: f64,
    /// Nodes that were done.
    pub done: u32,
    /// Nodes that should have been.
    pub expected: Range,
}

/// Where an operation is beside what was predicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Standing {
    /// Within the band.
    AsPredicted,
    /// Fewer nodes are done than in 95 of 100 trials.
    Behind,
    /// More are done than in 95 of 100.
    Ahead,
    /// It is at work for longer than 95 of 100 trials, and no end has been told.
    Overdue,
    /// It took longer than 95 of 100.
    TookLonger,
    /// It was done sooner than 95 of 100.
    Sooner,
    /// There is nothing to hold it against.
    Unknown,
}

/// Nodes done at a time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Point {
    /// Minutes after the beginning.
    pub minutes: f64,
    /// Nodes done then.
    #[serde(flatten)]
    pub done: Range,
}

/// One trial: when each node was done, and when the whole, in minutes from the beginning.
struct Course {
    done: Vec<f64>,
    ended: Option<f64>,
    well: bool,
}

/// Holds an operation that has begun against its simulation; `None` where nothing is known of its beginning.
pub fn in_flight(inputs: &Inputs<'_>) -> Option<InFlight> {
    let lived = inputs.lived.as_ref()?;
    let (scenario, head_start) = from_the_start(inputs.scenario);
    let planned = scenario.changes.first()?;
    let trials = (PODS_TIMES_TRIALS / scenario.cluster.pods.len().max(1)).clamp(*TRIALS.start(), *TRIALS.end());
    let pool = planned.operation.pool();
    let courses: Vec<Course> = (0..trials as u32)
        .map(|trial| {
            let trace = simulator::trace(&scenario, inputs.seed, trial);
            course(&scenario, &planned.operation, pool, &trace).later(head_start)
        })
        .collect();
    let nodes = courses.iter().map(|c| c.done.len()).max().unwrap_or(0) as u32;
    let at =
        |minutes: f64| range(courses.iter().map(|c| c.done.iter().filter(|d| **d <= minutes).count() as f64).collect());
    let lasting = |longer: f64| {
        let ends: Vec<f64> =
            courses.iter().filter(|c| c.well).filter_map(|c| c.ended).filter(|e| *e > longer).collect();
        (!ends.is_empty()).then(|| range(ends))
    };
    let takes_minutes = lasting(-1.0);
    let seen = lived.seen.filter(|_| nodes > 0).map(|(at_minutes, done)| Sighting {
        at_minutes,
        done,
        expected: at(at_minutes),
    });
    let longest = takes_minutes.map_or(60.0, |t| t.p95).max(lived.elapsed) * 1.1;
    let mut found = InFlight {
        started_at: lived.started_at.clone(),
        elapsed_minutes: lived.elapsed,
        over: lived.over,
        nodes,
        done_by_now: at(lived.elapsed),
        seen,
        takes_minutes,
        ends_minutes: if lived.over {
            None
        } else {
            from_the_snapshot(inputs, seen).or_else(|| lasting(lived.elapsed))
        },
        standing: Standing::Unknown,
        sentence: String::new(),
        curve: if nodes > 0 && !lived.over {
            let point = |i| longest * f64::from(i) / (POINTS - 1) as f64;
            (0..POINTS as u32).map(|i| Point { minutes: point(i), done: at(point(i)) }).collect()
        } else {
            Vec::new()
        },
        trials: trials as u32,
    };
    found.standing = found.judge(lived);
    found.sentence = found.tell();
    Some(found)
}

impl InFlight {
    fn judge(&self, lived: &Lived) -> Standing {
        let Some(takes) = self.takes_minutes else { return Standing::Unknown };
        if lived.over {
            // How long one takes that fails is another matter.
            return match self.elapsed_minutes {
                _ if !lived.well => Standing::Unknown,
                m if m > takes.p95 => Standing::TookLonger,
                m if m < takes.p5 => Standing::Sooner,
                _ => Standing::AsPredicted,
            };
        }
        match self.seen {
            _ if self.elapsed_minutes > takes.p95 => Standing::Overdue,
            Some(s) if f64::from(s.done) < s.expected.p5 => Standing::Behind,
            Some(s) if f64::from(s.done) > s.expected.p95 => Standing::Ahead,
            _ => Standing::AsPredicted,
        }
    }

    /// True where reality has left the band.
    pub fn is_outside(&self) -> bool {
        !matches!(self.standing, Standing::AsPredicted | Standing::Unknown)
    }

    fn tell(&self) -> String {
        let minutes = |m: f64| words::minutes(m);
        let span = |r: Range| format!("{} ({} to {})", minutes(r.p50), minutes(r.p5), minutes(r.p95));
        let takes = self
            .takes_minutes
            .map_or("no simulated one ends well".to_string(), |t| format!("it was predicted to take {}", span(t)));
        if self.over {
            let verdict = match self.standing {
                Standing::TookLonger => ", longer than in 95 of 100 futures",
                Standing::Sooner => ", less than in 95 of 100 futures",
                Standing::AsPredicted => ", within the predicted band",
                _ => "",
            };
            return format!("It was over {} after it began{verdict}: {takes}.", minutes(self.elapsed_minutes));
        }
        let n = |v: f64| words::number(v, 3);
        let mut out = format!("It began {} before the message or snapshot: {takes}.", minutes(self.elapsed_minutes));
        if self.nodes > 0 {
            let d = self.done_by_now;
            out.push_str(&format!(
                " By now {} of {} nodes should be done ({} to {}).",
                n(d.p50),
                self.nodes,
                n(d.p5),
                n(d.p95)
            ));
        }
        if let Some(s) = self.seen {
            out.push_str(&format!(
                " The snapshot, taken {} after the beginning, shows {} done, where {} to {} were predicted.",
                minutes(s.at_minutes),
                s.done,
                n(s.expected.p5),
                n(s.expected.p95)
            ));
        }
        match (self.standing, self.ends_minutes) {
            (Standing::Overdue, _) => {
                out.push_str(" It is overdue: longer at work than 95 of 100 futures, and no end has been told.")
            }
            (standing, Some(ends)) => {
                let left = |m: f64| minutes((m - self.elapsed_minutes).max(0.0));
                let word = match standing {
                    Standing::Behind => "It is behind. ",
                    Standing::Ahead => "It is ahead. ",
                    _ => "",
                };
                out.push_str(&format!(
                    " {word}As things stand it ends in {} ({} to {}).",
                    left(ends.p50),
                    left(ends.p5),
                    left(ends.p95)
                ));
            }
            _ => {}
        }
        out
    }

    /// The finding, where reality has left the band.
    pub fn finding(&self, pool: Option<&str>) -> Option<Finding> {
        self.is_outside().then(|| Finding {
            id: OUTSIDE.to_string(),
            severity: if matches!(self.standing, Standing::Ahead | Standing::Sooner) { "info" } else { "warning" }
                .to_string(),
            subject: pool.map_or("the operation".to_string(), |pool| format!("pool {pool}")),
            message: self.sentence.clone(),
            source: "this simulation, from the beginning the messages tell of".to_string(),
            evidence: [
                ("elapsedMinutes", Some(self.elapsed_minutes)),
                ("takesMinutesP5", self.takes_minutes.map(|t| t.p5)),
                ("takesMinutesP95", self.takes_minutes.map(|t| t.p95)),
                ("nodesDone", self.seen.map(|s| f64::from(s.done))),
                ("nodesExpectedP5", self.seen.map(|s| s.expected.p5)),
                ("nodesExpectedP95", self.seen.map(|s| s.expected.p95)),
            ]
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_string(), serde_json::Value::from(value?))))
            .collect(),
        })
    }
}

/// The scenario as it was at the beginning, in trials that count alike, and the minutes that its beginning lacks: surge nodes that
/// the snapshot shows are there from the start, and are taken to have come in the median time.
fn from_the_start(scenario: &Scenario) -> (Scenario, f64) {
    let mut scenario = scenario.clone();
    (scenario.settings.stratified, scenario.settings.quiet) = (false, false);
    scenario.settings.series_steps = 0;
    let mut lacks = 0.0;
    for planned in &mut scenario.changes {
        if let Operation::Upgrade { pool, how } = &mut planned.operation
            && let Some(begun) = how.begun.take()
            && !begun.surge.is_empty()
        {
            how.begun = Some(Begun { done: Vec::new(), surge: begun.surge });
            lacks = scenario.cluster.pools[*pool].provision.quantile(0.5).as_mins_f64();
        }
    }
    (scenario, lacks)
}

/// When it ends by the simulation of the report, which goes on where the snapshot shows it.
fn from_the_snapshot(inputs: &Inputs<'_>, seen: Option<Sighting>) -> Option<Range> {
    let begun = |p: &Planned| matches!(&p.operation, Operation::Upgrade { how, .. } if how.begun.is_some());
    let at = seen.filter(|_| inputs.scenario.changes.iter().any(begun))?.at_minutes;
    let left = Forecast::of(inputs).duration_minutes;
    (left.len() == QUANTILES).then(|| Range {
        p5: at + left[0],
        p50: at + left[QUANTILES / 2],
        p95: at + left[QUANTILES - 1],
    })
}

impl Course {
    fn later(self, minutes: f64) -> Course {
        let done = self.done.into_iter().map(|at| at + minutes).collect();
        Course { done, ended: self.ended.map(|end| end + minutes), ..self }
    }
}

fn course(scenario: &Scenario, operation: &Operation, pool: Option<PoolId>, trace: &Trace) -> Course {
    let outcomes = &trace.outcome.operations;
    let start = outcomes.iter().map(|o| o.started).min().unwrap_or(Time::ZERO);
    let ends: Option<Vec<Time>> = outcomes.iter().map(|o| o.ended).collect();
    let ended = ends.and_then(|e| e.into_iter().max()).map(|end| end.since(start).as_mins_f64());
    let of_pool = |node: NodeId| trace.nodes.get(node.0 as usize).is_some_and(|n| Some(n.pool) == pool);
    let old = |node: NodeId| (node.0 as usize) < scenario.cluster.nodes.len();
    let mut away = BTreeSet::new();
    let mut done = Vec::new();
    for entry in trace.log.iter().filter(|entry| entry.at >= start) {
        let counts = match (operation, entry.what) {
            (Operation::Upgrade { .. }, Incident::NodeReimaging { node }) => {
                away.insert(node);
                false
            }
            (Operation::Upgrade { .. }, Incident::NodeReady { node }) => old(node) && away.remove(&node),
            (Operation::BlueGreen { .. } | Operation::Scale { .. }, Incident::NodeReady { node }) => {
                !old(node) && of_pool(node)
            }
            (
                Operation::Scale { .. } | Operation::DeletePool { .. } | Operation::DeleteNodes { .. },
                Incident::NodeDeleted { node } | Incident::NodeDeallocated { node },
            ) => old(node) && of_pool(node),
            _ => false,
        };
        if counts {
            done.push(entry.at.since(start).as_mins_f64());
        }
    }
    // What fails later for another reason and comes back is not done again.
    if let Some(ended) = ended {
        done.retain(|at| *at <= ended);
    }
    let well = ended.is_some() && outcomes.iter().all(|o| o.failure.is_none());
    Course { done, ended, well }
}

fn range(mut values: Vec<f64>) -> Range {
    values.sort_by(f64::total_cmp);
    Range { p5: quantile(&values, 0.05), p50: quantile(&values, 0.5), p95: quantile(&values, 0.95) }
}

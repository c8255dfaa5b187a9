//! What a claim measures, in one trial: from its outcome, or from its log where the outcome does not tell.

use simulator::outcome::{Entry, Incident as Event, Outcome, Trace};
use simulator::spec::ClusterSpec;
use simulator::{NodeId, PodId, PoolId, Time, WorkloadId};

use super::claim::{EventName, Measured, Quantity};
use super::{Stage, template};
use crate::complaint::Complaint;

/// A quantity resolved against a cluster.
#[derive(Clone, Debug)]
pub(super) struct Measure {
    value: Measured,
    workload: Option<WorkloadId>,
    /// Its row among the watched.
    watched: Option<usize>,
    /// All nodes where absent.
    pool: Option<PoolId>,
    node: Option<Spot>,
    operation: usize,
    event: Option<EventName>,
    /// Findings of the rule that is asked for.
    findings: usize,
    from: f64,
    until: f64,
}

/// Where an event comes.
#[derive(Clone, Copy, Debug)]
enum Spot {
    Pool(PoolId),
    Node(PoolId, u32),
}

/// A trial: its outcome, and its log where somebody asked for it.
pub(super) struct Trial<'a> {
    pub outcome: &'a Outcome,
    pub trace: Option<&'a Trace>,
}

impl Measure {
    /// Resolves what is measured.
    pub fn of(quantity: &Quantity, stage: &Stage, path: &str) -> Result<Measure, Complaint> {
        let scenario = &stage.loaded.scenario;
        let cluster = &scenario.cluster;
        let minute = |key: &str, value: &Option<serde_json::Value>, without: f64| {
            let read = |v| template::number(v, &stage.scope, &format!("{path}.{key}"));
            value.as_ref().map_or(Ok(without), read)
        };
        let of = quantity.of.as_deref();
        let complain = |found: &str, expected: &str| Complaint::at(format!("{path}.of"), found, expected);
        let mut measure = Measure {
            value: quantity.value,
            workload: None,
            watched: None,
            pool: None,
            node: None,
            operation: 0,
            event: quantity.event,
            findings: 0,
            from: minute("from", &quantity.from, 0.0)?,
            until: minute("until", &quantity.until, f64::INFINITY)?,
        };
        match Subject::of(quantity.value) {
            Subject::Watched | Subject::Workload => {
                let name = of.ok_or_else(|| complain("nothing", "a workload as namespace/name"))?;
                let id = workload(name, cluster).ok_or_else(|| complain(name, "a workload as namespace/name"))?;
                measure.workload = Some(id);
                measure.watched = scenario.watched().iter().position(|w| *w == id);
                if Subject::of(quantity.value) == Subject::Watched && measure.watched.is_none() {
                    return Err(complain(name, "a workload with a minimum"));
                }
            }
            Subject::Pool => {
                measure.pool =
                    of.map(|name| pool(name, cluster).ok_or_else(|| complain(name, "a pool"))).transpose()?;
            }
            Subject::Operation => {
                let number = of.unwrap_or("0");
                let known = scenario.changes.len();
                measure.operation = number
                    .parse()
                    .ok()
                    .filter(|n| *n < known)
                    .ok_or_else(|| complain(number, &format!("the number of an operation, below {known}")))?;
            }
            Subject::Finding => {
                let id = of.ok_or_else(|| complain("nothing", "the id of a finding"))?;
                measure.findings = stage.loaded.findings.iter().filter(|f| f.id == id).count();
            }
            Subject::Event => {
                if quantity.event.is_none() {
                    return Err(Complaint::at(format!("{path}.event"), "nothing", "the name of an event"));
                }
                let found = |name| workload(name, cluster).ok_or_else(|| complain(name, "a workload"));
                measure.workload = of.map(found).transpose()?;
                let place = |name| {
                    spot(name, cluster)
                        .ok_or_else(|| Complaint::at(format!("{path}.node"), name, "a pool, or a node as POOL/NUMBER"))
                };
                measure.node = quantity.node.as_deref().map(place).transpose()?;
            }
        }
        Ok(measure)
    }

    /// True where the outcome does not tell.
    pub fn needs_log(&self) -> bool {
        use Measured::*;
        matches!(
            self.value,
            BackAtMinute | LongestWaitMinutes | WaitingAtEnd | Events | EventShare | UsableNodesAtEnd | NodesAtEnd
        )
    }

    /// True where samples tell what happened within a window.
    pub fn needs_series(&self) -> bool {
        let windowed = self.from > 0.0 || self.until.is_finite();
        windowed && matches!(self.value, Measured::FewestServing | Measured::LostShare)
    }

    /// The value in a trial.
    pub fn take(&self, trial: &Trial<'_>, stage: &Stage) -> f64 {
        let outcome = trial.outcome;
        let end = minutes(outcome.end);
        let of = self.watched.and_then(|i| outcome.workloads.get(i)).cloned().unwrap_or_default();
        let operation = outcome.operations.get(self.operation);
        let log = trial.trace.map(|t| t.log.as_slice()).unwrap_or_default();
        match self.value {
            Measured::OutMinutes => of.out.as_mins_f64(),
            Measured::BelowMinutes => of.below.as_mins_f64(),
            Measured::LongestOutMinutes => of.longest.as_mins_f64(),
            Measured::Outages => f64::from(of.outages),
            Measured::FirstOutMinute => of.first.map_or(end, minutes),
            Measured::BackAtMinute => self.back(log, end),
            Measured::FewestServing => self.fewest(outcome, of.fewest),
            Measured::LostShare => self.lost(outcome, if of.asked > 0.0 { of.lost / of.asked } else { 0.0 }),
            Measured::LongestWaitMinutes => self.waits(log, stage, end).0,
            Measured::WaitingAtEnd => self.waits(log, stage, end).1,
            Measured::Events => self.count(trial, true),
            Measured::EventShare => {
                let all = self.count(trial, false);
                if all > 0.0 { self.count(trial, true) / all } else { 0.0 }
            }
            Measured::UsableNodesAtEnd => self.nodes(trial, stage, true),
            Measured::NodesAtEnd => self.nodes(trial, stage, false),
            Measured::Succeeds => operation.map_or(0.0, |o| truth(o.ended.is_some() && o.failure.is_none())),
            Measured::Fails => operation.map_or(0.0, |o| truth(o.failure.is_some())),
            Measured::DurationMinutes => {
                operation.map_or(0.0, |o| o.ended.unwrap_or(outcome.end).since(o.started).as_mins_f64())
            }
            Measured::Findings => self.findings as f64,
        }
    }

    fn within(&self, at: Time) -> bool {
        (self.from..=self.until).contains(&minutes(at))
    }

    fn back(&self, log: &[Entry], end: f64) -> f64 {
        let mut back = 0.0;
        for entry in log {
            match entry.what {
                Event::OutageBegan { workload, .. } if Some(workload) == self.workload => back = end,
                Event::OutageEnded { workload, .. } if Some(workload) == self.workload => back = minutes(entry.at),
                _ => {}
            }
        }
        back
    }

    fn fewest(&self, outcome: &Outcome, overall: u32) -> f64 {
        if !self.needs_series() {
            return f64::from(overall);
        }
        let row = self.watched.and_then(|i| outcome.series.as_ref()?.up.get(i));
        let found = row.and_then(|row| row.fewest(self.window(outcome, row.len())));
        found.map_or(f64::from(overall), f64::from)
    }

    /// Within a window every step counts alike, however much is asked in it.
    fn lost(&self, outcome: &Outcome, overall: f64) -> f64 {
        if !self.needs_series() {
            return overall;
        }
        let row = self.watched.and_then(|i| outcome.series.as_ref()?.of_service(i));
        let found = row.map(|row| &row.loss[self.window(outcome, row.loss.len())]).filter(|steps| !steps.is_empty());
        found.map_or(overall, |steps| steps.iter().map(|x| f64::from(*x)).sum::<f64>() / steps.len() as f64)
    }

    /// Which of so many samples lie in the window, those at its edges included.
    fn window(&self, outcome: &Outcome, samples: usize) -> std::ops::Range<usize> {
        let step = minutes(outcome.end) / samples.max(1) as f64;
        let last = ((self.until / step).ceil() as usize).min(samples);
        let first = ((self.from / step).floor() as usize).min(last);
        first..last
    }

    /// The longest wait for a node, and how many wait at the end.
    fn waits(&self, log: &[Entry], stage: &Stage, end: f64) -> (f64, f64) {
        let cluster = &stage.loaded.scenario.cluster;
        let mine = |w: WorkloadId| Some(w) == self.workload;
        // Pods that wait at the start have no line of their own; they are told apart by their order.
        let pending = cluster.pods.iter().enumerate().filter(|(_, p)| p.node.is_none() && mine(p.workload));
        let mut waiting: Vec<(PodId, f64)> = pending.map(|(i, _)| (PodId(i as u32), 0.0)).collect();
        let mut longest = 0.0_f64;
        for entry in log {
            let at = minutes(entry.at);
            match entry.what {
                Event::PodCreated { pod, workload, .. } if mine(workload) => {
                    waiting.retain(|(p, _)| *p != pod);
                    waiting.push((pod, at));
                }
                Event::PodBound { pod, workload, .. } | Event::PodGone { pod, workload } if mine(workload) => {
                    if let Some(i) = waiting.iter().position(|(p, _)| *p == pod) {
                        longest = longest.max(at - waiting.swap_remove(i).1);
                    }
                }
                _ => {}
            }
        }
        let still = waiting.iter().map(|(_, since)| end - since).fold(longest, f64::max);
        (still, waiting.len() as f64)
    }

    /// Events of the wanted kind; only those in the wanted place where `here`.
    fn count(&self, trial: &Trial<'_>, here: bool) -> f64 {
        let Some(trace) = trial.trace else { return 0.0 };
        let wanted = |entry: &&Entry| {
            let what = entry.what;
            self.event.is_some_and(|event| event.is(what))
                && self.within(entry.at)
                && (self.workload.is_none() || what.workload() == self.workload)
                && (!here || self.node.is_none_or(|spot| what.node().is_some_and(|n| spot.holds(trace, n))))
        };
        trace.log.iter().filter(wanted).count() as f64
    }

    /// Nodes at the end.
    fn nodes(&self, trial: &Trial<'_>, stage: &Stage, usable: bool) -> f64 {
        let Some(trace) = trial.trace else { return 0.0 };
        let start = &stage.loaded.scenario.cluster.nodes;
        // There, Ready, cordoned.
        let mut states = vec![(false, false, false); trace.nodes.len()];
        for (id, node) in start.iter() {
            if let Some(state) = states.get_mut(id.0 as usize) {
                *state = (true, node.ready, node.cordoned);
            }
        }
        for entry in &trace.log {
            let Some(state) = entry.what.node().and_then(|n| states.get_mut(n.0 as usize)) else { continue };
            match entry.what {
                Event::NodeRequested { .. } => state.0 = true,
                Event::NodeReady { .. } => (state.0, state.1) = (true, true),
                Event::NodeDied { .. } | Event::NodeNotReady { .. } => state.1 = false,
                // It comes back schedulable.
                Event::NodeReimaging { .. } => (state.1, state.2) = (false, false),
                Event::NodeCordoned { .. } => state.2 = true,
                Event::NodeUncordoned { .. } => state.2 = false,
                Event::NodeDeleted { .. } | Event::NodeDeallocated { .. } => *state = (false, false, false),
                _ => {}
            }
        }
        let mine = |i: usize| self.pool.is_none_or(|p| trace.nodes[i].pool == p);
        let counts = |&(i, (there, ready, cordoned)): &(usize, (bool, bool, bool))| {
            there && mine(i) && (!usable || (ready && !cordoned))
        };
        states.into_iter().enumerate().filter(counts).count() as f64
    }
}

/// What a quantity is measured of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Subject {
    Watched,
    Workload,
    Pool,
    Operation,
    Finding,
    Event,
}

impl Subject {
    fn of(value: Measured) -> Subject {
        use Measured::*;
        match value {
            OutMinutes | BelowMinutes | LongestOutMinutes | Outages | FirstOutMinute | BackAtMinute | FewestServing
            | LostShare => Subject::Watched,
            LongestWaitMinutes | WaitingAtEnd => Subject::Workload,
            UsableNodesAtEnd | NodesAtEnd => Subject::Pool,
            Succeeds | Fails | DurationMinutes => Subject::Operation,
            Findings => Subject::Finding,
            Events | EventShare => Subject::Event,
        }
    }
}

impl Spot {
    fn holds(self, trace: &Trace, node: NodeId) -> bool {
        let found = trace.nodes.get(node.0 as usize);
        found.is_some_and(|n| match self {
            Spot::Pool(pool) => n.pool == pool,
            Spot::Node(pool, ordinal) => n.pool == pool && n.ordinal == ordinal,
        })
    }
}

impl EventName {
    fn is(self, what: Event) -> bool {
        match self {
            EventName::PodCreated => matches!(what, Event::PodCreated { .. }),
            EventName::PodBound => matches!(what, Event::PodBound { .. }),
            EventName::PodReady => matches!(what, Event::PodReady { .. }),
            EventName::PodUnschedulable => matches!(what, Event::PodUnschedulable { .. }),
            EventName::PodEvicted => matches!(what, Event::PodEvicted { .. }),
            EventName::EvictionRefused => matches!(what, Event::EvictionRefused { .. }),
            EventName::PodPreempted => matches!(what, Event::PodPreempted { .. }),
            EventName::PodLost => matches!(what, Event::PodLost { .. }),
            EventName::PodStopping => matches!(what, Event::PodStopping { .. }),
            EventName::NodeDied => matches!(what, Event::NodeDied { .. }),
            EventName::NodeNotReady => matches!(what, Event::NodeNotReady { .. }),
            EventName::NodeReady => matches!(what, Event::NodeReady { .. }),
            EventName::NodeCordoned => matches!(what, Event::NodeCordoned { .. }),
            EventName::NodeDrained => matches!(what, Event::NodeDrained { .. }),
            EventName::NodeReimaging => matches!(what, Event::NodeReimaging { .. }),
            EventName::NodeDeleted => matches!(what, Event::NodeDeleted { .. }),
            EventName::NodeRepairStarted => matches!(what, Event::NodeRepairStarted { .. }),
            EventName::NodeRequested => matches!(what, Event::NodeRequested { .. }),
        }
    }
}

fn workload(name: &str, cluster: &ClusterSpec) -> Option<WorkloadId> {
    let (namespace, name) = name.split_once('/').unwrap_or(("default", name));
    cluster.workloads.iter().find(|(_, w)| w.namespace == namespace && w.name == name).map(|(id, _)| id)
}

fn pool(name: &str, cluster: &ClusterSpec) -> Option<PoolId> {
    cluster.pools.iter().find(|(_, p)| p.name == name).map(|(id, _)| id)
}

fn spot(name: &str, cluster: &ClusterSpec) -> Option<Spot> {
    match name.split_once('/') {
        None => pool(name, cluster).map(Spot::Pool),
        Some((name, number)) => Some(Spot::Node(pool(name, cluster)?, number.parse().ok()?)),
    }
}

fn minutes(at: Time) -> f64 {
    at.as_secs_f64() / 60.0
}

fn truth(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}

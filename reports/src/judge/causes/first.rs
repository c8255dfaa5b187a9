//! What comes first: the nearest thing that led to the first outage of a bad future, from its log.

use std::collections::BTreeMap;

use simulator::outcome::{Entry, Incident};
use simulator::{Duration, Id, NodeId, Scenario, Time, Trace, WorkloadId};

use crate::explain::because;
use crate::score;
use crate::timeline::{PodNames, Teller};
use crate::words::Names;

/// Nodes that die within this time die together.
const TOGETHER: Duration = Duration::mins(2);

/// A cause that comes first in some futures.
#[derive(Debug, Default)]
pub struct First {
    /// Share of the futures.
    pub share: f64,
    /// What it befalls or comes from, and in which share of the futures.
    objects: BTreeMap<String, f64>,
}

impl First {
    /// What it befalls most often, with the share of its own futures: at most `most`, the first first.
    pub fn objects(&self, most: usize) -> Vec<(String, f64)> {
        let mut objects: Vec<_> = self.objects.iter().map(|(name, share)| (name.clone(), share / self.share)).collect();
        objects.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        objects.truncate(most);
        objects
    }
}

/// What came first, by name; each future comes with what it counts.
pub fn first_causes(scenario: &Scenario, traces: impl Iterator<Item = (Trace, f64)>) -> BTreeMap<&'static str, First> {
    let mut found: BTreeMap<&'static str, First> = BTreeMap::new();
    let mut all = 0.0;
    for (trace, weight) in traces {
        all += weight;
        let (name, object) = first_cause(scenario, &trace);
        let first = found.entry(name).or_default();
        first.share += weight;
        if let Some(object) = object {
            *first.objects.entry(object).or_default() += weight;
        }
    }
    for first in found.values_mut() {
        first.share /= all;
        first.objects.values_mut().for_each(|share| *share /= all);
    }
    found
}

/// What came first in one future, and to what.
fn first_cause(scenario: &Scenario, trace: &Trace) -> (&'static str, Option<String>) {
    let causes = because::causes(scenario, trace, &PodNames::of(scenario, trace));
    let outage = trace.log.iter().enumerate().find(|(i, e)| is_outage(scenario, trace, *i, e)).map(|(i, _)| i);
    let chain = std::iter::successors(outage, |i| causes[*i]);
    let named = |i: usize| {
        let name = name(trace, &trace.log[i], causes[i].map(|cause| trace.log[cause].what))?;
        Some((name, object(scenario, trace, i)))
    };
    chain.filter_map(named).next().unwrap_or(("start", None))
}

/// What the line of a cause is about, so that many futures can be counted together.
fn object(scenario: &Scenario, trace: &Trace, line: usize) -> Option<String> {
    let names = Names { cluster: &scenario.cluster };
    let pool = |node: NodeId| trace.nodes.get(node.index()).map(|n| format!("pool {}", names.pool(n.pool)));
    match trace.log[line].what {
        Incident::PodEvicted { workload, node, .. } => {
            Some(format!("{} from {}", names.workload(workload), pool(node)?))
        }
        Incident::PodPreempted { workload, .. } => Some(format!("{} is preempted", names.workload(workload))),
        Incident::PodUnschedulable { workload, .. } => {
            let reasons = trace.refusal(line).map(|why| &why.reasons[..]).unwrap_or_default();
            let most = reasons.iter().max_by_key(|(_, nodes)| *nodes).map(|(reason, _)| format!(": {reason}"));
            Some(format!("{}{}", names.workload(workload), most.unwrap_or_default()))
        }
        Incident::LoadChanged { target, .. } => {
            Some(target.map_or("all workloads that follow load".to_owned(), |w| names.workload(w)))
        }
        Incident::ReplicasChanged { workload, .. } => Some(names.workload(workload)),
        Incident::OperationStarted { operation } => Some(Teller { scenario, names, trace }.operation(operation)),
        what => what.node().and_then(pool),
    }
}

/// The beginning of an outage of a system workload that is longer than the threshold.
fn is_outage(scenario: &Scenario, trace: &Trace, line: usize, entry: &Entry) -> bool {
    let Incident::OutageBegan { workload, .. } = entry.what else { return false };
    let counts = scenario.cluster.workloads.get(workload).is_some_and(|w| score::weight(w.role) > 0.0);
    let end = trace.log[line..].iter().find(|e| ends(e, workload)).map_or(trace.outcome.end, |e| e.at);
    counts && end.since(entry.at) > scenario.settings.outage_threshold
}

fn ends(entry: &Entry, workload: WorkloadId) -> bool {
    matches!(entry.what, Incident::OutageEnded { workload: w, .. } if w == workload)
}

/// The name of what a line tells, where that is a cause of its own.
fn name(trace: &Trace, entry: &Entry, because: Option<Incident>) -> Option<&'static str> {
    Some(match entry.what {
        Incident::NodeDied { .. } if company(trace, entry.at) => "shared-failure",
        Incident::NodeDied { .. } | Incident::NodeTurnedGrey { .. } => "node-failure",
        Incident::NodeReclaimed { .. } => "spot-eviction",
        Incident::PodPreempted { .. } | Incident::PodUnschedulable { .. } => "capacity",
        Incident::PodEvicted { .. } => match because {
            Some(Incident::NodeNotReady { .. }) => "node-failure",
            _ => "eviction",
        },
        Incident::LoadChanged { .. } => "burst",
        Incident::ReplicasChanged { .. } => "controllers",
        Incident::AutoscalerRemoves { .. } => "autoscaler",
        Incident::OperationStarted { .. } => "operation",
        _ => return None,
    })
}

/// True where several nodes die about then.
fn company(trace: &Trace, at: Time) -> bool {
    let near = |e: &&Entry| matches!(e.what, Incident::NodeDied { .. }) && e.at.max(at).since(e.at.min(at)) <= TOGETHER;
    trace.log.iter().filter(near).count() > 1
}

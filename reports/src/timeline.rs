//! Tells a traced trial in the words of Kubernetes and AKS.
//!
//! Left out: pods of workloads that are not watched, repeated refusals of the same eviction, small steps of load, and,
//! above a limit, what lies farthest from an outage. The number of events left out is told.

use simulator::{Id, NodeId, Scenario, Trace};

use crate::report::{Moment, WorstTrial};
use crate::words::Names;

mod pods;
mod select;
mod story;
mod tell;
mod track;

pub use pods::PodNames;
pub use story::{Outage, shortage, story};
pub use tell::Teller;
pub use track::Track;

/// The published form of a trial's log.
pub fn worst_trial(scenario: &Scenario, trial: u32, added_minutes: f64, trace: &Trace) -> WorstTrial {
    let kept = select::select(scenario, trace);
    let teller = Teller { scenario, names: Names { cluster: &scenario.cluster }, trace };
    let timeline: Vec<Moment> =
        kept.iter().filter_map(|i| trace.log.get(*i)).map(|entry| teller.moment(entry)).collect();
    let left_out = trace.log.len().saturating_sub(timeline.len()) as u64;
    WorstTrial { trial, added_minutes, failures: None, share: None, timeline, left_out }
}

/// Name of a node of a traced trial.
pub fn node_name(trace: &Trace, id: NodeId) -> String {
    trace.nodes.get(id.index()).map_or_else(|| format!("node {}", id.0), |node| node.name.clone())
}

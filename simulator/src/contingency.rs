//! Things in a trial that could have gone otherwise, one by one: which of them a trial met, and the same trial without some.
//!
//! Taken away, each has the neutral value that its cause has when it is switched off as a whole ([`crate::settings::Cause`]): an
//! operation does not begin, a node is not lost, a machine comes as asked in its median time, the successor of an evicted pod
//! serves the moment it is placed, a pod starts in its median times, a burst or something scripted does not come, replicas stay.
//! All else stays as it is, draw by draw. Not told apart: phases of clocks, ties, exits; what follows by itself (a pod without
//! room, a preemption, a repair) is a consequence and no contingency.

use crate::run::Both;
use crate::scenario::Scenario;
use crate::sim::{Prepared, Sim};
use crate::time::Time;
use crate::{NodeId, Outcome, PodId, Trace, WorkloadId};

/// A thing that could have gone otherwise. Nodes and pods go by the keys of their random streams, which are the same whatever
/// else happens; numbers count what came before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Contingency {
    /// A pod of a watched workload is slower to start than the median.
    SlowStart {
        /// Key of its place within its workload.
        pod: u64,
        /// Pods before it in this place.
        generation: u32,
    },
    /// A machine that was asked for comes later than the median, or not at all.
    LateNode {
        /// Key of the node.
        node: u64,
    },
    /// A controller takes replicas from a watched workload.
    FewerReplicas {
        /// The workload.
        workload: WorkloadId,
    },
    /// A pod of a watched workload is evicted by the API.
    Eviction {
        /// Key of its place within its workload.
        pod: u64,
        /// Pods before it in this place.
        generation: u32,
    },
    /// A node fails, turns grey or is taken back by the platform.
    NodeLoss {
        /// Key of the node.
        node: u64,
    },
    /// A random burst of load.
    Burst {
        /// Its number.
        n: u32,
    },
    /// Something the scenario scripts.
    Scripted {
        /// Its number.
        n: u32,
    },
    /// A planned operation.
    Operation {
        /// Its number.
        n: u32,
    },
}

/// A contingency that a trial met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Met {
    /// What.
    pub what: Contingency,
    /// When it came up.
    pub at: Time,
    /// How many lines the trial's log had then, where one was kept.
    pub line: usize,
    /// The node it is about.
    pub node: Option<NodeId>,
    /// The pod it is about.
    pub pod: Option<PodId>,
}

/// Who a contingency is about.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct About {
    pub node: Option<NodeId>,
    pub pod: Option<PodId>,
}

/// What is taken away from a trial, and what of the rest it met.
#[derive(Debug, Default)]
pub(crate) struct Contingencies {
    without: Vec<Contingency>,
    met: Vec<Met>,
}

impl Sim<'_> {
    /// True where a contingency comes true, which is noted; false where it is taken away.
    pub(crate) fn happens(&mut self, what: Contingency, about: About) -> bool {
        let line = self.log.as_ref().map_or(0, Vec::len);
        let Some(contingencies) = &mut self.contingencies else { return true };
        if contingencies.without.contains(&what) {
            return false;
        }
        if contingencies.met.iter().all(|met| met.what != what) {
            contingencies.met.push(Met { what, at: self.now, line, node: about.node, pod: about.pod });
        }
        true
    }

    /// The same for something that befalls a node.
    pub(crate) fn happens_to_node(&mut self, what: fn(u64) -> Contingency, node: NodeId) -> bool {
        let key = self.cluster.nodes[node].key;
        self.happens(what(key), About { node: Some(node), pod: None })
    }

    /// The same for something that befalls a pod; it counts for watched workloads only, and comes true for others.
    pub(crate) fn happens_to_pod(&mut self, what: fn(u64, u32) -> Contingency, pod: PodId) -> bool {
        let row = &self.cluster.pods[pod];
        let (what, workload) = (what(row.key, row.generation), row.workload);
        let about = About { node: row.node, pod: Some(pod) };
        self.spec.workloads[workload].minimum.is_none() || self.happens(what, about)
    }
}

/// Runs trials of a scenario with some of their contingencies taken away, in the room of the first.
pub struct Without<'p, 'a> {
    both: &'p mut Both<'a>,
    seed: u64,
    /// The trial that was run last, and when it ends with all its contingencies.
    ends: Option<(u32, Time)>,
}

/// Hands `work` what runs trials without some of their contingencies. With causes fixed or switched off by the scenario's
/// settings nothing of them is met.
pub fn without<T>(scenario: &Scenario, seed: u64, work: impl FnOnce(&mut Without<'_, '_>) -> T) -> T {
    let prepared = Prepared::new(scenario);
    work(&mut Without { both: &mut Both::new(&prepared), seed, ends: None })
}

impl Without<'_, '_> {
    /// One trial of the scenario as it stands, less `without`, to the end it has with all of them; says also what it met of the others, in order.
    pub fn run(&mut self, trial: u32, without: &[Contingency]) -> (Outcome, Vec<Met>) {
        let end = match self.ends {
            Some((of, end)) if of == trial => end,
            _ => self.end(trial),
        };
        let sim = &mut self.both.proposal;
        sim.contingencies = Some(Contingencies { without: without.to_vec(), met: Vec::new() });
        let outcome = sim.run(self.seed, trial, true, end);
        let met = sim.contingencies.take().map(|c| c.met).unwrap_or_default();
        (outcome, met)
    }

    /// The same with its log.
    pub fn trace(&mut self, trial: u32, without: &[Contingency]) -> (Trace, Vec<Met>) {
        // The end is found before a log is kept.
        self.end(trial);
        self.both.proposal.log = Some(Vec::new());
        let (outcome, met) = self.run(trial, without);
        (self.both.proposal.traced(outcome), met)
    }

    fn end(&mut self, trial: u32) -> Time {
        let end = self.both.end(self.seed, trial);
        self.ends = Some((trial, end));
        end
    }
}

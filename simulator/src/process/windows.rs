//! Windows of vulnerability: times in which the loss of one more node would put a watched workload out for longer than the
//! threshold, with the node whose loss would do it.
//!
//! A node is in a window of a workload while enough serving pods of the workload run on it that fewer than the minimum would be
//! left. What remains of a window must be longer than the threshold, or the loss would be made up for in time; and a failure
//! must come by the horizon. Told from a future without failures, the probability that one failure ends in an outage is exact
//! to first order in the rate where nothing takes pods away while one is missing (a budget holds drains back). What comes of a
//! failure later, when a drain goes on beside a node that is down, is left out, and so are failures of several nodes.

use crate::cluster::pod::PodState;
use crate::sim::Sim;
use crate::spec::WorkloadKind;
use crate::time::{Duration, Time};
use crate::{NodeId, WorkloadId};

/// Open windows of one watched workload.
#[derive(Clone, Debug, Default)]
pub(crate) struct Windows {
    /// Nodes and since when.
    open: Vec<(NodeId, Time)>,
    /// Serving pods by node, while they are counted.
    counts: Vec<(NodeId, u32)>,
    /// Node time of windows that are over.
    pub exposed: Duration,
}

impl Windows {
    pub fn clear(&mut self) {
        self.open.clear();
        self.exposed = Duration::ZERO;
    }

    /// Closes the windows of all nodes that a test does not keep open.
    fn close(
        &mut self,
        until: Time,
        threshold: Duration,
        latest: Time,
        keep: impl Fn(&[(NodeId, u32)], NodeId) -> bool,
    ) {
        let Windows { open, counts, exposed } = self;
        open.retain(|(node, since)| {
            let kept = keep(counts, *node);
            if !kept {
                let last = Time(until.0.saturating_sub(threshold.0)).min(latest);
                *exposed += last.since(*since);
            }
            kept
        });
    }
}

impl Sim<'_> {
    /// Opens and closes the windows of a workload whose serving pods have changed.
    pub(crate) fn windows_follow(&mut self, windows: &mut Windows, workload: WorkloadId, minimum: u32) {
        let slack = self.cluster.workloads[workload].up.checked_sub(minimum);
        windows.counts.clear();
        // One pod of a DaemonSet runs on a node: with any to spare no node matters.
        let daemons = self.spec.workloads[workload].kind == WorkloadKind::DaemonSet;
        if minimum > 0 && slack.is_some_and(|slack| !daemons || slack == 0) {
            for pod in self.cluster.pods_of(workload) {
                let row = &self.cluster.pods[pod];
                if let Some(node) = row.node.filter(|_| row.up && row.state != PodState::Pending) {
                    match windows.counts.iter_mut().find(|(n, _)| *n == node) {
                        Some((_, count)) if !daemons => *count += 1,
                        _ => windows.counts.push((node, 1)),
                    }
                }
            }
            let slack = slack.unwrap_or(0);
            windows.counts.retain(|(_, count)| *count > slack);
        }
        let (threshold, latest) = (self.p.scenario.settings.outage_threshold, self.p.horizon());
        windows.close(self.now, threshold, latest, |counts, node| counts.iter().any(|(n, _)| *n == node));
        for i in 0..windows.counts.len() {
            let node = windows.counts[i].0;
            if !windows.open.iter().any(|(n, _)| *n == node) {
                windows.open.push((node, self.now));
            }
        }
    }

    /// Closes all windows at the end of a trial: what is open then stays so.
    pub(crate) fn windows_end(&self, windows: &mut Windows) {
        windows.close(Time::NEVER, Duration::ZERO, self.p.horizon(), |_, _| false);
    }
}

//! Workloads whose pods are sized by the number of nodes: addon-resizer (the "pod nanny") beside metrics-server.
//!
//! At every poll it compares what the template asks for with a base and an amount per node; beyond a threshold it rewrites the
//! template, and the Deployment rolls out (kubernetes/autoscaler addon-resizer 1.8.23, nanny_lib.go: all nodes that are
//! registered count, a deviation is a share of what is there now). Left out: what the new pods ask for beyond the old ones,
//! which is some MiB, and that each pod has a nanny of its own; the first one to look acts.

use crate::event::Event;
use crate::process::looks::Looks;
use crate::random::{Process, entity_key};
use crate::settings::Cause;
use crate::sim::Sim;
use crate::spec::Scaling;
use crate::time::Duration;

impl Sim<'_> {
    /// At the start every template has the size of its cluster.
    pub(crate) fn start_sizing(&mut self) {
        self.sizing = None;
        let nodes = self.registered_nodes();
        for &workload in &self.p.sized {
            self.cluster.workloads[workload].sized_for = nodes;
        }
    }

    /// Time between two looks, where anything is sized.
    fn sizing_poll(&self) -> Option<Duration> {
        let poll = |&w: &crate::WorkloadId| match self.spec.workloads[w].scaling {
            Some(Scaling::Sized { poll, .. }) => Some(poll),
            _ => None,
        };
        let polls = self.p.sized.iter().filter_map(poll);
        polls.min().filter(|poll| !poll.is_zero() && self.on(Cause::Sizing))
    }

    fn registered_nodes(&self) -> u32 {
        self.cluster.nodes.iter().filter(|(_, node)| node.registered()).count() as u32
    }

    /// Nodes came or went: seen at the next poll.
    pub(crate) fn sizing_may_change(&mut self) {
        let Some(poll) = self.sizing_poll() else { return };
        // Drawn when it matters only: a future in which nothing is drawn can have no other outcome.
        let mut looks = self.sizing.unwrap_or_else(|| {
            let phase = poll.as_secs_f64() * self.uniform(Process::Phase, entity_key("sizing"), 0);
            Looks::at(Duration::from_secs_f64(phase))
        });
        if let Some(at) = looks.from(self.now, self.now, poll) {
            self.queue.at(at, Event::SizingSync);
        }
        self.sizing = Some(looks);
    }

    pub(crate) fn sizing_sync(&mut self) {
        if !self.sizing.as_mut().is_some_and(|looks| looks.due(self.now)) {
            return;
        }
        let nodes = self.registered_nodes();
        for i in 0..self.p.sized.len() {
            let workload = self.p.sized[i];
            let Some(Scaling::Sized { lines, threshold_percent, .. }) = &self.spec.workloads[workload].scaling else {
                continue;
            };
            let sized_for = self.cluster.workloads[workload].sized_for;
            let deviates = |(base, per_node): &(i64, i64)| {
                let of = |n: u32| base + per_node * i64::from(n);
                100 * (of(nodes) - of(sized_for)).abs() > i64::from(*threshold_percent) * of(sized_for)
            };
            if lines.iter().any(deviates) {
                self.cluster.workloads[workload].sized_for = nodes;
                self.begin_rollout(workload);
            }
        }
    }
}

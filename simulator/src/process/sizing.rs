//! Workloads whose pods are sized by the number of nodes: addon-resizer (the "pod nanny") beside metrics-server.
//!
//! At every poll it compares what the template asks for with a base and an amount per node; beyond a threshold it rewrites the
//! template, and the Deployment rolls out (kubernetes/autoscaler addon-resizer 1.8.23, nanny_lib.go: all nodes that are
//! registered count, a deviation is a share of what is there now). Left out: what the new pods ask for beyond the old ones,
//! which is some MiB, and that each pod has a nanny of its own; the first one to look acts.

use crate::event::Event;
use crate::random::{Process, entity_key};
use crate::settings::Cause;
use crate::sim::Sim;
use crate::spec::Scaling;
use crate::time::{Duration, Time};

impl Sim<'_> {
    /// At the start every template has the size of its cluster.
    pub(crate) fn start_sizing(&mut self) {
        self.sizing_queued = false;
        let nodes = self.registered_nodes();
        for &workload in &self.p.sized {
            self.cluster.workloads[workload].sized_for = nodes;
        }
    }

    fn registered_nodes(&self) -> u32 {
        self.cluster.nodes.iter().filter(|(_, node)| node.registered()).count() as u32
    }

    /// Nodes came or went: seen at the next poll.
    pub(crate) fn sizing_may_change(&mut self) {
        let polls = self.p.sized.iter().filter_map(|&w| match self.spec.workloads[w].scaling {
            Some(Scaling::Sized { poll, .. }) => Some(poll),
            _ => None,
        });
        if let Some(poll) = polls.min()
            && !self.sizing_queued
            && !poll.is_zero()
            && self.on(Cause::Sizing)
        {
            self.sizing_queued = true;
            let phase = poll.as_secs_f64() * self.uniform(Process::Phase, entity_key("sizing"), 0);
            let first = Time::ZERO + Duration::from_secs_f64(phase);
            let passed = if self.now < first { 0 } else { self.now.since(first).0 / poll.0 + 1 };
            self.queue.at(Time(first.0 + passed * poll.0), Event::SizingSync);
        }
    }

    pub(crate) fn sizing_sync(&mut self) {
        self.sizing_queued = false;
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

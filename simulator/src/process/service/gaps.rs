//! What is lost although replicas are well: traffic to pods that have gone, stale entries of connection tracking, nodes that
//! lose what their pods ask, replicas whose upstream is out of reach. And what never arrives: answers from caches on nodes.
//!
//! Demand is taken to come from all nodes alike. Proxies hear with a delay that a pod is no longer ready; until then it is sent its
//! share, which is lost once it has gone. A node that keeps entries of a replica after it was deleted (kubernetes issue 129617:
//! UDP rows that kube-proxy did not delete) loses what it would have sent there, one part in as many as there were targets. A node
//! with a cache of its own talks TCP to the replicas (AKS docs dns-concepts, LocalDNS) and keeps no such entries. What a node
//! loses it loses no more once it has booted: packet tables are empty then, and resolvers set anew. Left out: which node asks how
//! much; what a cache still knows while no replica answers.

use crate::cluster::node::Node;
use crate::event::Event;
use crate::outcome::Incident;
use crate::parameters::{Knob, by_odds};
use crate::random::{Process, sub_key};
use crate::settings::Cause;
use crate::sim::Sim;
use crate::spec::{Role, StaleEntries};
use crate::time::{Duration, Time};
use crate::{Id, NodeId, PodId, WorkloadId};

/// A pod that traffic is still sent to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lingering {
    pub workload: WorkloadId,
    /// Until when it answers.
    pub answers: Time,
    /// Until when traffic comes.
    pub until: Time,
}

/// A pod in rotation that cannot answer yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mute {
    pod: PodId,
    epoch: u32,
    pub until: Time,
}

/// A part of the requests of a service that is lost for a while.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gap {
    /// Of which service, where those of a node's pods are lost; all that are served on the node otherwise.
    workload: Option<WorkloadId>,
    node: Option<NodeId>,
    share: f64,
    pub until: Time,
}

impl Sim<'_> {
    /// A pod that was held ready is not any more; proxies hear of that a little later. It answers as long as it runs.
    pub(crate) fn endpoint_ends(&mut self, pod: PodId, answers: Time) {
        let row = self.cluster.pods[pod];
        if !row.ready || self.spec.workloads[row.workload].service.is_none() || !self.on(Cause::EndpointDelay) {
            return;
        }
        let delay = self.draw(&self.p.scenario.settings.endpoint_delay, Process::Endpoint, row.key, row.generation);
        if delay.is_zero() {
            return;
        }
        let until = self.now + delay;
        self.flows.lingering.push(Lingering { workload: row.workload, answers: answers.min(until), until });
        self.flow_changes_at(until);
        if answers > self.now && answers < until {
            self.flow_changes_at(answers);
        }
    }

    /// A pod that was in rotation is deleted: some nodes may go on sending to it.
    pub(crate) fn entries_may_stay(&mut self, pod: PodId) {
        let row = self.cluster.pods[pod];
        let Some(service) = &self.spec.workloads[row.workload].service else { return };
        let stale = &service.stale;
        if !row.ready || stale.probability <= 0.0 || !self.on(Cause::StaleEntries) {
            return;
        }
        let share = 1.0 / f64::from(self.cluster.workloads[row.workload].ready.max(1));
        let p = by_odds(stale.probability, self.parameters.get(Knob::StaleEntries));
        for node in self.cluster.nodes.ids() {
            let there = &self.cluster.nodes[node];
            if !self.asks_over_tracked_connections(there) {
                continue;
            }
            let u = self.streams.uniform(Process::StaleEntries, sub_key(there.key, row.key), row.generation);
            if u < p {
                let lasts = how_long(stale, u / p);
                self.lose_requests(Some(row.workload), Some(node), share, lasts);
            }
        }
    }

    /// Requests are lost for a while: those that a node's pods ask of a service, or those that are served on a node.
    pub(crate) fn lose_requests(
        &mut self,
        workload: Option<WorkloadId>,
        node: Option<NodeId>,
        share: f64,
        lasts: Duration,
    ) {
        if self.flows.services.is_empty() {
            return;
        }
        let share = share.clamp(0.0, 1.0);
        let until = self.now + lasts;
        self.flows.gaps.push(Gap { workload, node, share, until });
        match (workload, node) {
            (None, Some(node)) => self.tell(Incident::UpstreamFailed { node, lasts }),
            (Some(workload), node) => self.tell(Incident::RequestsLost { workload, node, lasts }),
            (None, None) => {}
        }
        if workload.is_none() {
            self.flow_changes_at(until);
            self.touch_flows();
            return;
        }
        self.flows.gap_ends.push(until);
        self.flows.gaps_changed = true;
        self.queue.at(until, Event::Flow);
        if !self.flows.queued {
            self.flows.queued = true;
            self.queue.at(self.now, Event::Flow);
        }
    }

    /// A node has booted, is made anew or has gone, and what it would have lost is not lost any more.
    pub(crate) fn gaps_end_on(&mut self, node: NodeId) {
        let before = self.flows.gaps.len();
        self.flows.gaps.retain(|gap| gap.node != Some(node));
        if self.flows.gaps.len() < before {
            self.touch_flows();
        }
    }

    /// A pod begins to be sent requests that it may not be able to answer yet.
    pub(crate) fn joins_rotation(&mut self, pod: PodId) {
        let row = self.cluster.pods[pod];
        let Some(service) = &self.spec.workloads[row.workload].service else { return };
        let wait = self.draw(&service.answers, Process::Answers, row.key, row.generation);
        if !wait.is_zero() {
            let until = self.now + wait;
            self.flows.mute.push(Mute { pod, epoch: row.epoch, until });
            self.flow_changes_at(until);
        }
    }

    pub(super) fn is_mute(&self, pod: PodId) -> bool {
        let epoch = self.cluster.pods[pod].epoch;
        self.flows.mute.iter().any(|mute| mute.pod == pod && mute.epoch == epoch)
    }

    /// The share of a service's demand that nodes without a cache, or through theirs, ask of its replicas, and the share of that
    /// which arrives.
    pub(super) fn asked_and_arriving(&mut self, workload: WorkloadId) -> (f64, f64) {
        let dns = self.spec.workloads[workload].role == Role::Dns;
        let of_it = |gap: &&Gap| gap.workload == Some(workload);
        let caches = dns && self.p.caches;
        if !caches && !self.flows.gaps.iter().any(|gap| of_it(&gap)) {
            return (1.0, 1.0);
        }
        // What arrives of what each node asks: a turn for every gap and one for every node, not one for every pair of them.
        let arriving = &mut self.flows.arriving;
        arriving.clear();
        arriving.resize(self.cluster.nodes.len(), 1.0);
        for gap in self.flows.gaps.iter().filter(of_it) {
            let nodes = gap.node.map_or(0..arriving.len(), |node| node.index()..node.index() + 1);
            arriving[nodes].iter_mut().for_each(|share| *share *= 1.0 - gap.share);
        }
        let (mut nodes, mut asked, mut arrived) = (0.0, 0.0, 0.0);
        for (node, share) in self.cluster.nodes.rows().iter().zip(arriving) {
            if !node.registered() {
                continue;
            }
            nodes += 1.0;
            match self.spec.pools[node.pool].local_cache.filter(|_| dns) {
                Some(cache) => (asked, arrived) = (asked + cache, arrived + cache),
                None => (asked, arrived) = (asked + 1.0, arrived + *share),
            }
        }
        if asked > 0.0 { (asked / nodes, arrived / asked) } else { (1.0, 1.0) }
    }

    fn asks_over_tracked_connections(&self, node: &Node) -> bool {
        node.registered() && self.spec.pools[node.pool].local_cache.is_none()
    }

    /// The share of what a replica on a node is asked that it can answer. Cluster DNS alone has an upstream.
    pub(super) fn answered_on(&self, node: Option<NodeId>) -> f64 {
        let of = self.flows.gaps.iter().filter(|gap| gap.workload.is_none() && gap.node == node);
        of.map(|gap| 1.0 - gap.share).product()
    }

    /// Forgets what is over.
    pub(super) fn close_gaps(&mut self) {
        let now = self.now;
        self.flows.lingering.retain(|l| l.until > now);
        self.flows.gaps.retain(|gap| gap.until > now);
        self.flows.mute.retain(|mute| mute.until > now);
    }
}

/// How long entries stay on a node that keeps some: a uniform decides on both.
fn how_long(stale: &StaleEntries, u: f64) -> Duration {
    let long = (stale.long_probability / stale.probability).clamp(0.0, 1.0);
    let within = |u: f64| u.clamp(1e-12, 1.0 - 1e-12);
    if u < long {
        stale.long_lasts.quantile(within(u / long))
    } else {
        stale.lasts.quantile(within((u - long) / (1.0 - long)))
    }
}

//! Emptying a node: cordon, evict through the Eviction API with retries, wait for the pods to exit, or give up.
//!
//! Eviction requests for all remaining pods are repeated every retry period (5 s: recorded AKS upgrade log, Azure/AKS
//! issue 4720, and AKS docs resize-node-pool); daemon and mirror pods are left (kubectl v1.34 drain filters). Bare pods
//! and pods with local storage are evicted too, as AKS' own drain does.

use crate::change::{DrainSettings, Operation, Undrainable};
use crate::cluster::pod::PodState;
use crate::contingency::Contingency;
use crate::event::Event;
use crate::outcome::Incident;
use crate::parameters::Knob;
use crate::settings::Cause;
use crate::sim::Sim;
use crate::spec::WorkloadKind;
use crate::{BudgetId, DrainId, NodeId, PodId, WorkloadId};

/// A drain.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Drain {
    pub node: NodeId,
    /// Whose drain it is: a planned operation's, else the cluster autoscaler's.
    pub operation: Option<u32>,
    pub settings: DrainSettings,
    /// Who refused last.
    pub refused: Option<(WorkloadId, Option<BudgetId>)>,
}

impl Sim<'_> {
    /// Cordons a node and starts to empty it; the operation (the cluster autoscaler where there is none) hears of the end.
    pub(crate) fn start_drain(&mut self, operation: Option<u32>, node: NodeId, settings: DrainSettings) {
        self.cordon(node);
        let drain = self.drains.push(Drain { node, operation, settings, refused: None });
        self.cluster.nodes[node].drain = Some(drain);
        self.tell(Incident::NodeDrainStarted { node });
        if !settings.evict {
            self.end_drain(drain);
            self.drained(operation, node);
            return;
        }
        self.queue.at(self.now + settings.timeout, Event::DrainTimesOut(drain));
        self.drain_retries(drain);
    }

    pub(crate) fn drain_retries(&mut self, drain: DrainId) {
        if self.active(drain) {
            let refused = self.evict_round(drain);
            self.finish_drain_if_empty(drain);
            let retry = self.p.scenario.settings.eviction_retry;
            if refused && self.active(drain) && !retry.is_zero() {
                self.queue.at(self.now + retry, Event::DrainRetries(drain));
            }
        }
    }

    /// Asks for the eviction of every remaining pod, oldest first. True where one was refused.
    fn evict_round(&mut self, drain: DrainId) -> bool {
        let Drain { node, operation, settings, .. } = self.drains[drain];
        let mut pods = self.take_pods(node, |sim, p| sim.evictable(p));
        let mut refused = false;
        for &pod in &pods {
            // A pod may have gone with an earlier one's consequences.
            if self.cluster.pods[pod].node != Some(node) || self.cluster.pods[pod].state == PodState::Terminating {
                continue;
            }
            if operation.is_none() && self.stays_with_disruption(pod, node) {
                refused = true;
                continue;
            }
            // Admission comes before the budgets (Kubernetes v1.34: generic handlers, then eviction.go).
            if settings.respects_budgets(self.now)
                && let Some(webhook) = self.eviction_refused_by(self.cluster.pods[pod].workload)
            {
                refused = true;
                let workload = self.cluster.pods[pod].workload;
                if self.drains[drain].refused.is_none() {
                    self.tell(Incident::EvictionDenied { pod, workload, node, webhook });
                }
                self.drains[drain].refused = Some((workload, None));
                continue;
            }
            match self.p.budgets.allow(self.spec, &self.cluster, pod, self.now) {
                Err(budget) if settings.respects_budgets(self.now) && self.on(Cause::DisruptionBudgets) => {
                    refused = true;
                    self.counts.refusals += 1;
                    let workload = self.cluster.pods[pod].workload;
                    if self.drains[drain].refused.is_none() {
                        self.tell(Incident::EvictionRefused { pod, workload, node, budget: Some(budget) });
                    }
                    self.drains[drain].refused = Some((workload, Some(budget)));
                }
                _ => self.evict(pod, node),
            }
        }
        pods.clear();
        self.scheduling.pods = pods;
        refused
    }

    /// Deletes a pod on behalf of somebody who wants it off its node.
    pub(crate) fn evict(&mut self, pod: PodId, node: NodeId) {
        let workload = self.cluster.pods[pod].workload;
        self.counts.evictions += 1;
        let gap = self.on(Cause::EvictionGap)
            && self.happens_to_pod(|pod, generation| Contingency::Eviction { pod, generation }, pod);
        self.tell(Incident::PodEvicted { pod, workload, node });
        self.cluster.pods[pod].gapless = !gap;
        self.delete_pod(pod);
    }

    /// The pods of a node that pass a test, oldest first, in a buffer that must be given back to `scheduling.pods`.
    pub(crate) fn take_pods(&mut self, node: NodeId, test: impl Fn(&Self, PodId) -> bool) -> Vec<PodId> {
        let mut pods = std::mem::take(&mut self.scheduling.pods);
        pods.clear();
        pods.extend(self.cluster.pods_on(node).filter(|&p| test(self, p)));
        pods.sort_unstable_by_key(|&p| self.cluster.pods[p].start);
        pods
    }

    fn evictable(&self, pod: PodId) -> bool {
        let row = &self.cluster.pods[pod];
        row.state != PodState::Terminating && self.leaves_with_drain(row.workload)
    }

    fn leaves_with_drain(&self, workload: WorkloadId) -> bool {
        !matches!(self.spec.workloads[workload].kind, WorkloadKind::DaemonSet | WorkloadKind::Mirror)
    }

    /// Called when a pod has left a node.
    pub(crate) fn drain_may_be_done(&mut self, node: NodeId) {
        if let Some(drain) = self.cluster.nodes[node].drain {
            self.finish_drain_if_empty(drain);
        }
    }

    fn finish_drain_if_empty(&mut self, drain: DrainId) {
        let Drain { node, operation, .. } = self.drains[drain];
        let empty = !self.cluster.pods_on(node).any(|p| self.leaves_with_drain(self.cluster.pods[p].workload));
        if self.active(drain) && empty {
            self.end_drain(drain);
            self.tell(Incident::NodeDrained { node });
            self.drained(operation, node);
        }
    }

    fn drained(&mut self, operation: Option<u32>, node: NodeId) {
        match operation {
            Some(operation) => self.operation_drained(operation, node),
            None if self.is_provisioned(node) => self.provisioner_drained(node),
            None => self.autoscaler_drained(node),
        }
    }

    pub(crate) fn drain_times_out(&mut self, drain: DrainId) {
        if !self.active(drain) {
            return;
        }
        let Drain { node, operation, settings, refused } = self.drains[drain];
        let (workload, budget) = refused.map_or((None, None), |(w, b)| (Some(w), b));
        self.end_drain(drain);
        self.tell(Incident::NodeDrainTimedOut { node, workload, budget });
        if settings.undrainable == Undrainable::Force || self.replaces_undrainable(operation) {
            self.drained(operation, node);
        } else if let Some(operation) = operation {
            self.operation_drain_failed(operation, node, workload, budget);
        } else {
            self.autoscaler_drain_failed(node);
        }
    }

    /// Where sources disagree: an upgrade may go on with a node that it could not drain.
    fn replaces_undrainable(&self, operation: Option<u32>) -> bool {
        self.parameters.reads(Knob::UndrainableReplaced)
            && operation.is_some_and(|o| matches!(self.plan(o), Operation::Upgrade { .. }))
    }

    /// Stops a drain where it stands.
    pub(crate) fn end_drain(&mut self, drain: DrainId) {
        let node = self.drains[drain].node;
        if self.active(drain) {
            self.cluster.nodes[node].drain = None;
        }
    }

    fn active(&self, drain: DrainId) -> bool {
        self.cluster.nodes[self.drains[drain].node].drain == Some(drain)
    }

    /// With a retry period of zero, evictions are granted at the very instant a budget allows them.
    pub(crate) fn budgets_may_allow_more(&mut self) {
        if !self.p.scenario.settings.eviction_retry.is_zero() {
            return;
        }
        for drain in self.drains.ids() {
            self.drain_retries(drain);
        }
    }

    /// Marks a node unschedulable.
    pub(crate) fn cordon(&mut self, node: NodeId) {
        let before = self.cluster.nodes[node];
        if !before.cordoned {
            self.cluster.nodes[node].cordoned = true;
            self.cluster.touch(node);
            self.tell(Incident::NodeCordoned { node });
            self.nodes_changed();
            self.node_updated(node, before);
        }
    }

    /// Marks a node schedulable.
    pub(crate) fn uncordon(&mut self, node: NodeId) {
        let before = self.cluster.nodes[node];
        if before.cordoned {
            self.cluster.nodes[node].cordoned = false;
            self.cluster.touch(node);
            self.tell(Incident::NodeUncordoned { node });
            self.nodes_changed();
            self.node_updated(node, before);
        }
    }
}

//! Making room for a pod: who goes, and which node is nominated.

use crate::cluster::pod::PodState;
use crate::outcome::Incident;
use crate::random::Process;
use crate::scheduler::{self, Bound, Incoming, NodesScored};
use crate::settings::Cause;
use crate::sim::Sim;
use crate::{Column, NodeId, PodId};

impl Sim<'_> {
    /// Deletes pods of lower priority where that makes room, and nominates the node. False where nothing can be made room
    /// for a pod of this shape now.
    pub(super) fn preempt(&mut self, pod: PodId, incoming: Incoming) -> bool {
        let priority = self.priority(pod);
        let lowest = self.spec.pod_shapes.rows().iter().map(|s| s.priority).min().unwrap_or(0);
        let waits_for_victims = self.cluster.pods[pod].nominated.is_some_and(|node| {
            // PodEligibleToPreemptOthers: not while earlier victims on the nominated node are still terminating.
            self.cluster
                .pods_on(node)
                .any(|p| self.cluster.pods[p].state == PodState::Terminating && self.priority(p) < priority)
        });
        if !self.on(Cause::Preemption) || priority <= lowest || waits_for_victims {
            return waits_for_victims;
        }
        let mut allowed: Column<crate::BudgetId, u32> = Column::default();
        for (_, budget) in self.spec.budgets.iter() {
            let s = crate::cluster::budget::standing(budget, &self.cluster);
            let budgets = self.on(Cause::DisruptionBudgets);
            allowed.push(if budgets { s.healthy.saturating_sub(s.desired) } else { u32::MAX });
        }
        let pods = |id: NodeId| match incoming.pin {
            Some(pin) if pin != id => Vec::new(), // left out in advance
            _ => self.cluster.pods_on(id).map(|p| self.bound(p)).collect(),
        };
        let row = &self.cluster.pods[pod];
        let mut offset = |n: u32| {
            let draw = row.generation.wrapping_mul(64).wrapping_add(row.attempts) | 1 << 31;
            ((self.uniform(Process::TieBreak, row.key, draw) * f64::from(n)) as u32).min(n - 1)
        };
        // Whoever wants all nodes scored wants all of them tried as well.
        let offset: Option<&mut dyn FnMut(u32) -> u32> = match self.p.scenario.settings.nodes_scored {
            NodesScored::Percent(100..) => None,
            _ => Some(&mut offset),
        };
        let found = scheduler::search(&self.p.compat, incoming, self.views(), pods, &allowed, offset);
        let Some(preemption) = found else {
            return false;
        };
        self.nominate(pod, preemption.node);
        for victim in preemption.victims {
            if self.cluster.pods[victim].state != PodState::Terminating {
                self.counts.preemptions += 1;
                let workload = self.cluster.pods[victim].workload;
                self.tell(Incident::PodPreempted { pod: victim, workload, node: preemption.node });
                self.delete_pod(victim);
            }
        }
        true
    }

    /// Nominates a pod to a node; pods of lower priority lose their nomination there (kube-scheduler v1.34.1
    /// `getLowerPriorityNominatedPods`).
    fn nominate(&mut self, pod: PodId, node: NodeId) {
        let priority = self.priority(pod);
        let mut nominated = std::mem::take(&mut self.scheduling.nominated);
        nominated.retain(|&(other, at)| {
            let stays = other != pod && (at != node || self.priority(other) >= priority);
            if !stays {
                self.cluster.pods[other].nominated = None;
            }
            stays
        });
        self.cluster.pods[pod].nominated = Some(node);
        nominated.push((pod, node));
        self.scheduling.nominated = nominated;
    }

    fn bound(&self, pod: PodId) -> Bound<'_> {
        let row = &self.cluster.pods[pod];
        Bound {
            pod,
            shape: self.cluster.shape_of(self.spec, pod),
            started: i64::from(row.start),
            budgets: self.p.budgets.of(row.workload),
        }
    }
}

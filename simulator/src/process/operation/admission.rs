//! How the platform lets an operation in: its window, one operation at a time per pool, the checks before the start; and
//! how it is ended from outside.
//!
//! Sources: AKS docs planned-maintenance (2025-12-19), upgrade-node-pools, upgrade-options (2026-06-22: validations used in
//! the upgrade process), manage-abort-operations (2024-06-12: an aborted operation stops at the step it is in, nothing is
//! undone); support article unsatisfiablepdb-error (2023-10-27). Checks that do not depend on the course of events (versions,
//! taints, counts) are made by whoever builds the scenario, and come as [`Admission::refused`](crate::change::Admission).

use crate::change::{Busy, DrainSettings, Operation};
use crate::event::Event;
use crate::outcome::Failure;
use crate::process::operation::Phase;
use crate::sim::Sim;
use crate::spec::{BudgetRule, Quantity};
use crate::{BudgetId, NodeId, PoolId};

impl Sim<'_> {
    /// True where the operation may begin now. Otherwise it has been put off, or has failed.
    pub(super) fn admitted(&mut self, operation: u32) -> bool {
        let planned = &self.p.scenario.changes[operation as usize];
        if !self.has_its_turn(operation) || !self.window_is_open(operation) {
            return false;
        }
        let pool = self.pool_of(operation);
        match planned.admission.busy {
            _ if pool.is_none_or(|pool| !self.pool_is_busy(pool, operation)) => true,
            Busy::Waits => {
                // Started by the end of the one before.
                self.operations[operation as usize].due = true;
                false
            }
            Busy::Refused => {
                self.operation_is_refused(operation, Failure::Busy);
                false
            }
            Busy::Displaces => {
                for other in self.at_work(pool) {
                    self.halt(other, Failure::Displaced);
                }
                true
            }
        }
    }

    /// True for an operation of its own, and for a step of a script when those before it have ended and its wait is over.
    fn has_its_turn(&mut self, operation: u32) -> bool {
        let Some(wait) = self.p.scenario.changes[operation as usize].admission.turn else { return true };
        let mut since = self.p.scenario.changes[operation as usize].at;
        for run in &self.operations[..operation as usize] {
            match run.ended {
                Some(ended) => since = since.max(ended),
                None => return false,
            }
        }
        if self.now >= since + wait {
            return true;
        }
        // The first step: nothing before it ends and calls it.
        if operation == 0 {
            self.queue.at(since + wait, Event::OperationStarts(operation));
        }
        false
    }

    /// An operation has ended: the next step of its script is due after its wait, or all that are left are skipped.
    pub(super) fn next_turn(&mut self, failed: bool) {
        let waits = |sim: &Sim<'_>, o: u32| {
            let run = &sim.operations[o as usize];
            sim.p.scenario.changes[o as usize].admission.turn.filter(|_| run.started.is_none() && run.ended.is_none())
        };
        let Some((next, wait)) = (0..self.operations.len() as u32).find_map(|o| Some((o, waits(self, o)?))) else {
            return;
        };
        if failed {
            // Ends the steps after it in turn.
            self.operation_ends(next, Some(Failure::Skipped));
        } else if self.operations[..next as usize].iter().all(|run| run.ended.is_some()) {
            self.queue.at(self.now + wait, Event::OperationStarts(next));
        }
    }

    /// True within a window, or without any. Otherwise the next one is awaited.
    fn window_is_open(&mut self, operation: u32) -> bool {
        let windows = &self.p.scenario.changes[operation as usize].admission.windows;
        if windows.is_empty() || windows.iter().any(|&(from, until)| from <= self.now && self.now < until) {
            return true;
        }
        if let Some(&(next, _)) = windows.iter().find(|&&(from, _)| from > self.now) {
            self.queue.at(next, Event::OperationStarts(operation));
        }
        false
    }

    /// True while another operation works on the pool, or an earlier one waits for its turn.
    fn pool_is_busy(&self, pool: PoolId, operation: u32) -> bool {
        self.on_pool(Some(pool)).any(|other| {
            let run = &self.operations[other as usize];
            other != operation && run.ended.is_none() && (run.started.is_some() || (run.due && other < operation))
        })
    }

    fn on_pool(&self, pool: Option<PoolId>) -> impl Iterator<Item = u32> + '_ {
        (0..self.operations.len() as u32).filter(move |&o| self.pool_of(o) == pool)
    }

    /// Operations of the pool that have begun, or wait for their turn, and are not over.
    fn at_work(&self, pool: Option<PoolId>) -> Vec<u32> {
        let open = |o: &u32| {
            let run = &self.operations[*o as usize];
            run.ended.is_none() && (run.started.is_some() || run.due)
        };
        self.on_pool(pool).filter(open).collect()
    }

    /// What the platform's own checks find before the operation touches anything.
    pub(super) fn objection(&self, operation: u32) -> Option<Failure> {
        let planned = &self.p.scenario.changes[operation as usize];
        if let Some(code) = planned.admission.refused {
            return Some(Failure::Refused { code });
        }
        let drain = match &planned.operation {
            Operation::Upgrade { how, .. } => how.drain,
            Operation::BlueGreen { how, .. } => how.drain,
            _ => return None,
        };
        self.unsatisfiable_budget(&drain).map(|budget| Failure::UnsatisfiableBudget { budget })
    }

    /// A budget with `maxUnavailable` 0, wherever its pods are; a forced upgrade does not ask.
    fn unsatisfiable_budget(&self, drain: &DrainSettings) -> Option<BudgetId> {
        let never = |rule| matches!(rule, BudgetRule::MaxUnavailable(Quantity::Count(0) | Quantity::Percent(0)));
        let found = self.spec.budgets.iter().find(|(_, budget)| never(budget.rule));
        found.filter(|_| drain.respects_budgets(self.now)).map(|(id, _)| id)
    }

    /// Ends what works on the pool; an abort of nothing fails.
    pub(super) fn abort(&mut self, operation: u32, pool: PoolId) {
        let running = self.at_work(Some(pool));
        let failure = running.is_empty().then_some(Failure::NothingThere);
        for other in running {
            self.halt(other, Failure::Canceled);
        }
        self.operation_ends(operation, failure);
    }

    /// Ends an operation where it stands: drains stop, cordoned nodes stay cordoned, machines that were asked for come,
    /// those being deleted go.
    pub(super) fn halt(&mut self, operation: u32, failure: Failure) {
        let phase = std::mem::replace(&mut self.operations[operation as usize].phase, Phase::Over);
        if let Phase::Deleting { nodes } = &phase {
            self.give_up_nodes(operation, nodes);
        }
        if let Phase::BlueGreen(state) = phase {
            self.operations[operation as usize].halted = state.soaked();
        }
        let owned: Vec<NodeId> =
            self.cluster.nodes.ids().filter(|&n| self.cluster.nodes[n].owner == Some(operation)).collect();
        for node in owned {
            if let Some(drain) = self.cluster.nodes[node].drain {
                self.end_drain(drain);
            }
        }
        self.operation_ends(operation, Some(failure));
    }
}

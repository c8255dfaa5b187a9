//! Nodes that the provisioner takes away: which may go, what must come before, and how they go.
//!
//! Karpenter v1.6 `pkg/controllers/disruption`: candidates are Ready nodes of nobody's without pods that may not be disrupted
//! or that a budget holds; drift and consolidation keep the NodePool's budgets and wait for replacements, consolidation is
//! looked at again after 15 s (`consolidationTTL`); expiry keeps no budget and waits for nothing. A node on its way out is
//! tainted, drained under disruption budgets, and deleted.

use super::fit::Claim;
use crate::change::{DrainSettings, Undrainable};
use crate::cluster::node::NodeState;
use crate::cluster::pod::PodState;
use crate::event::Event;
use crate::outcome::Incident;
use crate::process::room::Room;
use crate::random::Process;
use crate::settings::Cause;
use crate::sim::Sim;
use crate::spec::{Disruption, WorkloadKind};
use crate::time::{Duration, Time};
use crate::{NodeId, PodId, PodShapeId};

/// How long a consolidation must still be right (`consolidationTTL`).
const VALID: Duration = Duration::secs(15);
/// Most nodes of one consolidation (`MaxParallel`).
const MOST: usize = 100;
/// Longer than any run.
const FOR_EVER: Duration = Duration(1 << 60);

/// Something that is being disrupted.
#[derive(Clone, Debug)]
pub(super) struct Command {
    nodes: Vec<NodeId>,
    /// Replacements that are not Ready yet.
    awaited: Vec<NodeId>,
    reason: Disruption,
    /// It is only considered: decided when its time has come.
    considered: bool,
}

impl Command {
    fn new(nodes: Vec<NodeId>, reason: Disruption) -> Command {
        Command { nodes, awaited: Vec::new(), reason, considered: false }
    }
}

impl Sim<'_> {
    /// True for a node that is on its way out, or will be when its replacement is there.
    pub(super) fn disrupted(&self, node: NodeId) -> bool {
        self.provisioning.commands.iter().any(|c| !c.considered && c.nodes.contains(&node))
    }

    /// Finds the next thing to disrupt.
    pub(super) fn disrupt(&mut self) {
        if self.provisioning.commands.iter().any(|c| c.considered) {
            return;
        }
        if let Some((node, claims)) = self.drifted() {
            self.execute(Command::new(vec![node], Disruption::Drifted), claims);
            self.provisioner_looks_from(self.now);
            return;
        }
        if let Some((nodes, reason)) = self.consolidation() {
            self.provisioning.commands.push(Command { considered: true, ..Command::new(nodes, reason) });
            self.queue.at(self.now + VALID, Event::ProvisionerDecides);
        }
    }

    /// A consolidation was considered long enough: it is done if it is still right.
    pub(crate) fn provisioner_decides(&mut self) {
        let Some(at) = self.provisioning.commands.iter().position(|c| c.considered) else {
            return;
        };
        let command = self.provisioning.commands.swap_remove(at);
        self.provisioner_looks_from(self.now);
        let candidates = self.candidates(command.reason);
        if !command.nodes.iter().all(|n| candidates.contains(n)) {
            return;
        }
        let claims = match command.reason {
            Disruption::Empty => command.nodes.iter().all(|&n| self.movers(n).is_empty()).then(Vec::new),
            _ => self.cheaper(&command.nodes),
        };
        if let Some(claims) = claims {
            self.execute(Command { considered: false, ..command }, claims);
        }
    }

    /// The first node that has drifted and may go, with what must be made for its pods.
    fn drifted(&mut self) -> Option<(NodeId, Vec<Claim>)> {
        if self.provisioning.drifted.is_empty() {
            return None;
        }
        let mut candidates = self.candidates(Disruption::Drifted);
        candidates.retain(|n| self.provisioning.drifted.contains(n));
        candidates.into_iter().find_map(|node| self.rehomed(&[node]).map(|claims| (node, claims)))
    }

    /// Nodes to give up: all empty ones, else the most that one cheaper node or none can stand for, else a single one.
    fn consolidation(&mut self) -> Option<(Vec<NodeId>, Disruption)> {
        let empty = self.candidates(Disruption::Empty);
        if !empty.is_empty() {
            return Some((empty, Disruption::Empty));
        }
        let mut used = self.candidates(Disruption::Underutilized);
        used.sort_by(|&a, &b| self.disruption_cost(a).total_cmp(&self.disruption_cost(b)));
        if let Some(several) = self.several(&used) {
            return Some((several, Disruption::Underutilized));
        }
        let single = used.into_iter().find(|&n| self.cheaper(&[n]).is_some())?;
        Some((vec![single], Disruption::Underutilized))
    }

    /// The largest number of those cheapest to disrupt that may go together (`firstNConsolidationOption`: halving).
    fn several(&self, used: &[NodeId]) -> Option<Vec<NodeId>> {
        let (mut least, mut most, mut found) = (2, used.len().min(MOST), None);
        while least <= most {
            let middle = least + (most - least) / 2;
            if self.cheaper(&used[..middle]).is_some() {
                found = Some(used[..middle].to_vec());
                least = middle + 1;
            } else {
                most = middle - 1;
            }
        }
        found
    }

    /// What must be made so that the nodes can go: nothing, or one node that costs less than they do together and is of
    /// another size. Spot nodes are not replaced (`SpotToSpotConsolidation` is off).
    fn cheaper(&self, nodes: &[NodeId]) -> Option<Vec<Claim>> {
        let mut claims = self.rehomed(nodes)?;
        if claims.len() > 1 {
            return None;
        }
        let pools: Vec<_> = nodes.iter().map(|&n| self.cluster.nodes[n].pool).collect();
        let price: f64 = pools.iter().map(|&p| self.price(p)).sum();
        let spot = pools.iter().any(|&p| self.spec.pools[p].spot.is_some());
        let less = |pool| !spot && self.price(pool) < price && !pools.contains(&pool);
        claims.iter_mut().all(|claim| claim.narrow(less)).then_some(claims)
    }

    /// What must be made for the pods of the nodes; nothing where one of them would have no place.
    fn rehomed(&self, nodes: &[NodeId]) -> Option<Vec<Claim>> {
        let mut rooms: Vec<Room> = Vec::new();
        self.rooms_with_upcoming(&mut rooms);
        rooms.retain(|room| room.node.is_none_or(|n| !nodes.contains(&n)));
        let mut pods: Vec<PodId> = nodes.iter().flat_map(|&n| self.movers(n)).collect();
        let claims = self.claims(&mut pods, &mut rooms);
        pods.is_empty().then_some(claims)
    }

    /// Pods of a node that need another place (`IsReschedulable`).
    fn movers(&self, node: NodeId) -> Vec<PodId> {
        self.cluster.pods_on(node).filter(|&p| self.moves(p)).collect()
    }

    fn moves(&self, pod: PodId) -> bool {
        let row = &self.cluster.pods[pod];
        let kind = self.spec.workloads[row.workload].kind;
        row.state != PodState::Terminating && !matches!(kind, WorkloadKind::DaemonSet | WorkloadKind::Mirror)
    }

    /// What it costs to disrupt a node: its pods, those of high priority more (`utils/disruption`).
    fn disruption_cost(&self, node: NodeId) -> f64 {
        let priority = |shape: PodShapeId| f64::from(self.spec.pod_shapes[shape].priority) / f64::from(1 << 25);
        let cost = |p: PodId| (1.0 + priority(self.cluster.shape_of(self.spec, p))).clamp(-10.0, 10.0);
        self.cluster.pods_on(node).filter(|&p| self.moves(p)).map(cost).sum()
    }

    /// Nodes that may be disrupted for a reason, as many as budgets allow, in order.
    fn candidates(&mut self, reason: Disruption) -> Vec<NodeId> {
        let mut left: Vec<u32> = (0..self.spec.provisioners.len()).map(|i| self.allowed(i, reason)).collect();
        let mut found = Vec::new();
        for node in self.cluster.nodes.ids() {
            let Some(index) = self.provisioning.of[self.cluster.nodes[node].pool] else { continue };
            let left = &mut left[index as usize];
            if *left > 0 && self.may_be_disrupted(node) && self.concerns(node, reason) && self.is_due(node, reason) {
                *left -= 1;
                found.push(node);
            }
        }
        found
    }

    /// True where the reason is one for this node at all.
    fn concerns(&self, node: NodeId, reason: Disruption) -> bool {
        match reason {
            Disruption::Drifted => self.provisioning.drifted.contains(&node),
            Disruption::Empty => !self.cluster.pods_on(node).any(|p| self.moves(p)),
            // An empty node that is still there is kept by a budget.
            Disruption::Underutilized => self.cluster.pods_on(node).any(|p| self.moves(p)),
            Disruption::Expired => true,
        }
    }

    /// How many more nodes of a provisioner may be on their way out (`BuildDisruptionBudgetMapping`).
    fn allowed(&self, index: usize, reason: Disruption) -> u32 {
        let (mut nodes, mut going) = (0, 0);
        for (id, node) in self.cluster.nodes.iter().filter(|(_, n)| n.registered()) {
            if self.provisioning.of[node.pool] == Some(index as u32) {
                nodes += 1;
                going += u32::from(self.disrupted(id) || node.state == NodeState::NotReady);
            }
        }
        let budgets = self.spec.provisioners[index].budgets.iter();
        let budgets = budgets.filter(|b| b.reason.is_none_or(|only| only == reason));
        let most = budgets.map(|b| b.nodes.of(nodes)).min().unwrap_or(u32::MAX);
        most.saturating_sub(going)
    }

    fn may_be_disrupted(&self, node: NodeId) -> bool {
        let row = &self.cluster.nodes[node];
        row.seems_ready()
            && !row.cordoned
            && row.drain.is_none()
            && !self.disrupted(node)
            && !self.cluster.pods_on(node).any(|p| self.holds_node(p))
    }

    /// True for a pod that says so, and for one that a budget keeps.
    fn holds_node(&self, pod: PodId) -> bool {
        let row = &self.cluster.pods[pod];
        let workload = &self.spec.workloads[row.workload];
        let budget = || {
            self.on(Cause::DisruptionBudgets) && self.p.budgets.allow(self.spec, &self.cluster, pod, self.now).is_err()
        };
        let alive = row.state != PodState::Terminating;
        alive && workload.control.do_not_disrupt || self.moves(pod) && budget()
    }

    /// True where the node has been at rest for long enough; where not, it is looked at again then.
    fn is_due(&mut self, node: NodeId, reason: Disruption) -> bool {
        let Some(provisioner) = self.provisioner_of(self.cluster.nodes[node].pool) else {
            return false;
        };
        let wait = match reason {
            Disruption::Drifted | Disruption::Expired => return true,
            Disruption::Underutilized if !provisioner.consolidates_used => return false,
            Disruption::Empty | Disruption::Underutilized => provisioner.consolidate_after,
        };
        let Some(wait) = wait else { return false };
        let touched = self.provisioning.touched.get(node).copied().unwrap_or(Time::ZERO);
        let due = touched + wait.min(FOR_EVER);
        if due > self.now {
            self.provisioner_looks_from(due);
        }
        due <= self.now
    }

    /// Taints the nodes, asks for what must come before, and lets them go when it has.
    fn execute(&mut self, mut command: Command, claims: Vec<Claim>) {
        for &node in &command.nodes {
            self.tell(Incident::NodeDisrupted { node, reason: command.reason });
            self.cordon(node);
        }
        let wanted = claims.len();
        for claim in claims {
            command.awaited.extend(self.launch(claim));
        }
        let nodes = command.nodes.clone();
        if command.awaited.len() < wanted {
            // Not to be had after all: what was asked for comes, and the nodes stay.
            nodes.into_iter().for_each(|n| self.uncordon(n));
            return;
        }
        let now = command.awaited.is_empty();
        self.provisioning.commands.push(command);
        if now {
            nodes.into_iter().for_each(|n| self.let_go(n));
        }
    }

    pub(super) fn replacement_ready(&mut self, node: NodeId) {
        let Some(command) = self.provisioning.commands.iter_mut().find(|c| c.awaited.contains(&node)) else {
            return;
        };
        command.awaited.retain(|&n| n != node);
        if command.awaited.is_empty() {
            let nodes = command.nodes.clone();
            nodes.into_iter().for_each(|n| self.let_go(n));
        }
    }

    /// A replacement does not come: the nodes it was for are as they were.
    pub(super) fn replacement_failed(&mut self, node: NodeId) {
        if let Some(at) = self.provisioning.commands.iter().position(|c| c.awaited.contains(&node)) {
            let command = self.provisioning.commands.swap_remove(at);
            for node in command.nodes {
                if !self.cluster.nodes[node].is_away() {
                    self.uncordon(node);
                }
            }
        }
        self.provisioner_looks_from(self.now);
    }

    /// A node is too old: it goes at once, whatever budgets of its NodePool say, and nothing is made before.
    pub(crate) fn node_expires(&mut self, node: NodeId, epoch: u32) {
        let row = &self.cluster.nodes[node];
        let there = row.registered() && row.incarnation == epoch && row.drain.is_none();
        if there && self.is_provisioned(node) && !self.disrupted(node) {
            self.execute(Command::new(vec![node], Disruption::Expired), Vec::new());
        }
    }

    /// Drains a node that goes.
    fn let_go(&mut self, node: NodeId) {
        if !self.cluster.nodes[node].registered() {
            self.provisioner_deletes(node);
            return;
        }
        self.counts.nodes_removed += 1;
        let grace = self.provisioner_of(self.cluster.nodes[node].pool).and_then(|p| p.grace);
        let drain = DrainSettings {
            evict: true,
            respect_budgets: true,
            forced_until: None,
            timeout: grace.unwrap_or(FOR_EVER).min(FOR_EVER),
            undrainable: Undrainable::Force,
        };
        self.start_drain(None, node, drain);
    }

    /// A node that goes is empty.
    pub(crate) fn provisioner_drained(&mut self, node: NodeId) {
        let row = &self.cluster.nodes[node];
        let takes = self.draw(&self.spec.pools[row.pool].delete, Process::DeleteNodes, row.key, 0);
        self.queue.at(self.now + takes, Event::ProvisionerDeletes { node });
    }

    pub(crate) fn provisioner_deletes(&mut self, node: NodeId) {
        self.delete_node(node);
        self.provisioning.drifted.retain(|&n| n != node);
        for command in &mut self.provisioning.commands {
            command.nodes.retain(|&n| n != node);
        }
        self.provisioning.commands.retain(|c| !c.nodes.is_empty());
        self.wake_provisioner();
    }

    /// Pods that the drains of the provisioner leave until they must go (`IsEvictable`).
    pub(crate) fn stays_with_disruption(&self, pod: PodId, node: NodeId) -> bool {
        self.spec.workloads[self.cluster.pods[pod].workload].control.do_not_disrupt && self.is_provisioned(node)
    }
}

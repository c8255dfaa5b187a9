//! The change and its cluster as the levers see them.

use simulator::spec::Quantity;

use super::{az, on, whole};
use crate::change::{Change, ChangeSettings, Operation, Step, UpgradeFields};
use crate::complete::complete;
use crate::coverage::Coverage;
use crate::load::Loaded;
use crate::snapshot::{AgentPool, Node, Pod, Snapshot};
use crate::system_workloads;

/// What levers look at.
pub(super) struct View<'a> {
    pub change: &'a Change,
    /// The snapshot with what it lacked.
    pub full: Snapshot,
    pub proposal: &'a Loaded,
    /// What every plan is run with.
    pub settings: &'a ChangeSettings,
    /// The change itself, as steps.
    pub base: Vec<Step>,
}

impl<'a> View<'a> {
    /// The view; else why nothing can be tried.
    pub fn new(
        change: &'a Change,
        snapshot: &Snapshot,
        proposal: &'a Loaded,
        settings: &'a ChangeSettings,
    ) -> Result<View<'a>, String> {
        let full = complete(snapshot, &mut Coverage::default());
        let base = match &change.operation {
            Operation::Plan { steps } => steps.clone(),
            _ => {
                let pool = change.pool.as_deref().map(|named| {
                    let spelled = full.pools.iter().find(|p| p.name.eq_ignore_ascii_case(named));
                    spelled.map_or(named, |p| p.name.as_str()).to_owned()
                });
                let step = |o: &Operation| match &pool {
                    Some(pool) => on(pool, o.clone()),
                    None => whole(o.clone()),
                };
                proposal.operations.iter().map(step).collect()
            }
        };
        if base.is_empty() {
            return Err("the change does nothing to the pools as they are".to_owned());
        }
        let view = View { change, full, proposal, settings, base };
        let expressible =
            |s: &Step| az::line(&view, s).is_some() || matches!(s.operation, Operation::ResizePool { .. });
        match view.base.iter().find(|s| !expressible(s)) {
            Some(step) => {
                Err(format!("a change of this kind ({}) cannot be written as commands here", step.operation.kind()))
            }
            None => Ok(view),
        }
    }

    pub fn pool(&self, name: &str) -> Option<&AgentPool> {
        self.full.pool(name)
    }

    /// Pools whose nodes are there, that AKS does not run itself.
    pub fn own_pools(&self) -> impl Iterator<Item = &AgentPool> {
        self.full.pools.iter().filter(|p| p.mode != "ManagedSystem" && p.count > 0 && !p.is_stopped())
    }

    /// Pools that the change empties nodes of.
    pub fn emptied(&self) -> Vec<&AgentPool> {
        let reaches = |p: &&AgentPool| self.base.iter().any(|s| empties(s, p));
        self.own_pools().filter(reaches).collect()
    }

    /// The base with the `i`-th step replaced.
    pub fn with(&self, i: usize, steps: Vec<Step>) -> Vec<Step> {
        let (before, after) = (self.base[..i].iter().cloned(), self.base[i + 1..].iter().cloned());
        before.chain(steps).chain(after).collect()
    }

    /// The base between other steps.
    pub fn between(&self, before: Vec<Step>, after: Vec<Step>) -> Vec<Step> {
        before.into_iter().chain(self.base.iter().cloned()).chain(after).collect()
    }

    /// Pods on a pool's nodes that a drain moves.
    pub fn movable(&self, pool: &str) -> Vec<&Pod> {
        let there = |p: &&Pod| {
            let node = p.node.as_deref().and_then(|name| self.full.nodes.iter().find(|n| n.name == name));
            let daemon = p.owner.as_ref().is_some_and(|o| o.kind == "DaemonSet");
            node.is_some_and(|n| n.pool() == Some(pool)) && !daemon && !p.is_mirror() && !p.is_over()
        };
        self.full.pods.iter().filter(there).collect()
    }

    /// Nodes of a pool, by name.
    pub fn nodes_of<'b>(&'b self, pool: &'b str) -> Vec<&'b Node> {
        self.full.nodes_of(pool).collect()
    }

    /// Upgrade settings in force for a step on a pool, AKS' default surge filled in.
    pub fn in_force(&self, given: &UpgradeFields, pool: &AgentPool) -> UpgradeFields {
        let mut settings = given.over(&pool.upgrade_settings);
        let shown = self.proposal.pools.iter().find(|p| p.name == pool.name);
        settings.max_surge.get_or_insert_with(|| shown.map_or_else(|| "1".to_owned(), |p| p.max_surge.clone()));
        settings
    }

    /// CoreDNS with its replicas, where AKS' ladder decides about them.
    pub fn laddered_dns(&self) -> Option<(String, String, u32)> {
        let dns = self.full.workloads.iter().find(|w| system_workloads::is_dns(w) && w.kind == "Deployment")?;
        let cores: i64 = self.full.nodes.iter().map(|n| n.capacity.cpu).sum::<i64>() / 1000;
        let nodes = u32::try_from(self.full.nodes.len()).ok()?;
        let ladder = system_workloads::dns_replicas(nodes, u32::try_from(cores).ok()?);
        (ladder == dns.replicas).then(|| (dns.namespace.clone(), dns.name.clone(), ladder))
    }
}

/// True where a step may empty nodes of a pool.
pub(super) fn empties(step: &Step, pool: &AgentPool) -> bool {
    let named = step.pool.as_deref().is_none_or(|name| name == pool.name);
    match &step.operation {
        Operation::Scale { count } => named && *count < pool.count,
        Operation::DeletePool { .. }
        | Operation::Upgrade { .. }
        | Operation::Rollback
        | Operation::StopPool
        | Operation::ResizePool { .. }
        | Operation::RotateCertificates => named,
        Operation::Drain { nodes } if nodes.is_empty() => named,
        Operation::Drain { nodes } | Operation::DeleteMachines { machines: nodes } => {
            nodes.iter().any(|n| n.contains(&format!("-{}-", pool.name)))
        }
        _ => false,
    }
}

/// How many nodes a quantity comes to.
pub(super) fn counted(text: &str, nodes: u32) -> Option<u32> {
    let quantity = match text.trim().strip_suffix('%') {
        Some(percent) => Quantity::Percent(percent.trim().parse().ok()?),
        None => Quantity::Count(text.trim().parse().ok()?),
    };
    Some(quantity.of(nodes))
}

//! Nodes and what is bound to them, with nothing that takes time: for placing pods one after the other, for measuring
//! decisions, and as the ground the index is tested on.

use super::{
    Compat, Incoming, Index, NodeView, Nodes, NodesScored, PortId, Promised, Readiness, Sample, Scratch, Tenant,
};
use super::{decide, decide_among};
use crate::spec::Resources;
use crate::{Column, Id, NodeId, NodeShapeId, PodShapeId};

/// Nodes, what they hold, and an index over them.
#[derive(Clone, Debug, Default)]
pub struct Board {
    rows: Rows,
    index: Index,
    sample: Sample,
    scratch: Scratch,
    scored: NodesScored,
}

/// A node.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// Its shape.
    pub shape: NodeShapeId,
    /// False once it is gone.
    pub there: bool,
    /// `spec.unschedulable`.
    pub unschedulable: bool,
    /// It carries the taint of cordoned nodes.
    pub cordon_taint: bool,
    /// Its Ready condition.
    pub readiness: Readiness,
    /// Requests of all pods on it.
    pub used: Resources,
    used_score: (i64, i64),
    ports: Vec<PortId>,
    tenants: Vec<Tenant>,
}

#[derive(Clone, Debug, Default)]
struct Rows {
    nodes: Column<NodeId, Row>,
    /// For the pod in hand.
    promised: Vec<(NodeId, Promised)>,
}

impl Nodes for Rows {
    fn len(&self) -> usize {
        self.nodes.len()
    }

    fn view(&self, node: NodeId) -> Option<NodeView<'_>> {
        let row = self.nodes.rows().get(node.index()).filter(|row| row.there)?;
        let promised = self.promised.iter().find(|(at, _)| *at == node);
        Some(NodeView {
            id: node,
            shape: row.shape,
            name: &row.name,
            unschedulable: row.unschedulable,
            readiness: row.readiness,
            used: &row.used,
            used_score: row.used_score,
            ports: &row.ports,
            promised: promised.map(|(_, promised)| promised),
            pods: &row.tenants,
            cordon_taint: row.cordon_taint,
        })
    }

    fn nominated(&self) -> impl Iterator<Item = NodeId> {
        self.promised.iter().map(|(node, _)| *node)
    }

    fn views(&self) -> impl Iterator<Item = NodeView<'_>> + Clone {
        (0..self.nodes.len()).filter_map(|i| self.view(NodeId::from_index(i)))
    }
}

impl Board {
    /// No nodes; `scored` says how many of the feasible ones a decision looks at.
    pub fn new(scored: NodesScored) -> Board {
        Board { scored, ..Board::default() }
    }

    /// Adds an empty node.
    pub fn add(&mut self, name: impl Into<String>, shape: NodeShapeId) -> NodeId {
        let node = self.rows.nodes.push(Row {
            name: name.into(),
            shape,
            there: true,
            unschedulable: false,
            cordon_taint: false,
            readiness: Readiness::Ready,
            used: Resources::default(),
            used_score: (0, 0),
            ports: Vec::new(),
            tenants: Vec::new(),
        });
        self.index.touch(node);
        node
    }

    /// Changes a node: cordons it, gives it other labels or taints (a shape), takes it away.
    pub fn change(&mut self, node: NodeId, change: impl FnOnce(&mut Row)) {
        change(&mut self.rows.nodes[node]);
        self.index.touch(node);
    }

    /// Binds a pod; one that is being deleted counts as leaving.
    pub fn bind(&mut self, compat: &Compat, pod: PodShapeId, node: NodeId, leaving: bool) {
        self.shift(compat, pod, node, 1);
        let row = &mut self.rows.nodes[node];
        row.ports.extend_from_slice(compat.ports(pod));
        *tenant(row, pod, leaving) += 1;
    }

    /// Removes a pod.
    pub fn release(&mut self, compat: &Compat, pod: PodShapeId, node: NodeId, leaving: bool) {
        self.shift(compat, pod, node, -1);
        let row = &mut self.rows.nodes[node];
        for port in compat.ports(pod) {
            if let Some(at) = row.ports.iter().position(|held| held == port) {
                row.ports.swap_remove(at);
            }
        }
        *tenant(row, pod, leaving) -= 1;
        row.tenants.retain(|t| t.alive + t.leaving > 0);
    }

    /// Marks a pod for deletion: it holds its room, but no longer counts for spreading.
    pub fn delete(&mut self, pod: PodShapeId, node: NodeId) {
        let row = &mut self.rows.nodes[node];
        *tenant(row, pod, false) -= 1;
        *tenant(row, pod, true) += 1;
        self.index.touch(node);
    }

    fn shift(&mut self, compat: &Compat, pod: PodShapeId, node: NodeId, sign: i64) {
        let shape = compat.shape(pod);
        let row = &mut self.rows.nodes[node];
        row.used.shift(&shape.requests, sign);
        row.used_score.0 += sign * shape.score_requests.0;
        row.used_score.1 += sign * shape.score_requests.1;
        self.index.touch(node);
    }

    /// Sets what nominated pods hold back from the pod that comes next.
    pub fn promise(&mut self, compat: &Compat, nominated: impl Iterator<Item = (PodShapeId, NodeId)>) {
        self.rows.promised.clear();
        for (pod, node) in nominated {
            Promised::note(&mut self.rows.promised, compat, pod, node);
        }
    }

    /// Number of nodes there have been.
    pub fn len(&self) -> usize {
        self.rows.nodes.len()
    }

    /// True without any.
    pub fn is_empty(&self) -> bool {
        self.rows.nodes.is_empty()
    }

    /// A node as it is now.
    pub fn view(&self, node: NodeId) -> Option<NodeView<'_>> {
        self.rows.view(node)
    }

    /// All nodes as they are now.
    pub fn views(&self) -> impl Iterator<Item = NodeView<'_>> + Clone {
        self.rows.views()
    }

    /// Chooses a node by the index.
    pub fn decide(&mut self, compat: &Compat, pod: Incoming, tie: impl FnMut(u32) -> u32) -> Option<NodeId> {
        let Board { rows, index, sample, scratch, scored } = self;
        index.decide_some(compat, pod, rows, (*scored, sample), scratch, tie)
    }

    /// The node the plain scan would choose now.
    pub fn scan(&self, compat: &Compat, pod: Incoming, tie: impl FnMut(u32) -> u32) -> Option<NodeId> {
        let (rows, mut scratch) = (&self.rows, Scratch::default());
        let there = rows.views().count();
        let wanted = self.scored.wanted(there);
        if wanted >= there || pod.pin.is_some() {
            return decide(compat, pod, rows.views(), &mut scratch, tie);
        }
        let mut sample = self.sample.clone();
        sample.lay_out(u64::MAX, compat, rows.views());
        let sought = sample.nodes().filter_map(|node| rows.view(node));
        decide_among(compat, pod, sought, rows.views(), wanted, &mut scratch, tie).0
    }

    /// Feasible nodes with their totals by the index; `None` where it leaves the decision to the scan.
    pub fn totals(&mut self, compat: &Compat, pod: Incoming) -> Option<Vec<(NodeId, i64)>> {
        self.index.totals(compat, pod, &self.rows)
    }
}

fn tenant(row: &mut Row, shape: PodShapeId, leaving: bool) -> &mut u32 {
    let at = row.tenants.iter().position(|t| t.shape == shape).unwrap_or_else(|| {
        row.tenants.push(Tenant { shape, alive: 0, leaving: 0 });
        row.tenants.len() - 1
    });
    if leaving { &mut row.tenants[at].leaving } else { &mut row.tenants[at].alive }
}

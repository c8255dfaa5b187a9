//! The whole mutable state of a simulated cluster: rows behind typed ids, copied at the start of each trial.
//!
//! This is the only place that binds and releases, and that counts replicas; every writer asserts what must hold. Lists
//! of pods on a node and of a workload are threaded through the pod rows, so that a copy of the cluster is a few copies of
//! vectors and nothing is allocated per pod.

pub(crate) mod budget;
#[cfg(test)]
pub(crate) mod check;
pub mod ids;
pub(crate) mod images;
pub(crate) mod node;
pub(crate) mod pod;
mod supply;
pub(crate) mod workload;

use crate::cluster::images::Images;
use crate::cluster::node::{Health, Node, NodeState};
use crate::cluster::pod::{NO_POD, Pod, PodState};
use crate::cluster::workload::Workload;
use crate::random::{entity_key, sub_key};
use crate::scheduler::{Compat, PortId, Tenant};
use crate::spec::{ClusterSpec, Resources, WorkloadKind};
use crate::time::Time;
use crate::{Column, NodeId, NodeShapeId, PodId, PodShapeId, PoolId, SupplyId, WorkloadId};

/// The state of a cluster during a trial.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cluster {
    pub nodes: Column<NodeId, Node>,
    pub health: Column<NodeId, Health>,
    pub names: Column<NodeId, String>,
    /// Host ports held on each node.
    pub ports: Column<NodeId, Vec<PortId>>,
    /// Pods on each node by shape; kept only where pods have to do with one another.
    pub tenants: Column<NodeId, Vec<Tenant>>,
    /// Pods have to do with one another.
    pub peers: bool,
    pub pods: Column<PodId, Pod>,
    pub workloads: Column<WorkloadId, Workload>,
    pub images: Images,
    pub pools: Column<PoolId, Pool>,
    /// What is left of what pools share.
    pub supplies: Column<SupplyId, u32>,
    /// Nodes that are not what they were when the scheduler last looked ([`Cluster::touch`]).
    pub touched: Vec<NodeId>,
    /// Workloads that may fare otherwise than when they were observed last: they have more or fewer up replicas, traffic reaches
    /// more or fewer of them, or they begin or cease to lose requests.
    pub stirred: Vec<WorkloadId>,
    /// Daemons that are not bound to their node yet.
    pub unbound_daemons: u32,
    /// Head of the list of free pod rows.
    free: u32,
    /// Numbers pods in the order of their start, for "the youngest goes first".
    next_start: u32,
}

/// The state of a pool.
#[derive(Clone, Debug)]
pub(crate) struct Pool {
    pub next_ordinal: u32,
    /// Nodes that may still be added by its own limit, where known.
    pub room: Option<u32>,
    /// The pool whose shares its new machines take: itself, until it is given machines of another size.
    pub draws_as: PoolId,
    /// Shapes of future nodes, one for each zone.
    pub templates: Vec<NodeShapeId>,
}

impl Cluster {
    /// The cluster at time zero.
    pub fn new(spec: &ClusterSpec, compat: &Compat) -> Cluster {
        let mut cluster = Cluster { free: NO_POD, peers: compat.has_peers(), ..Cluster::default() };
        cluster.images = Images::new(spec.workloads.len());
        cluster.supplies = spec.supplies.rows().iter().map(|supply| supply.free).collect::<Vec<_>>().into();
        for (id, pool) in spec.pools.iter() {
            cluster.pools.push(Pool {
                next_ordinal: pool.next_ordinal,
                room: pool.room,
                draws_as: id,
                templates: pool.templates.clone(),
            });
        }
        for (_, node) in spec.nodes.iter() {
            let state = if node.ready { NodeState::Ready } else { NodeState::NotReady };
            let id = cluster.nodes.push(Node::new(node.pool, node.shape, node.ordinal, entity_key(&node.name), state));
            cluster.nodes[id].cordoned = node.cordoned;
            cluster.health.push(Health::GOOD);
            cluster.names.push(node.name.clone());
            cluster.ports.push(Vec::new());
            cluster.tenants.push(Vec::new());
        }
        for (_, workload) in spec.workloads.iter() {
            let key = sub_key(entity_key(&workload.namespace), entity_key(&workload.name) ^ workload.kind as u64);
            let id = cluster.workloads.push(Workload::new(key, workload.replicas));
            cluster.workloads[id].gated = workload.gated;
            cluster.workloads[id].memory_limit =
                workload.service.as_ref().and_then(|s| s.memory).and_then(|memory| memory.limit);
        }
        for pod in &spec.pods {
            let kind = spec.workloads[pod.workload].kind;
            let id = match (kind, pod.node) {
                (WorkloadKind::DaemonSet, Some(node)) => cluster.create_daemon(pod.workload, node),
                (WorkloadKind::DaemonSet, None) => continue, // it is made for the node that lacks one
                _ => cluster.create(pod.workload),
            };
            (cluster.pods[id].gated, cluster.pods[id].shape) = (pod.gated, pod.shape);
            if pod.old {
                cluster.make_old(id);
            }
            if let Some(node) = pod.node {
                let alive = cluster.nodes[node].state == NodeState::Ready;
                cluster.bind(spec, compat, id, node);
                cluster.pods[id].state = PodState::Starting;
                if pod.ready {
                    cluster.images.add(node, pod.workload);
                    cluster.pods[id].state = PodState::Running;
                    cluster.pods[id].connected = true;
                    cluster.set_serving(id, alive, alive);
                }
            }
        }
        for &(node, workload) in &spec.cached {
            cluster.images.add(node, workload);
        }
        for (id, workload) in spec.workloads.iter() {
            let row = &mut cluster.workloads[id];
            if workload.kind == WorkloadKind::Deployment {
                (row.old_desired, row.new_wanted) = (row.old, row.alive - row.old);
            }
        }
        cluster
    }

    /// Becomes a copy of `other` without giving up room.
    pub fn copy_from(&mut self, other: &Cluster) {
        self.nodes.copy_from(&other.nodes);
        self.health.copy_from(&other.health);
        self.names.copy_from(&other.names);
        self.ports.copy_from(&other.ports);
        self.tenants.copy_from(&other.tenants);
        self.peers = other.peers;
        self.touched.clear();
        self.stirred.clear();
        self.pods.copy_from(&other.pods);
        self.workloads.copy_from(&other.workloads);
        self.images.copy_from(&other.images);
        self.pools.copy_from(&other.pools);
        self.supplies.copy_from(&other.supplies);
        self.unbound_daemons = other.unbound_daemons;
        self.free = other.free;
        self.next_start = other.next_start;
    }

    /// Makes a pending pod in the next free place.
    pub fn create(&mut self, workload: WorkloadId) -> PodId {
        let ordinal = self.workloads[workload].next_ordinal;
        self.create_at(workload, ordinal, None)
    }

    /// Makes a pending pod in a place, after a predecessor of a generation where it has one.
    pub fn create_at(&mut self, workload: WorkloadId, ordinal: u32, predecessor: Option<u32>) -> PodId {
        let owner = &mut self.workloads[workload];
        owner.next_ordinal = owner.next_ordinal.max(ordinal + 1);
        let key = sub_key(owner.key, u64::from(ordinal));
        self.insert(Pod::new(workload, key, ordinal, predecessor.map_or(0, |generation| generation + 1)))
    }

    /// A pod turns out to be of an older template.
    pub fn make_old(&mut self, pod: PodId) {
        self.pods[pod].old = true;
        self.workloads[self.pods[pod].workload].old += 1;
    }

    /// Makes a daemon pod for a node: its luck belongs to (workload, node).
    pub fn create_daemon(&mut self, workload: WorkloadId, node: NodeId) -> PodId {
        let key = sub_key(self.workloads[workload].key, self.nodes[node].key);
        let generation = self.nodes[node].incarnation;
        self.unbound_daemons += 1;
        self.insert(Pod::new(workload, key, node.0, generation))
    }

    fn insert(&mut self, mut pod: Pod) -> PodId {
        pod.gated = self.workloads[pod.workload].gated;
        pod.start = self.next_start;
        self.next_start += 1;
        let owner = &mut self.workloads[pod.workload];
        owner.alive += 1;
        pod.next_sibling = owner.first_pod;
        let id = if self.free == NO_POD {
            self.pods.push(pod)
        } else {
            let id = PodId(self.free);
            self.free = self.pods[id].next_sibling;
            pod.epoch = self.pods[id].epoch + 1;
            self.pods[id] = pod;
            id
        };
        let next = pod.next_sibling;
        self.workloads[pod.workload].first_pod = id.0;
        if next != NO_POD {
            self.pods[PodId(next)].prev_sibling = id.0;
        }
        id
    }

    /// Binds a pending pod to a node and takes its requests there.
    pub fn bind(&mut self, spec: &ClusterSpec, compat: &Compat, pod: PodId, node: NodeId) {
        let shape = self.shape_of(spec, pod);
        let row = &mut self.pods[pod];
        assert!(row.state == PodState::Pending && row.node.is_none(), "only a pending pod can be bound");
        row.node = Some(node);
        row.state = PodState::Starting;
        self.unbound_daemons -= u32::from(spec.workloads[row.workload].kind == WorkloadKind::DaemonSet);
        row.next_on_node = self.nodes[node].first_pod;
        let next = row.next_on_node;
        if next != NO_POD {
            self.pods[PodId(next)].prev_on_node = pod.0;
        }
        let host = &mut self.nodes[node];
        host.first_pod = pod.0;
        add(&mut host.used, &spec.pod_shapes[shape].requests);
        let (cpu, memory) = spec.pod_shapes[shape].score_requests;
        host.used_score.0 += cpu;
        host.used_score.1 += memory;
        self.ports[node].extend_from_slice(compat.ports(shape));
        if self.peers {
            self.tenant(node, shape).alive += 1;
        }
        self.touch(node);
    }

    /// Notes that a node is not to the scheduler what it was: another shape, cordon, condition, or other pods. Whoever changes one
    /// of these calls it, before or after; tests compare all nodes at each decision.
    pub fn touch(&mut self, node: NodeId) {
        if self.touched.last() != Some(&node) {
            self.touched.push(node);
        }
    }

    fn tenant(&mut self, node: NodeId, shape: PodShapeId) -> &mut Tenant {
        let tenants = &mut self.tenants[node];
        let at = tenants.iter().position(|t| t.shape == shape).unwrap_or_else(|| {
            tenants.push(Tenant { shape, alive: 0, leaving: 0 });
            tenants.len() - 1
        });
        &mut tenants[at]
    }

    /// Removes a pod for good and gives back what it used. It must not serve any more.
    pub fn remove(&mut self, spec: &ClusterSpec, compat: &Compat, pod: PodId) {
        self.set_serving(pod, false, false);
        let row = self.pods[pod];
        assert!(row.state != PodState::Free, "a pod is removed once");
        if let Some(node) = row.node {
            let id = self.shape_of(spec, pod);
            for port in compat.ports(id) {
                if let Some(at) = self.ports[node].iter().position(|p| p == port) {
                    self.ports[node].swap_remove(at);
                }
            }
            if self.peers {
                let tenant = self.tenant(node, id);
                match row.state {
                    PodState::Terminating => tenant.leaving -= 1,
                    _ => tenant.alive -= 1,
                }
                self.tenants[node].retain(|t| t.alive + t.leaving > 0);
            }
            let shape = &spec.pod_shapes[id];
            let host = &mut self.nodes[node];
            sub(&mut host.used, &shape.requests);
            host.used_score.0 -= shape.score_requests.0;
            host.used_score.1 -= shape.score_requests.1;
            if row.prev_on_node == NO_POD {
                host.first_pod = row.next_on_node;
            } else {
                self.pods[PodId(row.prev_on_node)].next_on_node = row.next_on_node;
            }
            if row.next_on_node != NO_POD {
                self.pods[PodId(row.next_on_node)].prev_on_node = row.prev_on_node;
            }
            self.touch(node);
        } else if spec.workloads[row.workload].kind == WorkloadKind::DaemonSet {
            self.unbound_daemons -= 1;
        }
        if row.state != PodState::Terminating {
            self.workloads[row.workload].alive -= 1;
            self.workloads[row.workload].old -= u32::from(row.old);
        }
        if row.prev_sibling == NO_POD {
            self.workloads[row.workload].first_pod = row.next_sibling;
        } else {
            self.pods[PodId(row.prev_sibling)].next_sibling = row.next_sibling;
        }
        if row.next_sibling != NO_POD {
            self.pods[PodId(row.next_sibling)].prev_sibling = row.prev_sibling;
        }
        let row = &mut self.pods[pod];
        row.state = PodState::Free;
        row.epoch += 1;
        row.node = None;
        row.next_sibling = self.free;
        self.free = pod.0;
    }

    /// Marks a pod for deletion: from now on it neither counts nor serves.
    pub fn terminate(&mut self, spec: &ClusterSpec, pod: PodId) {
        self.set_serving(pod, false, false);
        let shape = self.shape_of(spec, pod);
        if let Some(node) = self.pods[pod].node
            && self.peers
        {
            let tenant = self.tenant(node, shape);
            tenant.alive -= 1;
            tenant.leaving += 1;
            self.touch(node);
        }
        let row = &mut self.pods[pod];
        assert!(!matches!(row.state, PodState::Free | PodState::Terminating), "a pod is deleted once");
        row.state = PodState::Terminating;
        row.epoch += 1;
        self.workloads[row.workload].alive -= 1;
        self.workloads[row.workload].old -= u32::from(row.old);
    }

    /// Sets whether the control plane holds a pod ready, and whether it truly serves.
    pub fn set_serving(&mut self, pod: PodId, ready: bool, up: bool) {
        let row = &mut self.pods[pod];
        let owner = &mut self.workloads[row.workload];
        match (row.ready, ready) {
            (false, true) => owner.ready += 1,
            (true, false) => owner.ready -= 1,
            _ => {}
        }
        match (row.up, up) {
            (false, true) => owner.up += 1,
            (true, false) => owner.up -= 1,
            _ => {}
        }
        if row.up != up {
            self.stirred.push(row.workload);
        }
        row.ready = ready;
        row.up = up;
    }

    /// Pods on a node.
    pub fn pods_on(&self, node: NodeId) -> impl Iterator<Item = PodId> + '_ {
        self.list(self.nodes[node].first_pod, |pod| pod.next_on_node)
    }

    /// Pods of a workload, terminating ones included; youngest first.
    pub fn pods_of(&self, workload: WorkloadId) -> impl Iterator<Item = PodId> + '_ {
        self.list(self.workloads[workload].first_pod, |pod| pod.next_sibling)
    }

    fn list<'a>(&'a self, first: u32, next: impl Fn(&Pod) -> u32 + 'a) -> impl Iterator<Item = PodId> + 'a {
        let mut at = first;
        std::iter::from_fn(move || {
            (at != NO_POD).then(|| {
                let id = PodId(at);
                at = next(&self.pods[id]);
                id
            })
        })
    }

    /// Nodes of a pool that run or are on their way.
    pub fn nodes_of(&self, pool: PoolId) -> impl Iterator<Item = NodeId> + '_ {
        self.nodes.iter().filter(move |(_, n)| n.pool == pool && !n.is_away()).map(|(id, _)| id)
    }

    /// Shape of a pod.
    pub fn shape_of(&self, spec: &ClusterSpec, pod: PodId) -> PodShapeId {
        let row = &self.pods[pod];
        row.shape.unwrap_or_else(|| spec.workloads[row.workload].shape_of(row.ordinal))
    }

    /// Longest wait of a pod so far.
    pub fn waited(&self, pod: PodId, now: Time) -> crate::Duration {
        now.since(self.pods[pod].since)
    }
}

pub(crate) fn add(total: &mut Resources, part: &Resources) {
    total.shift(part, 1);
}

pub(crate) fn sub(total: &mut Resources, part: &Resources) {
    total.shift(part, -1);
    debug_assert!(total.cpu >= 0 && total.memory >= 0 && total.pods >= 0, "more was freed than taken");
}

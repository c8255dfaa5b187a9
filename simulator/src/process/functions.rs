//! What system pods carry besides traffic: the tunnel from the control plane, metrics, the way in. Says whether each is there,
//! and adds up for how long it is not.
//!
//! The tunnel is konnectivity's: agents in the cluster hold connections to the API server, and what the API server sends to
//! pods and nodes (exec, logs, port-forward, webhooks, aggregated APIs) goes through any of them (AKS docs,
//! concepts-clusters-workloads; Azure/AKS issue 745). An agent connects a while after it has become ready. A cluster without
//! agents has its API server in its own network and needs none. Metrics need a server and the way to it. A load balancer
//! that drops cordoned nodes (Kubernetes before 1.19, kubernetes/kubernetes PR 90823) takes with them the pods of services
//! that hand traffic to local pods only, and the last node takes all. Left out: connections in flight, what probes of load
//! balancers take to notice, and the share of traffic that goes to a pod just gone.

use crate::event::Event;
use crate::outcome::{Functions, Incident};
use crate::random::Process;
use crate::settings::Cause;
use crate::sim::Sim;
use crate::spec::{Backend, ClusterSpec, Role, Scaling};
use crate::time::{Duration, Time};
use crate::{Column, NodeId, PodId, WebhookId, WorkloadId};

/// Who carries which function; the same in all trials.
#[derive(Clone, Debug, Default)]
pub(crate) struct Carriers {
    /// By workload: some function hangs on it.
    pub carries: Column<WorkloadId, bool>,
    pub tunnels: Vec<WorkloadId>,
    pub metrics: Vec<WorkloadId>,
    pub exposed: Vec<WorkloadId>,
    /// Horizontal autoscalers want metrics.
    measured: bool,
    /// Webhooks that fail closed and are asked about anything.
    pub closed: Vec<WebhookId>,
    /// By workload: who is asked before its pods are made, and before they are evicted.
    pub creations: Column<WorkloadId, Vec<WebhookId>>,
    pub evictions: Column<WorkloadId, Vec<WebhookId>>,
}

impl Carriers {
    pub fn new(spec: &ClusterSpec, without_webhooks: bool) -> Carriers {
        let with = |role| spec.workloads.iter().filter(|(_, w)| w.role == role).map(|(id, _)| id).collect::<Vec<_>>();
        let exposed = spec.workloads.iter().filter(|(_, w)| w.duty.exposed.is_some()).map(|(id, _)| id);
        let mut carriers = Carriers {
            tunnels: with(Role::Tunnel),
            metrics: with(Role::Metrics),
            exposed: exposed.collect(),
            measured: spec.workloads.rows().iter().any(|w| matches!(w.scaling, Some(Scaling::Utilisation { .. }))),
            ..Carriers::default()
        };
        carriers.carries.resize(spec.workloads.len(), false);
        carriers.creations.resize(spec.workloads.len(), Vec::new());
        carriers.evictions.resize(spec.workloads.len(), Vec::new());
        let webhooks = if without_webhooks { None } else { Some(&spec.webhooks) };
        for (id, webhook) in webhooks.into_iter().flat_map(|webhooks| webhooks.iter()) {
            webhook.creations.iter().for_each(|&w| carriers.creations[w].push(id));
            webhook.evictions.iter().for_each(|&w| carriers.evictions[w].push(id));
            if webhook.fails_closed && !(webhook.creations.is_empty() && webhook.evictions.is_empty()) {
                carriers.closed.push(id);
            }
            if let Backend::Inside(backend) = &webhook.backend {
                backend.iter().for_each(|&w| carriers.carries[w] = true);
            }
        }
        let Carriers { carries, tunnels, metrics, exposed, .. } = &mut carriers;
        tunnels.iter().chain(&*metrics).chain(&*exposed).for_each(|&w| carries[w] = true);
        carriers
    }
}

/// A function that may be missing: since when, and for how long before.
#[derive(Clone, Copy, Debug, Default)]
struct Missing {
    since: Option<Time>,
    total: Duration,
}

impl Missing {
    /// Takes note; true where that is news.
    fn set(&mut self, missing: bool, now: Time) -> bool {
        match (self.since, missing) {
            (None, true) => self.since = Some(now),
            (Some(since), false) => {
                self.since = None;
                self.total += now.since(since);
            }
            _ => return false,
        }
        true
    }

    fn until(&self, end: Time) -> Duration {
        self.total + self.since.map_or(Duration::ZERO, |since| end.since(since))
    }
}

/// What is there now.
#[derive(Clone, Debug, Default)]
pub(crate) struct Standing {
    tunnel: Missing,
    webhooks: Missing,
    creation: Missing,
    metrics: Missing,
    ingress: Missing,
    /// Pods of each exposed workload that traffic from outside reaches, in the order of [`Carriers::exposed`].
    reached: Vec<u32>,
    /// What is counted elsewhere.
    pub counts: Functions,
}

impl Sim<'_> {
    pub(crate) fn start_functions(&mut self) {
        self.standing = Standing { reached: std::mem::take(&mut self.standing.reached), ..Standing::default() };
        self.standing.reached.clear();
        self.standing.reached.resize(self.p.carriers.exposed.len(), 0);
        self.functions_may_change();
        self.reach_may_change();
    }

    /// A carrier has more or fewer pods that serve.
    pub(crate) fn carrier_changed(&mut self, workload: WorkloadId) {
        if self.p.carriers.carries[workload] {
            self.functions_may_change();
            self.reach_may_change();
        }
    }

    /// True while the control plane reaches pods and nodes.
    pub(crate) fn has_tunnel(&self) -> bool {
        self.standing.tunnel.since.is_none()
    }

    /// True where the cluster's metrics cannot be had: replicas stay as they are (Kubernetes v1.34 horizontal.go,
    /// `FailedGetResourceMetric`).
    pub(crate) fn without_metrics(&self) -> bool {
        let servers = &self.p.carriers.metrics;
        let down = !self.has_tunnel() || servers.iter().all(|&id| self.cluster.workloads[id].up == 0);
        !servers.is_empty() && down && self.on(Cause::MetricsOutage)
    }

    /// Owners were or were not let make a pod.
    pub(crate) fn creation_blocked(&mut self, blocked: bool) {
        self.standing.creation.set(blocked, self.now);
    }

    pub(crate) fn functions_may_change(&mut self) {
        let now = self.now;
        let cut = self.on(Cause::TunnelOutage) && !self.p.carriers.tunnels.is_empty() && !self.agent_connected();
        if self.standing.tunnel.set(cut, now) {
            self.tell(if cut { Incident::TunnelLost } else { Incident::TunnelBack });
        }
        let dumb = (0..self.p.carriers.closed.len()).any(|i| self.is_dumb(self.p.carriers.closed[i]));
        self.standing.webhooks.set(dumb, now);
        let blind = self.p.carriers.measured && self.without_metrics();
        if self.standing.metrics.set(blind, now) {
            self.tell(if blind { Incident::MetricsLost } else { Incident::MetricsBack });
        }
    }

    fn agent_connected(&self) -> bool {
        let connected = |&p: &PodId| self.cluster.pods[p].up && self.cluster.pods[p].connected;
        self.p.carriers.tunnels.iter().any(|&w| self.cluster.pods_of(w).any(|p| connected(&p)))
    }

    /// A pod has become ready: an agent of the tunnel now connects.
    pub(crate) fn agent_ready(&mut self, pod: PodId) {
        let row = self.cluster.pods[pod];
        if self.spec.workloads[row.workload].role != Role::Tunnel {
            return;
        }
        let dist = &self.p.scenario.settings.tunnel_connect;
        let takes = self.draw(dist, Process::TunnelConnect, row.key, row.generation);
        self.cluster.pods[pod].connected = takes.is_zero();
        if !takes.is_zero() {
            self.queue.at(self.now + takes, Event::TunnelConnects { pod, epoch: row.epoch });
        }
    }

    pub(crate) fn tunnel_connects(&mut self, pod: PodId, epoch: u32) {
        let row = &mut self.cluster.pods[pod];
        if row.epoch == epoch && row.up {
            row.connected = true;
            self.functions_may_change();
        }
    }

    /// Pods of a workload that serve those who ask it: of an exposed one those that traffic from outside reaches.
    pub(crate) fn serving(&self, workload: WorkloadId) -> u32 {
        let exposed = &self.p.carriers.exposed;
        match exposed.iter().position(|&w| w == workload) {
            Some(at) => self.standing.reached[at],
            None => self.cluster.workloads[workload].up,
        }
    }

    /// Nodes or pods behind a load balancer have changed.
    pub(crate) fn reach_may_change(&mut self) {
        if self.p.carriers.exposed.is_empty() {
            return;
        }
        let mut nobody = false;
        for i in 0..self.p.carriers.exposed.len() {
            let workload = self.p.carriers.exposed[i];
            let reached = self.reached(workload);
            if self.standing.reached[i] != reached {
                self.cluster.stirred.push(workload);
                if self.spec.workloads[workload].service.is_some() {
                    self.touch_flows();
                }
            }
            self.standing.reached[i] = reached;
            nobody |= reached == 0 && self.cluster.workloads[workload].desired > 0;
        }
        self.standing.ingress.set(nobody, self.now);
    }

    fn reached(&self, workload: WorkloadId) -> u32 {
        if !self.balancers_drop_cordoned() {
            return self.cluster.workloads[workload].up;
        }
        let pods = self.cluster.pods_of(workload).map(|p| &self.cluster.pods[p]);
        pods.filter(|pod| pod.up && pod.node.is_some_and(|node| self.is_reached(workload, node))).count() as u32
    }

    fn balancers_drop_cordoned(&self) -> bool {
        self.p.scenario.settings.balancers_drop_cordoned && self.on(Cause::CordonExclusion)
    }

    /// True where traffic reaches the pods of a workload on a node.
    pub(crate) fn is_reached(&self, workload: WorkloadId, node: NodeId) -> bool {
        let Some(exposure) = self.spec.workloads[workload].duty.exposed else { return true };
        let keeps = |node: NodeId| !self.cluster.nodes[node].cordoned;
        !self.balancers_drop_cordoned()
            || if exposure.local {
                keeps(node)
            } else {
                self.cluster.nodes.iter().any(|(id, node)| node.seems_ready() && keeps(id))
            }
    }

    /// What the trial had to do without, up to its end.
    pub(crate) fn functions_missed(&self) -> Functions {
        let (standing, end) = (&self.standing, self.now);
        let mut counts = standing.counts;
        self.count_held(&mut counts);
        Functions {
            tunnel: standing.tunnel.until(end),
            webhooks: standing.webhooks.until(end),
            creation: standing.creation.until(end),
            metrics: standing.metrics.until(end),
            ingress: standing.ingress.until(end),
            ..counts
        }
    }
}

//! Services as flows: what is asked of a service, what its replicas can serve, what is lost.
//!
//! Demand is spread evenly over the replicas the control plane holds ready (kube-proxy), the dead and not yet noticed
//! ones included, and those that were until a moment ago: proxies hear of it with a delay, in which a pod that has gone
//! loses what it is sent, and one that still stops answers. A replica serves up to its planning capacity, or less when its node is short of CPU: running containers
//! share the physical cores by weight of their requests, no one above what it asks for (Linux CFS, cpu.shares from
//! requests: kubernetes v1.34 kubelet cm/helpers_linux.go MilliCPUToShares). So a DNS pod with a small request starves on
//! a node whose other pods are busy. All of it is constant between two changes and is integrated exactly.
//! Left out: queues and waiting times, retries of clients, memory.

use crate::cluster::node::Node;
use crate::cluster::pod::PodState;
use crate::event::Event;
use crate::parameters::Knob;
use crate::random::Process;
use crate::settings::Cause;
use crate::sim::Sim;
use crate::time::{Duration, Time};
use crate::{NodeId, PodId, WorkloadId};

/// State of all flows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flows {
    pub services: Vec<Flow>,
    queued: bool,
    /// Pods that still get traffic although they are not ready any more.
    lingering: Vec<Lingering>,
    /// Requests that are lost on their way or fail, by script.
    gaps: Vec<Gap>,
    /// (use wanted, weight, is the pod asked about) of the pods of one node.
    wants: Vec<(f64, f64, bool)>,
}

/// A pod that traffic is still sent to.
#[derive(Clone, Copy, Debug)]
struct Lingering {
    workload: WorkloadId,
    /// Until when it answers.
    answers: Time,
    /// Until when traffic comes.
    until: Time,
}

/// A part of the requests of a service that is lost for a while.
#[derive(Clone, Copy, Debug)]
struct Gap {
    /// Of which service, where those of a node are lost; all that are served on the node otherwise.
    workload: Option<WorkloadId>,
    node: Option<NodeId>,
    share: f64,
    until: Time,
}

/// One service.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flow {
    pub workload: WorkloadId,
    /// Requests asked and lost per second, since `since`.
    asked_rate: f64,
    lost_rate: f64,
    since: Time,
    /// Totals up to `since`.
    pub asked: f64,
    pub lost: f64,
}

impl Flows {
    pub fn restart(&mut self, services: &[WorkloadId]) {
        self.queued = false;
        self.lingering.clear();
        self.gaps.clear();
        self.services.clear();
        self.services.extend(services.iter().map(|&workload| Flow {
            workload,
            asked_rate: 0.0,
            lost_rate: 0.0,
            since: Time::ZERO,
            asked: 0.0,
            lost: 0.0,
        }));
    }

    /// Share of what is asked of a workload that is lost now.
    pub fn loss(&self, workload: WorkloadId) -> f64 {
        self.services
            .iter()
            .find(|f| f.workload == workload)
            .map_or(0.0, |f| if f.asked_rate > 0.0 { f.lost_rate / f.asked_rate } else { 0.0 })
    }

    /// Brings the totals up to an instant.
    pub fn integrate(&mut self, now: Time) {
        for flow in &mut self.services {
            let seconds = now.since(flow.since).as_secs_f64();
            flow.asked += flow.asked_rate * seconds;
            flow.lost += flow.lost_rate * seconds;
            flow.since = now;
        }
    }
}

impl Sim<'_> {
    /// Flows must be brought up to date at the end of this instant.
    pub(crate) fn touch_flows(&mut self) {
        if !self.flows.queued && !self.flows.services.is_empty() {
            self.flows.queued = true;
            self.queue.at(self.now, Event::Flow);
        }
    }

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
        self.queue.at(until, Event::Flow);
        if answers > self.now && answers < until {
            self.queue.at(answers, Event::Flow);
        }
    }

    /// Requests are lost for a while: those that a node's pods ask of a service, or those that are served on a node.
    pub(crate) fn requests_lost(
        &mut self,
        workload: Option<WorkloadId>,
        node: Option<NodeId>,
        share: f64,
        lasts: Duration,
    ) {
        let until = self.now + lasts;
        self.flows.gaps.push(Gap { workload, node, share: share.clamp(0.0, 1.0), until });
        self.queue.at(until, Event::Flow);
        self.touch_flows();
    }

    /// What a replica can serve changes.
    pub(crate) fn set_capacity(&mut self, workload: WorkloadId, factor: f64) {
        self.cluster.workloads[workload].capacity = factor;
        self.touch_flows();
    }

    /// The share of what is asked of a service that its askers' nodes lose.
    fn lost_on_the_way(&self, workload: WorkloadId) -> f64 {
        if self.flows.gaps.is_empty() {
            return 0.0;
        }
        let asks = |node: &Node| node.registered() && self.spec.pools[node.pool].local_cache.is_none();
        let (mut nodes, mut lost) = (0u32, 0.0);
        for (id, _) in self.cluster.nodes.iter().filter(|(_, node)| asks(node)) {
            let of = self.flows.gaps.iter().filter(|g| g.workload == Some(workload) && g.node.is_none_or(|n| n == id));
            nodes += 1;
            lost += 1.0 - of.map(|gap| 1.0 - gap.share).product::<f64>();
        }
        lost / f64::from(nodes.max(1))
    }

    /// The share of what a replica on a node is asked that it can answer.
    fn answered_on(&self, node: Option<NodeId>) -> f64 {
        let of = self.flows.gaps.iter().filter(|gap| gap.workload.is_none() && gap.node == node);
        of.map(|gap| 1.0 - gap.share).product()
    }

    /// Replicas of a workload began or ceased to serve.
    pub(crate) fn serving_changed(&mut self, workload: WorkloadId) {
        self.wake_autoscaler(); // budgets may allow more, or less
        self.carrier_changed(workload);
        if self.spec.workloads[workload].service.is_some() {
            self.touch_flows();
        }
    }

    /// Pods came to or left a node.
    pub(crate) fn node_load_changed(&mut self, node: NodeId) {
        self.provisioner_notes(node);
        self.wake_autoscaler();
        if self.cluster.nodes[node].serving > 0 {
            self.touch_flows();
        }
    }

    pub(crate) fn update_flows(&mut self) {
        self.flows.queued = false;
        self.flows.integrate(self.now);
        let now = self.now;
        self.flows.lingering.retain(|l| l.until > now);
        self.flows.gaps.retain(|gap| gap.until > now);
        for i in 0..self.flows.services.len() {
            let workload = self.flows.services[i].workload;
            let Some(service) = &self.spec.workloads[workload].service else {
                continue;
            };
            let row = &self.cluster.workloads[workload];
            let capacity = service.capacity * row.capacity * self.parameters.get(Knob::ServiceCapacity);
            let asked = service.rate * service.requests_per_demand * row.load;
            let arrives = 1.0 - self.lost_on_the_way(workload);
            let lingering = || self.flows.lingering.iter().filter(|l| l.workload == workload);
            let targets = self.cluster.workloads[workload].ready + lingering().count() as u32;
            let mut served = 0.0;
            if targets > 0 {
                let each = asked * arrives / f64::from(targets);
                served += lingering().filter(|l| l.answers > self.now).count() as f64 * each.min(capacity);
                let mut next = self.cluster.workloads[workload].first_pod;
                while next != crate::cluster::pod::NO_POD {
                    let pod = PodId(next);
                    let row = self.cluster.pods[pod];
                    next = row.next_sibling;
                    if row.up {
                        let cores = self.cpu_for(pod, each * service.cpu_seconds * 1000.0) / 1000.0;
                        served += each.min(capacity).min(cores / service.cpu_seconds) * self.answered_on(row.node);
                    }
                }
            }
            let flow = &mut self.flows.services[i];
            flow.asked_rate = asked;
            // A rounding error of the division must not look like a loss.
            flow.lost_rate = if served >= asked * (1.0 - 1e-9) { 0.0 } else { asked - served };
        }
    }

    /// CPU (thousandths of a core) a service pod gets when it wants `wanted`.
    fn cpu_for(&mut self, pod: PodId, wanted: f64) -> f64 {
        let row = &self.cluster.pods[pod];
        let Some(node) = row.node else { return 0.0 };
        let spec = &self.spec.workloads[row.workload];
        let wanted = spec.cpu_limit.map_or(wanted, |limit| wanted.min(limit as f64));
        if !self.on(Cause::Contention) {
            return wanted;
        }
        let cores = self.spec.node_shapes[self.cluster.nodes[node].shape].cores as f64;
        let mut wants = std::mem::take(&mut self.flows.wants);
        wants.clear();
        for other in self.cluster.pods_on(node) {
            let row = &self.cluster.pods[other];
            if matches!(row.state, PodState::Running | PodState::Starting) {
                let use_ = if other == pod { wanted } else { self.cpu_use(other) };
                let weight = self.spec.pod_shapes[self.cluster.shape_of(self.spec, other)].requests.cpu.max(2) as f64;
                wants.push((use_, weight, other == pod));
            }
        }
        let share = fair_share(cores, &mut wants);
        self.flows.wants = wants;
        share
    }

    /// CPU a pod wants now: its use at base load, scaled by its share of its workload's load.
    fn cpu_use(&self, pod: PodId) -> f64 {
        let id = self.cluster.pods[pod].workload;
        let (spec, row) = (&self.spec.workloads[id], &self.cluster.workloads[id]);
        let mut wanted = spec.cpu_use as f64;
        if spec.follows_load && row.base > 0 {
            wanted *= row.load * f64::from(row.base) / f64::from(row.ready.max(1));
        }
        spec.cpu_limit.map_or(wanted, |limit| wanted.min(limit as f64))
    }
}

/// Weighted max-min share of `total` for the marked entry: nobody gets more than it wants, what is left over is shared by
/// weight among those that want more.
fn fair_share(total: f64, wants: &mut [(f64, f64, bool)]) -> f64 {
    let sum: f64 = wants.iter().map(|w| w.0).sum();
    if sum <= total {
        return wants.iter().find(|w| w.2).map_or(0.0, |w| w.0);
    }
    // Those that want least for their weight are satisfied first.
    wants.sort_unstable_by(|a, b| (a.0 / a.1).total_cmp(&(b.0 / b.1)));
    let mut left = total;
    let mut weights: f64 = wants.iter().map(|w| w.1).sum();
    for &(want, weight, asked_about) in wants.iter() {
        let gets = want.min(left * weight / weights);
        if asked_about {
            return gets;
        }
        left -= gets;
        weights -= weight;
    }
    0.0
}

#[cfg(test)]
mod tests {
    use super::fair_share;

    #[test]
    fn a_small_request_gets_its_weight_on_a_full_node_and_all_it_wants_elsewhere() {
        // 4 cores: 15 busy pods of 250m that want 1 core each, one DNS pod of 100m that wants 500m.
        let mut wants = vec![(1000.0, 250.0, false); 15];
        wants.push((500.0, 100.0, true));
        let share = fair_share(4000.0, &mut wants);
        assert!((share - 4000.0 * 100.0 / 3850.0).abs() < 1e-9, "{share}");
        assert_eq!(fair_share(16_000.0, &mut wants), 500.0);
    }

    #[test]
    fn what_the_modest_leave_goes_to_the_rest() {
        let mut wants = vec![(100.0, 100.0, false), (2000.0, 100.0, true), (2000.0, 100.0, false)];
        assert!((fair_share(2100.0, &mut wants) - 1000.0).abs() < 1e-9);
    }
}

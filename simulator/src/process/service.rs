//! Services: what is asked of them, what they answer and how fast, what becomes of the rest.
//!
//! Each is a fluid ([`flow`]): between two events demand is a straight line and capacity constant, so that what is asked, served,
//! lost and waiting is exact. Here is what makes the pieces: demand ([`super::demand`]) times noise, caches on nodes and the
//! stampede after an outage; the replicas in rotation ([`capacity`]), what is lost on the way to them ([`gaps`]), clients that
//! ask again once their time-out is over, and containers that do not survive it ([`memory`]). A demand that crosses what
//! can be borne, or tolerated, is an event of its own.
//!
//! Noise (gamma, by the minute) is drawn only while a peak of it could reach what replicas can bear; elsewhere its mean is all
//! that matters. Minutes are numbered from time zero, so that both plans have the same. Its quantiles are those of Wilson and
//! Hilferty. Left out: noise between services that goes together.

mod capacity;
mod flow;
mod gaps;
mod memory;
mod queue;

pub(crate) use flow::Flow;
use gaps::{Gap, Lingering, Mute};
use memory::{BackOff, Filling};

use crate::event::Event;
use crate::outcome::Incident;
use crate::parameters::Knob;
use crate::process::demand::Line;
use crate::random::{Process, standard_normal_quantile};
use crate::settings::Cause;
use crate::sim::Sim;
use crate::spec::Service;
use crate::time::{Duration, Time};
use crate::{NodeId, WorkloadId};

/// Length of a piece of noise.
const MINUTE: u64 = 60_000_000;
/// Standard deviations that noise is taken to reach: one minute in 4,000 of a gamma with a coefficient of variation of 0.2.
const REACH: f64 = 4.0;

/// A loss below this share is looked at less often: what comes back of it is next to nothing.
const SMALL: f64 = 0.01;
/// How many time-outs long a look is then.
const RARELY: u64 = 4;

/// State of all services.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flows {
    pub services: Vec<Flow>,
    states: Vec<State>,
    queued: bool,
    /// Replicas, nodes or what is lost between them have changed.
    changed: bool,
    /// Only what is lost on the way to replicas has.
    gaps_changed: bool,
    /// When something changes that was known before: which replicas answer, and what is lost on the way to them.
    changes: Vec<Time>,
    gap_ends: Vec<Time>,
    lingering: Vec<Lingering>,
    mute: Vec<Mute>,
    gaps: Vec<Gap>,
    filling: Vec<Filling>,
    back_offs: Vec<BackOff>,
    /// (use wanted, weight, is the pod asked about) of the pods of one node.
    wants: Vec<(f64, f64, bool)>,
    /// The share that arrives of what each node asks.
    arriving: Vec<f64>,
}

/// What is known of a service beside its flow.
#[derive(Clone, Copy, Debug)]
struct State {
    /// Share of demand that nodes ask of the replicas.
    cached: f64,
    /// What is asked at base load.
    base: f64,
    /// More is lost than is tolerated.
    lossy: bool,
    /// Since when, and whether that began in a stampede.
    lossy_since: Time,
    in_stampede: bool,
    stampede_until: Time,
    /// Clients ask again more than is tolerated to be lost.
    retrying: bool,
    /// An event is queued for then.
    wake: Time,
}

impl State {
    const NEW: State = State {
        cached: 1.0,
        base: 0.0,
        lossy: false,
        lossy_since: Time::ZERO,
        in_stampede: false,
        stampede_until: Time::ZERO,
        retrying: false,
        wake: Time::NEVER,
    };
}

impl Flows {
    pub fn restart(&mut self, services: &[WorkloadId]) {
        self.queued = false;
        self.changed = true;
        self.changes.clear();
        self.gap_ends.clear();
        self.gaps_changed = false;
        self.lingering.clear();
        self.mute.clear();
        self.gaps.clear();
        self.filling.clear();
        self.back_offs.clear();
        self.services.resize_with(services.len(), Flow::default);
        self.services.iter_mut().zip(services).for_each(|(flow, &workload)| flow.restart(workload));
        self.states.clear();
        self.states.resize(services.len(), State::NEW);
    }

    fn find(&self, workload: WorkloadId) -> Option<usize> {
        self.services.iter().position(|flow| flow.workload == workload)
    }

    /// True while more of what is asked of a workload is lost than is tolerated.
    pub fn is_lossy(&self, workload: WorkloadId) -> bool {
        self.find(workload).is_some_and(|i| self.states[i].lossy)
    }

    /// Brings the totals up to an instant.
    pub fn integrate(&mut self, now: Time) {
        self.services.iter_mut().for_each(|flow| flow.integrate(now));
    }
}

impl Sim<'_> {
    /// Flows must be brought up to date at the end of this instant.
    pub(crate) fn touch_flows(&mut self) {
        self.flows.changed = true;
        if !self.flows.queued && !self.flows.services.is_empty() {
            self.flows.queued = true;
            self.queue.at(self.now, Event::Flow);
        }
    }

    /// They must be at a later instant.
    fn flow_changes_at(&mut self, at: Time) {
        self.flows.changes.push(at);
        self.queue.at(at, Event::Flow);
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

    /// What a replica can serve changes.
    pub(crate) fn set_capacity(&mut self, workload: WorkloadId, factor: f64) {
        self.cluster.workloads[workload].capacity = factor;
        self.tell(Incident::CapacitySet { workload, percent: libm::round(factor * 100.0) as u32 });
        self.touch_flows();
    }

    /// Load of a workload as a multiple of its base: of a service, what it is truly asked.
    pub(crate) fn load_on(&self, workload: WorkloadId) -> f64 {
        match self.flows.find(workload) {
            Some(i) if self.flows.states[i].base > 0.0 => {
                self.flows.services[i].offered(self.now) / self.flows.states[i].base
            }
            _ => self.cluster.workloads[workload].load.at(self.now),
        }
    }

    pub(crate) fn update_flows(&mut self) {
        self.flows.queued = false;
        self.flows.integrate(self.now);
        let now = self.now;
        let known = self.flows.changes.len();
        self.flows.changes.retain(|at| *at > now);
        let changed = std::mem::take(&mut self.flows.changed) || self.flows.changes.len() < known;
        let known = self.flows.gap_ends.len();
        self.flows.gap_ends.retain(|at| *at > now);
        let arrival = changed || std::mem::take(&mut self.flows.gaps_changed) || self.flows.gap_ends.len() < known;
        if arrival {
            self.close_gaps();
        }
        let spec = self.spec;
        for i in 0..self.flows.services.len() {
            // Out of its place, so that the rest of the trial can be asked.
            let mut flow = std::mem::take(&mut self.flows.services[i]);
            let mut state = self.flows.states[i];
            if let Some(service) = &spec.workloads[flow.workload].service {
                if arrival {
                    (state.cached, flow.arrives) = self.asked_and_arriving(flow.workload);
                }
                self.update(&mut flow, &mut state, service, changed);
            }
            self.flows.services[i] = flow;
            self.flows.states[i] = state;
        }
    }

    fn update(&mut self, flow: &mut Flow, state: &mut State, service: &Service, changed: bool) {
        let (now, workload) = (self.now, flow.workload);
        if changed {
            flow.targets = self.collect_members(workload, service, &mut flow.members);
            flow.members_changed(service.queue);
            (flow.idle, flow.timeout) = (service.service_time.as_secs_f64(), service.clients.timeout.as_secs_f64());
        }
        let attempts = self.attempts(service);
        if flow.returns <= now {
            flow.returns = Time::NEVER;
            let period = period(flow.loss(now), service.clients.timeout);
            if flow.come_back(attempts, period) {
                flow.returns = now + period;
                self.queue.at(flow.returns, Event::Flow);
            }
            self.tell_retries(flow, state);
        }
        self.set_demand(flow, state, service);
        self.judge_loss(flow, state, service);
        let loss = flow.loss(now);
        if loss > 0.0 && service.clients.timeout > Duration::ZERO {
            let next = now + period(loss, service.clients.timeout);
            if next < flow.returns {
                flow.hurry(now, next);
                self.queue.at(next, Event::Flow);
            }
        }
        let filled = self.watch_memory(flow);
        self.wake_for(flow, state, filled);
    }

    /// How often a request is asked at the most.
    fn attempts(&self, service: &Service) -> f64 {
        if !self.on(Cause::Retries) {
            return 1.0;
        }
        1.0 + (service.clients.attempts - 1.0).max(0.0) * self.parameters.get(Knob::Retries)
    }

    fn tell_retries(&mut self, flow: &Flow, state: &mut State) {
        let share = flow.retried_share(self.now);
        let retrying = share > self.p.scenario.settings.loss_tolerance;
        if retrying != state.retrying {
            state.retrying = retrying;
            let workload = flow.workload;
            self.tell(if retrying { Incident::RetriesBegan { workload } } else { Incident::RetriesEnded { workload } });
        }
    }

    /// Sets the demand from now on.
    fn set_demand(&mut self, flow: &mut Flow, state: &mut State, service: &Service) {
        let rate = service.rate * service.requests_per_demand * state.cached;
        let load = self.cluster.workloads[flow.workload].load;
        if state.base == 0.0 {
            state.base = rate;
        }
        let mut factor = rate;
        if state.stampede_until > self.now {
            factor *= service.stampede.factor;
        } else if state.stampede_until > Time::ZERO {
            state.stampede_until = Time::ZERO;
            self.tell(Incident::StampedeEnded { workload: flow.workload });
        }
        let now = self.now;
        let line = |factor: f64| Line { from: now, value: load.at(now) * factor, slope: load.slope * factor };
        flow.ask(line(factor));
        let noise = self.p.scenario.settings.demand.noise;
        if noise > 0.0 && self.on(Cause::DemandNoise) && self.noise_matters(flow, noise) {
            let minute = (self.now.0 / MINUTE) as u32;
            let key = self.cluster.workloads[flow.workload].key;
            let u = self.uniform(Process::Noise, key, minute);
            flow.ask(line(factor * gamma_of_mean_one(u, noise)));
            self.wake_flow(state, Time((u64::from(minute) + 1) * MINUTE));
        }
    }

    fn noise_matters(&self, flow: &Flow, noise: f64) -> bool {
        !flow.members.is_empty() && flow.offered(self.now) * (1.0 + REACH * noise) > flow.bearable()
    }

    /// Sees whether more is lost than is tolerated, and what comes after that.
    fn judge_loss(&mut self, flow: &mut Flow, state: &mut State, service: &Service) {
        let now = self.now;
        let lossy = flow.loss(now) > self.p.scenario.settings.loss_tolerance;
        if lossy == state.lossy {
            return;
        }
        state.lossy = lossy;
        self.cluster.stirred.push(flow.workload);
        if lossy {
            state.lossy_since = now;
            state.in_stampede = state.stampede_until > now;
            return;
        }
        let stampede = &service.stampede;
        let follows = stampede.factor > 1.0 && !state.in_stampede && now.since(state.lossy_since) >= stampede.after;
        if follows && !stampede.lasts.is_zero() && self.on(Cause::Stampede) {
            state.stampede_until = now + stampede.lasts;
            self.queue.at(state.stampede_until, Event::Flow);
            let percent = libm::round(stampede.factor * 100.0) as u32;
            self.tell(Incident::StampedeBegan { workload: flow.workload, percent });
            self.set_demand(flow, state, service);
            self.judge_loss(flow, state, service);
        }
    }

    /// Queues the next look at a service whose demand rises or falls, or whose queue fills.
    fn wake_for(&mut self, flow: &Flow, state: &mut State, filled: f64) {
        let now = self.now;
        let mut next = flow.until_full(now);
        if flow.first.slope != 0.0 {
            let tolerable = flow.tolerable(self.p.scenario.settings.loss_tolerance);
            let bearable = flow.bearable();
            let noise = self.p.scenario.settings.demand.noise;
            for mark in [tolerable, bearable, bearable / (1.0 + REACH * noise), filled] {
                next = [next, flow.until(now, mark)].into_iter().flatten().reduce(f64::min);
            }
        }
        if let Some(seconds) = next.filter(|s| *s < 1e9) {
            self.wake_flow(state, Time(now.0 + (libm::ceil(seconds * 1e6) as u64).max(1)));
        }
    }

    /// Queues a look, unless one is that comes no later.
    fn wake_flow(&mut self, state: &mut State, at: Time) {
        if state.wake <= self.now || at < state.wake {
            state.wake = at;
            self.queue.at(at, Event::Flow);
        }
    }
}

/// How long what is lost is gathered before it comes back.
fn period(loss: f64, timeout: Duration) -> Duration {
    if loss < SMALL { Duration(timeout.0 * RARELY) } else { timeout }
}

/// Quantile of a gamma distribution with mean 1 and a coefficient of variation.
fn gamma_of_mean_one(u: f64, variation: f64) -> f64 {
    let ninth = variation * variation / 9.0;
    let root = 1.0 - ninth + standard_normal_quantile(u) * libm::sqrt(ninth);
    if root > 0.0 { root * root * root } else { 0.0 }
}

//! Watches availability while a trial runs and sums up its facts. Memory is sized at the start; no log is kept here.

use crate::event::Event;
use crate::outcome::{Drawn, Incident, Outcome, Series, ServiceSeries, Steps, WorkloadOutcome};
use crate::process::windows::Windows;
use crate::sim::Sim;
use crate::spec::Role;
use crate::time::{Duration, Time};
use crate::{NodeId, WorkloadId};

/// What is watched.
#[derive(Clone, Debug, Default)]
pub(crate) struct Observer {
    watches: Vec<Watch>,
    /// Those to look at after an event.
    look: Vec<usize>,
    /// Windows of vulnerability of each, where they are recorded.
    windows: Vec<Windows>,
    series: Series,
    step: u32,
    /// Asked and lost DNS requests at the last sample.
    dns: (f64, f64),
    /// Asked, lost, served and waited of each watched service at the last sample.
    sampled: Vec<[f64; 4]>,
}

/// One watched workload.
#[derive(Clone, Debug)]
struct Watch {
    workload: WorkloadId,
    minimum: u32,
    up: u32,
    out_since: Option<Time>,
    below_since: Option<Time>,
    fewest_in_step: u32,
    facts: WorkloadOutcome,
}

impl Sim<'_> {
    pub(crate) fn start_observing(&mut self) {
        self.observer.watches.clear();
        for &workload in &self.p.watched {
            let up = self.serving(workload);
            self.observer.watches.push(Watch {
                workload,
                minimum: self.spec.workloads[workload].minimum.unwrap_or(0),
                up: u32::MAX,
                out_since: None,
                below_since: None,
                fewest_in_step: up,
                facts: WorkloadOutcome { fewest: up, ..WorkloadOutcome::default() },
            });
        }
        let observer = &mut self.observer;
        observer.series = Series::default();
        observer.step = 0;
        observer.dns = (0.0, 0.0);
        observer.sampled.clear();
        let recorded = if self.p.scenario.settings.windows { observer.watches.len() } else { 0 };
        observer.windows.resize_with(recorded, Windows::default);
        observer.windows.iter_mut().for_each(Windows::clear);
        let steps = self.p.samples;
        if steps > 0 {
            observer.series.up = vec![Steps::default(); observer.watches.len()];
            observer.sampled.resize(observer.watches.len(), [0.0; 4]);
            let watched = observer.watches.iter().enumerate();
            let serving = watched.filter(|(_, watch)| self.spec.workloads[watch.workload].service.is_some());
            let room = || Vec::with_capacity(steps as usize);
            let series = serving.map(|(watched, _)| ServiceSeries { watched, loss: room(), latency: room() });
            observer.series.services = series.collect();
            self.queue_sample();
        }
        self.cluster.stirred.clear();
        self.observer.look.extend(0..self.p.watched.len());
        self.take_note();
    }

    /// Takes note of what the last event changed.
    pub(crate) fn observe(&mut self) {
        if !self.cluster.stirred.is_empty() {
            let look = &mut self.observer.look;
            // Watched workloads come in the order of their ids.
            look.extend(self.cluster.stirred.drain(..).filter_map(|w| self.p.watched.binary_search(&w).ok()));
            look.sort_unstable();
            look.dedup();
            self.take_note();
        }
        #[cfg(test)]
        self.check_watches();
    }

    /// Nothing has changed unnoticed.
    #[cfg(test)]
    fn check_watches(&self) {
        for watch in &self.observer.watches {
            let lossy =
                self.flows.services.iter().any(|f| f.workload == watch.workload) && self.flows.is_lossy(watch.workload);
            let up = self.serving(watch.workload);
            assert_eq!((watch.up, watch.out_since.is_some()), (up, up < watch.minimum || lossy), "{watch:?}");
        }
    }

    fn take_note(&mut self) {
        let look = std::mem::take(&mut self.observer.look);
        for &i in &look {
            let workload = self.observer.watches[i].workload;
            let up = self.serving(workload);
            let watch = &self.observer.watches[i];
            let lossy = self.spec.workloads[workload].service.is_some() && self.flows.is_lossy(workload);
            let (below, out) = (up < watch.minimum, up < watch.minimum || lossy);
            if watch.up == up && watch.below_since.is_some() == below && watch.out_since.is_some() == out {
                continue;
            }
            let now = self.now;
            if watch.up != up && i < self.observer.windows.len() {
                let mut windows = std::mem::take(&mut self.observer.windows[i]);
                self.windows_follow(&mut windows, workload, self.observer.watches[i].minimum);
                self.observer.windows[i] = windows;
            }
            let watch = &mut self.observer.watches[i];
            watch.up = up;
            watch.facts.fewest = watch.facts.fewest.min(up);
            watch.fewest_in_step = watch.fewest_in_step.min(up);
            if let Some(since) = turn(&mut watch.below_since, below, now) {
                watch.facts.below += since;
            }
            let was_out = watch.out_since.is_some();
            let over = turn(&mut watch.out_since, out, now);
            if let Some(lasted) = over {
                self.outage_over(i, lasted);
                self.tell(Incident::OutageEnded { workload, lasted });
            } else if out && !was_out {
                self.tell(Incident::OutageBegan { workload, up });
            }
        }
        self.observer.look = look;
        self.observer.look.clear();
    }

    fn outage_over(&mut self, i: usize, lasted: Duration) {
        let threshold = self.p.scenario.settings.outage_threshold;
        let began = self.now - lasted;
        let facts = &mut self.observer.watches[i].facts;
        facts.out += lasted;
        facts.longest = facts.longest.max(lasted);
        if lasted > threshold {
            facts.outages += 1;
            facts.first.get_or_insert(began);
        }
    }

    fn queue_sample(&mut self) {
        let steps = u64::from(self.p.samples);
        let next = u64::from(self.observer.step) + 1;
        if next <= steps {
            // The product fits: a horizon is far below 2^50 µs and steps below 2^13.
            let at = self.p.scenario.horizon.0 * next / steps;
            self.queue.at(Time(at), Event::Sample);
        }
    }

    /// One step of the recorded series.
    pub(crate) fn sample(&mut self) {
        let (mut cpu, mut memory) = (0, 0);
        for id in self.cluster.nodes.ids() {
            let (c, m) = self.free_on_system_node(id);
            cpu += c;
            memory += m;
        }
        self.flows.integrate(self.now);
        let dns = self.flows.services.iter().filter(|f| self.spec.workloads[f.workload].role == Role::Dns);
        let (asked, lost) = dns.fold((0.0, 0.0), |(a, l), f| (a + f.asked, l + f.lost));
        let observer = &mut self.observer;
        let (asked_now, lost_now) = (asked - observer.dns.0, lost - observer.dns.1);
        observer.dns = (asked, lost);
        let series = &mut observer.series;
        series.dns_loss.push(if asked_now > 0.0 { (lost_now / asked_now) as f32 } else { 0.0 });
        series.system_free_cpu.push(cpu);
        series.system_free_memory.push(memory);
        for (watch, row) in observer.watches.iter_mut().zip(&mut series.up) {
            row.push(watch.fewest_in_step.min(u32::from(u16::MAX)) as u16);
            watch.fewest_in_step = watch.up;
        }
        self.sample_services();
        self.observer.step += 1;
        self.queue_sample();
    }

    fn sample_services(&mut self) {
        let observer = &mut self.observer;
        for series in &mut observer.series.services {
            let workload = observer.watches[series.watched].workload;
            let Some(flow) = self.flows.services.iter().find(|f| f.workload == workload) else { continue };
            let now = [flow.asked, flow.lost, flow.facts.served, flow.facts.waited];
            let before = std::mem::replace(&mut observer.sampled[series.watched], now);
            let of = |part: usize, whole: usize| {
                let whole = now[whole] - before[whole];
                if whole > 0.0 { ((now[part] - before[part]) / whole) as f32 } else { 0.0 }
            };
            series.loss.push(of(1, 0));
            series.latency.push(of(3, 2));
        }
    }

    /// Free requests on a schedulable node of a system pool.
    fn free_on_system_node(&self, id: NodeId) -> (i64, i64) {
        let node = &self.cluster.nodes[id];
        if !self.is_system(node.pool) || !node.seems_ready() || node.cordoned {
            return (0, 0);
        }
        let room = &self.spec.node_shapes[node.shape].allocatable;
        ((room.cpu - node.used.cpu).max(0), (room.memory - node.used.memory).max(0))
    }

    /// True while no watched workload is out or short of pods and no operation is under way. What was so from the start does
    /// not count: a pod that finds no place today finds none by waiting.
    pub(crate) fn settled(&self) -> bool {
        let well = |watch: &Watch| {
            let row = &self.cluster.workloads[watch.workload];
            let wanted = row.desired.min(self.p.initial.workloads[watch.workload].up);
            watch.out_since.is_none_or(|since| since == Time::ZERO) && row.up >= wanted
        };
        let over = |run: &crate::process::operation::Run| run.started.is_none() || run.ended.is_some();
        self.observer.watches.iter().all(well) && self.operations.iter().all(over)
    }

    /// Sums up at the end. An outage that is cut off counts as far as it went (METHODS: "only if it had already passed
    /// the threshold").
    pub(crate) fn finish(&mut self) -> Outcome {
        let settled = self.settled();
        self.flows.integrate(self.now);
        for i in 0..self.observer.watches.len() {
            let now = self.now;
            let watch = &mut self.observer.watches[i];
            if let Some(since) = watch.below_since.take() {
                watch.facts.below += now.since(since);
            }
            if let Some(since) = watch.out_since.take() {
                self.outage_over(i, now.since(since));
            }
        }
        for i in 0..self.observer.windows.len() {
            let mut windows = std::mem::take(&mut self.observer.windows[i]);
            self.windows_end(&mut windows);
            self.observer.watches[i].facts.exposed = windows.exposed;
            self.observer.windows[i] = windows;
        }
        let flows = &self.flows.services;
        let workloads = self.observer.watches.iter().map(|watch| {
            let flow = flows.iter().find(|f| f.workload == watch.workload);
            let (asked, lost) = flow.map_or((0.0, 0.0), |f| (f.asked, f.lost));
            let service = flow.map(|f| Box::new(f.sum_up()));
            WorkloadOutcome { asked, lost, service, at_end: watch.up, ..watch.facts }
        });
        Outcome {
            workloads: workloads.collect(),
            operations: self.operation_outcomes(),
            counts: self.counts,
            functions: self.functions_missed(),
            end: self.now,
            settled,
            drawn: Drawn {
                certain: self.streams.untouched() && !self.p.doubtful,
                weight: self.bias.map_or(self.drawn.weight, |bias| bias.weight()),
                ..self.drawn
            },
            series: (self.p.samples > 0).then(|| std::mem::take(&mut self.observer.series)),
        }
    }
}

/// Starts or ends a period; the length of one that ends.
fn turn(since: &mut Option<Time>, on: bool, now: Time) -> Option<Duration> {
    match (*since, on) {
        (None, true) => {
            *since = Some(now);
            None
        }
        (Some(began), false) => {
            *since = None;
            Some(now.since(began))
        }
        _ => None,
    }
}

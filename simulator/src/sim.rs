//! One trial in progress: its state, its loop and the one `match` over everything that can happen.

use crate::cluster::Cluster;
use crate::cluster::budget::Budgets;
use crate::cluster::node::NodeState;
use crate::contingency::Contingencies;
use crate::event::Event;
use crate::outcome::{Counts, Drawn, Entry, Incident, NodeIdentity, Outcome, Trace};
use crate::parameters::Parameters;
use crate::process::autoscaler::Autoscaler;
use crate::process::bias::Bias;
use crate::process::controllers::Missing;
use crate::process::demand::{Burst, Line};
use crate::process::drain::Drain;
use crate::process::foretold::Foretold;
use crate::process::functions::{Carriers, Standing};
use crate::process::looks::Looks;
use crate::process::node_eviction::Tainting;
use crate::process::observe::Observer;
use crate::process::operation::Run;
use crate::process::provisioner::Provisioning;
use crate::process::repair::Crews;
use crate::process::scheduling::Scheduling;
use crate::process::service::Flows;
use crate::process::spot::Pressure;
use crate::process::webhook::Hold;
use crate::queue::EventQueue;
use crate::random::{Dist, Process, Streams};
use crate::scenario::Scenario;
use crate::scheduler::{Compat, Summary};
use crate::settings::{Cause, Off};
use crate::spec::{ClusterSpec, Scaling, WorkloadKind};
use crate::strata::Strata;
use crate::time::{Duration, Time};
use crate::{Column, DrainId, NodeId, WorkloadId};

/// What is computed once for all trials of a scenario.
pub(crate) struct Prepared<'a> {
    pub scenario: &'a Scenario,
    pub spec: &'a ClusterSpec,
    pub initial: Cluster,
    pub budgets: Budgets,
    pub compat: Compat,
    pub watched: Vec<WorkloadId>,
    pub daemons: Vec<WorkloadId>,
    /// Pods may use more memory than they ask for.
    pub memory_matters: bool,
    /// Registered nodes on which a DaemonSet has no pod at the start.
    pub missing_daemons: Vec<(WorkloadId, NodeId)>,
    pub services: Vec<WorkloadId>,
    /// Who carries the functions of the cluster, and who is asked before pods are made.
    pub carriers: Carriers,
    /// New nodes wait for somebody to initialise them.
    pub initialised: bool,
    /// DaemonSets that are CSI drivers.
    pub drivers: Vec<(WorkloadId, &'a str)>,
    /// Some nodes have a cache for cluster DNS.
    pub caches: bool,
    pub sized: Vec<WorkloadId>,
    pub off: Off,
    pub strata: Option<Strata>,
    /// Something that is not known well acts without a draw.
    pub doubtful: bool,
    /// Samples that a trial takes for its charts.
    pub samples: u32,
}

impl<'a> Prepared<'a> {
    pub fn new(scenario: &'a Scenario) -> Prepared<'a> {
        Prepared::without(scenario, &[])
    }

    /// With causes switched off beside those of the settings; strata are dealt as if they were on, so that the futures are
    /// the same but for them.
    pub fn without(scenario: &'a Scenario, causes: &[Cause]) -> Prepared<'a> {
        let spec = &scenario.cluster;
        let with = |test: &dyn Fn(&crate::spec::WorkloadSpec) -> bool| {
            spec.workloads.iter().filter(|(_, w)| test(w)).map(|(id, _)| id).collect::<Vec<_>>()
        };
        let off = Off::new(&[&scenario.settings.off[..], causes].concat());
        let compat = if off.has(Cause::Capacity) { Compat::new(&roomy(spec)) } else { Compat::new(spec) };
        let mut initial = Cluster::new(spec, &compat);
        if off.has(Cause::Quota) {
            initial.lift_limits();
        }
        let services = with(&|w| w.service.is_some());
        for pod in initial.pods.ids() {
            let row = initial.pods[pod];
            if let Some(node) = row.node
                && spec.workloads[row.workload].service.is_some()
            {
                initial.nodes[node].serving += 1;
            }
        }
        let daemons = with(&|w| w.kind == WorkloadKind::DaemonSet);
        let initialises = |&w: &WorkloadId| spec.workloads[w].duty.initialises_nodes;
        let driver = |&w: &WorkloadId| Some((w, spec.workloads[w].duty.driver.as_deref()?));
        Prepared {
            carriers: Carriers::new(spec, off.has(Cause::Webhooks)),
            initialised: daemons.iter().any(initialises) && !off.has(Cause::NodeInitialisation),
            drivers: daemons.iter().filter_map(driver).collect(),
            scenario,
            spec,
            budgets: Budgets::new(spec),
            compat,
            watched: scenario.watched(),
            memory_matters: crate::process::pressure::may_arise(spec),
            missing_daemons: missing_daemons(spec, &initial),
            initial,
            sized: with(&|w| matches!(w.scaling, Some(Scaling::Sized { .. }))),
            daemons,
            services,
            caches: spec.pools.rows().iter().any(|pool| pool.local_cache.is_some()),
            off,
            strata: Strata::of(scenario),
            doubtful: scenario.beliefs.iter().any(|belief| belief.knob.acts_alone()),
            samples: scenario.settings.series_steps,
        }
    }

    /// For trials whose charts nobody draws.
    pub fn without_samples(self) -> Prepared<'a> {
        Prepared { samples: 0, ..self }
    }
}

impl Prepared<'_> {
    /// The end of what may begin in a trial.
    pub fn horizon(&self) -> Time {
        Time::ZERO + self.scenario.horizon
    }

    /// The latest end of a trial.
    pub fn latest(&self) -> Time {
        if self.off.has(Cause::Aftermath) { self.horizon() } else { Time::ZERO + self.scenario.longest() }
    }
}

fn missing_daemons(spec: &ClusterSpec, cluster: &Cluster) -> Vec<(WorkloadId, NodeId)> {
    let mut missing = Vec::new();
    for (workload, _) in spec.workloads.iter().filter(|(_, w)| w.kind == WorkloadKind::DaemonSet) {
        let mut there = vec![false; cluster.nodes.len()];
        cluster.pods_of(workload).filter_map(|p| cluster.pods[p].node).for_each(|node| there[node.0 as usize] = true);
        let without = cluster.nodes.ids().filter(|node| !there[node.0 as usize]);
        missing.extend(without.map(|node| (workload, node)));
    }
    missing
}

/// The same cluster with nodes that hold any number of pods. What a node does not have at all it still lacks.
fn roomy(spec: &ClusterSpec) -> ClusterSpec {
    const PLENTY: i64 = 1 << 50;
    let mut roomy = spec.clone();
    for shape in roomy.node_shapes.rows_mut() {
        let has = &mut shape.allocatable;
        (has.cpu, has.memory, has.ephemeral, has.pods, has.disks) = (PLENTY, PLENTY, PLENTY, PLENTY, PLENTY);
        has.extended.iter_mut().filter(|amount| **amount > 0).for_each(|amount| *amount = PLENTY);
    }
    roomy
}

/// Where the values of what is not known well come from.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// From the beliefs of the scenario, by seed and trial: those they were drawn for last.
    Beliefs { drawn: Option<(u64, u32)> },
    /// They were given; the strata as they are with these rates.
    Point(Option<Strata>),
}

/// One trial in progress. Kept between trials for its room.
pub(crate) struct Sim<'a> {
    pub p: &'a Prepared<'a>,
    pub spec: &'a ClusterSpec,
    pub now: Time,
    pub streams: Streams,
    /// The trial's values of what is not known well.
    pub parameters: Parameters,
    pub source: Source,
    pub queue: EventQueue,
    pub cluster: Cluster,
    pub scheduling: Scheduling,
    /// Pods that their owners will make when their turn has come.
    pub missing: Vec<Missing>,
    /// A rollout makes and deletes pods.
    pub rolling: bool,
    pub drains: Column<DrainId, Drain>,
    pub operations: Vec<Run>,
    pub bursts: Vec<Burst>,
    /// Shape of day and week now, as a multiple of that of time zero.
    pub season: Line,
    pub crews: Crews,
    pub tainting: Tainting,
    pub spot: Vec<Pressure>,
    pub autoscaler: Autoscaler,
    pub provisioning: Provisioning,
    pub flows: Flows,
    pub observer: Observer,
    pub counts: Counts,
    /// Which functions of the cluster are there.
    pub standing: Standing,
    /// Pods that are not let be made.
    pub holds: Vec<Hold>,
    /// Requests to webhooks whose answer was drawn.
    pub asked: u32,
    pub foretold: Foretold,
    pub bias: Option<Bias>,
    /// What the trial counts.
    pub drawn: Drawn,
    pub log: Option<Vec<Entry>>,
    /// By line of the log that says that a pod finds no node: why not.
    pub refusals: Vec<(usize, Summary)>,
    /// What the trial meets, where that is asked for.
    pub contingencies: Option<Contingencies>,
    pub horizontal_queued: bool,
    pub proportional_queued: bool,
    pub sizing: Option<Looks>,
}

impl<'a> Sim<'a> {
    pub fn new(p: &'a Prepared<'a>) -> Sim<'a> {
        Sim {
            p,
            spec: p.spec,
            now: Time::ZERO,
            streams: Streams::new(0, 0),
            parameters: Parameters::stated(&p.scenario.settings),
            source: Source::Beliefs { drawn: None },
            queue: EventQueue::default(),
            cluster: Cluster::default(),
            scheduling: Scheduling::default(),
            missing: Vec::new(),
            rolling: false,
            drains: Column::default(),
            operations: Vec::new(),
            bursts: Vec::new(),
            season: Line::flat(1.0),
            crews: Crews::default(),
            tainting: Tainting::default(),
            spot: Vec::new(),
            autoscaler: Autoscaler::default(),
            provisioning: Provisioning::default(),
            flows: Flows::default(),
            observer: Observer::default(),
            counts: Counts::default(),
            standing: Standing::default(),
            holds: Vec::new(),
            asked: 0,
            foretold: Foretold::default(),
            bias: None,
            drawn: Drawn::default(),
            log: None,
            refusals: Vec::new(),
            contingencies: None,
            horizontal_queued: false,
            proportional_queued: false,
            sizing: None,
        }
    }

    /// Runs one trial up to a time, with the planned changes or without.
    pub fn run(&mut self, seed: u64, trial: u32, with_changes: bool, until: Time) -> Outcome {
        self.restart(seed, trial, with_changes);
        self.advance(until);
        self.finish()
    }

    /// Goes on up to a time.
    pub fn advance(&mut self, until: Time) {
        while let Some((now, event)) = self.queue.next(until) {
            debug_assert!(now >= self.now, "time does not run backwards");
            self.now = now;
            self.counts.events += 1;
            self.handle(event);
            self.observe();
            #[cfg(test)]
            {
                crate::cluster::check::check(self.spec, &self.cluster);
                self.check_owners();
                self.flows.services.iter().for_each(crate::process::service::Flow::check);
            }
        }
        #[cfg(test)]
        self.check_waits();
        self.now = until;
    }

    /// Takes one point of the beliefs for all trials to come.
    pub fn fix_parameters(&mut self, point: &[f64]) {
        let scenario = self.p.scenario;
        self.parameters = Parameters::at(&scenario.settings, &scenario.beliefs, point);
        self.source = Source::Point(self.p.strata.as_ref().map(|strata| strata.at(&self.parameters)));
    }

    /// Takes over what another has drawn for a trial, of the same scenario.
    pub fn share_parameters(&mut self, other: &Sim<'_>) {
        (self.parameters, self.source) = (other.parameters, other.source.clone());
    }

    /// Draws the trial's values; both plans of a trial have the same.
    fn draw_parameters(&mut self, seed: u64, trial: u32) {
        let scenario = self.p.scenario;
        if let Source::Beliefs { drawn } = &mut self.source
            && !scenario.beliefs.is_empty()
            && drawn.replace((seed, trial)) != Some((seed, trial))
        {
            self.parameters = Parameters::drawn(&scenario.settings, &scenario.beliefs, seed, trial);
        }
    }

    /// Begins a trial, with the planned changes or without.
    pub fn restart(&mut self, seed: u64, trial: u32, with_changes: bool) {
        self.now = Time::ZERO;
        self.streams = Streams::new(seed, trial);
        self.draw_parameters(seed, trial);
        self.queue.clear(self.p.horizon(), self.p.latest());
        self.cluster.copy_from(&self.p.initial);
        self.scheduling.clear();
        self.missing.clear();
        self.drains.clear();
        self.operations.clear();
        self.bursts.clear();
        self.crews.clear();
        self.flows.restart(&self.p.services);
        self.counts = Counts::default();
        self.holds.clear();
        self.asked = 0;
        self.horizontal_queued = false;
        self.proportional_queued = false;
        if let Some(log) = &mut self.log {
            log.clear();
        }
        self.refusals.clear();
        let scenario = self.p.scenario;
        for (i, scripted) in scenario.script.iter().enumerate() {
            self.queue.at(scripted.at, Event::Scripted(i as u32));
        }
        if with_changes {
            for (i, planned) in scenario.changes.iter().enumerate() {
                self.operations.push(Run::new());
                self.queue.at(planned.at, Event::OperationStarts(i as u32));
            }
        }
        self.bias = Bias::of(scenario.settings.failure_factor, seed, trial);
        self.foretell(seed, trial);
        self.start_autoscaler();
        self.start_provisioning();
        self.start_tainting();
        self.start_failures();
        self.start_spot();
        self.start_demand();
        self.start_sizing();
        self.start_functions();
        self.start_pods();
        self.start_owners();
        self.memory_follows_load();
        self.start_observing();
        self.touch_flows();
    }

    /// Pods of the snapshot that are on their way: pending ones are tried at once, unready ones go on starting.
    fn start_pods(&mut self) {
        for pod in self.cluster.pods.ids() {
            match (self.cluster.pods[pod].state, self.cluster.pods[pod].node) {
                (crate::cluster::pod::PodState::Pending, _) => self.enqueue(pod),
                (crate::cluster::pod::PodState::Starting, Some(node))
                    if self.cluster.nodes[node].state == NodeState::Ready =>
                {
                    self.start_pod(pod, true)
                }
                _ => {}
            }
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::NodeFails { node, n } => self.node_fails(node, n),
            Event::ZoneFails { zone, n } => self.zone_fails(zone, n),
            Event::NodeTroubled { node, trouble, n } => self.node_troubled(node, trouble, n),
            Event::GreyEnds { node } => self.grey_ends(node),
            Event::Shock { shock, of, n } => self.shock(shock, of, n),
            Event::NodeHit { node, shock, n } => self.node_hit(node, shock, n),
            Event::ScriptedHit { node, line } => self.scripted_hit(node, line),
            Event::RepairLooks { node, epoch } => self.repair_looks(node, epoch),
            Event::RepairEnds { node, epoch } => self.repair_ends(node, epoch),
            Event::CrewDone { node, epoch } => self.crew_done(node, epoch),
            Event::SpotWindow { pool, n } => self.spot_window(pool, n),
            Event::SpotNotice { node } => self.spot_notice(node),
            Event::SpotReclaims { node } => self.spot_reclaims(node),
            Event::TaintNext { zone } => self.taint_turn(zone),
            Event::Scripted(i) => self.scripted(i),
            Event::NodeNoticed { node, epoch } => self.node_noticed(node, epoch),
            Event::NodeRecovers { node, epoch } => self.node_recovers(node, epoch),
            Event::NodeJoins { node, epoch } => self.node_joins(node, epoch),
            Event::NodeNeverJoins { node, epoch, refused } => self.node_never_joins(node, epoch, refused),
            Event::PodReady { pod, epoch } => self.pod_ready(pod, epoch),
            Event::PodExits { pod, epoch } => self.pod_exits(pod, epoch),
            Event::PodSucceeds { pod, epoch } => self.pod_succeeds(pod, epoch),
            Event::JobReplaces(workload) => self.job_replaces(workload),
            Event::CreationRetries { workload, number } => self.creation_retries(workload, number),
            Event::TunnelConnects { pod, epoch } => self.tunnel_connects(pod, epoch),
            Event::KubeletLooks(node) => self.kubelet_looks(node),
            Event::TolerationOver { pod, epoch } => self.toleration_over(pod, epoch),
            Event::ContainerFull { pod, epoch } => self.container_full(pod, epoch),
            Event::ContainerStarts { pod, epoch } => self.container_starts(pod, epoch),
            Event::SeasonTurns => self.season_turns(),
            Event::BurstBegins { n } => self.burst_begins(n),
            Event::BurstStep { burst, step } => self.burst_step(burst, step),
            Event::HorizontalSync => self.horizontal_sync(),
            Event::ProportionalSync => self.proportional_sync(),
            Event::SizingSync => self.sizing_sync(),
            Event::OperationStarts(operation) => self.operation_starts(operation),
            Event::OperationGoesOn { operation, stage } => self.operation_goes_on(operation, stage),
            Event::DrainRetries(drain) => self.drain_retries(drain),
            Event::DrainTimesOut(drain) => self.drain_times_out(drain),
            Event::SoakOver { operation, node } => self.soak_over(operation, node),
            Event::AutoscalerScans => self.autoscaler_scans(),
            Event::AutoscalerDeletes { node, number } => self.autoscaler_deletes(node, number),
            Event::ProvisionerBatch => self.provisioner_batch(),
            Event::ProvisionerLooks => self.provisioner_looks(),
            Event::ProvisionerDecides => self.provisioner_decides(),
            Event::ProvisionerDeletes { node } => self.provisioner_deletes(node),
            Event::NodeExpires { node, epoch } => self.node_expires(node, epoch),
            Event::Schedule => self.schedule(),
            Event::FlushUnschedulable => self.flush_unschedulable(),
            Event::Flow => self.update_flows(),
            Event::Sample => self.sample(),
        }
    }

    /// Draws a duration; its median where the spread of the process is switched off.
    pub fn draw(&self, dist: &Dist, process: Process, entity: u64, n: u32) -> Duration {
        match *dist {
            Dist::Constant(d) => d,
            _ if self.p.off.fixes(process) => dist.median(),
            _ => self.parameters.scale(process, dist.quantile(self.streams.uniform(process, entity, n))),
        }
    }

    /// Draws a uniform variate; one half where the spread of the process is switched off.
    pub fn uniform(&self, process: Process, entity: u64, n: u32) -> f64 {
        self.p.off.uniform(&self.streams, process, entity, n)
    }

    /// True where a cause is active.
    pub fn on(&self, cause: Cause) -> bool {
        !self.p.off.has(cause)
    }

    /// The trial that has been run with its log, which is handed over.
    pub fn traced(&mut self, outcome: Outcome) -> Trace {
        let nodes = self.cluster.nodes.iter().map(|(id, node)| {
            debug_assert!(node.state != NodeState::Gone || node.drain.is_none());
            NodeIdentity { pool: node.pool, ordinal: node.ordinal, name: self.cluster.names[id].clone() }
        });
        Trace {
            outcome,
            nodes: nodes.collect(),
            log: self.log.take().unwrap_or_default(),
            refusals: std::mem::take(&mut self.refusals),
        }
    }

    /// Writes a line of the trial's log, where one is kept.
    pub fn tell(&mut self, what: Incident) {
        if let Some(log) = &mut self.log {
            log.push(Entry { at: self.now, what });
        }
    }
}

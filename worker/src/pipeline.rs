//! The path of one message: bytes to changes, each change with its snapshot to a scenario, simulated, judged, drawn.
//!
//! Synchronous and without side effects but reading snapshots: the worker runs it on a blocking thread, `score` as it is.

pub mod grid;
mod identity;
mod inputs;
mod intake;
mod plans;
mod record;
mod study;
mod until;

use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use reports::backtest::history::Prediction;
use reports::estimate::{Est, Sampling};
use reports::explain::{Explained, Plan};
use reports::forecast::Forecast;
use reports::input::{ChangeInfo, ClusterInfo, Inputs, Lived, PlansInfo};
use reports::report::Level;
use reports::score::{self, BUDGET_DAYS};
use reports::stood::Stood;
use reports::stopping::{Headline, Stop};
use reports::uncertainty::Study;
use reports::weighted::Weighted;
use reports::{Judged, Report};
use scenarios::change::ChangeSettings;
use scenarios::snapshot::Snapshot;
use scenarios::{Change, Complaint, Complaints, Loaded};
use serde::Serialize;
use simulator::{Pair, Runs};

use crate::job::JobError;
use crate::publish::Bundle;

pub use identity::{Identity, digest};
pub use inputs::{learnable, learned_numbers};
pub use intake::{Task, decode, inline_snapshot, snapshot_of, task};
pub use plans::again as plan_again;
pub use record::RunRecord;
use until::Until;

/// Version of the engine, part of every report's id.
pub const ENGINE: &str = concat!("poolproof ", env!("CARGO_PKG_VERSION"));
/// Most paired trials where nobody says otherwise: as many as a few seconds allow on two cores, since what a trial costs
/// grows with the pods of the cluster (measured: about 5 ms a pair for the rolling upgrade of 1,000 pods on 50 nodes).
const BUDGET: std::ops::RangeInclusive<u32> = 1000..=16_000;
/// Pods times trials where nobody says otherwise.
const PODS_TIMES_TRIALS: usize = 1_000_000;
/// So many times as much for a thorough answer.
const THOROUGH: u32 = 4;
/// Trials between two glances at what is known so far.
const GLANCE: usize = 256;
/// Trials whose course over time is kept for the bands of the charts: more would take memory (up to 20 KB each) and draw the same.
const DRAWN: usize = 4096;
/// Fewest trials of an answer with a band: with fewer a look was wanted, not an answer.
const LEAST: u32 = 1000;
/// Paired trials of a quick look: a probability of 0.5 is known to about 7 points either way.
pub const QUICK_TRIALS: u32 = 200;
/// Paired trials from which they are dealt to strata by the number of failures: below, some strata would have none.
pub const STRATIFIED: u32 = 200;
/// Most paired trials of one change.
pub const MAX_TRIALS: u32 = 100_000;
/// Most results that are kept of one change, trials times watched workloads: 1.0 to 1.4 GB (OPERATING.md, "Limits").
pub const MOST_RESULTS: u64 = 4_000_000;
/// Root seed where nobody says otherwise.
pub const SEED: u64 = 1;
/// Service level objective where nobody says otherwise: 99.9 %, about 43 minutes in 30 days.
const SLO: f64 = 0.999;

/// File of a report that says what its id is a digest of.
pub const IDENTITY: &str = "identity.json";
/// File of a report with the snapshot that came with the message.
pub const SNAPSHOT: &str = "snapshot.json";

/// How to estimate.
#[derive(Clone, Debug, Default)]
pub struct Estimate {
    /// Settings that win over the message's.
    pub overrides: ChangeSettings,
    /// Threads of the simulation; 0 for one per core.
    pub threads: usize,
    /// How long one change may be simulated.
    pub limit: Option<Duration>,
    /// Leave out how far the answer moves with what is not known well.
    pub no_band: bool,
    /// Take out what is to be held against what comes ([`Scored::prediction`]).
    pub foretell: bool,
}

/// What watches a run from outside.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    /// Becomes true where the run should end early.
    pub stop: &'a AtomicBool,
    /// Called with the number of finished trials, from any thread.
    pub progress: &'a (dyn Fn(u32) + Sync),
    /// Called with what is known so far, every few trials.
    pub glance: &'a dyn Fn(&Glance),
    /// Called with the report as it is before other plans are looked for.
    pub judged: &'a dyn Fn(&Report),
    /// Other hands, where there are any.
    pub aid: Option<&'a dyn Aid>,
}

/// Other hands for the plans that a search has picked.
pub trait Aid {
    /// Asks for these plans, with so many trials of so many pods each.
    ///
    /// # Errors
    /// It cannot be asked for at the moment.
    fn share(&self, plans: &[usize], trials: u32, pods: usize) -> Result<(), JobError>;

    /// What a plan came to, where somebody knows.
    ///
    /// # Errors
    /// Nobody can be asked at the moment, or somebody found that it cannot be done.
    fn found(&self, plan: usize) -> Result<Option<Stood>, JobError>;

    /// Tells what a plan came to.
    ///
    /// # Errors
    /// It cannot be told at the moment.
    fn keep(&self, plan: usize, stood: &Stood) -> Result<(), JobError>;
}

/// Who does not care for what is judged on the way.
pub fn no_report(_: &Report) {}

/// Who does not care for what is known on the way.
pub fn no_glance(_: &Glance) {}

/// What is known before all trials are done.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Glance {
    /// Always true: more is to come.
    pub partial: bool,
    /// Paired trials so far.
    pub trials: usize,
    /// Score so far.
    pub score: f64,
    /// Score at the lower limit of the added loss.
    pub score_low: f64,
    /// Score at the upper limit.
    pub score_high: f64,
    /// Level of the score so far.
    pub level: Level,
    /// Whether both limits lie within that level.
    pub decided: bool,
    /// Probability of an outage with the change.
    pub outage: Est,
}

impl Glance {
    fn of(headline: &Headline, trials: usize) -> Glance {
        let minutes = headline.minutes();
        let (score, score_low, score_high) = score::scored(minutes);
        Glance {
            partial: true,
            trials,
            score,
            score_low,
            score_high,
            level: score::level(score),
            decided: score::decided(minutes),
            outage: headline.proposal(),
        }
    }
}

/// Something that is ready to be simulated.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// Id of the report to come.
    pub id: String,
    /// What is done, as the report shows it.
    pub change: ChangeInfo,
    /// Most trials to run.
    pub trials: u32,
    /// What decides their number.
    pub sampling: Sampling,
    /// Root seed.
    pub seed: u64,
    cluster: ClusterInfo,
    /// How far its operation has come, where it has begun.
    lived: Option<Lived>,
    loaded: Loaded,
    identity: Identity,
    /// Where the snapshot was read from.
    snapshot: Option<String>,
    /// The snapshot itself, where it came with the message.
    carried: Option<Vec<u8>>,
    /// What the search for safer plans needs.
    sources: plans::Sources,
    took: Duration,
}

/// A scored change.
#[derive(Clone, Debug)]
pub struct Scored {
    /// What is to be said of it.
    pub report: Report,
    /// The same as files.
    pub bundle: Bundle,
    /// How it came about.
    pub record: RunRecord,
    /// What it foretells, where that was asked for.
    pub prediction: Option<Prediction>,
}

/// Resolves a change against its snapshot.
///
/// # Errors
/// The change makes no sense on this cluster, or is not simulated.
pub fn prepare(change: &Change, snapshot: &Snapshot, estimate: &Estimate) -> Result<Prepared, Complaints> {
    let started = Instant::now();
    let loaded = scenarios::load(change, snapshot, &estimate.overrides)?;
    let info = inputs::change_info(change, &loaded.operations);
    let identity = identity::of_change(change);
    let lived = inputs::lived(change, snapshot.taken_at.as_deref(), loaded.done);
    let mut prepared = Prepared::new(info, &identity, snapshot, loaded)?;
    prepared.lived = lived;
    // A snapshot that was read from nowhere else is kept with the report.
    prepared.carried =
        change.snapshot.as_ref().filter(|_| snapshot.origin.is_none()).map(|s| s.to_string().into_bytes());
    prepared.sources = plans::sources(change, snapshot, estimate, prepared.trials);
    if estimate.no_band {
        prepared.identity.look = true;
        prepared.id = prepared.identity.id();
    }
    prepared.took = started.elapsed();
    Ok(prepared)
}

impl Prepared {
    /// Runs one trial again and keeps its log: with the planned changes or without.
    pub fn explain(&self, trial: u32, plan: Plan) -> Explained {
        let scenario = &self.loaded.scenario;
        let trace = match plan {
            Plan::Proposal => simulator::trace(scenario, self.seed, trial),
            Plan::Baseline => simulator::trace_nothing(scenario, self.seed, trial),
        };
        reports::explain::explain(scenario, &trace, &self.id, self.seed, trial, plan)
    }

    /// What `loaded` says of `snapshot`; `identity` is what tells it from anything else that could be done to the same
    /// snapshot with the same settings.
    ///
    /// # Errors
    /// Settings that no run can have.
    pub fn new(
        change: ChangeInfo,
        identity: &serde_json::Value,
        snapshot: &Snapshot,
        mut loaded: Loaded,
    ) -> Result<Prepared, Complaints> {
        let usual = budget(loaded.scenario.cluster.pods.len());
        let usual = if loaded.settings.thorough == Some(true) { THOROUGH * usual } else { usual };
        let trials = loaded.settings.trials.unwrap_or(usual);
        let looks = Sampling::Sequential.next_look(0, u64::from(trials)) < u64::from(trials);
        // A budget that ends before the first look is a fixed number, with the narrower intervals of one.
        let sampling = if loaded.settings.trials.is_none() && looks { Sampling::Sequential } else { Sampling::Fixed };
        let seed = *loaded.settings.seed.get_or_insert(SEED);
        if !(1..=MAX_TRIALS).contains(&trials) {
            return Err(Complaint::at("settings.trials", trials, format!("1 to {MAX_TRIALS}")).into());
        }
        let watched = loaded.scenario.watched().len();
        if watched as u64 * u64::from(trials) > MOST_RESULTS {
            let value = format!("{trials} trials of {watched} watched workloads");
            let expected =
                format!("at most {MOST_RESULTS} for their product: fewer trials, or fewer workloads with a minimum");
            return Err(Complaint::at("settings.trials", value, expected).into());
        }
        loaded.scenario.settings.stratified = trials >= STRATIFIED;
        loaded.scenario.settings.quiet = trials >= STRATIFIED && simulator::quiet(&loaded.scenario, seed);
        let identity = Identity::new(identity, &snapshot.digest, &loaded.settings);
        let id = identity.id();
        let cluster = ClusterInfo {
            name: if snapshot.name.is_empty() { change.cluster.clone() } else { snapshot.name.clone() },
            digest: snapshot.digest.clone(),
            taken_at: snapshot.taken_at.clone(),
            pools: loaded.pools.iter().map(inputs::pool_info).collect(),
        };
        let snapshot = snapshot.origin.clone();
        let took = Duration::ZERO;
        let sources = plans::Sources::Unasked;
        let lived = None;
        Ok(Prepared {
            id,
            change,
            trials,
            sampling,
            seed,
            cluster,
            lived,
            loaded,
            identity,
            snapshot,
            carried: None,
            sources,
            took,
        })
    }

    /// Pods at the start.
    pub fn pods(&self) -> usize {
        self.loaded.scenario.cluster.pods.len()
    }

    fn thorough(&self) -> bool {
        self.loaded.settings.thorough == Some(true)
    }

    fn inputs<'a>(&'a self, pairs: &'a [Pair], stopped: Stop, found: &'a Found, threads: usize) -> Inputs<'a> {
        let loaded = &self.loaded;
        Inputs {
            id: self.id.clone(),
            engine: ENGINE.into(),
            change: self.change.clone(),
            lived: self.lived.clone(),
            cluster: self.cluster.clone(),
            scenario: &loaded.scenario,
            pairs,
            seed: self.seed,
            threads,
            sampling: self.sampling,
            stopped,
            findings: loaded.findings.clone(),
            not_seen: loaded.coverage.not_seen.clone(),
            assumptions: loaded.coverage.assumptions.iter().map(inputs::assumption_info).collect(),
            doubts: loaded.scenario.beliefs.iter().filter_map(|b| inputs::doubt_info(b, &loaded.settings)).collect(),
            study: found.study.as_ref(),
            weighted: found.weighted.as_ref(),
            plans: found.plans.as_ref(),
            thresholds: inputs::thresholds(&loaded.settings.thresholds),
            slo_days: loaded.settings.slo_period_days.unwrap_or(BUDGET_DAYS),
            slo: loaded.settings.slo.unwrap_or(SLO),
        }
    }
}

/// Simulates, judges and draws.
///
/// # Errors
/// It was stopped, or took too long.
pub fn run(prepared: &Prepared, estimate: &Estimate, watch: Watch<'_>) -> Result<Scored, JobError> {
    judge(prepared, estimate, watch).map(|judgement| judgement.draw(prepared))
}

/// Something that is judged and ready to be drawn.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// What is to be said.
    pub judged: Judged,
    /// What is to be held against what comes, where that was asked for.
    forecast: Option<Forecast>,
    /// Still runs, for the drawing.
    clock: record::Clock,
}

impl Judgement {
    /// Draws it.
    pub fn draw(self, prepared: &Prepared) -> Scored {
        let judged = self.judged;
        let prediction = self.forecast.map(|forecast| inputs::prediction(&judged.report, forecast));
        let mut files = reports::bundle(&judged);
        files.push(reports::File { path: IDENTITY.into(), bytes: prepared.identity.to_bytes() });
        files.extend(prepared.carried.clone().map(|bytes| reports::File { path: SNAPSHOT.into(), bytes }));
        let record = self.clock.finished(prepared);
        let bundle = Bundle { id: prepared.id.clone(), files, run: record.to_bytes() };
        Scored { report: judged.report, bundle, record, prediction }
    }

    /// How it came about, up to now.
    pub fn record(&self, prepared: &Prepared) -> RunRecord {
        self.clock.finished(prepared)
    }
}

/// Simulates and judges.
///
/// # Errors
/// It was stopped, or took too long.
pub fn judge(prepared: &Prepared, estimate: &Estimate, watch: Watch<'_>) -> Result<Judgement, JobError> {
    let clock = record::Clock::start(prepared.took, threads(estimate));
    let until = Until::from_now(prepared, estimate, watch.stop);
    let part = tracing::debug_span!("simulate", trials = prepared.trials).entered();
    let (pairs, stopped) = simulate(prepared, estimate, watch, until)?;
    let study = study::study(prepared, estimate, until)?;
    let weighted = study::weighted(prepared, &pairs, estimate, until)?;
    drop(part);
    let part = tracing::debug_span!("judge").entered();
    let mut found = Found { study, weighted, plans: None };
    let inputs = prepared.inputs(&pairs, stopped, &found, estimate.threads);
    let forecast = estimate.foretell.then(|| Forecast::of(&inputs));
    let judged = reports::judge_while(&inputs, &|| until.check().is_ok());
    // Over its time it is no report, whatever was judged by then.
    until.check()?;
    // The search for other plans takes longest: what is known without it is told before.
    drop(part);
    (watch.judged)(&judged.report);
    let search = || plans::search(prepared, &pairs, estimate, watch, until);
    found.plans = tracing::debug_span!("search").in_scope(search)?;
    let judged = judged.with_plans(&prepared.inputs(&pairs, stopped, &found, estimate.threads));
    let events = pairs.iter().map(|p| p.proposal.counts.events + p.baseline.counts.events).sum();
    Ok(Judgement { judged, forecast, clock: clock.simulated(pairs.len() as u32, events) })
}

/// What is found besides the risk of the change itself.
struct Found {
    study: Option<Study>,
    weighted: Option<Weighted>,
    plans: Option<PlansInfo>,
}

/// Most trials for a cluster of so many pods.
pub fn budget(pods: usize) -> u32 {
    ((PODS_TIMES_TRIALS / pods.max(1)) as u32).clamp(*BUDGET.start(), *BUDGET.end())
}

/// Runs the trials in portions, so that it can be stopped between them. What a trial comes to depends on its index alone,
/// and looks are after fixed numbers of them, so that neither portions nor threads decide when sampling stops.
fn simulate(
    prepared: &Prepared,
    estimate: &Estimate,
    watch: Watch<'_>,
    until: Until<'_>,
) -> Result<(Vec<Pair>, Stop), JobError> {
    let mut portions = until.portions();
    let mut headline = Headline::new(&prepared.loaded.scenario, prepared.sampling);
    let (mut looked, mut look) = (0, 0);
    let mut pairs = Vec::with_capacity(prepared.trials as usize);
    while (pairs.len() as u32) < prepared.trials {
        let done = pairs.len() as u32;
        if done >= look {
            look = prepared.sampling.next_look(u64::from(done), u64::from(prepared.trials)) as u32;
        }
        until.after(done)?;
        let to_glance = GLANCE as u32 - done % GLANCE as u32;
        let runs = Runs {
            seed: prepared.seed,
            first: done,
            trials: portions.next().min(look - done).min(to_glance),
            threads: estimate.threads,
        };
        pairs.extend(simulator::paired(&prepared.loaded.scenario, runs, &|n| (watch.progress)(done + n)));
        for pair in pairs.iter_mut().skip(looked.max(DRAWN)) {
            (pair.proposal.series, pair.baseline.series) = (None, None);
        }
        headline.push(&pairs[looked..]);
        looked = pairs.len();
        if looked.is_multiple_of(GLANCE) || looked as u32 == prepared.trials {
            (watch.glance)(&Glance::of(&headline, looked));
        }
        if prepared.sampling == Sampling::Sequential
            && looked as u32 == look
            && let Some(stop) = headline.enough()
        {
            return Ok((pairs, stop));
        }
    }
    Ok((pairs, Stop::Budget))
}

fn threads(estimate: &Estimate) -> usize {
    match estimate.threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        n => n,
    }
}

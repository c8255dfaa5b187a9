//! Claims held against simulated trials, point by point.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use simulator::outcome::Outcome;
use simulator::{Runs, replicate, trace};

use super::claim::{Claim, Quantity, Statistic};
use super::measure::{Measure, Trial};
use super::{Incident, Point, Stage, template};
use crate::complaint::{Complaint, Complaints};

/// How much is run.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// Seed.
    pub seed: u64,
    /// Trials of each point; the incident's own where absent.
    pub trials: Option<u32>,
    /// Threads, each at its own point; one per core where 0.
    pub threads: usize,
}

/// What came of one claim at one point in one variant.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// Index of the claim.
    pub claim: usize,
    /// The variant.
    pub variant: String,
    /// The point, in words.
    pub point: String,
    /// The value and its bound, one for each comparison.
    pub found: Vec<Found>,
    /// Why it is known not to hold.
    pub known: Option<String>,
}

/// A value and what it was held against.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
    /// The statistic, or the worst trial.
    pub value: f64,
    /// The bound; with it in the worst trial.
    pub bound: f64,
    /// Comparison, in signs.
    pub sign: &'static str,
    /// It holds.
    pub holds: bool,
}

impl Verdict {
    /// Every comparison holds.
    pub fn holds(&self) -> bool {
        self.found.iter().all(|f| f.holds)
    }

    /// It holds, or is known not to and does not.
    pub fn as_expected(&self) -> bool {
        self.holds() == self.known.is_none()
    }
}

/// Runs every point in every variant that a claim is about, and holds the claims against it. Verdicts come by point, then by claim.
///
/// # Errors
/// What has no meaning at some point.
pub fn check(incident: &Incident, wanted: Wanted) -> Result<Vec<Verdict>, Complaints> {
    let points = incident.points();
    let next = AtomicUsize::new(0);
    let results: Mutex<BTreeMap<usize, Result<Vec<Verdict>, Complaints>>> = Mutex::new(BTreeMap::new());
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(point) = points.get(at) else { break };
            let found = at_point(incident, point, wanted);
            if let Ok(mut results) = results.lock() {
                results.insert(at, found);
            }
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = if wanted.threads == 0 { cores } else { wanted.threads };
    std::thread::scope(|scope| {
        for _ in 1..threads.min(points.len()) {
            scope.spawn(work);
        }
        work();
    });
    let mut all = Vec::new();
    for (_, found) in results.into_inner().unwrap_or_default() {
        all.extend(found?);
    }
    Ok(all)
}

/// Quantities of one variant, and what each came to in every trial.
struct Ran {
    stage: Stage,
    asked: Vec<Quantity>,
    values: Vec<Vec<f64>>,
}

impl Ran {
    fn values(&self, quantity: &Quantity) -> &[f64] {
        let at = self.asked.iter().position(|q| q == quantity);
        at.and_then(|i| self.values.get(i)).map(Vec::as_slice).unwrap_or_default()
    }
}

fn at_point(incident: &Incident, point: &Point, wanted: Wanted) -> Result<Vec<Verdict>, Complaints> {
    let mut due: Vec<(usize, &Claim, &str)> = Vec::new();
    for (i, claim) in incident.claims.iter().enumerate() {
        for variant in &claim.variants {
            let scope = incident.scope(point, variant);
            let about = claim.when.as_ref().map(|w| template::number(w, &scope, &claim.path)).transpose()?;
            if about != Some(0.0) {
                due.push((i, claim, variant));
            }
        }
    }
    let mut asked: BTreeMap<&str, Vec<(Quantity, &str)>> = BTreeMap::new();
    for (_, claim, variant) in &due {
        asked.entry(variant).or_default().push((claim.quantity.clone(), &claim.path));
        if let Some(than) = &claim.than {
            let there = than.variant.as_deref().unwrap_or(variant);
            asked.entry(there).or_default().push((than.quantity.clone(), &claim.path));
        }
    }
    let mut ran: BTreeMap<&str, Ran> = BTreeMap::new();
    for (variant, quantities) in asked {
        let stage = incident.stage(point, variant)?;
        ran.insert(variant, run(stage, quantities, wanted.seed, wanted.trials.unwrap_or(incident.trials))?);
    }
    due.into_iter()
        .map(|(i, claim, variant)| verdict(i, claim, variant, point, &ran).map_err(Complaints::from))
        .collect()
}

fn run(mut stage: Stage, quantities: Vec<(Quantity, &str)>, seed: u64, trials: u32) -> Result<Ran, Complaints> {
    let (mut asked, mut measures, mut complaints): (Vec<Quantity>, Vec<Measure>, Vec<Complaint>) = Default::default();
    for (quantity, path) in quantities {
        if asked.contains(&quantity) {
            continue;
        }
        match Measure::of(&quantity, &stage, path) {
            Ok(measure) => measures.push(measure),
            Err(complaint) => complaints.push(complaint),
        }
        asked.push(quantity);
    }
    if !complaints.is_empty() {
        return Err(Complaints(complaints));
    }
    if measures.iter().any(Measure::needs_series) {
        let minutes = stage.loaded.scenario.horizon.as_mins_f64().ceil();
        stage.loaded.scenario.settings.series_steps = minutes.clamp(1.0, 2_880.0) as u32;
    }
    let scenario = &stage.loaded.scenario;
    let all = |trial: &Trial<'_>| -> Vec<f64> { measures.iter().map(|m| m.take(trial, &stage)).collect() };
    let rows: Vec<Vec<f64>> = if measures.iter().any(Measure::needs_log) {
        let told = |trial| {
            let trace = trace(scenario, seed, trial);
            all(&Trial { outcome: &trace.outcome, trace: Some(&trace) })
        };
        (0..trials).map(told).collect()
    } else {
        let runs = Runs { seed, first: 0, trials, threads: 1 };
        replicate(scenario, runs, &|outcome: Outcome| all(&Trial { outcome: &outcome, trace: None }))
    };
    let values = (0..measures.len()).map(|m| rows.iter().map(|row| row[m]).collect()).collect();
    Ok(Ran { stage, asked, values })
}

fn verdict(
    index: usize,
    claim: &Claim,
    variant: &str,
    point: &Point,
    ran: &BTreeMap<&str, Ran>,
) -> Result<Verdict, Complaint> {
    let values = ran.get(variant).map(|r| r.values(&claim.quantity)).unwrap_or_default();
    let scope = ran.get(variant).map(|r| r.stage.scope.clone()).unwrap_or_default();
    let other = claim.than.as_ref().and_then(|than| {
        let there = than.variant.as_deref().unwrap_or(variant);
        ran.get(there).map(|r| r.values(&than.quantity))
    });
    let plus = claim.plus.as_ref().map_or(Ok(0.0), |p| template::number(p, &scope, &claim.path))?;
    let mut found = Vec::new();
    for bound in &claim.bounds {
        let number = template::number(&bound.number, &scope, &claim.path)?;
        let limit = |there: f64| number * there + plus;
        let (value, limit) = match (claim.statistic, other) {
            // Both saw the same futures: trial against trial, and the worst of them is told.
            (Statistic::Every, Some(other)) => {
                let pairs = values.iter().zip(other).map(|(v, o)| (*v, limit(*o)));
                let broken = |(v, l): &(f64, f64)| !bound.holds.between(*v, *l);
                let all: Vec<(f64, f64)> = pairs.collect();
                all.iter().find(|p| broken(p)).or(all.first()).copied().unwrap_or((f64::NAN, f64::NAN))
            }
            (Statistic::Every, None) => {
                let broken = values.iter().find(|v| !bound.holds.between(**v, limit(1.0)));
                (broken.copied().unwrap_or(claim.statistic.of(values, bound.holds)), limit(1.0))
            }
            (statistic, other) => {
                let there = other.map_or(1.0, |other| statistic.of(other, bound.holds));
                (statistic.of(values, bound.holds), limit(there))
            }
        };
        let holds = bound.holds.between(value, limit);
        found.push(Found { value, bound: limit, sign: bound.holds.sign(), holds });
    }
    let known = claim.known.clone();
    Ok(Verdict { claim: index, variant: variant.to_owned(), point: point.label(), found, known })
}

//! What every case study must show: the design after the fix is less likely to lose system pods, loses fewer minutes and
//! scores lower, under the same load and the same change. Figures are computed here from the outcomes, not taken from reports.

use reports::estimate::Est;
use reports::score;
use scenarios::cases::{Case, Design, cases};
use scenarios::change::ChangeSettings;
use scenarios::snapshot::Snapshot;
use simulator::spec::Role;
use simulator::{Outcome, Pair, Runs, Scenario};

const SEED: u64 = 1;
const TRIALS: u32 = 4000;
/// Standard errors by which the minutes must differ.
const CLEARLY: f64 = 4.0;

#[test]
fn storm_season_bursts_spare_a_dedicated_system_pool() {
    check("storm-season");
}

#[test]
fn maintenance_below_research_jobs_spares_a_dedicated_system_pool() {
    check("research-maintenance");
}

#[test]
fn draining_for_the_holidays_spares_separated_system_pods() {
    check("holiday-maintenance");
}

#[test]
fn batch_peaks_spare_a_cluster_of_separate_pools() {
    check("checkout-and-batch");
}

#[test]
fn deleting_a_tainted_gpu_pool_hurts_nobody() {
    check("gpu-pool");
}

#[test]
fn a_staged_upgrade_is_safer_than_one_batch() {
    check("staged-upgrade");
}

#[test]
fn there_are_six_and_each_is_checked() {
    let names: Vec<&str> = cases().iter().map(|case| case.name).collect();
    let mut checked = [
        "checkout-and-batch",
        "gpu-pool",
        "holiday-maintenance",
        "research-maintenance",
        "staged-upgrade",
        "storm-season",
    ];
    checked.sort_by_key(|name| names.iter().position(|n| n == name));
    assert_eq!(names, checked);
}

#[track_caller]
fn check(name: &str) {
    let case: &Case = cases().iter().find(|case| case.name == name).unwrap();
    let (before, after) = (Facts::of(&case.before), Facts::of(&case.after));
    println!("{name} before {before}");
    println!("{name} after  {after}");
    // The intervals of the two probabilities do not touch; those of several changes add up to an upper limit.
    assert!(before.outage.low > after.outage.high, "{name}: outage {before} after {after}");
    let (mean, error) = mean_difference(&before.minutes, &after.minutes);
    assert!(mean > CLEARLY * error && mean > 0.0, "{name}: {mean} fewer minutes, standard error {error}");
    assert!(before.score > after.score, "{name}: score {before} after {after}");
}

/// What a design comes to, over its changes.
struct Facts {
    /// Probability that a system workload is out longer than the threshold, with the change; summed over changes.
    outage: Est,
    /// Minutes that system workloads are out, by trial; summed over changes.
    minutes: Vec<f64>,
    /// The worst score.
    score: f64,
}

impl std::fmt::Display for Facts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mean = self.minutes.iter().sum::<f64>() / self.minutes.len() as f64;
        let Est { estimate, low, high, .. } = self.outage;
        write!(
            f,
            "P(outage) {estimate:.4} [{low:.4}, {high:.4}], {mean:.3} outage minutes, score {:.1} ({TRIALS} trials, seed {SEED})",
            self.score
        )
    }
}

impl Facts {
    fn of(design: &Design) -> Facts {
        let mut facts = Facts { outage: Est::exact(0.0), minutes: vec![0.0; TRIALS as usize], score: 0.0 };
        for scenario in scenarios_of(design) {
            let weights = weights(&scenario);
            assert!(weights.contains(&score::weight(Role::Dns)), "DNS is watched");
            let runs = Runs { seed: SEED, first: 0, trials: TRIALS, threads: 0 };
            let pairs = simulator::paired(&scenario, runs, &|_| {});
            facts.add(&weights, &pairs);
        }
        facts
    }

    fn add(&mut self, weights: &[f64], pairs: &[Pair]) {
        let out = pairs.iter().filter(|p| is_out(weights, &p.proposal)).count();
        let outage = Est::probability(out as u64, pairs.len() as u64);
        self.outage = Est::new(
            self.outage.estimate + outage.estimate,
            self.outage.low + outage.low,
            self.outage.high + outage.high,
        );
        let mut added = 0.0;
        for (pair, minutes) in pairs.iter().zip(&mut self.minutes) {
            *minutes += sum(weights, &pair.proposal, |w| f64::from(w > 0.0));
            let more = sum(weights, &pair.proposal, |w| w) - sum(weights, &pair.baseline, |w| w);
            added += more.clamp(-score::LOSS_HIGH, score::LOSS_HIGH) / pairs.len() as f64;
        }
        self.score = self.score.max(score::score(added));
    }
}

fn scenarios_of(design: &Design) -> Vec<Scenario> {
    let snapshot = Snapshot::from_json(design.snapshot.as_bytes()).unwrap();
    let load = |message: &scenarios::cases::Message| {
        let change = scenarios::decode(message.text.as_bytes()).unwrap().changes.remove(0);
        let loaded = scenarios::load(&change, &snapshot, &ChangeSettings::default()).unwrap();
        let mut scenario = loaded.scenario;
        scenario.settings.series_steps = 0;
        scenario
    };
    design.changes.iter().map(load).collect()
}

/// Weights of the watched workloads, in order.
fn weights(scenario: &Scenario) -> Vec<f64> {
    let role = |id| scenario.cluster.workloads[id].role;
    scenario.watched().into_iter().map(|id| score::weight(role(id))).collect()
}

fn is_out(weights: &[f64], outcome: &Outcome) -> bool {
    let mut watched = outcome.workloads.iter().zip(weights);
    watched.any(|(w, weight)| *weight > 0.0 && w.outages > 0)
}

fn sum(weights: &[f64], outcome: &Outcome, count: impl Fn(f64) -> f64) -> f64 {
    let watched = outcome.workloads.iter().zip(weights);
    watched.map(|(w, weight)| count(*weight) * w.out.as_mins_f64()).sum()
}

/// Mean of paired differences and its standard error.
fn mean_difference(a: &[f64], b: &[f64]) -> (f64, f64) {
    let n = a.len() as f64;
    let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    let mean = differences.iter().sum::<f64>() / n;
    let variance = differences.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, (variance / n).sqrt())
}

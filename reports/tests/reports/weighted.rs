//! The probability of an outage from weighted futures agrees with plain ones, and what it cannot resolve it says.

use std::convert::Infallible;

use reports::weighted::{Weighted, weighted};
use simulator::settings::Cause;
use simulator::{Pair, Runs, Scenario};

use crate::example::{SURGED, TIGHT};

fn runs(first: u32, trials: u32, threads: usize) -> Runs {
    Runs { seed: 7, first, trials, threads }
}

fn found(scenario: &Scenario, trials: u32, threads: usize) -> Weighted {
    let go_on = || Ok::<_, Infallible>(());
    weighted(scenario, runs(1 << 20, trials, threads), go_on).unwrap().expect("something is rare")
}

/// The same from plain futures: probability and its standard error.
fn plain(scenario: &Scenario, trials: u32) -> (f64, f64) {
    let scored = reports::weights(scenario);
    let out =
        |pair: &Pair| pair.proposal.workloads.iter().zip(&scored).any(|(w, weight)| *weight > 0.0 && w.outages > 0);
    let pairs = simulator::paired(scenario, runs(0, trials, 2), &|_| {});
    let p = pairs.iter().filter(|pair| out(pair)).count() as f64 / f64::from(trials);
    (p, (p * (1.0 - p) / f64::from(trials)).sqrt())
}

/// Nothing but failures, so many a year.
fn failing(per_year: f64) -> Scenario {
    let mut scenario = TIGHT.scenario();
    scenario.settings.off.push(Cause::Burst);
    scenario.settings.off.push(Cause::EvictionGap);
    scenario.settings.failures.per_hour = per_year / 8766.0;
    scenario
}

#[test]
fn weighted_and_plain_futures_agree() {
    let scenario = failing(80.0);
    let (p, error) = plain(&scenario, 40_000);
    let weighted = found(&scenario, 6000, 2);
    assert!(weighted.resolved && p > 0.001, "{p}: {weighted:?}");
    let wide = (weighted.proposal.high - weighted.proposal.low) / 2.0 / 1.96;
    let apart = (weighted.proposal.estimate - p).abs();
    assert!(apart < 4.0 * error.hypot(wide), "{p} with error {error}: {weighted:?}");
    assert!((weighted.mean_weight - 1.0).abs() < 0.2, "{weighted:?}");
    assert_eq!(weighted, found(&scenario, 6000, 1), "threads do not matter");
}

#[test]
fn what_plain_futures_do_not_see_is_resolved() {
    // Two of two nodes within the hours of an upgrade, one failure a year each.
    let scenario = failing(1.0);
    let (p, _) = plain(&scenario, 3000);
    let weighted = found(&scenario, 8000, 2);
    assert!(weighted.resolved && weighted.factor > 10.0, "{weighted:?}");
    assert!(weighted.proposal.estimate < 2e-3 && weighted.proposal.low > 0.0, "{p}: {weighted:?}");
    assert!(weighted.sentence().contains("these limits are approximate"), "{}", weighted.sentence());
}

#[test]
fn what_cannot_be_resolved_is_said() {
    let mut scenario = SURGED.scenario();
    scenario.settings.off.push(Cause::Burst);
    scenario.settings.failures.per_hour = 1.0 / 8766.0;
    let weighted = found(&scenario, 200, 2);
    assert!(!weighted.resolved, "{weighted:?}");
    assert_eq!((weighted.proposal.estimate, weighted.proposal.low), (0.0, 0.0));
    assert!(weighted.proposal.high > 0.0 && weighted.proposal.high <= 1.0, "{weighted:?}");
    assert!(weighted.sentence().contains("not resolved"), "{}", weighted.sentence());
}

#[test]
fn where_nothing_is_rare_nothing_is_weighted() {
    let mut scenario = TIGHT.scenario();
    scenario.settings.failures = Default::default();
    let none = weighted(&scenario, runs(0, 100, 1), || Ok::<_, Infallible>(())).unwrap();
    assert!(none.is_none(), "{none:?}");
    let stopped = weighted(&failing(1.0), runs(0, 100, 1), || Err("stop"));
    assert_eq!(stopped, Err("stop"));
}

//! A trial without one of its contingencies is the same up to that moment, and goes on without it.

use std::collections::BTreeSet;
use std::mem::discriminant;

use super::off::eventful;
use crate::contingency::{Contingency, without};
use crate::{simulate, trace};

const SEED: u64 = 5;

#[test]
fn with_nothing_taken_away_a_trial_is_itself() {
    let scenario = eventful();
    without(&scenario, SEED, |runs| {
        for trial in 0..10 {
            let (found, _) = runs.trace(trial, &[]);
            let own = trace(&scenario, SEED, trial);
            assert_eq!((found.outcome, found.log), (own.outcome, own.log), "trial {trial}");
            assert_eq!(runs.run(trial, &[]).0, simulate(&scenario, SEED, trial), "trial {trial}");
        }
    });
}

#[test]
fn what_is_taken_away_does_not_come_and_what_came_before_stays() {
    let scenario = eventful();
    let mut kinds = Vec::new();
    without(&scenario, SEED, |runs| {
        for trial in 0..12 {
            let (whole, met) = runs.trace(trial, &[]);
            let unique: BTreeSet<Contingency> = met.iter().map(|m| m.what).collect();
            assert_eq!(unique.len(), met.len(), "each is met once");
            for m in met {
                let (less, others) = runs.trace(trial, &[m.what]);
                assert!(others.iter().all(|other| other.what != m.what), "trial {trial}: {m:?}");
                assert_eq!(less.log[..m.line], whole.log[..m.line], "trial {trial}: {m:?}");
                if !kinds.contains(&discriminant(&m.what)) {
                    kinds.push(discriminant(&m.what));
                }
            }
        }
    });
    assert_eq!(kinds.len(), 8, "every kind of contingency was met");
}

#[test]
fn a_pod_without_room_has_the_schedulers_reasons() {
    let scenario = eventful();
    let told: Vec<String> =
        (0..12).flat_map(|trial| trace(&scenario, SEED, trial).refusals).map(|(_, why)| why.to_string()).collect();
    assert!(told.iter().any(|why| why.contains("nodes are available") && why.contains("Insufficient cpu")), "{told:?}");
    assert!(told.iter().all(|why| why.starts_with("0/") && why.ends_with('.')), "{told:?}");
}

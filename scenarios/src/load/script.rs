//! Loads that are known to come, whatever is done.

use simulator::scenario::{Decay, Happening, Scripted};
use simulator::{Duration, Time, WorkloadId};

use crate::change::{BurstFields, ChangeSettings};
use crate::complaint::Complaint;
use crate::intern::Interned;

/// Longest time of a burst, in minutes: the longest horizon.
const MOST_MINUTES: f64 = 48.0 * 60.0;

/// The bursts of the settings, by time.
pub(super) fn bursts(settings: &ChangeSettings, interned: &Interned) -> Result<Vec<Scripted>, Vec<Complaint>> {
    let mut complaints = Vec::new();
    let mut script = Vec::new();
    for (i, burst) in settings.bursts.iter().enumerate() {
        let before = complaints.len();
        check(burst, i, &mut complaints);
        let targets = match &burst.workload {
            None => vec![None],
            Some(name) => target(name, i, interned, &mut complaints),
        };
        if complaints.len() == before {
            script.extend(targets.into_iter().map(|target| scripted(burst, target)));
        }
    }
    script.sort_by_key(|s| s.at);
    if complaints.is_empty() { Ok(script) } else { Err(complaints) }
}

fn check(burst: &BurstFields, i: usize, complaints: &mut Vec<Complaint>) {
    for (name, value, most) in [
        ("atMinutes", burst.at_minutes, MOST_MINUTES),
        ("factor", burst.factor, 1000.0),
        ("rampMinutes", burst.ramp_minutes, MOST_MINUTES),
        ("holdMinutes", burst.hold_minutes, MOST_MINUTES),
        ("decayMinutes", burst.decay_minutes, MOST_MINUTES),
    ] {
        if !(0.0..=most).contains(&value) {
            complaints.push(Complaint::at(
                format!("settings.bursts[{i}].{name}"),
                value,
                format!("a number from 0 to {most}"),
            ));
        }
    }
}

fn target(name: &str, i: usize, interned: &Interned, complaints: &mut Vec<Complaint>) -> Vec<Option<WorkloadId>> {
    let found =
        name.split_once('/').and_then(|(space, name)| interned.workloads.get(&(space.to_owned(), name.to_owned())));
    match found {
        Some(list) => list.iter().map(|id| Some(*id)).collect(),
        None => {
            let known: Vec<String> =
                interned.workloads.keys().take(10).map(|(space, name)| format!("{space}/{name}")).collect();
            complaints.push(Complaint::at(
                format!("settings.bursts[{i}].workload"),
                name,
                format!("a workload as namespace/name, such as {}", known.join(", ")),
            ));
            Vec::new()
        }
    }
}

fn scripted(burst: &BurstFields, target: Option<WorkloadId>) -> Scripted {
    let minutes = |m: f64| Duration::from_secs_f64(m * 60.0);
    Scripted {
        at: Time::ZERO + minutes(burst.at_minutes),
        what: Happening::Burst {
            target,
            factor: burst.factor,
            ramp: minutes(burst.ramp_minutes),
            hold: minutes(burst.hold_minutes),
            decay: Decay::Exponential(minutes(burst.decay_minutes)),
        },
    }
}

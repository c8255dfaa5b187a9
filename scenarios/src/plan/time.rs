//! Another time: after loads that are known to come, or in the next window of a maintenance calendar.

use super::Draft;
use super::view::View;
use crate::load::{START, next_windows};

/// Longest wait that is proposed, in seconds: beyond, the simulated time would not hold the change.
const LONGEST: u32 = 24 * 3600;

pub(super) fn drafts(view: &View<'_>) -> Vec<Draft> {
    let mut found = Vec::new();
    let start = START.0 as f64 / 60e6;
    // A burst is over when three time constants of its way back have passed: a twentieth is left.
    let over = |b: &crate::change::BurstFields| b.at_minutes + b.ramp_minutes + b.hold_minutes + 3.0 * b.decay_minutes;
    let last = view.proposal.settings.bursts.iter().map(over).fold(0.0, f64::max);
    if last > start {
        let minutes = (last - start).ceil() + 5.0;
        found.extend(waits(
            (minutes * 60.0) as u32,
            view,
            &format!("begin in {}, when the expected load is over", span(minutes)),
        ));
    }
    // Where the settings keep to a calendar already, nothing is gained.
    if view.settings.maintenance.is_none() && view.settings.windows.is_empty() {
        for (name, seconds) in next_windows(&view.full) {
            let words = format!("begin in {}, when the window of {name} opens", span(f64::from(seconds) / 60.0));
            found.extend(waits(seconds, view, &words));
        }
    }
    found
}

fn waits(seconds: u32, view: &View<'_>, words: &str) -> Option<Draft> {
    if seconds == 0 || seconds > LONGEST {
        return None;
    }
    let mut steps = view.base.clone();
    steps.first_mut()?.wait_seconds += seconds;
    Some(Draft::new(words, steps))
}

fn span(minutes: f64) -> String {
    let minutes = minutes as u64;
    match (minutes / 60, minutes % 60) {
        (0, m) => format!("{m} min"),
        (h, 0) => format!("{h} h"),
        (h, m) => format!("{h} h {m} min"),
    }
}

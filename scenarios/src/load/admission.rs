//! What the platform's own checks make of a change: findings that block become the error code its operations end with.
//!
//! A change that is over was let in, whatever the rules say. A rule about one pool blocks that pool's part of a change of the
//! whole cluster, every other rule all of it.
//!
//! And when it may begin: windows of planned maintenance (AKS docs, planned-maintenance, 2025-12-19), which automatic upgrades
//! keep to and operations by hand need not.

use simulator::change::Planned;
use simulator::finding::Finding;
use simulator::{Duration, Time};

use crate::change::{Change, ChangeSettings, Phase};
use crate::complaint::Complaint;
use crate::intern::Interned;
use crate::rule;

/// Longest time of a window, in minutes: the longest horizon.
const MOST_MINUTES: f64 = 48.0 * 60.0;

/// The windows of the settings, by time.
pub(super) fn windows(settings: &ChangeSettings) -> Result<Vec<(Time, Time)>, Vec<Complaint>> {
    let minutes = |m: f64| Time::ZERO + Duration::from_secs_f64(m * 60.0);
    let sound = |m: f64| (0.0..=MOST_MINUTES).contains(&m);
    let (mut windows, mut complaints) = (Vec::new(), Vec::new());
    for (i, window) in settings.windows.iter().enumerate() {
        let (from, until) = (window.from_minutes, window.until_minutes);
        if sound(from) && sound(until) && from < until {
            windows.push((minutes(from), minutes(until)));
        } else {
            let expected = format!("two numbers from 0 to {MOST_MINUTES}, the first below the second");
            complaints.push(Complaint::at(format!("settings.windows[{i}]"), format!("{from} to {until}"), expected));
        }
    }
    windows.sort_unstable();
    if complaints.is_empty() { Ok(windows) } else { Err(complaints) }
}

/// When an operation begins where nothing else keeps it: at once, or in its next window.
pub(super) fn begins(planned: &Planned) -> Time {
    opening(&planned.admission.windows, planned.at)
}

/// The first time from `at` on that lies in a window; `at` itself where there is none.
pub(super) fn opening(windows: &[(Time, Time)], at: Time) -> Time {
    windows.iter().find(|(_, until)| at < *until).map_or(at, |(from, _)| at.max(*from))
}

/// Marks the operations of a change that the platform will refuse.
pub(super) fn refuse(
    planned: &mut [Planned],
    change: &Change,
    findings: &[Finding],
    interned: &Interned,
    off: &[String],
) {
    if change.phase == Phase::Completed {
        return;
    }
    let short = |id: &str| off.iter().any(|name| name == "quota") && rule::room::RULES.iter().any(|r| r.id == id);
    let cluster = &interned.spec;
    for planned in planned {
        let pool = planned.operation.pool().map(|id| format!("pool {}", cluster.pools[id].name));
        let of_all = |f: &&Finding| change.pool.is_some() || !f.subject.starts_with("pool ");
        let against = findings.iter().filter(|f| f.blocks && !short(f.id));
        let hit = against.clone().find(|f| of_all(f) || pool.as_ref() == Some(&f.subject));
        planned.admission.refused = hit.map(|f| rule::code(f.id));
    }
}

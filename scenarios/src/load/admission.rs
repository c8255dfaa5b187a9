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

use super::{START, calendar};
use crate::change::{Change, ChangeSettings, Phase};
use crate::complaint::Complaint;
use crate::coverage::Coverage;
use crate::instant;
use crate::intern::Interned;
use crate::rule;
use crate::snapshot::Snapshot;
use serde_json::Value;

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

/// The windows of the maintenance configuration that the settings name. The simulation begins when the snapshot was taken; where
/// the next window opens later than can be simulated, it begins shortly before that.
pub(super) fn calendar(
    settings: &ChangeSettings,
    full: &Snapshot,
    coverage: &mut Coverage,
) -> Result<Vec<(Time, Time)>, Vec<Complaint>> {
    const MOST_WINDOWS: usize = 60;
    let Some(name) = settings.maintenance.as_deref() else {
        return Ok(Vec::new());
    };
    let configs = &full.cluster.maintenance;
    let named = |c: &&Value| c.get("name").and_then(Value::as_str).is_some_and(|n| n.eq_ignore_ascii_case(name));
    let Some(config) = configs.iter().find(named) else {
        let known: Vec<&str> = configs.iter().filter_map(|c| c.get("name").and_then(Value::as_str)).collect();
        let expected = format!("a maintenance configuration of the snapshot: {}", known.join(", "));
        return Err(vec![Complaint::at("settings.maintenance", name, expected)]);
    };
    let Some(taken) = full.taken_at.as_deref().and_then(instant::seconds) else {
        let expected = "a snapshot with its time (takenAt), from which windows are counted";
        return Err(vec![Complaint::at("settings.maintenance", name, expected)]);
    };
    let path = format!("cluster.maintenanceConfigurations.{name}");
    let found = calendar::windows(config, taken, MOST_WINDOWS, &path).map_err(|c| vec![c])?;
    let Some(&(first, _)) = found.first() else {
        let expected = "a window within two years";
        return Err(vec![Complaint::at("settings.maintenance", name, expected)]);
    };
    let start = i64::try_from(START.0 / 1_000_000).unwrap_or(0);
    let late = first - taken > (MOST_MINUTES as i64 - 120) * 60;
    if late {
        coverage.missing(format!(
            "the next window of {name} opens {} hours after the snapshot: the simulation begins ten minutes before it",
            (first - taken) / 3600
        ));
    }
    let zero = if late { first - start } else { taken };
    let time = |seconds: i64| Time::ZERO + Duration::secs(u64::try_from(seconds - zero).unwrap_or(0));
    Ok(found.into_iter().map(|(from, until)| (time(from), time(until))).collect())
}

/// The next window of each configuration, as seconds after the start of a change; none of one that is open then.
pub(super) fn next_windows(full: &Snapshot) -> Vec<(String, u32)> {
    let Some(taken) = full.taken_at.as_deref().and_then(instant::seconds) else { return Vec::new() };
    let start = taken + i64::try_from(START.0 / 1_000_000).unwrap_or(0);
    let next = |config: &Value| {
        let name = config.get("name").and_then(Value::as_str)?;
        let (from, _) = *calendar::windows(config, start, 1, name).ok()?.first()?;
        u32::try_from(from - start).ok().filter(|s| *s > 0).map(|s| (name.to_owned(), s))
    };
    full.cluster.maintenance.iter().filter_map(next).collect()
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

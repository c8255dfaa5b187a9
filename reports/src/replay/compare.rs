//! Recorded minutes beside those of replays, workload by workload.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::Replay;
use crate::chart::Expected;
use crate::estimate::{Est, Ranked};
use crate::judge::Judged;
use crate::words;

/// Minutes out in 5, 50 and 95 of 100 trials.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Range {
    /// 5th percentile.
    pub p05: f64,
    /// Median.
    pub p50: f64,
    /// 95th percentile.
    pub p95: f64,
}

impl Range {
    fn of(minutes: &Ranked) -> Range {
        Range { p05: minutes.quantile(0.05), p50: minutes.quantile(0.5), p95: minutes.quantile(0.95) }
    }

    /// Median and range in words.
    pub fn words(self) -> String {
        if self.p05 == self.p95 {
            words::minutes(self.p50)
        } else {
            format!("{} ({} to {})", words::minutes(self.p50), words::minutes(self.p05), words::minutes(self.p95))
        }
    }
}

/// Recorded against replayed, for one workload.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Compared {
    /// `namespace/name`.
    pub workload: String,
    /// Minutes out as recorded.
    pub recorded: Option<f64>,
    /// Minutes out in replays.
    pub replayed: Option<Range>,
    /// Share of replays with fewer minutes out than recorded.
    pub below_recorded: Option<Est>,
    /// Share of replays with more minutes out than recorded.
    pub above_recorded: Option<Est>,
    /// Minutes out on the other course.
    pub counterfactual: Option<Range>,
}

impl Compared {
    /// True where the recorded minutes lie within 5 to 95 % of replays, both ends included.
    pub fn within(&self) -> Option<bool> {
        let (recorded, range) = (self.recorded?, self.replayed?);
        // Recordings are rounded: half a minute, or a tenth, is no difference.
        let slack = 0.5_f64.max(0.1 * recorded);
        Some(range.p05 - slack <= recorded && recorded <= range.p95 + slack)
    }
}

/// Every watched workload, and every recorded one.
pub fn compared(replay: &Replay<'_>) -> Vec<Compared> {
    let losses = |judged: &Judged| -> BTreeMap<String, Ranked> { judged.figures.losses.iter().cloned().collect() };
    let replayed = losses(replay.replayed);
    let other = replay.counterfactual.as_ref().map(|(_, judged)| losses(judged)).unwrap_or_default();
    let mut names: Vec<String> = replay.replayed.figures.losses.iter().map(|(name, _)| name.clone()).collect();
    names.extend(replay.recorded.outage_minutes.keys().filter(|n| !replayed.contains_key(*n)).cloned());
    names
        .into_iter()
        .map(|name| {
            let recorded = replay.recorded.outage_minutes.get(&name).copied();
            let minutes = replayed.get(&name);
            let share = |wanted: &dyn Fn(f64, f64) -> bool| {
                let (recorded, minutes) = (recorded?, minutes?);
                Some(minutes.probability(|m| wanted(m, recorded)))
            };
            Compared {
                recorded,
                replayed: minutes.map(Range::of),
                below_recorded: share(&|m, recorded| m < recorded),
                above_recorded: share(&|m, recorded| m > recorded),
                counterfactual: other.get(&name).map(Range::of),
                workload: name,
            }
        })
        .collect()
}

/// What the chart of ranges shows.
pub fn expectations(compared: &[Compared]) -> Vec<Expected> {
    let range = |r: Option<Range>| r.map(|r| (r.p05, r.p50, r.p95));
    let all = compared.iter().map(|c| Expected {
        name: c.workload.clone(),
        recorded: c.recorded,
        replayed: range(c.replayed),
        other: range(c.counterfactual),
    });
    // Workloads that lose nothing anywhere would be empty rows.
    let lossy = |e: &Expected| {
        e.recorded.is_some()
            || e.replayed.is_some_and(|(.., high)| high > 0.0)
            || e.other.is_some_and(|(.., high)| high > 0.0)
    };
    all.filter(lossy).collect()
}

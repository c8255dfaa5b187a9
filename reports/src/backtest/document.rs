//! A backtest: rows of a history, sorted by what can be said of them, and judged.

use schemars::JsonSchema;
use serde::Serialize;

use super::Forecast;
use super::durations::{Durations, Timed};
use super::history::Row;
use super::quality::{Case, Quality};

/// Value of `schema`.
pub const SCHEMA: &str = "poolproof.backtest/1";

/// What is asked of a history.
#[derive(Clone, Copy, Debug)]
pub struct Ask {
    /// Seed of the resampling.
    pub seed: u64,
    /// Forecasts that were made after the end count too.
    pub hindsight: bool,
}

/// How good past forecasts were.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Backtest {
    /// `poolproof.backtest/1`.
    pub schema: &'static str,
    /// Seed of the resampling.
    pub seed: u64,
    /// What there was to go by.
    pub history: Counts,
    /// Outages of system workloads; absent where no outcome says whether there was one.
    pub outage: Option<Quality>,
    /// Whether operations ended well.
    pub success: Option<Quality>,
    /// How long those took that ended well.
    pub duration: Option<Durations>,
    /// Cases that were kept apart, since somebody acted.
    pub mitigated: Mitigated,
    /// What to bear in mind.
    pub caveats: Vec<String>,
}

/// Rows of a history, each counted once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// All of them.
    pub changes: u64,
    /// With forecast and outcome.
    pub used: u64,
    /// Kept apart: somebody acted.
    pub mitigated: u64,
    /// Never forecast.
    pub without_prediction: u64,
    /// Forecast after the end, which is no forecast.
    pub hindsight: u64,
    /// Not known how they ended.
    pub without_outcome: u64,
}

/// Outcomes in which somebody acted: no score can be right about them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Mitigated {
    /// How many.
    pub cases: u64,
    /// Of these, outages nevertheless.
    pub outages: u64,
    /// Mean of the outages that were forecast for them.
    pub mean_outage_forecast: Option<f64>,
}

impl Backtest {
    /// Judges a history.
    pub fn of(rows: &[Row], ask: Ask) -> Backtest {
        let mut history = Counts { changes: rows.len() as u64, ..Counts::default() };
        let (mut used, mut apart) = (Vec::new(), Vec::new());
        for row in rows {
            let (Some(prediction), outcome) = (&row.prediction, &row.outcome) else {
                history.without_prediction += 1;
                continue;
            };
            match outcome {
                None => history.without_outcome += 1,
                Some(o) if o.mitigated => apart.push(row),
                Some(_) if prediction.phase == "completed" && !ask.hindsight => history.hindsight += 1,
                Some(o) if o.succeeded.is_none() && o.outage.is_none() => history.without_outcome += 1,
                Some(_) => used.push(row),
            }
        }
        (history.used, history.mitigated) = (used.len() as u64, apart.len() as u64);
        // Earlier first; what says no time comes before, in the order of the file.
        used.sort_by_key(|row| row.time().map(str::to_owned));
        let outage = cases(&used, |p, o| Some((p.outage?, o.outage?)));
        let success = cases(&used, |p, o| Some((p.success?, o.succeeded?)));
        Backtest {
            schema: SCHEMA,
            seed: ask.seed,
            history,
            outage: Quality::of("A system workload is out longer than the threshold", &outage, ask.seed),
            success: Quality::of("The operation ends well", &success, ask.seed),
            duration: Durations::of(&timed(&used), ask.seed),
            mitigated: mitigated(&apart),
            caveats: super::tell::caveats(&history),
        }
    }
}

fn cases(
    rows: &[&Row],
    of: impl Fn(&super::history::Prediction, &super::history::Observed) -> Option<(f64, bool)>,
) -> Vec<Case> {
    let case = |row: &&Row| {
        let (prediction, outcome) = (row.prediction.as_ref()?, row.outcome.as_ref()?);
        let (probability, happened) = of(prediction, outcome)?;
        Some(Case { forecast: Forecast { probability, happened }, rule: prediction.rule.objects() })
    };
    rows.iter().filter_map(case).collect()
}

fn timed(rows: &[&Row]) -> Vec<Timed> {
    let one = |row: &&Row| {
        let (prediction, outcome) = (row.prediction.as_ref()?, row.outcome.as_ref()?);
        let minutes = outcome.duration_minutes.filter(|_| outcome.succeeded == Some(true))?;
        (!prediction.duration_minutes.is_empty())
            .then(|| Timed { minutes, quantiles: prediction.duration_minutes.clone() })
    };
    rows.iter().filter_map(one).collect()
}

fn mitigated(rows: &[&Row]) -> Mitigated {
    let forecasts: Vec<f64> = rows.iter().filter_map(|r| r.prediction.as_ref()?.outage).collect();
    let outage = |row: &&&Row| row.outcome.as_ref().is_some_and(|o| o.outage == Some(true));
    Mitigated {
        cases: rows.len() as u64,
        outages: rows.iter().filter(outage).count() as u64,
        mean_outage_forecast: (!forecasts.is_empty()).then(|| crate::estimate::average(&forecasts)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_counted_once() {
        let row = |text: &str| serde_json::from_str::<Row>(text).unwrap();
        let rows = [
            row(r#"{"change":"a"}"#),
            row(r#"{"change":"b","prediction":{"success":0.9}}"#),
            row(r#"{"change":"c","prediction":{"success":0.9},"outcome":{"note":"?"}}"#),
            row(r#"{"change":"d","prediction":{"success":0.9},"outcome":{"succeeded":true,"durationMinutes":3}}"#),
            row(r#"{"change":"e","prediction":{"outage":0.8},"outcome":{"outage":true,"mitigated":true}}"#),
            row(r#"{"change":"f","prediction":{"success":0.9,"phase":"completed"},"outcome":{"succeeded":true}}"#),
        ];
        let found = Backtest::of(&rows, Ask { seed: 1, hindsight: false });
        let counted =
            Counts { changes: 6, used: 1, mitigated: 1, without_prediction: 1, hindsight: 1, without_outcome: 2 };
        assert_eq!(found.history, counted);
        assert_eq!(found.success.unwrap().cases, 1);
        assert_eq!((found.outage, found.duration), (None, None));
        assert_eq!(found.mitigated, Mitigated { cases: 1, outages: 1, mean_outage_forecast: Some(0.8) });
        assert_eq!(Backtest::of(&rows, Ask { seed: 1, hindsight: true }).history.used, 2);
    }
}

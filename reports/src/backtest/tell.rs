//! A backtest in sentences.

use super::document::Counts;
use super::durations::{DurationVerdict, Durations};
use super::quality::{Quality, Verdict};
use crate::estimate::Est;
use crate::words;

/// What to make of forecasts of a question.
pub fn quality(q: &Quality) -> String {
    let said = words::percent(q.mean_forecast);
    let seen = words::probability(q.base_rate);
    let numbers = format!("forecast {said} on average, seen {seen}");
    let z = q.spiegelhalter.map_or(String::new(), |s| {
        format!(
            "; Spiegelhalter's z is {}, where chance alone gives 2.2 or less in 97.5 % of histories",
            words::number(s.z.estimate, 2)
        )
    });
    match q.verdict {
        Verdict::Calibrated => format!("The forecasts may be taken at their word: {numbers}{z}."),
        Verdict::TooLow => format!("The forecasts are too low: {numbers}."),
        Verdict::TooHigh => format!("The forecasts are too high: {numbers}."),
        Verdict::Uneven => {
            format!("The forecasts are right on average ({numbers}), but not where they are high and low{z}.")
        }
        Verdict::TooFew => format!(
            "Nothing speaks against the forecasts ({numbers}), and with {} of {} there is too little to speak for them.",
            counted(q.events, "event"),
            counted(q.cases, "case"),
        ),
    }
}

/// What to make of forecasts of durations.
pub fn durations(d: &Durations) -> String {
    let inside = format!("{} of operations fell into the band that should hold 90 %", words::probability(d.coverage));
    let times = format!("they took {} times the forecast median", range(d.times_median));
    match d.verdict {
        DurationVerdict::Calibrated => format!("The forecasts may be taken at their word: {inside}; {times}."),
        DurationVerdict::TooShort => format!("Operations take longer than was said: {times}; {inside}."),
        DurationVerdict::TooLong => format!("Operations are done sooner than was said: {times}; {inside}."),
        DurationVerdict::TooNarrow => format!("The band is too narrow: {inside}; {times}."),
        DurationVerdict::TooWide => format!("The band is wider than it need be: {inside}; {times}."),
        DurationVerdict::TooFew => {
            format!(
                "Nothing speaks against the forecasts, and {} are too few to speak for them: {inside}.",
                counted(d.cases, "operation")
            )
        }
    }
}

/// A number of things.
pub fn counted(n: u64, thing: &str) -> String {
    format!("{} {thing}{}", words::count(n), if n == 1 { "" } else { "s" })
}

/// An estimate with its limits.
pub fn range(est: Est) -> String {
    let n = |v: f64| words::number(v, 3);
    format!("{} ({} to {})", n(est.estimate), n(est.low), n(est.high))
}

/// What to bear in mind.
pub fn caveats(history: &Counts) -> Vec<String> {
    let mut out = vec![
        "Operators put risky changes off or carry them out otherwise, so that changes with high forecasts are seen less often and end better: the diagrams are optimistic at the high end.".to_owned(),
        "The base rate and the rule that forecasts are held against know the outcomes of the same cases, which favours them.".to_owned(),
    ];
    let mut left = |n: u64, one: &str, many: &str| match n {
        0 => {}
        1 => out.push(format!("1 change {one}")),
        n => out.push(format!("{} changes {many}", words::count(n))),
    };
    left(
        history.mitigated,
        "is kept apart, since somebody acted while it ran or because of its forecast.",
        "are kept apart, since somebody acted while they ran or because of their forecasts.",
    );
    left(
        history.hindsight,
        "was scored after its end only, and is left out.",
        "were scored after their end only, and are left out.",
    );
    left(history.without_prediction, "was never scored.", "were never scored.");
    left(history.without_outcome, "has no known outcome.", "have no known outcome.");
    out
}

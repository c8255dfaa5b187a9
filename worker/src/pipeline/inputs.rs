//! From what `scenarios` says to what `reports` takes: the two do not know each other.

use std::collections::BTreeMap;

use reports::Report;
use reports::backtest::history::Prediction;
use reports::forecast::Forecast;
use reports::input::{AssumptionInfo, ChangeInfo, DoubtInfo, Lived, PoolInfo, QuestionInfo};
use reports::learning::{About, Believed, Learned};
use reports::report::Level;
use reports::score::Thresholds;
use scenarios::Change;
use scenarios::change::{ChangeSettings, LearnedNumber, LevelName, Phase, ThresholdFields};
use scenarios::defaults::{beliefs, learned};
use scenarios::load::PoolFacts;
use simulator::parameters::{Belief, Knob};
use simulator::random::Prior;

/// A change as reports show it; `resolved` is what it comes to on its cluster.
pub fn change_info(change: &Change, resolved: &[scenarios::change::Operation]) -> ChangeInfo {
    let mut operation = json(&change.operation);
    if resolved != [change.operation.clone()]
        && let Some(fields) = operation.as_object_mut()
    {
        fields.insert("resolvedTo".into(), json(&resolved));
    }
    ChangeInfo {
        id: change.id.clone(),
        phase: json(&change.phase).as_str().unwrap_or_default().to_owned(),
        source: json(&change.source),
        cluster: change.cluster.id.clone().unwrap_or_else(|| change.cluster.name.clone()),
        pool: change.pool.clone(),
        operation,
        summary: change.summary.clone(),
        recorded: change.result.as_ref().map(|r| {
            let words: Vec<&str> = [r.code.as_deref(), r.message.as_deref()].into_iter().flatten().collect();
            let text = match (words.is_empty(), r.succeeded) {
                (false, _) => words.join(": "),
                (true, true) => "Succeeded".into(),
                (true, false) => "Failed".into(),
            };
            (r.succeeded, text)
        }),
    }
}

/// A value as JSON; our types have string keys only, so that this cannot fail.
fn json(value: &impl serde::Serialize) -> serde_json::Value {
    serde_json::to_value(value).unwrap_or_default()
}

/// A pool as reports show it.
pub fn pool_info(pool: &PoolFacts) -> PoolInfo {
    PoolInfo {
        name: pool.name.clone(),
        mode: pool.mode.clone(),
        count: pool.count,
        vm_size: pool.vm_size.clone(),
        os_type: pool.os_type.clone(),
        zones: pool.zones.clone(),
        taints: pool.taints.clone(),
        max_surge: pool.max_surge.clone(),
        autoscaler: pool.autoscaler,
    }
}

/// An assumption as reports show it.
pub fn assumption_info(a: &scenarios::coverage::Assumption) -> AssumptionInfo {
    AssumptionInfo {
        name: a.name.clone(),
        value: a.value.clone(),
        source: a.source.clone(),
        grade: a.grade,
        range: a.range.clone(),
    }
}

/// A number that is not known well, as reports show it.
pub fn doubt_info(belief: &Belief, settings: &ChangeSettings) -> Option<DoubtInfo> {
    let doubt = beliefs::doubt(belief.knob)?;
    let question = beliefs::QUESTIONS.iter().find(|q| q.knob == belief.knob).map(|q| QuestionInfo {
        asks: q.asks.to_owned(),
        ours: q.ours.to_owned(),
        other: q.other.to_owned(),
        other_share: if let Prior::Either { share, .. } = belief.prior { share } else { 0.0 },
    });
    let (what, datum) = (doubt.what.to_owned(), doubt.datum.to_owned());
    let range = learned::range(belief.knob, &settings.learned).unwrap_or_else(|| doubt.range());
    Some(DoubtInfo { knob: belief.knob, what, range, datum, question })
}

/// What a report foretells, to be held against what comes.
pub fn prediction(report: &Report, forecast: Forecast) -> Prediction {
    Prediction {
        report: report.id.clone(),
        engine: report.trials.engine.clone(),
        seed: report.trials.seed,
        phase: report.change.phase.clone(),
        score: report.verdict.score,
        outage: Some(report.risk.outage.proposal.estimate),
        success: Some(report.operation.success.estimate),
        duration_minutes: forecast.duration_minutes,
        rule: forecast.rule,
        response: forecast.response,
    }
}

/// How far an operation has come by what its messages and the snapshot tell: from its beginning to the later of both, or to its
/// end. `None` where it has not begun, or nobody has said when.
pub fn lived(change: &Change, taken_at: Option<&str>, done: Option<u32>) -> Option<Lived> {
    let read = |text: &str| text.trim().parse::<jiff::Timestamp>().ok();
    let time = change.source.time.as_deref().and_then(read);
    let over = change.phase == Phase::Completed;
    let told = change.source.started_at.as_deref();
    let started = match change.phase {
        Phase::Proposed => return None,
        Phase::InFlight => told.and_then(read).into_iter().chain(time).min()?,
        Phase::Completed => told.and_then(read)?,
    };
    let minutes = |to: jiff::Timestamp| (to.as_millisecond() - started.as_millisecond()) as f64 / 60_000.0;
    let taken = taken_at.and_then(read).map(minutes).filter(|at| *at >= 0.0);
    let elapsed = if over { minutes(time?) } else { time.map_or(0.0, minutes).max(taken.unwrap_or(0.0)) };
    (elapsed >= 0.0).then(|| Lived {
        started_at: started.to_string(),
        elapsed,
        over,
        well: change.result.as_ref().is_some_and(|result| result.succeeded),
        seen: taken.filter(|_| !over).zip(done),
    })
}

/// The numbers that a history can teach, with what is believed about them.
pub fn learnable() -> Vec<Believed> {
    let one = |l: &learned::Learnable| {
        let about = match l.knob {
            Knob::ProvisionTime => About::Provision,
            Knob::ReimageTime => About::Reimage,
            Knob::AllocationFailure => About::Allocation,
            Knob::BootstrapFailure => About::Bootstrap,
            Knob::Interruptions => About::Interruptions,
            _ => return None,
        };
        let doubt = beliefs::doubt(l.knob)?;
        // A factor's unit says of what; the words before it need not.
        let what = doubt.what.trim_end_matches(", of its default");
        Some(Believed { name: l.name, about, what, unit: l.unit, prior: doubt.usual() })
    };
    learned::LEARNABLE.iter().filter_map(one).collect()
}

/// What was learned, as settings carry it.
pub fn learned_numbers(learned: &Learned) -> BTreeMap<String, LearnedNumber> {
    let number = |n: &reports::learning::Number| LearnedNumber {
        value: n.value,
        low: n.low,
        high: n.high,
        observations: n.observations,
    };
    learned.numbers.iter().map(|(name, n)| (name.clone(), number(n))).collect()
}

/// Thresholds as somebody set them, over the defaults.
pub fn thresholds(given: &ThresholdFields) -> Thresholds {
    let level = |name: Option<LevelName>, default: Level| name.map_or(default, |n| Level::ALL[n as usize]);
    let usual = Thresholds::default();
    Thresholds {
        review_at: level(given.review_at, usual.review_at),
        stop_at: level(given.stop_at, usual.stop_at),
        review_upper_at: level(given.review_upper_at, usual.review_upper_at),
        review_failure: given.review_failure.unwrap_or(usual.review_failure),
        stop_failure: given.stop_failure,
        review_outage: given.review_outage,
        stop_outage: given.stop_outage,
        review_burn: given.review_burn,
        stop_burn: given.stop_burn,
        review_warnings: given.review_warnings.unwrap_or(usual.review_warnings),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Minutes lived and what the snapshot shows, in words.
    fn check(phase: &str, started_at: Option<&str>, time: &str, taken: Option<&str>, expected: &str) {
        let clock = |text: &str| format!("2026-03-02T{text}:00Z");
        let change: Change = serde_json::from_value(serde_json::json!({
            "id": "c", "phase": phase, "cluster": {"name": "tiny"}, "operation": {"kind": "rolling"}, "summary": "",
            "source": {"format": "activity-log", "time": clock(time), "startedAt": started_at.map(clock)},
            "result": {"succeeded": true},
        }))
        .unwrap();
        let taken = taken.map(clock);
        let found = lived(&change, taken.as_deref(), Some(2)).map_or("nothing".to_owned(), |l| {
            let seen = l.seen.map(|(at, done)| format!(", {done} done at {at}")).unwrap_or_default();
            format!("{}{}{seen}", l.elapsed, if l.over { " over" } else { "" })
        });
        assert_eq!(found, expected, "{phase} {started_at:?} {time} {taken:?}");
    }

    #[test]
    fn now_is_the_later_of_message_and_snapshot() {
        check("proposed", None, "06:00", Some("06:10"), "nothing");
        check("in_flight", None, "06:00", Some("06:10"), "10, 2 done at 10");
        check("in_flight", None, "06:00", Some("05:50"), "0");
        check("in_flight", None, "06:00", None, "0");
        check("in_flight", Some("05:55"), "06:00", Some("05:58"), "5, 2 done at 3");
        check("completed", None, "06:30", Some("06:10"), "nothing");
        check("completed", Some("06:00"), "06:30", Some("06:10"), "30 over");
        check("completed", Some("07:00"), "06:30", None, "nothing");
    }
}

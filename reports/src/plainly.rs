//! The risk in plain sentences: what was estimated, over which horizon, how sure, and what would make it surer.

use crate::report::{Band, Followed, Report};
use crate::stopping::Stop;
use crate::words;

/// The sentences, in order.
pub fn risk(report: &Report) -> Vec<String> {
    if report.worst_trial.is_none() && report.risk.added_outage_minutes.high == 0.0 {
        return vec!["Nothing is changed: nothing had to be estimated.".to_string()];
    }
    let mut sentences: Vec<String> = report.in_flight.iter().map(|flight| flight.sentence.clone()).collect();
    sentences.extend([asked(report), answer(report), added(report)]);
    let queries = report.risk.workloads.iter().filter_map(|w| w.queries.as_ref());
    sentences.extend(queries.map(|q| q.sentence.clone()).filter(|sentence| !sentence.is_empty()));
    sentences.extend(crate::functions::sentences(report).map(str::to_string));
    sentences.extend(disagreement(report));
    sentences.push(surer(report));
    sentences
}

fn asked(report: &Report) -> String {
    let asked = format!(
        "Estimated was how likely it is that some system workload is out for more than {} without a break, in the {} from now on, in which the change is made.",
        words::minutes(report.risk.outage.threshold_seconds / 60.0),
        words::hours(report.trials.horizon_hours * 3600.0)
    );
    report.trials.followed.map_or(asked.clone(), |followed| format!("{asked} {}", beyond(followed)))
}

/// What became of what was not over at the end.
pub fn beyond(followed: Followed) -> String {
    let most = words::hours(followed.hours_at_most * 3600.0);
    if followed.share == 0.0 {
        return "By then everything was over in each simulated future.".to_string();
    }
    let left = if followed.unsettled == 0.0 {
        "all of it was over by then".to_string()
    } else {
        format!("in {} it was not over even then", words::percent(followed.unsettled))
    };
    format!(
        "What was out or under way at their end, as in {} of the futures, was followed for up to {most} more; {left}.",
        words::percent(followed.share)
    )
}

fn answer(report: &Report) -> String {
    let outage = &report.risk.outage;
    let error = (outage.proposal.high - outage.proposal.low) / 2.0 * 100.0;
    let known = match report.risk.parameter_band {
        Some(band) => format!("{} given what is not known of this cluster; ", between(band)),
        None => String::new(),
    };
    format!(
        "With the change it is {} ({known}error of the simulation \u{00b1}{}), when nothing is done {}.",
        words::probability_short(outage.proposal),
        points(error),
        words::probability_short(outage.baseline)
    )
}

fn points(value: f64) -> String {
    let told = words::number(value, 2);
    if told == "1" { "1 percentage point".to_string() } else { format!("{told} percentage points") }
}

fn between(band: Band) -> String {
    match (words::percent(band.low), words::percent(band.high)) {
        (low, high) if low == high => format!("the same {high}"),
        (low, high) => format!("{low} to {high}"),
    }
}

fn added(report: &Report) -> String {
    let minutes = report.risk.added_outage_minutes;
    let known = match report.risk.added_minutes_band {
        Some(band) => {
            format!("; {} to {} given what is not known", words::minutes(band.low), words::minutes(band.high))
        }
        None => String::new(),
    };
    let budget = report.risk.error_budget.as_ref().map_or(String::new(), |budget| {
        format!(
            " That is {} ({} to {}) of the {} that an availability objective of {} leaves for {} days.",
            words::percent(budget.burn.estimate.max(0.0)),
            words::percent(budget.burn.low.max(0.0)),
            words::percent(budget.burn.high.max(0.0)),
            words::minutes(budget.minutes),
            words::percent(budget.slo),
            words::number(budget.period_days, 3)
        )
    });
    format!(
        "It adds {} of outage on average{known}; a minute without DNS counts whole, one of another system workload for part.{budget}",
        words::added_minutes(minutes)
    )
}

/// Where sources disagree and the answer matters.
fn disagreement(report: &Report) -> Vec<String> {
    let pairs = report.risk.readings.chunks(2).filter_map(|two| <&[_; 2]>::try_from(two).ok());
    let told = pairs.map(|[ours, other]| {
        format!(
            "Sources disagree: {} If {} (believed at {}), an outage comes in {} of futures; if {}, in {}.",
            ours.question,
            ours.answer,
            words::percent(ours.believed),
            words::probability_short(ours.outage),
            other.answer,
            words::probability_short(other.outage)
        )
    });
    told.collect()
}

fn surer(report: &Report) -> String {
    let Some(band) = report.risk.parameter_band else {
        return format!(
            "What would make it surer: {} and how far the answer moves with what is not known of this cluster was not estimated in this run.",
            more_trials(report)
        );
    };
    let outage = report.risk.outage.proposal;
    let (chance, knowledge) = (outage.high - outage.low, band.high - band.low);
    match report.coverage.most_valuable_datum.as_deref().map(datum) {
        Some(datum) if knowledge >= 0.5 * chance => format!("What would make it surer: {datum}"),
        Some(datum) => format!("What would make it surer: {}; then {datum}", more_trials(report)),
        None if knowledge < chance => {
            format!("What would make it surer: {}; no single number that is not known stands out.", more_trials(report))
        }
        None => "What would make it surer: no single number that is not known stands out; --thorough looks closer."
            .to_string(),
    }
}

/// What to find out, within a sentence. A factor on a default is spoken of as what it is a factor of.
fn datum(found: &str) -> String {
    words::uncapital(&found.replacen(", of its default", "", 1))
}

fn more_trials(report: &Report) -> String {
    let trials = words::count(report.trials.count);
    match report.trials.stopped {
        Stop::Width => format!("the {trials} trials were enough for the usual width, --thorough runs more"),
        Stop::Decision => format!("the {trials} trials decide the level and not the number, --thorough runs more"),
        Stop::Budget => format!("more trials than {trials} (--trials, --thorough)"),
    }
}

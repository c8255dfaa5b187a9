//! `report.html`: one self-contained page.

use askama::Template;

use super::{alternatives, causes, courses, scale};
use crate::chart::Chart;
use crate::course::Course;
use crate::estimate::{Est, Sampling};
use crate::report::{Alternative, Decision, Failure, Finding, Moment, Pool, Quantiles, Queries, Report};
use crate::stopping::Stop;
use crate::{score, text, words};

/// Style of every page.
const PAGE: &str = include_str!("../../templates/style.css");

/// Style of pages with charts.
pub fn style() -> String {
    format!("{PAGE}{}", crate::chart::DARK)
}

/// The page.
pub fn page(report: &Report, charts: &[Chart]) -> String {
    let (plans, others): (Vec<&Chart>, Vec<&Chart>) = charts.iter().partition(|c| c.id == "plans");
    rendered(&Page { r: report, plan_chart: plans.first().copied(), charts: others, style: &style() })
}

/// A template as text. Rendering to memory cannot fail; should it, the page says so instead of being half a page.
pub fn rendered(template: &impl Template) -> String {
    template.render().unwrap_or_else(|error| {
        format!(
            "<!doctype html><title>poolproof</title><p>This page could not be written: {}</p>",
            text::xml(&error.to_string())
        )
    })
}

/// The change in one line.
pub fn title(report: &Report) -> &str {
    if report.change.summary.is_empty() { &report.id } else { &report.change.summary }
}

/// Why there are as many trials as there are, as a sentence.
pub fn stopped(report: &Report) -> String {
    let (trials, verdict) = (&report.trials, &report.verdict);
    let (low, high) = (score::level(verdict.score_low), score::level(verdict.score_high));
    match (trials.sampling, trials.stopped) {
        (_, Stop::Width) => "Sampling stopped when the intervals were narrow enough.".to_string(),
        (_, Stop::Decision) => {
            "Sampling stopped when the interval of the score lay within one level; the score within it may still be loose.".to_string()
        }
        (_, Stop::Budget) if low == high => "All trials of the budget were used.".to_string(),
        (sampling, Stop::Budget) => format!(
            "All trials of the budget were used{}; the interval of the score reaches from level {} to level {}, and more trials (--trials) would narrow it.",
            if sampling == Sampling::Fixed { ", a number fixed beforehand" } else { "" },
            low.name(),
            high.name()
        ),
    }
}

/// What kind of intervals the report has.
pub fn intervals(sampling: Sampling) -> &'static str {
    match sampling {
        Sampling::Fixed => {
            "The intervals are for a number of trials fixed beforehand: probabilities carry exact (Clopper-Pearson) limits."
        }
        Sampling::Sequential => {
            "The intervals are sequential, so that they hold although the trials themselves decided when to stop: probabilities carry the limits of a beta-binomial confidence sequence, about twice as wide as those of a number fixed beforehand; percentiles alone have limits for a fixed number."
        }
    }
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    r: &'a Report,
    /// Plans as points; stands with their table.
    plan_chart: Option<&'a Chart>,
    charts: Vec<&'a Chart>,
    style: &'a str,
}

impl Page<'_> {
    fn plain(&self, text: impl AsRef<str>) -> String {
        text::plain(text.as_ref())
    }

    fn title(&self) -> String {
        words::capital(title(self.r))
    }

    fn count(&self, n: &u64) -> String {
        words::count(*n)
    }

    fn score(&self, score: &f64) -> String {
        words::score_text(*score)
    }

    fn interval(&self) -> String {
        let (verdict, trials) = (&self.r.verdict, words::count(self.r.trials.count));
        let (low, high) = (words::score_text(verdict.score_low), words::score_text(verdict.score_high));
        if self.r.worst_trial.is_none() && verdict.score_high == 0.0 {
            "exactly: nothing is changed".to_string()
        } else if verdict.score_high == 0.0 {
            format!("no loss added; {trials} futures rule out any at 95 % confidence")
        } else if verdict.score == 0.0 {
            format!("no loss added; {trials} futures rule out more than {high} at 95 % confidence")
        } else {
            format!("between {low} and {high} at 95 % confidence")
        }
    }

    fn scale(&self) -> String {
        scale::svg(&self.r.verdict, scale::Labels::Thresholds)
    }

    fn phase(&self) -> &'static str {
        match self.r.change.phase.as_str() {
            "in_flight" => "already begun",
            "completed" => "over; scored from its start",
            _ => "proposed",
        }
    }

    fn decision(&self) -> &'static str {
        match self.r.verdict.decision {
            Decision::Proceed => "Proceed",
            Decision::Review => "Review first",
            Decision::Stop => "Stop",
        }
    }

    fn short(&self, est: &Est) -> String {
        words::probability_short(*est)
    }

    fn probability(&self, est: &Est) -> String {
        words::probability(*est)
    }

    fn answers(&self, queries: &Queries) -> String {
        words::answers(queries)
    }

    fn p_value(&self) -> String {
        match self.r.risk.outage.mc_nemar_p {
            p if p < 0.001 => "below 0.001".to_string(),
            p => format!("= {}", words::number(p, 2)),
        }
    }

    fn plural_failures(&self, failures: &str) -> String {
        if failures == "1" { "1 failure".to_string() } else { format!("{failures} failures") }
    }

    fn futures(&self, share: &f64) -> String {
        crate::rare::futures(*share)
    }

    fn points(&self, est: &Est) -> String {
        words::points(*est)
    }

    fn minutes(&self, minutes: &f64) -> String {
        words::minutes(*minutes)
    }

    fn number(&self, value: &f64) -> String {
        words::number(*value, 2)
    }

    fn mean(&self, minutes: &Quantiles) -> String {
        match minutes.limits.get("mean") {
            Some(limits) if minutes.mean == 0.0 => {
                format!("below {}", words::number(limits.high, 2))
            }
            Some(limits) => format!(
                "{} ({} to {})",
                words::number(minutes.mean, 2),
                words::number(limits.low, 2),
                words::number(limits.high, 2)
            ),
            None => words::number(minutes.mean, 2),
        }
    }

    fn causes_sentence(&self) -> Option<String> {
        causes::sentence(self.r)
    }

    fn causes(&self) -> Vec<[String; 6]> {
        causes::rows(self.r)
    }

    /// Text of several lines.
    fn block(&self, text: &str) -> String {
        text.lines().map(|line| format!("{}\n", text::plain(line))).collect()
    }

    fn capital(&self, text: &str) -> String {
        words::capital(&text::plain(text))
    }

    fn plans(&self) -> Vec<String> {
        alternatives::sentences(self.r)
    }

    fn plan_rows(&self) -> Vec<(&Alternative, [String; 6])> {
        alternatives::rows(self.r)
    }

    fn anyway(&self) -> String {
        causes::anyway(self.r)
    }

    fn course_title(&self, course: &Course) -> String {
        courses::title(course)
    }

    fn course_sentence(&self, course: &Course) -> String {
        courses::sentence(course)
    }

    fn threshold(&self) -> String {
        words::minutes(self.r.risk.outage.threshold_seconds / 60.0)
    }

    fn horizon(&self) -> String {
        words::hours(self.r.trials.horizon_hours * 3600.0)
    }

    fn days(&self) -> String {
        let days = self.r.risk.error_budget.as_ref().map_or(crate::score::BUDGET_DAYS, |budget| budget.period_days);
        words::number(days, 3)
    }

    fn share(&self, share: &f64) -> String {
        words::percent(*share)
    }

    fn plainly(&self) -> Vec<String> {
        crate::plainly::risk(self.r)
    }

    fn burn(&self) -> String {
        let burn = self.r.risk.error_budget_burn;
        if burn <= 0.0 {
            format!("none of the {}-day error budget", self.days())
        } else {
            format!("{} of the {}-day error budget", words::percent(burn), self.days())
        }
    }

    fn duration(&self) -> String {
        duration(self.r)
    }

    fn hours(&self, hours: &f64) -> String {
        if *hours > 0.0 { format!("{} node hours", words::number(*hours, 2)) } else { "none".to_string() }
    }

    fn cost(&self) -> String {
        match self.r.operation.cost_usd {
            Some(cost) if cost > 0.0 => format!("about USD {}", words::number(cost, 2)),
            Some(_) => "no extra cost".to_string(),
            None => "price of the nodes not known".to_string(),
        }
    }

    fn failure(&self, failure: &Failure) -> String {
        words::probability(Est::new(failure.probability, failure.low, failure.high))
    }

    fn severity(&self, finding: &Finding) -> &'static str {
        match finding.severity.as_str() {
            "error" => "critical",
            "warning" => "moderate",
            _ => "",
        }
    }

    fn evidence(&self, finding: &Finding) -> String {
        evidence(finding)
    }

    fn loud(&self, moment: &Moment) -> bool {
        matches!(moment.event.as_str(), "workload out" | "operation failed" | "drain timed out" | "node failed")
    }

    fn clock(&self, seconds: &f64) -> String {
        words::clock(*seconds)
    }

    fn list(&self, items: &[String]) -> String {
        if items.is_empty() { "none".to_string() } else { text::plain(&items.join(", ")) }
    }

    fn autoscaler(&self, pool: &Pool) -> String {
        match (pool.min_count, pool.max_count) {
            (Some(min), Some(max)) => format!("{min} to {max}"),
            _ => "off".to_string(),
        }
    }

    fn stopped(&self) -> String {
        stopped(self.r)
    }

    fn intervals(&self) -> &'static str {
        intervals(self.r.trials.sampling)
    }

    fn source(&self, name: &str) -> Option<&str> {
        self.r.change.source.get(name)?.as_str()
    }
}

/// Duration of the operation in words.
pub fn duration(report: &Report) -> String {
    let d = report.operation.duration_minutes;
    match (d.p50, d.p95) {
        (Some(p50), Some(p95)) => {
            format!("takes {} typically, {} at the 95th percentile", words::minutes(p50), words::minutes(p95))
        }
        (Some(p50), None) => {
            format!("takes {} typically; at the 95th percentile longer than was simulated", words::minutes(p50))
        }
        _ if report.operation.success.low == 1.0 => "nothing is done".to_string(),
        _ => "takes longer than was simulated".to_string(),
    }
}

/// Facts behind a finding on one line.
pub fn evidence(finding: &Finding) -> String {
    let value = |v: &serde_json::Value| match v {
        serde_json::Value::String(s) => s.clone(),
        serde_json::Value::Number(n) => n.as_f64().map_or_else(|| n.to_string(), |v| words::number(v, 6)),
        other => other.to_string(),
    };
    finding.evidence.iter().map(|(name, v)| format!("{name}: {}", value(v))).collect::<Vec<_>>().join(", ")
}

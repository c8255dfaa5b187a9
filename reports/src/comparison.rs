//! Designs compared: reports of the changes of one cluster before and after its node pools were put in order, as a text
//! table and as an index page that groups them.
//!
//! A design may take several changes, one after the other. Its outage minutes are then the sum over them; the sum of
//! their probabilities is an upper limit of the probability that any of them sees an outage; its score is the worst.

use askama::Template;

use crate::estimate::Est;
use crate::page::{Row, html};
use crate::report::Report;
use crate::{File, table, text, words};

/// A cluster before and after, with its story.
#[derive(Clone, Debug)]
pub struct Comparison<'a> {
    /// Short name.
    pub name: &'a str,
    /// One line.
    pub title: &'a str,
    /// What happened.
    pub story: &'a str,
    /// What was changed about the cluster.
    pub fix: &'a str,
    /// What others report of the time after; shown as reported elsewhere.
    pub reported: &'a str,
    /// Reports of the changes before the fix; never empty.
    pub before: Vec<&'a Report>,
    /// Reports of the same changes after it; never empty.
    pub after: Vec<&'a Report>,
}

/// What a design comes to, over its changes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// Probability that a system workload is out longer than the threshold; over several changes its upper limit.
    pub outage: Est,
    /// Minutes that system workloads are out on average, summed over workloads and changes.
    pub minutes: f64,
    /// The worst score.
    pub score: f64,
}

impl Summary {
    /// Sums up the reports of one design, the changes carried out.
    pub fn of(reports: &[&Report]) -> Summary {
        let sum = |f: fn(&Est) -> f64| {
            let all: f64 = reports.iter().map(|r| f(&r.risk.outage.proposal)).sum();
            all.min(1.0)
        };
        let system = reports.iter().flat_map(|r| r.risk.workloads.iter().filter(|w| w.weight > 0.0));
        Summary {
            outage: Est::new(sum(|e| e.estimate), sum(|e| e.low), sum(|e| e.high)),
            minutes: system.map(|w| w.loss_minutes.mean).sum(),
            score: reports.iter().map(|r| r.verdict.score).fold(0.0, f64::max),
        }
    }
}

/// A text table of every change: design, operation, score with interval, level, decision and the first reason in short.
pub fn changes_table(comparisons: &[Comparison<'_>]) -> String {
    let head = ["CASE", "DESIGN", "CHANGE", "SCORE", "LEVEL", "DECISION", "WHY"];
    let mut rows = Vec::new();
    for case in comparisons {
        for (design, reports) in [("before", &case.before), ("after", &case.after)] {
            rows.extend(reports.iter().map(|report| change_row(case, design, report)));
        }
    }
    table::aligned(head.map(str::to_string).to_vec(), rows)
}

fn change_row(case: &Comparison<'_>, design: &str, report: &Report) -> Vec<String> {
    let verdict = &report.verdict;
    let kind = report.change.operation.get("kind").and_then(|k| k.as_str());
    vec![
        case.name.to_string(),
        design.to_string(),
        format!("{} {}", kind.unwrap_or_default(), report.change.pool.as_deref().unwrap_or_default()),
        format!(
            "{} [{}-{}]",
            words::score_text(verdict.score),
            words::score_text(verdict.score_low),
            words::score_text(verdict.score_high)
        ),
        verdict.level.name().to_string(),
        verdict.decision.name().to_string(),
        in_short(verdict.why.first().map_or("", String::as_str)),
    ]
}

/// A reason up to its first clause, without what stands in brackets and what every score is measured against.
fn in_short(reason: &str) -> String {
    let clause = reason.split([';', '(']).next().unwrap_or_default();
    let sentence = clause.split(". ").next().unwrap_or_default();
    let sentence = sentence.trim().trim_end_matches('.');
    sentence.strip_suffix(" than when nothing is done").unwrap_or(sentence).to_string()
}

/// A text table of the designs: probability of an outage, outage minutes and score, before and after.
pub fn comparison_table(comparisons: &[Comparison<'_>]) -> String {
    let head = ["CASE", "P(OUTAGE) BEFORE", "AFTER", "OUTAGE MINUTES BEFORE", "AFTER", "SCORE BEFORE", "AFTER"];
    let rows = comparisons.iter().map(|case| {
        let (before, after) = (Summary::of(&case.before), Summary::of(&case.after));
        vec![
            case.name.to_string(),
            words::probability(before.outage),
            words::probability(after.outage),
            words::number(before.minutes, 2),
            words::number(after.minutes, 2),
            words::score_text(before.score),
            words::score_text(after.score),
        ]
    });
    table::aligned(head.map(str::to_string).to_vec(), rows.collect())
}

/// An index page that groups reports by case and design. `folder` is the way from the page to the reports' folders.
pub fn comparison_page(comparisons: &[Comparison<'_>], folder: &str) -> File {
    let groups = comparisons.iter().map(|case| Group::of(case, folder));
    let page = Page { style: &html::style(), groups: groups.collect() };
    File::text("index.html", html::rendered(&page))
}

#[derive(Template)]
#[template(path = "comparison.html")]
struct Page<'a> {
    style: &'a str,
    groups: Vec<Group<'a>>,
}

struct Group<'a> {
    case: &'a Comparison<'a>,
    designs: [Design; 2],
}

struct Design {
    name: &'static str,
    outage: String,
    minutes: String,
    score: String,
    rows: Vec<Told>,
}

/// A row of the index with how it comes about.
struct Told {
    index: Row,
    story: String,
}

impl<'a> Group<'a> {
    fn of(case: &'a Comparison<'a>, folder: &str) -> Group<'a> {
        Group { case, designs: [Design::of("Before", &case.before, folder), Design::of("After", &case.after, folder)] }
    }
}

impl Design {
    fn of(name: &'static str, reports: &[&Report], folder: &str) -> Design {
        let summary = Summary::of(reports);
        Design {
            name,
            outage: words::probability(summary.outage),
            minutes: words::minutes(summary.minutes),
            score: words::score_text(summary.score),
            rows: reports.iter().map(|r| Told { index: Row::below(r, folder), story: story(r) }).collect(),
        }
    }
}

/// The reason that tells of a trial, where one does.
fn story(report: &Report) -> String {
    let tells = |reason: &&String| reason.contains(" after the start, ");
    text::plain(report.verdict.why.iter().skip(1).find(tells).map_or("", String::as_str))
}

impl Page<'_> {
    fn t(&self, text: &str) -> String {
        text::plain(text)
    }
}

#[cfg(test)]
mod tests {
    use super::in_short;

    #[test]
    fn reasons_are_cut_at_their_first_clause() {
        for (reason, short) in [
            (
                "dns is out 7.6 min longer on average (cluster DNS); an outage comes in 65 % of futures.",
                "dns is out 7.6 min longer on average",
            ),
            ("Nothing is changed, so nothing can be lost.", "Nothing is changed, so nothing can be lost"),
            ("In none is it out longer than when nothing is done.", "In none is it out longer"),
            ("It fails in 4.3 % of futures. A node never joins.", "It fails in 4.3 % of futures"),
            ("", ""),
        ] {
            assert_eq!(in_short(reason), short);
        }
    }
}

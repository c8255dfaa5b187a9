//! A backtest as text, Markdown and a page with its diagrams.

use askama::Template;

use super::document::Backtest;
use super::durations::Durations;
use super::quality::Quality;
use super::recalibrate::{Method, Recalibration};
use super::tell::range;
use crate::chart::{self, Chart};
use crate::estimate::Est;
use crate::learning::Learned;
use crate::page::html;
use crate::text::markdown as md;
use crate::{File, text, words};

/// The files of a backtest: `backtest.json`, `.html`, `.md` and the charts.
pub fn bundle(backtest: &Backtest, learned: Option<&Learned>) -> Vec<File> {
    let charts = chart::backtest(backtest);
    let mut json = serde_json::to_vec_pretty(backtest).unwrap_or_default();
    json.push(b'\n');
    let mut files = vec![
        File { path: "backtest.json".into(), bytes: json },
        File::text("backtest.html", page(backtest, learned, &charts)),
        File::text("backtest.md", markdown(backtest, learned)),
    ];
    files.extend(charts.iter().map(|chart| File::text(format!("charts/{}.svg", chart.id), chart.file())));
    files
}

/// One part of a backtest, ready to be shown.
struct Part {
    id: &'static str,
    title: &'static str,
    sentence: String,
    rows: Vec<[String; 3]>,
    recalibration: Option<String>,
    charts: Vec<Chart>,
}

fn quality_part(id: &'static str, title: &'static str, q: &Quality, charts: &[Chart]) -> Part {
    Part {
        id,
        title,
        sentence: q.sentence.clone(),
        rows: quality_rows(q),
        recalibration: q.recalibration.as_ref().map(recalibrated),
        charts: charts.iter().filter(|c| c.id.ends_with(id)).cloned().collect(),
    }
}

fn parts(b: &Backtest, charts: &[Chart]) -> Vec<Part> {
    let outage = b.outage.as_ref().map(|q| quality_part("outage", "Outages of system workloads", q, charts));
    let success = b.success.as_ref().map(|q| quality_part("success", "Operations that end well", q, charts));
    let duration = b.duration.as_ref().map(|d| Part {
        id: "duration",
        title: "How long operations take",
        sentence: d.sentence.clone(),
        rows: duration_rows(d),
        recalibration: None,
        charts: charts.iter().filter(|c| c.id.ends_with("duration")).cloned().collect(),
    });
    [outage, success, duration].into_iter().flatten().collect()
}

/// Name, value with its interval, what it means.
fn quality_rows(q: &Quality) -> Vec<[String; 3]> {
    let row = |name: &str, value: String, means: &str| [name.to_owned(), value, means.to_owned()];
    let maybe = |est: Option<Est>| est.map_or("not defined: every outcome is the same".to_owned(), range);
    let skill = |est: Option<Est>| est.map_or("not defined: the reference is perfect".to_owned(), range);
    let held = q.bins.iter().filter(|b| b.holds()).count();
    vec![
        row(
            "Cases",
            format!("{}, {} happened", words::count(q.cases), words::count(q.events)),
            "forecasts with an outcome",
        ),
        row("Seen", words::probability(q.base_rate), "share that happened"),
        row("Forecast", words::percent(q.mean_forecast), "mean of the forecasts"),
        row("Brier score", range(q.brier), "mean squared distance; 0 is perfect"),
        row("Log score", range(q.log_score), "nats; 0 is perfect"),
        row(
            "Reliability",
            range(q.murphy.reliability),
            "part of the Brier score that calibration would remove; 0 is perfect",
        ),
        row("Resolution", range(q.murphy.resolution), "part that telling cases apart saves; larger is better"),
        row("Uncertainty", range(q.murphy.uncertainty), "Brier score of always saying the base rate"),
        row(
            "Spiegelhalter's z",
            q.spiegelhalter.map_or("not defined: every forecast is certain".to_owned(), |s| {
                format!("{}, p = {}", range(s.z), p_value(s.p_value))
            }),
            "about standard normal where forecasts may be taken at their word",
        ),
        row(
            "Count, exact test",
            format!("p = {}", p_value(q.count_p_value)),
            "as many events or a number less likely, were each forecast right",
        ),
        row("AUC", maybe(q.auc), "probability that what happened had the higher forecast; 0.5 is a coin"),
        row(
            "Skill against the base rate",
            skill(q.skill.base_rate),
            "share of its Brier score that the forecasts save",
        ),
        row(
            "Skill against the rule",
            skill(q.skill.rule),
            "the rule: surge below one, a budget that blocks, or a system pool of one node",
        ),
        row(
            "Bins that hold",
            format!("{held} of {}", q.bins.len()),
            "mean forecast within the 95 % limits of what was seen",
        ),
    ]
}

fn duration_rows(d: &Durations) -> Vec<[String; 3]> {
    let row = |name: &str, value: String, means: &str| [name.to_owned(), value, means.to_owned()];
    vec![
        row("Operations", words::count(d.cases), "ended well, with forecast and times"),
        row("In the 5 to 95 % band", words::probability(d.coverage), "should be 90 %"),
        row("Below it", words::probability(d.below), "should be 5 %"),
        row("Above it", words::probability(d.above), "should be 5 %"),
        row("Times the forecast median", range(d.times_median), "geometric mean; 1 is right"),
        row(
            "Evenness, chi-square",
            format!("p = {}", p_value(d.p_value)),
            "that durations fall evenly into the forecast",
        ),
    ]
}

fn p_value(p: f64) -> String {
    if p < 0.001 { "below 0.001".to_owned() } else { words::number(p, 2) }
}

fn recalibrated(r: &Recalibration) -> String {
    let how = match (r.method, r.intercept, r.slope) {
        (Method::Shrinkage, Some(a), Some(b)) => format!(
            "shrunk on the logit scale (intercept {}, slope {}; 0 and 1 change nothing)",
            words::number(a, 2),
            words::number(b, 2)
        ),
        _ => "isotonic".to_owned(),
    };
    let n = |v: f64| words::number(v, 3);
    let gain = match r.gain {
        g if g.low > 0.0 => "recalibration makes them better",
        g if g.high < 0.0 => "recalibration makes them worse",
        _ => "no clear difference",
    };
    format!(
        "Recalibrated, {how}, fitted on the earlier {} and tested on the later {}: Brier score {} raw, {} recalibrated (difference {}); log score {} raw, {} recalibrated: {gain}.",
        words::count(r.fitted_on),
        words::count(r.tested_on),
        n(r.raw_brier),
        n(r.recalibrated_brier),
        range(r.gain),
        n(r.raw_log_score),
        n(r.recalibrated_log_score),
    )
}

fn used(b: &Backtest) -> String {
    let h = b.history;
    format!(
        "{} of {} changes of the history have a forecast and an outcome.",
        words::count(h.used),
        words::count(h.changes)
    )
}

fn mitigated(b: &Backtest) -> Option<String> {
    let m = b.mitigated;
    let forecast = m
        .mean_outage_forecast
        .map(|p| format!("; an outage was forecast for them at {} on average", words::percent(p)));
    (m.cases > 0).then(|| {
        format!(
            "Kept apart: {} in which somebody acted, {} of them with an outage nevertheless{}.",
            super::tell::counted(m.cases, "change"),
            words::count(m.outages),
            forecast.unwrap_or_default()
        )
    })
}

/// For a terminal.
pub fn plain(b: &Backtest, learned: Option<&Learned>) -> String {
    let mut out = format!("{}\n", used(b));
    for part in parts(b, &[]) {
        out.push_str(&format!("\n{}\n  {}\n", part.title, part.sentence));
        let width = part.rows.iter().map(|r| r[0].chars().count()).max().unwrap_or(0);
        for [name, value, means] in &part.rows {
            out.push_str(&format!("  {name:width$}  {value:<34}  {means}\n"));
        }
        part.recalibration.iter().for_each(|r| out.push_str(&format!("  {r}\n")));
    }
    if let Some(learned) = learned {
        out.push_str(&format!("\n{}\n", learned.plain()));
    }
    out.push('\n');
    mitigated(b).iter().chain(&b.caveats).for_each(|line| out.push_str(&format!("* {line}\n")));
    out
}

/// For a change request or a wiki.
pub fn markdown(b: &Backtest, learned: Option<&Learned>) -> String {
    let mut out = format!("## Backtest\n\n{}\n\n", md(&used(b)));
    for part in parts(b, &[]) {
        out.push_str(&format!(
            "### {}\n\n{}\n\n| | value | what it is |\n|---|---|---|\n",
            part.title,
            md(&part.sentence)
        ));
        for row in &part.rows {
            out.push_str(&format!("| {} |\n", row.each_ref().map(|cell| md(cell)).join(" | ")));
        }
        out.push('\n');
        part.recalibration.iter().for_each(|r| out.push_str(&format!("{}\n\n", md(r))));
    }
    if let Some(learned) = learned {
        out.push_str("### Learned\n\n| number | before | now | from |\n|---|---|---|---|\n");
        for row in learned.rows() {
            out.push_str(&format!("| {} |\n", row.map(|cell| md(&cell)).join(" | ")));
        }
        out.push('\n');
    }
    mitigated(b).iter().chain(&b.caveats).for_each(|line| out.push_str(&format!("* {}\n", md(line))));
    out
}

fn page(b: &Backtest, learned: Option<&Learned>, charts: &[Chart]) -> String {
    let notes = mitigated(b).into_iter().chain(b.caveats.clone()).collect();
    let page = Page {
        style: &html::style(),
        used: used(b),
        parts: parts(b, charts),
        learned: learned.map(Learned::rows).unwrap_or_default(),
        notes,
        seed: b.seed,
    };
    html::rendered(&page)
}

#[derive(Template)]
#[template(path = "backtest.html")]
struct Page<'a> {
    style: &'a str,
    used: String,
    parts: Vec<Part>,
    learned: Vec<[String; 4]>,
    notes: Vec<String>,
    seed: u64,
}

impl Page<'_> {
    fn plain(&self, text: impl AsRef<str>) -> String {
        text::plain(text.as_ref())
    }
}

//! Replays: what a recorded course came to, what the model gives for the same course, and what another course would have
//! come to.

use std::collections::BTreeMap;

use askama::Template;
use schemars::JsonSchema;
use serde::Serialize;

use crate::chart::{self, Chart, Expected};
use crate::estimate::quantile;
use crate::judge::Judged;
use crate::page::html;
use crate::report::{self, Report};
use crate::text::{self, markdown as md};
use crate::{File, words};

/// A replayed recording.
#[derive(Clone, Debug)]
pub struct Replay<'a> {
    /// Title.
    pub name: String,
    /// More about it.
    pub description: Option<String>,
    /// The cluster.
    pub cluster: String,
    /// Clock time of the beginning, where known.
    pub started_at: Option<String>,
    /// The model on the recorded course.
    pub replayed: &'a Judged,
    /// Another course, in a sentence, and the model on it.
    pub counterfactual: Option<(String, &'a Judged)>,
    /// What was recorded.
    pub recorded: RecordedCourse,
    /// What was seen at the time.
    pub notes: Vec<Note>,
}

/// How the recorded course ended; absent where nobody noted it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordedCourse {
    /// Minutes out by `namespace/name`.
    pub outage_minutes: BTreeMap<String, f64>,
    /// From the start of the first change to the end of the last, minutes.
    pub duration_minutes: Option<f64>,
    /// True where the changes ended well.
    pub succeeded: Option<bool>,
    /// What was noted beside.
    pub summary: Option<String>,
}

/// Something that was seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Note {
    /// Seconds since the beginning.
    pub at_seconds: f64,
    /// `namespace/name`, where it concerns one workload.
    pub workload: Option<String>,
    /// What was seen.
    pub text: String,
}

/// Renders replay.json, replay.html, replay.md and charts/*.svg.
pub fn replay_page(replay: &Replay<'_>) -> Vec<File> {
    let compared = compared(replay);
    let lines = lines(replay, &compared);
    let mut charts: Vec<Chart> = chart::expected(&expectations(&compared))
        .into_iter()
        .collect();
    charts.extend(replay.replayed.charts());
    let page = Page {
        r: replay,
        lines: &lines,
        rows: compared.iter().map(Row::of).collect(),
        charts: &charts,
        style: &html::style(),
    };
    let document = Document::of(replay, &compared, &lines);
    let mut files = vec![
        File {
            path: "replay.json".to_string(),
            bytes: report::to_bytes(&document),
        },
        File::text("replay.html", html::rendered(&page)),
        File::text("replay.md", markdown(replay, &compared, &lines)),
    ];
    files.extend(
        charts
            .iter()
            .map(|c| File::text(format!("charts/{}.svg", c.id), c.file())),
    );
    files
}

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
    fn of(sorted: &[f64]) -> Range {
        Range {
            p05: quantile(sorted, 0.05),
            p50: quantile(sorted, 0.5),
            p95: quantile(sorted, 0.95),
        }
    }

    fn words(self) -> String {
        if self.p05 == self.p95 {
            words::minutes(self.p50)
        } else {
            format!(
                "{} ({} to {})",
                words::minutes(self.p50),
                words::minutes(self.p05),
                words::minutes(self.p95)
            )
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
    /// Share of replays with no more minutes out than recorded.
    pub at_most_recorded: Option<f64>,
    /// Share of replays with fewer minutes out than recorded.
    pub below_recorded: Option<f64>,
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

fn compared(replay: &Replay<'_>) -> Vec<Compared> {
    let losses = |judged: &Judged| -> BTreeMap<String, Vec<f64>> {
        judged.figures.losses.iter().cloned().collect()
    };
    let replayed = losses(replay.replayed);
    let other = replay
        .counterfactual
        .as_ref()
        .map(|(_, judged)| losses(judged))
        .unwrap_or_default();
    let mut names: Vec<String> = replay
        .replayed
        .figures
        .losses
        .iter()
        .map(|(name, _)| name.clone())
        .collect();
    names.extend(
        replay
            .recorded
            .outage_minutes
            .keys()
            .filter(|n| !replayed.contains_key(*n))
            .cloned(),
    );
    names
        .into_iter()
        .map(|name| {
            let recorded = replay.recorded.outage_minutes.get(&name).copied();
            let minutes = replayed.get(&name);
            let share = |count: usize, all: usize| count as f64 / all.max(1) as f64;
            let place = |below: bool| {
                let (recorded, minutes) = (recorded?, minutes?);
                let count = minutes
                    .iter()
                    .filter(|m| {
                        if below {
                            **m < recorded
                        } else {
                            **m <= recorded
                        }
                    })
                    .count();
                Some(share(count, minutes.len()))
            };
            Compared {
                recorded,
                replayed: minutes.map(|m| Range::of(m)),
                at_most_recorded: place(false),
                below_recorded: place(true),
                counterfactual: other.get(&name).map(|m| Range::of(m)),
                workload: name,
            }
        })
        .collect()
}

fn expectations(compared: &[Compared]) -> Vec<Expected> {
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

/// What the replay shows, in sentences.
fn lines(replay: &Replay<'_>, compared: &[Compared]) -> Vec<String> {
    let mut lines: Vec<String> = replay
        .recorded
        .summary
        .iter()
        .map(|s| format!("Recorded: {s}"))
        .collect();
    for c in compared {
        let (Some(recorded), Some(range), Some(within)) = (c.recorded, c.replayed, c.within())
        else {
            continue;
        };
        let place = if within {
            "as the model expects"
        } else if recorded > range.p95 {
            "more than the model expects"
        } else {
            "less than the model expects"
        };
        lines.push(format!(
            "{} was out for {}, {place}: {} in replays.",
            c.workload,
            words::minutes(recorded),
            range.words()
        ));
    }
    lines.extend(operation(replay));
    if let Some((description, judged)) = &replay.counterfactual {
        let risk = |report: &Report| words::probability_short(report.risk.outage.proposal);
        lines.push(format!(
            "{}: a system outage would come in {} of futures instead of {}.",
            description.trim_end_matches('.'),
            risk(&judged.report),
            risk(&replay.replayed.report)
        ));
        let largest = compared
            .iter()
            .filter_map(|c| Some((c, c.replayed?, c.counterfactual?)))
            .max_by(|a, b| {
                (a.1.p50 - a.2.p50)
                    .abs()
                    .total_cmp(&(b.1.p50 - b.2.p50).abs())
            });
        lines.extend(largest.filter(|(_, was, would)| was.p50 != would.p50).map(
            |(c, was, would)| {
                format!(
                    "{} would typically be out for {} instead of {}.",
                    c.workload,
                    words::minutes(would.p50),
                    words::minutes(was.p50)
                )
            },
        ));
    }
    lines
}

fn operation(replay: &Replay<'_>) -> Vec<String> {
    let report = &replay.replayed.report;
    let mut lines = Vec::new();
    if let Some(succeeded) = replay.recorded.succeeded {
        let ended = if succeeded { "ended well" } else { "failed" };
        lines.push(format!(
            "The changes really {ended}; they end well in {} of replays.",
            words::probability_short(report.operation.success)
        ));
    }
    if let (Some(recorded), Some(p50)) = (
        replay.recorded.duration_minutes,
        report.operation.duration_minutes.p50,
    ) {
        let p95 = report
            .operation
            .duration_minutes
            .p95
            .map_or("longer than was simulated".to_string(), words::minutes);
        lines.push(format!(
            "They really took {}; replays take {} typically, {p95} at the 95th percentile.",
            words::minutes(recorded),
            words::minutes(p50)
        ));
    }
    lines
}

struct Row {
    name: String,
    recorded: String,
    replayed: String,
    place: String,
    other: String,
}

impl Row {
    fn of(c: &Compared) -> Row {
        let range = |r: Option<Range>| r.map_or("–".to_string(), Range::words);
        let place = match (c.below_recorded, c.at_most_recorded) {
            (Some(below), Some(at_most)) => format!(
                "{} of replays lose less, {} more",
                words::percent(below),
                words::percent(1.0 - at_most)
            ),
            _ if c.recorded.is_some() => "not watched in the snapshot".to_string(),
            _ => "not recorded".to_string(),
        };
        Row {
            name: c.workload.clone(),
            recorded: c.recorded.map_or("–".to_string(), words::minutes),
            replayed: range(c.replayed),
            place,
            other: range(c.counterfactual),
        }
    }
}

#[derive(Template)]
#[template(path = "replay.html")]
struct Page<'a> {
    r: &'a Replay<'a>,
    lines: &'a [String],
    rows: Vec<Row>,
    charts: &'a [Chart],
    style: &'a str,
}

impl Page<'_> {
    fn plain(&self, text: impl AsRef<str>) -> String {
        text::plain(text.as_ref())
    }

    fn clock(&self, seconds: &f64) -> String {
        words::clock(*seconds)
    }

    fn count(&self, n: &u64) -> String {
        words::count(*n)
    }
}

/// `replay.json`, schema `poolproof.replay-result/1`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Document {
    /// `poolproof.replay-result/1`.
    pub schema: &'static str,
    /// Title.
    pub name: String,
    /// What the replay shows, in sentences.
    pub findings: Vec<String>,
    /// What was recorded.
    pub recorded: RecordedCourse,
    /// Recorded against replayed, by workload.
    pub workloads: Vec<Compared>,
    /// The model on the recorded course.
    pub replayed: Report,
    /// The other course, in a sentence.
    pub counterfactual: Option<String>,
    /// The model on the other course.
    pub counterfactual_report: Option<Report>,
}

impl Document {
    fn of(replay: &Replay<'_>, compared: &[Compared], lines: &[String]) -> Document {
        Document {
            schema: "poolproof.replay-result/1",
            name: replay.name.clone(),
            findings: lines.to_vec(),
            recorded: replay.recorded.clone(),
            workloads: compared.to_vec(),
            replayed: replay.replayed.report.clone(),
            counterfactual: replay.counterfactual.as_ref().map(|(text, _)| text.clone()),
            counterfactual_report: replay
                .counterfactual
                .as_ref()
                .map(|(_, judged)| judged.report.clone()),
        }
    }
}

fn markdown(replay: &Replay<'_>, compared: &[Compared], lines: &[String]) -> String {
    let mut out = format!("## {}\n\n", md(&replay.name));
    for line in lines {
        out.push_str(&format!("* {}\n", md(line)));
    }
    out.push_str("\n| workload | recorded | replayed: median (5 to 95 %) | other course |\n|---|---|---|---|\n");
    for row in compared.iter().map(Row::of) {
        out.push_str(&format!(
            "| {} | {} | {} | {} |\n",
            md(&row.name),
            row.recorded,
            row.replayed,
            row.other
        ));
    }
    out
}

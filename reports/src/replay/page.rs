//! The page of a replay, and its table as Markdown.

use askama::Template;

use super::{Compared, Range, Replay};
use crate::chart::Chart;
use crate::page::html;
use crate::text::{self, markdown as md};
use crate::words;

/// replay.html.
pub fn html(replay: &Replay<'_>, compared: &[Compared], lines: &[String], charts: &[Chart]) -> String {
    let rows = compared.iter().map(Row::of).collect();
    html::rendered(&Page { r: replay, lines, rows, charts, style: &html::style() })
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
        let place = match (c.below_recorded, c.above_recorded) {
            (Some(below), Some(above)) => {
                format!(
                    "{} of replays lose less, {} more",
                    words::probability_short(below),
                    words::probability_short(above)
                )
            }
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

/// replay.md.
pub fn markdown(replay: &Replay<'_>, compared: &[Compared], lines: &[String]) -> String {
    let mut out = format!("## {}\n\n", md(&replay.name));
    for line in lines {
        out.push_str(&format!("* {}\n", md(line)));
    }
    out.push_str("\n| workload | recorded | replayed: median (5 to 95 %) | other course |\n|---|---|---|---|\n");
    for row in compared.iter().map(Row::of) {
        out.push_str(&format!("| {} | {} | {} | {} |\n", md(&row.name), row.recorded, row.replayed, row.other));
    }
    if !replay.claims.is_empty() {
        out.push_str("\n| what it must show | course | holds at | for example |\n|---|---|---|---|\n");
    }
    for claim in &replay.claims {
        let why = claim.why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
        out.push_str(&format!(
            "| {}{} | {} | {}: {} of {} points | {} |\n",
            md(&claim.says),
            md(&why),
            md(&claim.course),
            claim.state,
            claim.held,
            claim.points,
            md(&claim.example)
        ));
    }
    out
}

//! Pages and files of a report folder.

use askama::Template;

use crate::judge::Judged;
use crate::report::{self, Report};
use crate::{File, text, words};

pub(crate) mod alternatives;
pub mod causes;
pub mod courses;
pub(crate) mod html;
mod markdown;
mod scale;

/// Renders report.json, report.html, report.md and charts/*.svg.
pub fn bundle(judged: &Judged) -> Vec<File> {
    let report = &judged.report;
    let charts = judged.charts();
    let mut files = vec![
        File { path: "report.json".to_string(), bytes: report::to_bytes(report) },
        File::text("report.html", html::page(report, &charts)),
        File::text("report.md", markdown::page(report)),
    ];
    files.extend(charts.iter().map(|chart| File::text(format!("charts/{}.svg", chart.id), chart.file())));
    files
}

/// Renders an index page over several reports, in the given order.
pub fn index(reports: &[Report]) -> File {
    index_of(reports.iter().map(Row::of).collect())
}

/// The same over rows that were made before.
pub fn index_of(rows: Vec<Row>) -> File {
    let page = Index { style: &html::style(), rows };
    File::text("index.html", html::rendered(&page))
}

#[derive(Template)]
#[template(path = "index.html")]
struct Index<'a> {
    style: &'a str,
    rows: Vec<Row>,
}

/// A report as a row of an index: a small part of it, for who keeps many.
#[derive(Clone, Debug)]
pub struct Row {
    pub(crate) href: String,
    pub(crate) name: String,
    cluster: String,
    pub(crate) score: String,
    pub(crate) interval: String,
    pub(crate) scale: String,
    pub(crate) level: &'static str,
    pub(crate) decision: &'static str,
    pub(crate) blocked: bool,
    pub(crate) why: String,
}

impl Index<'_> {
    fn heading(&self) -> String {
        match self.rows.len() {
            1 => "1 change, scored".to_string(),
            n => format!("{n} changes, scored"),
        }
    }
}

impl Row {
    /// The row of a report whose folder lies beside the index.
    pub fn of(report: &Report) -> Row {
        Row::below(report, ".")
    }

    /// A row whose link goes through `folder`.
    pub(crate) fn below(report: &Report, folder: &str) -> Row {
        let verdict = &report.verdict;
        let prefix = if folder == "." { String::new() } else { format!("{folder}/") };
        Row {
            href: format!("{prefix}{}/report.html", path_part(&report.id)),
            name: text::plain(&words::capital(html::title(report))),
            cluster: format!("cluster {}", text::plain(&report.cluster.name)),
            score: words::score_text(verdict.score),
            interval: format!("{} to {}", words::score_text(verdict.score_low), words::score_text(verdict.score_high)),
            scale: scale::svg(verdict, scale::Labels::None),
            level: verdict.level.name(),
            decision: verdict.decision.name(),
            blocked: verdict.blocked,
            why: text::plain(verdict.why.first().map_or("", String::as_str)),
        }
    }
}

/// An id as part of a relative link: anything but letters, digits, dash and underscore is dropped.
fn path_part(id: &str) -> String {
    id.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-' || *c == '_').collect()
}

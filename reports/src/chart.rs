//! Charts: a picture in two widths, what it says in words, and its numbers. Titles state what is seen.

use crate::figures::Figures;
use crate::text;

mod canvas;
mod dns;
mod expected;
mod fell;
mod free;
mod grid;
mod heat;
mod minutes;
mod nodes;
mod panel;
mod plans;
mod progress;
mod ready;
mod reliability;
mod series;

pub use canvas::{DARK, Picture};
pub use expected::{Expected, expected};
pub use heat::{HeatMap, heat_map};
pub(crate) use plans::chart as plans;
pub(crate) use progress::chart as progress;

/// A drawn chart.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chart {
    /// Id, unique on a page; also the file's name. Letters and dashes only.
    pub id: String,
    /// What it shows, as a statement.
    pub title: String,
    /// What is drawn, for those who do not see it.
    pub description: String,
    /// One sentence on how to read it.
    pub reading: String,
    /// The picture for wide pages and for the file.
    pub wide: Picture,
    /// The picture for narrow pages.
    pub narrow: Picture,
    /// Its numbers.
    pub table: Table,
}

/// Every chart that the figures have data for.
pub fn draw(figures: &Figures) -> Vec<Chart> {
    [ready::chart(figures), free::chart(figures), minutes::chart(figures), dns::chart(figures), nodes::chart(figures)]
        .into_iter()
        .flatten()
        .collect()
}

/// The diagrams of a backtest.
pub fn backtest(backtest: &crate::backtest::Backtest) -> Vec<Chart> {
    let outage = backtest.outage.as_ref().and_then(|q| reliability::chart("outage", q));
    let success = backtest.success.as_ref().and_then(|q| reliability::chart("success", q));
    let duration = backtest.duration.as_ref().map(fell::chart);
    [outage, success, duration].into_iter().flatten().collect()
}

impl Chart {
    /// The wide picture for a page.
    pub fn wide(&self) -> String {
        self.wide.inline(&format!("{}-w", self.id), &self.title, &self.description)
    }

    /// The narrow picture for a page.
    pub fn narrow(&self) -> String {
        self.narrow.inline(&format!("{}-n", self.id), &self.title, &self.description)
    }

    /// The picture as a file.
    pub fn file(&self) -> String {
        self.wide.file(&self.id, &self.title, &self.description)
    }

    /// The numbers as an HTML table.
    pub fn table_html(&self) -> String {
        self.table.html()
    }
}

/// Numbers of a chart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// Column headings; the first column names the row.
    pub head: Vec<String>,
    /// Rows.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// The table as HTML.
    pub fn html(&self) -> String {
        let mut out = String::from("<table><thead><tr>");
        for (i, cell) in self.head.iter().enumerate() {
            let class = if i == 0 { "" } else { " class=\"n\"" };
            out.push_str(&format!("<th scope=\"col\"{class}>{}</th>", text::xml(cell)));
        }
        out.push_str("</tr></thead><tbody>");
        for row in &self.rows {
            out.push_str("<tr>");
            for (i, cell) in row.iter().enumerate() {
                let cell = text::xml(cell);
                out.push_str(&if i == 0 {
                    format!("<th scope=\"row\">{cell}</th>")
                } else {
                    format!("<td class=\"n\">{cell}</td>")
                });
            }
            out.push_str("</tr>");
        }
        out.push_str("</tbody></table>");
        out
    }
}

//! The table of several reports for a terminal.

use crate::report::Report;
use crate::text;
use crate::words;

/// Widths of the columns change, score, level, decision and why, in characters; with gaps 120 in all.
const WIDTHS: [usize; 5] = [38, 13, 8, 9, 44];

/// A plain text table: change, score with interval, level, decision, first reason.
pub fn summary_table(reports: &[&Report]) -> String {
    let mut out = row(["CHANGE", "SCORE", "LEVEL", "DECISION", "WHY"].map(str::to_string));
    for report in reports {
        let verdict = &report.verdict;
        let why = verdict.why.first().map(String::as_str).unwrap_or_default();
        let name = if report.change.summary.is_empty() { &report.id } else { &report.change.summary };
        out.push_str(&row([
            name.clone(),
            format!(
                "{} [{}-{}]",
                words::score_text(verdict.score),
                words::score_text(verdict.score_low),
                words::score_text(verdict.score_high)
            ),
            verdict.level.name().to_string(),
            format!("{}{}", verdict.decision.name(), if verdict.blocked { " *" } else { "" }),
            why.to_string(),
        ]));
    }
    if reports.iter().any(|r| r.verdict.blocked) {
        out.push_str("* blocked: the platform will refuse this change\n");
    }
    out
}

fn row(cells: [String; 5]) -> String {
    let cells = cells.iter().zip(WIDTHS).map(|(cell, width)| {
        let cell = text::cut(&text::plain(cell), width);
        let gap = width.saturating_sub(cell.chars().count());
        format!("{cell}{}", " ".repeat(gap))
    });
    let line = cells.collect::<Vec<_>>().join("  ");
    format!("{}\n", line.trim_end())
}

/// Widest column of an aligned table, in characters.
const WIDEST: usize = 36;

/// Rows under a head, columns as wide as their content; a row may end early.
pub(crate) fn aligned(head: Vec<String>, rows: Vec<Vec<String>>) -> String {
    let clean = |row: Vec<String>| row.iter().map(|c| text::plain(c)).collect::<Vec<_>>();
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(rows).map(clean).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    // A last cell that stands for several columns does not widen its own.
    let full = |row: &&Vec<String>| row.len() == columns;
    let width = |i: usize| {
        rows.iter().filter(full).filter_map(|r| r.get(i)).map(|c| c.chars().count().min(WIDEST)).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let last = row.len().saturating_sub(1);
        let cells = row.iter().enumerate().map(|(i, cell)| {
            let room = if i == last { 70 } else { widths[i] };
            let cell = text::cut(cell, room);
            let gap = if i == last { 0 } else { room.saturating_sub(cell.chars().count()) };
            format!("{cell}{}", " ".repeat(gap))
        });
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

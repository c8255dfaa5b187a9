//! Tables of bands over time: a row whenever something changes.

use super::Table;
use crate::figures::Compared;
use crate::words;

/// Median and band of several quantities over time; rows that repeat the one before are left out.
pub fn table(horizon: f64, columns: &[(String, &Compared)]) -> Table {
    let mut table = Table { head: vec!["from".to_string()], rows: Vec::new() };
    for (name, _) in columns {
        table.head.push(format!("{name}, with the change"));
        table.head.push(format!("{name}, doing nothing"));
    }
    let steps = columns.iter().map(|(_, c)| c.proposal.len().max(c.baseline.len())).max().unwrap_or(0);
    for step in 0..steps {
        let cells: Vec<String> =
            columns.iter().flat_map(|(_, c)| [&c.proposal, &c.baseline]).map(|bands| cell(bands, step)).collect();
        if table.rows.last().is_some_and(|last| last[1..] == cells[..]) {
            continue;
        }
        let from = words::clock(60.0 * horizon * step as f64 / steps as f64);
        table.rows.push([vec![from], cells].concat());
    }
    table
}

fn cell(bands: &crate::figures::Bands, step: usize) -> String {
    let number = |values: &[f64]| values.get(step).map_or_else(String::new, |v| words::number(*v, 3));
    let (low, median, high) = (number(&bands.low), number(&bands.median), number(&bands.high));
    if low == high { median } else { format!("{median} ({low} to {high})") }
}

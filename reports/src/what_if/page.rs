//! The page of a grid, and its table as Markdown.

use askama::Template;

use super::{Cell, Outcome, WhatIf};
use crate::chart::Chart;
use crate::estimate::Est;
use crate::page::html;
use crate::text::{self, markdown as md};
use crate::words;

/// whatif.html.
pub fn html(what_if: &WhatIf, charts: &[Chart]) -> String {
    html::rendered(&Page { w: what_if, charts, style: &html::style() })
}

#[derive(Template)]
#[template(path = "whatif.html")]
struct Page<'a> {
    w: &'a WhatIf,
    charts: &'a [Chart],
    style: &'a str,
}

impl Page<'_> {
    fn plain(&self, text: impl AsRef<str>) -> String {
        text::plain(text.as_ref())
    }

    fn answer(&self) -> String {
        self.plain(answer(self.w))
    }

    fn score(&self, score: &f64) -> String {
        words::score_text(*score)
    }

    fn minutes(&self, minutes: &f64) -> String {
        words::minutes(*minutes)
    }

    fn probability(&self, est: &Est) -> String {
        words::probability(*est)
    }

    fn level(&self, cell: &Cell) -> &'static str {
        cell.outcome.as_ref().map_or("", |o| o.level.name())
    }

    fn takes(&self, outcome: &Outcome) -> String {
        outcome.duration_minutes.p50.map_or("–".to_string(), words::minutes)
    }

    fn cost(&self, outcome: &Outcome) -> String {
        outcome.cost_usd.map_or("–".to_string(), |cost| words::number(cost, 2))
    }
}

/// The best and the worst combination in one sentence.
fn answer(what_if: &WhatIf) -> String {
    let scored: Vec<(&Cell, &Outcome)> =
        what_if.cells.iter().filter_map(|c| c.outcome.as_ref().ok().map(|o| (c, o))).collect();
    let key = |o: &Outcome| (o.score, o.added_outage_minutes.estimate, o.outage.estimate);
    let order = |a: &Outcome, b: &Outcome| key(a).partial_cmp(&key(b)).unwrap_or(std::cmp::Ordering::Equal);
    let best = scored.iter().min_by(|a, b| order(a.1, b.1));
    let worst = scored.iter().rev().max_by(|a, b| order(a.1, b.1));
    let (Some((best_cell, best)), Some((worst_cell, worst))) = (best, worst) else {
        return "None of the combinations is possible.".to_string();
    };
    let named = |cell: &Cell| {
        what_if.axes.iter().zip(&cell.values).map(|(a, v)| format!("{} {v}", a.name)).collect::<Vec<_>>().join(", ")
    };
    if order(best, worst).is_eq() {
        return format!("All combinations come to the same: score {}.", words::score_text(best.score));
    }
    format!(
        "Least is lost with {}: score {}, a system outage in {} of futures. Most with {}: score {}, {}.",
        named(best_cell),
        words::score_text(best.score),
        words::probability_short(best.outage),
        named(worst_cell),
        words::score_text(worst.score),
        words::probability_short(worst.outage)
    )
}

/// whatif.md.
pub fn markdown(what_if: &WhatIf) -> String {
    let mut out = format!("## {}\n\n", md(&what_if.name));
    if let Some(description) = &what_if.description {
        out.push_str(&format!("{}\n\n", md(description)));
    }
    out.push_str(&format!(
        "Cluster {}. {}\n\n**{}**\n\n|",
        md(&what_if.cluster),
        md(&what_if.change),
        md(&answer(what_if))
    ));
    for axis in &what_if.axes {
        out.push_str(&format!(" {} |", md(&axis.name)));
    }
    out.push_str(" score | level | added outage | outage with the change | doing nothing |\n|");
    out.push_str(&"---|".repeat(what_if.axes.len() + 5));
    out.push('\n');
    for cell in &what_if.cells {
        out.push('|');
        for value in &cell.values {
            out.push_str(&format!(" {} |", md(value)));
        }
        match &cell.outcome {
            Ok(o) => out.push_str(&format!(
                " {} ({} to {}) | {} | {} | {} | {} |\n",
                words::score_text(o.score),
                words::score_text(o.score_low),
                words::score_text(o.score_high),
                o.level.name(),
                words::added_minutes(o.added_outage_minutes),
                words::probability(o.outage),
                words::probability(o.baseline)
            )),
            Err(why) => out.push_str(&format!(" not possible: {} | | | | |\n", md(why))),
        }
    }
    out
}

//! What-ifs: many combinations of a few values, scored side by side. A table of all of them and heat maps of the first
//! two axes, one for each combination of the others.

use askama::Template;
use schemars::JsonSchema;
use serde::Serialize;

use crate::chart::{self, Chart, HeatMap};
use crate::estimate::Est;
use crate::page::html;
use crate::report::{self, Decision, DurationMinutes, Level, Report};
use crate::text::{self, markdown as md};
use crate::{File, words};

/// Most heat maps of one measure.
const MAPS: usize = 6;

/// A grid of scored combinations, schema `poolproof.whatif-result/1`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WhatIf {
    /// `poolproof.whatif-result/1`.
    pub schema: &'static str,
    /// What is asked, as a title.
    pub name: String,
    /// More about it.
    pub description: Option<String>,
    /// The cluster.
    pub cluster: String,
    /// The change in one line.
    pub change: String,
    /// What varies.
    pub axes: Vec<Axis>,
    /// Every combination, in order.
    pub cells: Vec<Cell>,
    /// Root seed.
    pub seed: u64,
    /// Version of the engine.
    pub engine: String,
}

/// Something that varies.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Axis {
    /// Its name.
    pub name: String,
    /// Its values, in order.
    pub values: Vec<String>,
}

/// One combination.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Cell {
    /// A value for each axis.
    pub values: Vec<String>,
    /// What it came to, or why it is not possible.
    pub outcome: Result<Outcome, String>,
}

/// What a combination came to.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the fields carry the names of the report")]
pub struct Outcome {
    pub score: f64,
    pub score_low: f64,
    pub score_high: f64,
    pub level: Level,
    pub decision: Decision,
    pub added_outage_minutes: Est,
    pub outage: Est,
    pub baseline: Est,
    pub success: Est,
    pub duration_minutes: DurationMinutes,
    pub cost_usd: Option<f64>,
    /// Relative address of the combination's own report.
    pub href: Option<String>,
}

/// Value of [`WhatIf::schema`].
pub const SCHEMA: &str = "poolproof.whatif-result/1";

impl Outcome {
    /// The outcome of a scored combination; `href` is the relative address of its report, where it has one.
    pub fn of(report: &Report, href: Option<String>) -> Outcome {
        Outcome {
            score: report.verdict.score,
            score_low: report.verdict.score_low,
            score_high: report.verdict.score_high,
            level: report.verdict.level,
            decision: report.verdict.decision,
            added_outage_minutes: report.risk.added_outage_minutes,
            outage: report.risk.outage.proposal,
            baseline: report.risk.outage.baseline,
            success: report.operation.success,
            duration_minutes: report.operation.duration_minutes,
            cost_usd: report.operation.cost_usd,
            href,
        }
    }
}

/// Renders whatif.json, whatif.html, whatif.md and charts/*.svg.
pub fn what_if_page(what_if: &WhatIf) -> Vec<File> {
    let charts = charts(what_if);
    let page = Page {
        w: what_if,
        charts: &charts,
        style: &html::style(),
    };
    let mut files = vec![
        File {
            path: "whatif.json".to_string(),
            bytes: report::to_bytes(what_if),
        },
        File::text("whatif.html", html::rendered(&page)),
        File::text("whatif.md", markdown(what_if)),
    ];
    files.extend(
        charts
            .iter()
            .map(|c| File::text(format!("charts/{}.svg", c.id), c.file())),
    );
    files
}

/// The table for a terminal.
pub fn what_if_table(what_if: &WhatIf) -> String {
    let names = what_if.axes.iter().map(|a| a.name.clone());
    let head = names
        .chain(
            [
                "SCORE",
                "LEVEL",
                "ADDED",
                "OUTAGE",
                "NOTHING DONE",
                "ENDS WELL",
            ]
            .map(str::to_string),
        )
        .collect();
    let rows = what_if.cells.iter().map(|cell| {
        let figures = match &cell.outcome {
            Ok(o) => vec![
                format!(
                    "{} [{}-{}]",
                    words::score_text(o.score),
                    words::score_text(o.score_low),
                    words::score_text(o.score_high)
                ),
                o.level.name().to_string(),
                words::minutes(o.added_outage_minutes.estimate),
                words::probability_short(o.outage),
                words::probability_short(o.baseline),
                words::probability_short(o.success),
            ],
            Err(why) => vec![format!("not possible: {why}")],
        };
        [cell.values.clone(), figures].concat()
    });
    crate::table::aligned(head, rows.collect())
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
        outcome
            .duration_minutes
            .p50
            .map_or("–".to_string(), words::minutes)
    }

    fn cost(&self, outcome: &Outcome) -> String {
        outcome
            .cost_usd
            .map_or("–".to_string(), |cost| words::number(cost, 2))
    }
}

/// The best and the worst combination in one sentence.
fn answer(what_if: &WhatIf) -> String {
    let scored: Vec<(&Cell, &Outcome)> = what_if
        .cells
        .iter()
        .filter_map(|c| c.outcome.as_ref().ok().map(|o| (c, o)))
        .collect();
    let key = |o: &Outcome| (o.score, o.added_outage_minutes.estimate, o.outage.estimate);
    let order = |a: &Outcome, b: &Outcome| {
        key(a)
            .partial_cmp(&key(b))
            .unwrap_or(std::cmp::Ordering::Equal)
    };
    let best = scored.iter().min_by(|a, b| order(a.1, b.1));
    let worst = scored.iter().rev().max_by(|a, b| order(a.1, b.1));
    let (Some((best_cell, best)), Some((worst_cell, worst))) = (best, worst) else {
        return "None of the combinations is possible.".to_string();
    };
    let named = |cell: &Cell| {
        what_if
            .axes
            .iter()
            .zip(&cell.values)
            .map(|(a, v)| format!("{} {v}", a.name))
            .collect::<Vec<_>>()
            .join(", ")
    };
    if order(best, worst).is_eq() {
        return format!(
            "All combinations come to the same: score {}.",
            words::score_text(best.score)
        );
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

/// Heat maps of score and of outage probability.
fn charts(what_if: &WhatIf) -> Vec<Chart> {
    let Some(across) = what_if.axes.get(1).or(what_if.axes.first()) else {
        return Vec::new();
    };
    let down = if what_if.axes.len() > 1 {
        what_if.axes.first()
    } else {
        None
    };
    let others = what_if.axes.get(2..).unwrap_or_default();
    let mut charts = Vec::new();
    type Measure = fn(&Outcome) -> f64;
    let measures: [(&str, &str, Measure, Option<f64>); 2] = [
        ("score", "Score of the change", |o| o.score, Some(100.0)),
        (
            "outage",
            "Per cent of futures with a system outage",
            |o| 100.0 * o.outage.estimate,
            // Half of all futures is as bad as the colour can say; below, pale means rare.
            Some(50.0),
        ),
    ];
    for (id, unit, measure, full) in measures {
        for (i, fixed) in combinations(others).into_iter().take(MAPS).enumerate() {
            let condition: Vec<String> = others
                .iter()
                .zip(&fixed)
                .map(|(a, v)| format!("{} {v}", a.name))
                .collect();
            let value = |y: Option<&String>, x: &String| {
                let wanted: Vec<&String> = y.into_iter().chain([x]).chain(&fixed).collect();
                let cell = what_if
                    .cells
                    .iter()
                    .find(|c| c.values.iter().eq(wanted.iter().copied()))?;
                cell.outcome.as_ref().ok().map(measure)
            };
            let values = match down {
                Some(down) => down
                    .values
                    .iter()
                    .map(|y| across.values.iter().map(|x| value(Some(y), x)).collect())
                    .collect(),
                None => vec![across.values.iter().map(|x| value(None, x)).collect()],
            };
            let (least, most) = span(&values);
            let range = if least == most {
                least
            } else {
                format!("{least} to {most}")
            };
            let where_fixed = if condition.is_empty() {
                String::new()
            } else {
                format!(", {}", condition.join(", "))
            };
            let by = down.map_or(across.name.clone(), |d| {
                format!("{} and {}", d.name, across.name)
            });
            let mut chart = chart::heat_map(&HeatMap {
                title: format!("{unit}: {range} over {by}{where_fixed}"),
                x: (across.name.clone(), across.values.clone()),
                y: down.map_or((String::new(), vec![String::new()]), |d| {
                    (d.name.clone(), d.values.clone())
                }),
                values,
                unit: unit.to_string(),
                full,
            });
            chart.id = if i == 0 {
                format!("heat-{id}")
            } else {
                format!("heat-{id}-{}", i + 1)
            };
            charts.push(chart);
        }
    }
    charts
}

/// The least and the largest value in words.
fn span(values: &[Vec<Option<f64>>]) -> (String, String) {
    let all = || values.iter().flatten().flatten().copied();
    let word = |value: Option<f64>| value.map_or("–".to_string(), |v| words::number(v, 2));
    (
        word(all().min_by(f64::total_cmp)),
        word(all().max_by(f64::total_cmp)),
    )
}

/// Every combination of the values of the axes, in order; one empty combination of no axes.
fn combinations(axes: &[Axis]) -> Vec<Vec<String>> {
    axes.iter().fold(vec![Vec::new()], |all, axis| {
        all.iter()
            .flat_map(|head| {
                axis.values
                    .iter()
                    .map(move |v| [head.as_slice(), std::slice::from_ref(v)].concat())
            })
            .collect()
    })
}

fn markdown(what_if: &WhatIf) -> String {
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

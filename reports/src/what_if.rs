//! What-ifs: many combinations of a few values, scored side by side. A table of all of them and heat maps of the first
//! two axes, one for each combination of the others.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::estimate::Est;
use crate::report::{self, Decision, DurationMinutes, Level, Report};
use crate::{File, words};

mod maps;
mod page;

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
    /// What it came to, or why it is not possible; written as the fields of one, or as `impossible`.
    #[serde(flatten, with = "either")]
    #[schemars(with = "either::Written")]
    pub outcome: Result<Outcome, String>,
}

/// What a combination came to.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
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

/// How an outcome is written.
mod either {
    use schemars::JsonSchema;
    use serde::{Serialize, Serializer};

    use super::Outcome;

    /// The fields of an outcome, or the reason why there is none.
    #[derive(Serialize, JsonSchema)]
    #[serde(rename_all = "camelCase")]
    pub struct Written {
        #[serde(skip_serializing_if = "Option::is_none")]
        outcome: Option<Outcome>,
        #[serde(skip_serializing_if = "Option::is_none")]
        impossible: Option<String>,
    }

    pub fn serialize<S: Serializer>(outcome: &Result<Outcome, String>, to: S) -> Result<S::Ok, S::Error> {
        let written = match outcome {
            Ok(outcome) => Written { outcome: Some(outcome.clone()), impossible: None },
            Err(why) => Written { outcome: None, impossible: Some(why.clone()) },
        };
        written.serialize(to)
    }
}

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
    let charts = maps::charts(what_if);
    let mut files = vec![
        File { path: "whatif.json".to_string(), bytes: report::to_bytes(what_if) },
        File::text("whatif.html", page::html(what_if, &charts)),
        File::text("whatif.md", page::markdown(what_if)),
    ];
    files.extend(charts.iter().map(|c| File::text(format!("charts/{}.svg", c.id), c.file())));
    files
}

/// The table for a terminal.
pub fn what_if_table(what_if: &WhatIf) -> String {
    let names = what_if.axes.iter().map(|a| a.name.clone());
    let head =
        names.chain(["SCORE", "LEVEL", "ADDED", "OUTAGE", "NOTHING DONE", "ENDS WELL"].map(str::to_string)).collect();
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

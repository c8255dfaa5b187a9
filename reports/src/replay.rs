//! Replays: what a recorded course came to, what the model gives for the same course, and what another course would have
//! come to.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::File;
use crate::chart::{self, Chart};
use crate::judge::Judged;
use crate::report::{self, Report};

mod compare;
mod page;
mod tell;

pub use compare::{Compared, Range};

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
    /// What a simulation must show of it, held against the model.
    pub claims: Vec<Claim>,
}

/// Something that a simulation must show, and whether it does.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Claim {
    /// What is to be seen.
    pub says: String,
    /// The course it is about.
    pub course: String,
    /// `holds`, `known` (it is known not to hold, and why) or `fails`.
    pub state: String,
    /// Points of the sweep it was held against.
    pub points: u64,
    /// Points at which it holds.
    pub held: u64,
    /// Value and bound at a point, the first at which it does not hold where there is one.
    pub example: String,
    /// Why it is known not to hold.
    pub why: Option<String>,
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
    let compared = compare::compared(replay);
    let lines = tell::lines(replay, &compared);
    let mut charts: Vec<Chart> = chart::expected(&compare::expectations(&compared)).into_iter().collect();
    charts.extend(replay.replayed.charts());
    let document = Document::of(replay, &compared, &lines);
    let mut files = vec![
        File { path: "replay.json".to_string(), bytes: report::to_bytes(&document) },
        File::text("replay.html", page::html(replay, &compared, &lines, &charts)),
        File::text("replay.md", page::markdown(replay, &compared, &lines)),
    ];
    files.extend(charts.iter().map(|c| File::text(format!("charts/{}.svg", c.id), c.file())));
    files
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
    /// What a simulation must show of it; empty where nothing is stated.
    pub claims: Vec<Claim>,
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
            claims: replay.claims.clone(),
            counterfactual: replay.counterfactual.as_ref().map(|(text, _)| text.clone()),
            counterfactual_report: replay.counterfactual.as_ref().map(|(_, judged)| judged.report.clone()),
        }
    }
}

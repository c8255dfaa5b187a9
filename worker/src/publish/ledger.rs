//! One report per change: which report stands for a change, whatever order its messages come in and however often.
//!
//! Azure tells of one operation several times (Started, Accepted, Succeeded) and delivers each of them at least once, in
//! any order. All of them carry the same change id; the ledger of a store keeps, for each id, how far the change had come
//! in the message whose report stands. What is further replaces it, what is less far is acknowledged without a report:
//!
//! | the message, beside the one whose report stands | what becomes of it |
//! |---|---|
//! | none yet | scored; its report stands |
//! | further: a later phase, else a later time, else a failure | scored; its report takes the place of the other |
//! | less far (Started after Succeeded) | overtaken: nothing is simulated or published |
//! | the same event again, an end or a beginning | a repeat: the report that stands is announced again |
//! | the same proposal again | scored again; with the same snapshot and settings the same report, else it replaces the other |
//!
//! The ledger is written before the report, so that no report exists that it does not know; what it names and does not
//! exist yet is on its way, for the message is not acknowledged. Replaced predictions stay in the line with their scores.

use jiff::Timestamp;
use reports::Report;
use scenarios::Change;
use scenarios::change::Phase;
use serde::{Deserialize, Serialize};

/// Replaced reports that a line remembers.
const REMEMBERED: usize = 8;

/// How far a change had come in a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    /// Id of the change; the same for all messages about it.
    pub change: String,
    phase: Phase,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<Timestamp>,
    #[serde(default)]
    failed: bool,
    /// Id of the event, which decides between two that are equally far.
    #[serde(default)]
    event: String,
}

/// The line of one change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    schema: String,
    #[serde(flatten)]
    standing: Standing,
    /// The report that stands.
    pub report: String,
    score: f64,
    level: String,
    /// Reports that stood before, oldest first.
    #[serde(default)]
    pub earlier: Vec<Earlier>,
}

/// A report that was replaced, and what it had said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Earlier {
    /// Its id.
    pub report: String,
    phase: Phase,
    score: f64,
    level: String,
}

/// What a report is beside the one that stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// The first of its change.
    New,
    /// It stands already.
    Repeat,
    /// It takes the place of another.
    Replaces,
    /// Another stands, of a message that is further.
    Overtaken,
}

/// What the ledger says of a message before anything is simulated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// It has to be scored.
    No,
    /// The same event was scored before; its report stands.
    Repeat(String),
    /// A message that is further was scored before.
    Overtaken(String),
}

impl Standing {
    /// How far the change has come by this message.
    pub fn of(change: &Change) -> Standing {
        Standing {
            change: safe(&change.id),
            phase: change.phase,
            time: change.source.time.as_deref().and_then(|time| time.parse().ok()),
            failed: change.result.as_ref().is_some_and(|result| !result.succeeded),
            event: change.source.event_id.clone().unwrap_or_default(),
        }
    }

    fn rank(&self) -> (Phase, Option<Timestamp>, bool, &str) {
        (self.phase, self.time, self.failed, &self.event)
    }

    /// What is known of the message, going by the line of its change.
    pub fn known(&self, line: Option<&Line>) -> Known {
        match line.map(|line| (line, self.rank().cmp(&line.standing.rank()))) {
            Some((line, std::cmp::Ordering::Less)) => Known::Overtaken(line.report.clone()),
            Some((line, std::cmp::Ordering::Equal)) if self.phase != Phase::Proposed => {
                Known::Repeat(line.report.clone())
            }
            _ => Known::No,
        }
    }

    /// What becomes of this report, and the line to be written for it where there is one. `is_there` says whether the report
    /// that stands can be read.
    pub fn enter(
        &self,
        report: &Report,
        line: Option<Line>,
        is_there: impl FnOnce(&str) -> bool,
    ) -> (Relation, Option<Line>) {
        let relation = match (&line, self.known(line.as_ref())) {
            (None, _) => Relation::New,
            (Some(line), _) if line.report == report.id => return (Relation::Repeat, None),
            (_, Known::Overtaken(_)) => Relation::Overtaken,
            (_, Known::Repeat(stands)) if is_there(&stands) => Relation::Overtaken,
            _ => Relation::Replaces,
        };
        if relation == Relation::Overtaken {
            return (relation, None);
        }
        let mut earlier = Vec::new();
        if let Some(line) = line {
            earlier = line.earlier;
            earlier.push(Earlier {
                report: line.report,
                phase: line.standing.phase,
                score: line.score,
                level: line.level,
            });
            earlier.retain(|e| e.report != report.id);
            earlier.drain(..earlier.len().saturating_sub(REMEMBERED));
        }
        let line = Line {
            schema: "poolproof.ledger/1".into(),
            standing: self.clone(),
            report: report.id.clone(),
            score: report.verdict.score,
            level: report.verdict.level.name().to_owned(),
            earlier,
        };
        (relation, Some(line))
    }
}

impl Line {
    /// Reads a line; one that is damaged counts as none, for what it said is found out again.
    pub fn read(bytes: &[u8]) -> Option<Line> {
        serde_json::from_slice(bytes).ok()
    }

    /// The file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }
}

/// Where the line of a change lies, relative to the store: folders by the first digits, so that none grows too large.
pub fn path_of(change: &str) -> String {
    let change = safe(change);
    format!("{FOLDER}/{}/{change}.json", &change[..2])
}

/// The folder of the ledger.
pub const FOLDER: &str = ".changes";

/// Ids are digests; whatever else comes along is made one before it becomes part of a path.
fn safe(change: &str) -> String {
    let is_digest = (8..=64).contains(&change.len()) && change.bytes().all(|c| c.is_ascii_hexdigit());
    if is_digest { change.to_owned() } else { crate::pipeline::digest(change.as_bytes()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(text: &str) -> Standing {
        let mut words = text.split(' ');
        let phase = match words.next() {
            Some("proposed") => Phase::Proposed,
            Some("started") => Phase::InFlight,
            _ => Phase::Completed,
        };
        let mut standing = Standing { change: "c".repeat(32), phase, time: None, failed: false, event: String::new() };
        for word in words {
            match word {
                "failed" => standing.failed = true,
                time if time.contains(':') => standing.time = format!("2026-03-02T{time}:00Z").parse().ok(),
                event => standing.event = event.to_owned(),
            }
        }
        standing
    }

    fn line(text: &str) -> Line {
        let schema = "poolproof.ledger/1".into();
        Line {
            schema,
            standing: standing(text),
            report: "stands".into(),
            score: 1.0,
            level: "low".into(),
            earlier: Vec::new(),
        }
    }

    #[test]
    fn what_is_further_wins_in_any_order() {
        for (stands, comes, expected) in [
            ("started 06:00", "completed 06:09", "no"),
            ("completed 06:09", "started 06:00", "overtaken"),
            ("completed 06:09", "started 06:30", "overtaken"),
            ("started 06:00", "started 06:01", "no"),
            ("started 06:01", "started 06:00", "overtaken"),
            ("completed 06:09", "completed 06:09 failed", "no"),
            ("completed 06:09 failed", "completed 06:09", "overtaken"),
            ("completed 06:09 a", "completed 06:09 a", "repeat"),
            ("completed 06:09 b", "completed 06:09 a", "overtaken"),
            ("proposed", "proposed", "no"),
            ("proposed 06:05", "proposed 06:00", "overtaken"),
        ] {
            let found = match standing(comes).known(Some(&line(stands))) {
                Known::No => "no",
                Known::Repeat(_) => "repeat",
                Known::Overtaken(_) => "overtaken",
            };
            assert_eq!(found, expected, "{comes} after {stands}");
        }
        assert_eq!(standing("started").known(None), Known::No);
    }

    #[test]
    fn lines_survive_being_written_and_lie_under_digests() {
        let written = line("completed 06:09 failed a");
        assert_eq!(Line::read(&written.to_bytes()), Some(written));
        assert_eq!(Line::read(b"half a li"), None);
        assert_eq!(path_of(&"ab".repeat(16)), format!(".changes/ab/{}.json", "ab".repeat(16)));
        assert!(!path_of("../../etc/passwd").contains(".."));
    }
}

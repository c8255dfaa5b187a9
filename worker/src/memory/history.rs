//! From what is kept to a history: which proposal an event carries out, and which events tell of one operation.
//!
//! Azure ties the records of a call by correlation id, and these make one change. What it does not tie is tied here, by cluster,
//! pool, kind and time, each at most once, nearest first:
//!
//! | | to | within |
//! |---|---|---|
//! | the end of a rolling operation (AKS' own events carry no correlation id) | its beginning | 48 h |
//! | a rolling operation | the call of which it is the work | 1 h between their ends |
//! | an operation | the proposal with its correlation id, else the latest before its beginning | 7 days |

use std::collections::BTreeMap;

use reports::backtest::history::{Observed, Row, SCHEMA};
use scenarios::outcome::StatedOutcome;

use super::store::{Entry, instant};

const HOUR: i64 = 3_600_000;
/// From the beginning of a rolling operation to its end, at most.
const LONGEST: i64 = 48 * HOUR;
/// Between the ends of a call and of the rolling operation that is its work, at most.
const TOGETHER: i64 = HOUR;
/// From a proposal to the beginning of its operation, at most.
const PATIENCE: i64 = 7 * 24 * HOUR;

/// The history of what is kept, in the order of time.
pub fn rows(entries: Vec<Entry>, statements: &[(String, StatedOutcome)]) -> Vec<Row> {
    let statements: BTreeMap<&str, &StatedOutcome> = statements.iter().map(|(key, s)| (key.as_str(), s)).collect();
    let (events, mut proposals): (Vec<Entry>, Vec<Entry>) = entries.into_iter().partition(is_event);
    let mut operations = without_repeats(joined(events));
    operations.sort_by(|a, b| (begin(a), &a.id).cmp(&(begin(b), &b.id)));
    let mut rows = Vec::new();
    for operation in operations {
        let proposal = proposal_of(&operation, &proposals).map(|at| proposals.remove(at));
        rows.push(row(&operation, proposal.as_ref(), &statements));
    }
    rows.extend(proposals.iter().map(|proposal| row(proposal, None, &statements)));
    rows.sort_by(|a, b| (a.time(), &a.change).cmp(&(b.time(), &b.change)));
    rows
}

fn is_event(entry: &Entry) -> bool {
    entry.started.is_some() || entry.ended.is_some() || entry.proposed.is_none()
}

fn begin(entry: &Entry) -> Option<i64> {
    entry.started.or(entry.ended)
}

/// Ends and beginnings of rolling operations, which come as changes of their own, made one.
fn joined(mut events: Vec<Entry>) -> Vec<Entry> {
    events.sort_by(|a, b| (begin(a), &a.id).cmp(&(begin(b), &b.id)));
    let mut found: Vec<Entry> = Vec::new();
    for event in events {
        let end = event.ended.filter(|_| event.started.is_none() && event.kind == "rolling");
        let begun = |before: &&mut Entry| {
            before.kind == "rolling"
                && before.ended.is_none()
                && same_pool(before, &event)
                && before.started.zip(end).is_some_and(|(from, to)| (0..=LONGEST).contains(&(to - from)))
        };
        match found.iter_mut().rev().find(begun) {
            Some(before) => {
                (before.ended, before.succeeded, before.code) = (event.ended, event.succeeded, event.code);
                before.prediction = before.prediction.take().or(event.prediction);
            }
            None => found.push(event),
        }
    }
    found
}

/// Rolling operations that are the work of a call which is told of as well are left to the call.
fn without_repeats(events: Vec<Entry>) -> Vec<Entry> {
    let calls: Vec<Entry> = events.iter().filter(|e| e.kind != "rolling").cloned().collect();
    let of_call = |event: &Entry| {
        let near = |a: Option<i64>, b: Option<i64>| a.zip(b).is_some_and(|(a, b)| (a - b).abs() <= TOGETHER);
        let same = |call: &Entry| {
            same_pool(call, event) && (near(call.ended, event.ended) || near(call.started, event.started))
        };
        event.kind == "rolling" && calls.iter().any(same)
    };
    events.into_iter().filter(|event| !of_call(event)).collect()
}

/// The place of the proposal that an operation carries out.
fn proposal_of(operation: &Entry, proposals: &[Entry]) -> Option<usize> {
    let tied = |p: &Entry| operation.correlation.is_some() && p.correlation == operation.correlation;
    let begin = begin(operation)?;
    let fits = |p: &Entry| {
        let time = p.proposed.is_some_and(|at| (0..=PATIENCE).contains(&(begin - at)));
        time && same_pool(p, operation) && same_kind(&p.kind, &operation.kind)
    };
    let at = |(place, _): (usize, &Entry)| place;
    let by_tie = proposals.iter().enumerate().find(|(_, p)| tied(p)).map(at);
    let free = |p: &Entry| p.correlation.is_none() || operation.correlation.is_none();
    by_tie.or_else(|| {
        let fitting = proposals.iter().enumerate().filter(|(_, p)| free(p) && fits(p));
        fitting.max_by_key(|(_, p)| (p.proposed, &p.id)).map(at)
    })
}

/// One cluster (by id where both say it, else by name) and one pool; a call on the cluster reaches every pool.
fn same_pool(a: &Entry, b: &Entry) -> bool {
    let cluster = match (&a.cluster_id, &b.cluster_id) {
        (Some(a), Some(b)) => a == b,
        _ => a.cluster == b.cluster,
    };
    cluster && (a.pool == b.pool || a.pool.is_none() || b.pool.is_none())
}

/// Events of whole writes do not say what they change; that of a rolling operation is an upgrade, or as good as one.
fn same_kind(proposed: &str, seen: &str) -> bool {
    match seen {
        "rolling" => {
            ["upgrade", "resizePool", "rollback", "putPool", "setTaints", "rotateCertificates"].contains(&proposed)
        }
        "unknown" | "putPool" => true,
        _ => proposed == seen || proposed == "putPool",
    }
}

fn row(entry: &Entry, proposal: Option<&Entry>, statements: &BTreeMap<&str, &StatedOutcome>) -> Row {
    let keys =
        [Some(entry), proposal].into_iter().flatten().flat_map(|e| [Some(e.id.as_str()), e.correlation.as_deref()]);
    let stated = keys.flatten().find_map(|key| statements.get(key).copied());
    let text = |own: Option<i64>, said: Option<&String>| own.and_then(instant).or_else(|| said.cloned());
    let started_at = text(entry.started, stated.and_then(|s| s.started_at.as_ref()));
    let ended_at = text(entry.ended, stated.and_then(|s| s.ended_at.as_ref()));
    let outcome = observed(entry, stated, started_at.as_deref(), ended_at.as_deref());
    let proposed = proposal.unwrap_or(entry);
    Row {
        schema: SCHEMA.into(),
        change: entry.id.clone(),
        cluster: entry.cluster.clone(),
        pool: entry.pool.clone().or_else(|| proposed.pool.clone()),
        operation: if proposal.is_some() { proposed.kind.clone() } else { entry.kind.clone() },
        proposed_at: proposed.proposed.and_then(instant),
        started_at,
        ended_at,
        prediction: proposal.and_then(|p| p.prediction.clone()).or_else(|| entry.prediction.clone()),
        outcome: Some(outcome).filter(|o| !o.is_empty()),
    }
}

fn observed(entry: &Entry, stated: Option<&StatedOutcome>, from: Option<&str>, to: Option<&str>) -> Observed {
    let stated = stated.cloned().unwrap_or_default();
    let minutes = || {
        let at = |text: &str| text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond);
        let length = at(to?)? - at(from?)?;
        (length >= 0).then_some(length as f64 / 60_000.0)
    };
    Observed {
        succeeded: entry.succeeded.or(stated.succeeded),
        code: entry.code.clone().or_else(|| stated.code.clone()),
        duration_minutes: minutes(),
        outage: stated.outage(),
        outage_minutes: stated.outage_minutes,
        mitigated: stated.mitigated.unwrap_or(false),
        interruptions: stated.interruptions,
        node_days: stated.node_days,
        note: stated.note,
    }
}

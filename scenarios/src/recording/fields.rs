//! The wire form of a recording, and reading it part by part.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{Counterfactual, Observed, Recording, SCHEMA, TimedChange, event};
use crate::change::ChangeSettings;
use crate::cluster_source::ClusterSource;
use crate::complaint::{Complaint, Complaints};
use crate::part::{self, Parts, shown};
use crate::what_if::Setting;

/// Most events in one recording.
const MOST_EVENTS: usize = 10_000;

/// A recording, schema `poolproof.recording/1`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RecordingFields {
    /// `poolproof.recording/1`.
    pub schema: String,
    /// Name for titles and folders.
    pub name: String,
    /// What it is about.
    pub description: Option<String>,
    /// The cluster at the start: a snapshot, or a path or name of one.
    pub snapshot: Option<Value>,
    /// Path or name of the snapshot, instead of `snapshot`.
    pub snapshot_ref: Option<String>,
    /// Clock time of minute 0 (RFC 3339); needed where events give a `time`.
    pub started_at: Option<String>,
    /// Settings for every run.
    #[serde(default)]
    pub settings: ChangeSettings,
    /// What happened.
    pub events: Vec<EventFields>,
    /// How it ended.
    #[serde(default)]
    pub observed: ObservedFields,
    /// What might have been done instead.
    pub counterfactual: Option<CounterfactualFields>,
}

/// One event. Which members belong to which kind stands beside them.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EventFields {
    /// Minutes after the start; this or `time`.
    pub at_minutes: Option<f64>,
    /// Clock time (RFC 3339); this or `atMinutes`.
    pub time: Option<String>,
    /// What kind of event.
    pub kind: EventKind,
    /// `change`: an `az` command, a proposal (`pool`, `operation`), or any message with a pool operation.
    pub change: Option<Value>,
    /// `nodeFailure`, `nodeFault`, `greyNode`, `spotEviction`, `upstreamFails`: the node, by its name or as `POOL/NUMBER`;
    /// `requestsLost`: one node instead of all.
    pub node: Option<String>,
    /// `zoneFailure`, `nodesFail`, `nodesSilent`, `noMachines`: the zone, such as `westeurope-1` or `1`.
    pub zone: Option<String>,
    /// The same kinds: one pool instead of all.
    pub pool: Option<String>,
    /// `nodeFailure`, `zoneFailure`, `nodesFail`: minutes until the nodes were Ready again.
    pub down_minutes: Option<f64>,
    /// `nodesFail`, `nodesSilent`: probability (0-1) that a node is hit, 1 when absent. `requestsLost`, `upstreamFails`: the share
    /// of requests.
    pub share: Option<f64>,
    /// `nodesFail`, `nodesSilent`: minutes within which nodes are hit; 0 when absent.
    pub within_minutes: Option<f64>,
    /// `load`, `burst`, `observed`: `namespace/name` of one workload instead of all; `gatesLifted`, `rollout`, `replicas`, `capacity`,
    /// `memoryLimit`, `requestsLost`: the workload.
    pub workload: Option<String>,
    /// `load`, `burst`: multiple of the base load; `capacity`: of what each replica could serve.
    pub factor: Option<f64>,
    /// `replicas`: how many.
    pub replicas: Option<u32>,
    /// `memoryLimit`: the limit in MiB; none when absent.
    pub memory_mib: Option<f64>,
    /// `burst`: minutes from base to top; 0 when absent.
    pub ramp_minutes: Option<f64>,
    /// `burst`: minutes at the top; `greyNode`, `nodesSilent`, `noMachines`, `requestsLost`, `upstreamFails`: minutes it lasts.
    pub hold_minutes: Option<f64>,
    /// `burst`: time constant of the way back in minutes; 0 when absent.
    pub decay_minutes: Option<f64>,
    /// `observed`: what was seen. Elsewhere a remark.
    pub note: Option<String>,
}

/// Kinds of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum EventKind {
    /// A pool was changed.
    Change,
    /// A node died.
    NodeFailure,
    /// A zone died.
    ZoneFailure,
    /// A node broke and came back only by repair.
    NodeFault,
    /// A node reported Ready and was of no use.
    GreyNode,
    /// The platform took a spot node back.
    SpotEviction,
    /// Many nodes failed.
    NodesFail,
    /// The control plane lost sight of many nodes, whose pods served on.
    NodesSilent,
    /// The platform had no machines to give.
    NoMachines,
    /// A workload was meant to have other replicas.
    Replicas,
    /// Each replica of a service could serve another amount.
    Capacity,
    /// The memory limit of a service's containers was changed.
    MemoryLimit,
    /// Nodes lost a part of what their pods asked of a service.
    RequestsLost,
    /// A node could not reach what its DNS servers ask in turn.
    UpstreamFails,
    /// The load changed and stayed.
    Load,
    /// The load rose and fell.
    Burst,
    /// The scheduling gates of a workload's pods were lifted.
    GatesLifted,
    /// A workload got another template (a new image, new settings), and rolled out.
    Rollout,
    /// Something was seen.
    Observed,
}

/// How the recorded course ended.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ObservedFields {
    /// Minutes of outage by `namespace/name`.
    #[serde(default)]
    pub outage_minutes: BTreeMap<String, f64>,
    /// Minutes from the start of the first change to the end of the last.
    pub duration_minutes: Option<f64>,
    /// True where the changes ended well.
    pub succeeded: Option<bool>,
    /// What was noted beside.
    pub summary: Option<String>,
}

/// What might have been done instead: at least one member beside the description.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CounterfactualFields {
    /// One sentence.
    pub description: String,
    /// Another cluster to begin with.
    pub snapshot: Option<Value>,
    /// Path or name of another cluster.
    pub snapshot_ref: Option<String>,
    /// Another change in place of those recorded, starting when the first of them did.
    pub change: Option<Value>,
    /// Other changes with their times; an empty list for none at all.
    pub changes: Option<Vec<TimedChangeFields>>,
    /// Settings on top of the recording's.
    #[serde(default)]
    pub settings: ChangeSettings,
    /// Values of what-if axes, such as `{"maxSurge": "33%", "nodeCount": 3}`.
    pub set: Option<serde_json::Map<String, Value>>,
}

/// A change with its time.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TimedChangeFields {
    /// Minutes after the start; this or `time`.
    pub at_minutes: Option<f64>,
    /// Clock time (RFC 3339); this or `atMinutes`.
    pub time: Option<String>,
    /// As in events of kind `change`.
    pub change: Value,
}

/// Reads a recording.
pub(super) fn parse(bytes: &[u8]) -> Result<Recording, Complaints> {
    let mut parts = Parts::of(part::document(bytes)?, "");
    check_schema(&mut parts);
    let name: Option<String> = required(&mut parts, "name", "a name");
    let description = parts.read("description");
    let cluster = ClusterSource::take(&mut parts);
    if cluster.is_none() {
        parts.complain("snapshot", "nothing", "a snapshot, or snapshotRef with a path or name of one");
    }
    let started_at: Option<String> = parts.read("startedAt");
    let clock = event::Clock::new(started_at.as_deref(), &mut parts);
    let settings = parts.read("settings").unwrap_or_default();
    let cluster_name = cluster.as_ref().and_then(ClusterSource::cluster_name).map(str::to_owned);
    let mut timeline = event::Timeline::new(clock, cluster_name);
    for (i, value) in events(&mut parts).into_iter().enumerate() {
        timeline.event(value, &format!("events[{i}]"));
    }
    let observed = observed(&mut parts);
    let counterfactual = parts.take("counterfactual").and_then(|value| counterfactual(value, &mut timeline));
    timeline.sort();
    parts.add(std::mem::take(&mut timeline.complaints));
    let complaints = parts.finish(
        "schema, name, description, snapshot, snapshotRef, startedAt, settings, events, observed, counterfactual",
    );
    let event::Timeline { changes, happenings, notes, .. } = timeline;
    match (complaints.is_empty(), name, cluster) {
        (true, Some(name), Some(cluster)) => Ok(Recording {
            name,
            description,
            cluster,
            started_at,
            settings,
            changes,
            happenings,
            notes,
            observed,
            counterfactual,
        }),
        _ => Err(Complaints(complaints)),
    }
}

fn check_schema(parts: &mut Parts) {
    match parts.take("schema") {
        Some(Value::String(s)) if s == SCHEMA => {}
        other => parts.complain("schema", shown(&other.unwrap_or_default()), format!("\"{SCHEMA}\"")),
    }
}

fn required(parts: &mut Parts, key: &str, what: &str) -> Option<String> {
    match parts.take(key) {
        Some(Value::String(text)) if !text.trim().is_empty() => Some(text),
        other => {
            parts.complain(key, shown(&other.unwrap_or_default()), what);
            None
        }
    }
}

fn events(parts: &mut Parts) -> Vec<Value> {
    match parts.take("events") {
        Some(Value::Array(events)) if events.len() <= MOST_EVENTS => events,
        other => {
            parts.complain(
                "events",
                shown(&other.unwrap_or_default()),
                format!("a list of at most {MOST_EVENTS} events"),
            );
            Vec::new()
        }
    }
}

fn observed(parts: &mut Parts) -> Observed {
    let fields: ObservedFields = parts.read("observed").unwrap_or_default();
    for (workload, minutes) in &fields.outage_minutes {
        if !minutes.is_finite() || *minutes < 0.0 {
            parts.complain(&format!("observed.outageMinutes.{workload}"), minutes, "minutes of at least 0");
        }
    }
    if let Some(minutes) = fields.duration_minutes.filter(|m| !m.is_finite() || *m < 0.0) {
        parts.complain("observed.durationMinutes", minutes, "minutes of at least 0");
    }
    let ObservedFields { outage_minutes, duration_minutes, succeeded, summary } = fields;
    Observed { outage_minutes, duration_minutes, succeeded, summary }
}

fn counterfactual(value: Value, timeline: &mut event::Timeline) -> Option<Counterfactual> {
    let mut parts = Parts::of(value, "counterfactual");
    let description = required(&mut parts, "description", "one sentence");
    let cluster = ClusterSource::take(&mut parts);
    let settings: Option<ChangeSettings> = parts.read("settings");
    let set = parts.take("set").map(|v| settings_of(v, &mut parts));
    let changes = other_changes(&mut parts, timeline);
    if cluster.is_none() && settings.is_none() && set.is_none() && changes.is_none() {
        parts.complain(
            "change",
            "nothing",
            "what is done otherwise: change, changes, settings, set, snapshot or snapshotRef",
        );
    }
    timeline.complaints.extend(parts.finish("description, snapshot, snapshotRef, change, changes, settings, set"));
    let (settings, set) = (settings.unwrap_or_default(), set.unwrap_or_default());
    Some(Counterfactual { description: description?, cluster, changes, settings, set })
}

fn settings_of(value: Value, parts: &mut Parts) -> Vec<Setting> {
    let Value::Object(map) = value else {
        parts.complain("set", shown(&value), "an object of what-if axes and values");
        return Vec::new();
    };
    let mut settings = Vec::new();
    for (axis, value) in map {
        match Setting::read(&axis, &value) {
            Ok(setting) => settings.push(setting),
            Err(expected) => parts.complain(&format!("set.{axis}"), shown(&value), expected),
        }
    }
    settings
}

fn other_changes(parts: &mut Parts, timeline: &mut event::Timeline) -> Option<Vec<TimedChange>> {
    let single = parts.take("change");
    let several = parts.take("changes");
    if single.is_some() && several.is_some() {
        parts.complain("changes", "both change and changes", "one of them");
    }
    if let Some(value) = single {
        let first = timeline.changes.iter().map(|c| c.at).min().unwrap_or_default();
        return Some(timeline.changes_of(value, &parts.at("change"), first));
    }
    let Value::Array(items) = several? else {
        parts.complain("changes", "something else", "a list of changes with their times");
        return None;
    };
    let mut changes = Vec::new();
    for (i, item) in items.into_iter().enumerate() {
        let path = format!("{}[{i}]", parts.at("changes"));
        match part::read::<TimedChangeFields>(item, &path) {
            Ok(fields) => changes.extend(timed(fields, &path, timeline)),
            Err(complaint) => parts.add([complaint]),
        }
    }
    changes.sort_by_key(|c| c.at);
    Some(changes)
}

fn timed(fields: TimedChangeFields, path: &str, timeline: &mut event::Timeline) -> Vec<TimedChange> {
    match timeline.clock.at(fields.at_minutes, fields.time.as_deref(), path) {
        Ok(at) => timeline.changes_of(fields.change, &format!("{path}.change"), at),
        Err(complaint) => {
            let complaint: Complaint = complaint;
            timeline.complaints.push(complaint);
            Vec::new()
        }
    }
}

//! Events of a recording: each becomes a change, a happening or a note at a time after the start.

use jiff::Timestamp;
use serde_json::Value;
use simulator::Duration;

use super::{EventFields, EventKind, NamedHappening, NamedWhom, Note, TimedChange, TimedHappening};
use crate::complaint::Complaint;
use crate::inline;
use crate::part::{self, Parts};

/// Longest time a recording may span, in minutes: 31 days.
const LONGEST: f64 = 31.0 * 24.0 * 60.0;

/// Largest multiple of the base load.
const LARGEST_FACTOR: f64 = 1000.0;

/// Turns clock times into minutes after the start.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    start: Option<Timestamp>,
}

impl Clock {
    /// A clock that starts at an RFC 3339 time.
    pub(super) fn new(started_at: Option<&str>, parts: &mut Parts) -> Clock {
        let start = started_at.and_then(|text| match text.parse() {
            Ok(time) => Some(time),
            Err(_) => {
                parts.complain("startedAt", text, "a time such as 2026-03-01T02:00:00Z");
                None
            }
        });
        Clock { start }
    }

    /// Time after the start.
    pub(super) fn at(&self, minutes: Option<f64>, time: Option<&str>, path: &str) -> Result<Duration, Complaint> {
        match (minutes, time) {
            (Some(minutes), None) => span(minutes).ok_or_else(|| too_long(&format!("{path}.atMinutes"), minutes)),
            (None, Some(text)) => self.after_start(text, &format!("{path}.time")),
            (Some(_), Some(_)) => Err(Complaint::at(format!("{path}.time"), "both atMinutes and time", "one of them")),
            (None, None) => {
                Err(Complaint::at(format!("{path}.atMinutes"), "nothing", "when it happened: atMinutes or time"))
            }
        }
    }

    fn after_start(&self, text: &str, path: &str) -> Result<Duration, Complaint> {
        let time: Timestamp =
            text.parse().map_err(|_| Complaint::at(path, text, "a time such as 2026-03-01T02:10:00Z"))?;
        let start = self.start.ok_or_else(|| Complaint::at(path, text, "startedAt in the recording, to count from"))?;
        let minutes = time.duration_since(start).as_secs_f64() / 60.0;
        span(minutes)
            .ok_or_else(|| Complaint::at(path, text, format!("a time from startedAt to {LONGEST} minutes later")))
    }
}

/// What has been read of a recording's events.
#[derive(Debug)]
pub(super) struct Timeline {
    pub(super) clock: Clock,
    cluster: Option<String>,
    pub(super) changes: Vec<TimedChange>,
    pub(super) happenings: Vec<TimedHappening>,
    pub(super) notes: Vec<Note>,
    pub(super) complaints: Vec<Complaint>,
}

impl Timeline {
    /// Nothing read yet; `cluster` names the cluster where changes do not.
    pub(super) fn new(clock: Clock, cluster: Option<String>) -> Timeline {
        Timeline {
            clock,
            cluster,
            changes: Vec::new(),
            happenings: Vec::new(),
            notes: Vec::new(),
            complaints: Vec::new(),
        }
    }

    /// Reads one event.
    pub(super) fn event(&mut self, value: Value, path: &str) {
        let fields: EventFields = match part::read(value, path) {
            Ok(fields) => fields,
            Err(complaint) => return self.complaints.push(complaint),
        };
        let at = match self.clock.at(fields.at_minutes, fields.time.as_deref(), path) {
            Ok(at) => at,
            Err(complaint) => {
                self.complaints.push(complaint);
                Duration::ZERO
            }
        };
        let mut event = Event { fields, path, complaints: Vec::new() };
        event.refuse_strangers();
        match event.fields.kind {
            EventKind::Change => {
                if let Some(change) = event.need("change", |f| f.change.take()) {
                    let changes = self.changes_of(change, &format!("{path}.change"), at);
                    self.changes.extend(changes);
                }
            }
            EventKind::Observed => {
                if let Some(text) = event.need("note", |f| f.note.take()) {
                    self.notes.push(Note { at, workload: event.fields.workload.take(), text });
                }
            }
            _ => {
                if let Some(what) = event.happening() {
                    self.happenings.push(TimedHappening { at, what, path: path.to_owned() });
                }
            }
        }
        self.complaints.append(&mut event.complaints);
    }

    /// Reads an inline change that began at `at`; what is wrong with it is kept among the complaints.
    pub(super) fn changes_of(&mut self, value: Value, path: &str, at: Duration) -> Vec<TimedChange> {
        match inline::changes(value, path, self.cluster.as_deref()) {
            Ok(changes) => changes.into_iter().map(|change| TimedChange { at, change }).collect(),
            Err(complaints) => {
                self.complaints.extend(complaints);
                Vec::new()
            }
        }
    }

    /// Brings everything into the order of time; what happened together keeps the order it was written in.
    pub(super) fn sort(&mut self) {
        self.changes.sort_by_key(|c| c.at);
        self.happenings.sort_by_key(|h| h.at);
        self.notes.sort_by_key(|n| n.at);
    }
}

/// One event being read.
struct Event<'a> {
    fields: EventFields,
    path: &'a str,
    complaints: Vec<Complaint>,
}

impl Event<'_> {
    fn happening(&mut self) -> Option<NamedHappening> {
        match self.fields.kind {
            EventKind::NodeFailure => {
                let (node, down) = (self.node(), self.down());
                Some(NamedHappening::NodeFailure { node: node?, down: down? })
            }
            EventKind::ZoneFailure => {
                let (zone, down) = (self.need("zone", |f| f.zone.take()), self.down());
                Some(NamedHappening::ZoneFailure { zone: zone?, pool: self.fields.pool.take(), down: down? })
            }
            EventKind::NodeFault => Some(NamedHappening::NodeFault { node: self.node()? }),
            EventKind::SpotEviction => Some(NamedHappening::SpotEviction { node: self.node()? }),
            EventKind::GreyNode => {
                let (node, lasts) = (self.node(), self.lasts());
                Some(NamedHappening::GreyNode { node: node?, lasts: lasts? })
            }
            EventKind::NodesFail | EventKind::NodesSilent => {
                let silent = self.fields.kind == EventKind::NodesSilent;
                let down = if silent { self.lasts() } else { self.down() };
                let within = self.minutes("withinMinutes", self.fields.within_minutes.or(Some(0.0)));
                let share = self.share(Some(1.0));
                let whom = self.whom();
                Some(NamedHappening::Nodes { whom, share: share?, within: within?, down: down?, silent })
            }
            EventKind::NoMachines => {
                let lasts = self.lasts()?;
                Some(NamedHappening::NoMachines { whom: self.whom(), lasts })
            }
            EventKind::Replicas => {
                let (workload, replicas) = (self.workload(), self.need("replicas", |f| f.replicas));
                Some(NamedHappening::Replicas { workload: workload?, replicas: replicas? })
            }
            EventKind::Capacity => {
                let (workload, factor) = (self.workload(), self.factor());
                Some(NamedHappening::Capacity { workload: workload?, factor: factor? })
            }
            EventKind::MemoryLimit => {
                let bytes = self.fields.memory_mib.filter(|mib| (0.0..1e9).contains(mib));
                let bytes = bytes.map(|mib| (mib * f64::from(1 << 20)) as i64);
                Some(NamedHappening::MemoryLimit { workload: self.workload()?, bytes })
            }
            EventKind::RequestsLost => {
                let (workload, share, lasts) = (self.workload(), self.share(None), self.lasts());
                let node = self.fields.node.take();
                Some(NamedHappening::RequestsLost { workload: workload?, node, share: share?, lasts: lasts? })
            }
            EventKind::UpstreamFails => {
                let (node, share, lasts) = (self.node(), self.share(None), self.lasts());
                Some(NamedHappening::UpstreamFails { node: node?, share: share?, lasts: lasts? })
            }
            EventKind::Load => {
                let factor = self.factor()?;
                Some(NamedHappening::Load { workload: self.fields.workload.take(), factor })
            }
            EventKind::Burst => {
                let factor = self.factor();
                let hold = self.need("holdMinutes", |f| f.hold_minutes);
                let hold = self.minutes("holdMinutes", hold);
                let ramp = self.minutes("rampMinutes", self.fields.ramp_minutes.or(Some(0.0)));
                let decay = self.minutes("decayMinutes", self.fields.decay_minutes.or(Some(0.0)));
                let workload = self.fields.workload.take();
                Some(NamedHappening::Burst { workload, factor: factor?, ramp: ramp?, hold: hold?, decay: decay? })
            }
            EventKind::GatesLifted => Some(NamedHappening::GatesLifted { workload: self.workload()? }),
            EventKind::Rollout => Some(NamedHappening::Rollout { workload: self.workload()? }),
            EventKind::Change | EventKind::Observed => None,
        }
    }

    fn need<T>(&mut self, key: &str, take: impl FnOnce(&mut EventFields) -> Option<T>) -> Option<T> {
        let value = take(&mut self.fields);
        if value.is_none() {
            let expected = format!("{key}, as kind {:?} needs it", self.fields.kind);
            self.complaints.push(Complaint::at(format!("{}.{key}", self.path), "nothing", expected));
        }
        value
    }

    fn node(&mut self) -> Option<String> {
        self.need("node", |f| f.node.take())
    }

    fn workload(&mut self) -> Option<String> {
        self.need("workload", |f| f.workload.take())
    }

    fn whom(&mut self) -> NamedWhom {
        NamedWhom { pool: self.fields.pool.take(), zone: self.fields.zone.take() }
    }

    fn down(&mut self) -> Option<Duration> {
        let down = self.need("downMinutes", |f| f.down_minutes);
        self.minutes("downMinutes", down)
    }

    fn lasts(&mut self) -> Option<Duration> {
        let lasts = self.need("holdMinutes", |f| f.hold_minutes);
        self.minutes("holdMinutes", lasts)
    }

    fn share(&mut self, without: Option<f64>) -> Option<f64> {
        let share = self.fields.share.or(without);
        let share = share.or_else(|| self.need("share", |f| f.share))?;
        if (0.0..=1.0).contains(&share) {
            return Some(share);
        }
        self.complaints.push(Complaint::at(format!("{}.share", self.path), share, "0 to 1"));
        None
    }

    fn factor(&mut self) -> Option<f64> {
        let factor = self.need("factor", |f| f.factor)?;
        if (0.0..=LARGEST_FACTOR).contains(&factor) {
            return Some(factor);
        }
        self.complaints.push(Complaint::at(format!("{}.factor", self.path), factor, format!("0 to {LARGEST_FACTOR}")));
        None
    }

    fn minutes(&mut self, key: &str, value: Option<f64>) -> Option<Duration> {
        let value = value?;
        let length = span(value);
        if length.is_none() {
            self.complaints.push(too_long(&format!("{}.{key}", self.path), value));
        }
        length
    }

    /// Members that say nothing for this kind are mistakes, not decoration.
    fn refuse_strangers(&mut self) {
        use EventKind::{
            Burst, Capacity, Change, GatesLifted, GreyNode, Load, MemoryLimit, NoMachines, NodeFailure, NodeFault,
            NodesFail, NodesSilent, Observed, Replicas, RequestsLost, Rollout, SpotEviction, UpstreamFails,
            ZoneFailure,
        };
        let f = &self.fields;
        let members: [(&str, bool, &[EventKind]); 13] = [
            ("change", f.change.is_some(), &[Change]),
            ("node", f.node.is_some(), &[NodeFailure, NodeFault, GreyNode, SpotEviction, UpstreamFails, RequestsLost]),
            ("zone", f.zone.is_some(), &[ZoneFailure, NodesFail, NodesSilent, NoMachines]),
            ("pool", f.pool.is_some(), &[ZoneFailure, NodesFail, NodesSilent, NoMachines]),
            ("downMinutes", f.down_minutes.is_some(), &[NodeFailure, ZoneFailure, NodesFail]),
            (
                "workload",
                f.workload.is_some(),
                &[Load, Burst, Observed, GatesLifted, Rollout, Replicas, Capacity, MemoryLimit, RequestsLost],
            ),
            ("factor", f.factor.is_some(), &[Load, Burst, Capacity]),
            ("replicas", f.replicas.is_some(), &[Replicas]),
            ("memoryMib", f.memory_mib.is_some(), &[MemoryLimit]),
            ("share", f.share.is_some(), &[NodesFail, NodesSilent, RequestsLost, UpstreamFails]),
            ("withinMinutes", f.within_minutes.is_some(), &[NodesFail, NodesSilent]),
            (
                "holdMinutes",
                f.hold_minutes.is_some(),
                &[Burst, GreyNode, NodesSilent, NoMachines, RequestsLost, UpstreamFails],
            ),
            ("rampMinutes, decayMinutes", f.ramp_minutes.or(f.decay_minutes).is_some(), &[Burst]),
        ];
        for (key, present, kinds) in members {
            if present && !kinds.contains(&f.kind) {
                let complaint = Complaint::at(self.path, key, format!("no such member for kind {:?}", f.kind));
                self.complaints.push(complaint);
            }
        }
    }
}

fn span(minutes: f64) -> Option<Duration> {
    (0.0..=LONGEST).contains(&minutes).then(|| Duration::from_secs_f64(minutes * 60.0))
}

fn too_long(path: &str, minutes: f64) -> Complaint {
    Complaint::at(path, minutes, format!("0 to {LONGEST} minutes"))
}

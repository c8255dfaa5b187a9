//! The walk through a message: opens wrappers, recognises what is inside, and collects changes, notes and complaints.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::event::{Event, Identity};
use super::json::{join, parse, show};
use super::{
    Decoded, activity_log, command_line, envelope, event_grid, example, exchange, outcome, proposal, state, terraform,
    text, what_if,
};
use crate::change::Change;
use crate::complaint::{Complaint, Complaints};
use crate::outcome::StatedOutcome;

/// Most wrappers within wrappers that are opened.
const MAX_LEVELS: usize = 8;

/// Most changes in one message: each is a simulation of its own.
pub const MAX_CHANGES: usize = 1000;

/// Most different notes in one answer.
const MAX_NOTES: usize = 100;

type Object = Map<String, Value>;

/// A format: its name, what recognises an object of it, and what reads one.
type Format = (&'static str, fn(&Object) -> bool, fn(&Object, &str, &mut Walk));

/// The formats in the order in which they are tried. The order matters: an event may hold a proposal, and descriptions
/// of resources look like bodies.
const FORMATS: [Format; 10] = [
    (event_grid::FORMAT, event_grid::recognise, event_grid::read),
    (proposal::FORMAT, proposal::recognise, proposal::read_bare),
    (outcome::FORMAT, outcome::recognise, outcome::read),
    (terraform::FORMAT, terraform::recognise, terraform::read),
    (what_if::FORMAT, what_if::recognise, what_if::read),
    (exchange::FORMAT, exchange::recognise, exchange::read),
    (example::FORMAT, example::recognise, example::read),
    (activity_log::FORMAT, activity_log::recognise, activity_log::read),
    (command_line::FORMAT, command_line::recognise, command_line::read),
    (state::FORMAT, state::recognise, state::read),
];

/// What has been found so far.
#[derive(Default)]
pub struct Walk {
    format: Option<&'static str>,
    items: Vec<Item>,
    outcomes: Vec<StatedOutcome>,
    events: BTreeMap<Identity, usize>,
    notes: Vec<String>,
    repeated: BTreeMap<String, usize>,
    complaints: Vec<Complaint>,
    level: usize,
}

enum Item {
    Change(Box<Change>),
    Event(Box<Event>),
}

impl Walk {
    /// Reads a text: JSON, command lines or base64 of either.
    pub fn text(&mut self, text: &str, path: &str) {
        self.deeper(path, |walk| text::read(text, path, walk));
    }

    /// Reads a text as JSON, or as JSON lines (activity logs in storage accounts are kept so).
    pub fn json(&mut self, text: &str, path: &str) {
        match parse(text, path) {
            Ok(value) => self.value(&value, path),
            Err(_) if is_lines(text) => {
                for (i, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
                    if self.complaints.len() > Complaints::MOST {
                        return;
                    }
                    self.json(line, &join(path, &format!("[{i}]")));
                }
            }
            Err(complaints) => self.complaints.extend(complaints),
        }
    }

    /// Reads a value.
    pub fn value(&mut self, value: &Value, path: &str) {
        match value {
            Value::Array(list) if list.is_empty() => self.none("the list is empty"),
            Value::Array(list) => self.each(list, path),
            Value::Object(map) => self.object(map, path),
            Value::String(text) => self.text(text, path),
            other => self.complain(Complaint::at(path, show(other), "a message: an object, a list or a text")),
        }
    }

    /// Reads every value of a list.
    pub fn each(&mut self, list: &[Value], path: &str) {
        for (i, value) in list.iter().enumerate() {
            if self.complaints.len() > Complaints::MOST {
                return;
            }
            self.value(value, &join(path, &format!("[{i}]")));
        }
    }

    fn object(&mut self, map: &Object, path: &str) {
        if let Some(inner) = envelope::open(map, path) {
            return self.deeper(path, |walk| inner.iter().for_each(|(value, path)| walk.value(value, path)));
        }
        match FORMATS.iter().find(|(_, recognise, _)| recognise(map)) {
            Some((format, _, read)) => {
                self.format(format);
                self.deeper(path, |walk| read(map, path, walk));
            }
            None => {
                let keys: Vec<&str> = map.keys().take(8).map(String::as_str).collect();
                let found =
                    if keys.is_empty() { "an empty object".to_owned() } else { format!("fields {}", keys.join(", ")) };
                self.complain(Complaint::at(path, found, KNOWN));
            }
        }
    }

    fn deeper(&mut self, path: &str, read: impl FnOnce(&mut Walk)) {
        if self.level >= MAX_LEVELS * 2 {
            return self.complain(Complaint::at(path, "too many wrappers", format!("at most {MAX_LEVELS} wrappers")));
        }
        self.level += 1;
        read(self);
        self.level -= 1;
    }

    /// True where a value is of a known format, or wraps something.
    pub fn is_message(&self, value: &Value) -> bool {
        match value {
            Value::Object(map) => {
                envelope::open(map, "").is_some() || FORMATS.iter().any(|(_, recognise, _)| recognise(map))
            }
            Value::Array(list) => list.first().is_some_and(|first| self.is_message(first)),
            Value::String(text) => text::looks_like_message(text),
            _ => false,
        }
    }

    /// Adds a change.
    pub fn change(&mut self, change: Change) {
        self.items.push(Item::Change(Box::new(change)));
    }

    /// Adds what is stated about the outcome of a change.
    pub fn outcome(&mut self, outcome: StatedOutcome) {
        self.outcomes.push(outcome);
    }

    /// Adds an event, or merges it into the one that tells of the same operation.
    pub fn event(&mut self, event: Event) {
        let identity = event.identity();
        if let Some(Item::Event(earlier)) = self.events.get(&identity).and_then(|place| self.items.get_mut(*place)) {
            return earlier.merge(event);
        }
        self.events.insert(identity, self.items.len());
        self.items.push(Item::Event(Box::new(event)));
    }

    /// Remembers the first format that was recognised.
    pub fn format(&mut self, format: &'static str) {
        self.format.get_or_insert(format);
    }

    /// Adds a complaint.
    pub fn complain(&mut self, complaint: Complaint) {
        self.complaints.push(complaint);
    }

    /// Where complaints go.
    pub fn complaints(&mut self) -> &mut Vec<Complaint> {
        &mut self.complaints
    }

    /// Adds a note; a repeated one is counted.
    pub fn note(&mut self, note: String) {
        match self.repeated.get_mut(&note) {
            Some(times) => *times += 1,
            None if self.notes.len() < MAX_NOTES => {
                self.repeated.insert(note.clone(), 1);
                self.notes.push(note);
            }
            None => {}
        }
    }

    /// Notes that a part of the message is no pool operation.
    pub fn none(&mut self, reason: &str) {
        self.note(format!("no pool operation: {reason}"));
    }

    /// The result: changes in the order in which they first appear, or all complaints.
    pub fn finish(mut self) -> Result<Decoded, Complaints> {
        let mut changes: Vec<Change> = Vec::new();
        let mut seen = BTreeSet::new();
        for item in std::mem::take(&mut self.items) {
            let more = match item {
                Item::Change(change) => vec![*change],
                Item::Event(event) => match event.changes(&mut self.complaints) {
                    Ok(changes) => changes,
                    Err(reason) => {
                        self.none(&reason);
                        Vec::new()
                    }
                },
            };
            changes.extend(more.into_iter().filter(|change| seen.insert(change.id.clone())));
        }
        for (n, what) in [(changes.len(), "changes"), (self.outcomes.len(), "outcomes")] {
            if n > MAX_CHANGES {
                let expected = format!("at most {MAX_CHANGES} {what} in one message");
                self.complain(Complaint::at("", format!("{n} {what}"), expected));
            }
        }
        if !self.complaints.is_empty() {
            return Err(self.complained());
        }
        let format = changes.first().map(|change| change.source.format.clone());
        let format = format.or(self.format.map(str::to_owned)).unwrap_or_default();
        let times = |note: String| match self.repeated.get(&note) {
            Some(times) if *times > 1 => format!("{note} ({times} times)"),
            _ => note,
        };
        Ok(Decoded { format, changes, outcomes: self.outcomes, notes: self.notes.into_iter().map(times).collect() })
    }

    fn complained(self) -> Complaints {
        Complaints::first_of(self.complaints)
    }
}

/// True for several lines that each look like a whole object.
fn is_lines(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty()).peekable();
    let first = lines.next();
    first.is_some()
        && lines.peek().is_some()
        && first.into_iter().chain(lines).all(|l| l.starts_with('{') && l.ends_with('}'))
}

/// What is expected of an object.
const KNOWN: &str = "a known message: a poolproof.change/1 proposal, a poolproof.outcome/1 statement, an Activity Log record, an Event Grid or CloudEvents \
                     event, a terraform plan, an ARM what-if result, an AKS request or an az command";

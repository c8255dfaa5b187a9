//! A queue with a place for snapshots and one for reports, whatever kind of queue it is: what storms, faults, the HTTP door
//! and shutdown are tested with.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::proxy::Proxy;
use crate::support::{poolproof, run};
use crate::worker::Place;

/// One queue and what belongs to it.
pub trait Site {
    /// What the queue is called in the table of faults.
    fn kind(&self) -> Kind;

    /// Puts messages on the queue.
    fn submit(&self, messages: &[Vec<u8>]) {
        self.submit_traced(messages, None);
    }

    /// The same for messages with a place in a trace.
    fn submit_traced(&self, messages: &[Vec<u8>], trace: Option<&str>);

    /// A worker that draws few futures, and soon takes up what another has left.
    fn worker(&self, words: &[&str]) -> Command;

    /// What the reports say; each is whole, and nothing half is left.
    fn documents(&self) -> Vec<Value>;

    /// Every file of the place for reports, whole or not, by its path there.
    fn files(&self) -> BTreeMap<String, Vec<u8>>;

    /// The dead letters: their entries with the message as it came under `body`.
    fn dead(&self) -> Vec<Value>;

    /// True where a message waits, is delayed or is worked on, as far as the queue tells.
    fn waits(&self) -> bool;

    /// Takes the place for reports away, or gives it back.
    fn store(&self, reachable: bool);

    /// The folder in which `reports` lies, where that is a folder.
    fn folder(&self) -> Option<&Path> {
        None
    }

    /// The way to the queue's server, where it has one.
    fn way(&self) -> Option<&Proxy> {
        None
    }
}

/// The kinds of queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(all(feature = "amqp", feature = "cloud")), allow(dead_code))]
pub enum Kind {
    Embedded,
    Rabbit,
    Azure,
}

impl Site for Place {
    fn kind(&self) -> Kind {
        Kind::Embedded
    }

    fn submit_traced(&self, messages: &[Vec<u8>], trace: Option<&str>) {
        self.submit_of(messages, trace);
    }

    fn worker(&self, words: &[&str]) -> Command {
        let mut command = Place::worker(self, &["--lease", "0.5"]);
        command.args(words).env("POOLPROOF_TRIALS", "8");
        command
    }

    fn documents(&self) -> Vec<Value> {
        Place::documents(self)
    }

    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        files_below(&self.0.path("reports"))
    }

    fn dead(&self) -> Vec<Value> {
        let shown = run(poolproof().args(["queue", "show", "--dead", "--queue", &self.0.queue()]));
        entries(&shown.expect_code(0).stdout)
    }

    fn waits(&self) -> bool {
        self.list().iter().any(|entry| entry["state"] != "dead")
    }

    fn store(&self, reachable: bool) {
        reachable_folder(&self.0.path("reports"), reachable);
    }

    fn folder(&self) -> Option<&Path> {
        Some(&self.0.0)
    }
}

/// Every file below a folder by its path there; what goes while it is read was not there.
pub fn files_below(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let (mut folders, mut found) = (vec![folder.to_owned()], BTreeMap::new());
    while let Some(next) = folders.pop() {
        for path in fs::read_dir(next).into_iter().flatten().flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(bytes) = fs::read(&path) {
                found.insert(path.strip_prefix(folder).unwrap().to_string_lossy().into_owned(), bytes);
            }
        }
    }
    found
}

/// The command with this place in a trace in its environment, or none.
pub fn traced<'a>(command: &'a mut Command, trace: Option<&str>) -> &'a mut Command {
    match trace {
        Some(trace) => command.env("TRACEPARENT", trace),
        None => command.env_remove("TRACEPARENT"),
    }
}

/// Puts a file in the way of a folder, or the folder back.
pub fn reachable_folder(folder: &Path, reachable: bool) {
    let away = folder.with_extension("away");
    if reachable {
        fs::remove_file(folder).unwrap();
        fs::rename(away, folder).unwrap();
    } else {
        fs::rename(folder, away).unwrap();
        fs::write(folder, "in the way").unwrap();
    }
}

/// The objects of `queue show`, one after the other.
pub fn entries(text: &str) -> Vec<Value> {
    serde_json::Deserializer::from_str(text).into_iter().map(Result::unwrap).collect()
}

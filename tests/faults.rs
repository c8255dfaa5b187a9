//! What becomes of messages when something fails: a table of step, fault and outcome, which worker/OPERATING.md shows and
//! these tests hold true. Each row is held on each kind of queue it names, against the real server.
//!
//! Only a build with the cargo feature `faults` can fail at any point (`worker/src/fault.rs`).

#[cfg(all(feature = "listen", feature = "faults"))]
pub mod outside;
#[cfg(feature = "faults")]
pub mod points;

use std::cell::RefCell;
use std::collections::BTreeSet;

use crate::site::Kind::{self, Azure, Embedded, Rabbit};

/// A row of the table.
pub struct Row {
    pub step: &'static str,
    pub fault: &'static str,
    outcome: &'static str,
    on: &'static [Kind],
}

const ALL: &[Kind] = &[Embedded, Rabbit, Azure];
const SERVERS: &[Kind] = &[Rabbit, Azure];
const FOLDERS: &[Kind] = &[Embedded, Rabbit];
const AGAIN: &str = "comes again: at the end of its lease, on RabbitMQ at once";
const LATER: &str = "tried again after a growing pause; after `--attempts` a dead letter with the reason";

const fn row(step: &'static str, fault: &'static str, outcome: &'static str, on: &'static [Kind]) -> Row {
    Row { step, fault, outcome, on }
}

/// What fails when, and what becomes of the message.
pub const TABLE: [Row; 24] = [
    row("claimed", "worker killed", AGAIN, ALL),
    row("simulated", "worker killed", AGAIN, ALL),
    row("first file of a report written", "worker killed", "comes again; what is half written is no report", ALL),
    row("half of a report written", "worker killed", "comes again; what is half written is no report", ALL),
    row("report in place, the one it replaces not removed", "worker killed", "comes again, and the other goes", ALL),
    row(
        "published, not acknowledged",
        "worker killed",
        "comes again, finds its own report, is announced once more",
        ALL,
    ),
    row("acknowledged", "worker killed", "nothing is left to do", ALL),
    row("before publication", "an error", LATER, ALL),
    row("half of a report written", "an error", LATER, ALL),
    row("publication", "disk full", "tried again after a growing pause; goes on when there is room", FOLDERS),
    row("publication", "store unreachable", LATER, ALL),
    row("announcement", "broker unreachable", "the report stands; tried again until it is announced", &[Rabbit]),
    row("published, not acknowledged", "connection cut", "comes again, finds its own report", &[Rabbit]),
    row("any", "disk of the queue full", "waits until there is room; `POST /events` is answered with 503", &[Embedded]),
    row("any", "connections cut", "connects again; what was held comes again", SERVERS),
    row(
        "any",
        "server crashes or is restarted",
        "connects again after growing, jittered pauses; nothing is lost",
        SERVERS,
    ),
    row("any", "server unreachable", "not ready; `POST /events` is answered with 503; connects again", SERVERS),
    row("any", "connection falls silent", "given up after missing heartbeats; what was held comes again", &[Rabbit]),
    row("any", "queue deleted, consumer cancelled", "the queue is made anew", &[Rabbit]),
    row(
        "dead letter",
        "broker blocked, short of memory or disk",
        "offered for a minute, then the message goes back; that attempt counts",
        &[Rabbit],
    ),
    row(
        "any",
        "worker stands still for longer than its lease",
        "another takes over; the first finds its lease lost and lets go",
        ALL,
    ),
    row(
        "any",
        "SIGTERM",
        "finished within `--grace`, else given back; the attempt does not count (on Azure it does)",
        ALL,
    ),
    row("any", "the message kills its workers", "a dead letter after `--attempts`", ALL),
    row("any", "nobody answers for the message 100 times", "RabbitMQ itself lays it among the dead letters", &[Rabbit]),
];

/// Which rows a test has held on one kind of queue.
pub struct Held {
    kind: Kind,
    rows: RefCell<BTreeSet<usize>>,
}

impl Held {
    /// None yet.
    pub fn on(kind: Kind) -> Held {
        Held { kind, rows: RefCell::default() }
    }

    /// A row has turned out as the table says.
    #[track_caller]
    pub fn row(&self, step: &str, fault: &str) {
        let found = TABLE.iter().position(|row| (row.step, row.fault) == (step, fault));
        let number = found.unwrap_or_else(|| panic!("no row {step}: {fault}"));
        assert!(TABLE[number].on.contains(&self.kind), "{step}: {fault} is not said of {:?}", self.kind);
        self.rows.borrow_mut().insert(number);
        println!("fault, {:?}: {step}: {fault}: {}", self.kind, TABLE[number].outcome);
    }

    /// All rows of this kind were held.
    pub fn all(&self) {
        let said = TABLE.iter().enumerate().filter(|(_, row)| row.on.contains(&self.kind));
        let missing: Vec<_> =
            said.filter(|(i, _)| !self.rows.borrow().contains(i)).map(|(_, row)| (row.step, row.fault)).collect();
        assert!(missing.is_empty(), "said of {:?} and not tested: {missing:?}", self.kind);
    }
}

#[test]
fn the_manual_shows_the_table() {
    let mut table = String::from("| step | fault | outcome | queues |\n|---|---|---|---|\n");
    for row in &TABLE {
        let name = |kind: &Kind| match kind {
            Embedded => "embedded",
            Rabbit => "RabbitMQ",
            Azure => "Azure",
        };
        let on = if row.on.len() == ALL.len() {
            "all".to_owned()
        } else {
            row.on.iter().map(name).collect::<Vec<_>>().join(", ")
        };
        table += &format!("| {} | {} | {} | {on} |\n", row.step, row.fault, row.outcome);
    }
    let manual = include_str!("../worker/OPERATING.md");
    assert!(manual.contains(&table), "worker/OPERATING.md must hold this table:\n{table}");
}

#[test]
#[cfg(all(feature = "listen", feature = "faults"))]
fn what_fails_on_the_embedded_queue() {
    use crate::worker::Place;
    let held = Held::on(Embedded);
    points::check(&held, &mut || Box::new(Place::new()));
    outside::check(&held, &mut || Box::new(Place::new()));
    outside::a_full_disk(&held, &Place::new());
    outside::a_full_disk_under_the_queue(&held);
    crate::shutdown::check(&Place::new(), &Place::new());
    held.row("any", "SIGTERM");
    held.all();
}

//! What becomes of messages when something fails at a given step: a table of step, fault and outcome, on each queue.
//!
//! The steps are those of `worker/src/fault.rs`; only a build with the cargo feature `faults` knows them.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::{record, scale};
use crate::worker::{Place, finish, tally, terminate, wait_until};

/// A queue with a place for reports.
pub trait Site {
    fn submit(&self, messages: &[Vec<u8>]);
    /// A worker that ends with the work and soon takes up what another has left.
    fn worker(&self) -> Command;
    fn documents(&self) -> Vec<Value>;
    /// Messages that lie anywhere.
    fn left(&self) -> usize;
}

/// Step and fault; what becomes of the worker; whether the message is tried again by the same worker.
const TABLE: [(&str, &str, &str); 9] = [
    ("after the claim", "claimed=kill@1", "is killed"),
    ("after the simulation", "simulated=kill@1", "is killed"),
    ("with the first file of a report written", "half-published=kill@1", "is killed"),
    ("half-way through a report", "half-published=kill@5", "is killed"),
    ("with a report in place and the one before not yet removed", "replaced=kill@3", "is killed"),
    ("after publication, before the acknowledgement", "published=kill@2", "is killed"),
    ("after the acknowledgement", "acknowledged=kill@1", "is killed"),
    ("the simulation cannot be published", "simulated=error@1", "tries again"),
    ("writing ends half-way", "half-published=error@5", "tries again"),
];

/// Goes through the table: whatever fails, at the end every change has one report, that of the message that is furthest,
/// and nothing is left.
pub fn check<'a>(new: &dyn Fn(&str) -> Box<dyn Site + 'a>) {
    let told = |status: &str, minute| record("c-1", status, minute).to_string().into_bytes();
    let messages = [told("Started", 0), scale("tiny", 2).to_string().into_bytes(), told("Succeeded", 9)];
    let mut ids = BTreeSet::new();
    for (number, (step, fault, outcome)) in TABLE.iter().enumerate() {
        let site = new(&format!("fault{number}"));
        site.submit(&messages);
        let ended = site.worker().env("POOLPROOF_FAULT", fault).output().unwrap();
        match *outcome {
            "is killed" => assert_eq!(ended.status.signal(), Some(6), "{step}: {ended:?}"),
            _ => assert!(ended.status.success(), "{step}: {ended:?}"),
        }
        let next = site.worker().output().unwrap();
        assert!(next.status.success(), "{step}: {next:?}");
        let documents = site.documents();
        let mut phases: Vec<&str> = documents.iter().map(|r| r["change"]["phase"].as_str().unwrap()).collect();
        phases.sort_unstable();
        assert_eq!(phases, ["completed", "proposed"], "{step}");
        assert_eq!(site.left(), 0, "{step}");
        ids.extend(documents.iter().map(|report| report["id"].as_str().unwrap().to_owned()));
        println!("fault: {step}: the worker {outcome}; one report per change, nothing left");
    }
    assert_eq!(ids.len(), 2, "the same reports whatever failed");
}

impl Site for Place {
    fn submit(&self, messages: &[Vec<u8>]) {
        self.submit_bytes(messages);
    }

    fn worker(&self) -> Command {
        self.few(&["--until-empty", "--lease", "0.3"])
    }

    fn documents(&self) -> Vec<Value> {
        Place::documents(self)
    }

    fn left(&self) -> usize {
        self.list().len()
    }
}

#[test]
fn a_fault_at_any_step_of_the_embedded_queue() {
    check(&|_| Box::new(Place::new()));
}

#[test]
fn a_full_disk_is_waited_for() {
    let may =
        Command::new("unshare").args(["-rm", "mount", "-t", "tmpfs", "none", "/mnt"]).stderr(Stdio::null()).status();
    if !may.is_ok_and(|status| status.success()) {
        println!("skipped: no file systems can be mounted here");
        return;
    }
    let place = Place::new();
    let reports = place.0.path("reports");
    fs::create_dir_all(&reports).unwrap();
    place.submit(&[scale("tiny", 2)]);
    // A disk with room for a part of a report, which only this worker sees.
    let worker = place.few(&["--attempts", "1000"]);
    let mut full = Command::new("unshare");
    full.args(["-rm", "sh", "-c", "mount -t tmpfs -o size=48k none \"$0\" && exec \"$@\""]).arg(&reports);
    full.arg(worker.get_program()).args(worker.get_args());
    let full = full.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("it was tried several times", || place.list()[0]["attempts"].as_u64() >= Some(3));
    let reason = place.list()[0]["reason"].as_str().unwrap_or_default().to_owned();
    assert!(reason.contains("No space left on device"), "{reason}");
    terminate(&full);
    assert_eq!(tally(&finish(full).expect_code(0))["dead"], json!(0));
    let told = tally(&finish(place.few(&["--until-empty", "--attempts", "1000"]).spawn().unwrap()).expect_code(0));
    assert_eq!((&told["scored"], place.list().len()), (&json!(1), 0));
    assert_eq!(place.reports().len(), 1);
}

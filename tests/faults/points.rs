//! Faults at points within the worker.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;

use super::Held;
use crate::site::Site;
use crate::support::{record, scale};

/// Step and fault, as the table has them, and how they are made.
const POINTS: [(&str, &str, &str); 9] = [
    ("claimed", "worker killed", "claimed=kill@1"),
    ("simulated", "worker killed", "simulated=kill@1"),
    ("first file of a report written", "worker killed", "half-published=kill@1"),
    ("half of a report written", "worker killed", "half-published=kill@5"),
    ("report in place, the one it replaces not removed", "worker killed", "replaced=kill@3"),
    ("published, not acknowledged", "worker killed", "published=kill@2"),
    ("acknowledged", "worker killed", "acknowledged=kill@1"),
    ("before publication", "an error", "simulated=error@1"),
    ("half of a report written", "an error", "half-published=error@5"),
];

/// Whatever fails, at the end every change has one report, that of the message that is furthest, and nothing is left.
pub fn check<'a>(held: &Held, new: &mut dyn FnMut() -> Box<dyn Site + 'a>) {
    let told = |status: &str, minute| record("c-1", status, minute).to_string().into_bytes();
    let messages = [told("Started", 0), scale("tiny", 2).to_string().into_bytes(), told("Succeeded", 9)];
    let mut ids = BTreeSet::new();
    for (step, fault, point) in POINTS {
        let site = new();
        site.submit(&messages);
        let ended = site.worker(&["--until-empty"]).env("POOLPROOF_FAULT", point).output().unwrap();
        match fault {
            "worker killed" => assert_eq!(ended.status.signal(), Some(6), "{step}: {ended:?}"),
            _ => assert!(ended.status.success(), "{step}: {ended:?}"),
        }
        let next = site.worker(&["--until-empty"]).output().unwrap();
        assert!(next.status.success(), "{step}: {next:?}");
        let documents = site.documents();
        let mut phases: Vec<&str> = documents.iter().map(|r| r["change"]["phase"].as_str().unwrap()).collect();
        phases.sort_unstable();
        assert_eq!(phases, ["completed", "proposed"], "{step}");
        assert!(!site.waits() && site.dead().is_empty(), "{step}");
        ids.extend(documents.iter().map(|report| report["id"].as_str().unwrap().to_owned()));
        held.row(step, fault);
    }
    assert_eq!(ids.len(), 2, "the same reports whatever failed");
}

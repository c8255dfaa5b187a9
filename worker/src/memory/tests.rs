//! The memory against a real file: the order of messages does not matter, nor how often they come or who writes.

#![allow(clippy::unwrap_used)]

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;

use super::*;
use crate::sqlite::Fault;

/// A folder beside the test program that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("memory-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::current_exe().unwrap().parent().unwrap().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("memory.db")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const CLUSTER: &str = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/tiny";

/// Changes and statements of a word such as `proposed@06:00`, `started:c@06:10`, `succeeded:c@06:30`, `rolling-succeeded@06:30`,
/// `stated:c`.
fn messages(word: &str) -> scenarios::Decoded {
    let (what, minute) = word.split_once('@').unwrap_or((word, "06:00"));
    let (what, tie) = what.split_once(':').unwrap_or((what, "c"));
    let time = format!("2026-03-02T{minute}:00Z");
    let message = match what {
        "proposed" => json!({"schema": "poolproof.change/1", "cluster": "tiny", "pool": "apps", "time": time,
            "operation": {"kind": "upgrade", "version": "1.34.0"}, "settings": {"seed": tie.len()}}),
        "stated" => {
            json!({"schema": "poolproof.outcome/1", "correlationId": tie, "outageMinutes": 3, "mitigated": true, "time": time})
        }
        rolling if rolling.starts_with("rolling-") => {
            let kind = format!("Microsoft.ContainerService.NodePoolRolling{}", &rolling[8..]);
            json!({"id": word, "topic": CLUSTER, "subject": "tiny", "eventType": kind, "eventTime": time,
                "data": {"nodePoolName": "apps"}, "dataVersion": "1", "metadataVersion": "1"})
        }
        status => {
            json!({"operationName": "Microsoft.ContainerService/managedClusters/agentPools/upgradeNodeImageVersion/action",
            "resourceId": format!("{CLUSTER}/agentPools/apps"), "correlationId": tie, "eventDataId": word, "eventTimestamp": time,
            "status": status})
        }
    };
    scenarios::decode(message.to_string().as_bytes()).unwrap()
}

fn deliver(memory: &Memory, word: &str) {
    let decoded = messages(word);
    assert_eq!(decoded.changes.len() + decoded.outcomes.len(), 1, "{word}: {:?}", decoded.notes);
    for change in &decoded.changes {
        memory.seen(change).unwrap();
        let success = if word.starts_with("proposed") { 0.75 } else { 0.5 };
        let phase = serde_json::to_value(change.phase).unwrap().as_str().unwrap().to_owned();
        let prediction = Prediction { report: word.into(), success: Some(success), phase, ..Prediction::default() };
        memory.foretold(change, &prediction).unwrap();
    }
    decoded.outcomes.iter().for_each(|outcome| memory.stated(outcome).unwrap());
}

/// Rows in a few words: foretold by, begin, minutes, end, outage.
fn told(path: &Path) -> Vec<String> {
    let minute = |text: &Option<String>| text.as_deref().map_or("-".to_owned(), |t| t[11..16].to_owned());
    let one = |row: &Row| {
        let o = row.outcome.clone().unwrap_or_default();
        let by = row.prediction.as_ref().map_or("nothing", |p| p.report.as_str()).to_owned();
        let end = match o.succeeded {
            Some(true) => "well",
            Some(false) => "badly",
            None => "open",
        };
        let outage = o.outage.map(|out| format!(" outage {out}")).unwrap_or_default();
        let mitigated = if o.mitigated { " mitigated" } else { "" };
        let minutes = o.duration_minutes.map(|m| format!(" {m} min")).unwrap_or_default();
        format!("{} {by} {}{minutes} {end}{outage}{mitigated}", row.operation, minute(&row.started_at))
    };
    history(path).unwrap().iter().map(one).collect()
}

fn permutations(words: &[&str]) -> Vec<Vec<String>> {
    if words.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for (i, first) in words.iter().enumerate() {
        let rest: Vec<&str> = words.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, w)| *w).collect();
        all.extend(permutations(&rest).into_iter().map(|mut tail| {
            tail.insert(0, (*first).to_owned());
            tail
        }));
    }
    all
}

/// Delivers the words in every order, once and twice, and compares the history.
fn check(words: &str, expected: &[&str]) {
    for order in permutations(&words.split(' ').collect::<Vec<_>>()) {
        for times in [1, 2] {
            let folder = Folder::new();
            let memory = Memory::open(&folder.file(), KEEP).unwrap();
            (0..times).for_each(|_| order.iter().for_each(|word| deliver(&memory, word)));
            assert_eq!(told(&folder.file()), expected, "{order:?}");
        }
    }
}

#[test]
fn the_order_of_messages_does_not_matter() {
    check("proposed@06:00 Started:c@06:10 Succeeded:c@06:30", &["upgrade proposed@06:00 06:10 20 min well"]);
    check("Started:c@06:10 Succeeded:c@06:30 Failed:c@06:30", &["upgrade Started:c@06:10 06:10 20 min badly"]);
    check("Started:c@06:10 Accepted:c@06:11 stated:c", &["upgrade Accepted:c@06:11 06:10 open outage true mitigated"]);
}

#[test]
fn what_azure_does_not_tie_is_tied_by_pool_and_time() {
    // AKS' own events carry no correlation id, and each has an id of its own.
    check(
        "proposed@06:00 rolling-Started@06:10 rolling-Succeeded@06:40",
        &["upgrade proposed@06:00 06:10 30 min well"],
    );
    // The rolling operation is the work of a call that is told of too.
    check(
        "Started:c@06:09 rolling-Started@06:10 rolling-Failed@06:40 Failed:c@06:41",
        &["upgrade Started:c@06:09 06:09 32 min badly"],
    );
    // The latest proposal before the beginning counts; the other was never carried out.
    check(
        "proposed:a@06:00 proposed:ab@06:05 Succeeded:c@06:30",
        &["upgrade proposed:a@06:00 - open", "upgrade proposed:ab@06:05 - well"],
    );
    // What is proposed after the end is about something else.
    check("Succeeded:c@06:30 proposed@06:40", &["upgrade Succeeded:c@06:30 - well", "upgrade proposed@06:40 - open"]);
}

#[test]
fn several_write_at_once() {
    let folder = Folder::new();
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let path = folder.file();
            scope.spawn(move || {
                let memory = Memory::open(&path, KEEP).unwrap();
                for i in 0..10 {
                    deliver(&memory, &format!("Started:{i}@06:{worker:02}"));
                    deliver(&memory, &format!("Succeeded:{i}@07:00"));
                }
            });
        }
    });
    let rows = told(&folder.file());
    assert_eq!(rows.len(), 10);
    assert!(
        rows.iter().all(|row| row == "upgrade Started:9@06:03 06:00 60 min well" || row.contains("06:00 60 min well"))
    );
}

#[test]
fn no_more_are_kept_than_asked_for() {
    let folder = Folder::new();
    let memory = Memory::open(&folder.file(), 3).unwrap();
    for i in 0..9 {
        deliver(&memory, &format!("Succeeded:{i}@06:0{i}"));
        deliver(&memory, &format!("stated:{i}"));
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    let rows = history(&folder.file()).unwrap();
    let ends: Vec<&str> = rows.iter().filter_map(|row| row.ended_at.as_deref()).map(|at| &at[14..16]).collect();
    assert_eq!(ends, ["06", "07", "08"], "the newest stay");
}

#[test]
fn files_of_others_are_refused_and_left_alone() {
    let refused = |sql: &str, expected: fn(&Fault) -> bool| {
        let folder = Folder::new();
        rusqlite::Connection::open(folder.file()).unwrap().execute_batch(sql).unwrap();
        let before = std::fs::read(folder.file()).unwrap();
        let error = Memory::open(&folder.file(), KEEP).err().unwrap();
        assert!(expected(&error.fault), "{error}");
        assert_eq!(std::fs::read(folder.file()).unwrap(), before);
        error.to_string()
    };
    refused("CREATE TABLE diary (day TEXT)", |fault| matches!(fault, Fault::NotOurs));
    // A queue is no memory.
    refused("PRAGMA application_id = 0x706f6f6c; CREATE TABLE message (x)", |fault| matches!(fault, Fault::NotOurs));
    let newer = "PRAGMA application_id = 0x706f6f6d; PRAGMA user_version = 9; CREATE TABLE t (x)";
    let said = refused(newer, |fault| matches!(fault, Fault::Newer { found: 9, known: 1 }));
    assert!(said.contains("written by a newer poolproof") && said.contains("memory file"), "{said}");
    let missing = history(&Folder::new().file()).unwrap_err();
    assert!(matches!(missing.fault, Fault::Missing));
}

#[test]
fn nothing_that_may_be_secret_is_kept() {
    let folder = Folder::new();
    let memory = Memory::open(&folder.file(), KEEP).unwrap();
    let mut change = messages("Failed:c@06:30").changes.remove(0);
    change.source.caller = Some("caller-token".into());
    change.snapshot = Some(json!({"x": "snapshot-token"}));
    change.result.as_mut().unwrap().message = Some("message-token".into());
    memory.seen(&change).unwrap();
    drop(memory);
    let kept: Vec<u8> =
        std::fs::read_dir(&folder.0).unwrap().flat_map(|e| std::fs::read(e.unwrap().path()).unwrap()).collect();
    assert!(!String::from_utf8_lossy(&kept).contains("-token"));
}

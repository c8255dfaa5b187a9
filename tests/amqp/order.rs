//! Which message is taken first, and which report stands.

use std::process::Child;

use serde_json::Value;

use super::broker::Broker;
use super::{Place, bytes};
use crate::support::{record, run, scale};
use crate::worker::{finish, tally, wait_until};

pub fn replays_wait_for_the_others(broker: &Broker) {
    let place = Place::new(broker, "replays");
    let replays: Vec<Vec<u8>> = (0..6).map(|i| bytes(&record(&format!("r-{i}"), "Succeeded", 9))).collect();
    place.submit(&replays);
    place.submit(&(1..=6).map(|count| bytes(&scale("tiny", count))).collect::<Vec<_>>());
    assert_eq!(place.waiting(), "12 waiting, 0 delayed");
    let ended = run(&mut place.worker(&["--until-empty"])).expect_code(0);
    let summaries = published(&ended.stderr);
    assert_eq!(place.reports().len(), 12);
    let live = summaries.iter().rposition(|summary| summary.contains("scale")).unwrap();
    let overtaken = summaries[..live].iter().filter(|summary| !summary.contains("scale")).count();
    assert!(overtaken <= 1, "replays were taken before others: {summaries:#?}");
}

/// Replays fill the queue and two hands; what is asked meanwhile waits for what is in hand only.
pub fn live_proposals_overtake_replays_under_load(broker: &Broker) {
    const REPLAYS: u32 = 100;
    const ASKED: u32 = 10;
    let place = Place::new(broker, "overtake");
    place.submit(&(0..REPLAYS).map(|i| bytes(&record(&format!("r-{i}"), "Succeeded", 9))).collect::<Vec<_>>());
    let worker = place.worker(&["--parallel", "2", "--until-empty"]).spawn().unwrap();
    wait_until("it works on replays", || place.reports().len() >= 5);
    place.submit(&(1..=ASKED).map(|count| bytes(&scale("tiny", count))).collect::<Vec<_>>());
    let ended = finish(worker).expect_code(0);
    let asked: Vec<bool> = published(&ended.stderr).iter().map(|summary| summary.contains("scale")).collect();
    assert_eq!(asked.len() as u32, REPLAYS + ASKED);
    let (first, last) = (asked.iter().position(|live| *live).unwrap(), asked.iter().rposition(|live| *live).unwrap());
    let between = last + 1 - first - ASKED as usize;
    let after = asked.len() - last - 1;
    println!("priorities: {first} replays before {ASKED} proposals came, {between} among them, {after} after them");
    assert!(between <= 4 && after >= 20, "{first} before, {between} among, {after} after");
}

/// Summaries of the reports that were published, in order; announcements left out.
fn published(log: &str) -> Vec<String> {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let published = lines.filter(|line| line["message"] == "published" && line["relation"] != "None");
    published.map(|line| line["summary"].as_str().unwrap().to_owned()).collect()
}

pub fn one_report_stands_whatever_the_order(broker: &Broker) {
    let place = Place::new(broker, "order");
    let told = |status: &str, minute| bytes(&record("c-1", status, minute));
    place.submit(&[told("Succeeded", 9), told("Started", 0), told("Accepted", 1), told("Succeeded", 9)]);
    let workers: Vec<Child> =
        (0..2).map(|_| place.worker(&["--until-empty", "--parallel", "2"]).spawn().unwrap()).collect();
    let tallies: Vec<Value> = workers.into_iter().map(|worker| tally(&finish(worker).expect_code(0))).collect();
    let sum = |name: &str| tallies.iter().map(|tally| tally[name].as_u64().unwrap()).sum::<u64>();
    assert_eq!((sum("scored") + sum("repeated"), sum("dead")), (4, 0), "{tallies:#?}");
    assert_eq!(place.reports().len(), 1);
    let documents = place.documents();
    assert_eq!(documents[0]["change"]["phase"], "completed");
}

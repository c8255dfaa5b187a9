//! The storm on RabbitMQ: workers are killed, the broker crashes and is restarted.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::broker::Broker;
use super::{Place, drain, listen};
use crate::storm::{KILLS, Messages, rage};
use crate::support::run;

/// Times the broker goes away, by turns as by a power cut and in order.
const AWAY: u32 = 4;

/// Many messages, three workers, many kills.
#[test]
fn a_storm_on_a_real_broker() {
    if !super::wanted() {
        return;
    }
    let broker = &mut Broker::start();
    let messages = Messages::new(300);
    let place = Place::at(broker.url("storm"), broker, "storm");
    // Makes the exchanges.
    run(&mut place.worker(&["--until-empty"])).expect_code(0);
    let heard = listen(broker, &broker.connect().unwrap(), "storm");
    let worker = |more: &[&str]| {
        let mut worker = place.worker(&["--attempts", "1000", "--parallel", "2", "--trials", "4"]);
        worker.args(more);
        worker
    };
    let mut away = 0;
    let log = place.folder.path("workers.log");
    let course = rage(&messages, |bodies| drop(place.submit(bodies)), worker, &log, &mut |kills| {
        if away < AWAY && kills >= 2 + KILLS / AWAY * away {
            if away % 2 == 0 {
                broker.crash_and_restart()
            } else {
                broker.stop_and_restart()
            }
            away += 1;
        }
    });
    assert_eq!(away, AWAY);
    let twice = messages.check(&place);

    let mut announced: BTreeMap<String, u32> = BTreeMap::new();
    for event in drain(broker, &heard) {
        assert!(event.routing_key.as_str().starts_with("report."));
        let event: Value = serde_json::from_slice(&event.data).unwrap();
        assert_eq!((&event["type"], &event["id"]), (&json!("dev.poolproof.report.v1"), &event["data"]["id"]));
        *announced.entry(event["id"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    let reports: BTreeSet<String> = place.reports();
    assert!(reports.iter().all(|id| announced.contains_key(id)), "every report was announced");
    let again = announced.values().map(|times| times - 1).sum::<u32>();
    println!(
        "RabbitMQ storm: {}; the broker away {away} times; {} reports, {twice} dead letters twice, {again} announcements repeated",
        course.words(&messages),
        reports.len(),
    );
}

//! Rows of the table of faults that only a broker knows.

use std::process::Stdio;
use std::time::Duration;

use lapin::options::{QueueDeclareOptions, QueueDeleteOptions};
use lapin::types::FieldTable;
use serde_json::Value;

use super::broker::Broker;
use super::{Place, bytes, drain, letters, listen};
use crate::faults::Held;
use crate::listen::Ear;
use crate::support::{irrelevant, run, scale};
use crate::worker::{self, finish, terminate, wait_until};

/// Holds them.
pub fn check(held: &Held, broker: &Broker) {
    a_consumer_that_is_cancelled_comes_back(broker);
    held.row("any", "queue deleted, consumer cancelled");
    a_connection_that_falls_silent_is_given_up(broker);
    held.row("any", "connection falls silent");
    a_connection_that_is_cut_before_the_acknowledgement(broker);
    held.row("published, not acknowledged", "connection cut");
    an_announcement_that_cannot_be_made(broker);
    held.row("announcement", "broker unreachable");
    letters::the_broker_gives_up(broker);
    held.row("any", "nobody answers for the message 100 times");
    let enough = ["set_vm_memory_high_watermark", "absolute", "512MB"];
    a_blocked_broker_is_waited_for(broker, "memory", &["set_vm_memory_high_watermark", "absolute", "1"], &enough);
    a_blocked_broker_is_waited_for(
        broker,
        "disk",
        &["set_disk_free_limit", "1000000000000000"],
        &["set_disk_free_limit", "50MB"],
    );
    a_message_goes_back_when_the_broker_stays_blocked(broker);
    held.row("dead letter", "broker blocked, short of memory or disk");
}

fn a_consumer_that_is_cancelled_comes_back(broker: &Broker) {
    let place = Place::new(broker, "cancel");
    run(&mut place.worker(&["--until-empty"])).expect_code(0);
    let worker = place.worker(&[]).spawn().unwrap();
    let connection = broker.connect().unwrap();
    let consumers = || {
        broker.runtime.block_on(async {
            let channel = connection.create_channel().await.unwrap();
            let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
            let found = channel.queue_declare("cancel.changes".into(), options, FieldTable::default()).await;
            found.map_or(0, |queue| queue.consumer_count())
        })
    };
    wait_until("the worker listens", || consumers() == 1);
    broker.runtime.block_on(async {
        let channel = connection.create_channel().await.unwrap();
        channel.queue_delete("cancel.changes".into(), QueueDeleteOptions::default()).await.unwrap();
    });
    wait_until("the worker listens again", || consumers() == 1);
    place.submit(&[bytes(&scale("tiny", 2))]);
    wait_until("it is scored", || place.reports().len() == 1);
    terminate(&worker);
    finish(worker).expect_code(0);
}

fn a_connection_that_falls_silent_is_given_up(broker: &Broker) {
    let place = Place::impatient(broker, "silent");
    let ear = Ear::of(&mut place.worker(&["--listen", "127.0.0.1:0"]));
    place.submit(&[bytes(&scale("tiny", 2))]);
    wait_until("it is scored", || place.reports().len() == 1);
    place.way.silence();
    place.submit(&[bytes(&scale("tiny", 3))]);
    wait_until("the silence is noticed", || ear.log.lock().unwrap().contains("the queue cannot be used at the moment"));
    place.way.cut();
    place.way.open();
    wait_until("both are scored", || place.reports().len() == 2);
    wait_until("nothing remains", || place.waiting() == "0 waiting, 0 delayed");
    terminate(&ear.child);
    let told = ear.ended();
    assert_eq!(told["dead"], 0, "{told}");
}

/// The acknowledgement of what lies published is lost.
fn a_connection_that_is_cut_before_the_acknowledgement(broker: &Broker) {
    let place = Place::new(broker, "lost");
    place.submit(&[bytes(&scale("tiny", 2))]);
    let worker = place.worker(&[]).env("POOLPROOF_FAULT", "published=pause@1").spawn().unwrap();
    wait_until("it is published", || place.reports().len() == 1);
    place.way.cut();
    wait_until("the message is back", || place.waiting() == "1 waiting, 0 delayed");
    wait_until("it is done", || place.waiting() == "0 waiting, 0 delayed");
    std::thread::sleep(Duration::from_millis(500));
    terminate(&worker);
    let told = worker::tally(&finish(worker).expect_code(0));
    assert_eq!((&told["repeated"], &told["dead"]), (&1.into(), &0.into()), "{told}");
    assert_eq!(place.reports().len(), 1);
}

/// The report lies in its folder; whoever listens is told when that can be done.
fn an_announcement_that_cannot_be_made(broker: &Broker) {
    let (embedded, announced) = (worker::Place::new(), Place::new(broker, "announce"));
    run(&mut announced.worker(&["--until-empty"])).expect_code(0);
    let heard = listen(broker, &broker.connect().unwrap(), "announce");
    announced.way.close();
    embedded.submit(&[scale("tiny", 2)]);
    let words = ["--publish", announced.url_of_workers.as_str(), "--listen", "127.0.0.1:0", "--attempts", "100"];
    let ear = Ear::of(&mut embedded.few(&words));
    ear.await_metric("poolproof_messages_total{outcome=\"retried\"}", 2.0);
    assert_eq!(embedded.documents().len(), 1);
    announced.way.open();
    wait_until("it is done", || embedded.list().is_empty());
    assert_eq!((drain(broker, &heard).len(), embedded.documents().len()), (1, 1));
}

fn a_blocked_broker_is_waited_for(broker: &Broker, what: &str, blocks: &[&str], frees: &[&str]) {
    let place = Place::new(broker, &format!("blocked-{what}"));
    place.submit(&[b"{ no json".to_vec(), bytes(&irrelevant(1))]);
    broker.control(blocks);
    let worker = place.worker(&[]).stderr(Stdio::null()).spawn().unwrap();
    // Long enough for an attempt to publish the dead letter, and for its acknowledgement, had it been sent.
    std::thread::sleep(Duration::from_secs(4));
    assert!(place.dead().is_empty());
    broker.control(frees);
    wait_until("the letter is dead", || place.dead().len() == 1);
    wait_until("nothing remains", || place.waiting() == "0 waiting, 0 delayed");
    terminate(&worker);
    finish(worker).expect_code(0);
}

/// As it was, but for the attempt: the broker counts how often it has handed the message out.
fn a_message_goes_back_when_the_broker_stays_blocked(broker: &Broker) {
    let mut place = Place::new(broker, "blocked-long");
    place.url_of_workers += "&patience=2";
    place.submit(&[b"{ no json".to_vec()]);
    broker.control(&["set_vm_memory_high_watermark", "absolute", "1"]);
    let ear = Ear::of(&mut place.worker(&["--listen", "127.0.0.1:0"]));
    let given_up = "what became of a message could not be published";
    wait_until("the worker gives it up", || ear.log.lock().unwrap().contains(given_up));
    terminate(&ear.child);
    assert_eq!(ear.ended()["scored"], 0);
    wait_until("the message is back", || place.waiting() == "1 waiting, 0 delayed");
    assert!(place.dead().is_empty());
    broker.control(&["set_vm_memory_high_watermark", "absolute", "512MB"]);
    let told = worker::tally(&run(&mut place.worker(&["--until-empty"])).expect_code(0));
    assert_eq!(told["dead"], 1, "{told}");
    // What was offered may lie in the broker's socket and be taken after all: then it is there twice, with the same id.
    let dead = place.dead();
    assert!((1..=2).contains(&dead.len()) && dead.iter().all(|letter| letter["id"] == dead[0]["id"]), "{dead:?}");
    let is_reason = |letter: &Value| letter["reason"].as_str().unwrap().contains("cannot be read");
    assert!(dead.iter().all(is_reason), "{dead:?}");
}

//! Dead letters: the worker's, and those of the broker itself.

use lapin::BasicProperties;
use lapin::options::{BasicGetOptions, BasicNackOptions, BasicPublishOptions};
use lapin::types::{AMQPValue, FieldTable};
use serde_json::json;

use super::broker::Broker;
use super::{Place, bytes, drain};
use crate::support::{irrelevant, run, scale};
use crate::worker::{tally, wait_until};

pub fn dead_letters_can_be_looked_after(broker: &Broker) {
    let place = Place::new(broker, "letters");
    place.submit(&[b"{ no json".to_vec(), bytes(&json!({"neither": "this"})), bytes(&irrelevant(1))]);
    // One from elsewhere, without an id, with a trace to be continued.
    let connection = broker.connect().unwrap();
    broker.runtime.block_on(async {
        let channel = connection.create_channel().await.unwrap();
        let mut headers = FieldTable::default();
        headers.insert("traceparent".into(), AMQPValue::LongString("00-aa-bb-01".into()));
        let properties = BasicProperties::default().with_headers(headers).with_message_id("a\u{1b}[2J".into());
        let (exchange, options) = ("letters.changes".into(), BasicPublishOptions::default());
        channel.basic_publish(exchange, "any.key".into(), options, b"\xff\xfe", properties).await.unwrap();
        channel.close(200, "done".into()).await.unwrap();
    });
    let ended = run(&mut place.worker(&["--until-empty"])).expect_code(0);
    let tally = tally(&ended);
    assert_eq!((&tally["dead"], &tally["nothing"]), (&json!(3), &json!(1)));
    let dead = place.dead();
    assert_eq!(dead.len(), 3);
    assert!(
        dead.iter().all(|entry| !entry["reason"].as_str().unwrap().is_empty() && entry["attempts"] == 1),
        "{dead:#?}"
    );
    assert_eq!(place.dead().len(), 3, "looking takes nothing away");

    let ended = place.queue(&["show", "a__2J"]).expect_code(0);
    assert_eq!(ended.stdout.matches("\"reason\"").count(), 1);
    place.queue(&["drop", "a__2J", "nobody"]).expect_code(1);
    assert_eq!(place.dead().len(), 3, "none is touched where one is missing");
    assert_eq!(place.queue(&["requeue", "a__2J"]).expect_code(0).stdout, "1 put back\n");
    assert_eq!((place.dead().len(), place.waiting().as_str()), (2, "1 waiting, 0 delayed"));
    run(&mut place.worker(&["--until-empty"])).expect_code(0);
    assert_eq!(place.queue(&["drop", "--dead", dead[0]["id"].as_str().unwrap()]).expect_code(0).stdout, "1 dropped\n");
    let letters = drain(broker, "letters.dead");
    assert_eq!(letters.len(), 2);
    let foreign = letters.iter().find(|letter| letter.data == b"\xff\xfe").unwrap();
    let headers = foreign.properties.headers().clone().unwrap();
    assert_eq!(headers.inner().get("traceparent"), Some(&AMQPValue::LongString("00-aa-bb-01".into())));
    assert!(headers.contains_key("x-poolproof-reason"));
}

/// A message that nobody answers for: the broker counts, where no worker lives long enough to.
pub fn the_broker_gives_up(broker: &Broker) {
    let place = Place::new(broker, "limit");
    place.submit(&[bytes(&scale("tiny", 2))]);
    let connection = broker.connect().unwrap();
    let taken = broker.runtime.block_on(async {
        let channel = connection.create_channel().await.unwrap();
        let mut taken = 0;
        while let Some(message) = channel.basic_get("limit.changes".into(), BasicGetOptions::default()).await.unwrap() {
            taken += 1;
            let again = BasicNackOptions { requeue: true, ..BasicNackOptions::default() };
            channel.basic_nack(message.delivery.delivery_tag, again).await.unwrap();
        }
        taken
    });
    assert_eq!(taken, 101);
    wait_until("it is dead", || place.dead().len() == 1);
    let reason = place.dead()[0]["reason"].as_str().unwrap().to_owned();
    assert_eq!(reason, "given up by the broker: too many workers were lost while they worked on the message");
    assert_eq!(place.waiting(), "0 waiting, 0 delayed");
}

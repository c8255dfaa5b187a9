//! A trace goes on from the message's headers to those of the announcement.

use lapin::types::AMQPValue;
use serde_json::Value;

use super::broker::Broker;
use super::{Place, drain, listen};
use crate::support::{poolproof, run, scale};

pub fn a_trace_goes_from_the_message_to_what_is_announced(broker: &Broker) {
    let place = Place::new(broker, "traced");
    let connection = broker.connect().unwrap();
    run(&mut place.worker(&["--until-empty"])).expect_code(0);
    let heard = listen(broker, &connection, "traced");
    let file = place.folder.json("in/change.json", &scale("tiny", 5));
    let submitted = poolproof()
        .arg("submit")
        .arg(file)
        .env("POOLPROOF_QUEUE", &place.url)
        .env("TRACEPARENT", crate::traces::PARENT)
        .output();
    assert!(submitted.unwrap().status.success());
    let ended = run(&mut place.worker(&["--until-empty", "--trials", "8"])).expect_code(0);
    let lines = crate::traces::lines(&ended.stderr);
    let published = lines.iter().find(|line| line["message"] == "published").unwrap();
    assert_eq!(crate::traces::of_spans(published, "trace").next(), Some(crate::traces::TRACE));
    let announced = drain(broker, &heard);
    assert_eq!(announced.len(), 1);
    let event: Value = serde_json::from_slice(&announced[0].data).unwrap();
    let headers = announced[0].properties.headers().clone().unwrap();
    let Some(AMQPValue::LongString(header)) = headers.inner().get("traceparent") else { panic!("{headers:?}") };
    assert_eq!(event["traceparent"], header.to_string());
    assert_eq!(&header.to_string()[3..35], crate::traces::TRACE);
}

//! Traces and logs: what a message says of its trace is in every line about it and, with the feature `otel`, in the spans that a
//! collector gets from the real worker; lines about a change name it and its correlation id.

#[cfg(feature = "otel")]
mod collector;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{poolproof, record, run, scale};
use crate::worker::Place;

pub const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
pub const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// Lines of a log in JSON.
pub fn lines(log: &str) -> Vec<Value> {
    log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"))).collect()
}

/// Values that a field of the spans around a line has.
pub fn of_spans<'a>(line: &'a Value, field: &'a str) -> impl Iterator<Item = &'a str> {
    line["spans"].as_array().into_iter().flatten().filter_map(move |span| span[field].as_str())
}

/// A proposal as a CloudEvent with a place in a trace.
fn traced_event() -> Value {
    let mut proposal = scale("tiny", 5);
    proposal.as_object_mut().unwrap().remove("schema");
    json!({"specversion": "1.0", "id": "e1", "source": "/ci", "type": "dev.poolproof.change.proposed.v1", "time": "2026-03-02T06:00:00Z",
           "traceparent": PARENT, "data": proposal})
}

#[test]
fn the_trace_of_a_message_is_in_each_line_about_it() {
    let place = Place::new();
    place.submit(&[traced_event()]);
    let message = place.0.json("in/scale.json", &scale("tiny", 6));
    let queue = place.0.queue();
    run(poolproof().arg("submit").arg(message).args(["--queue", &queue]).env("TRACEPARENT", PARENT)).expect_code(0);
    run(poolproof().arg("submit").arg(place.0.json("in/none.json", &scale("tiny", 7))).args(["--queue", &queue]))
        .expect_code(0);
    let ended = run(&mut place.few(&["--until-empty"])).expect_code(0);
    let mut traced = BTreeSet::new();
    for line in lines(&ended.stderr).iter().filter(|line| line["message"] == "published") {
        let job = of_spans(line, "job").next().unwrap().to_owned();
        if of_spans(line, "trace").any(|trace| trace == TRACE) {
            traced.insert(job);
        }
    }
    assert_eq!(traced.into_iter().collect::<Vec<_>>(), ["1", "2"]);
}

#[cfg(feature = "listen")]
#[test]
fn what_comes_by_http_keeps_its_trace() {
    let place = Place::new();
    let ear = crate::listen::Ear::new(&place, "127.0.0.1:0", None);
    let wrong = [("traceparent", "00-nonsense")];
    assert_eq!(ear.post(&[("traceparent", PARENT)], &scale("tiny", 5)).status, 200);
    assert_eq!(ear.post(&wrong, &scale("tiny", 6)).status, 200);
    ear.await_metric("poolproof_messages_total{outcome=\"scored\"}", 2.0);
    let log = ear.log.lock().unwrap().clone();
    let all = lines(&log);
    let taken: Vec<_> = all.iter().filter(|line| line["message"] == "a message was taken").collect();
    assert_eq!((taken[0]["trace"].as_str(), taken[1].get("trace")), (Some(TRACE), None));
    let published: Vec<_> = all.iter().filter(|line| line["message"] == "published").collect();
    let of = |line: &Value| of_spans(line, "trace").map(str::to_owned).collect::<Vec<_>>();
    assert_eq!((of(published[0]), of(published[1])), (vec![TRACE.to_owned()], vec![]));
}

#[test]
fn lines_about_a_change_name_it_and_its_correlation_id() {
    let place = Place::new();
    place.submit(&[record("c0ffee00-0000-4000-8000-000000000001", "Succeeded", 9)]);
    let ended = run(&mut place.few(&["--until-empty"])).expect_code(0);
    let all = lines(&ended.stderr);
    let published = all.iter().find(|line| line["message"] == "published").unwrap();
    let change = of_spans(published, "change").next().unwrap();
    assert_eq!(place.documents()[0]["change"]["id"], change);
    assert_eq!(of_spans(published, "correlation").collect::<Vec<_>>(), ["\"c0ffee00-0000-4000-8000-000000000001\""]);
    assert!(published["report"].is_string() && published["timestamp"].is_string() && published["level"] == "INFO");
    assert!(of_spans(published, "job").next().is_some());
    let ends = all.iter().find(|line| line["message"] == "ended").unwrap();
    assert_eq!(ends["scored"], 1);
}

#[test]
fn where_traces_go_is_no_place_for_a_login() {
    let place = Place::new();
    for wrong in ["collector:4318", "http://", "http://user:hunter2@collector:4318", "http://h/?key=hunter2"] {
        let ended = run(&mut place.few(&["--traces", wrong])).expect_code(2);
        assert!(ended.stderr.contains("--traces"), "{}", ended.stderr);
    }
    let ended = run(&mut place.few(&["--until-empty", "--traces", "http://127.0.0.1:9"]));
    // A build without the feature says so; one with it works although nobody collects.
    let expected = if cfg!(feature = "otel") { Some(0) } else { Some(2) };
    assert_eq!(ended.code, expected, "{ended:#?}");
    assert!(cfg!(feature = "otel") || ended.stderr.contains("cargo feature `otel`"), "{}", ended.stderr);
}

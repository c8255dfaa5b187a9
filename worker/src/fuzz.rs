//! Nearly right inputs for what the worker itself reads. Mutator and harness are those of `scenarios/tests/fuzz`. Targets whose
//! readers are nobody else's business lie beside these, as tests whose names begin with `fuzz`.

#[path = "../../scenarios/tests/fuzz/harness.rs"]
mod harness;
#[path = "../../scenarios/tests/fuzz/mutator.rs"]
mod mutator;

use std::sync::atomic::AtomicBool;

use peak_alloc::PeakAlloc;
use reports::Report;
use reports::learning::Learned;
use reports::stood::Stood;
use scenarios::change::ChangeSettings;
use scenarios::snapshot::Snapshot;

use crate::pipeline::{Estimate, Identity, Task, Watch, decode, no_glance, no_report, prepare, run, task};
use crate::publish::ledger::Line;
use crate::split::Shard;
use crate::trace::TraceParent;
use mutator::Garden;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Feeds a target.
pub fn fuzz(target: &str, seeds: &[&str], look: &dyn Fn(&[u8]) -> bool) {
    harness::fuzz(&MEMORY, target, &Garden::new(seeds.iter().map(|text| text.as_bytes().to_vec())), look);
}

#[test]
fn ledger_lines() {
    let line = r#"{"schema":"poolproof.ledger/1","change":"0123456789abcdef","phase":"completed","time":"2026-03-02T06:09:00Z","failed":true,"event":"e",
        "report":"abcdef","score":1.5,"level":"low","earlier":[{"report":"a","phase":"proposed","score":2.0,"level":"low"}]}"#;
    fuzz("ledger lines", &[line], &|bytes| {
        Line::read(bytes).is_some_and(|line| {
            // Whatever a line says, it names no place outside its store.
            assert!(!crate::publish::ledger::path_of(&line.report).contains(".."));
            !line.to_bytes().is_empty()
        })
    });
}

#[test]
fn shards_and_their_pieces() {
    let shard = r#"{"schema":"poolproof.shard/1","job":"0123456789abcdef0123456789abcdef","shard":1,"of":7}"#;
    fuzz("shards", &[shard], &|bytes| {
        let (kind, opened) = task(bytes);
        let read = Shard::read(&opened);
        if let Ok(shard) = &read {
            assert!(shard.job.bytes().all(|c| c.is_ascii_hexdigit()) && shard.shard < shard.of && shard.of <= 64);
        }
        kind == Task::Shard && read.is_ok()
    });
    let piece = r#"{"minutes":[0,1,2,3],"success":[0,1,2,3],"duration":[null,4607182418800017408],"nodeHours":0,"usd":null,"trials":[[0,0,0,false,4607182418800017408]]}"#;
    fuzz("pieces", &[piece], &|bytes| Stood::read(bytes).is_some_and(|stood| Stood::read(&stood.to_bytes()).is_some()));
}

#[test]
fn identities_and_what_was_learned() {
    let identity = r#"{"change":{"operation":{"kind":"scale","count":3}},"snapshot":"0f","settings":{"seed":1,"trials":8,"off":["burst"]},"engine":"poolproof 0.1.0"}"#;
    fuzz("identities", &[identity], &|bytes| {
        serde_json::from_slice::<Identity>(bytes).is_ok_and(|identity| identity.id().len() == 32)
    });
    let learned = String::from_utf8(Learned::from(&[], &[]).to_bytes()).unwrap_or_default();
    fuzz("learned", &[&learned], &|bytes| {
        serde_json::from_slice::<Learned>(bytes).is_ok_and(|learned| {
            let _ = (learned.plain(), learned.rows(), crate::pipeline::learned_numbers(&learned));
            true
        })
    });
}

#[test]
fn reports_of_a_store() {
    let case = &scenarios::cases::cases()[0].before;
    let change = decode(case.changes[0].text.as_bytes()).unwrap().changes.remove(0);
    let snapshot = Snapshot::from_json(case.snapshot.as_bytes()).unwrap();
    let overrides = ChangeSettings { trials: Some(8), ..ChangeSettings::default() };
    let estimate = Estimate { overrides, threads: 1, ..Estimate::default() };
    let prepared = prepare(&change, &snapshot, &estimate).unwrap();
    let stop = AtomicBool::new(false);
    let watch = Watch { stop: &stop, progress: &|_| {}, glance: &no_glance, judged: &no_report, aid: None };
    let report = serde_json::to_string(&run(&prepared, &estimate, watch).unwrap().report).unwrap();
    fuzz("reports", &[&report], &|bytes| {
        serde_json::from_slice::<Report>(bytes).is_ok_and(|report| !reports::index(&[report]).bytes.is_empty())
    });
}

#[test]
fn places_in_traces() {
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let event = format!(r#"[{{"specversion":"1.0","traceparent":"{parent}","data":{{}}}}]"#);
    fuzz("traceparents", &[parent, "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more", &event], &|bytes| {
        let header = str::from_utf8(bytes).ok().and_then(TraceParent::parse);
        let found = header.into_iter().chain(TraceParent::of_message(bytes));
        // It goes into logs and headers as it is.
        found.inspect(|trace| assert!(trace.as_str().len() == 55 && trace.trace_id().len() == 32)).count() > 0
    });
}

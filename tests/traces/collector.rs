//! A small collector of OTLP over HTTP: takes requests, walks their protobuf by its wire format, and keeps the spans.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::json;

use super::{PARENT, TRACE, lines, of_spans};
use crate::support::{run, scale};
use crate::worker::Place;

#[derive(Clone, Debug)]
struct Span {
    trace: String,
    id: String,
    parent: String,
    name: String,
    begun: u64,
    ended: u64,
    failed: bool,
    service: String,
}

struct Collector {
    address: String,
    spans: Arc<Mutex<Vec<Span>>>,
}

impl Collector {
    fn start() -> Collector {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let spans = Arc::new(Mutex::new(Vec::new()));
        let kept = spans.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let kept = kept.clone();
                std::thread::spawn(move || answer(stream.unwrap(), &kept));
            }
        });
        Collector { address, spans }
    }

    fn spans(&self) -> Vec<Span> {
        self.spans.lock().unwrap().clone()
    }
}

/// Answers the requests of one connection.
fn answer(stream: TcpStream, spans: &Mutex<Vec<Span>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    loop {
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if line == "\r\n" {
                break;
            }
            head += &line.to_lowercase();
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        assert!(head.starts_with("post /v1/traces http/1.1"), "{head}");
        assert!(head.contains("content-type: application/x-protobuf"), "{head}");
        spans.lock().unwrap().extend(read(&body));
        writer
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n")
            .unwrap();
    }
}

/// A field's value: a number, or bytes.
#[derive(Clone, Copy)]
enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// Fields of a protobuf message with their numbers.
fn fields(mut bytes: &[u8]) -> Vec<(u64, Field<'_>)> {
    fn varint(bytes: &mut &[u8]) -> u64 {
        let (mut value, mut shift) = (0, 0);
        loop {
            let (first, rest) = bytes.split_first().expect("a varint");
            *bytes = rest;
            value |= u64::from(first & 0x7f) << shift;
            shift += 7;
            if first & 0x80 == 0 {
                return value;
            }
        }
    }
    fn take<'a>(bytes: &mut &'a [u8], length: usize) -> &'a [u8] {
        let (taken, rest) = bytes.split_at(length);
        *bytes = rest;
        taken
    }
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let value = match key & 7 {
            0 => Field::Number(varint(&mut bytes)),
            1 => Field::Number(u64::from_le_bytes(take(&mut bytes, 8).try_into().unwrap())),
            2 => {
                let length = varint(&mut bytes) as usize;
                Field::Bytes(take(&mut bytes, length))
            }
            5 => Field::Number(u32::from_le_bytes(take(&mut bytes, 4).try_into().unwrap()).into()),
            other => panic!("wire type {other}"),
        };
        found.push((key >> 3, value));
    }
    found
}

fn inner(message: &[u8], number: u64) -> impl Iterator<Item = &[u8]> {
    fields(message).into_iter().filter_map(move |(n, value)| match value {
        Field::Bytes(bytes) if n == number => Some(bytes),
        _ => None,
    })
}

fn number(message: &[u8], wanted: u64) -> u64 {
    let found = fields(message).into_iter().find_map(|(n, value)| match value {
        Field::Number(value) if n == wanted => Some(value),
        _ => None,
    });
    found.unwrap_or(0)
}

fn text(message: &[u8], number: u64) -> String {
    inner(message, number).next().map(|bytes| String::from_utf8(bytes.to_vec()).unwrap()).unwrap_or_default()
}

fn hex(message: &[u8], number: u64) -> String {
    inner(message, number).flatten().map(|byte| format!("{byte:02x}")).collect()
}

/// Spans of an `ExportTraceServiceRequest` (opentelemetry-proto 1.x, trace.proto: numbers of fields).
fn read(request: &[u8]) -> Vec<Span> {
    let mut found = Vec::new();
    for resource_spans in inner(request, 1) {
        let attributes: BTreeMap<String, String> = inner(resource_spans, 1)
            .flat_map(|resource| inner(resource, 1))
            .map(|pair| (text(pair, 1), inner(pair, 2).next().map(|value| text(value, 1)).unwrap_or_default()))
            .collect();
        for span in inner(resource_spans, 2).flat_map(|scope| inner(scope, 2)) {
            found.push(Span {
                trace: hex(span, 1),
                id: hex(span, 2),
                parent: hex(span, 4),
                name: text(span, 5),
                begun: number(span, 7),
                ended: number(span, 8),
                // STATUS_CODE_ERROR
                failed: inner(span, 15).next().is_some_and(|status| number(status, 3) == 2),
                service: attributes.get("service.name").cloned().unwrap_or_default(),
            });
        }
    }
    found
}

#[test]
fn spans_of_a_message_continue_its_trace() {
    let (place, collector) = (Place::new(), Collector::start());
    let mut event = scale("tiny", 5);
    event.as_object_mut().unwrap().remove("schema");
    place.submit(&[
        json!({"specversion": "1.0", "id": "e1", "source": "/ci", "type": "dev.poolproof.change.proposed.v1",
               "time": "2026-03-02T06:00:00Z", "traceparent": PARENT, "data": event}),
        scale("tiny", 6),
    ]);
    let ended = run(&mut place.few(&["--until-empty", "--traces", &collector.address])).expect_code(0);
    let spans = collector.spans();
    let ours: Vec<&Span> = spans.iter().filter(|span| span.trace == TRACE).collect();
    let named =
        |name: &str| *ours.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("no {name}: {ours:#?}"));
    let (job, change) = (named("job"), named("change"));
    assert_eq!(job.parent, &PARENT[36..52], "the sender's span is the parent");
    for name in ["claim", "decode", "change", "ack"] {
        assert_eq!(named(name).parent, job.id, "{name}");
    }
    for name in ["simulate", "judge", "search", "publish"] {
        assert_eq!(named(name).parent, change.id, "{name}");
    }
    for span in &ours {
        assert!(span.begun > 0 && span.begun <= span.ended && !span.failed, "{span:?}");
        assert_eq!(span.service, "poolproof");
        assert!(span.name == "claim" || (job.begun <= span.begun && span.ended <= job.ended), "{span:?}");
    }
    assert!(named("decode").ended <= change.begun && change.ended <= named("ack").begun);
    // The other message has a trace of its own, whose id its lines name.
    let traces: BTreeSet<&String> = spans.iter().map(|span| &span.trace).collect();
    assert_eq!(traces.len(), 2, "{spans:#?}");
    let all = lines(&ended.stderr);
    let published = all.iter().filter(|line| line["message"] == "published");
    let told: BTreeSet<String> = published.flat_map(|line| of_spans(line, "trace")).map(str::to_owned).collect();
    assert_eq!(told.iter().collect::<BTreeSet<_>>(), traces);
}

#[test]
fn spans_of_shards_continue_their_coordinators() {
    let (place, collector) = (Place::new(), Collector::start());
    place.submit_of(&[crate::shards::SPEC.into()], Some(PARENT));
    let words = ["--until-empty", "--split-above", "0.000001", "--traces", &collector.address];
    run(&mut place.worker(&words)).expect_code(0);
    let spans = collector.spans();
    assert!(spans.iter().all(|span| span.trace == TRACE && !span.failed), "{spans:#?}");
    let (first, others): (Vec<&Span>, Vec<&Span>) =
        spans.iter().filter(|span| span.name == "job").partition(|span| span.parent == PARENT[36..52]);
    assert_eq!((first.len(), others.len()), (1, 8), "{spans:#?}");
    assert!(others.iter().all(|job| job.parent == first[0].id), "{spans:#?}");
    let parts: Vec<&Span> = spans.iter().filter(|span| span.name == "part").collect();
    assert_eq!(parts.len(), 8);
    for part in parts {
        assert_eq!(part.parent, first[0].id, "the only hand does all of it");
        assert!(spans.iter().any(|span| span.name == "simulate" && span.parent == part.id), "{spans:#?}");
    }
}

#[test]
fn what_fails_is_marked_and_an_unsampled_trace_is_not_sent() {
    let (place, collector) = (Place::new(), Collector::start());
    let unsampled = PARENT.replace("-01", "-00");
    place.submit_bytes(&[
        b"{ no message".to_vec(),
        json!({"specversion": "1.0", "id": "e2", "source": "/ci", "type": "dev.poolproof.change.proposed.v1",
               "traceparent": unsampled, "data": {"cluster": "tiny"}})
        .to_string()
        .into_bytes(),
    ]);
    run(&mut place.few(&["--until-empty", "--traces", &collector.address])).expect_code(0);
    let spans = collector.spans();
    let jobs: Vec<&Span> = spans.iter().filter(|span| span.name == "job").collect();
    assert!(jobs.len() == 1 && jobs[0].failed && jobs[0].trace != TRACE, "{spans:#?}");
    assert!(spans.iter().any(|span| span.name == "bury" && span.parent == jobs[0].id), "{spans:#?}");
}

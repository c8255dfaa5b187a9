//! The worker's HTTP side, from outside: events by webhook, health, metrics.

#[cfg_attr(not(all(feature = "faults", any(feature = "amqp", feature = "cloud"))), allow(dead_code))]
pub mod every_queue;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{irrelevant, poolproof, run, scale};
use crate::worker::{Place, wait_until};

/// Longest wait for something that takes a second or two.
const PATIENCE: Duration = Duration::from_secs(180);

/// A worker that listens; it ends with the test.
pub struct Ear {
    pub child: Child,
    address: SocketAddr,
    pub log: Arc<Mutex<String>>,
}

impl Drop for Ear {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An answer: status, head, body.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    head: String,
    pub body: String,
}

impl Ear {
    pub fn new(place: &Place, address: &str, secret: Option<&str>) -> Ear {
        // What a worker that is killed had in hand comes again soon.
        let mut command = place.few(&["--listen", address, "--lease", "2"]);
        if let Some(secret) = secret {
            command.env("POOLPROOF_LISTEN_SECRET", secret);
        }
        Ear::of(&mut command)
    }

    /// Starts a worker that listens, and waits until it does.
    pub fn of(command: &mut Command) -> Ear {
        let mut child = command.stdout(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (log, (found, address)) = (Arc::new(Mutex::new(String::new())), std::sync::mpsc::channel());
        let seen = log.clone();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if let Ok(Value::String(address)) = serde_json::from_str::<Value>(&line).map(|v| v["address"].clone()) {
                    let _ = found.send(address);
                }
                *seen.lock().unwrap() += &format!("{line}\n");
            }
        });
        let address = address.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{}", log.lock().unwrap()));
        let port = address.parse::<SocketAddr>().unwrap().port();
        Ear { child, address: SocketAddr::from(([127, 0, 0, 1], port)), log }
    }

    /// What it says at its end, which it comes to by itself.
    pub fn ended(mut self) -> Value {
        let code = self.child.wait().unwrap().code();
        // Its last line may still be on its way.
        let ended = || {
            let log = self.log.lock().unwrap();
            let mut lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            lines.rfind(|line| line["message"] == "ended")
        };
        wait_until("it says how it ended", || ended().is_some());
        assert_eq!(code, Some(0), "{}", self.log.lock().unwrap());
        ended().unwrap()
    }

    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut request = format!("{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n");
        headers.iter().for_each(|(name, value)| request += &format!("{name}: {value}\r\n"));
        request += &format!("content-length: {}\r\n\r\n", body.len());
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        // Whoever is told that it is too much need not be listened to until the end.
        let _ = stream.write_all(body);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{method} {path}: {answer:?}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_lowercase(), body: body.to_owned() }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], b"")
    }

    pub fn post(&self, headers: &[(&str, &str)], message: &Value) -> Answer {
        self.ask("POST", "/events", headers, message.to_string().as_bytes())
    }

    /// One number of the metrics page.
    pub fn metric(&self, name: &str) -> Option<f64> {
        let page = self.get("/metrics").body;
        let line = page.lines().find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')))?;
        line.rsplit(' ').next()?.parse().ok()
    }

    /// Waits until a number of the metrics page is reached.
    #[track_caller]
    pub fn await_metric(&self, name: &str, value: f64) {
        let begun = Instant::now();
        while self.metric(name).unwrap_or(0.0) < value {
            assert!(begun.elapsed() < PATIENCE, "{name}: {}\n{}", self.get("/metrics").body, self.log.lock().unwrap());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

#[test]
fn an_event_that_is_answered_with_200_is_scored_and_counted() {
    let place = Place::new();
    let ear = Ear::new(&place, "127.0.0.1:0", None);
    assert_eq!(ear.get("/healthz").body, "ok\n");
    assert_eq!((ear.get("/readyz").status, ear.get("/nothing").status), (200, 404));
    assert_eq!(ear.post(&[], &scale("tiny", 5)).status, 200);
    assert_eq!(ear.post(&[], &irrelevant(1)).status, 200);
    assert_eq!(ear.ask("POST", "/events", &[], b"{ this is no message").status, 200);
    ear.await_metric("poolproof_messages_total{outcome=\"scored\"}", 1.0);
    ear.await_metric("poolproof_messages_total{outcome=\"nothing\"}", 1.0);
    ear.await_metric("poolproof_dead_letters_total{reason=\"unreadable\"}", 1.0);
    ear.await_metric("poolproof_queue_messages{state=\"dead\"}", 1.0);
    assert_eq!(place.documents().len(), 1);
    let counted = |name: &str| ear.metric(name);
    assert_eq!(counted("poolproof_reports_total"), Some(1.0));
    assert_eq!(counted("poolproof_trials_total"), Some(8.0));
    assert_eq!(counted("poolproof_received_total{result=\"queued\"}"), Some(3.0));
    assert_eq!(counted("poolproof_messages_in_hand"), Some(0.0));
    assert_eq!(counted("poolproof_queue_trouble"), Some(0.0));
    let seconds = |name: &str| counted(name).filter(|s| (0.0..60.0).contains(s));
    assert!(seconds("poolproof_queue_lag_seconds").is_some());
    assert!(seconds("poolproof_simulation_seconds_total") <= seconds("poolproof_work_seconds_total"));
    assert!(seconds("poolproof_simulation_seconds_total") > Some(0.0));
    // The same again is known already.
    assert_eq!(ear.post(&[], &scale("tiny", 5)).status, 200);
    ear.await_metric("poolproof_messages_total{outcome=\"repeated\"}", 1.0);
    assert_eq!(place.documents().len(), 1);
}

#[test]
fn the_door_of_the_embedded_queue() {
    every_queue::check(&Place::new());
}

#[test]
fn every_metric_is_documented_and_no_other() {
    let place = Place::new();
    let ear = Ear::new(&place, "127.0.0.1:0", None);
    ear.ask("POST", "/events", &[], b"no message");
    ear.await_metric("poolproof_messages_total{outcome=\"dead\"}", 1.0);
    ear.ask("POST", "/events", &[], b"another one");
    let page = ear.get("/metrics").body;
    assert!(page.ends_with("# EOF\n"), "{page}");
    let mut told: Vec<&str> = page.lines().filter_map(|l| l.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let operating = include_str!("../worker/OPERATING.md");
    let rows = operating.lines().filter_map(|l| l.strip_prefix("| `poolproof_"));
    let mut documented: Vec<String> = rows.map(|l| format!("poolproof_{}", l.split('`').next().unwrap())).collect();
    // What waits at the moment has an age; nothing may wait just now.
    told.retain(|name| *name != "poolproof_queue_oldest_seconds");
    documented.retain(|name| name != "poolproof_queue_oldest_seconds");
    told.sort_unstable();
    documented.iter_mut().for_each(|name| {
        let base = name.split('{').next().unwrap();
        *name = base.strip_suffix("_total").unwrap_or(base).to_owned();
    });
    documented.sort_unstable();
    assert_eq!(told, documented);
}

#[test]
fn webhooks_are_validated_in_both_schemas() {
    let place = Place::new();
    let ear = Ear::new(&place, "127.0.0.1:0", Some("correct horse"));
    let event = |kind: &str| {
        json!([{"id": "1", "topic": "/subscriptions/1", "subject": "", "eventType": kind, "eventTime": "2026-03-02T06:00:00Z",
                "data": {"validationCode": "512d38b6", "validationUrl": "https://example.org"}, "dataVersion": "2"}])
    };
    let kind = [("aeg-event-type", "SubscriptionValidation")];
    let answer = ear.post(&kind, &event("Microsoft.EventGrid.SubscriptionValidationEvent"));
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"validationResponse":"512d38b6"}"#));
    assert!(answer.head.contains("application/json"), "{}", answer.head);
    // What only says that it is one must show the secret as everything else.
    assert_eq!(ear.post(&kind, &event("Something.Else")).status, 401);
    let hello = [("WebHook-Request-Origin", "eventgrid.azure.net"), ("WebHook-Request-Rate", "120")];
    let answer = ear.ask("OPTIONS", "/events", &hello, b"");
    assert_eq!(answer.status, 200);
    for line in ["webhook-allowed-origin: eventgrid.azure.net", "webhook-allowed-rate: 120", "allow: post, options"] {
        assert!(answer.head.contains(line), "{}", answer.head);
    }
    assert_eq!(ear.ask("OPTIONS", "/events", &[], b"").status, 400);
    assert_eq!(ear.metric("poolproof_received_total{result=\"handshake\"}"), Some(2.0));
}

#[test]
fn only_who_shows_the_secret_may_send_events() {
    let place = Place::new();
    let ear = Ear::new(&place, "127.0.0.1:0", Some("correct horse"));
    let message = irrelevant(7);
    let wrong: [&[(&str, &str)]; 4] = [
        &[],
        &[("authorization", "Bearer wrong")],
        &[("authorization", "correct horse")],
        &[("authorization", "Basic correct horse")],
    ];
    for headers in wrong {
        assert_eq!(ear.post(headers, &message).status, 401, "{headers:?}");
    }
    assert_eq!(ear.post(&[("authorization", "Bearer correct horse")], &message).status, 200);
    let by_code =
        |code: &str| ear.ask("POST", &format!("/events?x=1&code={code}"), &[], message.to_string().as_bytes());
    assert_eq!((by_code("wrong").status, by_code("").status), (401, 401));
    assert_eq!(ear.metric("poolproof_received_total{result=\"unauthorised\"}"), Some(6.0));
    // Health needs none, and the secret is in no log.
    assert_eq!(ear.get("/healthz").status, 200);
    assert!(!ear.log.lock().unwrap().contains("correct horse"));

    let open = Ear::new(&place, "0.0.0.0:0", None);
    let answer = open.post(&[], &message);
    assert_eq!(answer.status, 401);
    assert!(answer.body.contains("POOLPROOF_LISTEN_SECRET"), "{}", answer.body);
    assert_eq!(open.get("/readyz").status, 200);
}

#[test]
fn what_is_too_large_empty_or_garbage_does_no_harm() {
    let place = Place::new();
    let ear = Ear::new(&place, "127.0.0.1:0", None);
    assert_eq!(ear.ask("POST", "/events", &[], b"").status, 400);
    let large = vec![b' '; (16 << 20) + 1];
    assert_eq!(ear.ask("POST", "/events", &[], &large).status, 413);
    for garbage in
        [&b"\0\0\0\0"[..], b"GET\r\n\r\n", b"POST /events HTTP/1.1\r\ncontent-length: 99999999999999999999\r\n\r\n"]
    {
        let mut stream = TcpStream::connect(ear.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let _ = stream.write_all(garbage);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
    }
    // Broken off half-way: nothing is queued.
    let mut stream = TcpStream::connect(ear.address).unwrap();
    stream.write_all(b"POST /events HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{\"half\":").unwrap();
    drop(stream);
    std::thread::scope(|scope| {
        for i in 0..100 {
            let ear = &ear;
            scope.spawn(move || {
                let status = ear.post(&[], &irrelevant(1000 + i)).status;
                assert!([200, 429, 503].contains(&status), "{status}");
            });
        }
    });
    assert_eq!(ear.get("/healthz").status, 200);
    let queued = ear.metric("poolproof_received_total{result=\"queued\"}").unwrap();
    ear.await_metric("poolproof_messages_total{outcome=\"nothing\"}", queued);
    assert_eq!(ear.metric("poolproof_messages_total{outcome=\"dead\"}"), Some(0.0));
}

#[test]
fn a_worker_whose_stores_are_gone_is_not_ready_and_is_again_when_they_are_back() {
    let place = Place::new();
    let ear = Ear::new(&place, "127.0.0.1:0", None);
    let (there, away) = (place.0.path("snapshots"), place.0.path("away"));
    std::fs::rename(&there, &away).unwrap();
    let answer = ear.get("/readyz");
    assert_eq!(answer.status, 503);
    assert!(answer.body.starts_with("store: "), "{}", answer.body);
    assert_eq!(ear.get("/healthz").status, 200);
    std::fs::rename(&away, &there).unwrap();
    assert_eq!(ear.get("/readyz").status, 200);
}

#[test]
fn what_was_answered_with_200_outlives_the_worker() {
    let place = Place::new();
    let mut ear = Ear::new(&place, "127.0.0.1:0", None);
    let answered = (0..20).filter(|i| ear.post(&[], &scale("tiny", 4 + i)).status == 200).count();
    ear.child.kill().unwrap();
    ear.child.wait().unwrap();
    run(&mut place.few(&["--until-empty"])).expect_code(0);
    assert_eq!((answered, place.documents().len()), (20, 20));
    let left = run(poolproof().args(["queue", "list", "--queue", &place.0.queue()])).expect_code(0);
    assert!(!left.stdout.contains("waiting") && !left.stdout.contains("dead\t"), "{}", left.stdout);
}

#[test]
fn an_address_that_is_taken_and_an_empty_secret_are_refused() {
    let place = Place::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ended = run(&mut place.few(&["--listen", &address])).expect_code(1);
    assert!(ended.stderr.contains("could not listen on") && ended.stderr.contains(&address), "{}", ended.stderr);
    let ended = run(place.few(&["--listen", "127.0.0.1:0"]).env("POOLPROOF_LISTEN_SECRET", " ")).expect_code(1);
    assert!(ended.stderr.contains("secret for events is empty"), "{}", ended.stderr);
    let ended = run(&mut place.few(&["--listen", "here"])).expect_code(2);
    assert!(ended.stderr.contains("--listen"), "{}", ended.stderr);
}

#[test]
fn a_worker_whose_memory_is_gone_is_not_ready() {
    let place = Place::new();
    let memory = place.0.path("memory.db");
    let mut command = place.few(&["--memory", &format!("sqlite:{}", memory.display()), "--listen", "127.0.0.1:0"]);
    let ear = Ear::of(command.env_remove("POOLPROOF_LISTEN_SECRET"));
    assert_eq!(ear.get("/readyz").status, 200);
    let away = place.0.path("away.db");
    std::fs::rename(&memory, &away).unwrap();
    let answer = ear.get("/readyz");
    assert_eq!(answer.status, 503);
    assert!(answer.body.starts_with("store: there is no memory"), "{}", answer.body);
    std::fs::rename(&away, &memory).unwrap();
    assert_eq!(ear.get("/readyz").status, 200);
}

//! RabbitMQ, a real one: every change has one report, every malformed message lies among the dead letters with its reason,
//! nothing else remains, whoever is killed and whenever, the broker included.
//!
//! Runs only with `POOLPROOF_BROKER_TESTS=1`. One test, for the broker takes half a minute to start; each part has its own
//! exchanges and queues.

mod broker;
mod speed;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use lapin::options::{BasicGetOptions, BasicPublishOptions, QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Connection};
use serde_json::{Value, json};

use crate::storm::{Messages, rage};
use crate::support::{Ended, Folder, irrelevant, poolproof, record, run, scale, snapshot};
use crate::worker::{endless, finish, name, tally, terminate, wait_until};
use broker::Broker;

#[test]
fn a_real_broker() {
    if std::env::var("POOLPROOF_BROKER_TESTS").as_deref() != Ok("1") {
        println!("skipped: POOLPROOF_BROKER_TESTS=1 runs the tests against a private RabbitMQ");
        return;
    }
    let started = Instant::now();
    let mut broker = Broker::start();
    let said = |what: &str| println!("{:>6.1} s  {what}", started.elapsed().as_secs_f64());
    said("broker started");
    the_topology_is_checked_without_changing_anything(&broker);
    said("topology checked");
    credentials_are_not_shown(&broker);
    said("credentials hidden");
    tls_is_spoken_with_whom_the_certificates_vouch_for(&broker);
    said("TLS spoken");
    dead_letters_can_be_looked_after(&broker);
    said("dead letters looked after");
    trouble_outside_is_tried_again(&broker);
    said("retried");
    a_worker_asked_to_stop_gives_the_job_back(&broker);
    said("given back");
    a_consumer_that_is_cancelled_comes_back(&broker);
    said("consumer came back");
    replays_wait_for_the_others(&broker);
    one_report_stands_whatever_the_order(&broker);
    a_trace_goes_from_the_message_to_what_is_announced(&broker);
    said("replays gave way, one report stands, traces carried");
    workers_under_load_stop_in_time(&broker);
    said("stopped under load");
    connections_that_are_cut_are_made_anew(&broker);
    said("connections cut");
    #[cfg(feature = "faults")]
    {
        crate::faults::check(&|name| Box::new(Place::new(&broker, name)));
        said("faults at every step");
    }
    a_blocked_broker_is_waited_for(&broker);
    said("blocked broker waited for");
    said(&a_storm(&mut broker));
}

/// A folder with a snapshot store and a place for reports, and a name on the broker.
struct Place {
    folder: Folder,
    url: String,
}

impl Place {
    fn new(broker: &Broker, name: &str) -> Place {
        let folder = Folder::new();
        folder.json("snapshots/tiny.json", &snapshot("tiny"));
        Place { folder, url: broker.url(name) }
    }

    fn submit(&self, messages: &[Vec<u8>]) -> Ended {
        let files: Vec<PathBuf> =
            messages.iter().enumerate().map(|(i, m)| self.folder.file(&format!("in/{i}"), m)).collect();
        run(poolproof().arg("submit").args(files).env("POOLPROOF_QUEUE", &self.url)).expect_code(0)
    }

    fn worker(&self, arguments: &[&str]) -> Command {
        let mut command = poolproof();
        command.env("POOLPROOF_QUEUE", &self.url);
        command.args(["worker", "--log-format", "json", "--poll", "0.05", "--retry-delay", "0.1", "--threads", "1"]);
        command.arg("--snapshots").arg(format!("dir:{}", self.folder.path("snapshots").display()));
        command.env("POOLPROOF_PUBLISH", format!("{},dir:{}", self.url, self.folder.path("reports").display()));
        command.args(arguments);
        command
    }

    fn queue(&self, words: &[&str]) -> Ended {
        run(poolproof().arg("queue").args(words).env("POOLPROOF_QUEUE", &self.url))
    }

    fn dead(&self) -> Vec<Value> {
        let ended = self.queue(&["list", "--dead", "--format", "json"]).expect_code(0);
        ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// What waits, in words.
    fn waiting(&self) -> String {
        let ended = self.queue(&["list"]).expect_code(0);
        ended.stderr.split(';').next().unwrap().to_owned()
    }

    fn documents(&self) -> Vec<Value> {
        let read =
            |id| serde_json::from_slice(&fs::read(self.folder.path(&format!("reports/{id}/report.json"))).unwrap());
        self.reports().into_iter().map(|id| read(id).unwrap()).collect()
    }

    fn reports(&self) -> BTreeSet<String> {
        let Ok(entries) = fs::read_dir(self.folder.path("reports")) else {
            return BTreeSet::new();
        };
        let folders = entries.map(|e| e.unwrap().path()).filter(|p| p.is_dir() && !name(p).starts_with('.'));
        let whole = |folder: PathBuf| {
            let report: Value = serde_json::from_slice(&fs::read(folder.join("report.json")).unwrap()).unwrap();
            assert_eq!(report["id"], name(&folder));
            assert!(folder.join("run.json").is_file());
            name(&folder)
        };
        folders.map(whole).collect()
    }
}

fn bytes(message: &Value) -> Vec<u8> {
    message.to_string().into_bytes()
}

/// A queue on everything that is announced.
fn listen(broker: &Broker, connection: &Connection, name: &str) -> String {
    let (queue, exchange) = (format!("{name}.heard"), format!("{name}.reports"));
    broker.runtime.block_on(async {
        let channel = connection.create_channel().await.unwrap();
        let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        channel.queue_declare(queue.as_str().into(), options, FieldTable::default()).await.unwrap();
        let (to, from) = (queue.as_str().into(), exchange.as_str().into());
        let options = QueueBindOptions::default();
        channel.queue_bind(to, from, "report.*.tiny".into(), options, FieldTable::default()).await.unwrap();
        channel.close(200, "done".into()).await.unwrap();
    });
    queue
}

/// Everything that lies in a queue.
fn drain(broker: &Broker, queue: &str) -> Vec<lapin::message::Delivery> {
    let connection = broker.connect().unwrap();
    broker.runtime.block_on(async {
        let channel = connection.create_channel().await.unwrap();
        let mut taken = Vec::new();
        while let Some(message) = channel.basic_get(queue.into(), BasicGetOptions { no_ack: true }).await.unwrap() {
            taken.push(message.delivery);
        }
        taken
    })
}

fn the_topology_is_checked_without_changing_anything(broker: &Broker) {
    let place = Place::new(broker, "topology");
    for _ in 0..2 {
        let ended = run(&mut place.worker(&["--check-topology"])).expect_code(1);
        assert_eq!(ended.stdout.matches(" is missing: ").count(), 14, "{ended:#?}");
    }
    run(&mut place.worker(&["--until-empty"])).expect_code(0);
    let ended = run(&mut place.worker(&["--check-topology"])).expect_code(0);
    assert_eq!(ended.stdout, "everything is there\n");
}

fn credentials_are_not_shown(broker: &Broker) {
    let place = Place { url: broker.url_as("somebody:s3cret", "credentials"), ..Place::new(broker, "credentials") };
    for arguments in [&["--until-empty"][..], &["--check-topology"], &["--until-empty", "--log", "trace"]] {
        let ended = run(&mut place.worker(arguments)).expect_code(1);
        assert!(ended.stderr.contains("ACCESS_REFUSED"), "{ended:#?}");
        assert!(!ended.stderr.contains("s3cret") && !ended.stdout.contains("s3cret"), "{ended:#?}");
    }
    // Allowed in, and talkative.
    let place = Place::new(broker, "talkative");
    let ended = run(&mut place.worker(&["--until-empty", "--log", "trace"])).expect_code(0);
    assert!(!ended.stderr.contains("guest"), "{ended:#?}");
}

fn tls_is_spoken_with_whom_the_certificates_vouch_for(broker: &Broker) {
    let (url, authority) = broker.url_with_tls("tls");
    let place = Place { url, ..Place::new(broker, "tls") };
    let file = place.folder.json("in.json", &scale("tiny", 2));
    let submit = || {
        let mut command = poolproof();
        command.arg("submit").arg(&file).env("POOLPROOF_QUEUE", &place.url);
        command
    };
    let ended = run(&mut submit()).expect_code(1);
    assert!(ended.stderr.contains("certificate") && !ended.stderr.contains("guest"), "{ended:#?}");
    run(submit().env("SSL_CERT_FILE", &authority)).expect_code(0);
    run(place.worker(&["--until-empty"]).env("SSL_CERT_FILE", &authority)).expect_code(0);
    assert_eq!(place.reports().len(), 1);
}

fn dead_letters_can_be_looked_after(broker: &Broker) {
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

fn trouble_outside_is_tried_again(broker: &Broker) {
    let place = Place::new(broker, "trouble");
    let worker = place.worker(&["--attempts", "100"]).spawn().unwrap();
    let reports = place.folder.path("reports");
    wait_until("the worker has started", || reports.is_dir());
    fs::remove_dir_all(&reports).unwrap();
    fs::write(&reports, "in the way").unwrap();
    place.submit(&[bytes(&scale("tiny", 2))]);
    wait_until("it is delayed", || place.waiting().contains("1 delayed"));
    fs::remove_file(&reports).unwrap();
    wait_until("it is done", || place.reports().len() == 1);
    terminate(&worker);
    let tally = tally(&finish(worker).expect_code(0));
    assert_eq!((&tally["scored"], &tally["dead"]), (&json!(1), &json!(0)));
    assert!(tally["retried"].as_u64() >= Some(1));
    assert_eq!(place.waiting(), "0 waiting, 0 delayed");

    // What does not end is given up, with the attempts counted over all copies.
    fs::remove_dir_all(&reports).unwrap();
    let worker = place.worker(&["--attempts", "3"]).spawn().unwrap();
    wait_until("the worker has started", || reports.is_dir());
    fs::remove_dir_all(&reports).unwrap();
    fs::write(&reports, "in the way").unwrap();
    place.submit(&[bytes(&scale("tiny", 3))]);
    wait_until("it is dead", || place.dead().len() == 1);
    let entry = place.dead().remove(0);
    assert!(entry["reason"].as_str().unwrap().starts_with("given up after 3 attempts: could not publish"), "{entry}");
    terminate(&worker);
    finish(worker).expect_code(0);
}

fn a_worker_asked_to_stop_gives_the_job_back(broker: &Broker) {
    let place = Place::new(broker, "stop");
    let worker = place.worker(&["--grace", "0.1"]).spawn().unwrap();
    place.submit(&[bytes(&endless())]);
    wait_until("the message is taken", || place.waiting() == "0 waiting, 0 delayed");
    terminate(&worker);
    let asked = Instant::now();
    finish(worker).expect_code(0);
    assert!(asked.elapsed() < Duration::from_secs(20));
    assert_eq!(place.waiting(), "1 waiting, 0 delayed");
    assert!(place.reports().is_empty());
    // It did not count: this is the first and only attempt.
    run(&mut place.worker(&["--until-empty", "--attempts", "1", "--limit", "0.5"])).expect_code(0);
    let entry = place.dead().remove(0);
    assert!(entry["reason"].as_str().unwrap().contains("of 100000 trials"), "{entry}");
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

fn a_blocked_broker_is_waited_for(broker: &Broker) {
    let place = Place::new(broker, "blocked");
    place.submit(&[b"{ no json".to_vec(), bytes(&irrelevant(1))]);
    broker.control(&["set_vm_memory_high_watermark", "absolute", "1"]);
    let worker = place.worker(&[]).stderr(Stdio::null()).spawn().unwrap();
    // Long enough for an attempt to publish the dead letter, and for its acknowledgement, had it been sent.
    std::thread::sleep(Duration::from_secs(4));
    assert!(place.dead().is_empty());
    broker.control(&["set_vm_memory_high_watermark", "absolute", "512MB"]);
    wait_until("the letter is dead", || place.dead().len() == 1);
    wait_until("nothing remains", || place.waiting() == "0 waiting, 0 delayed");
    terminate(&worker);
    finish(worker).expect_code(0);
}

fn replays_wait_for_the_others(broker: &Broker) {
    let place = Place::new(broker, "replays");
    let replays: Vec<Vec<u8>> = (0..6).map(|i| bytes(&record(&format!("r-{i}"), "Succeeded", 9))).collect();
    place.submit(&replays);
    place.submit(&(1..=6).map(|count| bytes(&scale("tiny", count))).collect::<Vec<_>>());
    assert_eq!(place.waiting(), "12 waiting, 0 delayed");
    let ended = run(&mut place.worker(&["--until-empty", "--trials", "8"])).expect_code(0);
    let published = ended.stderr.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let summaries: Vec<String> = published
        .filter(|line| line["message"] == "published" && line["relation"] != "None")
        .map(|line| line["summary"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(place.reports().len(), 12);
    let live = summaries.iter().rposition(|summary| summary.contains("scale")).unwrap();
    let overtaken = summaries[..live].iter().filter(|summary| !summary.contains("scale")).count();
    assert!(overtaken <= 1, "replays were taken before others: {summaries:#?}");
}

fn one_report_stands_whatever_the_order(broker: &Broker) {
    let place = Place::new(broker, "order");
    let told = |status: &str, minute| bytes(&record("c-1", status, minute));
    place.submit(&[told("Succeeded", 9), told("Started", 0), told("Accepted", 1), told("Succeeded", 9)]);
    let workers: Vec<Child> =
        (0..2).map(|_| place.worker(&["--until-empty", "--trials", "8", "--parallel", "2"]).spawn().unwrap()).collect();
    let tallies: Vec<Value> = workers.into_iter().map(|worker| tally(&finish(worker).expect_code(0))).collect();
    let sum = |name: &str| tallies.iter().map(|tally| tally[name].as_u64().unwrap()).sum::<u64>();
    assert_eq!((sum("scored") + sum("repeated"), sum("dead")), (4, 0), "{tallies:#?}");
    assert_eq!(place.reports().len(), 1);
    let documents = place.documents();
    assert_eq!(documents[0]["change"]["phase"], "completed");
}

fn a_trace_goes_from_the_message_to_what_is_announced(broker: &Broker) {
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

fn connections_that_are_cut_are_made_anew(broker: &Broker) {
    const MESSAGES: u32 = 30;
    let place = Place::new(broker, "cut");
    place.submit(&(1..=MESSAGES).map(|count| bytes(&scale("tiny", count))).collect::<Vec<_>>());
    let worker = place.worker(&["--parallel", "2"]).stderr(Stdio::null()).spawn().unwrap();
    for reports in [3, 10] {
        wait_until("it works", || place.reports().len() >= reports);
        broker.control(&["close_all_connections", "cut by a test"]);
    }
    wait_until("all are scored", || place.reports().len() == MESSAGES as usize);
    wait_until("nothing remains", || place.waiting() == "0 waiting, 0 delayed");
    terminate(&worker);
    finish(worker).expect_code(0);
    assert!(place.dead().is_empty());
    run(&mut place.worker(&["--until-empty"])).expect_code(0);
    assert_eq!(place.reports().len(), MESSAGES as usize);
}

#[cfg(feature = "faults")]
impl crate::faults::Site for Place {
    fn submit(&self, messages: &[Vec<u8>]) {
        Place::submit(self, messages);
    }

    fn worker(&self) -> Command {
        Place::worker(self, &["--until-empty", "--trials", "8"])
    }

    fn documents(&self) -> Vec<Value> {
        Place::documents(self)
    }

    fn left(&self) -> usize {
        assert_eq!(self.waiting(), "0 waiting, 0 delayed");
        self.dead().len()
    }
}

/// SIGTERM to workers that are busy: what they hold is finished or given back, and nothing is handed out twice.
fn workers_under_load_stop_in_time(broker: &Broker) {
    const MESSAGES: u32 = 60;
    let place = Place::new(broker, "stopping");
    let proposal = |seed: u32| {
        let mut change = scale("tiny", 2);
        change["settings"]["seed"] = json!(seed + 1);
        bytes(&change)
    };
    place.submit(&(0..MESSAGES).map(proposal).collect::<Vec<_>>());
    let workers: Vec<Child> =
        (0..3).map(|_| place.worker(&["--parallel", "2", "--grace", "10"]).spawn().unwrap()).collect();
    wait_until("they are busy", || place.reports().len() >= 5);
    workers.iter().for_each(terminate);
    let asked = Instant::now();
    let mut told: Vec<Value> = workers.into_iter().map(|worker| tally(&finish(worker).expect_code(0))).collect();
    assert!(asked.elapsed() < Duration::from_secs(15), "{:?}", asked.elapsed());
    // One attempt is all the others have: what was given back did not count.
    let ended = run(&mut place.worker(&["--until-empty", "--attempts", "1"])).expect_code(0);
    told.push(tally(&ended));
    let sum = |name: &str| told.iter().map(|tally| tally[name].as_u64().unwrap()).sum::<u64>();
    assert_eq!((sum("scored"), sum("repeated"), sum("dead")), (u64::from(MESSAGES), 0, 0), "{told:#?}");
}

/// Many messages, three workers, many kills, crashes of the broker. Returns the figures.
fn a_storm(broker: &mut Broker) -> String {
    const CRASHES: u32 = 3;
    let messages = Messages::new(300);
    let place = Place::new(broker, "storm");
    // Makes the exchanges.
    run(&mut place.worker(&["--until-empty"])).expect_code(0);
    let heard = listen(broker, &broker.connect().unwrap(), "storm");
    place.submit(&messages.bodies);
    let start = || {
        let mut worker = place.worker(&["--until-empty", "--attempts", "1000", "--parallel", "2", "--trials", "4"]);
        worker.stderr(Stdio::null()).spawn().unwrap()
    };
    let mut crashed = 0;
    let course = rage(&messages, start, &mut |kills| {
        if crashed < CRASHES && kills >= 4 + 6 * crashed {
            broker.crash_and_restart();
            crashed += 1;
        }
    });
    assert!(crashed == CRASHES && course.kills >= 16, "only {} were killed before it was over", course.kills);

    assert_eq!(place.waiting(), "0 waiting, 0 delayed");
    let dead = place.dead();
    messages.check(&place.documents(), &dead);
    let names: BTreeSet<&str> = dead.iter().map(|entry| entry["id"].as_str().unwrap()).collect();
    assert_eq!(names.len(), messages.malformed, "every malformed message, and nothing else: {dead:#?}");

    let mut announced: BTreeMap<String, u32> = BTreeMap::new();
    for event in drain(broker, &heard) {
        assert!(event.routing_key.as_str().starts_with("report."));
        let event: Value = serde_json::from_slice(&event.data).unwrap();
        assert_eq!((&event["type"], &event["id"]), (&json!("dev.poolproof.report.v1"), &event["data"]["id"]));
        *announced.entry(event["id"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    assert!(place.reports().iter().all(|id| announced.contains_key(id)), "every report was announced");
    let again = announced.values().map(|times| times - 1).sum::<u32>();
    format!(
        "storm: {}; {crashed} crashes of the broker; {} reports, {} dead letters ({} twice), {again} announcements repeated",
        course.words(&messages),
        messages.changes,
        names.len(),
        dead.len() - names.len(),
    )
}

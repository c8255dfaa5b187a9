//! RabbitMQ, a real one: every change has one report, every malformed message lies among the dead letters with its reason,
//! nothing else remains, whoever is killed and whenever, the broker included.
//!
//! Runs only with `POOLPROOF_BROKER_TESTS=1`. One test and the storm, for the broker takes half a minute to start; each part has
//! its own exchanges and queues.

mod broker;
mod faults;
mod letters;
mod order;
mod security;
mod speed;
mod storm;
mod traced;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use lapin::Connection;
use lapin::options::{BasicGetOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use serde_json::Value;

use crate::proxy::Proxy;
use crate::site::{Kind, Site, entries, files_below, reachable_folder, traced};
use crate::support::{Ended, Folder, poolproof, run, snapshot};
use crate::worker::name;
use broker::Broker;

#[test]
fn a_real_broker() {
    if !wanted() {
        return;
    }
    let started = Instant::now();
    let broker = Broker::start();
    let said = |what: &str| println!("{:>6.1} s  {what}", started.elapsed().as_secs_f64());
    said("broker started");
    security::the_topology_is_checked_without_changing_anything(&broker);
    said("topology checked");
    security::credentials_are_not_shown(&broker);
    said("credentials hidden");
    security::tls_is_spoken_with_whom_the_certificates_vouch_for(&broker);
    said("TLS spoken");
    letters::dead_letters_can_be_looked_after(&broker);
    said("dead letters looked after");
    order::replays_wait_for_the_others(&broker);
    order::live_proposals_overtake_replays_under_load(&broker);
    order::one_report_stands_whatever_the_order(&broker);
    traced::a_trace_goes_from_the_message_to_what_is_announced(&broker);
    said("replays gave way, one report stands, traces carried");
    crate::one_report::check_on(&Place::new(&broker, "deliveries"));
    said("one report per change");
    crate::shards::check_on(&mut sites(&broker, "shards"));
    said("work shared");
    #[cfg(feature = "listen")]
    crate::listen::every_queue::check(&Place::new(&broker, "door"));
    said("events by HTTP");
    #[cfg(all(feature = "listen", feature = "faults"))]
    {
        let held = crate::faults::Held::on(Kind::Rabbit);
        crate::shutdown::check(&Place::new(&broker, "finish"), &Place::new(&broker, "return"));
        held.row("any", "SIGTERM");
        said("stopped under load");
        crate::faults::points::check(&held, &mut sites(&broker, "point"));
        crate::faults::outside::check(&held, &mut sites(&broker, "outside"));
        crate::faults::outside::check_server(&held, &mut sites(&broker, "server"));
        crate::faults::outside::a_full_disk(&held, &Place::new(&broker, "disk"));
        faults::check(&held, &broker);
        said("faults at every step");
        // By the storm, a test of its own.
        held.row("any", "server crashes or is restarted");
        held.all();
    }
}

/// A folder with a snapshot store and a place for reports, and a name on the broker.
struct Place {
    folder: Folder,
    /// For whoever submits and looks.
    url: String,
    /// For workers.
    url_of_workers: String,
    way: Proxy,
}

/// True where these tests are asked for.
fn wanted() -> bool {
    let wanted = std::env::var("POOLPROOF_BROKER_TESTS").as_deref() == Ok("1");
    if !wanted {
        println!("skipped: POOLPROOF_BROKER_TESTS=1 runs the tests against a private RabbitMQ");
    }
    wanted
}

/// One place after the other.
fn sites<'a>(broker: &'a Broker, name: &'a str) -> impl FnMut() -> Box<dyn Site + 'a> {
    let mut number = 0;
    move || {
        number += 1;
        Box::new(Place::impatient(broker, &format!("{name}{number}")))
    }
}

impl Place {
    fn new(broker: &Broker, name: &str) -> Place {
        let folder = Folder::new();
        folder.json("snapshots/tiny.json", &snapshot("tiny"));
        let way = Proxy::to(broker.port());
        Place { folder, url: broker.url(name), url_of_workers: broker.url_by(way.port, "guest:guest", name), way }
    }

    /// The same, where a connection of a worker that says nothing for 3 s is dead.
    fn impatient(broker: &Broker, name: &str) -> Place {
        let place = Place::new(broker, name);
        Place { url_of_workers: format!("{}&heartbeat=3", place.url_of_workers), ..place }
    }

    /// The same at another address.
    fn at(url: String, broker: &Broker, name: &str) -> Place {
        Place { url_of_workers: url.clone(), url, ..Place::new(broker, name) }
    }

    fn submit(&self, messages: &[Vec<u8>]) -> Ended {
        self.submit_of(messages, None)
    }

    fn submit_of(&self, messages: &[Vec<u8>], trace: Option<&str>) -> Ended {
        let files: Vec<PathBuf> =
            messages.iter().enumerate().map(|(i, m)| self.folder.file(&format!("in/{i}"), m)).collect();
        run(traced(poolproof().arg("submit").args(files).env("POOLPROOF_QUEUE", &self.url), trace)).expect_code(0)
    }

    fn worker(&self, arguments: &[&str]) -> Command {
        let mut command = poolproof();
        command.env("POOLPROOF_QUEUE", &self.url_of_workers).env("POOLPROOF_TRIALS", "8");
        command.args(["worker", "--log-format", "json", "--poll", "0.05", "--retry-delay", "0.1", "--threads", "1"]);
        command.arg("--snapshots").arg(format!("dir:{}", self.folder.path("snapshots").display()));
        let reports = self.folder.path("reports");
        command.env("POOLPROOF_PUBLISH", format!("{},dir:{}", self.url_of_workers, reports.display()));
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

impl Site for Place {
    fn kind(&self) -> Kind {
        Kind::Rabbit
    }

    fn submit_traced(&self, messages: &[Vec<u8>], trace: Option<&str>) {
        self.submit_of(messages, trace);
    }

    fn worker(&self, words: &[&str]) -> Command {
        Place::worker(self, words)
    }

    fn documents(&self) -> Vec<Value> {
        Place::documents(self)
    }

    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        files_below(&self.folder.path("reports"))
    }

    fn dead(&self) -> Vec<Value> {
        entries(&self.queue(&["show", "--dead"]).expect_code(0).stdout)
    }

    fn waits(&self) -> bool {
        self.waiting() != "0 waiting, 0 delayed"
    }

    fn store(&self, reachable: bool) {
        reachable_folder(&self.folder.path("reports"), reachable);
    }

    fn folder(&self) -> Option<&Path> {
        Some(&self.folder.0)
    }

    fn way(&self) -> Option<&Proxy> {
        Some(&self.way)
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

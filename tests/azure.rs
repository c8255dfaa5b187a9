//! Azure Storage: queues and blobs of a real Azurite. Reports are whole or not there, dead letters have their reason, one
//! report per change, whoever is killed and whenever.
//!
//! Runs only where `POOLPROOF_AZURITE` names the program (`npm install azurite`, then `node_modules/.bin/azurite`).

mod azurite;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use futures_lite::StreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use serde_json::{Value, json};

use crate::proxy::Proxy;
use crate::site::{Kind, Site, entries, traced};
use crate::storm::{Messages, rage};
use crate::support::{Ended, Folder, irrelevant, poolproof, record, run, scale, snapshot};
use crate::worker::{endless, finish, tally, terminate, wait_until};
use azurite::Azurite;

#[test]
fn a_real_storage_account() {
    let Some(program) = wanted() else { return };
    let started = Instant::now();
    let azurite = Azurite::start(program);
    let said = |what: &str| println!("{:>6.1} s  {what}", started.elapsed().as_secs_f64());
    said("Azurite started");
    reports_and_snapshots_lie_in_a_container(&azurite);
    said("container used");
    what_is_beyond_the_limits_goes(&azurite);
    said("limits kept");
    half_a_report_is_none(&azurite);
    said("half a report completed");
    what_is_refused_is_said_without_the_signature(&azurite);
    said("refusals told");
    dead_letters_can_be_looked_after(&azurite);
    said("dead letters looked after");
    a_lease_is_renewed_and_given_back(&azurite);
    said("lease renewed, given back");
    a_trace_goes_with_its_message(&azurite);
    #[cfg(feature = "listen")]
    what_kills_its_workers_is_given_up(&azurite);
    said("poison given up");
    crate::one_report::check_on(&Place::new(&azurite, "deliveries"));
    said("one report per change");
    crate::shards::check_on(&mut sites(&azurite, "shards"));
    said("work shared");
    #[cfg(feature = "listen")]
    crate::listen::every_queue::check(&Place::new(&azurite, "door"));
    said("events by HTTP");
    #[cfg(all(feature = "listen", feature = "faults"))]
    {
        let held = crate::faults::Held::on(Kind::Azure);
        crate::shutdown::check(&Place::new(&azurite, "finish"), &Place::new(&azurite, "return"));
        held.row("any", "SIGTERM");
        said("stopped under load");
        crate::faults::points::check(&held, &mut sites(&azurite, "point"));
        crate::faults::outside::check(&held, &mut sites(&azurite, "outside"));
        crate::faults::outside::check_server(&held, &mut sites(&azurite, "server"));
        said("faults at every step");
        // By the storm, a test of its own.
        held.row("any", "server crashes or is restarted");
        held.all();
    }
}

/// The program, where these tests are asked for.
fn wanted() -> Option<PathBuf> {
    let program = std::env::var("POOLPROOF_AZURITE").ok().map(PathBuf::from);
    if program.is_none() {
        println!("skipped: POOLPROOF_AZURITE=PROGRAM runs the tests against a private Azurite");
    }
    program
}

/// One place after the other.
fn sites<'a>(azurite: &'a Azurite, name: &'a str) -> impl FnMut() -> Box<dyn Site + 'a> {
    let mut number = 0;
    move || {
        number += 1;
        Box::new(Place::new(azurite, &format!("{name}{number}")))
    }
}

/// A queue, a prefix in the container, and a folder for messages.
struct Place<'a> {
    azurite: &'a Azurite,
    folder: Folder,
    name: String,
    /// The ways of workers to blobs and to queues.
    ways: [Proxy; 2],
}

impl<'a> Place<'a> {
    fn new(azurite: &'a Azurite, name: &str) -> Place<'a> {
        let ways = [Proxy::to(azurite.ports[0]), Proxy::to(azurite.ports[1])];
        let place = Place { azurite, folder: Folder::new(), name: name.to_owned(), ways };
        place.put("snapshots/tiny.json", snapshot("tiny").to_string());
        place
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = poolproof();
        self.azurite.point(&mut command);
        command.args(words).env("POOLPROOF_QUEUE", Azurite::queue(&self.name));
        command
    }

    fn worker(&self, words: &[&str]) -> Command {
        let mut command = self.command(&["worker", "--log-format", "json", "--poll", "0.05", "--retry-delay", "0.1"]);
        command.env("POOLPROOF_TRIALS", "4").args(["--threads", "1", "--snapshots", &self.url("snapshots")]);
        command.args(["--publish", &self.url("reports")]).args(words);
        azurite::point_to(&mut command, [self.ways[0].port, self.ways[1].port]);
        command
    }

    fn url(&self, part: &str) -> String {
        format!("az://fleet/{}/{part}", self.name)
    }

    fn submit(&self, messages: &[Vec<u8>]) {
        self.submit_of(messages, None);
    }

    fn submit_of(&self, messages: &[Vec<u8>], trace: Option<&str>) {
        let files: Vec<PathBuf> =
            messages.iter().enumerate().map(|(i, m)| self.folder.file(&format!("in/{i}"), m)).collect();
        run(traced(self.command(&["submit"]).args(files), trace)).expect_code(0);
    }

    fn queue(&self, words: &[&str]) -> Ended {
        run(self.command(&["queue"]).args(words))
    }

    fn dead(&self) -> Vec<Value> {
        let ended = self.queue(&["list", "--dead", "--format", "json"]).expect_code(0);
        ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn waiting(&self) -> String {
        self.queue(&["list"]).expect_code(0).stderr.trim().to_owned()
    }

    fn put(&self, path: &str, content: String) {
        let path = Path::from(format!("{}/{path}", self.name));
        self.azurite.runtime.block_on(self.azurite.store().put(&path, content.into_bytes().into())).unwrap();
    }

    /// Everything below a folder.
    fn objects(&self, folder: &str) -> BTreeMap<String, Vec<u8>> {
        let (store, prefix) = (self.azurite.store(), Path::from(format!("{}/{folder}", self.name)));
        self.azurite.runtime.block_on(async {
            let mut found = BTreeMap::new();
            let mut listed = store.list(Some(&prefix));
            while let Some(object) = listed.next().await {
                let path = object.unwrap().location;
                // What goes while it is read was not there.
                let Ok(object) = store.get(&path).await else { continue };
                let name = path.as_ref().strip_prefix(prefix.as_ref()).unwrap().trim_start_matches('/').to_owned();
                found.insert(name, object.bytes().await.unwrap().to_vec());
            }
            found
        })
    }

    fn delete(&self, path: &str) {
        let answer = self.azurite.request("DELETE", &format!("fleet/{}/{path}", self.name), "");
        assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    }

    /// The reports that are there; each must be whole.
    fn documents(&self) -> Vec<Value> {
        let objects = self.objects("reports");
        let ids = objects.keys().filter_map(|path| path.strip_suffix("/run.json"));
        ids.map(|id| {
            assert!(
                objects.contains_key(&format!("{id}/report.html")) && objects.contains_key(&format!("{id}/report.md"))
            );
            let report: Value = serde_json::from_slice(&objects[&format!("{id}/report.json")]).unwrap();
            assert_eq!(report["id"], id);
            report
        })
        .collect()
    }
}

impl Site for Place<'_> {
    fn kind(&self) -> Kind {
        Kind::Azure
    }

    fn submit_traced(&self, messages: &[Vec<u8>], trace: Option<&str>) {
        self.submit_of(messages, trace);
    }

    fn worker(&self, words: &[&str]) -> Command {
        Place::worker(self, &[&["--lease", "1"], words].concat())
    }

    fn documents(&self) -> Vec<Value> {
        let whole = Place::documents(self);
        let all = self.objects("reports").into_keys().filter(|path| path.ends_with("/report.json")).count();
        assert!(whole.len() <= all, "a report that is there is whole");
        whole
    }

    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        self.objects("reports")
    }

    fn dead(&self) -> Vec<Value> {
        entries(&self.queue(&["show", "--dead"]).expect_code(0).stdout)
    }

    fn waits(&self) -> bool {
        self.waiting() != "0 waiting, delayed or in work"
    }

    fn store(&self, reachable: bool) {
        if reachable { self.ways[0].open() } else { self.ways[0].close() }
    }

    fn way(&self) -> Option<&Proxy> {
        Some(&self.ways[1])
    }
}

fn bytes(message: &Value) -> Vec<u8> {
    message.to_string().into_bytes()
}

fn reports_and_snapshots_lie_in_a_container(azurite: &Azurite) {
    let place = Place::new(azurite, "container");
    // Azure writes names in any case.
    let mut shouting = scale("TINY", 2);
    shouting["settings"]["seed"] = json!(7);
    place.submit(&[
        bytes(&scale("tiny", 2)),
        bytes(&shouting),
        bytes(&record("c-1", "Succeeded", 9)),
        bytes(&irrelevant(1)),
    ]);
    let first = tally(&run(&mut place.worker(&["--until-empty", "--parallel", "2"])).expect_code(0));
    assert_eq!((&first["scored"], &first["nothing"], &first["dead"]), (&json!(3), &json!(1), &json!(0)));
    let documents = place.documents();
    assert_eq!(documents.len(), 3);
    let objects = place.objects("reports");
    let index = String::from_utf8(objects["index.html"].clone()).unwrap();
    assert!(documents.iter().all(|report| index.contains(report["id"].as_str().unwrap())));
    // Told again, and told of what came before.
    place.submit(&[
        bytes(&record("c-1", "Succeeded", 9)),
        bytes(&record("c-1", "Started", 0)),
        bytes(&scale("tiny", 2)),
    ]);
    let again = tally(&run(&mut place.worker(&["--until-empty"])).expect_code(0));
    assert_eq!((&again["repeated"], &again["reports"]), (&json!(3), &json!(0)));
    assert_eq!(place.objects("reports"), objects, "not one byte differs");
    // Further than what is there.
    place.submit(&[bytes(&record("c-1", "Failed", 10))]);
    let ended = run(&mut place.worker(&["--until-empty"])).expect_code(0);
    assert_eq!(tally(&ended)["scored"], 1, "{ended:#?}");
    let after = place.documents();
    assert_eq!(after.len(), 3);
    assert_eq!(after.iter().filter(|report| report["change"]["recorded"]["succeeded"] == json!(false)).count(), 1);
    let leftovers = place.objects("reports").into_keys().filter(|path| path.ends_with("report.json")).count();
    assert_eq!(leftovers, 3, "of the one that was replaced nothing is left");
}

fn what_is_beyond_the_limits_goes(azurite: &Azurite) {
    let place = Place::new(azurite, "limits");
    place.submit(&(1..=5).map(|count| bytes(&scale("tiny", count))).collect::<Vec<_>>());
    run(&mut place.worker(&["--until-empty", "--keep", "2"])).expect_code(0);
    assert_eq!(place.documents().len(), 2);
    let lines = place.objects("reports/.changes").len();
    assert_eq!(lines, 2, "their lines go with them");
}

fn half_a_report_is_none(azurite: &Azurite) {
    let place = Place::new(azurite, "half");
    place.submit(&[bytes(&scale("tiny", 2))]);
    run(&mut place.worker(&["--until-empty"])).expect_code(0);
    let whole = place.objects("reports");
    let id = place.documents()[0]["id"].as_str().unwrap().to_owned();
    // As a worker leaves it that is killed half-way: the file that makes it a report comes last.
    for file in ["run.json", "report.html"] {
        place.delete(&format!("reports/{id}/{file}"));
    }
    assert!(place.documents().is_empty());
    place.submit(&[bytes(&scale("tiny", 2))]);
    run(&mut place.worker(&["--until-empty"])).expect_code(0);
    let mended = place.objects("reports");
    assert_eq!(mended.keys().collect::<Vec<_>>(), whole.keys().collect::<Vec<_>>());
    assert_eq!(mended[&format!("{id}/report.html")], whole[&format!("{id}/report.html")]);
}

fn what_is_refused_is_said_without_the_signature(azurite: &Azurite) {
    let place = Place::new(azurite, "refused");
    let wrong = azurite::signature().replace("sig=", "sig=AAAA");
    let file = place.folder.file("wrong", &wrong);
    for arguments in [&["--until-empty"][..], &["--until-empty", "--log", "trace"]] {
        let mut worker = place.worker(arguments);
        let ended = run(worker.env("POOLPROOF_AZURE_SAS_FILE", &file)).expect_code(1);
        assert!(!ended.stderr.contains("AAAA") && !ended.stdout.contains("AAAA"), "{ended:#?}");
    }
    let ended = run(place.command(&["queue", "list"]).env("POOLPROOF_AZURE_SAS_FILE", &file)).expect_code(1);
    assert!(ended.stderr.contains("look at the queue") && !ended.stderr.contains("AAAA"), "{ended:#?}");
    let mut worker = place.worker(&["--until-empty", "--publish", "az://nowhere/reports"]);
    let ended = run(&mut worker).expect_code(1);
    assert!(ended.stderr.contains("could not open az://nowhere/reports"), "{ended:#?}");
    // Allowed in, and talkative.
    let ended = run(&mut place.worker(&["--until-empty", "--log", "trace"])).expect_code(0);
    let signature = azurite::signature();
    let secret = signature.split("sig=").nth(1).unwrap();
    assert!(!ended.stderr.contains(secret), "the signature is in the log");
}

fn dead_letters_can_be_looked_after(azurite: &Azurite) {
    let place = Place::new(azurite, "letters");
    place.submit(&[
        b"{ no json".to_vec(),
        bytes(&json!({"neither": "<this>"})),
        b"\xff\xfe&".to_vec(),
        bytes(&irrelevant(1)),
    ]);
    let told = tally(&run(&mut place.worker(&["--until-empty"])).expect_code(0));
    assert_eq!((&told["dead"], &told["nothing"]), (&json!(3), &json!(1)));
    let dead = place.dead();
    assert_eq!(dead.len(), 3);
    assert!(
        dead.iter().all(|e| e["reason"].as_str().unwrap().contains("cannot be read") && e["attempts"] == 1),
        "{dead:#?}"
    );
    assert_eq!(place.dead().len(), 3, "looking takes nothing away");
    let id = dead[0]["id"].as_str().unwrap();
    let shown: Value = serde_json::from_str(&place.queue(&["show", id]).expect_code(0).stdout).unwrap();
    assert!(!shown["body"].is_null());
    place.queue(&["drop", id, "nobody"]).expect_code(1);
    assert_eq!(place.dead().len(), 3, "none is touched where one is missing");
    assert_eq!(place.queue(&["requeue", id]).expect_code(0).stdout, "1 put back\n");
    assert_eq!((place.dead().len(), place.waiting().as_str()), (2, "1 waiting, delayed or in work"));
    run(&mut place.worker(&["--until-empty"])).expect_code(0);
    assert_eq!(place.queue(&["drop", "--dead"]).expect_code(0).stdout, "3 dropped\n");
    assert_eq!(place.dead().len(), 0);
}

fn a_lease_is_renewed_and_given_back(azurite: &Azurite) {
    let place = Place::new(azurite, "lease");
    place.submit(&[bytes(&endless())]);
    let start = || place.worker(&["--lease", "2", "--grace", "0.1", "--trials", "100000"]).spawn().unwrap();
    let workers = [start(), start()];
    std::thread::sleep(Duration::from_secs(7));
    workers.iter().for_each(terminate);
    let ends: Vec<String> = workers.into_iter().map(|worker| finish(worker).expect_code(0).stderr).collect();
    let claims = ends.iter().map(|log| log.matches("\"attempt\":").count().min(1)).sum::<usize>();
    let given = ends.iter().filter(|log| log.contains("given back")).count();
    assert_eq!((claims, given), (1, 1), "three leases later the first worker still has it: {ends:#?}");
    assert_eq!(place.waiting(), "1 waiting, delayed or in work");
    // At once, and whole.
    let told =
        tally(&run(&mut place.worker(&["--until-empty", "--limit", "0.5", "--trials", "100000"])).expect_code(0));
    assert_eq!(told["dead"], 1);
}

fn a_trace_goes_with_its_message(azurite: &Azurite) {
    let place = Place::new(azurite, "traced");
    let file = place.folder.json("in/change.json", &scale("tiny", 5));
    run(place.command(&["submit"]).arg(file).env("TRACEPARENT", crate::traces::PARENT)).expect_code(0);
    let ended = run(&mut place.worker(&["--until-empty"])).expect_code(0);
    let lines = crate::traces::lines(&ended.stderr);
    let published = lines.iter().find(|line| line["message"] == "published").unwrap();
    assert_eq!(crate::traces::of_spans(published, "trace").next(), Some(crate::traces::TRACE));
    assert_eq!(place.documents().len(), 1);
}

#[cfg(feature = "listen")]
fn what_kills_its_workers_is_given_up(azurite: &Azurite) {
    let place = Place::new(azurite, "poison");
    place.submit(&[bytes(&endless())]);
    let words = ["--lease", "1", "--attempts", "2", "--trials", "100000", "--listen", "127.0.0.1:0"];
    for _ in 0..2 {
        // Killed with the message in hand, however long it takes until it has it.
        let ear = crate::listen::Ear::of(&mut place.worker(&words));
        ear.await_metric("poolproof_messages_in_hand", 1.0);
    }
    wait_until("it is dead", || {
        run(&mut place.worker(&["--until-empty", "--attempts", "2", "--lease", "1", "--limit", "1"])).expect_code(0);
        place.dead().len() == 1
    });
    let reason = place.dead()[0]["reason"].as_str().unwrap().to_owned();
    assert_eq!(reason, "given up after 2 attempts: the worker died while it worked on the message");
}

/// Many messages, three workers, many kills, the account gone for a while.
#[test]
fn a_storm_on_a_real_account() {
    let Some(program) = wanted() else { return };
    let azurite = &Azurite::start(program);
    let messages = Messages::new(120);
    let place = Place::new(azurite, "storm");
    let worker = |more: &[&str]| {
        let mut worker = place.worker(&["--lease", "2", "--attempts", "1000", "--trials", "4"]);
        worker.args(more);
        worker
    };
    let mut away = 0;
    let log = place.folder.path("workers.log");
    let course = rage(&messages, |bodies| place.submit(bodies), worker, &log, &mut |kills| {
        if kills % 10 == 5 {
            azurite.restart(Duration::from_secs(1));
            away += 1;
        }
    });
    let twice = messages.check(&place);
    let whole = place.objects("reports").into_keys().filter(|path| path.ends_with("/report.json")).count();
    assert_eq!(whole, messages.changes, "nothing half is left");
    println!("Azure storm: {}; away {away} times; {twice} dead letters twice", course.words(&messages));
}

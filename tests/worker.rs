//! The worker and its queue with real processes: nothing is lost, nothing is done twice, whoever is killed and whenever.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::site::traced;
use crate::support::{Ended, Folder, irrelevant, poolproof, proposal, run, scale, snapshot};

/// Longest wait for something that takes a second or two where nothing else runs.
const PATIENCE: Duration = Duration::from_secs(180);

/// A folder with a snapshot store, a queue and a place for reports.
pub struct Place(pub Folder);

impl Place {
    pub fn new() -> Place {
        let folder = Folder::new();
        folder.json("snapshots/tiny.json", &snapshot("tiny"));
        Place(folder)
    }

    pub fn submit(&self, messages: &[Value]) -> Ended {
        let files: Vec<PathBuf> =
            messages.iter().enumerate().map(|(i, m)| self.0.json(&format!("in/{i}.json"), m)).collect();
        run(poolproof().arg("submit").args(files).args(["--queue", &self.0.queue()])).expect_code(0)
    }

    /// The same for messages of any bytes.
    pub fn submit_bytes(&self, messages: &[Vec<u8>]) -> Ended {
        self.submit_of(messages, None)
    }

    /// The same for messages with a place in a trace.
    pub fn submit_of(&self, messages: &[Vec<u8>], trace: Option<&str>) -> Ended {
        let file = |(i, message)| self.0.file(&format!("in/{i}"), message);
        let files: Vec<PathBuf> = messages.iter().enumerate().map(file).collect();
        run(traced(poolproof().arg("submit").args(files).args(["--queue", &self.0.queue()]), trace)).expect_code(0)
    }

    pub fn worker(&self, arguments: &[&str]) -> Command {
        self.worker_on(&self.0.queue(), arguments)
    }

    /// A worker on another queue than that of the place.
    pub fn worker_on(&self, queue: &str, arguments: &[&str]) -> Command {
        let mut command = poolproof();
        command.args([
            "worker",
            "--log-format",
            "json",
            "--queue",
            queue,
            "--poll",
            "0.05",
            "--retry-delay",
            "0.1",
            "--threads",
            "1",
        ]);
        command.arg("--snapshots").arg(format!("dir:{}", self.0.path("snapshots").display()));
        command.arg("--publish").arg(format!("dir:{}", self.0.path("reports").display()));
        command.args(arguments);
        command
    }

    /// A worker that draws few futures.
    pub fn few(&self, arguments: &[&str]) -> Command {
        let mut command = self.worker(arguments);
        command.args(["--trials", "8"]);
        command
    }

    /// What the reports say.
    pub fn documents(&self) -> Vec<Value> {
        let read = |id| serde_json::from_slice(&fs::read(self.0.path(&format!("reports/{id}/report.json"))).unwrap());
        self.reports().into_iter().map(|id| read(id).unwrap()).collect()
    }

    /// The lines of the ledger.
    pub fn lines(&self) -> Vec<Value> {
        let folders = fs::read_dir(self.0.path("reports/.changes")).unwrap().map(|e| e.unwrap().path());
        let files = folders.flat_map(|folder| fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()));
        // Killed workers leave half-written ones, which have another name.
        let files = files.filter(|path| !name(path).starts_with('.'));
        files.map(|path| serde_json::from_slice(&fs::read(path).unwrap()).unwrap()).collect()
    }

    /// Messages in the queue.
    pub fn list(&self) -> Vec<Value> {
        let ended =
            run(poolproof().args(["queue", "list", "--format", "json", "--queue", &self.0.queue()])).expect_code(0);
        ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Reports by their ids; each must be whole.
    pub fn reports(&self) -> BTreeSet<String> {
        let Ok(entries) = fs::read_dir(self.0.path("reports")) else {
            return BTreeSet::new();
        };
        let folders = entries.map(|e| e.unwrap().path()).filter(|p| p.is_dir() && !name(p).starts_with('.'));
        let whole = |folder: PathBuf| {
            let report: Value = serde_json::from_slice(&fs::read(folder.join("report.json")).unwrap()).unwrap();
            assert!(folder.join("run.json").is_file() && folder.join("report.html").is_file());
            assert_eq!(report["id"], name(&folder));
            name(&folder)
        };
        folders.map(whole).collect()
    }
}

pub fn name(path: &std::path::Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

/// What a worker says at its end.
pub fn tally(ended: &Ended) -> Value {
    let mut lines = ended.stderr.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.rfind(|line| line["message"] == "ended").unwrap_or_else(|| panic!("no tally: {ended:#?}"))
}

pub fn wait_until(what: &str, mut reached: impl FnMut() -> bool) {
    let started = Instant::now();
    while !reached() {
        assert!(started.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub fn terminate(child: &Child) {
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
}

pub fn finish(child: Child) -> Ended {
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// A change whose simulation takes far longer than any test.
pub fn endless() -> Value {
    let mut change = proposal("tiny", &json!({"kind": "upgrade", "nodeImageOnly": true}));
    change["settings"]["trials"] = json!(100_000);
    change
}

/// Pseudo-random numbers, the same in every run.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

#[test]
fn a_message_becomes_a_report_and_an_index() {
    let place = Place::new();
    place.submit(&[scale("tiny", 2), irrelevant(1)]);
    let ended = run(&mut place.worker(&["--until-empty"])).expect_code(0);
    let tally = tally(&ended);
    assert_eq!((&tally["scored"], &tally["nothing"], &tally["dead"]), (&json!(1), &json!(1), &json!(0)));
    assert_eq!(ended.stdout, "");
    let ids = place.reports();
    assert_eq!(ids.len(), 1);
    let index = fs::read_to_string(place.0.path("reports/index.html")).unwrap();
    assert!(index.contains(ids.first().unwrap()));
    assert!(place.list().is_empty());
}

#[test]
fn submitted_twice_is_one_report() {
    let place = Place::new();
    let message = scale("tiny", 2);
    assert!(place.submit(std::slice::from_ref(&message)).stdout.contains("submitted"));
    assert!(place.submit(std::slice::from_ref(&message)).stdout.contains("already in the queue"));
    assert_eq!(place.list().len(), 1);
    run(&mut place.worker(&["--until-empty"])).expect_code(0);
    let (first, bytes) = (place.reports(), fs::read(place.0.path("reports/index.html")).unwrap());
    // Delivered once more after it was done: the report is there already.
    assert!(place.submit(&[message]).stdout.contains("submitted"));
    run(&mut place.worker(&["--until-empty"])).expect_code(0);
    assert_eq!(place.reports(), first);
    assert_eq!(fs::read(place.0.path("reports/index.html")).unwrap(), bytes);
}

#[test]
fn killed_workers_lose_and_duplicate_nothing() {
    const MESSAGES: u32 = 30;
    let place = Place::new();
    let mut messages: Vec<Value> = (1..=MESSAGES).map(|count| scale("tiny", count)).collect();
    messages.extend((1..=MESSAGES).map(irrelevant));
    place.submit(&messages);
    let start = || {
        place
            .worker(&["--until-empty", "--lease", "0.5", "--attempts", "1000"])
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap()
    };
    let mut dice = Dice(42);
    let mut workers: Vec<Child> = (0..3).map(|_| start()).collect();
    let mut killed = 0;
    let mut clean = 0;
    let started = Instant::now();
    while !workers.is_empty() {
        assert!(started.elapsed() < PATIENCE, "no end: {:?}", place.list());
        std::thread::sleep(Duration::from_millis(20 + dice.below(150)));
        let chosen = usize::try_from(dice.below(workers.len() as u64)).unwrap();
        if let Some(status) = workers[chosen].try_wait().unwrap() {
            assert!(status.success(), "a worker that is left alone ends well");
            clean += 1;
            workers.swap_remove(chosen).wait().unwrap();
        } else if killed < 25 {
            workers[chosen].kill().unwrap();
            workers[chosen].wait().unwrap();
            workers[chosen] = start();
            killed += 1;
        }
    }
    assert_eq!(clean, 3);
    assert!(killed >= 5, "only {killed} were killed before it was over");
    assert!(place.list().is_empty(), "{:?}", place.list());
    assert_eq!(place.reports().len(), MESSAGES as usize, "one whole report per change");
    let index = fs::read_to_string(place.0.path("reports/index.html")).unwrap();
    assert!(place.reports().iter().all(|id| index.contains(id)), "the index knows them all");
}

#[test]
fn killed_submitters_lose_and_duplicate_nothing() {
    const MESSAGES: u32 = 40;
    let place = Place::new();
    let files: Vec<PathBuf> = (0..MESSAGES).map(|i| place.0.json(&format!("in/{i}.json"), &irrelevant(i))).collect();
    let mut dice = Dice(7);
    for _ in 0..12 {
        let start = || poolproof().arg("submit").args(&files).args(["--queue", &place.0.queue()]).spawn().unwrap();
        let mut pair = [start(), start()];
        std::thread::sleep(Duration::from_millis(dice.below(60)));
        for child in &mut pair {
            let _ = child.kill();
            child.wait().unwrap();
        }
    }
    let added = |word: &str| {
        run(poolproof().arg("submit").args(&files).args(["--queue", &place.0.queue()]))
            .expect_code(0)
            .stdout
            .matches(word)
            .count()
    };
    added("submitted");
    assert_eq!(added("already in the queue"), MESSAGES as usize);
    assert_eq!(place.list().len(), MESSAGES as usize);
}

#[test]
fn a_lease_of_the_dead_runs_out() {
    let place = Place::new();
    place.submit(&[endless()]);
    let mut first = place.worker(&["--lease", "1"]).spawn().unwrap();
    wait_until("the message is leased", || place.list()[0]["state"] == "leased");
    first.kill().unwrap();
    first.wait().unwrap();
    let second = place.worker(&["--lease", "1", "--grace", "0.1"]).spawn().unwrap();
    wait_until("the message is leased again", || place.list()[0]["attempts"] == 2);
    terminate(&second);
    finish(second);
}

#[test]
fn a_lease_is_renewed_while_the_simulation_runs() {
    let place = Place::new();
    place.submit(&[endless()]);
    let workers: Vec<Child> =
        (0..2).map(|_| place.worker(&["--lease", "0.5", "--grace", "0.01"]).spawn().unwrap()).collect();
    wait_until("the message is leased", || place.list()[0]["state"] == "leased");
    std::thread::sleep(Duration::from_secs(3));
    let entry = place.list().remove(0);
    assert_eq!(
        (&entry["state"], &entry["attempts"]),
        (&json!("leased"), &json!(1)),
        "six leases later the first worker still has it"
    );
    workers.iter().for_each(terminate);
    workers.into_iter().for_each(|w| drop(finish(w).expect_code(0)));
}

#[test]
fn a_worker_asked_to_stop_gives_the_job_back() {
    let place = Place::new();
    place.submit(&[endless()]);
    let worker = place.worker(&["--grace", "0.1"]).spawn().unwrap();
    wait_until("the message is leased", || place.list()[0]["state"] == "leased");
    terminate(&worker);
    let started = Instant::now();
    finish(worker).expect_code(0);
    assert!(started.elapsed() < Duration::from_secs(20));
    let entry = place.list().remove(0);
    assert_eq!((&entry["state"], &entry["attempts"]), (&json!("waiting"), &json!(0)), "at once, and it does not count");
    assert!(place.reports().is_empty());
}

#[test]
fn a_worker_asked_to_stop_may_finish_the_job_in_hand() {
    let place = Place::new();
    let mut change = scale("tiny", 2);
    change["settings"]["trials"] = json!(400);
    place.submit(&[change, scale("tiny", 4)]);
    let worker = place.worker(&["--grace", "60"]).spawn().unwrap();
    wait_until("the message is leased", || place.list().first().is_none_or(|m| m["state"] == "leased"));
    terminate(&worker);
    let ended = finish(worker).expect_code(0);
    assert_eq!(place.reports().len() as u64, tally(&ended)["reports"].as_u64().unwrap());
    assert!(
        place.list().iter().all(|entry| entry["state"] == "waiting" && entry["attempts"] == 0),
        "{:?}",
        place.list()
    );
}

#[test]
fn trouble_outside_is_tried_again() {
    let place = Place::new();
    let worker = place.worker(&["--attempts", "100"]).spawn().unwrap();
    let reports = place.0.path("reports");
    wait_until("the worker has started", || reports.is_dir());
    wait_until("it has made its queue", || place.0.path("queue.db").is_file());
    // The place for reports goes away under the worker, and a file stands in its way.
    fs::remove_dir_all(&reports).unwrap();
    fs::write(&reports, "in the way").unwrap();
    place.submit(&[scale("tiny", 2)]);
    wait_until("it was tried twice", || place.list()[0]["attempts"].as_u64() >= Some(2));
    let reason = place.list()[0]["reason"].as_str().unwrap().to_owned();
    assert!(reason.starts_with("could not publish report"), "{reason}");
    fs::remove_file(&reports).unwrap();
    wait_until("it is done", || place.list().is_empty());
    terminate(&worker);
    let ended = finish(worker).expect_code(0);
    let tally = tally(&ended);
    assert_eq!((&tally["scored"], &tally["dead"]), (&json!(1), &json!(0)));
    assert!(tally["retried"].as_u64() >= Some(1));
    assert_eq!(place.reports().len(), 1);
}

#[test]
fn trouble_that_does_not_end_leads_to_the_dead_letters() {
    let place = Place::new();
    let worker = place.worker(&["--attempts", "3"]).spawn().unwrap();
    let reports = place.0.path("reports");
    wait_until("the worker has started", || reports.is_dir() && place.0.path("queue.db").is_file());
    fs::remove_dir_all(&reports).unwrap();
    fs::write(&reports, "in the way").unwrap();
    place.submit(&[scale("tiny", 2)]);
    wait_until("it is dead", || place.list()[0]["state"] == "dead");
    let entry = place.list().remove(0);
    assert!(entry["reason"].as_str().unwrap().starts_with("given up after 3 attempts: could not publish"), "{entry}");

    // Mended and put back by hand, it works.
    fs::remove_file(&reports).unwrap();
    run(poolproof().args(["queue", "requeue", "--dead", "--queue", &place.0.queue()])).expect_code(0);
    wait_until("it is done", || place.list().is_empty());
    terminate(&worker);
    finish(worker).expect_code(0);
    assert_eq!(place.reports().len(), 1);
}

#[test]
fn a_message_that_kills_its_workers_is_given_up() {
    let place = Place::new();
    place.submit(&[endless()]);
    for attempt in 1..=2 {
        let mut worker = place.worker(&["--lease", "0.2", "--attempts", "2"]).spawn().unwrap();
        wait_until("the message is taken", || place.list()[0]["attempts"] == attempt);
        worker.kill().unwrap();
        worker.wait().unwrap();
    }
    let ended = run(&mut place.worker(&["--until-empty", "--attempts", "2"])).expect_code(0);
    assert_eq!(tally(&ended)["dead"], 1);
    let reason = place.list()[0]["reason"].as_str().unwrap().to_owned();
    assert_eq!(reason, "given up after 2 attempts: the worker died while it worked on the message");
}

#[test]
fn what_does_not_end_is_cut_off() {
    let place = Place::new();
    place.submit(&[endless()]);
    run(&mut place.worker(&["--until-empty", "--limit", "0.5"])).expect_code(0);
    let entry = place.list().remove(0);
    assert_eq!(entry["state"], "dead");
    assert!(entry["reason"].as_str().unwrap().contains("of 100000 trials"), "{entry}");
}

#[test]
fn a_damaged_report_is_put_right() {
    let place = Place::new();
    place.submit(&[scale("tiny", 2)]);
    run(&mut place.worker(&["--until-empty"])).expect_code(0);
    let id = place.reports().first().unwrap().clone();
    let page = place.0.path(&format!("reports/{id}/report.html"));
    let before = fs::read(&page).unwrap();
    fs::write(&page, "half a pa").unwrap();
    place.submit(&[scale("tiny", 2)]);
    run(&mut place.worker(&["--until-empty"])).expect_code(0);
    assert_eq!(fs::read(&page).unwrap(), before);
}

//! Many messages, several workers, many kills: every change has exactly one report, every malformed message lies among the
//! dead letters with its reason, nothing else remains, and the counts add up.
//!
//! `POOLPROOF_STORM=10000` makes the storms as large as that; they are small otherwise.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::site::Site;
use crate::support::{irrelevant, proposal, record};
use crate::worker::{Dice, Place};

/// Workers that are killed in a storm.
pub const KILLS: u32 = 30;

/// The messages of a storm, shuffled.
pub struct Messages {
    pub bodies: Vec<Vec<u8>>,
    /// Different changes among them.
    pub changes: usize,
    /// Messages that cannot be read.
    malformed: BTreeSet<String>,
    words: String,
}

impl Messages {
    /// About so many: 2 % malformed, 18 % without a pool operation, 5 % repeated; of the changes half are proposals and half
    /// operations of which three records tell.
    pub fn new(usual: usize) -> Messages {
        let count = std::env::var("POOLPROOF_STORM").ok().and_then(|n| n.parse().ok()).unwrap_or(usual);
        let mut dice = Dice(2026);
        let (malformed, nothing, repeated) = ((count / 50).max(2), count * 18 / 100, count / 20);
        let proposals = (count - malformed - nothing - repeated) / 2;
        let operations = proposals / 3;
        let mut bodies: Vec<Vec<u8>> = (0..proposals).map(|seed| proposed(seed).to_string().into_bytes()).collect();
        for operation in 0..operations {
            for (status, minute) in [("Started", 0), ("Accepted", 1), ("Succeeded", 9)] {
                bodies.push(record(&format!("op-{operation}"), status, minute).to_string().into_bytes());
            }
        }
        for _ in 0..repeated {
            let chosen = usize::try_from(dice.below(bodies.len() as u64)).unwrap();
            bodies.push(bodies[chosen].clone());
        }
        bodies.extend((0..nothing).map(|i| irrelevant(u32::try_from(i).unwrap()).to_string().into_bytes()));
        let malformed: BTreeSet<String> = (0..malformed).map(|i| format!("{{ broken {i}")).collect();
        bodies.extend(malformed.iter().map(|text| text.clone().into_bytes()));
        for last in (1..bodies.len()).rev() {
            bodies.swap(last, usize::try_from(dice.below(last as u64 + 1)).unwrap());
        }
        let words = format!(
            "{} messages ({proposals} proposals, {operations} operations told of three times, {repeated} repeated, \
             {nothing} without an operation, {} malformed)",
            bodies.len(),
            malformed.len()
        );
        Messages { bodies, changes: proposals + operations, malformed, words }
    }

    /// Compares what is left with what was sent; gives the number of dead letters that lie there twice.
    pub fn check(&self, site: &dyn Site) -> usize {
        let (reports, dead) = (site.documents(), site.dead());
        assert!(!site.waits(), "nothing waits any more");
        let changes: BTreeSet<&str> = reports.iter().map(|r| r["change"]["id"].as_str().unwrap()).collect();
        assert_eq!((reports.len(), changes.len()), (self.changes, self.changes), "one report per change");
        let ended = reports.iter().filter(|r| r["change"]["phase"] == "completed").count();
        let begun = reports.iter().filter(|r| r["change"]["phase"] == "in_flight").count();
        assert_eq!((ended > 0, begun), (true, 0), "the message that is furthest has the report");
        assert!(dead.iter().all(|entry| entry["reason"].as_str().unwrap().contains("cannot be read")), "{dead:#?}");
        let bodies: BTreeSet<String> = dead.iter().map(|entry| entry["body"].as_str().unwrap().to_owned()).collect();
        assert_eq!(bodies, self.malformed, "every malformed message, and no other");
        dead.len() - bodies.len()
    }
}

fn proposed(seed: usize) -> Value {
    let mut change = proposal("tiny", &json!({"kind": "scale", "count": 1 + seed % 6}));
    change["settings"] = json!({"trials": 4, "seed": seed + 1});
    change
}

/// How a storm went.
pub struct Course {
    seconds: f64,
}

impl Course {
    pub fn words(&self, messages: &Messages) -> String {
        format!("{}; {KILLS} kills; {:.1} s", messages.words, self.seconds)
    }
}

/// Starts three workers, kills one after the other at random points, and waits until those that come last have ended the
/// work and themselves. Half of the messages lie there before; the others come while workers are killed.
/// `worker` is one that stays, or one that ends with the work (`--until-empty`), all of which write to one `log`; `between` is
/// called before each kill with the number of kills so far.
pub fn rage(
    messages: &Messages,
    submit: impl Fn(&[Vec<u8>]),
    worker: impl Fn(&[&str]) -> Command,
    log: &Path,
    between: &mut dyn FnMut(u32),
) -> Course {
    let start = |words: &[&str]| {
        let log = File::options().append(true).create(true).open(log).unwrap();
        worker(words).stderr(log).spawn().unwrap()
    };
    let (first, later) = messages.bodies.split_at(messages.bodies.len() / 2);
    let mut portions = later.chunks(later.len().div_ceil(KILLS as usize));
    let calm = messages.bodies.len() as u64 / 4;
    // Several times what it takes on two cores that do little else: on busy ones a restarted server alone takes a minute.
    let limit = Duration::from_secs(900 + messages.bodies.len() as u64 / 2);
    let mut dice = Dice(7);
    submit(first);
    let started = Instant::now();
    let mut workers: Vec<Child> = (0..3).map(|_| start(&[])).collect();
    for kills in 0..KILLS {
        std::thread::sleep(Duration::from_millis(100 + dice.below(200 + 2 * calm)));
        let chosen = usize::try_from(dice.below(workers.len() as u64)).unwrap();
        let ended = workers[chosen].try_wait().unwrap();
        assert_eq!(ended, None, "a worker stays until it is killed: {}", last_words(log));
        between(kills);
        kill(&mut workers[chosen]);
        workers[chosen] = start(&[]);
        submit(portions.next().unwrap_or_default());
    }
    for worker in &mut workers {
        kill(worker);
        *worker = start(&["--until-empty"]);
    }
    for mut worker in workers {
        while worker.try_wait().unwrap().is_none() {
            assert!(started.elapsed() < limit, "no end of the work");
            std::thread::sleep(Duration::from_millis(50));
        }
        assert!(worker.wait().unwrap().success(), "a worker that is left alone ends well: {}", last_words(log));
    }
    assert_eq!(portions.next(), None);
    Course { seconds: started.elapsed().as_secs_f64() }
}

/// What workers said as they ended, which is no line of their log.
fn last_words(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    text.lines().filter(|line| !line.starts_with('{')).collect::<Vec<_>>().join("\n")
}

fn kill(worker: &mut Child) {
    worker.kill().unwrap();
    worker.wait().unwrap();
}

#[test]
fn a_storm_on_the_embedded_queue() {
    let messages = Messages::new(300);
    let place = Place::new();
    let worker = |more: &[&str]| {
        let mut worker = place.worker(&["--lease", "1", "--attempts", "1000", "--trials", "4"]);
        worker.args(more);
        worker
    };
    let log = place.0.path("workers.log");
    let course = rage(&messages, |bodies| drop(place.submit_bytes(bodies)), worker, &log, &mut |_| {});
    println!("embedded storm: {}", course.words(&messages));
    assert_eq!(messages.check(&place), 0, "a dead letter and its original are one row");
    assert_eq!(place.lines().len(), messages.changes);
}

//! Many messages, several workers, many kills: every change has exactly one report, every malformed message lies among the
//! dead letters with its reason, nothing else remains.
//!
//! `POOLPROOF_STORM=10000` makes the storms as large as that; they are small otherwise.

use std::collections::BTreeSet;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{irrelevant, proposal, record};
use crate::worker::{Dice, Place};

/// The messages of a storm, shuffled.
pub struct Messages {
    pub bodies: Vec<Vec<u8>>,
    /// Different changes among them.
    pub changes: usize,
    /// Messages that cannot be read.
    pub malformed: usize,
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
        bodies.extend((0..malformed).map(|i| format!("{{ broken {i}").into_bytes()));
        for last in (1..bodies.len()).rev() {
            bodies.swap(last, usize::try_from(dice.below(last as u64 + 1)).unwrap());
        }
        let words = format!(
            "{} messages ({proposals} proposals, {operations} operations told of three times, {repeated} repeated, \
             {nothing} without an operation, {malformed} malformed)",
            bodies.len()
        );
        Messages { bodies, changes: proposals + operations, malformed, words }
    }

    /// Compares what is left with what was sent.
    pub fn check(&self, reports: &[Value], dead: &[Value]) {
        let changes: BTreeSet<&str> = reports.iter().map(|r| r["change"]["id"].as_str().unwrap()).collect();
        assert_eq!((reports.len(), changes.len()), (self.changes, self.changes), "one report per change");
        let ended = reports.iter().filter(|r| r["change"]["phase"] == "completed").count();
        let begun = reports.iter().filter(|r| r["change"]["phase"] == "in_flight").count();
        assert_eq!((ended > 0, begun), (true, 0), "the message that is furthest has the report");
        assert!(dead.iter().all(|entry| entry["reason"].as_str().unwrap().contains("cannot be read")), "{dead:#?}");
    }
}

fn proposed(seed: usize) -> Value {
    let mut change = proposal("tiny", &json!({"kind": "scale", "count": 1 + seed % 6}));
    change["settings"] = json!({"trials": 4, "seed": seed + 1});
    change
}

/// How a storm went.
pub struct Course {
    pub kills: u32,
    seconds: f64,
}

impl Course {
    pub fn words(&self, messages: &Messages) -> String {
        format!("{}; {} kills; {:.1} s", messages.words, self.kills, self.seconds)
    }
}

/// Starts three workers that end with the work, kills one after the other at random points, and waits until those that
/// are left alone have ended well. `between` is called before each kill with the number of kills so far.
pub fn rage(messages: &Messages, start: impl Fn() -> Child, between: &mut dyn FnMut(u32)) -> Course {
    const KILLS: u32 = 30;
    let calm = messages.bodies.len() as u64 / 4;
    let limit = Duration::from_secs(120 + messages.bodies.len() as u64 / 5);
    let mut dice = Dice(7);
    let started = Instant::now();
    let mut workers: Vec<Child> = (0..3).map(|_| start()).collect();
    let mut kills = 0;
    while !workers.is_empty() {
        assert!(started.elapsed() < limit, "no end");
        std::thread::sleep(Duration::from_millis(100 + dice.below(200 + 2 * calm)));
        let chosen = usize::try_from(dice.below(workers.len() as u64)).unwrap();
        if let Some(status) = workers[chosen].try_wait().unwrap() {
            assert!(status.success(), "a worker that is left alone ends well");
            workers.swap_remove(chosen).wait().unwrap();
        } else if kills < KILLS {
            between(kills);
            workers[chosen].kill().unwrap();
            workers[chosen].wait().unwrap();
            workers[chosen] = start();
            kills += 1;
        }
    }
    Course { kills, seconds: started.elapsed().as_secs_f64() }
}

#[test]
fn a_storm_on_the_embedded_queue() {
    let messages = Messages::new(200);
    let place = Place::new();
    place.submit_bytes(&messages.bodies);
    let start = || {
        let mut worker = place.worker(&["--until-empty", "--lease", "1", "--attempts", "1000", "--trials", "4"]);
        worker.stderr(Stdio::null()).spawn().unwrap()
    };
    let course = rage(&messages, start, &mut |_| {});
    println!("embedded storm: {}", course.words(&messages));
    let left = place.list();
    assert!(left.iter().all(|entry| entry["state"] == "dead"), "{left:#?}");
    assert_eq!(left.len(), messages.malformed, "every malformed message, and nothing else");
    messages.check(&place.documents(), &left);
    assert_eq!(place.lines().len(), messages.changes);
    assert!(course.kills >= 5, "only {} were killed before it was over", course.kills);
}

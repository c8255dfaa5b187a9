//! A what-if that workers share, on every kind of queue: however many shards there are, whoever dies and when, the page is the
//! one that a single hand makes, byte for byte.

use std::collections::BTreeSet;
use std::process::Child;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Page, SPEC, above, alone, check, page};
use crate::site::Site;
use crate::support::run;
use crate::traces::{PARENT, TRACE, lines, of_spans};
use crate::worker::{Dice, finish, tally, terminate, wait_until};

/// Workers that share a what-if.
const WORKERS: usize = 3;
/// Workers that are killed at random.
const KILLS: u32 = 12;
/// As many shards as there are combinations.
const ALL: [&str; 2] = ["--split-above", "0.000001"];

/// Everything that is said of shared work, each at a place of its own.
pub fn check_on<'a>(new: &mut dyn FnMut() -> Box<dyn Site + 'a>) {
    let expected = alone(SPEC);
    for shards in [1, 2, 7] {
        in_shards(&*new(), shards, &expected);
    }
    traced(&*new(), &expected);
    while_workers_are_killed(&*new());
    #[cfg(feature = "faults")]
    for point in ["shared=kill", "part=kill@4", "half-published=kill@9", "published=kill"] {
        after_the_coordinator(&*new(), point, &expected);
    }
}

/// Three workers, so many shards.
pub fn in_shards(site: &dyn Site, shards: u64, expected: &Page) {
    let above = above(shards);
    site.submit(&[SPEC.into()]);
    let workers: Vec<Child> = (0..WORKERS).map(|_| start(site, &["--split-above", &above])).collect();
    await_page(site);
    let told = ended(site, workers);
    let sum = |what: &str| told.iter().map(|t| t[what].as_u64().unwrap()).sum::<u64>();
    let expected_shards = if shards < 2 { 0 } else { shards };
    assert_eq!((sum("scored"), sum("shards"), sum("dead")), (1, expected_shards, 0), "{told:?}");
    check(site, expected);
}

/// The place of the message in a trace goes on to its shards.
fn traced(site: &dyn Site, expected: &Page) {
    site.submit_traced(&[SPEC.into()], Some(PARENT));
    let worker = start(site, &ALL);
    await_page(site);
    terminate(&worker);
    let ended = finish(worker).expect_code(0);
    let all = lines(&ended.stderr);
    let done = all.iter().filter(|line| line["message"] == "done" && line["format"] == "shard");
    let traces: Vec<BTreeSet<&str>> = done.map(|line| of_spans(line, "trace").collect()).collect();
    assert_eq!(traces, vec![BTreeSet::from([TRACE]); 8]);
    check(site, expected);
}

/// Workers are killed at random points, the one that coordinates among them.
pub fn while_workers_are_killed(site: &dyn Site) {
    let spec = SPEC.replace("trials: 60", "trials: 600");
    let expected = alone(&spec);
    site.submit(&[spec.into()]);
    let start = || {
        let mut worker = worker(site, &ALL);
        worker.args(["--attempts", "1000"]).spawn().unwrap()
    };
    let (mut dice, started, mut kills) = (Dice(11), Instant::now(), 0);
    let mut workers: Vec<Child> = (0..WORKERS).map(|_| start()).collect();
    while kills < KILLS && page(&site.files()).is_none() {
        std::thread::sleep(Duration::from_millis(20 + dice.below(250)));
        let chosen = usize::try_from(dice.below(WORKERS as u64)).unwrap();
        workers[chosen].kill().unwrap();
        workers[chosen].wait().unwrap();
        workers[chosen] = start();
        kills += 1;
    }
    await_page(site);
    let over = started.elapsed().as_secs_f64();
    ended(site, workers);
    println!("shards, {:?}: {kills} kills, {over:.1} s", site.kind());
    assert!(kills >= 3, "only {kills} were killed before it was over");
    check(site, &expected);
}

/// The coordinator dies at some point, and others end what it began.
#[cfg(feature = "faults")]
fn after_the_coordinator(site: &dyn Site, point: &str, expected: &Page) {
    site.submit(&[SPEC.into()]);
    let died = worker(site, &ALL).env("POOLPROOF_FAULT", point).output().unwrap();
    assert!(!died.status.success(), "{point}: {died:?}");
    assert_ne!(site.files().keys().filter(|path| path.starts_with(".work/")).count(), 0, "{point}: it had begun");
    let workers: Vec<Child> = (0..2).map(|_| start(site, &ALL)).collect();
    await_page(site);
    let told = ended(site, workers);
    let sum = |what: &str| told.iter().map(|t| t[what].as_u64().unwrap()).sum::<u64>();
    assert_eq!((sum("scored") + sum("repeated"), sum("dead")), (1, 0), "{point}: {told:?}");
    println!("shards, {:?}: {point}: {} shards came afterwards", site.kind(), sum("shards"));
    check(site, expected);
}

/// Asks workers to stop; what they give back, because they were sent it and had not begun, is done by another. What each did.
fn ended(site: &dyn Site, workers: Vec<Child>) -> Vec<Value> {
    workers.iter().for_each(terminate);
    let mut told: Vec<Value> = workers.into_iter().map(|worker| tally(&finish(worker).expect_code(0))).collect();
    if site.waits() {
        told.push(tally(&run(&mut worker(site, &["--until-empty"])).expect_code(0)));
    }
    told
}

/// A worker that draws as many futures as the spec says.
fn worker(site: &dyn Site, words: &[&str]) -> std::process::Command {
    let mut worker = site.worker(words);
    worker.env_remove("POOLPROOF_TRIALS");
    worker
}

fn start(site: &dyn Site, words: &[&str]) -> Child {
    worker(site, words).spawn().unwrap()
}

/// Waits until the page is there and nothing waits. What others hold some queues do not tell; whoever is asked to stop ends it.
fn await_page(site: &dyn Site) {
    wait_until("the page is there and nothing waits", || page(&site.files()).is_some() && !site.waits());
}

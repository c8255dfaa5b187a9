//! SIGTERM to workers under load: what they hold is finished or given back within the grace time, and nothing is handed
//! out twice that was done.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::listen::Ear;
use crate::site::{Kind, Site};
use crate::support::{run, scale};
use crate::worker::{Place, tally, terminate, wait_until};

/// On any queue.
pub fn check(finishing: &dyn Site, returning: &dyn Site) {
    work_in_hand_is_finished(finishing);
    work_that_takes_too_long_is_given_back(returning);
}

fn proposals(count: u32) -> Vec<Vec<u8>> {
    let proposal = |seed: u32| {
        let mut change = scale("tiny", 2);
        change["settings"] = json!({"seed": seed + 1});
        change.to_string().into_bytes()
    };
    (0..count).map(proposal).collect()
}

fn sum(told: &[Value], name: &str) -> u64 {
    told.iter().map(|tally| tally[name].as_u64().unwrap()).sum()
}

fn work_in_hand_is_finished(site: &dyn Site) {
    const MESSAGES: u32 = 200;
    site.submit(&proposals(MESSAGES));
    let words = ["--listen", "127.0.0.1:0", "--parallel", "2", "--grace", "10"];
    let ears: Vec<Ear> = (0..3).map(|_| Ear::of(&mut site.worker(&words))).collect();
    let scored = |ear: &Ear| ear.metric("poolproof_messages_total{outcome=\"scored\"}").unwrap();
    wait_until("they are busy", || ears.iter().map(scored).sum::<f64>() >= 5.0);
    let asked = Instant::now();
    ears.iter().for_each(|ear| terminate(&ear.child));
    let mut told: Vec<Value> = ears.into_iter().map(Ear::ended).collect();
    assert!(asked.elapsed() < Duration::from_secs(15), "{:?}", asked.elapsed());
    let before = sum(&told, "scored");
    assert!(before < u64::from(MESSAGES), "they were not busy any more");
    // One attempt is all the others have: what was not begun was not handed out.
    told.push(tally(&run(&mut site.worker(&["--until-empty", "--attempts", "1"])).expect_code(0)));
    let counted = ["scored", "repeated", "given_back", "dead"].map(|name| sum(&told, name));
    assert_eq!(counted, [u64::from(MESSAGES), 0, 0, 0], "{told:#?}");
    println!("shutdown: {before} of {MESSAGES} done before SIGTERM's grace ended, the others once by the next worker");
}

/// Simulations of minutes, and a tenth of a second of grace.
fn work_that_takes_too_long_is_given_back(site: &dyn Site) {
    const MESSAGES: u32 = 8;
    site.submit(&proposals(MESSAGES));
    let long = ["--listen", "127.0.0.1:0", "--parallel", "2", "--grace", "0.1", "--trials", "100000"];
    let ears: Vec<Ear> = (0..3).map(|_| Ear::of(&mut site.worker(&long))).collect();
    ears.iter().for_each(|ear| ear.await_metric("poolproof_messages_in_hand", 2.0));
    let asked = Instant::now();
    ears.iter().for_each(|ear| terminate(&ear.child));
    let told: Vec<Value> = ears.into_iter().map(Ear::ended).collect();
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    let counted = ["scored", "given_back", "dead"].map(|name| sum(&told, name));
    assert_eq!(counted, [0, 6, 0], "{told:#?}");
    assert!(site.documents().is_empty() && site.waits());
    // At once, and as if they had never been begun; but Azure counts every handing out.
    let attempts = if site.kind() == Kind::Azure { "2" } else { "1" };
    let told = tally(&run(&mut site.worker(&["--until-empty", "--attempts", attempts])).expect_code(0));
    assert_eq!((&told["scored"], &told["repeated"], &told["dead"]), (&json!(MESSAGES), &json!(0), &json!(0)));
    println!("shutdown: 6 simulations given back after their grace, all {MESSAGES} scored once by the next worker");
}

#[test]
fn workers_on_the_embedded_queue_stop_in_time() {
    check(&Place::new(), &Place::new());
}

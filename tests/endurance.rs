//! Many messages through one worker: what it takes of memory at a fifth of the way is what it takes at the end.
//!
//! `POOLPROOF_SPEED=100000 cargo test --release ... stays_flat speed -- --nocapture` measures with so many messages.

use std::fs;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{irrelevant, proposal, record, run};
use crate::worker::{Place, finish, terminate};

/// Messages to measure with, where that is asked for.
pub fn wanted() -> Option<usize> {
    let count = std::env::var("POOLPROOF_SPEED").ok().and_then(|n| n.parse().ok());
    if count.is_none() {
        println!("skipped: POOLPROOF_SPEED=MESSAGES measures with so many");
    }
    count
}

/// Of a hundred messages one is a proposal of its own, nine tell of ten operations, the others of no operation.
pub fn mixed(i: usize) -> Value {
    match i % 100 {
        0 => {
            let mut change = proposal("tiny", &json!({"kind": "scale", "count": 4}));
            change["settings"] = json!({"trials": 1, "seed": i + 1});
            change
        }
        1..=9 => record(&format!("op-{}", i % 10), ["Started", "Succeeded"][i % 2], 9),
        _ => irrelevant(u32::try_from(i).unwrap()),
    }
}

/// Watches a worker until nothing waits any more, then ends it.
pub fn watch(queue: &str, worker: Child, count: usize, waiting: &mut dyn FnMut() -> usize) {
    let started = Instant::now();
    let mut samples: Vec<(usize, u64)> = Vec::new();
    let mut done = 0;
    while done < count {
        std::thread::sleep(Duration::from_millis(200));
        done = count.saturating_sub(waiting());
        samples.push((done, memory(&worker, "VmRSS")));
        assert!(started.elapsed() < Duration::from_secs(3600), "no end: {done} done");
    }
    let (seconds, peak) = (started.elapsed().as_secs_f64(), memory(&worker, "VmHWM"));
    terminate(&worker);
    finish(worker).expect_code(0);
    let at = |part: f64| samples.iter().find(|(done, _)| *done as f64 >= part * count as f64).unwrap().1;
    println!(
        "memory, {queue}: {count} messages in {seconds:.0} s, {:.0}/s; resident {} KiB after a tenth, {} after a fifth, {} at half, \
         {} at the end; peak {peak} KiB",
        count as f64 / seconds,
        at(0.1),
        at(0.2),
        at(0.5),
        at(1.0)
    );
    assert!(at(1.0) <= at(0.2) + at(0.2) / 5 + 4096, "it grows: {samples:?}");
}

/// A figure of the process in KiB.
fn memory(worker: &Child, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", worker.id())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default()
}

#[test]
fn the_memory_of_a_worker_on_the_embedded_queue_stays_flat() {
    let Some(count) = wanted() else { return };
    let place = Place::new();
    // Makes the file; to submit so many one by one would take longer than to work on them.
    run(&mut place.worker(&["--until-empty"])).expect_code(0);
    let mut file = rusqlite::Connection::open(place.0.path("queue.db")).unwrap();
    let filling = file.transaction().unwrap();
    for i in 0..count {
        let body = mixed(i).to_string().into_bytes();
        filling.execute("INSERT INTO message (body, created, due) VALUES (?1, 1, 1)", [body]).unwrap();
    }
    filling.commit().unwrap();
    let mut worker = place.worker(&["--parallel", "2", "--keep", "100", "--log", "warn", "--trials", "4"]);
    let worker = worker.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut waiting =
        || file.query_row("SELECT count(*) FROM message", [], |row| row.get::<_, i64>(0)).unwrap().max(0) as usize;
    watch("embedded queue", worker, count, &mut waiting);
    assert_eq!(place.reports().len(), 100.min(count / 100 + 10));
}

//! Large clusters: what a state takes and what a copy of it costs, and how fast a normal day passes: `cargo bench-fleet`.

#![allow(clippy::print_stdout, missing_docs)]

use std::time::Instant;

use divan::{AllocProfiler, Bencher};
use simulator::{Start, example, one_by_one, simulate};

#[global_allocator]
static ALLOC: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
    if std::env::args().any(|arg| arg == "--test") {
        return;
    }
    let scenario = example::fleet(1000, 30_000);
    let begin = Instant::now();
    let outcome = simulate(&scenario, 1, 0);
    let first = begin.elapsed().as_secs_f64();
    println!("\n1,000 nodes, {} pods, 24 h: {first:.3} s with preparation", scenario.cluster.pods.len());
    const TRIALS: u32 = 10;
    let (counts, each) = one_by_one(&scenario, 1, |run| {
        // The first run grows its room.
        run(0);
        let begin = Instant::now();
        let counts: Vec<_> = (1..=TRIALS).map(|trial| run(trial).counts).collect();
        (counts, begin.elapsed().as_secs_f64() / f64::from(TRIALS))
    });
    let mean =
        |of: fn(&simulator::outcome::Counts) -> u64| counts.iter().map(of).sum::<u64>() as f64 / f64::from(TRIALS);
    let events = mean(|c| c.events);
    println!(
        "then {each:.4} s per replication on one core, {events:.0} events and {:.0} placements each ({:.0} events/s); the first failed {} nodes",
        mean(|c| c.placements),
        events / each,
        outcome.counts.node_failures,
    );
}

/// One trial of the 50-node upgrade in room that has grown before: what it still allocates is its outcome and what it lists.
#[divan::bench(sample_count = 100, sample_size = 1)]
fn upgrade_trial(bencher: Bencher) {
    let scenario = example::busy_upgrade();
    one_by_one(&scenario, 1, |run| {
        (0..100).for_each(|trial| drop(run(trial)));
        let mut trial = 100;
        bencher.bench_local(|| {
            trial += 1;
            run(trial)
        });
    });
}

/// A copy of the state of 5,000 nodes and 100,000 pods into new memory: the bytes allocated are the bytes it takes.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn clone_100_000_pods(bencher: Bencher) {
    let start = Start::of(&example::fleet(5000, 100_000));
    bencher.bench_local(|| start.clone());
}

/// The same into memory that is there, as before each trial.
#[divan::bench(sample_count = 20, sample_size = 1)]
fn copy_100_000_pods(bencher: Bencher) {
    let start = Start::of(&example::fleet(5000, 100_000));
    let mut copy = start.clone();
    bencher.bench_local(|| copy.copy_from(&start));
}

/// As many bytes as that state's rows of pods and nodes, copied at once.
#[divan::bench(sample_count = 20, sample_size = 1)]
fn copy_12_mb(bencher: Bencher) {
    let from = vec![1u8; 12_000_000];
    let mut to = from.clone();
    bencher.bench_local(|| to.copy_from_slice(divan::black_box(&from)));
}

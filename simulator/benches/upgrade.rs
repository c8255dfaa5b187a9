//! How fast trials run: the 50-node, 1,000-pod rolling upgrade with every process on, paired with doing nothing.
//!
//! Once as it is, once with the scheduler's default spreading of every workload's pods over zones and nodes, once with DNS as a
//! service under load; and how much longer the last takes than the first.
//!
//! `cargo bench-sim` prints seconds for 1,000 pairs, events per second and placements per second, for one thread and for
//! all, and the growth of a do-nothing trial with its horizon.

#![allow(clippy::print_stdout, missing_docs)]

use std::time::Instant;

use simulator::{Runs, Scenario, example, paired};

fn main() {
    let trials = std::env::args().filter_map(|a| a.parse().ok()).next().unwrap_or(1000);
    let plain = example::busy_upgrade();
    let spread = example::spread_by_default(plain.clone());
    let loaded = example::under_load(plain.clone());
    for (scenario, how) in [(&plain, "no spreading"), (&spread, "default spreading"), (&loaded, "DNS under load")] {
        println!(
            "{} nodes, {} pods, {trials} paired trials of a rolling upgrade, {how}",
            scenario.cluster.nodes.len(),
            scenario.cluster.pods.len(),
        );
        for threads in [1, 0] {
            measure(scenario, trials, threads);
        }
    }
    compare(&plain, &loaded, trials / 10);
}

fn measure(scenario: &Scenario, trials: u32, threads: usize) {
    let start = Instant::now();
    let pairs = paired(scenario, Runs { seed: 1, first: 0, trials, threads }, &|_| {});
    let seconds = start.elapsed().as_secs_f64();
    let sum = |f: &dyn Fn(&simulator::outcome::Counts) -> u64| -> u64 {
        pairs.iter().map(|p| f(&p.proposal.counts) + f(&p.baseline.counts)).sum()
    };
    let (events, placements) = (sum(&|c| c.events), sum(&|c| c.placements));
    let name = if threads == 1 { "one thread" } else { "all threads" };
    println!(
        "{name:>11}: {seconds:7.3} s  {:6.2} ms per pair  {:9.0} events/s  {:9.0} placements/s  ({events} events, {placements} placements)",
        1e3 * seconds / f64::from(trials),
        events as f64 / seconds,
        placements as f64 / seconds,
    );
}

/// What modelling load costs: the same trials without and with it by turns, so that both meet the same machine. Each is run
/// five times and its fastest run counts, for what else the machine does only ever adds.
fn compare(plain: &Scenario, loaded: &Scenario, trials: u32) {
    const SLICES: u32 = 15;
    let seconds = |scenario, first| {
        let start = Instant::now();
        paired(scenario, Runs { seed: 1, first, trials, threads: 1 }, &|_| {});
        start.elapsed().as_secs_f64()
    };
    let fastest = |first| {
        let runs = (0..5).map(|_| (seconds(plain, first), seconds(loaded, first)));
        runs.reduce(|a, b| (a.0.min(b.0), a.1.min(b.1))).expect("five runs")
    };
    let slices: Vec<_> = (0..SLICES).map(|i| fastest(i * trials)).collect();
    let (without, with): (f64, f64) = slices.iter().fold((0.0, 0.0), |sum, s| (sum.0 + s.0, sum.1 + s.1));
    let mut ratios: Vec<f64> = slices.iter().map(|(without, with)| with / without).collect();
    ratios.sort_by(f64::total_cmp);
    println!(
        "DNS under load takes {:.3} times as long as without ({SLICES} slices of {trials} pairs, each {:.3} to {:.3})",
        with / without,
        ratios[0],
        ratios[ratios.len() - 1]
    );
}

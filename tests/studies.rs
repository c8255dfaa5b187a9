//! The shipped case studies under load: what their accounts tell of the time before and after, in direction and rough size, and
//! what the model cannot say of it.
//!
//! Each side runs its own messages on its own snapshot, the load the same on both; several messages of one side add up. A line
//! is printed for each statement. Accounts are told of real clusters, the shipped ones are made up to be usual: where an account
//! gives a number, the statement holds the model to its direction and to the size that the wording allows, not to the digit.
//!
//! Not said, since applications are not modelled as services there: the 95th percentile of checkout latency (720 to 310 ms), the error rate of
//! stream starts (held to the loss of lookups instead), use and cost of GPUs and of the batch, how long rehearsals and rollbacks
//! take people, how fast patches follow.

use scenarios::Loaded;
use scenarios::cases::{Case, Design, cases};
use scenarios::change::ChangeSettings;
use scenarios::snapshot::Snapshot;
use simulator::spec::Role;
use simulator::{Outcome, Runs, replicate};

/// Trials of each message.
const TRIALS: u32 = 48;

/// Steps of the sampled series.
const STEPS: u32 = 240;

/// What one side came to, means over trials.
#[derive(Clone, Copy, Debug, Default)]
struct Side {
    /// Lookups lost, in millions.
    lost: f64,
    /// Share of lookups lost.
    lost_share: f64,
    /// The worst share of lookups lost within a step.
    worst_loss: f64,
    /// Share of trials with a DNS outage.
    outages: f64,
    /// Minutes that DNS is out.
    out: f64,
    /// Share of the CPU of system pools that is asked for.
    crowded: f64,
    /// Pods evicted by kubelets or preempted.
    displaced: f64,
    /// Minutes that the operations take.
    duration: f64,
}

fn side(design: &Design) -> Side {
    let snapshot = Snapshot::from_json(design.snapshot.as_bytes()).unwrap();
    let mut total = Side::default();
    let mut asked = 0.0;
    for message in design.changes {
        let change = scenarios::decode(message.text.as_bytes()).unwrap().changes.remove(0);
        let mut loaded = scenarios::load(&change, &snapshot, &ChangeSettings::default()).unwrap();
        loaded.scenario.settings.series_steps = STEPS;
        let outcomes = replicate(&loaded.scenario, Runs { seed: 7, first: 0, trials: TRIALS, threads: 0 }, &|o| o);
        let one = means(&loaded, &outcomes);
        asked += one.1;
        total.lost += one.0.lost;
        total.worst_loss = total.worst_loss.max(one.0.worst_loss);
        total.outages = 1.0 - (1.0 - total.outages) * (1.0 - one.0.outages);
        total.out += one.0.out;
        total.crowded += one.0.crowded / design.changes.len() as f64;
        total.displaced += one.0.displaced;
        total.duration += one.0.duration;
    }
    total.lost_share = total.lost / asked;
    total
}

/// Means over trials, and the lookups asked for, in millions.
fn means(loaded: &Loaded, outcomes: &[Outcome]) -> (Side, f64) {
    let scenario = &loaded.scenario;
    let cluster = &scenario.cluster;
    let dns = scenario.watched().iter().position(|w| cluster.workloads[*w].role == Role::Dns).unwrap();
    let mean = |of: &dyn Fn(&Outcome) -> f64| outcomes.iter().map(of).sum::<f64>() / outcomes.len() as f64;
    let system = |pool| cluster.pools[pool].system;
    let cpu: i64 = cluster
        .nodes
        .rows()
        .iter()
        .filter(|n| system(n.pool))
        .map(|n| cluster.node_shapes[n.shape].allocatable.cpu)
        .sum();
    let crowded = |o: &Outcome| {
        let free = &o.series.as_ref().unwrap().system_free_cpu;
        1.0 - free.iter().sum::<i64>() as f64 / free.len() as f64 / cpu as f64
    };
    let worst = |o: &Outcome| o.series.as_ref().unwrap().dns_loss.iter().copied().fold(0.0_f32, f32::max);
    let side = Side {
        lost: mean(&|o| o.workloads[dns].lost) / 1e6,
        lost_share: 0.0,
        worst_loss: mean(&|o| f64::from(worst(o))),
        outages: mean(&|o| f64::from(u8::from(o.workloads[dns].outages > 0))),
        out: mean(&|o| o.workloads[dns].out.as_mins_f64()),
        crowded: mean(&crowded),
        displaced: mean(&|o| f64::from(o.counts.pressure_evictions + o.counts.preemptions)),
        duration: mean(&|o| {
            o.operations.iter().map(|op| op.ended.unwrap_or(o.end).since(op.started).as_mins_f64()).sum()
        }),
    };
    (side, mean(&|o| o.workloads[dns].asked) / 1e6)
}

#[test]
fn what_the_accounts_tell_shows_under_load() {
    let mut failed = Vec::new();
    let mut said = 0;
    for case in cases() {
        let (before, after) = (side(&case.before), side(&case.after));
        println!("{}\n  before {before:.3?}\n  after  {after:.3?}", case.name);
        for (says, holds) in statements(case, &before, &after) {
            let line = format!("{}: {says}", case.name);
            println!("  {} {says}", if holds { "ok" } else { "FAIL" });
            said += 1;
            failed.extend((!holds).then_some(line));
        }
    }
    println!("{said} statements, {} failed", failed.len());
    assert!(failed.is_empty(), "{failed:#?}");
    assert!(said >= 2 * cases().len());
}

fn statements(case: &Case, before: &Side, after: &Side) -> Vec<(&'static str, bool)> {
    let mut all = vec![
        ("lookups are lost before", before.lost_share > 1e-4),
        ("fewer are lost after", after.lost < before.lost),
        ("outages of DNS are no more frequent after", after.outages <= before.outages),
    ];
    all.extend(match case.name {
        // 64 % fewer DNS tickets in the next storm season; service targets held in two large events. A ticket is taken for an
        // outage; lookups lost in sum hang on the few futures that are lost in either design.
        "storm-season" => vec![
            (
                "outages of DNS and their minutes fall by two thirds or more",
                after.out <= 0.36 * before.out && after.outages <= 0.36 * before.outages,
            ),
            ("scale-outs take nothing of the system pool", after.displaced <= before.displaced),
        ],
        // CPU pressure on the system pool fell by 37 % at research peaks.
        "research-maintenance" => {
            vec![("the system pool is less crowded by a third or more", after.crowded <= 0.67 * before.crowded)]
        }
        // No incident of cluster services in the peak season.
        "holiday-maintenance" => {
            vec![("hardly a future has a DNS outage after", after.outages <= 0.1 * before.outages.max(0.1))]
        }
        // No critical system pod evicted in three peaks.
        "checkout-and-batch" => vec![("no pod is displaced after", after.displaced < 0.05)],
        // No pods without a need for GPUs on accelerator nodes: deleting that pool moves nobody.
        "gpu-pool" => vec![("deleting the GPU pool costs DNS next to nothing after", after.lost <= 0.1 * before.lost)],
        // Stream-start errors peaked at 0.11 % in the first staged upgrade, below the 0.2 % aimed for.
        "staged-upgrade" => vec![("the share of lookups lost stays below 0.2 % after", after.lost_share < 0.002)],
        _ => Vec::new(),
    });
    all
}

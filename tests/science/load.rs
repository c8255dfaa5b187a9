//! Families 06, 08 and 09: servers with a queue, request by request; bursts against the capacity of a service, as a fluid.

use serde_json::{Value, json};
use simulator::example::Example;
use simulator::random::{Process, Streams, entity_key};
use simulator::requests::{Batch, Servers, serve};
use simulator::scenario::{Decay, Happening, Scripted};
use simulator::settings::{Cause, Factor};
use simulator::spec::Service;
use simulator::{Duration, Scenario, Time, WorkloadId, replicate, simulate};

use super::{Found, Got, SEED, exact, f, mean, n, runs, secs, share, trials};

/// Batches of a stationary run, and requests in each; the first tenth is left out.
const BATCHES: u32 = 220;
const SIZE: u32 = 20_000;

pub fn servers(inputs: &Value) -> Found {
    let how = |room| Servers {
        servers: n(inputs, "servers"),
        arrivals: f(inputs, "arrival_per_s"),
        rate: f(inputs, "service_rate_per_s"),
        room,
    };
    let long = secs(f(inputs, "t_s"));
    let run = |room| serve(how(room), SEED, BATCHES, SIZE, long).split_off(BATCHES as usize / 10);
    let refused: fn(&Batch) -> f64 = |b| f64::from(b.refused) / f64::from(b.came);
    let number: fn(&Batch) -> f64 = |b| (b.busy + b.queued) / b.seconds;
    let bounded = run(Some(n(inputs, "system_capacity")));
    let mut found = vec![
        over("erlang_b", &run(Some(n(inputs, "servers"))), refused),
        over("p_drop_mmck", &bounded, refused),
        over("mean_number_mmck", &bounded, number),
    ];
    if how(None).arrivals < f64::from(how(None).servers) * how(None).rate {
        let batches = run(None);
        let servers = f64::from(how(None).servers);
        found.push(over("utilisation", &batches, |b| b.busy / b.seconds / servers));
        found.push(over("p_wait", &batches, |b| f64::from(b.waited) / f64::from(b.came)));
        found.push(over("mean_wait_s", &batches, |b| b.waits / f64::from(b.began)));
        found.push(over("p_wait_exceeds_t", &batches, |b| f64::from(b.waited_long) / f64::from(b.began)));
        found.push(over("mean_queue_length", &batches, |b| b.queued / b.seconds));
        // Little: request seconds over requests.
        found.push(over("mean_response_s", &batches, |b| (b.busy + b.queued) / f64::from(b.came)));
    }
    found
}

/// A mean over batches, whose spread shows its error.
fn over(name: &str, batches: &[Batch], value: impl Fn(&Batch) -> f64) -> (String, Got) {
    let values: Vec<f64> = batches.iter().map(value).collect();
    let (value, variance, _) = super::moments(&values);
    (name.to_owned(), Got::Statistic { value, error: (variance / values.len() as f64).sqrt() })
}

/// A service of `replicas` replicas; what is too much waits where `waits`.
fn service(base: f64, replicas: u32, each: f64, waits: bool, horizon: f64) -> Scenario {
    let mut service = Service::plain(base, each, 1e-12);
    service.queue = if waits { f64::INFINITY } else { 0.0 };
    let mut scenario = Example::new()
        .pool("p", 1)
        .deployment("dns", replicas)
        .minimum(0)
        .with_shape(|s| s.requests.cpu = 1)
        .with(|w| {
            (w.follows_load, w.service) = (true, Some(service));
            w.readiness = simulator::random::Dist::Constant(Duration::ZERO);
        })
        .horizon(secs(horizon))
        .build();
    scenario.settings.off = vec![Cause::SchedulingTime, Cause::Contention, Cause::Capacity];
    scenario
}

fn burst(factor: f64, ramp: f64, hold: f64, down: f64) -> Happening {
    let (ramp, hold, decay) = (secs(ramp), secs(hold), Decay::Linear(secs(down)));
    Happening::Burst { target: None, factor, ramp, hold, decay }
}

fn at(seconds: f64, what: Happening) -> Scripted {
    Scripted { at: Time::ZERO + secs(seconds), what }
}

pub fn trapezoid(inputs: &Value) -> Found {
    let replicas = n(inputs, "replicas");
    let (base, each) = (f(inputs, "base_qps"), f(inputs, "qps_per_replica"));
    let run = |waits: bool| {
        let mut scenario = service(base, replicas, each, waits, f(inputs, "horizon_s"));
        let storm =
            burst(f(inputs, "burst_factor"), f(inputs, "ramp_up_s"), f(inputs, "hold_s"), f(inputs, "ramp_down_s"));
        scenario.script.push(at(f(inputs, "burst_start_s"), storm));
        for change in inputs["replica_changes"].as_array().unwrap() {
            let (workload, now) = (WorkloadId(0), n(change, "replicas"));
            // What waits for a replica that goes is lost; the family's one queue loses nothing.
            let what = match waits {
                false => Happening::Replicas { workload, replicas: now },
                true => Happening::Capacity { workload, factor: f64::from(now) / f64::from(replicas) },
            };
            scenario.script.push(at(f(change, "at_s"), what));
        }
        scenario.script.sort_by_key(|scripted| scripted.at);
        simulate(&scenario, SEED, 0).workloads.remove(0)
    };
    let (lost, waits) = (run(false), run(true).of_service());
    vec![
        exact("overload_time_s", lost.of_service().overloaded),
        exact("excess_queries", lost.lost),
        exact("fraction_of_queries_over_capacity", lost.lost / lost.asked),
        exact("max_backlog_queries", waits.most_waiting),
        exact("backlog_cleared_at_s", json!(waits.cleared)),
        exact("time_with_backlog_s", waits.waiting),
    ]
}

pub fn random_bursts(inputs: &Value) -> Found {
    let (base, capacity) = (f(inputs, "base_qps"), f(inputs, "capacity_qps"));
    let (ramp, hold) = (f(inputs, "ramp_s"), f(inputs, "hold_s"));
    let dist = &inputs["factor"];
    let size = match dist["dist"].as_str().unwrap() {
        "pareto" => Factor::Pareto { alpha: f(dist, "alpha"), min: f(dist, "min") },
        "lognormal" => Factor::LogNormal { median: f(dist, "median"), sigma: f(dist, "sigma") },
        other => panic!("factor {other}"),
    };
    let one = |factor: f64| {
        let mut scenario = service(base, 1, capacity, false, 2.0 * ramp + hold + 2.0);
        scenario.script.push(at(1.0, burst(factor, ramp, hold, ramp)));
        simulate(&scenario, SEED, 0).workloads.remove(0)
    };
    let draw = |i: u32| size.of(Streams::new(SEED, i).uniform(Process::BurstFactor, entity_key("cluster"), 0));
    let overload: Vec<f64> = (0..trials()).map(|i| one(draw(i)).of_service().overloaded).collect();
    // Bursts of a window, which count one by one.
    let mut window = service(base, 1, capacity, false, 3600.0 * f(inputs, "window_h"));
    window.settings.bursts.per_hour = f(inputs, "bursts_per_h");
    let counts = replicate(&window, runs(trials()), &|o| o.counts.bursts);
    let mut next = overload.iter().cycle();
    let windows: Vec<Vec<f64>> = counts.iter().map(|k| next.by_ref().take(*k as usize).copied().collect()).collect();
    vec![
        share("p_burst_exceeds_capacity", overload.iter().map(|s| *s > 0.0)),
        mean("mean_overload_s_per_burst", &overload),
        share("p_at_least_one_overloading_burst_in_window", windows.iter().map(|w| w.iter().any(|s| *s > 0.0))),
        mean("mean_overload_s_in_window", &windows.iter().map(|w| w.iter().sum()).collect::<Vec<f64>>()),
        exact("mean_excess_queries_per_burst", expected(size, capacity / base, &|factor| one(factor).lost)),
    ]
}

/// The expected value of something that is zero up to a size: Simpson's rule over all larger ones, since a mean of trials
/// hardly converges where sizes have no third moment.
fn expected(size: Factor, from: f64, value: &dyn Fn(f64) -> f64) -> f64 {
    const STEPS: u32 = 4000;
    // (size, density) at a point; where the points begin and end.
    type Point = Box<dyn Fn(f64) -> (f64, f64)>;
    let (point, low, high): (Point, f64, f64) = match size {
        Factor::Pareto { alpha, min } => {
            let low = (alpha * (from / min).ln()).max(0.0);
            (Box::new(move |s| (min * (s / alpha).exp(), (-s).exp())), low, low + 60.0)
        }
        Factor::LogNormal { median, sigma } => {
            let normal = |z: f64| (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt();
            (Box::new(move |z| (median * (sigma * z).exp(), normal(z))), (from / median).ln() / sigma, 12.0)
        }
    };
    let step = (high - low) / f64::from(STEPS);
    let term = |i: u32| {
        let (factor, density) = point(low + step * f64::from(i));
        let weight = if i == 0 || i == STEPS { 1.0 } else { f64::from(2 + 2 * (i % 2)) };
        weight * density * value(factor)
    };
    (0..=STEPS).map(term).sum::<f64>() * step / 3.0
}

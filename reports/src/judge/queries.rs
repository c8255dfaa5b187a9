//! Queries of a workload whose demand is modelled: lost ones are a result of their own, beside ready pods.

use simulator::outcome::{ServiceOutcome, WorkloadOutcome};
use simulator::spec::{Clients, Service};

use super::losses::Watched;
use super::risk::quantiles;
use crate::estimate::{Est, Strata};
use crate::input::Inputs;
use crate::report::Queries;
use crate::words;

/// The facts of a workload in one plan of a trial.
fn facts<'a>(inputs: &'a Inputs<'_>, index: usize, trial: usize, change: bool) -> Option<&'a WorkloadOutcome> {
    let pair = inputs.pairs.get(trial)?;
    if change { &pair.proposal } else { &pair.baseline }.workloads.get(index)
}

fn share(facts: Option<&WorkloadOutcome>) -> f64 {
    facts.map_or(0.0, |w| if w.asked > 0.0 { (w.lost / w.asked).clamp(0.0, 1.0) } else { 0.0 })
}

/// Minutes out for the queries it loses alone: enough of its pods are up.
fn lossy(facts: Option<&WorkloadOutcome>) -> f64 {
    facts.map_or(0.0, |w| w.out.as_mins_f64() - w.below.as_mins_f64()).max(0.0)
}

/// Mean time of an answer in milliseconds.
fn latency_ms(facts: Option<&WorkloadOutcome>) -> f64 {
    facts.map_or(0.0, |w| 1000.0 * w.of_service().latency())
}

/// The longest such mean that is told apart: every attempt waited for in vain, the last one answered behind a full queue.
fn slowest(service: &Service) -> f64 {
    let waits = if service.queue.is_finite() { service.queue / service.capacity.max(1e-9) } else { 0.0 };
    let timeout = service.clients.timeout.as_secs_f64().max(service.service_time.as_secs_f64());
    1000.0 * (Clients::MOST as f64 * timeout + waits)
}

/// Share of answers that took longer than clients wait for the first.
fn slow(facts: Option<&WorkloadOutcome>) -> f64 {
    let share = |s: ServiceOutcome| if s.served > 0.0 { (s.slow / s.served).clamp(0.0, 1.0) } else { 0.0 };
    facts.map_or(0.0, |w| share(w.of_service()))
}

/// Mean over trials of the share of queries lost with the change.
pub fn loss(inputs: &Inputs<'_>, strata: &Strata, index: usize) -> Est {
    strata.bounded_mean(0.0, 1.0, |i| share(facts(inputs, index, i, true)))
}

/// More about them.
pub fn queries(
    inputs: &Inputs<'_>,
    strata: &Strata,
    index: usize,
    watched: &Watched<'_>,
    service: &Service,
) -> Queries {
    let most = inputs.scenario.longest().as_mins_f64();
    let of = |i: usize, change: bool| facts(inputs, index, i, change);
    let minimum = watched.spec.minimum.unwrap_or(0);
    let alone = |i: usize| lossy(of(i, true)) > 0.0 && of(i, true).is_some_and(|w| w.fewest >= minimum);
    let slowest = slowest(service);
    let latency = |change: bool| {
        let of_each = (0..inputs.pairs.len()).map(|i| latency_ms(of(i, change)).min(slowest));
        quantiles(strata, &of_each.collect::<Vec<_>>(), slowest)
    };
    let mut queries = Queries {
        baseline_loss: strata.bounded_mean(0.0, 1.0, |i| share(of(i, false))),
        added_loss: strata.bounded_mean(-1.0, 1.0, |i| share(of(i, true)) - share(of(i, false))),
        lossy_minutes: strata.bounded_mean(0.0, most, |i| lossy(of(i, true))),
        baseline_lossy_minutes: strata.bounded_mean(0.0, most, |i| lossy(of(i, false))),
        while_enough: strata.probability(inputs.sampling, alone),
        latency_ms: latency(true),
        baseline_latency_ms: latency(false),
        slow: strata.bounded_mean(0.0, 1.0, |i| slow(of(i, true))),
        baseline_slow: strata.bounded_mean(0.0, 1.0, |i| slow(of(i, false))),
        kills: strata.average(|i| of(i, true).map_or(0.0, |w| f64::from(w.of_service().kills))),
        baseline_kills: strata.average(|i| of(i, false).map_or(0.0, |w| f64::from(w.of_service().kills))),
        sentence: String::new(),
    };
    queries.sentence = sentence(inputs, watched, service, &queries);
    queries
}

/// Empty where nothing is lost that would be worth a sentence.
fn sentence(inputs: &Inputs<'_>, watched: &Watched<'_>, service: &Service, queries: &Queries) -> String {
    let minutes = queries.lossy_minutes.estimate;
    let slow = slowly(watched, service, queries);
    if minutes < MENTIONED && queries.baseline_lossy_minutes.estimate < MENTIONED {
        return slow;
    }
    let name = format!("{}/{}", watched.spec.namespace, watched.spec.name);
    let replicas = watched.spec.minimum.unwrap_or(1);
    let alone = queries.while_enough.estimate;
    let who = if alone > 0.0 {
        format!(
            "Although at least {} of {name} {} up all the time (in {} of futures),",
            words::plural(f64::from(replicas), "replica"),
            if replicas == 1 { "is" } else { "are" },
            words::probability_short(queries.while_enough)
        )
    } else {
        format!("While enough replicas of {name} are up,")
    };
    let lost = format!(
        "{who} more than {} of its queries are lost for {} on average, {} when nothing is done{}.",
        words::percent(inputs.scenario.settings.loss_tolerance),
        words::minutes(minutes),
        words::minutes(queries.baseline_lossy_minutes.estimate),
        load(watched, service)
    );
    [lost, slow].into_iter().filter(|s| !s.is_empty()).collect::<Vec<_>>().join(" ")
}

/// What is said of slow answers; empty where there are next to none.
fn slowly(watched: &Watched<'_>, service: &Service, queries: &Queries) -> String {
    if queries.slow.estimate.max(queries.baseline_slow.estimate) < WORTH_SAYING {
        return String::new();
    }
    format!(
        "Of the answers of {}/{}, {} take longer than the {} s after which clients ask again, {} when nothing is done.",
        watched.spec.namespace,
        watched.spec.name,
        words::probability_short(queries.slow),
        words::number(service.clients.timeout.as_secs_f64(), 2),
        words::probability_short(queries.baseline_slow)
    )
}

/// Share of slow answers from which they are told of: one in a thousand.
const WORTH_SAYING: f64 = 1e-3;

/// Minutes from which a sentence is worth it.
const MENTIONED: f64 = 0.05;

/// What each of the replicas that are left would have to serve at base load with one of them gone; empty where they could.
fn load(watched: &Watched<'_>, service: &Service) -> String {
    let replicas = watched.spec.replicas;
    let each = service.rate * service.requests_per_demand / (f64::from(replicas.max(2)) - 1.0) / service.capacity;
    if replicas < 2 || each <= 1.0 {
        return String::new();
    }
    let share = words::percent(each);
    format!("; with one of its {replicas} replicas gone each other would have to serve {share} of what it can")
}

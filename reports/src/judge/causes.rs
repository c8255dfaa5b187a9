//! Which causes the risk would not be there without.
//!
//! Bad futures (a system workload has an outage with the change) are run again, each the same but for one cause, which is
//! switched off. The share of all futures that turn good is the risk *avoidable* by removing that cause. Where several are
//! needed for harm, each is avoidable alone, and their sum says too much; the Shapley value shares the risk out so that it adds
//! up. A future without harm is taken to stay so without a cause; that is tried on some, and where it fails for a cause,
//! every future looked into is run again for it, and nothing is shared out. (Methods: switch-off on common random numbers;
//! Shapley over subsets.)

use simulator::settings::Cause;
use simulator::spec::{Scaling, WorkloadSpec};
use simulator::{Pair, Trace};

use super::losses::Facts;
use crate::attribution;
use crate::estimate::{Sampling, Strata};
use crate::input::Inputs;
use crate::report;

mod first;

use first::{First, first_causes};

/// Causes that an engineer would remove together.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    /// Its name in a report.
    pub name: &'static str,
    /// What is switched off.
    pub causes: &'static [Cause],
    /// What would be so without it.
    pub without: &'static str,
}

/// The group that is tried only where something asks for webhooks or metrics.
const FUNCTIONS: &str = "functions";

/// What is tried.
pub const GROUPS: [Group; 10] = [
    group("eviction", &[Cause::EvictionGap], "evicted pods were replaced the moment they go"),
    group("capacity", &[Cause::Capacity, Cause::Quota], "there was room for every pod and quota for every node"),
    group("contention", &[Cause::Contention], "pods got the CPU they ask for on busy nodes"),
    group("burst", &[Cause::Burst], "load did not rise above its base"),
    group(
        "node-failure",
        &[Cause::NodeFailure, Cause::NodeFault, Cause::Reboot, Cause::GreyNode],
        "no single node failed",
    ),
    group(
        "shared-failure",
        &[Cause::ZoneFailure, Cause::DomainFailure, Cause::FleetFault, Cause::FailureCompany],
        "nodes did not fail together",
    ),
    group("spot-eviction", &[Cause::SpotEviction], "the platform took no spot node back"),
    group(
        "provisioning",
        &[
            Cause::ProvisioningFailure,
            Cause::SurgeGap,
            Cause::NodeTimes,
            Cause::NodeInitialisation,
            Cause::DriverRegistration,
        ],
        "nodes came as asked, in their median time, and were of use at once",
    ),
    group(
        FUNCTIONS,
        &[Cause::Webhooks, Cause::TunnelOutage, Cause::MetricsOutage],
        "webhooks, tunnel and metrics were always there",
    ),
    group("slow-start", &[Cause::SlowStart], "pods started and stopped in their median times"),
];

const fn group(name: &'static str, causes: &'static [Cause], without: &'static str) -> Group {
    Group { name, causes, without }
}

/// How much is run again. A cause that spares none of the first bad futures is left at that.
struct Effort {
    /// Bad futures that each cause is tried on first.
    first: usize,
    /// Most bad futures looked into.
    most: usize,
    /// Futures without harm that are tried for each cause.
    tried: usize,
    /// Bad futures that the risk is shared out on; none at 0.
    shared_out: usize,
    /// Bad futures of a stratum whose log is read for what came first.
    told: usize,
}

/// A future is run again once for each cause, so that these numbers decide what causes cost beside the pairs.
const QUICK: Effort = Effort { first: 6, most: 6, tried: 2, shared_out: 0, told: 2 };
const NORMAL: Effort = Effort { first: 8, most: 32, tried: 6, shared_out: 8, told: 12 };
/// Pairs from which an answer is more than a quick one.
pub(super) const MANY: usize = 1000;
/// Futures looked into for a cause without which some future gets worse.
const MOST_ANY: usize = 256;
/// Most objects named of a cause.
const MOST_OBJECTS: usize = 3;
/// Most causes the risk is shared out among, each with its own switch; what is left has one together.
const MOST_SHARES: usize = 2;

/// Runs trials again with causes switched off; whether each has an outage of a system workload.
pub type Again<'a> = &'a dyn Fn(&[Cause], &[u32]) -> Vec<bool>;

/// The causes of the risk, weightiest first, those without any effect left out; and what their shares add up to.
pub fn causes(
    inputs: &Inputs<'_>,
    weights: &[f64],
    trace: &dyn Fn(u32) -> Trace,
    again: Again<'_>,
) -> (Vec<report::Cause>, Option<report::Attribution>) {
    let facts: Vec<bool> = inputs.pairs.iter().map(|pair| Facts::of(weights, pair).proposal_out).collect();
    let effort = if inputs.pairs.len() < MANY { QUICK } else { NORMAL };
    let seen = Seen::first(inputs, &facts, effort.most);
    if seen.bad.is_empty() || inputs.scenario.changes.is_empty() {
        return (Vec::new(), None);
    }
    let off = &inputs.scenario.settings.off;
    let cluster = &inputs.scenario.cluster;
    let scales = |w: &WorkloadSpec| matches!(w.scaling, Some(Scaling::Utilisation { .. }));
    let asked = !cluster.webhooks.is_empty() || cluster.workloads.rows().iter().any(scales);
    let open = |g: &&Group| !g.causes.iter().all(|cause| off.contains(cause)) && (asked || g.name != FUNCTIONS);
    let groups = GROUPS.iter().filter(open);
    let mut found: Vec<(Group, Effect)> =
        groups.map(|g| (*g, effect(inputs, &facts, &seen, &effort, *g, again))).filter(|(_, e)| e.matters()).collect();
    found.sort_by(|(_, a), (_, b)| b.avoidable.estimate.total_cmp(&a.avoidable.estimate));
    let shares = shares(inputs, &facts, &seen, &effort, &found, again);
    let told = seen.told(effort.told).into_iter().map(|(i, weight)| (trace(inputs.pairs[i].trial), weight));
    let mut first = first_causes(inputs.scenario, told);
    let told = |first: Option<&First>| first.map_or(Vec::new(), objects);
    let row = |(i, (group, effect)): (usize, &(Group, Effect))| report::Cause {
        cause: group.name.to_owned(),
        without: Some(group.without.to_owned()),
        avoidable: Some(effect.avoidable),
        shapley: shares.as_ref().map(|(shares, _)| shares[i]),
        first_cause_share: Some(first.get(group.name).map_or(0.0, |first| first.share)),
        objects: told(first.get(group.name)),
    };
    let mut rows: Vec<report::Cause> = found.iter().enumerate().map(row).collect();
    // What came first and is nothing that can be switched off.
    first.retain(|name, _| found.iter().all(|(group, _)| group.name != *name));
    rows.extend(first.iter().map(|(name, first)| report::Cause {
        cause: (*name).to_owned(),
        without: None,
        avoidable: None,
        shapley: None,
        first_cause_share: Some(first.share),
        objects: told(Some(first)),
    }));
    (rows, shares.map(|(_, total)| total))
}

fn objects(first: &First) -> Vec<report::Object> {
    first.objects(MOST_OBJECTS).into_iter().map(|(name, share)| report::Object { name, share }).collect()
}

/// The first trials of a run: so many that they hold a number of bad ones.
struct Seen {
    strata: Strata,
    /// Positions of bad trials.
    bad: Vec<usize>,
    /// Positions of all others.
    good: Vec<usize>,
}

impl Seen {
    fn first(inputs: &Inputs<'_>, facts: &[bool], most: usize) -> Seen {
        Seen::prefix(inputs, facts, before_one_more(facts, most))
    }

    fn prefix(inputs: &Inputs<'_>, facts: &[bool], end: usize) -> Seen {
        let pairs = &inputs.pairs[..end.min(inputs.pairs.len())];
        let (bad, good) = (0..pairs.len()).partition(|i| facts[*i]);
        Seen { strata: Strata::with(inputs.scenario, pairs), bad, good }
    }

    /// Positions of bad trials to tell, and what each counts: some of each stratum stand for all of it.
    fn told(&self, most: usize) -> Vec<(usize, f64)> {
        let of = |stratum: usize| self.bad.iter().copied().filter(move |i| self.strata.stratum(*i) == stratum);
        let told = |stratum: usize| {
            let share: f64 = of(stratum).map(|i| self.strata.share(i)).sum();
            let each = share / of(stratum).count().clamp(1, most) as f64;
            of(stratum).take(most).map(move |i| (i, each)).collect::<Vec<_>>()
        };
        (0..self.strata.weights().len()).flat_map(told).collect()
    }

    fn len(&self) -> usize {
        self.bad.len() + self.good.len()
    }
}

/// How many trials come before the one that would be bad beyond `most`. A count that ended on the last bad one would hold too
/// many of them: k in n trials say k/n, of which the mean is above the risk, where k in those before the next one has the risk
/// for its mean (inverse binomial sampling, Haldane 1945).
fn before_one_more(bad: &[bool], most: usize) -> usize {
    bad.iter().enumerate().filter(|(_, bad)| **bad).nth(most).map_or(bad.len(), |(i, _)| i)
}

fn trials(pairs: &[Pair], positions: &[usize]) -> Vec<u32> {
    positions.iter().map(|i| pairs[*i].trial).collect()
}

/// What becomes of the risk without a group.
struct Effect {
    avoidable: crate::estimate::Est,
    /// No future that was tried gets worse without it.
    monotone: bool,
}

impl Effect {
    fn matters(&self) -> bool {
        self.avoidable.estimate != 0.0
    }
}

fn effect(inputs: &Inputs<'_>, facts: &[bool], seen: &Seen, effort: &Effort, group: Group, again: Again<'_>) -> Effect {
    let tried: Vec<usize> = seen.good.iter().copied().take(effort.tried).collect();
    let first = &seen.bad[..seen.bad.len().min(effort.first)];
    // Both at once: what is run together shares what is prepared for a run.
    let mut still = again(group.causes, &trials(inputs.pairs, &[first, &tried].concat()));
    if still.split_off(first.len()).iter().any(|bad| *bad) {
        return worse_for_some(inputs, facts, seen, group, again);
    }
    if still.iter().any(|bad| !bad) {
        still.extend(again(group.causes, &trials(inputs.pairs, &seen.bad[first.len()..])));
    }
    let mut saved = vec![false; seen.len()];
    seen.bad.iter().zip(still).for_each(|(i, still)| saved[*i] = !still);
    Effect { avoidable: seen.strata.probability(Sampling::Fixed, |i| saved[i]), monotone: true }
}

/// Without shortcut: every future counts, for better or worse.
fn worse_for_some(inputs: &Inputs<'_>, facts: &[bool], seen: &Seen, group: Group, again: Again<'_>) -> Effect {
    let seen = Seen::prefix(inputs, facts, seen.len().min(MOST_ANY));
    let all: Vec<usize> = (0..seen.len()).collect();
    let without = again(group.causes, &trials(inputs.pairs, &all));
    let change = |i: usize| f64::from(u8::from(facts[i])) - f64::from(u8::from(without[i]));
    Effect { avoidable: seen.strata.bounded_mean(-1.0, 1.0, change), monotone: false }
}

/// The risk shared out among the causes that matter, in their order; `None` where some future gets worse without one.
fn shares(
    inputs: &Inputs<'_>,
    facts: &[bool],
    seen: &Seen,
    effort: &Effort,
    found: &[(Group, Effect)],
    again: Again<'_>,
) -> Option<(Vec<f64>, report::Attribution)> {
    if effort.shared_out == 0 || found.is_empty() || found.iter().any(|(_, effect)| !effect.monotone) {
        return None;
    }
    let few = Seen::first(inputs, facts, effort.shared_out);
    // The weightiest have a switch each, the others one together.
    let switches: Vec<&[(Group, Effect)]> = if found.len() <= MOST_SHARES + 1 {
        found.chunks(1).collect()
    } else {
        found[..MOST_SHARES].chunks(1).chain([&found[MOST_SHARES..]]).collect()
    };
    let off = |on: usize| -> Vec<Cause> {
        let off = switches.iter().enumerate().filter(|(bit, _)| on & (1 << bit) == 0);
        off.flat_map(|(_, groups)| groups.iter().flat_map(|(group, _)| group.causes.iter().copied())).collect()
    };
    let risk = |seen: &Seen, on: usize| {
        let off = off(on);
        let bad = trials(inputs.pairs, &seen.bad);
        let still = if off.is_empty() { vec![true; bad.len()] } else { again(&off, &bad) };
        let mut out = vec![false; seen.len()];
        seen.bad.iter().zip(still).for_each(|(i, still)| out[*i] = still);
        seen.strata.average(|i| f64::from(u8::from(out[i])))
    };
    let values: Vec<f64> = (0..1 << switches.len()).map(|on| risk(&few, on)).collect();
    let all = values.len() - 1;
    // A few futures say how the risk is shared out, all that were looked into say how much it is.
    let attribution = report::Attribution { with: risk(seen, all), without: risk(seen, 0) };
    let total = attribution.with - attribution.without;
    let scale = if values[all] > values[0] { total / (values[all] - values[0]) } else { 0.0 };
    let shares = attribution::shapley(&values).into_iter().map(|share| scale * share);
    // Those of one switch share alike in what it gets.
    let each = switches.iter().zip(shares).flat_map(|(groups, share)| vec![share / groups.len() as f64; groups.len()]);
    Some((each.collect(), attribution))
}

#[cfg(test)]
mod tests {
    use simulator::random::{Process, Streams, sub_key};

    use super::*;
    use crate::estimate::clopper_pearson;

    /// The share of bad trials before the next one has the risk for its mean, and a fixed-size interval of it covers the risk.
    #[test]
    fn a_prefix_that_ends_before_a_bad_trial_is_unbiased() {
        const RUNS: u32 = 2000;
        const MOST: usize = 8;
        let risk = 0.1;
        let (mut sum, mut covered) = (0.0, 0);
        for run in 0..RUNS {
            let bad: Vec<bool> = (0..600)
                .map(|trial| Streams::new(1, run).uniform(Process::Parameter, sub_key(1, trial), 1) < risk)
                .collect();
            let end = before_one_more(&bad, MOST);
            let count = bad[..end].iter().filter(|bad| **bad).count();
            sum += count as f64 / end as f64;
            let (low, high) = clopper_pearson(count as u64, end as u64, 0.05);
            covered += u32::from(low <= risk && risk <= high);
        }
        // Four standard errors of the mean of 2,000 runs: each has about risk / sqrt(8).
        let mean = sum / f64::from(RUNS);
        assert!((mean - risk).abs() < 4.0 * risk / (8.0 * f64::from(RUNS)).sqrt(), "{mean}");
        assert!(f64::from(covered) >= 0.94 * f64::from(RUNS), "{covered}");
    }
}

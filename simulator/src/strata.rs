//! Strata: futures with none, one, two, and three or more rare events.
//!
//! Failures of nodes, faults, restarts, grey nodes, incidents of zones and fault domains and faults of the fleet come as
//! Poisson processes in calendar time, whatever is planned. So their number over the horizon has a known distribution, and a
//! trial may be told how many there are: it is then one of its *stratum*, and counts with the probability of that stratum.
//! More than 99 % of the futures of a small cluster have no failure at all; told so, a few hundred trials are enough to see
//! what two failures at once come to, whose probability is one in a million.
//!
//! Which stratum a trial belongs to depends on its index alone: any prefix of trials has all strata in nearly fixed shares.
//! Nodes that a plan adds (surge, autoscaler) keep their processes as they are, in every stratum.
//! Method: stratified sampling with known weights (Cochran, Sampling Techniques, chapter 5).

use crate::scenario::Scenario;
use crate::settings::{Cause, Failures, Settings};

/// Number of strata: 0, 1, 2, and 3 or more events.
pub const STRATA: usize = 4;
/// Expected events over the horizon above which they are not rare: nothing is stratified.
const RARE: f64 = 2.0;
/// Shares of the trials where events are very rare; half of the trials is dealt by these, half by probability.
const DEALT: [f64; STRATA] = [0.6, 0.2, 0.12, 0.08];

/// How the trials of a scenario are dealt to strata.
#[derive(Clone, Debug, PartialEq)]
pub struct Strata {
    /// Expected number of rare events over the horizon.
    pub mean: f64,
    /// Probability of each stratum.
    pub probability: [f64; STRATA],
    /// A trial belongs to the first stratum whose threshold its place in [0, 1) lies below.
    thresholds: [f64; STRATA],
}

impl Strata {
    /// The strata of a scenario; `None` where rare events are off, or not rare.
    pub fn of(scenario: &Scenario) -> Option<Strata> {
        let mean = Sources::of(scenario, &scenario.settings).mean(scenario);
        (scenario.settings.stratified && mean > 0.0 && mean <= RARE).then(|| Strata::new(mean))
    }

    fn new(mean: f64) -> Strata {
        let probability = probabilities(mean);
        let mut sum = 0.0;
        let thresholds = std::array::from_fn(|k| {
            sum += 0.5 * (probability[k] + DEALT[k]);
            if k + 1 == STRATA { 2.0 } else { sum }
        });
        Strata { mean, probability, thresholds }
    }

    /// The stratum of a trial: the multiples of the golden ratio fill [0, 1) evenly, in any prefix.
    pub fn stratum(&self, trial: u32) -> usize {
        let place = u64::from(trial).wrapping_mul(0x9e37_79b9_7f4a_7c15) as f64 / 18_446_744_073_709_551_616.0;
        self.thresholds.iter().position(|end| place < *end).unwrap_or(STRATA - 1)
    }
}

/// Probabilities of 0, 1, 2, and 3 or more events of a Poisson variate.
pub fn probabilities(mean: f64) -> [f64; STRATA] {
    let none = libm::exp(-mean);
    let more = (3..40).fold((0.0, none * mean * mean / 2.0), |(sum, term), j| {
        let term = term * mean / f64::from(j);
        (sum + term, term)
    });
    [none, none * mean, none * mean * mean / 2.0, more.0]
}

/// How many events a trial of a stratum has: the number itself, or, for the last, the `u`-quantile of what is three or more.
pub(crate) fn number(stratum: usize, mean: f64, u: impl FnOnce() -> f64) -> u32 {
    if stratum + 1 < STRATA {
        return stratum as u32;
    }
    let aim = u() * probabilities(mean)[STRATA - 1];
    let (mut sum, mut term) = (0.0, libm::exp(-mean) * mean * mean / 2.0);
    for j in 3..40u32 {
        term *= mean / f64::from(j);
        sum += term;
        if sum >= aim {
            return j;
        }
    }
    40
}

/// What rare events come from: processes of the start cluster, each with so many entities of one rate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sources([(Source, u32, f64); 7]);

/// A process of rare events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A node fails.
    Node,
    /// A fault inside a node.
    Fault,
    /// A node restarts.
    Reboot,
    /// A node turns grey.
    Grey,
    /// An incident of a zone.
    Zone,
    /// A fault domain fails.
    Domain,
    /// A fault comes to the fleet.
    Fleet,
}

impl Sources {
    /// The sources of a scenario under settings that may differ from its own in their rates.
    pub fn of(scenario: &Scenario, settings: &Settings) -> Sources {
        let failures: &Failures = &settings.failures;
        let (nodes, zones) = (scenario.cluster.nodes.len() as u32, scenario.cluster.zones.len() as u32);
        let on = |cause, per_hour: f64| {
            if scenario.settings.off.contains(&cause) || per_hour <= 0.0 { 0.0 } else { per_hour }
        };
        Sources([
            (Source::Node, nodes, on(Cause::NodeFailure, failures.per_hour)),
            (Source::Fault, nodes, on(Cause::NodeFault, failures.faults_per_hour)),
            (Source::Reboot, nodes, on(Cause::Reboot, failures.reboots_per_hour)),
            (Source::Grey, nodes, on(Cause::GreyNode, failures.grey_per_hour)),
            (Source::Zone, zones, on(Cause::ZoneFailure, failures.zone_per_hour)),
            (Source::Domain, zones * failures.domains.max(1), on(Cause::DomainFailure, failures.domain_per_hour)),
            (Source::Fleet, 1, on(Cause::FleetFault, failures.fleet_per_hour)),
        ])
    }

    /// Events per hour of all together.
    fn per_hour(&self) -> f64 {
        self.0.iter().map(|(_, count, rate)| f64::from(*count) * rate).sum()
    }

    /// Expected events over the horizon.
    pub fn mean(&self, scenario: &Scenario) -> f64 {
        self.per_hour() * scenario.horizon.as_secs_f64() / 3600.0
    }

    /// The entity to which a uniform variate points, each by its rate.
    pub fn pick(&self, u: f64) -> (Source, u32) {
        let mut aim = u * self.per_hour();
        let mut last = (Source::Node, 0);
        for (source, count, rate) in self.0 {
            let all = f64::from(count) * rate;
            if all <= 0.0 {
                continue;
            }
            last = (source, ((aim / rate) as u32).min(count - 1));
            if aim < all {
                break;
            }
            aim -= all;
        }
        last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_are_those_of_poisson_and_keep_their_digits_where_events_are_rare() {
        for mean in [1e-4, 0.02, 0.7, 2.0] {
            let p = probabilities(mean);
            assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-14, "{mean}");
        }
        let mean = 1e-4_f64;
        let three = mean.powi(3) / 6.0 * (1.0 - 0.75 * mean);
        assert!((probabilities(mean)[3] / three - 1.0).abs() < 1e-8);
    }

    #[test]
    fn any_prefix_of_trials_has_every_stratum_in_its_share() {
        for mean in [1e-4, 0.05, 1.0] {
            let strata = Strata::new(mean);
            for n in [64, 200, 1000, 4096] {
                let mut counts = [0.0; STRATA];
                (0..n).for_each(|trial| counts[strata.stratum(trial)] += 1.0);
                for k in 0..STRATA {
                    let share = 0.5 * (strata.probability[k] + DEALT[k]);
                    assert!(
                        (counts[k] - share * f64::from(n)).abs() <= 3.0,
                        "mean {mean} n {n} stratum {k} {counts:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn three_or_more_are_drawn_as_poisson_has_them() {
        let mean = 1.3;
        let n = 100_000;
        let drawn: f64 = (0..n).map(|i| f64::from(number(3, mean, || (f64::from(i) + 0.5) / f64::from(n)))).sum();
        // E[N; N >= 3] = mean P(N >= 2).
        let p = probabilities(mean);
        let expected = mean * (p[2] + p[3]) / p[3];
        assert!((drawn / f64::from(n) - expected).abs() < 1e-3);
        assert_eq!([0, 1, 2].map(|k| number(k, mean, || unreachable!())), [0, 1, 2]);
    }

    #[test]
    fn entities_are_picked_by_their_rates() {
        let sources = Sources([
            (Source::Node, 3, 2.0),
            (Source::Fault, 5, 0.0),
            (Source::Reboot, 0, 1.0),
            (Source::Grey, 0, 0.0),
            (Source::Zone, 2, 1.0),
            (Source::Domain, 0, 0.0),
            (Source::Fleet, 1, 2.0),
        ]);
        let picked: Vec<_> = [0.0, 0.19, 0.21, 0.59, 0.61, 0.71, 0.81, 1.0 - 1e-16].map(|u| sources.pick(u)).into();
        let node = |i| (Source::Node, i);
        let zone = |i| (Source::Zone, i);
        let fleet = (Source::Fleet, 0);
        assert_eq!(picked, [node(0), node(0), node(1), node(2), zone(0), zone(1), fleet, fleet]);
    }
}

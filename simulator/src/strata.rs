//! Strata: futures with none, one, two, and three or more rare events.
//!
//! Failures of nodes, faults, restarts, grey nodes, incidents of zones and fault domains and faults of the fleet come as
//! Poisson processes in calendar time, whatever is planned. So their number over the horizon has a known distribution, and a
//! trial may be told how many there are: it is then one of its *stratum*, and counts with the probability of that stratum.
//! More than 99 % of the futures of a small cluster have no failure at all; told so, a few hundred trials are enough to see
//! what two failures at once come to, whose probability is one in a million.
//!
//! Which stratum a trial belongs to depends on its index alone: any prefix of trials has all strata in nearly fixed shares.
//! The nodes that a planned operation is seen to add are among them: what hits one that is not there, or not yet, hits nothing.
//! Nodes that come unforeseen (autoscaler, replacements) keep their processes as they are, in every stratum.
//!
//! Where a rate is not known well and believed to be gamma distributed, the number of its events is negative binomial, and
//! given that number the rate is gamma distributed again: a trial of a stratum draws its rates from there, so that strata have
//! the same probability in every trial.
//! Method: stratified sampling with known weights (Cochran, Sampling Techniques, chapter 5).

use crate::change::Operation;
use crate::parameters::{Knob, Parameters};
use crate::random::prior::Prior;
use crate::scenario::Scenario;
use crate::settings::Cause;

/// Number of strata: 0, 1, 2, and 3 or more events.
pub const STRATA: usize = 4;
/// Expected events over the horizon above which they are not rare: nothing is stratified.
const RARE: f64 = 2.0;
/// Shares of the trials where events are very rare; half of the trials is dealt by these, half by probability.
const DEALT: [f64; STRATA] = [0.6, 0.2, 0.12, 0.08];
/// The same where all futures without events are one and the same: a few trials of those are enough.
const QUIET: [f64; STRATA] = [1.0 / 64.0, 35.0 / 64.0, 19.0 / 64.0, 9.0 / 64.0];
/// Most events of a future. More have, at the most events that count as rare, a probability below a millionth.
const MOST: usize = 64;

/// How the trials of a scenario are dealt to strata.
#[derive(Clone, Debug, PartialEq)]
pub struct Strata {
    /// Expected number of rare events over the horizon.
    pub mean: f64,
    /// Probability of each stratum.
    pub probability: [f64; STRATA],
    /// Futures without rare events have no draw: all of them come to the same.
    pub quiet: bool,
    /// A trial belongs to the first stratum whose threshold its place in [0, 1) lies below.
    thresholds: [f64; STRATA],
    /// Nodes that events are drawn for: a row for each, in the order in which they come.
    pub(crate) nodes: u32,
    /// What the events come from.
    pub(crate) sources: Sources,
}

impl Strata {
    /// The strata of a scenario; `None` where it wants none, or where rare events are off or not rare.
    pub fn of(scenario: &Scenario) -> Option<Strata> {
        if !scenario.settings.stratified || scenario.settings.failure_factor.is_some() {
            return None;
        }
        let sources = Sources::of(scenario)?;
        let mean = sources.mean();
        (mean > 0.0 && mean <= RARE).then(|| Strata::new(sources, foreseen(scenario), scenario.settings.quiet))
    }

    fn new(sources: Sources, nodes: u32, quiet: bool) -> Strata {
        let all = &sources.rest[0];
        let probability = [all[0], all[1], all[2], all[3..].iter().sum()];
        let mut sum = 0.0;
        let thresholds = std::array::from_fn(|k| {
            sum += if quiet { QUIET[k] } else { 0.5 * (probability[k] + DEALT[k]) };
            if k + 1 == STRATA { 2.0 } else { sum }
        });
        Strata { mean: sources.mean(), probability, quiet, thresholds, nodes, sources }
    }

    /// The same strata with the same trials where the rates are known to be these: another probability for each.
    pub fn at(&self, parameters: &Parameters) -> Strata {
        let known = |class: &Class| Class { rate: Rate::Known(parameters.get(class.source.of().1)), ..*class };
        let known = Strata::new(Sources::new(self.sources.classes.iter().map(known).collect()), self.nodes, self.quiet);
        Strata { thresholds: self.thresholds, ..known }
    }

    /// The stratum of a trial: the multiples of the golden ratio fill [0, 1) evenly, in any prefix.
    pub fn stratum(&self, trial: u32) -> usize {
        let place = u64::from(trial).wrapping_mul(0x9e37_79b9_7f4a_7c15) as f64 / 18_446_744_073_709_551_616.0;
        self.thresholds.iter().position(|end| place < *end).unwrap_or(STRATA - 1)
    }

    /// Probability that an event of a single node, of whatever kind, falls into so many hours of nodes within the horizon.
    pub fn node_event_within(&self, hours: f64) -> f64 {
        let single = |c: &&Class| matches!(c.source, Source::Node | Source::Fault | Source::Reboot | Source::Grey);
        let ln_none = |class: &Class| match class.rate {
            Rate::Known(rate) => -rate * hours,
            Rate::Gamma { shape, scale } => -shape * libm::log1p(scale * hours),
        };
        -libm::expm1(self.sources.classes.iter().filter(single).map(ln_none).sum())
    }

    /// How many events a trial of a stratum has: the number itself, or, for the last, the `u`-quantile of what is three or
    /// more.
    pub(crate) fn number(&self, stratum: usize, u: impl FnOnce() -> f64) -> usize {
        if stratum + 1 < STRATA {
            return stratum;
        }
        let last = STRATA - 1;
        last + chosen(&self.sources.rest[0][last..], u() * self.probability[last])
    }
}

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

impl Source {
    /// Its cause.
    pub fn cause(self) -> Cause {
        self.of().0
    }

    /// Its cause, and the number that is its rate.
    fn of(self) -> (Cause, Knob) {
        match self {
            Source::Node => (Cause::NodeFailure, Knob::Interruptions),
            Source::Fault => (Cause::NodeFault, Knob::Faults),
            Source::Reboot => (Cause::Reboot, Knob::Reboots),
            Source::Grey => (Cause::GreyNode, Knob::Grey),
            Source::Zone => (Cause::ZoneFailure, Knob::ZoneIncidents),
            Source::Domain => (Cause::DomainFailure, Knob::DomainIncidents),
            Source::Fleet => (Cause::FleetFault, Knob::FleetFaults),
        }
    }
}

/// What rare events come from: processes of the start cluster that are on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sources {
    classes: Vec<Class>,
    /// Probabilities of so many events of a class.
    counts: Vec<[f64; MOST + 1]>,
    /// Probabilities of so many events of a class and all after it together.
    rest: Vec<[f64; MOST + 1]>,
}

/// Entities with one rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Class {
    /// What happens to them.
    pub source: Source,
    /// How many there are.
    pub entities: u32,
    /// Hours at risk of all together.
    hours: f64,
    rate: Rate,
}

/// Events per hour of an entity.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Rate {
    Known(f64),
    Gamma { shape: f64, scale: f64 },
}

impl Sources {
    /// The sources of a scenario; `None` where a rate has a belief that is not gamma distributed.
    fn of(scenario: &Scenario) -> Option<Sources> {
        let (nodes, zones) = (foreseen(scenario), scenario.cluster.zones.len() as u32);
        let horizon = scenario.horizon.as_secs_f64() / 3600.0;
        let domains = zones * scenario.settings.failures.domains.max(1);
        let mut classes = Vec::new();
        for (source, entities) in [
            (Source::Node, nodes),
            (Source::Fault, nodes),
            (Source::Reboot, nodes),
            (Source::Grey, nodes),
            (Source::Zone, zones),
            (Source::Domain, domains),
            (Source::Fleet, 1),
        ] {
            let (cause, knob) = source.of();
            let rate = match scenario.beliefs.iter().find(|belief| belief.knob == knob).map(|belief| belief.prior) {
                None => Rate::Known(knob.stated(&scenario.settings)),
                Some(Prior::Gamma { shape, mean }) => Rate::Gamma { shape, scale: mean / shape },
                Some(_) => return None,
            };
            let class = Class { source, entities, hours: f64::from(entities) * horizon, rate };
            if !scenario.settings.off.contains(&cause) && class.mean() > 0.0 {
                classes.push(class);
            }
        }
        Some(Sources::new(classes))
    }

    fn new(classes: Vec<Class>) -> Sources {
        let counts: Vec<_> = classes.iter().map(Class::counts).collect();
        let mut rest = vec![[0.0; MOST + 1]; classes.len() + 1];
        rest[classes.len()][0] = 1.0;
        for i in (0..classes.len()).rev() {
            for n in 0..=MOST {
                rest[i][n] = (0..=n).map(|k| counts[i][k] * rest[i + 1][n - k]).sum();
            }
        }
        Sources { classes, counts, rest }
    }

    /// Expected events over the horizon.
    fn mean(&self) -> f64 {
        self.classes.iter().map(Class::mean).sum()
    }

    /// The classes.
    pub fn classes(&self) -> &[Class] {
        &self.classes
    }

    /// How many of `n` events of the `i`-th class and those after it are of that class.
    pub fn share(&self, i: usize, n: usize, u: impl FnOnce() -> f64) -> usize {
        if n == 0 || i + 1 == self.classes.len() {
            return n;
        }
        let ways: Vec<f64> = (0..=n).map(|k| self.counts[i][k] * self.rest[i + 1][n - k]).collect();
        chosen(&ways, u() * self.rest[i][n])
    }
}

/// Nodes there are at the start and those that operations are seen to add.
pub(crate) fn foreseen(scenario: &Scenario) -> u32 {
    let size = |pool| scenario.cluster.nodes.iter().filter(|(_, node)| node.pool == pool).count() as u32;
    let added = scenario.changes.iter().map(|planned| match &planned.operation {
        Operation::Scale { pool, count, .. } => count.saturating_sub(size(*pool)),
        Operation::Upgrade { pool, how } => how.max_surge.of(size(*pool)),
        Operation::BlueGreen { pool, .. } => size(*pool),
        _ => 0,
    });
    // Sizes far beyond any pool's are kept from overflowing; what is not foreseen here comes by itself.
    scenario.cluster.nodes.len() as u32 + added.fold(0u32, u32::saturating_add).min(10_000)
}

/// Index of the first entry with which the sum reaches an aim; the last where none does.
fn chosen(terms: &[f64], aim: f64) -> usize {
    let mut sum = 0.0;
    let reached = terms.iter().position(|term| {
        sum += term;
        sum >= aim && *term > 0.0
    });
    reached.unwrap_or(terms.len().saturating_sub(1))
}

impl Class {
    fn mean(&self) -> f64 {
        match self.rate {
            Rate::Known(rate) => rate * self.hours,
            Rate::Gamma { shape, scale } => shape * scale * self.hours,
        }
    }

    /// Probabilities of so many events: Poisson, or negative binomial where the rate is gamma distributed.
    fn counts(&self) -> [f64; MOST + 1] {
        let mut counts = [0.0; MOST + 1];
        match self.rate {
            Rate::Known(_) => {
                counts[0] = libm::exp(-self.mean());
                (1..=MOST).for_each(|k| counts[k] = counts[k - 1] * self.mean() / k as f64);
            }
            Rate::Gamma { shape, scale } => {
                let odds = scale * self.hours;
                counts[0] = libm::exp(-shape * libm::log1p(odds));
                for k in 1..=MOST {
                    counts[k] = counts[k - 1] * (shape + k as f64 - 1.0) / k as f64 * odds / (1.0 + odds);
                }
            }
        }
        counts
    }

    /// The belief about the rate after so many events, as the number it is about; absent where the rate is known.
    pub fn after(&self, events: usize) -> Option<(Knob, Prior)> {
        match self.rate {
            Rate::Known(_) => None,
            Rate::Gamma { shape, scale } => {
                let (shape, scale) = (shape + events as f64, scale / (1.0 + scale * self.hours));
                Some((self.source.of().1, Prior::Gamma { shape, mean: shape * scale }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(source: Source, entities: u32, rate: Rate) -> Class {
        Class { source, entities, hours: f64::from(entities), rate }
    }

    fn poisson(mean: f64) -> Strata {
        Strata::new(Sources::new(vec![class(Source::Node, 1, Rate::Known(mean))]), 1, false)
    }

    #[test]
    fn probabilities_are_those_of_poisson_and_keep_their_digits_where_events_are_rare() {
        for mean in [1e-4, 0.02, 0.7, 2.0] {
            assert!((poisson(mean).probability.iter().sum::<f64>() - 1.0).abs() < 1e-14, "{mean}");
        }
        let mean = 1e-4_f64;
        let three = mean.powi(3) / 6.0 * (1.0 - 0.75 * mean);
        assert!((poisson(mean).probability[3] / three - 1.0).abs() < 1e-8);
    }

    #[test]
    fn any_prefix_of_trials_has_every_stratum_in_its_share() {
        for mean in [1e-4, 0.05, 1.0] {
            let strata = poisson(mean);
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
        let strata = poisson(1.3);
        let n = 100_000;
        let drawn: f64 = (0..n).map(|i| strata.number(3, || (f64::from(i) + 0.5) / f64::from(n)) as f64).sum();
        // E[N; N >= 3] = mean P(N >= 2).
        let p = strata.probability;
        let expected = 1.3 * (p[2] + p[3]) / p[3];
        assert!((drawn / f64::from(n) - expected).abs() < 1e-3);
        assert_eq!([0, 1, 2].map(|k| strata.number(k, || unreachable!())), [0, 1, 2]);
    }

    #[test]
    fn events_are_shared_out_by_rates() {
        let classes = vec![
            class(Source::Node, 3, Rate::Known(0.2)),
            class(Source::Zone, 2, Rate::Known(0.05)),
            class(Source::Fleet, 1, Rate::Known(0.3)),
        ];
        let sources = Sources::new(classes);
        let n = 100_000;
        let mean = |i, of| {
            (0..n).map(|j| sources.share(i, of, || (f64::from(j) + 0.5) / f64::from(n)) as f64).sum::<f64>()
                / f64::from(n)
        };
        // Given their number, each event is of a class by its rate.
        assert!((mean(0, 2) - 2.0 * 0.6).abs() < 1e-3 && (mean(1, 3) - 3.0 * 0.25).abs() < 1e-3);
        assert_eq!((sources.share(2, 3, || unreachable!()), sources.share(0, 0, || unreachable!())), (3, 0));
    }

    #[test]
    fn an_event_of_a_node_within_some_hours_has_its_closed_form() {
        let of = |rate| Strata::new(Sources::new(vec![class(Source::Node, 4, rate)]), 4, false);
        let known = of(Rate::Known(0.01)).node_event_within(0.5);
        assert!((known + (-0.005_f64).exp_m1()).abs() < 1e-15);
        let doubted = of(Rate::Gamma { shape: 2.0, scale: 0.005 }).node_event_within(0.5);
        assert!((doubted - (1.0 - 1.0025_f64.powi(-2))).abs() < 1e-12 && doubted < known);
        let zones = Strata::new(Sources::new(vec![class(Source::Zone, 3, Rate::Known(0.1))]), 4, false);
        assert_eq!(zones.node_event_within(10.0), 0.0);
    }

    /// The mixture over rates, worked out by quadrature.
    #[test]
    fn a_gamma_distributed_rate_is_integrated_out() {
        let (shape, scale, hours) = (2.0, 0.1, 3.0);
        let class = Class { source: Source::Node, entities: 1, hours, rate: Rate::Gamma { shape, scale } };
        let n = 20_000;
        let prior = Prior::Gamma { shape, mean: shape * scale };
        let rates: Vec<f64> = (0..n).map(|i| prior.quantile((f64::from(i) + 0.5) / f64::from(n))).collect();
        let poisson = |rate: f64, k: usize| {
            let mean = rate * hours;
            (1..=k).fold((-mean).exp(), |p, j| p * mean / j as f64)
        };
        for k in 0..4 {
            let p: f64 = rates.iter().map(|r| poisson(*r, k)).sum::<f64>() / f64::from(n);
            assert!((class.counts()[k] / p - 1.0).abs() < 1e-3, "{k}");
            let mean = rates.iter().map(|r| r * poisson(*r, k)).sum::<f64>() / f64::from(n) / p;
            let Some((Knob::Interruptions, Prior::Gamma { mean: after, .. })) = class.after(k) else { panic!("{k}") };
            assert!((after / mean - 1.0).abs() < 1e-3, "{k}: {after} {mean}");
        }
    }
}

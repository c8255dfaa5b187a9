//! What futures with failures contribute to the risk, and what the others do, in numbers and in words.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use simulator::strata::STRATA;
use simulator::{Outcome, Pair};

use crate::estimate::{Est, average};
use crate::input::Inputs;
use crate::judge::Losses;
use crate::report::Outage;
use crate::stopping::Headline;
use crate::weighted::Weighted;
use crate::words;

/// The risk by the number of failures in a future: of nodes, zones, fault domains and the whole fleet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RareEvents {
    /// Expected failures over the horizon, among the nodes there are at the start.
    pub expected_failures: f64,
    /// What futures with failures contribute to the probability of an outage with the change.
    pub with_failures: Est,
    /// What futures without contribute.
    pub without_failures: Est,
    /// By the number of failures.
    pub strata: Vec<Stratum>,
    /// From futures in which all that is rare comes more often, weighted back; absent where that was not tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weighted: Option<Weighted>,
    /// A second opinion on single failures: windows of vulnerability with the change, by workload, weightiest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<Windows>,
}

/// Times in which the loss of one more node would put a workload out, from futures without failures.
///
/// The probability that a failure falls into them is exact and needs no future with a failure; it knows nothing of failures that
/// harm later (a drain that goes on beside a node that is down) nor of several at once, so it is no estimate of the risk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Windows {
    /// `namespace/name`.
    pub workload: String,
    /// Minutes of such times, summed over the nodes whose loss it would be: mean over futures without failures.
    pub node_minutes: f64,
    /// Probability that a failure of a single node falls into them.
    pub probability: Est,
    /// The same when nothing is done.
    pub baseline: Est,
}

impl Windows {
    /// The windows of all workloads that count and have any.
    pub fn of(inputs: &Inputs<'_>, losses: &Losses<'_>) -> Vec<Windows> {
        let Some(dealt) = simulator::Strata::of(inputs.scenario) else { return Vec::new() };
        let quiet: Vec<usize> = (0..inputs.pairs.len()).filter(|i| losses.strata.stratum(*i) == 0).collect();
        let hours =
            |outcome: &Outcome, of: usize| outcome.workloads.get(of).map_or(0.0, |w| w.exposed.as_secs_f64() / 3600.0);
        let counts = losses.watched.iter().enumerate().filter(|(_, watched)| watched.weight > 0.0);
        let found = counts.map(|(of, watched)| {
            let all = |plan: fn(&Pair) -> &Outcome| {
                quiet.iter().map(|i| hours(plan(&inputs.pairs[*i]), of)).collect::<Vec<f64>>()
            };
            let (proposal, baseline) = (all(|pair| &pair.proposal), all(|pair| &pair.baseline));
            // No more nodes than pods can matter, and none for longer than the horizon.
            let most = f64::from(watched.spec.replicas.max(1)) * inputs.scenario.horizon.as_secs_f64() / 3600.0;
            let highest = proposal.iter().chain(&baseline).copied().fold(most, f64::max);
            let probability = |hours: &[f64]| {
                let each: Vec<f64> = hours.iter().map(|hours| dealt.node_event_within(*hours)).collect();
                let same = each.windows(2).all(|two| two[0] == two[1]) && losses.strata.quiet();
                if same && !each.is_empty() {
                    return Est::exact(each[0]);
                }
                Est::bounded_mean(&each, 0.0, dealt.node_event_within(highest))
            };
            Windows {
                workload: format!("{}/{}", watched.spec.namespace, watched.spec.name),
                node_minutes: 60.0 * average(&proposal),
                probability: probability(&proposal),
                baseline: probability(&baseline),
            }
        });
        let mut found: Vec<Windows> = found.filter(|windows| windows.probability.estimate > 0.0).collect();
        found.sort_by(|a, b| b.probability.estimate.total_cmp(&a.probability.estimate));
        found
    }

    /// What it says, in a sentence.
    fn sentence(&self, threshold: &str) -> String {
        format!(
            "A second opinion, from futures without failures: for {} on average, counted for each node by itself, the loss of one more node would put {} out for more than {threshold}; that a failure comes just then has probability {}, and {} when nothing is done.",
            words::minutes(self.node_minutes),
            self.workload,
            words::probability(self.probability),
            words::probability(self.baseline)
        )
    }
}

/// Futures with so many failures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Stratum {
    /// How many: `0`, `1`, `2`, `3 or more`.
    pub failures: String,
    /// Share of all futures; known, not estimated.
    pub probability: f64,
    /// Trials that were dealt such a future.
    pub trials: u64,
    /// Contribution to the probability of an outage with the change.
    pub proposal: Est,
    /// Contribution to that of doing nothing.
    pub baseline: Est,
    /// Contribution to the difference.
    pub added: Est,
}

impl RareEvents {
    /// The risk by strata; `None` where trials are not dealt to any.
    pub fn of(inputs: &Inputs<'_>, losses: &Losses<'_>, headline: &Headline) -> Option<RareEvents> {
        let strata = &losses.strata;
        let expected_failures = strata.mean()?;
        let row = |(k, (proposal, baseline, added)): (usize, (Est, Est, Est))| Stratum {
            failures: failures(k),
            probability: strata.weights()[k],
            trials: strata.trials(k),
            proposal,
            baseline,
            added,
        };
        let strata: Vec<Stratum> = headline.contributions().into_iter().enumerate().map(row).collect();
        let sum = |rows: &[Stratum]| {
            let of = |value: fn(&Est) -> f64| rows.iter().map(|row| value(&row.proposal)).sum();
            Est::new(of(|est| est.estimate), of(|est| est.low), of(|est| est.high))
        };
        let (without_failures, with_failures) = (sum(&strata[..1]), sum(&strata[1..]));
        let windows = Windows::of(inputs, losses);
        let weighted = inputs.weighted.cloned();
        Some(RareEvents { expected_failures, with_failures, without_failures, strata, weighted, windows })
    }

    /// What the windows of the weightiest workload say; none where no single node matters.
    pub fn second_opinion(&self, asked: &Outage) -> Option<String> {
        self.windows.first().map(|windows| windows.sentence(&words::minutes(asked.threshold_seconds / 60.0)))
    }

    /// Where the risk comes from, in a sentence or two.
    pub fn sentence(&self) -> String {
        let (with, without) = (self.with_failures, self.without_failures);
        let quiet = self.strata.first().map_or(0, |stratum| stratum.trials);
        let failures: f64 = self.strata.iter().skip(1).map(|stratum| stratum.probability).sum();
        let from_failures = format!(
            "From failures of nodes, zones or fault domains, which {} has: {}",
            futures(failures),
            words::probability(with)
        );
        let rest = if without.low == without.high && without.estimate == 0.0 {
            "without them no chance is at work and there is none".to_string()
        } else if without.low == without.high {
            format!("without them the outage is certain ({})", words::percent(without.estimate))
        } else if without.estimate == 0.0 {
            format!(
                "from everything else nothing was seen in {} trials, at most {}",
                words::count(quiet),
                words::percent(without.high)
            )
        } else {
            format!("from everything else {}", words::probability(without))
        };
        format!("{from_failures}; {rest}.")
    }

    /// True where futures with failures are known well and what may hide in those without outweighs them all the same.
    pub fn hidden(&self) -> bool {
        self.without_failures.estimate == 0.0 && self.without_failures.high > self.with_failures.high
    }
}

/// The number of failures of a stratum.
pub fn failures(stratum: usize) -> String {
    if stratum + 1 < STRATA { stratum.to_string() } else { format!("{stratum} or more") }
}

/// A share of futures as one in so many.
pub fn futures(share: f64) -> String {
    if share >= 0.5 {
        format!("{} of futures", words::percent(share))
    } else if share > 0.0 {
        format!("about 1 of {} futures", words::count(round(1.0 / share)))
    } else {
        "no future".to_string()
    }
}

/// Two significant digits.
fn round(value: f64) -> u64 {
    format!("{value:.1e}").parse::<f64>().unwrap_or(value).min(1e18) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(failures: &str, probability: f64, proposal: Est) -> Stratum {
        let none = Est::exact(0.0);
        Stratum { failures: failures.to_string(), probability, trials: 2048, proposal, baseline: none, added: none }
    }

    #[test]
    fn the_sentence_tells_what_is_known_apart_from_what_is_not() {
        let with = Est::new(3.2e-6, 2.9e-6, 3.5e-6);
        let told = |without: Est| {
            let strata = vec![row("0", 0.997, without), row("1", 0.003, with)];
            let rare = RareEvents {
                expected_failures: 0.003,
                with_failures: with,
                without_failures: without,
                strata,
                weighted: None,
                windows: Vec::new(),
            };
            rare.sentence()
        };
        let from = "From failures of nodes, zones or fault domains, which about 1 of 330 futures has: 0.00032 % \
            (0.00029 % to 0.00035 %); ";
        for (without, rest) in [
            (Est::exact(0.0), "without them no chance is at work and there is none."),
            (Est::new(0.0, 0.0, 9e-4), "from everything else nothing was seen in 2,048 trials, at most 0.09 %."),
            (Est::new(0.01, 0.005, 0.02), "from everything else 1 % (0.5 % to 2 %)."),
        ] {
            assert_eq!(told(without), format!("{from}{rest}"));
        }
    }

    #[test]
    fn shares_of_futures_are_one_in_so_many() {
        assert_eq!(futures(1.04e-7), "about 1 of 9,600,000 futures");
        assert_eq!(futures(0.999), "99.9 % of futures");
        assert_eq!(futures(1.0 / 3.0), "about 1 of 3 futures");
    }
}

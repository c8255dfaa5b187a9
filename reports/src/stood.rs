//! What the trials of one plan came to, as far as its row beside other plans needs it: small enough to be found by one hand and
//! used by another. Numbers travel as their bits, so that it does not matter whose hand it was.

use serde::{Deserialize, Serialize};
use simulator::outcome::Drawn;

use crate::estimate::{Est, Strata};
use crate::input::Inputs;
use crate::judge::alternatives;
use crate::report::DurationMinutes;

/// The trials of a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Stood {
    /// Weighted minutes it adds to doing nothing.
    pub minutes: Est,
    /// Probability that it ends well.
    pub success: Est,
    /// Its duration.
    pub duration: DurationMinutes,
    /// Mean extra node time it uses, hours.
    pub node_hours: f64,
    /// Its price, where prices are known.
    pub usd: Option<f64>,
    /// What each trial says.
    pub trials: Vec<Trial>,
}

/// One trial of a plan.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trial {
    /// Its index.
    pub trial: u32,
    /// How it was drawn.
    pub drawn: Drawn,
    /// Weighted minutes it adds to doing nothing.
    pub added: f64,
}

impl Stood {
    /// What these trials came to; `inputs` are those of the plan itself.
    pub fn of(inputs: &Inputs<'_>) -> Stood {
        alternatives::stood(inputs)
    }

    /// The strata of the trials, which belong to this scenario.
    pub(crate) fn strata(&self, scenario: &simulator::Scenario) -> Strata {
        Strata::drawn(scenario, self.trials.iter().map(|trial| trial.drawn))
    }

    /// As it is written.
    pub fn to_bytes(&self) -> Vec<u8> {
        let est = |est: &Est| [est.estimate, est.low, est.high, est.level].map(f64::to_bits);
        let trial =
            |t: &Trial| (t.trial, t.drawn.stratum, t.drawn.weight.to_bits(), t.drawn.certain, t.added.to_bits());
        let written = Written {
            minutes: est(&self.minutes),
            success: est(&self.success),
            duration: [self.duration.p50, self.duration.p95].map(|p| p.map(f64::to_bits)),
            node_hours: self.node_hours.to_bits(),
            usd: self.usd.map(f64::to_bits),
            trials: self.trials.iter().map(trial).collect(),
        };
        serde_json::to_vec(&written).unwrap_or_default()
    }

    /// Reads what was written; `None` where it was something else.
    pub fn read(bytes: &[u8]) -> Option<Stood> {
        let written: Written = serde_json::from_slice(bytes).ok()?;
        let est = |bits: [u64; 4]| {
            let [estimate, low, high, level] = bits.map(f64::from_bits);
            Est { estimate, low, high, level }
        };
        let [p50, p95] = written.duration.map(|bits| bits.map(f64::from_bits));
        let trial = |(trial, stratum, weight, certain, added): (u32, u8, u64, bool, u64)| Trial {
            trial,
            drawn: Drawn { stratum, weight: f64::from_bits(weight), certain },
            added: f64::from_bits(added),
        };
        Some(Stood {
            minutes: est(written.minutes),
            success: est(written.success),
            duration: DurationMinutes { p50, p95 },
            node_hours: f64::from_bits(written.node_hours),
            usd: written.usd.map(f64::from_bits),
            trials: written.trials.into_iter().map(trial).collect(),
        })
    }
}

/// The bits of it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Written {
    minutes: [u64; 4],
    success: [u64; 4],
    duration: [Option<u64>; 2],
    node_hours: u64,
    usd: Option<u64>,
    trials: Vec<(u32, u8, u64, bool, u64)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_survives_being_written() {
        let odd = f64::from_bits(0x3fb9_9999_9999_999b);
        let est = Est { estimate: odd, low: -0.0, high: f64::MAX, level: 0.95 };
        let drawn = Drawn { stratum: 3, weight: 1e-300, certain: true };
        let stood = Stood {
            minutes: est,
            success: est,
            duration: DurationMinutes { p50: None, p95: Some(odd) },
            node_hours: 1.0 / 3.0,
            usd: Some(f64::MIN_POSITIVE),
            trials: vec![Trial { trial: 7, drawn, added: odd }; 3],
        };
        assert_eq!(Stood::read(&stood.to_bytes()), Some(stood));
        assert_eq!(Stood::read(b"{}"), None);
    }
}

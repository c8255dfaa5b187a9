//! Importance sampling: futures in which rare events come more often, weighted back by how likely they are.
//!
//! Nine of ten trials draw failures, shared shocks and trouble in provisioning `factor` times as often; one in ten is drawn as
//! it is. The weight of a trial is its density as it is over that of this mixture: `1 / (0.1 + 0.9 L)` with `L` the likelihood
//! ratio of the biased law, so it never exceeds ten (a defensive mixture; Hesterberg, Technometrics 37, 1995). Unlike strata
//! it reaches what happens to nodes that a plan adds, and whether machines come. With factor 1 every draw and weight is as
//! without.

use crate::random::{Process, Streams, entity_key};
use crate::sim::Sim;
use crate::time::{Duration, Time};

use super::node_failure::exponential_wait;

/// Share of the trials that are drawn as they are.
pub const PLAIN: f64 = 0.1;
/// No probability is made greater than this, so that what does not happen keeps a weight.
const MOST: f64 = 0.5;

/// How a trial is biased.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bias {
    factor: f64,
    /// This trial is drawn with it.
    at_work: bool,
    /// Logarithm of the likelihood ratio of what was drawn so far.
    ln_ratio: f64,
}

impl Bias {
    /// The bias of a trial: which law it is drawn from is the same in every plan.
    pub fn of(factor: Option<f64>, seed: u64, trial: u32) -> Option<Bias> {
        let u = || Streams::new(seed, trial).uniform(Process::RareEvent, entity_key("mixture"), 0);
        factor.map(|factor| Bias { factor, at_work: u() >= PLAIN, ln_ratio: 0.0 })
    }

    /// What the trial counts.
    pub fn weight(&self) -> f64 {
        1.0 / (PLAIN + (1.0 - PLAIN) * libm::exp(self.ln_ratio))
    }
}

impl Sim<'_> {
    /// Time to the next of rare events that come with a rate per hour, from a uniform.
    pub(crate) fn rare_wait(&mut self, u: f64, per_hour: f64) -> Duration {
        let Some(bias) = &mut self.bias else { return exponential_wait(u, per_hour) };
        let wait = exponential_wait(u, if bias.at_work { per_hour * bias.factor } else { per_hour });
        let left = (Time::ZERO + self.p.scenario.horizon).since(self.now);
        bias.ln_ratio -= (bias.factor - 1.0) * per_hour * wait.min(left).as_secs_f64() / 3600.0;
        if wait <= left {
            bias.ln_ratio += libm::log(bias.factor);
        }
        wait
    }

    /// Whether something rare of probability `p` happens, from a uniform.
    pub(crate) fn rare_chance(&mut self, u: f64, p: f64) -> bool {
        let Some(bias) = &mut self.bias else { return u < p };
        let biased = (p * bias.factor).min(MOST.max(p));
        let happens = u < if bias.at_work { biased } else { p };
        if biased != p {
            bias.ln_ratio += if happens { libm::log(biased / p) } else { libm::log1p(-biased) - libm::log1p(-p) };
        }
        happens
    }
}

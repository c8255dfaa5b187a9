//! What the charts show: bands over time, a distribution, the nodes of one trial. Computed once from the outcomes, in
//! the order of trials, so that pictures depend on nothing else.

use simulator::outcome::Series;
use simulator::spec::Role;
use simulator::{Outcome, Trace};

use crate::estimate::{Ranked, Strata};
use crate::input::Inputs;
use crate::judge::Losses;
use crate::words::Names;

mod bands;
pub mod lanes;
mod spread;

pub use bands::Bands;
pub use lanes::{Lane, Lanes, State, Stay};
pub use spread::{BINS, Bins, Spread};

/// Most workloads drawn.
const WORKLOADS: usize = 12;

/// Everything that is drawn.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Length of the simulation in minutes.
    pub horizon: f64,
    /// Number of trials behind the bands: the first ones, where not all have kept their course.
    pub trials: usize,
    /// Up replicas of watched workloads, weightiest losers first.
    pub ready: Vec<Ready>,
    /// Watched workloads that are not drawn.
    pub not_drawn: usize,
    /// Room for pods on system pools, in cores.
    pub free_cpu: Option<Compared>,
    /// Room for pods on system pools, in GiB.
    pub free_memory: Option<Compared>,
    /// Share of DNS queries lost, in per cent.
    pub dns: Option<Compared>,
    /// Mean time of a DNS answer, in milliseconds.
    pub dns_latency: Option<Compared>,
    /// Weighted minutes of outage by trial.
    pub spread: Spread,
    /// Minutes out with the change by watched workload, rising.
    pub losses: Vec<(String, Ranked)>,
    /// Nodes of the worst trial.
    pub lanes: Option<Lanes>,
}

/// A quantity over time under both plans.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Compared {
    /// With the change.
    pub proposal: Bands,
    /// Doing nothing.
    pub baseline: Bands,
}

/// Up replicas of one workload.
#[derive(Clone, Debug, PartialEq)]
pub struct Ready {
    /// `namespace/name`.
    pub name: String,
    /// Up replicas below which it is out.
    pub minimum: u32,
    /// Pods wanted at the start.
    pub replicas: u32,
    /// Over time.
    pub over_time: Compared,
}

impl Figures {
    /// Figures of all trials, and of the traced one.
    pub fn of(inputs: &Inputs<'_>, losses: &Losses<'_>, traced: Option<(u32, &Trace)>) -> Figures {
        let scenario = inputs.scenario;
        let names = Names { cluster: &scenario.cluster };
        let recorded = inputs.pairs.iter().take_while(|p| steps(&p.proposal) > 0 && steps(&p.baseline) > 0).count();
        let mut figures = Figures {
            horizon: scenario.horizon.as_mins_f64(),
            trials: recorded,
            spread: Spread::of(losses, inputs.sampling),
            losses: losses
                .watched
                .iter()
                .map(|w| (names.of(w.spec), losses.strata.ranked(|i| w.proposal[i])))
                .collect(),
            lanes: traced.and_then(|(trial, trace)| Lanes::of(scenario, trial, trace)),
            ..Figures::default()
        };
        if recorded == 0 {
            return figures;
        }
        let strata = &Strata::with(scenario, &inputs.pairs[..recorded]);
        let compare = |value: &dyn Fn(&Series, usize) -> Option<f64>| Compared {
            proposal: Bands::over(strata, |i| inputs.pairs[i].proposal.series.as_ref(), value),
            baseline: Bands::over(strata, |i| inputs.pairs[i].baseline.series.as_ref(), value),
        };
        let drawn = drawn(losses);
        figures.not_drawn = losses.watched.len() - drawn.len();
        for index in drawn {
            let watched = &losses.watched[index];
            figures.ready.push(Ready {
                name: names.of(watched.spec),
                minimum: watched.spec.minimum.unwrap_or(0),
                replicas: watched.spec.replicas,
                over_time: compare(&|series, step| series.up.get(index)?.get(step).map(f64::from)),
            });
        }
        if scenario.cluster.pools.iter().any(|(_, pool)| pool.system) {
            figures.free_cpu = Some(compare(&|s, step| s.system_free_cpu.get(step).map(|c| *c as f64 / 1000.0)));
            figures.free_memory =
                Some(compare(&|s, step| s.system_free_memory.get(step).map(|m| *m as f64 / f64::from(1 << 30))));
        }
        if let Some(dns) = losses.watched.iter().position(|w| w.spec.role == Role::Dns && w.spec.service.is_some()) {
            figures.dns = Some(compare(&|s, step| s.dns_loss.get(step).map(|l| 100.0 * f64::from(*l))));
            figures.dns_latency = Some(compare(&|s, step| {
                s.of_service(dns)?.latency.get(step).map(|seconds| 1000.0 * f64::from(*seconds))
            }));
        }
        figures
    }
}

fn steps(outcome: &Outcome) -> usize {
    outcome.series.as_ref().map_or(0, |s| s.system_free_cpu.len())
}

/// Indices of the workloads to draw: the order of the scenario, or the weightiest losers where there are too many.
fn drawn(losses: &Losses<'_>) -> Vec<usize> {
    let mut all: Vec<usize> = (0..losses.watched.len()).collect();
    if all.len() > WORKLOADS {
        let lost =
            |i: &usize| losses.watched[*i].weight * losses.strata.average(|trial| losses.watched[*i].proposal[trial]);
        all.sort_by(|a, b| lost(b).total_cmp(&lost(a)).then(a.cmp(b)));
        all.truncate(WORKLOADS);
        all.sort_unstable();
    }
    all
}

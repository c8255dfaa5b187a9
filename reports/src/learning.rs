//! What recorded operations teach about numbers that are not known well: posteriors of the priors that stand beside the defaults.
//!
//! * Times to make and to reimage a node, as multiples of their defaults: an operation takes about `fixed + provision p + reimage r`
//!   minutes ([`Response`]), with log-normal noise of a known spread; the priors of `ln p` and `ln r` are normal. The mode is found by
//!   Gauss-Newton, the spread by the curvature there (Laplace). Noise larger than was foretold widens the posterior in proportion,
//!   and outliers beyond three spreads count less (Huber).
//! * Probabilities that a machine is not to be had, or never joins: of an operation that asks for `m` machines, `(1 - p)^m` is the
//!   probability that it does not end so. With `m = 1` this is the conjugate beta posterior; it is integrated on a grid.
//! * Interruptions of nodes: gamma posterior from counts over watched node time, `Gamma(a + k, b + E)`.
//!
//! All operations are taken to share one value of each number, which suits the history of one cluster or of like ones. Left out:
//! operations in which somebody acted, and numbers that were stated when the operation was foretold.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use simulator::random::{Prior, standard_normal_quantile};

use crate::backtest::history::{Observed, Response, Row};
use crate::words;

/// Value of `schema`.
pub const SCHEMA: &str = "poolproof.learned/1";

/// What a number is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// Time to make a node, as a multiple of the default.
    Provision,
    /// Time to reimage one, as a multiple of the default.
    Reimage,
    /// Probability that there is no machine.
    Allocation,
    /// Probability that a machine never joins.
    Bootstrap,
    /// Interruptions of a node per year.
    Interruptions,
}

/// A number that can be learned, and what is believed about it before.
#[derive(Clone, Copy, Debug)]
pub struct Believed {
    /// Its name in settings.
    pub name: &'static str,
    /// What it is about.
    pub about: About,
    /// What it is, in words.
    pub what: &'static str,
    /// Its unit, in words that follow a number.
    pub unit: &'static str,
    /// What is believed.
    pub prior: Prior,
}

/// What a history teaches: a settings file, schema `poolproof.learned/1`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Learned {
    /// `poolproof.learned/1`.
    pub schema: String,
    /// Operations with an outcome that were looked at.
    pub operations: u64,
    /// The numbers by name; those that nothing was learned about are left out.
    pub numbers: std::collections::BTreeMap<String, Number>,
}

/// A number, as it was believed and as it is now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Number {
    /// What it is.
    pub what: String,
    /// Its unit.
    pub unit: String,
    /// Median (times) or mean (rates, probabilities) now.
    pub value: f64,
    /// 5 % quantile now.
    pub low: f64,
    /// 95 % quantile now.
    pub high: f64,
    /// Operations that had a say in it.
    pub observations: u64,
    /// What was believed before.
    pub before: Before,
}

/// What was believed before.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Before {
    /// Median or mean.
    pub value: f64,
    /// 5 % quantile.
    pub low: f64,
    /// 95 % quantile.
    pub high: f64,
}

impl Learned {
    /// What the rows of a history teach about these numbers.
    pub fn from(rows: &[Row], believed: &[Believed]) -> Learned {
        let seen: Vec<Seen> = rows.iter().filter_map(Seen::of).collect();
        let times = times(&seen, believed);
        let mut numbers = std::collections::BTreeMap::new();
        for b in believed {
            let posterior = match b.about {
                About::Provision | About::Reimage => times.iter().find(|(about, _)| *about == b.about).map(|(_, p)| *p),
                About::Allocation | About::Bootstrap => probability(&seen, b),
                About::Interruptions => rate(rows, b),
            };
            let Some(Posterior { value, low, high, observations }) = posterior else { continue };
            let number = Number {
                what: b.what.to_owned(),
                unit: b.unit.to_owned(),
                value: rounded(value),
                low: rounded(low),
                high: rounded(high),
                observations,
                before: before(&b.prior),
            };
            numbers.insert(b.name.to_owned(), number);
        }
        Learned { schema: SCHEMA.into(), operations: seen.len() as u64, numbers }
    }

    /// The file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// Each number: what it is, before, now, and from how much.
    pub fn rows(&self) -> Vec<[String; 4]> {
        let range = |v: f64, low: f64, high: f64, unit: &str| {
            let n = |v: f64| words::number(v, 3);
            format!("{} ({} to {}) {unit}", n(v), n(low), n(high)).trim_end().to_owned()
        };
        let row = |n: &Number| {
            let b = n.before;
            [
                n.what.clone(),
                range(b.value, b.low, b.high, &n.unit),
                range(n.value, n.low, n.high, &n.unit),
                counted(n.observations),
            ]
        };
        self.numbers.values().map(row).collect()
    }

    /// For a terminal.
    pub fn plain(&self) -> String {
        let mut out = format!("Learned from {}\n", counted(self.operations));
        if self.numbers.is_empty() {
            out.push_str("  nothing: no operation has both a forecast that says how it moves and an outcome\n");
        }
        for [what, before, now, from] in self.rows() {
            out.push_str(&format!("  {what}: {before}, now {now}, from {from}\n"));
        }
        out.trim_end().to_owned()
    }
}

fn counted(n: u64) -> String {
    format!("{} operation{}", words::count(n), if n == 1 { "" } else { "s" })
}

/// An operation that teaches something.
struct Seen<'a> {
    response: Response,
    outcome: &'a Observed,
}

impl Seen<'_> {
    fn of(row: &Row) -> Option<Seen<'_>> {
        let outcome = row.outcome.as_ref().filter(|o| !o.mitigated && o.succeeded.is_some())?;
        Some(Seen { response: row.prediction.as_ref()?.response?, outcome })
    }
}

#[derive(Clone, Copy)]
struct Posterior {
    value: f64,
    low: f64,
    high: f64,
    observations: u64,
}

/// Least noise that is believed in, and the distance in spreads from which an outlier counts less.
const LEAST_SPREAD: f64 = 0.02;
const OUTLIER: f64 = 3.0;
/// 95 % quantile of the standard normal distribution.
fn z95() -> f64 {
    standard_normal_quantile(0.95)
}

/// Times as multiples of their defaults, those that some operation depends on.
fn times(seen: &[Seen<'_>], believed: &[Believed]) -> Vec<(About, Posterior)> {
    let part = |about: About, r: &Response| if about == About::Provision { r.provision } else { r.reimage };
    let well = seen.iter().filter(|s| s.outcome.succeeded == Some(true));
    let timed: Vec<(Response, f64)> = well
        .filter_map(|s| Some((s.response, s.outcome.duration_minutes.filter(|m| *m > 0.0)?)))
        .filter(|(r, _)| r.fixed + r.provision + r.reimage > 0.0)
        .collect();
    let count = |about| timed.iter().filter(|(r, _)| part(about, r) > 0.0).count() as u64;
    let active: Vec<&Believed> = believed
        .iter()
        .filter(|b| matches!(b.about, About::Provision | About::Reimage) && count(b.about) > 0)
        .collect();
    if active.is_empty() {
        return Vec::new();
    }
    let k = active.len();
    let prior_sd = |b: &Believed, u: f64| {
        let (low, high) = (b.prior.quantile(0.05).ln(), b.prior.quantile(0.95).ln());
        let median = b.prior.quantile(0.5).ln();
        (median, if u < median { (median - low) / z95() } else { (high - median) / z95() })
    };
    let expected = |u: &[f64], r: &Response| {
        r.fixed
            + active.iter().zip(u).map(|(b, u)| part(b.about, r) * u.exp()).sum::<f64>()
            + if active.iter().all(|b| b.about != About::Provision) { r.provision } else { 0.0 }
            + if active.iter().all(|b| b.about != About::Reimage) { r.reimage } else { 0.0 }
    };
    let mut u: Vec<f64> = active.iter().map(|b| prior_sd(b, 0.0).0).collect();
    let mut dispersion = 1.0;
    let mut curvature = vec![vec![0.0; k]; k];
    for _ in 0..100 {
        let mut slope = vec![0.0; k];
        curvature = vec![vec![0.0; k]; k];
        let mut chi = 0.0;
        for (r, minutes) in &timed {
            let mean = expected(&u, r).max(1e-9);
            let spread = r.spread.max(LEAST_SPREAD);
            let residual = (minutes.ln() - mean.ln()) / spread;
            let weight = (OUTLIER / residual.abs().max(1e-12)).min(1.0);
            chi += weight * residual * residual;
            let gradient: Vec<f64> =
                active.iter().zip(&u).map(|(b, u)| part(b.about, r) * u.exp() / mean / spread).collect();
            for i in 0..k {
                slope[i] += weight * gradient[i] * residual / dispersion;
                for j in 0..k {
                    curvature[i][j] += weight * gradient[i] * gradient[j] / dispersion;
                }
            }
        }
        for (i, b) in active.iter().enumerate() {
            let (median, sd) = prior_sd(b, u[i]);
            slope[i] -= (u[i] - median) / (sd * sd);
            curvature[i][i] += 1.0 / (sd * sd);
        }
        let system = curvature.iter().zip(&slope).map(|(row, s)| [row.clone(), vec![*s]].concat()).collect();
        let Some(step) = solve(system) else { break };
        let longest = step.iter().fold(0.0_f64, |a, s| a.max(s.abs()));
        let held = if longest > 0.5 { 0.5 / longest } else { 1.0 };
        u.iter_mut().zip(&step).for_each(|(u, s)| *u += held * s);
        if longest < 1e-8 {
            break;
        }
        dispersion = (chi / (timed.len().saturating_sub(k)).max(1) as f64).max(1.0);
    }
    let sd = |i: usize| {
        let unit = |j: usize| f64::from(u8::from(i == j));
        let system = curvature.iter().enumerate().map(|(j, row)| [row.clone(), vec![unit(j)]].concat()).collect();
        solve(system).map_or(0.0, |column| column[i].max(0.0).sqrt())
    };
    let posterior = |(i, b): (usize, &&Believed)| {
        let reach = z95() * sd(i);
        let at = |u: f64| u.exp();
        let found =
            Posterior { value: at(u[i]), low: at(u[i] - reach), high: at(u[i] + reach), observations: count(b.about) };
        (b.about, found)
    };
    active.iter().enumerate().map(posterior).collect()
}

/// Whether an error code is of the kind (AKS troubleshooting pages on allocation failures and on CSE and extension errors).
fn is_of(code: &str, about: About) -> bool {
    match about {
        About::Allocation => {
            code.ends_with("AllocationFailed")
                || code.starts_with("Overconstrained") && code.ends_with("AllocationRequest")
        }
        _ => code.starts_with("VMExtension"),
    }
}

/// Points of the grid, on the scale of log-odds.
const GRID: usize = 2000;

/// The probability of a way to fail, a draw a machine.
fn probability(seen: &[Seen<'_>], b: &Believed) -> Option<Posterior> {
    let Prior::Beta { a, b: rest } = b.prior else { return None };
    let mut without = 0.0;
    let mut with: Vec<f64> = Vec::new();
    let mut observations = 0;
    for s in seen.iter().filter(|s| s.response.machines > 0.0) {
        match (s.outcome.succeeded, s.outcome.code.as_deref()) {
            (Some(true), _) => without += s.response.machines,
            (_, Some(code)) if is_of(code, b.about) => with.push(s.response.machines),
            // Ended for another reason, perhaps before all machines were asked for.
            _ => continue,
        }
        observations += 1;
    }
    if observations == 0 {
        return None;
    }
    let (from, to) = (-16.0_f64, 8.0_f64);
    let at = |i: usize| from + (to - from) * (i as f64 + 0.5) / GRID as f64;
    let share = |x: f64| 1.0 / (1.0 + (-x).exp());
    let density = |x: f64| {
        let p = share(x);
        // Beta prior on the scale of log-odds, where the Jacobian is p (1 - p).
        let prior = a * p.ln() + rest * (-p).ln_1p();
        let none = |m: f64| m * (-p).ln_1p();
        prior + none(without) + with.iter().map(|m| (-none(*m).exp_m1()).max(1e-300).ln()).sum::<f64>()
    };
    let logs: Vec<f64> = (0..GRID).map(|i| density(at(i))).collect();
    let top = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = logs.iter().map(|l| (l - top).exp()).collect();
    let total: f64 = weights.iter().sum();
    let value = weights.iter().enumerate().map(|(i, w)| w * share(at(i))).sum::<f64>() / total;
    let quantile = |level: f64| {
        let mut below = 0.0;
        let found = weights.iter().position(|w| {
            below += w / total;
            below >= level
        });
        share(at(found.unwrap_or(GRID - 1)))
    };
    Some(Posterior { value, low: quantile(0.05), high: quantile(0.95), observations })
}

/// Days of a year.
const YEAR: f64 = 365.25;

/// A rate from counts over watched time; what somebody acted against counts too.
fn rate(rows: &[Row], b: &Believed) -> Option<Posterior> {
    let Prior::Gamma { shape, mean } = b.prior else { return None };
    let counted = rows.iter().filter_map(|row| {
        let o = row.outcome.as_ref()?;
        Some((f64::from(o.interruptions?), o.node_days? / YEAR))
    });
    let (mut count, mut years, mut observations) = (0.0, 0.0, 0);
    for (k, e) in counted {
        (count, years, observations) = (count + k, years + e, observations + 1);
    }
    if observations == 0 {
        return None;
    }
    let (shape, per) = (shape + count, shape / mean + years);
    let posterior = Prior::Gamma { shape, mean: shape / per };
    let (low, high) = (posterior.quantile(0.05), posterior.quantile(0.95));
    Some(Posterior { value: shape / per, low, high, observations })
}

fn before(prior: &Prior) -> Before {
    let value = match *prior {
        Prior::Gamma { mean, .. } => mean,
        Prior::Beta { a, b } => a / (a + b),
        Prior::LogNormal { median, .. } => median,
        Prior::Either { one, .. } => one,
    };
    Before { value: rounded(value), low: rounded(prior.quantile(0.05)), high: rounded(prior.quantile(0.95)) }
}

/// Six significant digits: more are not known.
fn rounded(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}

/// Solves linear equations given as rows with their right side at the end; `None` where they have no single solution.
pub(crate) fn solve(mut rows: Vec<Vec<f64>>) -> Option<Vec<f64>> {
    let n = rows.len();
    for i in 0..n {
        let pivot = (i..n).max_by(|a, b| rows[*a][i].abs().total_cmp(&rows[*b][i].abs()))?;
        rows.swap(i, pivot);
        let scale = rows[i][i];
        if scale.abs() < 1e-12 {
            return None;
        }
        rows[i].iter_mut().for_each(|v| *v /= scale);
        let leading = rows[i].clone();
        for (_, row) in rows.iter_mut().enumerate().filter(|(j, _)| *j != i) {
            let factor = row[i];
            row.iter_mut().zip(&leading).for_each(|(v, l)| *v -= factor * l);
        }
    }
    Some(rows.into_iter().map(|row| row[n]).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::backtest::history::Prediction;

    fn believed(about: About, prior: Prior) -> Believed {
        let name = match about {
            About::Provision => "provisionTime",
            About::Reimage => "reimageTime",
            _ => "x",
        };
        Believed { name, about, what: "it", unit: "", prior }
    }

    fn row(response: Response, outcome: Observed) -> Row {
        let prediction = Prediction { response: Some(response), ..Prediction::default() };
        Row { prediction: Some(prediction), outcome: Some(outcome), ..Row::default() }
    }

    fn ended(minutes: f64) -> Observed {
        Observed { succeeded: Some(true), duration_minutes: Some(minutes), ..Observed::default() }
    }

    fn failed(code: &str) -> Observed {
        Observed { succeeded: Some(false), code: Some(code.into()), ..Observed::default() }
    }

    #[test]
    fn times_come_back_from_durations() {
        let priors = [
            believed(About::Provision, Prior::positive(1.0, 0.6, 1.6)),
            believed(About::Reimage, Prior::positive(1.0, 0.6, 1.8)),
        ];
        // Operations of different make-up; making takes 0.8 of the default, reimaging twice.
        let rows: Vec<Row> = (0..200)
            .map(|i| {
                let (provision, reimage) = (2.0 + f64::from(i % 3), f64::from(i % 5) * 3.0);
                let noise = (0.15 * standard_normal_quantile((f64::from(i) * 0.618).fract().clamp(0.01, 0.99))).exp();
                let response = Response { fixed: 2.0, provision, reimage, spread: 0.15, machines: 1.0 };
                row(response, ended((2.0 + 0.8 * provision + 2.0 * reimage) * noise))
            })
            .collect();
        let found = Learned::from(&rows, &priors);
        for (name, truth, n) in [("provisionTime", 0.8, 200), ("reimageTime", 2.0, 160)] {
            let number = &found.numbers[name];
            assert!(number.low < truth && truth < number.high, "{name}: {number:?}");
            assert!(number.high / number.low < 1.3 && number.observations == n, "{name}: {number:?}");
        }
        assert!(Learned::from(&[], &priors).numbers.is_empty());
        // A single operation moves little.
        let one = &Learned::from(&rows[4..5], &priors).numbers["reimageTime"];
        assert!((1.0..1.9).contains(&one.value), "{one:?}");
    }

    #[test]
    fn with_one_machine_the_posterior_is_the_conjugate_one() {
        let prior = Prior::Beta { a: 2.0, b: 98.0 };
        let b = believed(About::Bootstrap, prior);
        let one = Response { machines: 1.0, fixed: 1.0, ..Response::default() };
        let mut rows: Vec<Row> = (0..95).map(|_| row(one, ended(1.0))).collect();
        rows.extend((0..5).map(|_| row(one, failed("VMExtensionProvisioningTimeout"))));
        rows.push(row(one, failed("UpgradeFailed")));
        let found = &Learned::from(&rows, &[b]).numbers["x"];
        // Beta(7, 193).
        let exact = Prior::Beta { a: 7.0, b: 193.0 };
        assert!((found.value - 0.035).abs() < 1e-4, "{found:?}");
        assert!(
            (found.low / exact.quantile(0.05) - 1.0).abs() < 0.02
                && (found.high / exact.quantile(0.95) - 1.0).abs() < 0.02
        );
        assert_eq!((found.observations, found.before.value), (100, 0.02), "what failed otherwise says nothing");
    }

    #[test]
    fn rates_come_from_watched_time() {
        let b = believed(About::Interruptions, Prior::Gamma { shape: 2.0, mean: 1.0 });
        let watched = Observed { interruptions: Some(6), node_days: Some(2.0 * YEAR), ..Observed::default() };
        let found = &Learned::from(&[row(Response::default(), watched)], &[b]).numbers["x"];
        assert_eq!(found.value, 2.0, "Gamma(2 + 6, 2 + 2)");
        assert!(found.low < 2.0 && 2.0 < found.high);
    }

    #[test]
    fn codes_are_told_apart() {
        for (code, allocation, bootstrap) in [
            ("AllocationFailed", true, false),
            ("ZonalAllocationFailed", true, false),
            ("OverconstrainedZonalAllocationRequest", true, false),
            ("VMExtensionProvisioningError", false, true),
            ("UpgradeFailed", false, false),
        ] {
            assert_eq!(
                (is_of(code, About::Allocation), is_of(code, About::Bootstrap)),
                (allocation, bootstrap),
                "{code}"
            );
        }
    }
}

//! What is believed about a number that is not known well, as a distribution sampled by inverting its CDF: one uniform a
//! draw, monotone in it.
//!
//! A belief is stated as a default with the range that 90 % of clusters are thought to lie in. Rates and probabilities
//! keep the default as their mean, because expected harm is nearly linear in them; times keep it as their median.

use super::beta::beta_quantile;
use super::distribution::standard_normal_quantile;
use super::gamma::gamma_quantile;

/// The share of beliefs below the lower end of a range; as many are above its upper end.
const TAIL: f64 = 0.05;

/// A distribution of beliefs about one number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Prior {
    /// A rate.
    Gamma {
        /// Shape.
        shape: f64,
        /// Mean.
        mean: f64,
    },
    /// A probability.
    Beta {
        /// First parameter: successes seen, as it were.
        a: f64,
        /// Second parameter: failures seen.
        b: f64,
    },
    /// A positive number whose logarithm is normal to both sides of its median, with a spread for each.
    LogNormal {
        /// Median.
        median: f64,
        /// Standard deviation of the logarithm below the median.
        below: f64,
        /// The same above.
        above: f64,
        /// Values below this are ruled out; 0 for none.
        least: f64,
    },
    /// One of two values: sources disagree.
    Either {
        /// The value taken where nothing is drawn.
        one: f64,
        /// The other.
        other: f64,
        /// Probability of the other.
        share: f64,
    },
}

impl Prior {
    /// A rate with this mean whose 5 % and 95 % quantiles are as far apart, as a ratio, as `low` and `high`.
    pub fn rate(mean: f64, low: f64, high: f64) -> Prior {
        let wanted = libm::log(high / low);
        let ratio = |shape: f64| libm::log(gamma_quantile(1.0 - TAIL, shape) / gamma_quantile(TAIL, shape));
        Prior::Gamma { shape: libm::exp(root(-3.0, 8.0, |ln| ratio(libm::exp(ln)) - wanted)), mean }
    }

    /// A probability with this mean whose 5 % and 95 % quantiles are as far apart, in log-odds, as `low` and `high`.
    pub fn probability(mean: f64, low: f64, high: f64) -> Prior {
        let log_odds = |p: f64| libm::log(p / (1.0 - p));
        let wanted = log_odds(high) - log_odds(low);
        let spread = |n: f64| {
            let q = |u| log_odds(beta_quantile(u, mean * n, (1.0 - mean) * n));
            q(1.0 - TAIL) - q(TAIL)
        };
        // Not more spread than one observation's worth of knowledge has: beyond, the number is all but 0 or 1.
        let least = libm::log(0.1 / mean.min(1.0 - mean));
        let n = libm::exp(root(least, 16.0, |ln| spread(libm::exp(ln)) - wanted));
        Prior::Beta { a: mean * n, b: (1.0 - mean) * n }
    }

    /// A positive number with this median, 5 % below `low` and 5 % above `high`.
    pub fn positive(median: f64, low: f64, high: f64) -> Prior {
        let z = standard_normal_quantile(1.0 - TAIL);
        Prior::LogNormal { median, below: libm::log(median / low) / z, above: libm::log(high / median) / z, least: 0.0 }
    }

    /// What is left of the belief in a positive number once it is known to be no less than `least`, in proportion as before:
    /// Bayes' rule with an observation that smaller values would have made impossible. Others are left as they are.
    pub fn no_less_than(self, least: f64) -> Prior {
        match self {
            Prior::LogNormal { median, below, above, .. } => Prior::LogNormal { median, below, above, least },
            other => other,
        }
    }

    /// The value below which a share `u` in (0, 1) of the beliefs lies.
    pub fn quantile(&self, u: f64) -> f64 {
        match *self {
            Prior::Gamma { shape, mean } => gamma_quantile(u, shape) * mean / shape,
            Prior::Beta { a, b } => beta_quantile(u, a, b),
            Prior::LogNormal { median, below, above, least } => {
                let side = |low: bool| if low { below } else { above };
                let mut u = u;
                if least > 0.0 {
                    let z = libm::log(least / median) / side(least < median);
                    let out = 0.5 * libm::erfc(-z * std::f64::consts::FRAC_1_SQRT_2);
                    u = (out + u * (1.0 - out)).min(1.0 - 1e-12);
                }
                let z = standard_normal_quantile(u);
                (median * libm::exp(z * side(z < 0.0))).max(least)
            }
            Prior::Either { one, other, share } => {
                if u > 1.0 - share {
                    other
                } else {
                    one
                }
            }
        }
    }
}

/// Where a falling function crosses zero between two bounds; the nearer bound where it does not.
fn root(low: f64, high: f64, f: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (low, high);
    for _ in 0..48 {
        let middle = 0.5 * (low + high);
        if f(middle) > 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean(prior: Prior) -> f64 {
        let n = 20_000;
        (0..n).map(|i| prior.quantile((f64::from(i) + 0.5) / f64::from(n))).sum::<f64>() / f64::from(n)
    }

    #[test]
    fn rates_keep_their_mean_and_the_width_of_their_range() {
        let prior = Prior::rate(1.0, 0.177_7, 2.371_9);
        let Prior::Gamma { shape, .. } = prior else { panic!("{prior:?}") };
        assert!((shape - 2.0).abs() < 2e-3, "{shape}");
        assert!((mean(prior) - 1.0).abs() < 1e-3);
        for (m, low, high) in [(0.03, 0.01, 0.1), (0.05, 0.005, 0.45), (0.25, 0.02, 2.0)] {
            let prior = Prior::rate(m, low, high);
            let ratio = prior.quantile(0.95) / prior.quantile(0.05);
            assert!((ratio / (high / low) - 1.0).abs() < 1e-6, "{m}: {ratio}");
        }
    }

    #[test]
    fn probabilities_keep_their_mean_and_the_width_of_their_range() {
        for (m, low, high) in [(0.005, 0.001, 0.03), (0.002, 0.000_2, 0.01), (0.25, 0.02, 0.6), (0.15, 0.05, 0.4)] {
            let prior = Prior::probability(m, low, high);
            let odds = |p: f64| p / (1.0 - p);
            let ratio = odds(prior.quantile(0.95)) / odds(prior.quantile(0.05));
            assert!((ratio / (odds(high) / odds(low)) - 1.0).abs() < 1e-6, "{m}: {ratio}");
            assert!((mean(prior) / m - 1.0).abs() < 2e-3, "{m}: {}", mean(prior));
        }
    }

    #[test]
    fn what_is_ruled_out_leaves_the_rest_in_proportion() {
        let prior = Prior::positive(1.0, 0.5, 6.0);
        for (least, out) in [(0.5, 0.05), (1.0, 0.5), (6.0, 0.95)] {
            let left = prior.no_less_than(least);
            assert!((left.quantile(1e-12) / least - 1.0).abs() < 1e-6);
            for u in [0.1, 0.5, 0.9] {
                let before = prior.quantile(out + u * (1.0 - out));
                assert!((left.quantile(u) / before - 1.0).abs() < 1e-6, "{least} {u}");
            }
        }
        assert!(prior.no_less_than(1e9).quantile(0.5).is_finite());
    }

    #[test]
    fn times_keep_their_median_and_both_ends() {
        let prior = Prior::positive(5000.0, 2500.0, 30_000.0);
        for (u, expected) in [(0.05, 2500.0), (0.5, 5000.0), (0.95, 30_000.0)] {
            assert!((prior.quantile(u) / expected - 1.0).abs() < 1e-9, "{u}");
        }
    }

    #[test]
    fn one_of_two_has_its_share() {
        let prior = Prior::Either { one: 0.0, other: 1.0, share: 0.2 };
        assert!((mean(prior) - 0.2).abs() < 1e-4);
        assert_eq!((prior.quantile(0.5), prior.quantile(0.9)), (0.0, 1.0));
    }
}

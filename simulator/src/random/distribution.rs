//! Distributions of durations, sampled by inverting the CDF: one uniform a draw, monotone in it, so that a longer
//! start-up in one plan is a longer start-up in every plan.
//!
//! Logarithms and exponentials come from the `libm` crate, not from the platform, so that results are the same bits on
//! every machine.

use crate::time::Duration;

/// A distribution of durations.
#[derive(Clone, Debug, PartialEq)]
pub enum Dist {
    /// Always the same.
    Constant(Duration),
    /// Exponential.
    Exponential {
        /// Mean.
        mean: Duration,
    },
    /// Log-normal.
    LogNormal {
        /// Median.
        median: Duration,
        /// Standard deviation of the logarithm.
        sigma: f64,
    },
    /// Zero with probability `zero`, otherwise log-normal (an image that may be cached).
    ZeroOrLogNormal {
        /// Probability of zero.
        zero: f64,
        /// Median of the rest.
        median: Duration,
        /// Standard deviation of the logarithm of the rest.
        sigma: f64,
    },
    /// Weibull.
    Weibull {
        /// Scale.
        scale: Duration,
        /// Shape.
        shape: f64,
    },
    /// Uniform between two bounds.
    Uniform {
        /// Lower bound.
        low: Duration,
        /// Upper bound.
        high: Duration,
    },
}

impl Dist {
    /// The duration below which a share `u` in (0, 1) of all draws lies.
    pub fn quantile(&self, u: f64) -> Duration {
        match *self {
            Dist::Constant(d) => d,
            Dist::Exponential { mean } => seconds(mean, exponential_quantile(u)),
            Dist::LogNormal { median, sigma } => seconds(median, libm::exp(sigma * standard_normal_quantile(u))),
            Dist::ZeroOrLogNormal { zero, median, sigma } => {
                if u <= zero {
                    Duration::ZERO
                } else {
                    seconds(median, libm::exp(sigma * standard_normal_quantile((u - zero) / (1.0 - zero))))
                }
            }
            Dist::Weibull { scale, shape } => seconds(scale, libm::pow(exponential_quantile(u), 1.0 / shape)),
            Dist::Uniform { low, high } => {
                Duration::from_secs_f64(low.as_secs_f64() + u * (high.as_secs_f64() - low.as_secs_f64()))
            }
        }
    }

    /// The median: what a draw becomes when its spread is switched off.
    pub fn median(&self) -> Duration {
        self.quantile(0.5)
    }
}

fn seconds(unit: Duration, factor: f64) -> Duration {
    Duration::from_secs_f64(unit.as_secs_f64() * factor)
}

/// Quantile of the exponential distribution with mean 1: `-ln(1 - u)`.
pub(crate) fn exponential_quantile(u: f64) -> f64 {
    -libm::log1p(-u)
}

/// Quantile of the Pareto distribution: `min (1 - u)^(-1/alpha)`.
pub(crate) fn pareto_quantile(u: f64, min: f64, alpha: f64) -> f64 {
    min * libm::exp(exponential_quantile(u) / alpha)
}

/// Quantile of the standard normal distribution for `u` in (0, 1): Wichura, algorithm AS 241 (Applied Statistics 37,
/// 1988), routine PPND16, relative accuracy about 1e-16.
pub fn standard_normal_quantile(u: f64) -> f64 {
    let q = u - 0.5;
    if q.abs() <= 0.425 {
        let r = 0.180_625 - q * q;
        return q * ratio(r, &CENTRE);
    }
    let tail = if q < 0.0 { u } else { 1.0 - u };
    let r = libm::sqrt(-libm::log(tail));
    let x = if r <= 5.0 { ratio(r - 1.6, &MIDDLE) } else { ratio(r - 5.0, &FAR) };
    if q < 0.0 { -x } else { x }
}

/// Numerator and denominator coefficients of a rational function, lowest degree first.
type Rational = ([f64; 8], [f64; 8]);

fn ratio(r: f64, (numerator, denominator): &Rational) -> f64 {
    let horner = |c: &[f64; 8]| c.iter().rev().fold(0.0, |sum, x| sum * r + x);
    horner(numerator) / horner(denominator)
}

const CENTRE: Rational = (
    [
        3.3871328727963665,
        133.14166789178438,
        1971.5909503065513,
        13731.69376550946,
        45921.95393154987,
        67265.7709270087,
        33430.57558358813,
        2509.0809287301227,
    ],
    [
        1.0,
        42.31333070160091,
        687.1870074920579,
        5394.196021424751,
        21213.794301586597,
        39307.89580009271,
        28729.085735721943,
        5226.495278852854,
    ],
);

const MIDDLE: Rational = (
    [
        1.4234371107496835,
        4.630337846156546,
        5.769497221460691,
        3.6478483247632045,
        1.2704582524523684,
        0.2417807251774506,
        0.022723844989269184,
        0.0007745450142783414,
    ],
    [
        1.0,
        2.053191626637759,
        1.6763848301838038,
        0.6897673349851,
        0.14810397642748008,
        0.015198666563616457,
        0.0005475938084995345,
        1.0507500716444169e-09,
    ],
);

const FAR: Rational = (
    [
        6.657904643501103,
        5.463784911164114,
        1.7848265399172913,
        0.29656057182850487,
        0.026532189526576124,
        0.0012426609473880784,
        2.7115555687434876e-05,
        2.0103343992922881e-07,
    ],
    [
        1.0,
        0.599832206555888,
        0.1369298809227358,
        0.014875361290850615,
        0.0007868691311456133,
        1.8463183175100548e-05,
        1.421511758316446e-07,
        2.0442631033899397e-15,
    ],
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_quantiles_match_tables() {
        // Standard normal table values to 15 digits.
        for (u, z) in [
            (0.5, 0.0),
            (0.975, 1.959_963_984_540_054),
            (0.999, 3.090_232_306_167_813_5),
            (1e-10, -6.361_340_902_404_056),
        ] {
            assert!((standard_normal_quantile(u) - z).abs() < 1e-9, "{u}");
        }
        assert_eq!(standard_normal_quantile(0.3), -standard_normal_quantile(0.7));
    }

    #[test]
    fn every_distribution_is_monotone_and_has_its_median() {
        let second = Duration::secs(1);
        for dist in [
            Dist::Constant(second),
            Dist::Exponential { mean: second },
            Dist::LogNormal { median: second, sigma: 0.7 },
            Dist::ZeroOrLogNormal { zero: 0.8, median: second, sigma: 0.7 },
            Dist::Weibull { scale: second, shape: 0.75 },
            Dist::Uniform { low: Duration::ZERO, high: second },
        ] {
            let mut last = Duration::ZERO;
            for i in 1..1000 {
                let q = dist.quantile(f64::from(i) / 1000.0);
                assert!(q >= last, "{dist:?}");
                last = q;
            }
        }
        assert_eq!(Dist::LogNormal { median: second, sigma: 0.7 }.median(), second);
        assert_eq!(Dist::ZeroOrLogNormal { zero: 0.8, median: second, sigma: 0.7 }.median(), Duration::ZERO);
        assert!((Dist::Exponential { mean: second }.median().as_secs_f64() - std::f64::consts::LN_2).abs() < 1e-6);
    }
}

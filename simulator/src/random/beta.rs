//! Quantiles of the beta distribution, as log-odds: shares so close to 0 or 1 that a float cannot tell them apart from it
//! still differ there.

use super::distribution::standard_normal_quantile;

/// Log-odds `ln(x / (1 - x))` of the share below which a share `u` in (0, 1) of a beta(a, b) distribution lies; `a` and
/// `b` above zero.
pub(crate) fn beta_quantile_log_odds(u: f64, a: f64, b: f64) -> f64 {
    // The distribution function rises with the log-odds; 64 halvings of this range leave less than 1e-15.
    let (mut low, mut high) = (-2000.0, 2000.0);
    let ln_norm = libm::lgamma(a + b) - libm::lgamma(a) - libm::lgamma(b);
    for _ in 0..64 {
        let middle = 0.5 * (low + high);
        if incomplete_beta(middle, a, b, ln_norm) < u {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

/// The share below which a share `u` in (0, 1) of a beta(a, b) distribution lies; faster than halving, for distributions
/// that leave shares which a float can tell from 0 and 1.
pub(crate) fn beta_quantile(u: f64, a: f64, b: f64) -> f64 {
    let ln_norm = libm::lgamma(a + b) - libm::lgamma(a) - libm::lgamma(b);
    // Newton's method on the log-odds, within a range that every evaluation narrows.
    let (mut low, mut high) = (-700.0, 700.0);
    // The leading term of the series far below the mean; elsewhere about normal log-odds.
    let lower = (libm::log(u) + libm::log(a) - ln_norm) / a;
    let normal = libm::log(a / b) + standard_normal_quantile(u) * libm::sqrt(1.0 / a + 1.0 / b);
    let mut t = if lower < libm::log(a / b) - 1.0 { lower } else { normal }.clamp(-650.0, 650.0);
    for _ in 0..64 {
        let error = incomplete_beta(t, a, b, ln_norm) - u;
        if error < 0.0 {
            low = t;
        } else {
            high = t;
        }
        let density = libm::exp(ln_norm - a * softplus(-t) - b * softplus(t));
        let next = t - error / density;
        let next = if next > low && next < high { next } else { 0.5 * (low + high) };
        let step = (next - t).abs();
        t = next;
        if step < 1e-12 {
            break;
        }
    }
    1.0 / (1.0 + libm::exp(-t))
}

/// Regularised incomplete beta function at the share with these log-odds; `ln_norm` is minus the logarithm of B(a, b).
fn incomplete_beta(log_odds: f64, a: f64, b: f64, ln_norm: f64) -> f64 {
    let (ln_x, ln_y) = (-softplus(-log_odds), -softplus(log_odds));
    let (x, y) = (libm::exp(ln_x), libm::exp(ln_y));
    let front = libm::exp(ln_norm + a * ln_x + b * ln_y);
    // The fraction converges fast on this side of the mean.
    if x < (a + 1.0) / (a + b + 2.0) { front * fraction(x, a, b) / a } else { 1.0 - front * fraction(y, b, a) / b }
}

/// `ln(1 + e^t)`: the log-odds `t` as a hazard, since `1 - x = e^-softplus(t)`.
pub(crate) fn softplus(t: f64) -> f64 {
    if t > 30.0 { t } else { libm::log1p(libm::exp(t)) }
}

/// The continued fraction of the incomplete beta function (Abramowitz and Stegun 26.5.8), by Lentz's method.
fn fraction(x: f64, a: f64, b: f64) -> f64 {
    let away = |v: f64| if v.abs() < 1e-300 { 1e-300 } else { v };
    let mut c = 1.0;
    let mut d = 1.0 / away(1.0 - (a + b) * x / (a + 1.0));
    let mut value = d;
    for m in 1..300 {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut step = 1.0;
        for term in [even, odd] {
            d = 1.0 / away(1.0 + term * d);
            c = away(1.0 + term / c);
            step = c * d;
            value *= step;
        }
        if (step - 1.0).abs() < 1e-14 {
            break;
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quantile(u: f64, a: f64, b: f64) -> f64 {
        1.0 / (1.0 + libm::exp(-beta_quantile_log_odds(u, a, b)))
    }

    #[test]
    fn special_cases_have_closed_forms() {
        for u in [1e-6, 0.1, 0.5, 0.93, 1.0 - 1e-9] {
            assert!((quantile(u, 1.0, 1.0) - u).abs() < 1e-12, "uniform at {u}");
            assert!((quantile(u, 3.0, 1.0) - libm::pow(u, 1.0 / 3.0)).abs() < 1e-12, "power at {u}");
            let below = -libm::expm1(libm::log1p(-u) / 0.25);
            assert!((quantile(u, 1.0, 0.25) - below).abs() < 1e-12, "mirrored power at {u}");
            let half_pi = core::f64::consts::FRAC_PI_2;
            let arcsine = libm::pow(libm::sin(half_pi * u), 2.0);
            assert!((quantile(u, 0.5, 0.5) - arcsine).abs() < 1e-9, "arcsine at {u}");
        }
    }

    #[test]
    fn both_ways_agree() {
        for (a, b) in [(0.3, 2.0), (0.08, 15.0), (1.2, 1.0), (2.0, 300.0), (40.0, 9.0)] {
            for u in [1e-4, 0.02, 0.3, 0.5, 0.8, 0.999] {
                let (fast, sure) = (beta_quantile(u, a, b), quantile(u, a, b));
                assert!((fast - sure).abs() <= 1e-9 * sure + 1e-300, "{u} of beta({a}, {b}): {fast}, {sure}");
            }
        }
    }

    #[test]
    fn the_mean_of_a_skewed_distribution_is_right() {
        let (a, b, n) = (0.2275, 2.105_833_333, 2_000);
        let sum: f64 = (0..n).map(|i| quantile((f64::from(i) + 0.5) / f64::from(n), a, b)).sum();
        assert!((sum / f64::from(n) - a / (a + b)).abs() < 5e-4, "{}", sum / f64::from(n));
    }
}

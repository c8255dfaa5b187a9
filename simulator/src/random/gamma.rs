//! Quantiles of the gamma distribution.

use super::distribution::standard_normal_quantile;

/// The value below which a share `u` in (0, 1) of a gamma distribution with this shape and scale 1 lies; `shape` above zero.
pub(crate) fn gamma_quantile(u: f64, shape: f64) -> f64 {
    let ln_norm = libm::lgamma(shape);
    // Newton's method on the logarithm of the value, within a range that every evaluation narrows.
    let (mut low, mut high) = (-700.0, libm::log(shape + 60.0 + 12.0 * libm::sqrt(shape)));
    let mut t = first_guess(u, shape, ln_norm).clamp(low, high);
    for _ in 0..64 {
        let x = libm::exp(t);
        let error = incomplete_gamma(x, shape, ln_norm) - u;
        if error < 0.0 {
            low = t;
        } else {
            high = t;
        }
        let next = t - error / libm::exp(shape * t - x - ln_norm);
        let next = if next > low && next < high { next } else { 0.5 * (low + high) };
        let step = (next - t).abs();
        t = next;
        if step < 1e-13 {
            break;
        }
    }
    libm::exp(t)
}

/// Logarithm of about the quantile: the cube of a normal (Wilson and Hilferty 1931), for small shapes the leading term of the
/// series.
fn first_guess(u: f64, shape: f64, ln_norm: f64) -> f64 {
    let ninth = 1.0 / (9.0 * shape);
    let root = 1.0 - ninth + standard_normal_quantile(u) * libm::sqrt(ninth);
    if shape >= 1.0 && root > 0.2 {
        libm::log(shape) + 3.0 * libm::log(root)
    } else {
        (libm::log(u) + ln_norm + libm::log(shape)) / shape
    }
}

/// Regularised lower incomplete gamma function; `ln_norm` is the logarithm of the gamma function at `shape`.
fn incomplete_gamma(x: f64, shape: f64, ln_norm: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    let front = libm::exp(shape * libm::log(x) - x - ln_norm);
    if x < shape + 1.0 { front * series(x, shape) } else { 1.0 - front * fraction(x, shape) }
}

/// The series of Abramowitz and Stegun 6.5.29.
fn series(x: f64, shape: f64) -> f64 {
    let mut term = 1.0 / shape;
    let mut sum = term;
    for n in 1..500 {
        term *= x / (shape + f64::from(n));
        sum += term;
        if term < sum * 1e-15 {
            break;
        }
    }
    sum
}

/// The continued fraction of the upper function (Abramowitz and Stegun 6.5.31), by Lentz's method.
fn fraction(x: f64, shape: f64) -> f64 {
    let mut b = x + 1.0 - shape;
    let mut c = 1e300;
    let mut d = 1.0 / b;
    let mut value = d;
    for n in 1..500 {
        let n = f64::from(n);
        let a = -n * (n - shape);
        b += 2.0;
        d = 1.0 / away(a * d + b);
        c = away(b + a / c);
        let step = c * d;
        value *= step;
        if (step - 1.0).abs() < 1e-15 {
            break;
        }
    }
    value
}

fn away(v: f64) -> f64 {
    if v.abs() < 1e-300 { 1e-300 } else { v }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_cases_have_closed_forms() {
        for u in [1e-9, 1e-3, 0.1, 0.5, 0.93, 0.9999] {
            // Shape 1 is exponential; shape 1/2 is half a squared normal.
            let exponential = -libm::log1p(-u);
            assert!((gamma_quantile(u, 1.0) / exponential - 1.0).abs() < 1e-9, "exponential at {u}");
            let z = standard_normal_quantile(0.5 + 0.5 * u);
            let close = (gamma_quantile(u, 0.5) / (0.5 * z * z) - 1.0).abs() < 1e-7;
            assert!(close || u < 1e-6, "chi squared at {u}"); // below, one half plus so little is rounded
        }
        // Chi squared with four degrees of freedom at 95 %: 9.487729, twice a gamma of shape 2.
        assert!((gamma_quantile(0.95, 2.0) - 9.487_729_036_781_154 / 2.0).abs() < 1e-9);
    }

    #[test]
    fn means_are_right() {
        for shape in [0.4, 1.5, 2.0, 9.0] {
            let n = 4_000;
            let sum: f64 = (0..n).map(|i| gamma_quantile((f64::from(i) + 0.5) / f64::from(n), shape)).sum();
            assert!((sum / f64::from(n) / shape - 1.0).abs() < 2e-3, "{shape}: {}", sum / f64::from(n));
        }
    }
}

//! Limits for counts at a fixed number of trials: Clopper-Pearson, and paired differences of counts.

use statrs::function::beta::checked_beta_reg;

/// Exact two-sided limits for a probability at level `1 - alpha` (Clopper and Pearson 1934).
pub fn clopper_pearson(events: u64, trials: u64, alpha: f64) -> (f64, f64) {
    (lower_limit(events, trials, alpha / 2.0), upper_limit(events, trials, alpha / 2.0))
}

/// One-sided exact upper limit at level `1 - alpha`; `1 - alpha^(1/n)` for no event.
pub fn upper_limit(events: u64, trials: u64, alpha: f64) -> f64 {
    if events >= trials {
        return 1.0;
    }
    if events == 0 {
        // 1 - alpha^(1/n)
        return -(alpha.ln() / trials as f64).exp_m1();
    }
    let (a, b) = (events as f64 + 1.0, (trials - events) as f64);
    solve(|p| beta_cdf(a, b, p) >= 1.0 - alpha)
}

fn lower_limit(events: u64, trials: u64, alpha: f64) -> f64 {
    if events == 0 || trials == 0 {
        return 0.0;
    }
    if events >= trials {
        return (alpha.ln() / trials as f64).exp();
    }
    let (a, b) = (events.min(trials) as f64, trials.saturating_sub(events) as f64 + 1.0);
    solve(|p| beta_cdf(a, b, p) >= alpha)
}

/// Limits for `P(event under the proposal) - P(event under doing nothing)` from paired trials: `gained` trials had the
/// event under the proposal alone, `spared` under doing nothing alone.
///
/// The difference is `P(gained) - P(spared)`. Each of the two gets Clopper-Pearson limits at `1 - alpha/2`, and the
/// difference the outer combination: by Bonferroni it covers with at least `1 - alpha`, at any n.
pub fn added_probability(gained: u64, spared: u64, trials: u64, alpha: f64) -> (f64, f64) {
    difference(clopper_pearson(gained, trials, alpha / 2.0), clopper_pearson(spared, trials, alpha / 2.0))
}

/// The outer combination of limits for the difference of two probabilities.
pub fn difference(gained: (f64, f64), spared: (f64, f64)) -> (f64, f64) {
    (gained.0 - spared.1, gained.1 - spared.0)
}

/// Exact two-sided p-value of McNemar's test on the discordant counts.
pub fn mc_nemar(gained: u64, spared: u64) -> f64 {
    let (n, least) = (gained + spared, gained.min(spared));
    if n == 0 {
        return 1.0;
    }
    // P(Binomial(n, 1/2) <= least)
    let tail = beta_cdf((n - least) as f64, least as f64 + 1.0, 0.5);
    (2.0 * tail).min(1.0)
}

/// Distribution function of Beta(a, b) with a, b > 0.
fn beta_cdf(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 {
        0.0
    } else if x >= 1.0 {
        1.0
    } else {
        checked_beta_reg(a, b, x).unwrap_or(f64::NAN)
    }
}

/// The smallest p in [0, 1] at which a rising condition holds. Bisection to the last bit: library inverses of the beta
/// distribution are off by up to 0.2 % for rare events among many trials, on the unsafe side.
fn solve(reached: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if reached(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(got: f64, want: f64, relative: f64) {
        assert!((got - want).abs() <= relative * want.abs(), "got {got}, expected {want}");
    }

    #[test]
    fn no_event_has_the_closed_form_limit() {
        for n in [1_u64, 10, 1000, 100_000, 10_000_000] {
            near(upper_limit(0, n, 0.05), -(0.05_f64.ln() / n as f64).exp_m1(), 1e-9);
            assert_eq!(clopper_pearson(0, n, 0.05).0, 0.0);
            near(clopper_pearson(n, n, 0.05).0, (0.025_f64.ln() / n as f64).exp(), 1e-9);
            assert_eq!(clopper_pearson(n, n, 0.05).1, 1.0);
        }
    }

    /// Sum of binomial terms, independent of the beta function: P(X >= k) at the lower limit must be alpha/2.
    #[test]
    fn rare_events_among_many_trials_are_exact() {
        let (k, n) = (3_u64, 1_000_000_u64);
        let (low, high) = clopper_pearson(k, n, 0.05);
        near(low, 6.1867e-7, 1e-5);
        let term = |i: u64, p: f64| {
            let binomial: f64 = (0..i).map(|j| ((n - j) as f64 / (j + 1) as f64).ln()).sum();
            (binomial + i as f64 * p.ln() + (n - i) as f64 * (-p).ln_1p()).exp()
        };
        near(1.0 - (0..k).map(|i| term(i, low)).sum::<f64>(), 0.025, 1e-7);
        near((0..=k).map(|i| term(i, high)).sum::<f64>(), 0.025, 1e-7);
    }

    #[test]
    fn paired_differences_hold_zero_when_nothing_differs() {
        let (low, high) = added_probability(0, 0, 1000, 0.05);
        assert_eq!(low, -high);
        near(high, 1.0 - (0.0125_f64).powf(1e-3), 1e-9);
        let (low, high) = added_probability(80, 2, 1000, 0.05);
        assert!(low > 0.05 && high < 0.11, "{low} {high}");
    }

    /// Family 19's rule, worked by hand: 2 * (C(6,0) + C(6,1)) / 2^6.
    #[test]
    fn mc_nemar_is_exact() {
        near(mc_nemar(5, 1), 2.0 * 7.0 / 64.0, 1e-12);
        near(mc_nemar(1, 5), 2.0 * 7.0 / 64.0, 1e-12);
        assert_eq!(mc_nemar(0, 0), 1.0);
        assert_eq!(mc_nemar(3, 3), 1.0);
    }

    /// The interval for differences covers the truth at least as often as it says, by exact enumeration.
    #[test]
    fn paired_differences_cover() {
        let n = 25_u64;
        let factorial = |k: u64| (1..=k).map(|i| (i as f64).ln()).sum::<f64>();
        for (gain, spare) in [(0.02, 0.0), (0.1, 0.05), (0.3, 0.3), (0.004, 0.001)] {
            let mut covered = 0.0;
            for g in 0..=n {
                for s in 0..=n - g {
                    let rest = n - g - s;
                    let ways = factorial(n) - factorial(g) - factorial(s) - factorial(rest);
                    let power = |p: f64, k: u64| if k == 0 { 1.0 } else { p.powi(k as i32) };
                    let weight = ways.exp() * power(gain, g) * power(spare, s) * power(1.0 - gain - spare, rest);
                    let (low, high) = added_probability(g, s, n, 0.05);
                    if low <= gain - spare && gain - spare <= high {
                        covered += weight;
                    }
                }
            }
            assert!(covered >= 0.95, "covered {covered} at {gain} {spare}");
        }
    }
}

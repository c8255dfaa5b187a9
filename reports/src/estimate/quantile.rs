//! Quantiles of losses and durations with limits from ranks.

use statrs::distribution::{Binomial, DiscreteCDF};

/// The smallest value that at least a share `p` of the sorted values does not exceed; 0 of nothing.
pub fn quantile(sorted: &[f64], p: f64) -> f64 {
    let rank = (p * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1).min(sorted.len().saturating_sub(1))).copied().unwrap_or(0.0)
}

/// Limits of the `p` quantile at level `1 - alpha` from ranks: the number of values below the quantile is binomial, so
/// two order statistics enclose it whatever the distribution. Where n is too small for a rank, `least` or `most` stands.
pub fn quantile_limits(sorted: &[f64], p: f64, alpha: f64, least: f64, most: f64) -> (f64, f64) {
    let n = sorted.len() as u64;
    let Ok(below) = Binomial::new(p, n) else {
        return (least, most);
    };
    // Largest l with P(B < l) <= alpha/2 and smallest u with P(B >= u) <= alpha/2, ranks from 1.
    let low_rank = first(n + 1, |l| below.cdf(l) > alpha / 2.0);
    let high_rank = first(n + 1, |u| below.cdf(u) >= 1.0 - alpha / 2.0) + 1;
    let value = |rank: u64| rank.checked_sub(1).and_then(|i| sorted.get(i as usize)).copied();
    (value(low_rank).unwrap_or(least), value(high_rank).unwrap_or(most))
}

/// The smallest k in `0..end` at which a rising condition holds, else `end`.
fn first(end: u64, holds: impl Fn(u64) -> bool) -> u64 {
    let (mut low, mut high) = (0, end);
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_occurred() {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(quantile(&values, 0.5), 50.0);
        assert_eq!(quantile(&values, 0.95), 95.0);
        assert_eq!(quantile(&values, 0.99), 99.0);
        assert_eq!(quantile(&[], 0.5), 0.0);
        assert_eq!(quantile(&[7.0], 0.01), 7.0);
    }

    /// For n = 100 and the median the textbook ranks at 95 % are 40 and 61.
    #[test]
    fn limits_of_the_median_have_the_known_ranks() {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(quantile_limits(&values, 0.5, 0.05, 0.0, 999.0), (40.0, 61.0));
    }

    #[test]
    fn limits_fall_back_to_the_bounds() {
        let values: Vec<f64> = (1..=20).map(f64::from).collect();
        assert_eq!(quantile_limits(&values, 0.99, 0.05, 0.0, 999.0).1, 999.0);
        assert_eq!(quantile_limits(&[], 0.5, 0.05, 0.0, 9.0), (0.0, 9.0));
    }
}

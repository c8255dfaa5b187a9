//! Sharing out a risk among causes that can be switched on and off: a cooperative game on subsets of causes.
//!
//! A subset of `d` causes is a number below `2^d`, whose bits say which causes are on. METHODS: Shapley, L. S. (1953), A
//! value for n-person games.

/// Shapley values of a game given by its value on every subset: each cause's marginal contribution, averaged over all orders
/// in which the causes may be switched on. They add up to `v[all] - v[none]`.
///
/// `values` has `2^d` entries; returns `d` values, none where the length is no power of two.
pub fn shapley(values: &[f64]) -> Vec<f64> {
    if !values.len().is_power_of_two() {
        return Vec::new();
    }
    let d = values.len().trailing_zeros() as usize;
    // Weight of a subset of size s that a cause joins: s! (d - 1 - s)! / d!, from one size to the next.
    let mut weights = vec![1.0 / d.max(1) as f64; d];
    for s in 1..d {
        weights[s] = weights[s - 1] * s as f64 / (d - s) as f64;
    }
    let share = |cause: usize| {
        let without = (0..values.len()).filter(|set| set & (1 << cause) == 0);
        without.map(|set| weights[set.count_ones() as usize] * (values[set | 1 << cause] - values[set])).sum()
    };
    (0..d).map(share).collect()
}

/// What switching one cause off alone would save: `v[all] - v[all but it]`, by cause.
pub fn switched_off(values: &[f64]) -> Vec<f64> {
    let all = values.len().saturating_sub(1);
    (0..values.len().checked_ilog2().unwrap_or(0)).map(|cause| values[all] - values[all & !(1 << cause)]).collect()
}

/// What one cause does alone: `v[it] - v[none]`, by cause.
pub fn alone(values: &[f64]) -> Vec<f64> {
    (0..values.len().checked_ilog2().unwrap_or(0)).map(|cause| values[1 << cause] - values[0]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_that_need_each_other_share_alike_and_a_dummy_gets_nothing() {
        // The risk of 0.3 is there only where the first two are on.
        let values: Vec<f64> = (0..8).map(|set| if set & 3 == 3 { 0.3 } else { 0.0 }).collect();
        let shares = shapley(&values);
        assert!((shares[0] - 0.15).abs() < 1e-15 && (shares[1] - 0.15).abs() < 1e-15 && shares[2] == 0.0);
        assert_eq!((switched_off(&values), alone(&values)), (vec![0.3, 0.3, 0.0], vec![0.0; 3]));
    }

    #[test]
    fn shares_add_up() {
        let values: Vec<f64> = (0..32u32).map(|set| f64::from(set.wrapping_mul(2_654_435_761) >> 8) / 1e7).collect();
        assert!((shapley(&values).iter().sum::<f64>() - (values[31] - values[0])).abs() < 1e-12);
        assert_eq!(shapley(&[0.25]), Vec::<f64>::new());
        assert!(shapley(&[0.0; 3]).is_empty());
    }
}

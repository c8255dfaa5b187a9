//! How many trials each plan has.

/// Sequential halving: for each of `ceil(log2 K)` rounds the plans that are left, and what each of them gets.
pub fn halving(plans: usize, budget: u64) -> Vec<(usize, u64)> {
    if plans < 2 {
        return Vec::new();
    }
    let rounds = u64::from((plans - 1).ilog2() + 1);
    let mut left = plans;
    (0..rounds)
        .map(|_| {
            let round = (left, budget / (left as u64 * rounds));
            left = left.div_ceil(2);
            round
        })
        .collect()
}

/// OCBA: the best plan (least mean, ties to the first) and the share of trials of each: `(sd/delta)^2` for those that are not
/// the best, `sd_best sqrt(sum (N/sd)^2)` for the best. Gaps below `floor` count as that. Equal shares where nothing varies.
pub fn ocba(means: &[f64], spreads: &[f64], floor: f64) -> (usize, Vec<f64>) {
    let best = (0..means.len()).min_by(|a, b| means[*a].total_cmp(&means[*b]).then(a.cmp(b))).unwrap_or(0);
    let mut shares: Vec<f64> = means
        .iter()
        .zip(spreads)
        .map(|(mean, sd)| {
            let delta = (mean - means[best]).max(floor).max(f64::MIN_POSITIVE);
            (sd / delta) * (sd / delta)
        })
        .collect();
    let others = |i: &usize| *i != best && spreads[*i] > 0.0;
    let squares: f64 = (0..means.len()).filter(others).map(|i| (shares[i] / spreads[i]).powi(2)).sum();
    if let Some(share) = shares.get_mut(best) {
        *share = spreads[best] * squares.sqrt();
    }
    let sum: f64 = shares.iter().sum();
    let equal = 1.0 / means.len().max(1) as f64;
    let sound = sum > 0.0 && sum.is_finite();
    (best, shares.iter().map(|share| if sound { share / sum } else { equal }).collect())
}

//! Limits for the mean of values in [0, 1].
//!
//! Betting (hedged capital, Waudby-Smith and Ramdas 2024): for each candidate mean m, bet on the values lying above and
//! below m in turn; a mean against which a bettor has multiplied his stake by 1/alpha is refuted. Valid for any
//! distribution on [0, 1], also when trials are added later, as long as they are taken in the order of their index.
//! Maurer and Pontil's empirical Bernstein bound stands beside it as an independent check; it is several times wider
//! where most trials lose nothing.

/// How much of the greatest possible stake a bettor may risk in reports. 3/4 instead of the usual 1/2: most trials of a
/// safe change lose nothing, and the upper limit then shrinks with the stake.
pub const REPORT_CAP: f64 = 0.75;

/// Limits of the betting confidence sequence after the last value, at level `1 - alpha`; `cap` in (0, 1) bounds the stake.
pub fn betting(values: &[f64], alpha: f64, cap: f64) -> (f64, f64) {
    let stakes = stakes(values, alpha);
    let limit = (2.0 / alpha).ln();
    let above = |m: f64| growth(values, &stakes, |stake, y| 1.0 + stake.min(cap / m) * (y - m)) >= limit;
    let below = |m: f64| growth(values, &stakes, |stake, y| 1.0 - stake.min(cap / (1.0 - m)) * (y - m)) >= limit;
    // The capital of the first bettor falls with m and that of the second rises: each end is one bisection.
    let low = if above(f64::MIN_POSITIVE) { bisect(|m| !above(m)) } else { 0.0 };
    let high = if below(1.0 - f64::EPSILON) { bisect(below) } else { 1.0 };
    (low.min(high), high.max(low))
}

/// The stake of each round, from the values before it: `sqrt(2 ln(2/alpha) / (variance t ln(1 + t)))`.
fn stakes(values: &[f64], alpha: f64) -> Vec<f64> {
    let scale = 2.0 * (2.0 / alpha).ln();
    let (mut sum, mut squares) = (0.5, 0.25);
    let mut variance = 0.25;
    let mut stakes = Vec::with_capacity(values.len());
    for (i, y) in values.iter().enumerate() {
        let t = (i + 1) as f64;
        stakes.push((scale / (variance * t * t.ln_1p())).sqrt());
        sum += y;
        let mean = sum / (t + 1.0);
        squares += (y - mean) * (y - mean);
        variance = squares / (t + 1.0);
    }
    stakes
}

/// Logarithm of the product of all factors; logarithms are taken of blocks, since they cost most.
fn growth(values: &[f64], stakes: &[f64], factor: impl Fn(f64, f64) -> f64) -> f64 {
    let block = |(ys, ls): (&[f64], &[f64])| ys.iter().zip(ls).map(|(y, l)| factor(*l, *y)).product::<f64>().ln();
    values.chunks(32).zip(stakes.chunks(32)).map(block).sum()
}

/// The smallest m in [0, 1] at which a rising condition holds.
fn bisect(reached: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..50 {
        let middle = 0.5 * (low + high);
        if reached(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    0.5 * (low + high)
}

/// Two-sided empirical Bernstein limits at level `1 - alpha` (Maurer and Pontil 2009, theorem 4, each side at half).
pub fn maurer_pontil(values: &[f64], alpha: f64) -> (f64, f64) {
    let n = values.len() as f64;
    if values.len() < 2 {
        return (0.0, 1.0);
    }
    let mean = super::average(values);
    let variance = values.iter().map(|y| (y - mean) * (y - mean)).sum::<f64>() / (n - 1.0);
    let log = (4.0 / alpha).ln();
    let half = (2.0 * variance * log / n).sqrt() + 7.0 * log / (3.0 * (n - 1.0));
    ((mean - half).max(0.0), (mean + half).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_lost_shrinks_with_the_number_of_trials() {
        let width = |n: usize| {
            let (low, high) = betting(&vec![0.5; n], 0.05, REPORT_CAP);
            assert!(low < 0.5 && high > 0.5);
            high - low
        };
        assert!(width(10_000) < width(1000) / 8.0);
        let (low, high) = maurer_pontil(&vec![0.5; 1000], 0.05);
        assert!(width(1000) < 0.5 * (high - low));
    }

    /// Coverage on the kind of data reports see: most values at the middle (no difference), few far above.
    #[test]
    fn covers_rare_large_differences() {
        let mut state = 12345_u64;
        let mut uniform = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 11) as f64 / (1_u64 << 53) as f64
        };
        let truth = 0.5 + 0.01 * 0.4;
        let missed = (0..400)
            .filter(|_| {
                let values: Vec<f64> = (0..500).map(|_| if uniform() < 0.01 { 0.9 } else { 0.5 }).collect();
                let (low, high) = betting(&values, 0.05, REPORT_CAP);
                truth < low || truth > high
            })
            .count();
        assert!(missed <= 20, "missed {missed} of 400");
    }
}

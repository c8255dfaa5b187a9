//! Intervals by resampling cases with replacement (Efron 1979, percentiles): for scores whose distribution has no name. Draws are
//! named by a seed, so that the same history gives the same interval.

use simulator::random::{Process, Streams, sub_key};

use crate::estimate::{Est, LEVEL, quantile};

/// Resamples of an interval: the limits are known to about a percentile.
const RESAMPLES: u32 = 400;
/// Name of the draws.
const DRAWS: u64 = 0x626f_6f74;

/// Values with their 95 % limits by resampling `cases`; `None` where a value is not defined for the cases themselves. `of` is
/// given cases in their order, some of them several times.
pub fn intervals<C: Clone, const N: usize>(
    cases: &[C],
    seed: u64,
    of: impl Fn(&[C]) -> [Option<f64>; N],
) -> [Option<Est>; N] {
    let point = of(cases);
    let mut seen: [Vec<f64>; N] = std::array::from_fn(|_| Vec::new());
    let mut counts = vec![0_u32; cases.len()];
    let mut sample: Vec<C> = Vec::with_capacity(cases.len());
    for resample in 0..RESAMPLES {
        counts.fill(0);
        let streams = Streams::new(seed, resample);
        for i in 0..cases.len() {
            let u = streams.uniform(Process::Parameter, sub_key(DRAWS, i as u64), 0);
            counts[((u * cases.len() as f64) as usize).min(cases.len() - 1)] += 1;
        }
        sample.clear();
        for (case, count) in cases.iter().zip(&counts) {
            sample.extend(std::iter::repeat_n(case, *count as usize).cloned());
        }
        for (seen, value) in seen.iter_mut().zip(of(&sample)) {
            seen.extend(value);
        }
    }
    let tail = (1.0 - LEVEL) / 2.0;
    std::array::from_fn(|i| {
        let sorted = &mut seen[i];
        sorted.sort_by(f64::total_cmp);
        point[i].map(|value| Est::new(value, quantile(sorted, tail), quantile(sorted, 1.0 - tail)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_of_many_is_known_as_well_as_theory_says() {
        let cases: Vec<f64> = (0..400).map(|i| f64::from(i % 2)).collect();
        let mean = |c: &[f64]| [Some(c.iter().sum::<f64>() / c.len() as f64), None];
        let [found, absent] = intervals(&cases, 1, mean);
        let found = found.unwrap_or_default();
        // 0.5 with a standard error of 0.025.
        assert!((found.low - 0.451).abs() < 0.012 && (found.high - 0.549).abs() < 0.012, "{found:?}");
        assert_eq!((found.estimate, absent), (0.5, None));
        assert_eq!(intervals(&cases, 1, mean)[0], Some(found));
    }
}

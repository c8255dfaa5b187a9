//! Isotonic recalibration by pooling adjacent violators: the rising function of the forecast that is closest to the outcomes.

use super::{Forecast, by_forecast};

/// Distinct forecasts, rising, each with what it should have been.
pub fn isotonic(forecasts: &[Forecast]) -> Vec<(f64, f64)> {
    let groups = by_forecast(forecasts);
    // Blocks of adjacent forecasts that get one value: (count, happened, forecasts in it).
    let mut blocks: Vec<(f64, f64, usize)> = Vec::new();
    for group in &groups {
        let mut block = (group.count, group.happened, 1);
        while let Some(before) = blocks.pop_if(|b| b.1 * block.0 >= block.1 * b.0) {
            block = (before.0 + block.0, before.1 + block.1, before.2 + block.2);
        }
        blocks.push(block);
    }
    let values = blocks.iter().flat_map(|(count, happened, n)| std::iter::repeat_n(happened / count, *n));
    groups.iter().map(|g| g.forecast).zip(values).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_falls_is_pooled_and_what_rises_stays() {
        let at = |probability, happened| Forecast { probability, happened };
        let found = isotonic(&[at(0.1, false), at(0.2, true), at(0.3, false), at(0.4, true), at(0.4, true)]);
        assert_eq!(found, [(0.1, 0.0), (0.2, 0.5), (0.3, 0.5), (0.4, 1.0)]);
        assert!(isotonic(&[]).is_empty());
    }
}

//! Shares of the variance of an output by input, alone (first order) and with all it has to do with others (total): the
//! design of Saltelli (2010) with the estimators of Jansen (1999).

use super::design::uniform;
use crate::estimate::average;

/// The points to look at: two samples A and B, and for each coordinate A with that coordinate from B.
#[derive(Clone, Debug, PartialEq)]
pub struct Saltelli {
    /// All points: A, then B, then A with each coordinate from B.
    pub points: Vec<Vec<f64>>,
    base: usize,
    coordinates: usize,
}

/// Indices of one input.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Indices {
    /// Share of the variance that goes when this input alone becomes known.
    pub first: f64,
    /// Share that stays when all others become known.
    pub total: f64,
}

/// A design of `base` points in each sample.
pub fn saltelli(base: usize, coordinates: usize, seed: u64) -> Saltelli {
    let sample = |design| -> Vec<Vec<f64>> {
        (0..base).map(|i| (0..coordinates).map(|c| uniform(seed, design, i, c)).collect()).collect()
    };
    let (a, b) = (sample(5), sample(6));
    let mut points = [a.clone(), b.clone()].concat();
    for c in 0..coordinates {
        points.extend(a.iter().zip(&b).map(|(a, b)| {
            let mut mixed = a.clone();
            mixed[c] = b[c];
            mixed
        }));
    }
    Saltelli { points, base, coordinates }
}

/// Indices by input; `outputs` are by point. All zero where the output does not vary.
pub fn indices(design: &Saltelli, outputs: &[f64]) -> Vec<Indices> {
    let n = design.base;
    if outputs.len() < design.points.len() || n == 0 {
        return vec![Indices::default(); design.coordinates];
    }
    let (a, b) = (&outputs[..n], &outputs[n..2 * n]);
    let mean = average(&outputs[..2 * n]);
    let variance = outputs[..2 * n].iter().map(|y| (y - mean).powi(2)).sum::<f64>() / (2 * n - 1).max(1) as f64;
    let half_square = |x: &[f64], y: &[f64]| {
        let squares: Vec<f64> = x.iter().zip(y).map(|(x, y)| (x - y).powi(2)).collect();
        if variance > 0.0 { average(&squares) / (2.0 * variance) } else { 0.0 }
    };
    let of = |c: usize| {
        let mixed = &outputs[(2 + c) * n..(3 + c) * n];
        let first = if variance > 0.0 { 1.0 - half_square(b, mixed) } else { 0.0 };
        Indices { first, total: half_square(a, mixed) }
    };
    (0..design.coordinates).map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_has_no_interactions_and_a_product_has() {
        let design = saltelli(4096, 3, 1);
        let sum: Vec<f64> = design.points.iter().map(|p| 2.0 * p[0] + p[1]).collect();
        for (found, share) in indices(&design, &sum).iter().zip([0.8, 0.2, 0.0]) {
            assert!((found.first - share).abs() < 0.05 && (found.total - share).abs() < 0.03, "{found:?}");
        }
        let product: Vec<f64> = design.points.iter().map(|p| (p[0] - 0.5) * (p[1] - 0.5)).collect();
        let found = indices(&design, &product);
        assert!(found[0].first.abs() < 0.08 && (found[0].total - 1.0).abs() < 0.1, "{found:?}");
        assert_eq!(indices(&design, &vec![1.0; design.points.len()]), vec![Indices::default(); 3]);
    }
}

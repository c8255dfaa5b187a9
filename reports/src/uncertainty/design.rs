//! Where to look: points of the unit cube, drawn by name.

use simulator::random::{Process, Streams, sub_key};

/// A uniform for one coordinate of one point of a design.
pub(super) fn uniform(seed: u64, design: u64, point: usize, coordinate: usize) -> f64 {
    Streams::new(seed, point as u32).uniform(Process::Parameter, sub_key(design, coordinate as u64), 1)
}

/// A Latin hypercube: in each coordinate one point in each of `points` equal slices (McKay, Beckman, Conover 1979), so that the
/// tails of every parameter are seen however few the points.
pub fn hypercube(points: usize, coordinates: usize, seed: u64) -> Vec<Vec<f64>> {
    let mut found = vec![vec![0.0; coordinates]; points];
    for c in 0..coordinates {
        let mut order: Vec<usize> = (0..points).collect();
        let key = |i: &usize| uniform(seed, 1, *i, c);
        order.sort_by(|a, b| key(a).total_cmp(&key(b)));
        for (slice, i) in order.into_iter().enumerate() {
            let point: &mut Vec<f64> = &mut found[i];
            point[c] = (slice as f64 + uniform(seed, 2, i, c)) / points as f64;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_slice_has_one_point() {
        let points = hypercube(16, 3, 7);
        for c in 0..3 {
            let mut slices: Vec<usize> = points.iter().map(|p| (p[c] * 16.0) as usize).collect();
            slices.sort_unstable();
            assert_eq!(slices, (0..16).collect::<Vec<_>>());
        }
        assert_ne!(points, hypercube(16, 3, 8));
    }
}

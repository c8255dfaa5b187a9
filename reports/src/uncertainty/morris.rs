//! Screening by elementary effects (Morris 1991): walks through the unit cube that move one coordinate at a time.

use super::design::uniform;
use crate::estimate::average;

/// Levels of a coordinate: 1/8, 3/8, 5/8, 7/8, the middles of quarters, so that no belief is asked for its very end.
const LEVELS: usize = 4;
/// A step is half of the range.
const STEP: f64 = 0.5;

/// Walks, and what moved at each of their steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Trajectories {
    /// All points, walk after walk, each of one more point than coordinates.
    pub points: Vec<Vec<f64>>,
    /// For each walk the coordinate that each step moves.
    moved: Vec<Vec<usize>>,
}

/// So many walks through so many coordinates.
pub fn trajectories(walks: usize, coordinates: usize, seed: u64) -> Trajectories {
    let mut found = Trajectories { points: Vec::new(), moved: Vec::new() };
    for walk in 0..walks {
        let u = |design, c| uniform(seed, design, walk, c);
        let mut order: Vec<usize> = (0..coordinates).collect();
        order.sort_by(|a, b| u(3, *a).total_cmp(&u(3, *b)));
        let level = |c| ((u(4, c) * LEVELS as f64) as usize).min(LEVELS - 1);
        let mut point: Vec<f64> = (0..coordinates).map(|c| (2 * level(c) + 1) as f64 / (2 * LEVELS) as f64).collect();
        found.points.push(point.clone());
        for &c in &order {
            point[c] += if point[c] < STEP { STEP } else { -STEP };
            found.points.push(point.clone());
        }
        found.moved.push(order);
    }
    found
}

/// Mean absolute effect of each coordinate, over half of its range; `outputs` are by point.
pub fn elementary_effects(walks: &Trajectories, outputs: &[f64]) -> Vec<f64> {
    let coordinates = walks.moved.first().map_or(0, Vec::len);
    let mut effects = vec![Vec::new(); coordinates];
    for (moved, outputs) in walks.moved.iter().zip(outputs.chunks(coordinates + 1)) {
        for (&c, ends) in moved.iter().zip(outputs.windows(2)) {
            effects[c].push((ends[1] - ends[0]).abs());
        }
    }
    effects.iter().map(|e| average(e)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effects_of_a_line_are_its_slopes() {
        let walks = trajectories(8, 4, 1);
        assert_eq!(walks.points.len(), 8 * 5);
        assert!(walks.points.iter().flatten().all(|x| *x > 0.0 && *x < 1.0));
        let outputs: Vec<f64> = walks.points.iter().map(|p| 3.0 * p[0] - 8.0 * p[1] + 0.5 * p[3]).collect();
        let effects = elementary_effects(&walks, &outputs);
        for (found, wanted) in effects.iter().zip([1.5, 4.0, 0.0, 0.25]) {
            assert!((found - wanted).abs() < 1e-9, "{effects:?}");
        }
    }

    #[test]
    fn an_effect_that_changes_sign_is_seen() {
        let walks = trajectories(8, 2, 2);
        let outputs: Vec<f64> = walks.points.iter().map(|p| (p[0] - 0.5) * (p[1] - 0.5)).collect();
        assert!(elementary_effects(&walks, &outputs).iter().all(|e| *e > 0.05));
    }
}

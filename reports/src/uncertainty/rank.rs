//! The cheap answer to which parameter matters: a straight line through ranks.

/// What one parameter has to do with the output.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Influence {
    /// Slope of the output's rank by the parameter's, both in standard deviations: -1 to 1 where parameters are independent.
    pub slope: f64,
    /// Standard error of the slope.
    pub error: f64,
}

impl Influence {
    /// Share of the variance of the ranks that goes with this parameter, less what luck explains.
    pub fn share(self) -> f64 {
        (self.slope * self.slope - self.error * self.error).max(0.0)
    }

    /// Whether it is more than luck: beyond two and a half standard errors.
    pub fn clear(self) -> bool {
        self.slope.abs() > 2.5 * self.error
    }
}

/// Influences of all parameters on the output by least squares on standardised ranks; nothing where there are too few points or
/// the output does not vary.
pub fn influences(points: &[Vec<f64>], outputs: &[f64]) -> Vec<Influence> {
    let coordinates = points.first().map_or(0, Vec::len);
    let n = points.len();
    let y = standardised(outputs);
    if n < coordinates + 8 || y.iter().all(|v| *v == 0.0) {
        return vec![Influence::default(); coordinates];
    }
    let x: Vec<Vec<f64>> =
        (0..coordinates).map(|c| standardised(&points.iter().map(|p| p[c]).collect::<Vec<_>>())).collect();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let matrix: Vec<Vec<f64>> = x.iter().map(|a| x.iter().map(|b| dot(a, b)).collect()).collect();
    let Some(inverse) = inverse(matrix) else { return vec![Influence::default(); coordinates] };
    let right: Vec<f64> = x.iter().map(|a| dot(a, &y)).collect();
    let slopes: Vec<f64> = inverse.iter().map(|row| dot(row, &right)).collect();
    let explained: f64 = dot(&slopes, &right);
    let residual = ((dot(&y, &y) - explained) / (n - coordinates - 1) as f64).max(0.0);
    slopes.iter().enumerate().map(|(c, &slope)| Influence { slope, error: (residual * inverse[c][c]).sqrt() }).collect()
}

/// Ranks with ties in the middle, mean 0 and variance 1; all 0 where nothing differs.
fn standardised(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut from = 0;
    while from < order.len() {
        let mut to = from + 1;
        while to < order.len() && values[order[to]] == values[order[from]] {
            to += 1;
        }
        order[from..to].iter().for_each(|&i| ranks[i] = (from + to - 1) as f64 / 2.0);
        from = to;
    }
    let n = ranks.len().max(1) as f64;
    let mean = ranks.iter().sum::<f64>() / n;
    let spread = (ranks.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / n).sqrt();
    ranks.iter().map(|r| if spread > 0.0 { (r - mean) / spread } else { 0.0 }).collect()
}

/// Gauss and Jordan with the largest pivot; nothing for a matrix that has no inverse.
fn inverse(mut a: Vec<Vec<f64>>) -> Option<Vec<Vec<f64>>> {
    let n = a.len();
    for (i, row) in a.iter_mut().enumerate() {
        row.extend((0..n).map(|j| f64::from(u8::from(i == j))));
    }
    for column in 0..n {
        let pivot = (column..n).max_by(|i, j| a[*i][column].abs().total_cmp(&a[*j][column].abs()))?;
        if a[pivot][column].abs() < 1e-9 {
            return None;
        }
        a.swap(column, pivot);
        let scale = a[column][column];
        a[column].iter_mut().for_each(|v| *v /= scale);
        let of_pivot = a[column].clone();
        for (_, row) in a.iter_mut().enumerate().filter(|(i, _)| *i != column) {
            let factor = row[column];
            row.iter_mut().zip(&of_pivot).for_each(|(v, p)| *v -= factor * p);
        }
    }
    Some(a.into_iter().map(|row| row[n..].to_vec()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::uncertainty::hypercube;

    #[test]
    fn whatever_rises_is_found_and_what_has_no_say_is_not_clear() {
        let points = hypercube(64, 5, 3);
        let outputs: Vec<f64> = points.iter().map(|p| (4.0 * p[0]).exp() - 8.0 * p[1]).collect();
        let found = influences(&points, &outputs);
        assert!(found[0].clear() && found[0].slope > 0.5, "{found:?}");
        assert!(found[1].clear() && found[1].slope < -0.2, "{found:?}");
        assert!(found[2..].iter().all(|i| !i.clear()), "{found:?}");
    }

    #[test]
    fn too_little_to_say_is_said() {
        let points = hypercube(6, 2, 1);
        assert_eq!(influences(&points, &[1.0; 6]), [Influence::default(); 2]);
        assert_eq!(influences(&hypercube(64, 2, 1), &[0.0; 64]), [Influence::default(); 2]);
        assert!(influences(&[], &[]).is_empty());
    }
}

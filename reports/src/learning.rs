//! Learning from operations.

/// Solves linear equations given as rows with their right side at the end; `None` where they have no single solution.
pub(crate) fn solve(mut rows: Vec<Vec<f64>>) -> Option<Vec<f64>> {
    let n = rows.len();
    for i in 0..n {
        let pivot = (i..n).max_by(|a, b| rows[*a][i].abs().total_cmp(&rows[*b][i].abs()))?;
        rows.swap(i, pivot);
        let scale = rows[i][i];
        if scale.abs() < 1e-12 {
            return None;
        }
        rows[i].iter_mut().for_each(|v| *v /= scale);
        let leading = rows[i].clone();
        for (j, row) in rows.iter_mut().enumerate().filter(|(j, _)| *j != i) {
            let factor = row[i];
            debug_assert!(j != i);
            row.iter_mut().zip(&leading).for_each(|(v, l)| *v -= factor * l);
        }
    }
    Some(rows.into_iter().map(|row| row[n]).collect())
}

//! The score with its interval on a bar from 0 to 100, as a small inline picture.

use crate::report::Verdict;
use crate::words;

/// Whether the bar says where its levels begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Labels {
    /// Bar only.
    None,
    /// Thresholds below the bar.
    Thresholds,
}

/// The bar. Colours come from the page.
pub fn svg(verdict: &Verdict, labels: Labels) -> String {
    let x = |score: f64| 5.0 + 2.4 * score.clamp(0.0, 100.0);
    let (low, at, high) = (x(verdict.score_low), x(verdict.score), x(verdict.score_high));
    let height = if labels == Labels::None { 18 } else { 36 };
    let title = format!(
        "Score {} of 100, between {} and {}",
        words::score_text(verdict.score),
        words::score_text(verdict.score_low),
        words::score_text(verdict.score_high)
    );
    let mut out = format!(
        "<svg class=\"scale\" viewBox=\"0 0 250 {height}\" width=\"250\" height=\"{height}\" role=\"img\" aria-label=\"{title}\">"
    );
    for (i, level) in crate::report::Level::ALL.iter().enumerate() {
        let (left, opacity) = (x(20.0 * i as f64), if *level == verdict.level { 0.55 } else { 0.18 });
        out.push_str(&format!("<rect x=\"{left:.1}\" y=\"5\" width=\"47\" height=\"8\" rx=\"1\" style=\"fill:var(--{})\" opacity=\"{opacity}\"/>", level.name()));
    }
    out.push_str(&format!(
        "<path d=\"M{low:.1} 9H{high:.1}M{low:.1} 5.5v7M{high:.1} 5.5v7\" style=\"stroke:var(--ink)\" stroke-width=\"1.4\" fill=\"none\"/><circle cx=\"{at:.1}\" cy=\"9\" r=\"4.6\" style=\"fill:var(--level,var(--ink));stroke:var(--paper)\" stroke-width=\"1.6\"/>"
    ));
    if labels == Labels::Thresholds {
        for threshold in [0, 20, 40, 60, 80, 100] {
            out.push_str(&format!(
                "<text x=\"{:.1}\" y=\"31\" text-anchor=\"middle\" font-size=\"12\" style=\"fill:var(--faint)\">{threshold}</text>",
                x(f64::from(threshold))
            ));
        }
    }
    out.push_str("</svg>");
    out
}

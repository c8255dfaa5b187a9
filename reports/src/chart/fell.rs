//! Where in their forecasts durations fell: ten bars that are of one height where forecasts are right.

use super::canvas::{At, BASELINE, FAINT, GRID, INK, PROPOSAL, Picture};
use super::grid::{NARROW, WIDE};
use super::{Chart, Table};
use crate::backtest::durations::{BINS, Durations};
use crate::words;

const PLOT: i32 = 200;
const TOP: i32 = 34;

/// The histogram.
pub fn chart(d: &Durations) -> Chart {
    let title =
        format!("{} of durations fell into the band that should hold 90 %", words::probability_short(d.coverage));
    Chart {
        id: "durations-duration".to_string(),
        title,
        description: "Share of durations in each tenth of their forecasts, with 95 % limits.".to_string(),
        reading: "Across, where in its forecast a duration fell, from the shortest tenth to the longest; up, the share of operations, with 95 % (beta) limits. Where forecasts are right, every bar reaches the dashed line (blue where its limits hold it, orange where not); high bars at the right mean that operations take longer than was said, high bars at both ends that forecasts are too narrow.".to_string(),
        wide: draw(d, WIDE),
        narrow: draw(d, NARROW),
        table: table(d),
    }
}

fn draw(d: &Durations, width: i32) -> Picture {
    let (left, right) = (64, if width < 600 { width - 14 } else { 64 + 620 });
    let (upper, lower) = (TOP, TOP + PLOT);
    let most = d.histogram.iter().map(|b| b.share.high).fold(0.2, f64::max).min(1.0);
    let y = |v: f64| lower - (v / most * f64::from(lower - upper)).round() as i32;
    let x = |i: usize| left + (f64::from(right - left) * i as f64 / BINS as f64).round() as i32;
    Picture::draw(width, lower + 50, |canvas| {
        canvas.text((12, 14), "share of operations", 12, FAINT, At::Start);
        let step = [0.05, 0.1, 0.2, 0.25, 0.5].into_iter().find(|s| most / s <= 5.0).unwrap_or(0.5);
        let mut value = 0.0;
        while value <= most + 1e-9 {
            let label = if value == 0.0 { "0 %".to_string() } else { words::percent(value) };
            canvas.line(&[(left, y(value)), (right, y(value))], GRID, 1);
            canvas.text((left - 7, y(value)), &label, 12, FAINT, At::End);
            value += step;
        }
        for (i, bin) in d.histogram.iter().enumerate() {
            let holds = bin.share.low <= 0.1 && 0.1 <= bin.share.high;
            let colour = if holds { PROPOSAL } else { BASELINE };
            canvas.bar((x(i) + 2, y(bin.share.estimate)), (x(i + 1) - 2, lower), colour, 0.45);
            let middle = (x(i) + x(i + 1)) / 2;
            canvas.line(&[(middle, y(bin.share.low)), (middle, y(bin.share.high))], INK, 1);
        }
        canvas.dashed(&[(left, y(0.1)), (right, y(0.1))], FAINT, 1);
        for i in (0..=BINS).step_by(2) {
            let (at, place) = if i == BINS { (right, At::End) } else { (x(i), At::Middle) };
            canvas.text((at, lower + 14), &format!("{} %", 10 * i), 12, FAINT, place);
        }
        canvas.text(
            ((left + right) / 2, lower + 34),
            "place in the forecast, shortest to longest",
            12,
            FAINT,
            At::Middle,
        );
    })
}

fn table(d: &Durations) -> Table {
    let head = ["place in the forecast", "share", "95 % limits"].map(str::to_string).to_vec();
    let row = |b: &crate::backtest::durations::Share| {
        vec![
            format!("{:.0} to {:.0} %", 100.0 * b.from, 100.0 * b.to),
            words::percent(b.share.estimate),
            format!("{} to {}", words::percent(b.share.low), words::percent(b.share.high)),
        ]
    };
    Table { head, rows: d.histogram.iter().map(row).collect() }
}

//! Reliability diagram: what was forecast against what happened, a point a bin, with the limits of what happened.

use super::canvas::{At, BASELINE, Canvas, FAINT, GRID, INK, PROPOSAL, Picture};
use super::grid::{NARROW, WIDE};
use super::{Chart, Table};
use crate::backtest::quality::Quality;
use crate::words;

/// Heights of diagram and of the counts below it.
const PLOT: i32 = 300;
const COUNTS: i32 = 46;
const TOP: i32 = 34;

/// The diagram; `None` where there is but one forecast of one value.
pub fn chart(id: &str, q: &Quality) -> Option<Chart> {
    if q.bins.is_empty() {
        return None;
    }
    let held = q.bins.iter().filter(|b| b.holds()).count();
    let title = format!("What was forecast lies within the limits of what was seen in {held} of {} bins", q.bins.len());
    Some(Chart {
        id: format!("reliability-{id}"),
        title,
        description: format!("{}: mean forecast against share that happened, in bins of about equal numbers of cases.", q.question),
        reading: "Each point is a bin of about as many cases as the others: across, the mean forecast; up, the share that happened with its 95 % (beta) limits, blue where these hold the forecast and orange where not. On the dashed line forecasts are right; above it, it happens more often than was said. Bars below: cases in each bin. Both axes are of one scale, and end where the figures do.".to_string(),
        wide: draw(q, WIDE),
        narrow: draw(q, NARROW),
        table: table(q),
    })
}

/// The upper end of both axes: the next round share above everything.
fn end(q: &Quality) -> (f64, f64) {
    let most = q.bins.iter().map(|b| b.forecast.max(b.observed.high)).fold(0.0, f64::max);
    let least = q.bins.iter().map(|b| b.forecast.min(b.observed.low)).fold(1.0, f64::min);
    // Rare events are shown from 0 on, common ones up to 1.
    let steps = [0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0];
    if least > 0.5 {
        let width = steps.into_iter().find(|s| 1.0 - least <= *s).unwrap_or(1.0);
        (1.0 - width, 1.0)
    } else {
        (0.0, steps.into_iter().find(|s| most <= *s).unwrap_or(1.0))
    }
}

fn draw(q: &Quality, width: i32) -> Picture {
    let narrow = width < 600;
    let (from, to) = end(q);
    let left = 64;
    let right = if narrow { width - 14 } else { left + 560 };
    let (upper, lower) = (TOP, TOP + PLOT);
    let share = |v: f64| ((v - from) / (to - from)).clamp(0.0, 1.0);
    let x = |v: f64| left + (share(v) * f64::from(right - left)).round() as i32;
    let y = |v: f64| lower - (share(v) * f64::from(lower - upper)).round() as i32;
    Picture::draw(width, lower + 44 + COUNTS + 22, |canvas| {
        canvas.text((12, 14), "share that happened", 12, FAINT, At::Start);
        for i in 0..=4 {
            let value = from + (to - from) * f64::from(i) / 4.0;
            let label = if value == 0.0 { "0 %".to_string() } else { words::percent(value) };
            canvas.line(&[(left, y(value)), (right, y(value))], GRID, 1);
            canvas.text((left - 7, y(value)), &label, 12, FAINT, At::End);
            canvas.line(&[(x(value), lower), (x(value), lower + 4)], FAINT, 1);
            let place = if i == 4 { At::End } else { At::Middle };
            canvas.text((if i == 4 { right } else { x(value) }, lower + 14), &label, 12, FAINT, place);
        }
        canvas.text(((left + right) / 2, lower + 32), "forecast", 12, FAINT, At::Middle);
        canvas.dashed(&[(x(from), y(from)), (x(to), y(to))], FAINT, 1);
        let most = q.bins.iter().map(|b| b.cases).max().unwrap_or(1) as f64;
        let floor = lower + 44 + COUNTS;
        for bin in &q.bins {
            let at = x(bin.forecast);
            let colour = if bin.holds() { PROPOSAL } else { BASELINE };
            canvas.line(&[(at, y(bin.observed.low)), (at, y(bin.observed.high))], colour, 2);
            for limit in [bin.observed.low, bin.observed.high] {
                canvas.line(&[(at - 4, y(limit)), (at + 4, y(limit))], colour, 2);
            }
            dot(canvas, (at, y(bin.observed.estimate)), colour);
            let height = (bin.cases as f64 / most * f64::from(COUNTS - 12)).round() as i32;
            canvas.bar((at - 4, floor - height.max(1)), (at + 4, floor), colour, 0.45);
        }
        canvas.line(&[(left, floor), (right, floor)], GRID, 1);
        canvas.text((left - 7, floor - 10), "cases", 12, FAINT, At::End);
        canvas.text(
            (left, floor + 12),
            &format!("{} cases, {} happened", words::count(q.cases), words::count(q.events)),
            12,
            INK,
            At::Start,
        );
        if !narrow {
            legend(canvas, right + 36);
        }
    })
}

fn legend(canvas: &Canvas<'_>, x: i32) {
    let rows = [(PROPOSAL, "the forecast lies within the limits"), (BASELINE, "it does not")];
    for (i, (colour, text)) in rows.into_iter().enumerate() {
        let y = TOP + 14 + 24 * i as i32;
        canvas.line(&[(x + 6, y - 8), (x + 6, y + 8)], colour, 2);
        dot(canvas, (x + 6, y), colour);
        canvas.text((x + 22, y), text, 13, colour, At::Start);
    }
    let y = TOP + 14 + 48;
    canvas.dashed(&[(x - 4, y), (x + 16, y)], FAINT, 1);
    canvas.text((x + 22, y), "forecasts are right", 13, FAINT, At::Start);
}

fn dot(canvas: &Canvas<'_>, (x, y): (i32, i32), colour: plotters::style::RGBColor) {
    let corners: Vec<(i32, i32)> =
        [(-5, 0), (-4, -3), (-3, -4), (0, -5), (3, -4), (4, -3), (5, 0), (4, 3), (3, 4), (0, 5), (-3, 4), (-4, 3)]
            .map(|(dx, dy)| (x + dx, y + dy))
            .to_vec();
    canvas.shape(&corners, colour, 1.0);
}

fn table(q: &Quality) -> Table {
    let head = ["forecasts", "mean", "cases", "happened", "share", "95 % limits"].map(str::to_string).to_vec();
    let row = |b: &crate::backtest::quality::Bin| {
        vec![
            format!("{} to {}", words::percent(b.from), words::percent(b.to)),
            words::percent(b.forecast),
            words::count(b.cases),
            words::count(b.events),
            words::percent(b.observed.estimate),
            format!("{} to {}", words::percent(b.observed.low), words::percent(b.observed.high)),
        ]
    };
    Table { head, rows: q.bins.iter().map(row).collect() }
}

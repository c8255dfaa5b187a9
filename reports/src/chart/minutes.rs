//! How many futures lose how many minutes: bars for the change and for doing nothing.

use super::canvas::{At, BASELINE, Canvas, FAINT, GRID, INK, PROPOSAL, Picture};
use super::grid::{NARROW, WIDE};
use super::{Chart, Table};
use crate::figures::{BINS, Bins, Figures, Spread};
use crate::words;

/// The chart; `None` without trials.
pub fn chart(figures: &Figures) -> Option<Chart> {
    let spread = &figures.spread;
    if spread.trials == 0 {
        return None;
    }
    let (with, without) = (spread.proposal.lossy, spread.baseline.lossy);
    Some(Chart {
        id: "minutes".to_string(),
        title: format!(
            "System workloads lose time in {} of futures with the change, in {} when nothing is done",
            words::probability_short(with),
            words::probability_short(without)
        ),
        description: format!("Share of {} futures by weighted minutes of outage of system workloads, with the change and doing nothing.", words::count(spread.trials)),
        reading: "Minutes are weighted as in the score and summed over system workloads; short dips count here even where they are no outage.".to_string(),
        wide: Picture::draw(WIDE, 270, |canvas| columns(canvas, spread)),
        narrow: Picture::draw(NARROW, 40 + 46 * BINS.len() as i32, |canvas| rows(canvas, spread)),
        table: table(spread),
    })
}

/// Upright bars.
fn columns(canvas: &Canvas<'_>, spread: &Spread) {
    let (left, right, upper, lower) = (52, canvas.width - 14, 56, canvas.height - 34);
    key(canvas);
    let y = |share: f64| lower - (share * f64::from(lower - upper)).round() as i32;
    for percent in [0, 25, 50, 75, 100] {
        let at = y(f64::from(percent) / 100.0);
        canvas.line(&[(left, at), (right, at)], GRID, 1);
        canvas.text((left - 7, at), &format!("{percent} %"), 12, FAINT, At::End);
    }
    let cell = (right - left) / BINS.len() as i32;
    for (i, name) in BINS.iter().enumerate() {
        let middle = left + cell * i as i32 + cell / 2;
        for (bins, offset, colour) in [(&spread.proposal, -25, PROPOSAL), (&spread.baseline, 25, BASELINE)] {
            let share = bins.shares[i].estimate;
            if bins.trials[i] > 0 {
                canvas.bar((middle + offset - 22, y(share).min(lower - 1)), (middle + offset + 22, lower), colour, 1.0);
                canvas.text(
                    (middle + offset, y(share).min(lower - 1) - 10),
                    &words::percent(share),
                    12,
                    colour,
                    At::Middle,
                );
            }
        }
        canvas.text((middle, lower + 16), name, 12, INK, At::Middle);
    }
    canvas.line(&[(left, lower), (right, lower)], FAINT, 1);
}

/// Lying bars, where there is no width for upright ones.
fn rows(canvas: &Canvas<'_>, spread: &Spread) {
    key(canvas);
    let (left, right, top) = (104, canvas.width - 62, 36);
    canvas.line(&[(left, top), (left, canvas.height - 4)], FAINT, 1);
    for (i, name) in BINS.iter().enumerate() {
        let middle = top + 46 * i as i32 + 23;
        canvas.text((left - 8, middle), name, 13, INK, At::End);
        for (bins, offset, colour) in [(&spread.proposal, -9, PROPOSAL), (&spread.baseline, 9, BASELINE)] {
            let share = bins.shares[i].estimate;
            if bins.trials[i] > 0 {
                let end = left + ((share * f64::from(right - left)).round() as i32).max(1);
                canvas.bar((left, middle + offset - 8), (end, middle + offset + 8), colour, 1.0);
                canvas.text((end + 5, middle + offset), &words::percent(share), 12, colour, At::Start);
            }
        }
    }
}

fn key(canvas: &Canvas<'_>) {
    for (x, name, colour) in [(12, "with the change", PROPOSAL), (150, "doing nothing", BASELINE)] {
        canvas.bar((x, 5), (x + 14, 17), colour, 1.0);
        canvas.text((x + 20, 11), name, 13, colour, At::Start);
    }
}

fn table(spread: &Spread) -> Table {
    let head = ["weighted minutes of outage", "with the change: trials", "share", "doing nothing: trials", "share"];
    let cells = |bins: &Bins, i: usize| [words::count(bins.trials[i]), words::probability(bins.shares[i])];
    let rows = BINS.iter().enumerate().map(|(i, name)| {
        [vec![(*name).to_string()], cells(&spread.proposal, i).to_vec(), cells(&spread.baseline, i).to_vec()].concat()
    });
    Table { head: head.map(str::to_string).to_vec(), rows: rows.collect() }
}

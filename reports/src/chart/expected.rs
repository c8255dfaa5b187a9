//! Recorded minutes against what replays give: a range for each workload, a mark for what was seen.

use super::canvas::{At, BASELINE, Canvas, FAINT, GREEN, GRID, INK, PROPOSAL, Picture};
use super::grid::{NARROW, WIDE};
use super::{Chart, Table};
use crate::words;

/// One workload; ranges are 5th percentile, median, 95th.
#[derive(Clone, Debug, PartialEq)]
pub struct Expected {
    /// `namespace/name`.
    pub name: String,
    /// Minutes as recorded.
    pub recorded: Option<f64>,
    /// Minutes in replays of the recorded course.
    pub replayed: Option<(f64, f64, f64)>,
    /// Minutes on the other course.
    pub other: Option<(f64, f64, f64)>,
}

/// The chart; `None` where nothing is lost.
pub fn expected(rows: &[Expected]) -> Option<Chart> {
    if rows.is_empty() {
        return None;
    }
    let within = rows.iter().filter_map(|r| r.recorded.zip(r.replayed)).collect::<Vec<_>>();
    let met =
        within.iter().filter(|(recorded, (low, _, high))| *low - 0.5 <= *recorded && *recorded <= *high + 0.5).count();
    let title = match within.len() {
        0 => "Minutes out in replays of the recorded course".to_string(),
        all => format!("What was recorded lies within the range of replays for {met} of {all} workloads"),
    };
    Some(Chart {
        id: "expected".to_string(),
        title,
        description: format!("Minutes out of {}: recorded, replayed, and on the other course.", rows.iter().map(|r| r.name.as_str()).collect::<Vec<_>>().join(", ")),
        reading: "Bars run from the 5th to the 95th percentile of replays, the notch is the median; the diamond is what was recorded. The axis is logarithmic above one minute.".to_string(),
        wide: draw(rows, WIDE),
        narrow: draw(rows, NARROW),
        table: table(rows),
    })
}

fn draw(rows: &[Expected], width: i32) -> Picture {
    let narrow = width < 600;
    let pitch = if narrow { 62 } else { 48 };
    let (left, right, top) = if narrow { (12, width - 24, 60) } else { (300, width - 30, 40) };
    let height = top + pitch * rows.len() as i32 + 28;
    let most = rows
        .iter()
        .flat_map(|r| [r.recorded, r.replayed.map(|v| v.2), r.other.map(|v| v.2)])
        .flatten()
        .fold(1.0, f64::max);
    Picture::draw(width, height, |canvas| {
        key(canvas, narrow);
        // Linear up to a minute, then a decade for each further length: zero has its place.
        let stretch = |minutes: f64| {
            if minutes <= 1.0 { minutes.max(0.0) } else { 1.0 + minutes.log10() }
        };
        let x =
            |minutes: f64| left + (stretch(minutes) / stretch(most * 1.15) * f64::from(right - left)).round() as i32;
        let lower = top + pitch * rows.len() as i32;
        for mark in [0.0, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0].into_iter().filter(|m| *m <= most * 1.15) {
            canvas.line(&[(x(mark), top), (x(mark), lower)], GRID, 1);
            let (at, place) = if narrow && mark == 0.0 { (left - 8, At::Start) } else { (x(mark), At::Middle) };
            canvas.text((at, lower + 14), &words::minutes(mark), 12, FAINT, place);
        }
        for (i, row) in rows.iter().enumerate() {
            let y = top + pitch * i as i32;
            let middle = if narrow { y + 38 } else { y + pitch / 2 };
            let (at, place) = if narrow { ((left, y + 12), At::Start) } else { ((left - 14, middle), At::End) };
            canvas.text(at, &crate::text::cut(&row.name, if narrow { 46 } else { 40 }), 13, INK, place);
            let lanes = [(row.replayed, -8, PROPOSAL), (row.other, 8, GREEN)];
            for (range, offset, colour) in lanes {
                let Some((low, median, high)) = range else {
                    continue;
                };
                canvas.bar((x(low), middle + offset - 5), (x(high).max(x(low) + 2), middle + offset + 5), colour, 0.45);
                canvas.bar((x(median) - 2, middle + offset - 8), (x(median) + 2, middle + offset + 8), colour, 1.0);
            }
            if let Some(recorded) = row.recorded {
                diamond(canvas, (x(recorded), middle - 8));
            }
        }
    })
}

fn diamond(canvas: &Canvas<'_>, (x, y): (i32, i32)) {
    canvas.shape(&[(x - 7, y), (x, y - 7), (x + 7, y), (x, y + 7)], BASELINE, 1.0);
}

fn key(canvas: &Canvas<'_>, narrow: bool) {
    let y = 12;
    diamond(canvas, (19, y));
    canvas.text((32, y), "recorded", 13, BASELINE, At::Start);
    canvas.bar((118, y - 5), (142, y + 5), PROPOSAL, 0.45);
    canvas.text((148, y), "replayed", 13, PROPOSAL, At::Start);
    let (x, y) = if narrow { (12, y + 22) } else { (236, y) };
    canvas.bar((x, y - 5), (x + 24, y + 5), GREEN, 0.45);
    canvas.text((x + 30, y), "the other course", 13, GREEN, At::Start);
}

fn table(rows: &[Expected]) -> Table {
    let head = ["workload", "recorded", "replayed: 5 %", "median", "95 %", "other course: 5 %", "median", "95 %"]
        .map(str::to_string)
        .to_vec();
    let minutes = |v: Option<f64>| v.map_or("–".to_string(), words::minutes);
    let range =
        |r: Option<(f64, f64, f64)>| [minutes(r.map(|r| r.0)), minutes(r.map(|r| r.1)), minutes(r.map(|r| r.2))];
    let row = |r: &Expected| {
        [vec![r.name.clone(), minutes(r.recorded)], range(r.replayed).to_vec(), range(r.other).to_vec()].concat()
    };
    Table { head, rows: rows.iter().map(row).collect() }
}

//! Nodes done over time: the predicted band, now, and what the snapshot shows.

use super::canvas::{At, BASELINE, FAINT, GRID, INK, PROPOSAL, Picture};
use super::grid::{NARROW, WIDE};
use super::panel::{Axes, ticks};
use super::{Chart, Table};
use crate::in_flight::{InFlight, Point};
use crate::words;

const PLOT: i32 = 220;
const TOP: i32 = 56;

/// The chart; `None` where there are no nodes to count.
pub fn chart(flight: &InFlight) -> Option<Chart> {
    let last = flight.curve.last()?;
    let done = flight.done_by_now;
    let n = |v: f64| words::number(v, 3);
    let title =
        format!("By now {} of {} nodes should be done ({} to {})", n(done.p50), flight.nodes, n(done.p5), n(done.p95));
    Some(Chart {
        id: "progress".to_string(),
        title,
        description: format!("Nodes done over {} from the beginning: median and band of the simulation, the time of the message or snapshot, and what the snapshot shows.", words::minutes(last.minutes)),
        reading: "The line is the median over futures of the nodes that are done, the shade holds 90 % of them. The dashed line is now: the time of the message or of the snapshot, whichever is later. The diamond is what the snapshot shows.".to_string(),
        wide: draw(flight, last.minutes, WIDE),
        narrow: draw(flight, last.minutes, NARROW),
        table: table(&flight.curve),
    })
}

fn draw(flight: &InFlight, longest: f64, width: i32) -> Picture {
    let axes = Axes {
        left: 46,
        right: width - 16,
        upper: TOP,
        lower: TOP + PLOT,
        horizon: longest,
        top: f64::from(flight.nodes.max(1)) * 1.08,
    };
    Picture::draw(width, TOP + PLOT + 48, |canvas| {
        canvas.text((12, 12), "nodes done", 12, FAINT, At::Start);
        let step = (f64::from(flight.nodes) / 5.0).ceil().max(1.0) as usize;
        for value in (0..=flight.nodes).step_by(step) {
            let y = axes.y(f64::from(value));
            canvas.line(&[(axes.left, y), (axes.right, y)], GRID, 1);
            canvas.text((axes.left - 7, y), &value.to_string(), 12, FAINT, At::End);
        }
        for (minutes, label) in ticks(longest, (axes.right - axes.left) / 62) {
            let x = axes.x(minutes);
            canvas.line(&[(x, axes.lower), (x, axes.lower + 4)], FAINT, 1);
            canvas.text((x, axes.lower + 14), &label, 12, FAINT, At::Middle);
        }
        canvas.text(((axes.left + axes.right) / 2, axes.lower + 34), "since the beginning", 12, FAINT, At::Middle);
        let line = |of: &dyn Fn(&Point) -> f64| -> Vec<(i32, i32)> {
            flight.curve.iter().map(|p| (axes.x(p.minutes), axes.y(of(p)))).collect()
        };
        let mut band = line(&|p| p.done.p95);
        band.extend(line(&|p| p.done.p5).into_iter().rev());
        canvas.shape(&band, PROPOSAL, 0.16);
        canvas.line(&line(&|p| p.done.p50), PROPOSAL, 2);
        let now = axes.x(flight.elapsed_minutes);
        canvas.dashed(&[(now, axes.upper - 12), (now, axes.lower)], FAINT, 2);
        let place = match now {
            x if x < axes.left + 40 => At::Start,
            x if x > axes.right - 40 => At::End,
            _ => At::Middle,
        };
        canvas.text(
            (now, axes.upper - 22),
            &format!("now, {}", words::minutes(flight.elapsed_minutes)),
            12,
            INK,
            place,
        );
        if let Some(seen) = flight.seen {
            let (x, y) = (axes.x(seen.at_minutes), axes.y(f64::from(seen.done)));
            canvas.shape(&[(x - 7, y), (x, y - 7), (x + 7, y), (x, y + 7)], BASELINE, 1.0);
            let (at, place) = if x > axes.right - 120 { (x - 12, At::End) } else { (x + 12, At::Start) };
            canvas.text((at, y + 12), &format!("{} seen", seen.done), 13, BASELINE, place);
        }
    })
}

fn table(curve: &[Point]) -> Table {
    let head = ["after", "5 %", "median", "95 %"].map(str::to_string).to_vec();
    let row = |p: &Point| {
        let n = |v: f64| words::number(v, 3);
        vec![words::clock(60.0 * p.minutes), n(p.done.p5), n(p.done.p50), n(p.done.p95)]
    };
    let mut rows: Vec<Vec<String>> = curve.iter().map(row).collect();
    rows.dedup_by(|a, b| a[1..] == b[1..]);
    Table { head, rows }
}

//! States of the nodes over time for the worst trial: one lane a node.

use plotters::style::RGBColor;

use super::canvas::{AMBER, At, BASELINE, Canvas, FAINT, GREEN, GRID, INK, PROPOSAL, Picture, SKY, width_of};
use super::grid::{NARROW, WIDE};
use super::panel::ticks;
use super::{Chart, Table};
use crate::figures::{Figures, Lane, Lanes, State, Stay};
use crate::words;

/// Height of a lane.
const LANE: i32 = 24;

/// The chart; `None` where no node changes its state.
pub fn chart(figures: &Figures) -> Option<Chart> {
    let lanes = figures.lanes.as_ref()?;
    let omitted = match lanes.not_drawn {
        0 => String::new(),
        1 => " 1 node is not drawn: it stays as it is.".to_string(),
        n => format!(" {n} nodes are not drawn: they stay as they are, or are too many."),
    };
    Some(Chart {
        id: "nodes".to_string(),
        title: format!(
            "Worst trial (number {}): at most {} of the {} nodes {} away at a time",
            lanes.trial,
            lanes.most_away,
            lanes.nodes,
            if lanes.most_away == 1 { "is" } else { "are" }
        ),
        description: format!("State over time of {} nodes in trial {}.", lanes.lanes.len(), lanes.trial),
        reading: format!(
            "A lane ends where its node is deleted; surge nodes begin where they are asked for. The time axis covers the part in which nodes change.{omitted}"
        ),
        wide: draw(lanes, WIDE),
        narrow: draw(lanes, NARROW),
        table: table(lanes),
    })
}

/// Colour of a state and the share of the lane it fills: its second sign.
fn look(state: State) -> (RGBColor, f64) {
    match state {
        State::Ready => (GREEN, 0.35),
        State::Cordoned => (AMBER, 0.6),
        State::Draining => (BASELINE, 0.85),
        State::Reimaging => (PROPOSAL, 0.85),
        State::Joining => (SKY, 0.6),
        State::NotReady => (INK, 0.85),
    }
}

fn draw(lanes: &Lanes, width: i32) -> Picture {
    let narrow = width < 600;
    let longest = lanes.lanes.iter().map(|l| width_of(&l.name, 12)).max().unwrap_or(0) + 16;
    // On narrow pages names stand above their lanes.
    let (left, right) = if narrow { (10, width - 22) } else { (longest.clamp(80, 330), width - 24) };
    let pitch = if narrow { LANE + 16 } else { LANE + 4 };
    let top = if narrow { 58 } else { 34 };
    let height = top + pitch * lanes.lanes.len() as i32 + 30;
    Picture::draw(width, height, |canvas| {
        key(canvas, narrow);
        let (from, to) = lanes.window;
        let x = |minutes: f64| {
            left + (((minutes - from) / (to - from).max(1e-9)).clamp(0.0, 1.0) * f64::from(right - left)).round() as i32
        };
        let lower = height - 26;
        for (minutes, label) in window_ticks(from, to, (right - left) / 70) {
            canvas.line(&[(x(minutes), top), (x(minutes), lower)], GRID, 1);
            canvas.text((x(minutes), lower + 13), &label, 12, FAINT, At::Middle);
        }
        for (i, lane) in lanes.lanes.iter().enumerate() {
            let y = top + pitch * i as i32;
            let (name_at, bar) = if narrow { ((left, y + 8), y + 15) } else { ((left - 8, y + pitch / 2), y + 2) };
            let letters = ((if narrow { right - left } else { left - 16 }) as f64 / (12.0 * 0.61)) as usize;
            let place = if narrow { At::Start } else { At::End };
            canvas.text(name_at, &shortened(&lane.name, letters), 12, INK, place);
            for stay in lane.stays.iter().filter(|s| s.to > from && s.from < to) {
                segment(canvas, stay, x(stay.from.max(from)), x(stay.to.min(to)), bar);
            }
        }
    })
}

fn segment(canvas: &Canvas<'_>, stay: &Stay, from: i32, to: i32, y: i32) {
    let (colour, share) = look(stay.state);
    let half = (f64::from(LANE) * share / 2.0).round() as i32;
    canvas.bar((from, y + LANE / 2 - half), (to.max(from + 2), y + LANE / 2 + half), colour, 1.0);
}

/// The end of a long name tells nodes apart.
fn shortened(name: &str, letters: usize) -> String {
    let count = name.chars().count();
    if count <= letters {
        return name.to_string();
    }
    let end: String = name.chars().skip(count - letters.saturating_sub(1)).collect();
    format!("…{end}")
}

/// Round times within a window.
fn window_ticks(from: f64, to: f64, most: i32) -> Vec<(f64, String)> {
    let step = ticks(to - from, most).get(1).map_or(to.max(1.0), |(minutes, _)| *minutes);
    let first = (from / step).ceil();
    let label = |m: f64| {
        if step >= 60.0 { format!("{} h", words::number(m / 60.0, 3)) } else { format!("{} min", words::number(m, 4)) }
    };
    (0..).map(|i| (first + f64::from(i)) * step).take_while(|m| *m <= to).map(|m| (m, label(m))).collect()
}

fn key(canvas: &Canvas<'_>, narrow: bool) {
    let per_row = if narrow { 3 } else { State::ALL.len() };
    let column = if narrow { (canvas.width - 12) / 3 } else { 118 };
    for (i, (state, name)) in State::ALL.iter().enumerate() {
        let (x, y) = (12 + column * (i % per_row) as i32, 12 + 22 * (i / per_row) as i32);
        let (colour, share) = look(*state);
        let half = (14.0 * share / 2.0_f64).round() as i32;
        canvas.bar((x, y - half), (x + 20, y + half), colour, 1.0);
        canvas.text((x + 26, y), name, 13, INK, At::Start);
    }
}

fn table(lanes: &Lanes) -> Table {
    let head = ["node", "pool", "state", "from", "to"].map(str::to_string).to_vec();
    let row = |lane: &Lane, stay: &Stay| {
        let clock = |minutes: f64| words::clock(minutes * 60.0);
        vec![lane.name.clone(), lane.pool.clone(), stay.state.name().to_string(), clock(stay.from), clock(stay.to)]
    };
    Table { head, rows: lanes.lanes.iter().flat_map(|lane| lane.stays.iter().map(|stay| row(lane, stay))).collect() }
}

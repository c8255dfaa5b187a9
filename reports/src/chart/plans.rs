//! Plans as points: how risky against how long, with what they cost beside them. Numbers are those of the list.

use super::canvas::{At, BASELINE, Canvas, FAINT, GRID, INK, PROPOSAL, Picture};
use super::grid::{NARROW, WIDE};
use super::{Chart, Table};
use crate::page::alternatives::rows;
use crate::report::{Alternative, Report};
use crate::score;
use crate::words;

/// A plan as it is drawn.
struct Point {
    /// Its number; the proposal has none.
    number: Option<usize>,
    minutes: f64,
    score: f64,
    low: f64,
    high: f64,
    cost: Option<f64>,
    unbeaten: bool,
}

/// The chart; `None` without other plans.
pub fn chart(report: &Report) -> Option<Chart> {
    if report.alternatives.is_empty() {
        return None;
    }
    let points = points(report);
    let (proposal, others): (Vec<&Point>, Vec<&Point>) = points.iter().partition(|p| p.number.is_none());
    let before = proposal.first().map(|p| p.score)?;
    let safer = others.iter().filter(|p| p.score < before).count();
    let best = others.iter().map(|p| p.score).fold(before, f64::min);
    let title = if safer == 0 {
        "No plan shown is safer than the proposal; they are quicker, cheaper or surer to end well".to_string()
    } else {
        format!(
            "{safer} of {} plans shown {} safer than the proposal: the safest scores {} instead of {}",
            others.len(),
            if safer == 1 { "is" } else { "are" },
            words::score_text(best),
            words::score_text(before)
        )
    };
    Some(Chart {
        id: "plans".to_string(),
        title,
        description: "Each plan as a point: how long it typically takes, from left to right, and its score, upwards, with the 95 % interval.".to_string(),
        reading: "Further down is safer, further left is quicker; the amount is what extra nodes cost. Full points are beaten by no other plan in every respect; the diamond is the change as proposed. Numbers are those of the list.".to_string(),
        wide: Picture::draw(WIDE, 340, |canvas| draw(canvas, &points, 56)),
        narrow: Picture::draw(NARROW, 330, |canvas| draw(canvas, &points, 40)),
        table: table(report),
    })
}

fn points(report: &Report) -> Vec<Point> {
    let proposal = report.plan_search.as_ref().and_then(|s| s.proposal.as_ref());
    let point = |(number, a): (Option<usize>, &Alternative)| {
        let loss = a.added_outage_minutes;
        Some(Point {
            number,
            minutes: a.duration_minutes.p50?,
            score: a.score,
            low: score::score(loss.low),
            high: score::score(loss.high),
            cost: a.cost_usd,
            unbeaten: a.pareto,
        })
    };
    let numbered = report.alternatives.iter().enumerate().map(|(i, a)| (Some(i + 1), a));
    numbered.chain(proposal.map(|a| (None, a))).filter_map(point).collect()
}

fn draw(canvas: &Canvas<'_>, points: &[Point], left: i32) {
    let (right, upper, lower) = (canvas.width - 24, 20, canvas.height - 46);
    let most = points.iter().map(|p| p.minutes).fold(1.0, f64::max) * 1.12;
    let x = |minutes: f64| left + (minutes / most * f64::from(right - left)).round() as i32;
    let y = |score: f64| lower - (score / 100.0 * f64::from(lower - upper)).round() as i32;
    for mark in [0, 20, 40, 60, 80, 100] {
        let at = y(f64::from(mark));
        canvas.line(&[(left, at), (right, at)], GRID, 1);
        canvas.text((left - 8, at), &mark.to_string(), 12, FAINT, At::End);
    }
    canvas.text((left, upper - 12), "score of 100", 12, FAINT, At::Start);
    for mark in marks(most) {
        canvas.line(&[(x(mark), lower), (x(mark), lower + 4)], FAINT, 1);
        canvas.text((x(mark), lower + 15), &words::minutes(mark), 12, FAINT, At::Middle);
    }
    canvas.line(&[(left, lower), (right, lower)], FAINT, 1);
    canvas.text((right, lower + 34), "typical duration", 12, FAINT, At::End);
    for point in points {
        let at = (x(point.minutes), y(point.score));
        let colour = if point.number.is_none() { BASELINE } else { PROPOSAL };
        canvas.line(&[(at.0, y(point.low)), (at.0, y(point.high))], colour, 1);
    }
    let mut taken: Vec<(i32, i32)> = Vec::new();
    for point in points {
        let at = (x(point.minutes), y(point.score));
        match point.number {
            None => diamond(canvas, at),
            Some(_) => disc(canvas, at, if point.unbeaten { 1.0 } else { 0.45 }),
        }
        label(canvas, point, at, right, &mut taken);
    }
}

/// Number and cost beside a point, moved down where another label stands.
fn label(canvas: &Canvas<'_>, point: &Point, (x, y): (i32, i32), right: i32, taken: &mut Vec<(i32, i32)>) {
    let name = point.number.map_or("proposed".to_string(), |n| n.to_string());
    let text = match point.cost {
        Some(usd) if usd >= 0.005 => format!("{name}: USD {}", words::number(usd, 2)),
        _ => name,
    };
    let wide = super::canvas::width_of(&text, 13);
    let fits = x + 12 + wide <= right;
    let mut at = (if fits { x + 12 } else { x - 12 }, y - 9);
    let near = |a: (i32, i32), b: &(i32, i32)| (a.0 - b.0).abs() < 90 && (a.1 - b.1).abs() < 15;
    for _ in 0..8 {
        if !taken.iter().any(|t| near(at, t)) {
            break;
        }
        at.1 -= 15;
    }
    taken.push(at);
    canvas.text(at, &text, 13, INK, if fits { At::Start } else { At::End });
}

fn disc(canvas: &Canvas<'_>, (x, y): (i32, i32), opacity: f64) {
    const R: f64 = 7.0;
    let corner = |i: i32| {
        let angle = f64::from(i) * std::f64::consts::TAU / 16.0;
        (x + (R * angle.cos()).round() as i32, y + (R * angle.sin()).round() as i32)
    };
    canvas.shape(&(0..16).map(corner).collect::<Vec<_>>(), PROPOSAL, opacity);
}

fn diamond(canvas: &Canvas<'_>, (x, y): (i32, i32)) {
    canvas.shape(&[(x - 8, y), (x, y - 8), (x + 8, y), (x, y + 8)], BASELINE, 1.0);
}

/// Marks of an axis from 0 on, about five of them at round minutes.
fn marks(most: f64) -> Vec<f64> {
    let steps = [0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 240.0, 480.0, 720.0];
    let step = steps.into_iter().find(|step| most / step <= 5.5).unwrap_or(1440.0);
    (0..=(most / step) as u32).map(|i| f64::from(i) * step).collect()
}

fn table(report: &Report) -> Table {
    let head = ["plan", "score", "added outage, weighted mean", "ends well", "takes", "extra nodes"];
    Table {
        head: head.map(str::to_string).to_vec(),
        rows: rows(report).into_iter().map(|(_, row)| row.to_vec()).collect(),
    }
}

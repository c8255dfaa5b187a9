//! One panel of a chart over time: median lines and 5-95 % bands of both plans.

use super::canvas::{At, BASELINE, Canvas, FAINT, GRID, INK, PROPOSAL};
use crate::figures::{Bands, Compared};
use crate::words;

/// Room left of a panel for the labels of its axis.
const LEFT: i32 = 46;
/// Room above for its name.
const TOP: i32 = 28;
/// Room below for the hours.
const BOTTOM: i32 = 26;
/// Room at the right, so that the last label of the axis is not cut.
const RIGHT: i32 = 14;

/// What a panel shows.
pub struct Panel<'a> {
    /// Its name, drawn above.
    pub name: String,
    /// Unit of the vertical axis, drawn beside the name.
    pub unit: &'a str,
    /// Length of the horizontal axis in minutes.
    pub horizon: f64,
    /// What is drawn.
    pub values: &'a Compared,
    /// A value that matters, drawn as a line with its name.
    pub mark: Option<(f64, String)>,
    /// Values are whole numbers.
    pub whole: bool,
    /// The axis goes at least this far.
    pub at_least: f64,
}

/// Place of a panel on the canvas.
#[derive(Clone, Copy)]
pub struct Place {
    /// Left edge.
    pub x: i32,
    /// Upper edge.
    pub y: i32,
    /// Width.
    pub width: i32,
    /// Height.
    pub height: i32,
}

impl Panel<'_> {
    /// Draws the panel.
    pub fn draw(&self, canvas: &Canvas<'_>, place: Place) {
        let step = self.step();
        let top = self.top();
        let axes = Axes {
            left: place.x + LEFT,
            right: place.x + place.width - RIGHT,
            upper: place.y + TOP,
            lower: place.y + place.height - BOTTOM,
            horizon: self.horizon,
            top,
        };
        self.name(canvas, place);
        let mut value = 0.0;
        while value <= top * 1.000_001 {
            let y = axes.y(value);
            canvas.line(&[(axes.left, y), (axes.right, y)], GRID, 1);
            canvas.text((axes.left - 7, y), &words::number(value, 3), 12, FAINT, At::End);
            value += step;
        }
        axes.hours(canvas);
        band(canvas, &axes, &self.values.baseline, BASELINE);
        band(canvas, &axes, &self.values.proposal, PROPOSAL);
        if let Some((value, name)) = &self.mark {
            let y = axes.y(*value);
            canvas.dashed(&[(axes.left, y), (axes.right, y)], FAINT, 1);
            canvas.text((axes.right, y + 9), name, 12, FAINT, At::End);
        }
        canvas.line(&axes.steps(&self.values.proposal.median), PROPOSAL, 2);
        canvas.dashed(&axes.steps(&self.values.baseline.median), BASELINE, 2);
    }

    fn name(&self, canvas: &Canvas<'_>, place: Place) {
        let room = place.width - LEFT - RIGHT;
        let unit = format!(" {}", self.unit);
        let letters = (f64::from(room) / (14.0 * 0.61)) as usize;
        let name = crate::text::cut(&self.name, letters.saturating_sub(unit.chars().count()).max(8));
        canvas.bold((place.x + LEFT, place.y + 10), &name, 14, INK, At::Start);
        canvas.text((place.x + place.width - RIGHT, place.y + 10), &unit, 12, FAINT, At::End);
    }

    /// Value at the upper edge: a little air above the highest line, or the next line of the grid where that is near.
    fn top(&self) -> f64 {
        let highest = self.values.proposal.top().max(self.values.baseline.top()).max(self.at_least).max(1e-9);
        highest * 1.12
    }

    /// Distance between lines of the grid: 1, 2 or 5 times a power of ten, three to five lines.
    fn step(&self) -> f64 {
        let rough = self.top() / 4.0;
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * power).find(|s| *s >= rough).unwrap_or(power);
        if self.whole { step.max(1.0).round() } else { step }
    }
}

/// From values to pixels.
pub struct Axes {
    /// Left edge of the plot.
    pub left: i32,
    /// Right edge.
    pub right: i32,
    /// Upper edge.
    pub upper: i32,
    /// Lower edge.
    pub lower: i32,
    /// Minutes at the right edge.
    pub horizon: f64,
    /// Value at the upper edge.
    pub top: f64,
}

impl Axes {
    /// Pixel of a time in minutes.
    pub fn x(&self, minutes: f64) -> i32 {
        let share = if self.horizon > 0.0 { (minutes / self.horizon).clamp(0.0, 1.0) } else { 0.0 };
        self.left + (share * f64::from(self.right - self.left)).round() as i32
    }

    /// Pixel of a value.
    pub fn y(&self, value: f64) -> i32 {
        let share = (value / self.top).clamp(0.0, 1.0);
        self.lower - (share * f64::from(self.lower - self.upper)).round() as i32
    }

    /// A value for each step, level within the step.
    fn steps(&self, values: &[f64]) -> Vec<(i32, i32)> {
        let n = values.len().max(1) as f64;
        let mut points: Vec<(i32, i32)> = Vec::with_capacity(2 * values.len());
        for (i, value) in values.iter().enumerate() {
            let y = self.y(*value);
            // A level stretch needs its two ends only.
            if points.len() >= 2 && points[points.len() - 1].1 == y {
                points.pop();
            } else {
                points.push((self.x(i as f64 / n * self.horizon), y));
            }
            points.push((self.x((i + 1) as f64 / n * self.horizon), y));
        }
        points
    }

    /// Labels of the time axis.
    fn hours(&self, canvas: &Canvas<'_>) {
        for (minutes, label) in ticks(self.horizon, (self.right - self.left) / 62) {
            let x = self.x(minutes);
            canvas.line(&[(x, self.lower), (x, self.lower + 4)], FAINT, 1);
            canvas.text((x, self.lower + 14), &label, 12, FAINT, At::Middle);
        }
    }
}

/// Times to label on an axis, at most so many.
pub fn ticks(horizon: f64, most: i32) -> Vec<(f64, String)> {
    const STEPS: [f64; 14] =
        [1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 180.0, 240.0, 360.0, 720.0, 1440.0, 10080.0];
    let most = f64::from(most.clamp(2, 12));
    let step = STEPS.into_iter().find(|s| horizon / s <= most).unwrap_or(horizon.max(1.0));
    let in_hours = horizon >= 120.0;
    let label = |minutes: f64| {
        if in_hours {
            format!("{} h", words::number(minutes / 60.0, 3))
        } else {
            format!("{} min", words::number(minutes, 4))
        }
    };
    (0..).map(|i| f64::from(i) * step).take_while(|m| *m <= horizon + 1e-9).map(|m| (m, label(m))).collect()
}

fn band(canvas: &Canvas<'_>, axes: &Axes, bands: &Bands, colour: plotters::style::RGBColor) {
    if bands.low == bands.high {
        return;
    }
    let mut outline = axes.steps(&bands.high);
    outline.extend(axes.steps(&bands.low).into_iter().rev());
    canvas.shape(&outline, colour, 0.16);
}

/// The key to both plans, for the top of a chart; its height is [`KEY`].
pub fn key(canvas: &Canvas<'_>, narrow: bool) {
    let y = 10;
    canvas.line(&[(12, y), (36, y)], PROPOSAL, 2);
    canvas.text((42, y), "with the change", 13, PROPOSAL, At::Start);
    canvas.dashed(&[(164, y), (188, y)], BASELINE, 2);
    canvas.text((194, y), "doing nothing", 13, BASELINE, At::Start);
    let note = "line: median · shade: 5 to 95 % of futures";
    let at = if narrow { (12, y + 20) } else { (310, y) };
    canvas.text(at, note, 12, FAINT, At::Start);
}

/// Height of the key.
pub fn key_height(narrow: bool) -> i32 {
    if narrow { 48 } else { 30 }
}

//! A heat map: one number for each pair of two axes.

use super::canvas::{At, Canvas, FAINT, INK, Picture};
use super::grid::{NARROW, WIDE};
use super::{Chart, Table};
use crate::words;
use plotters::style::RGBColor;

/// What a heat map shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HeatMap {
    /// What it shows, as a statement.
    pub title: String,
    /// Name and values of the horizontal axis.
    pub x: (String, Vec<String>),
    /// Name and values of the vertical axis.
    pub y: (String, Vec<String>),
    /// A value for each row of `y` and column of `x`; `None` where nothing was computed.
    pub values: Vec<Vec<Option<f64>>>,
    /// Unit of the values.
    pub unit: String,
    /// Value at which the colour is full; the largest value where absent.
    pub full: Option<f64>,
}

/// Draws a heat map. Darker is more, and every cell carries its number.
pub fn heat_map(map: &HeatMap) -> Chart {
    let full = map.full.unwrap_or_else(|| map.values.iter().flatten().flatten().copied().fold(0.0, f64::max));
    Chart {
        id: "heat".to_string(),
        title: map.title.clone(),
        description: format!("{} by {} and {}.", map.unit, map.x.0, map.y.0),
        reading: format!(
            "{}: one cell for one {} (across) and one {} (down); the fuller the colour, the more.",
            map.unit, map.x.0, map.y.0
        ),
        wide: draw(map, full, WIDE),
        narrow: draw(map, full, NARROW),
        table: table(map),
    }
}

fn draw(map: &HeatMap, full: f64, width: i32) -> Picture {
    let narrow = width < 600;
    let columns = map.x.1.len().max(1) as i32;
    let left = if narrow { 104 } else { 180 };
    let cell = ((width - left - 12) / columns).min(150);
    let tall = if narrow { 36 } else { 46 };
    let top = 58;
    Picture::draw(width, top + tall * map.y.1.len().max(1) as i32 + 10, |canvas| {
        canvas.bold((left, 12), &map.x.0, 13, INK, At::Start);
        canvas.bold((left - 10, 38), &crate::text::cut(&map.y.0, if narrow { 10 } else { 22 }), 13, INK, At::End);
        let letters = (f64::from(cell) / 7.2).max(2.0) as usize;
        for (i, name) in map.x.1.iter().enumerate() {
            canvas.text((left + cell * i as i32 + cell / 2, 38), &crate::text::cut(name, letters), 13, INK, At::Middle);
        }
        for (row, name) in map.y.1.iter().enumerate() {
            let y = top + tall * row as i32;
            canvas.text(
                (left - 10, y + tall / 2),
                &crate::text::cut(name, if narrow { 10 } else { 22 }),
                13,
                INK,
                At::End,
            );
            for column in 0..map.x.1.len() {
                let value = map.values.get(row).and_then(|r| r.get(column)).copied().flatten();
                paint(canvas, value, full, (left + cell * column as i32, y), (cell, tall));
            }
        }
    })
}

fn paint(canvas: &Canvas<'_>, value: Option<f64>, full: f64, at: (i32, i32), size: (i32, i32)) {
    let middle = (at.0 + size.0 / 2, at.1 + size.1 / 2);
    let corner = (at.0 + size.0 - 2, at.1 + size.1 - 2);
    let Some(value) = value else {
        canvas.text(middle, "–", 13, FAINT, At::Middle);
        return;
    };
    let share = if full > 0.0 { (value / full).clamp(0.0, 1.0) } else { 0.0 };
    let (colour, ink) = shade(share);
    canvas.bar(at, corner, colour, 1.0);
    canvas.text(middle, &words::number(value, if value >= 100.0 { 3 } else { 2 }), 13, ink, At::Middle);
}

/// From pale yellow through orange to dark red, with ink that can be read on it. The same on light and dark pages.
fn shade(share: f64) -> (RGBColor, RGBColor) {
    const STOPS: [(f64, f64, f64); 4] =
        [(255.0, 247.0, 222.0), (253.0, 196.0, 112.0), (217.0, 95.0, 14.0), (122.0, 24.0, 13.0)];
    let place = share * (STOPS.len() - 1) as f64;
    let i = (place.floor() as usize).min(STOPS.len() - 2);
    let t = place - i as f64;
    let mix = |a: f64, b: f64| (a + (b - a) * t).round() as u8;
    let (a, b) = (STOPS[i], STOPS[i + 1]);
    let colour = RGBColor(mix(a.0, b.0), mix(a.1, b.1), mix(a.2, b.2));
    // Not the ink of pages, which turns light on dark ones.
    let ink = if share > 0.55 { RGBColor(0xFF, 0xFF, 0xFF) } else { RGBColor(0x1C, 0x21, 0x27) };
    (colour, ink)
}

fn table(map: &HeatMap) -> Table {
    let head = [vec![format!("{} \\ {}", map.y.0, map.x.0)], map.x.1.clone()].concat();
    let cell = |row: usize, column: usize| {
        map.values
            .get(row)
            .and_then(|r| r.get(column))
            .copied()
            .flatten()
            .map_or("–".to_string(), |v| words::number(v, 3))
    };
    let rows = map
        .y
        .1
        .iter()
        .enumerate()
        .map(|(row, name)| [vec![name.clone()], (0..map.x.1.len()).map(|c| cell(row, c)).collect()].concat());
    Table { head, rows: rows.collect() }
}

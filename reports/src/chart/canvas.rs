//! A sheet to draw on: plotters' SVG backend, with the project's colours, type sizes and units, and a finished picture
//! with title, description and colours for dark pages.
//!
//! Colours are written as plain attributes, so that any viewer shows them; [`DARK`] turns them for dark pages by
//! matching the attributes.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::text;

/// With the change.
pub const PROPOSAL: RGBColor = RGBColor(0x00, 0x72, 0xB2);
/// Doing nothing.
pub const BASELINE: RGBColor = RGBColor(0xD5, 0x5E, 0x00);
/// Text.
pub const INK: RGBColor = RGBColor(0x1C, 0x21, 0x28);
/// Text of less weight.
pub const FAINT: RGBColor = RGBColor(0x57, 0x60, 0x6A);
/// Hair lines.
pub const GRID: RGBColor = RGBColor(0xE1, 0xE4, 0xE8);
/// Okabe and Ito's green.
pub const GREEN: RGBColor = RGBColor(0x00, 0x9E, 0x73);
/// Okabe and Ito's orange.
pub const AMBER: RGBColor = RGBColor(0xE6, 0x9F, 0x00);
/// Okabe and Ito's sky blue.
pub const SKY: RGBColor = RGBColor(0x56, 0xB4, 0xE9);
/// Colours that are lines with dashes; drawn as their twin.
const DASHED: [(&str, &str); 2] = [("#D55E01", "#D55E00"), ("#57606B", "#57606A")];

/// Rules that turn the colours of all charts for dark pages.
pub const DARK: &str = "@media (prefers-color-scheme:dark){\
.pp [fill=\"#1C2128\"]{fill:#E4E7EB}.pp [fill=\"#57606A\"]{fill:#9AA4AF}.pp [fill=\"#FEFEFE\"]{fill:#14171B}.pp [fill=\"#E1E4E8\"]{fill:#373E47}\
.pp [stroke=\"#1C2128\"]{stroke:#E4E7EB}.pp [stroke=\"#57606A\"]{stroke:#9AA4AF}.pp [stroke=\"#E1E4E8\"]{stroke:#373E47}.pp [stroke=\"#FEFEFE\"]{stroke:#14171B}\
.pp [fill=\"#0072B2\"]{fill:#4FA8E0}.pp [stroke=\"#0072B2\"]{stroke:#4FA8E0}.pp [fill=\"#D55E00\"]{fill:#F28C3C}.pp [stroke=\"#D55E00\"]{stroke:#F28C3C}\
.pp [fill=\"#009E73\"]{fill:#2FBF93}.pp [opacity=\"0.16\"]{opacity:.3}}";

/// Typeface of all charts: what the page uses.
const FONT: &str = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif";

/// Horizontal place of a text relative to its point.
#[derive(Clone, Copy, Debug)]
pub enum At {
    /// The text begins there.
    Start,
    /// It is centred there.
    Middle,
    /// It ends there.
    End,
}

/// A drawn picture without its frame.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Picture {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// SVG elements.
    pub markup: String,
}

/// Where charts draw. Drawing into memory cannot fail, so errors of the backend are dropped.
pub struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
    /// Width in pixels.
    pub width: i32,
    /// Height in pixels.
    pub height: i32,
}

impl Picture {
    /// Draws a picture of the given size.
    pub fn draw(width: i32, height: i32, paint: impl FnOnce(&Canvas<'_>)) -> Picture {
        let (w, h) = (width.max(1) as u32, height.max(1) as u32);
        let mut svg = String::new();
        {
            let area = SVGBackend::with_string(&mut svg, (w, h)).into_drawing_area();
            let canvas = Canvas { area, width, height };
            paint(&canvas);
            canvas.area.present().ok();
        }
        Picture { width: w, height: h, markup: inner(&svg) }
    }

    /// The picture for a page; `id` must be unique there.
    pub fn inline(&self, id: &str, title: &str, description: &str) -> String {
        self.framed(id, title, description, "", &self.markup, self.height)
    }

    /// The picture as a file of its own, with its title drawn.
    pub fn file(&self, id: &str, title: &str, description: &str) -> String {
        let lines = wrapped(title, (self.width as usize).saturating_sub(24) / 9);
        let head = 16 + 24 * lines.len() as u32;
        let height = self.height + head;
        let mut body = format!("<rect width=\"{}\" height=\"{height}\" fill=\"#FEFEFE\"/>", self.width);
        for (i, line) in lines.iter().enumerate() {
            body.push_str(&format!(
                "<text x=\"12\" y=\"{}\" font-size=\"17\" font-weight=\"600\" fill=\"#1C2128\">{}</text>",
                28 + 24 * i,
                text::xml(line)
            ));
        }
        body.push_str(&format!("<g transform=\"translate(0,{head})\">{}</g>", self.markup));
        self.framed(id, title, description, &format!("<style>{DARK}</style>"), &body, height)
    }

    fn framed(&self, id: &str, title: &str, description: &str, style: &str, body: &str, height: u32) -> String {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"pp\" viewBox=\"0 0 {} {height}\" width=\"{}\" height=\"{height}\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\" font-family=\"{FONT}\"><title id=\"{id}-t\">{}</title><desc id=\"{id}-d\">{}</desc>{style}{body}</svg>\n",
            self.width,
            self.width,
            text::xml(title),
            text::xml(description),
        )
    }
}

impl Canvas<'_> {
    /// A line through points.
    pub fn line(&self, points: &[(i32, i32)], colour: RGBColor, width: u32) {
        self.area.draw(&PathElement::new(points.to_vec(), colour.stroke_width(width))).ok();
    }

    /// A dashed line; only [`BASELINE`] and [`FAINT`] can be dashed.
    pub fn dashed(&self, points: &[(i32, i32)], colour: RGBColor, width: u32) {
        self.line(points, RGBColor(colour.0, colour.1, colour.2 + 1), width);
    }

    /// A filled shape.
    pub fn shape(&self, points: &[(i32, i32)], colour: RGBColor, opacity: f64) {
        self.area.draw(&Polygon::new(points.to_vec(), colour.mix(opacity))).ok();
    }

    /// A filled rectangle from corner to corner.
    pub fn bar(&self, from: (i32, i32), to: (i32, i32), colour: RGBColor, opacity: f64) {
        self.area.draw(&Rectangle::new([from, to], colour.mix(opacity).filled())).ok();
    }

    /// Text with its vertical middle at the point; `size` in pixels.
    pub fn text(&self, at: (i32, i32), text: &str, size: i32, colour: RGBColor, place: At) {
        self.write(at, text, size, colour, place, FontStyle::Normal);
    }

    /// Bold text.
    pub fn bold(&self, at: (i32, i32), text: &str, size: i32, colour: RGBColor, place: At) {
        self.write(at, text, size, colour, place, FontStyle::Bold);
    }

    fn write(&self, at: (i32, i32), text: &str, size: i32, colour: RGBColor, place: At, style: FontStyle) {
        let horizontal = match place {
            At::Start => HPos::Left,
            At::Middle => HPos::Center,
            At::End => HPos::Right,
        };
        // The backend divides sizes by 1.24.
        let font = FontDesc::new(FontFamily::SansSerif, f64::from(size) * 1.24, style)
            .color(&colour)
            .pos(Pos::new(horizontal, VPos::Center));
        self.area.draw(&Text::new(text::plain(text), at, font)).ok();
    }
}

/// Width of a text in pixels, guessed: what fits is decided by this, never what is shown.
pub fn width_of(text: &str, size: i32) -> i32 {
    (text.chars().count() as f64 * f64::from(size) * 0.61).ceil() as i32
}

/// The elements inside the root, with dashes in place and without what the root says for all.
fn inner(svg: &str) -> String {
    let start = svg.find("<svg").and_then(|at| svg[at..].find('>').map(|end| at + end + 1)).unwrap_or(0);
    let end = svg.rfind("</svg>").unwrap_or(svg.len());
    let mut body = svg[start..end]
        .replace(" opacity=\"1\"", "")
        .replace(" font-family=\"sans-serif\"", "")
        .replace(">\n", ">")
        .replace("\n<", "<");
    for (mark, colour) in DASHED {
        body = body.replace(&format!("stroke=\"{mark}\""), &format!("stroke=\"{colour}\" stroke-dasharray=\"6 4\""));
    }
    tidy_sizes(&body)
}

/// Font sizes without the noise of the division.
fn tidy_sizes(body: &str) -> String {
    let mut out = String::with_capacity(body.len());
    let mut rest = body;
    while let Some(at) = rest.find("font-size=\"") {
        let (before, after) = rest.split_at(at + 11);
        out.push_str(before);
        let end = after.find('"').unwrap_or(0);
        match after[..end].parse::<f64>() {
            Ok(size) => out.push_str(&format!("{}", size.round())),
            Err(_) => out.push_str(&after[..end]),
        }
        rest = &after[end..];
    }
    out.push_str(rest);
    out
}

/// Words on lines of at most so many characters.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = vec![String::new()];
    for word in text::plain(text).split_whitespace() {
        let last = lines.len() - 1;
        let line = &mut lines[last];
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(word.to_string());
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

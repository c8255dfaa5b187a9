//! Small multiples: panels in rows, as many beside each other as fit.

use super::canvas::Picture;
use super::panel::{Panel, Place, key, key_height};

/// Width of pictures on wide pages and in files.
pub const WIDE: i32 = 1080;
/// Width of pictures on narrow pages.
pub const NARROW: i32 = 370;

/// Panels in a grid under the key to both plans.
pub fn draw(panels: &[Panel<'_>], width: i32, most_columns: i32, height: i32) -> Picture {
    let narrow = width < 600;
    let columns = if narrow { 1 } else { most_columns.min(panels.len().max(1) as i32) };
    let rows = (panels.len() as i32 + columns - 1) / columns;
    let top = key_height(narrow);
    let (cell, gap) = (width / columns, 10);
    Picture::draw(width, top + rows * (height + gap), |canvas| {
        key(canvas, narrow);
        for (i, panel) in panels.iter().enumerate() {
            let (column, row) = (i as i32 % columns, i as i32 / columns);
            panel.draw(canvas, Place { x: column * cell, y: top + row * (height + gap), width: cell, height });
        }
    })
}

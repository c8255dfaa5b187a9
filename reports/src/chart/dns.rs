//! Share of DNS queries lost over time.

use super::grid::{self, NARROW, WIDE};
use super::panel::Panel;
use super::{Chart, series};
use crate::figures::{Bands, Figures};
use crate::words;

/// The chart; `None` where demand on DNS is not modelled.
pub fn chart(figures: &Figures) -> Option<Chart> {
    let dns = figures.dns.as_ref()?;
    let panel = |height| {
        let panel = Panel {
            name: "DNS queries lost".to_string(),
            unit: "% of queries",
            horizon: figures.horizon,
            values: dns,
            mark: None,
            whole: false,
            at_least: 1.0,
        };
        (panel, height)
    };
    let draw = |width, (panel, height): (Panel<'_>, i32)| grid::draw(&[panel], width, 1, height);
    let top = |bands: &Bands| bands.top();
    let (with, without) = (top(&dns.proposal), top(&dns.baseline));
    let title = title(with, without);
    Some(Chart {
        id: "dns".to_string(),
        title,
        description: format!(
            "Share of DNS queries lost over time: median and 5 to 95 % band over {} futures, with the change and doing nothing.",
            words::count(figures.trials as u64)
        ),
        reading:
            "Queries are lost where no pod answers, or where they come faster than the pods that are up can answer."
                .to_string(),
        wide: draw(WIDE, panel(230)),
        narrow: draw(NARROW, panel(190)),
        table: series::table(figures.horizon, &[("% lost".to_string(), dns)]),
    })
}

/// Highest losses of 95 of 100 futures in words; none of them a bare zero.
fn title(with: f64, without: f64) -> String {
    let up_to = |loss: f64| {
        format!("In one future of twenty DNS loses up to {} % of its queries at a time", words::number(loss, 2))
    };
    match (with > 0.0, without > 0.0) {
        (false, false) => "DNS loses no queries in 95 of 100 futures, with the change or without".to_string(),
        (false, true) => format!("{} when nothing is done, none with the change", up_to(without)),
        (true, false) => format!("{}, none when nothing is done", up_to(with)),
        (true, true) if with > without => {
            format!("{}, {} % when nothing is done", up_to(with), words::number(without, 2))
        }
        (true, true) => format!("{}, no more than when nothing is done", up_to(with)),
    }
}

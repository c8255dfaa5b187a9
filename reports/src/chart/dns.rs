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
    let title = if with <= 0.0 && without <= 0.0 {
        "DNS loses no queries in 95 of 100 futures, with the change or without".to_string()
    } else if with > without {
        format!(
            "In one future of twenty DNS loses up to {} % of its queries at a time, {} % when nothing is done",
            words::number(with, 2),
            words::number(without, 2)
        )
    } else {
        format!(
            "In one future of twenty DNS loses up to {} % of its queries at a time, no more than when nothing is done",
            words::number(with, 2)
        )
    };
    Some(Chart {
        id: "dns".to_string(),
        title,
        description: format!(
            "Share of DNS queries lost over time: median and 5 to 95 % band over {} futures, with the change and doing nothing.",
            words::count(figures.trials as u64)
        ),
        reading: "Queries are lost where no pod answers, or where they come faster than the pods that are up can answer.".to_string(),
        wide: draw(WIDE, panel(230)),
        narrow: draw(NARROW, panel(190)),
        table: series::table(figures.horizon, &[("% lost".to_string(), dns)]),
    })
}

//! Share of DNS queries lost, and how long answers take, over time.

use super::grid::{self, NARROW, WIDE};
use super::panel::Panel;
use super::{Chart, series};
use crate::figures::{Bands, Figures};
use crate::words;

/// The chart; `None` where demand on DNS is not modelled.
pub fn chart(figures: &Figures) -> Option<Chart> {
    let dns = figures.dns.as_ref()?;
    let panel = |name: &str, unit, values| Panel {
        name: name.to_string(),
        unit,
        horizon: figures.horizon,
        values,
        mark: None,
        whole: false,
        at_least: 1.0,
    };
    let mut panels = vec![panel("DNS queries lost", "% of queries", dns)];
    let mut columns = vec![("% lost".to_string(), dns)];
    if let Some(latency) = &figures.dns_latency {
        panels.push(panel("Mean time of a DNS answer", "ms", latency));
        columns.push(("ms".to_string(), latency));
    }
    let top = |bands: &Bands| bands.top();
    let (with, without) = (top(&dns.proposal), top(&dns.baseline));
    let title = title(with, without);
    Some(Chart {
        id: "dns".to_string(),
        title,
        description: format!(
            "Share of DNS queries lost and mean time of an answer over time: median and 5 to 95 % band over {} futures, with the change and doing nothing.",
            words::count(figures.trials as u64)
        ),
        reading:
            "Queries are lost where no pod answers, or where they come faster than the pods that are up can answer. Answers take longer the nearer pods are to what they can serve, and by the wait for a second attempt where the first is lost."
                .to_string(),
        wide: grid::draw(&panels, WIDE, 2, 230),
        narrow: grid::draw(&panels, NARROW, 1, 190),
        table: series::table(figures.horizon, &columns),
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

//! Up replicas of every watched workload over time: small multiples, the change against doing nothing.

use super::grid::{self, NARROW, WIDE};
use super::panel::Panel;
use super::{Chart, series};
use crate::figures::{Figures, Ready};
use crate::words;

/// The chart; `None` without sampled series.
pub fn chart(figures: &Figures) -> Option<Chart> {
    if figures.ready.is_empty() {
        return None;
    }
    let panels: Vec<Panel<'_>> = figures.ready.iter().map(|ready| panel(figures, ready)).collect();
    let omitted = match figures.not_drawn {
        0 => String::new(),
        n => format!(" {n} watched workloads that lose least are not drawn."),
    };
    Some(Chart {
        id: "ready".to_string(),
        title: title(&figures.ready),
        description: format!(
            "Pods up over time of {}, median and 5 to 95 % band over {} futures, with the change and doing nothing.",
            figures.ready.iter().map(|r| r.name.as_str()).collect::<Vec<_>>().join(", "),
            words::count(figures.trials as u64)
        ),
        reading: format!(
            "Each step shows the fewest pods up within it. Where the line or the shade falls below the dashed grey line, the workload is out in half of the futures, or in one of twenty.{omitted}"
        ),
        wide: grid::draw(&panels, WIDE, 3, 190),
        narrow: grid::draw(&panels, NARROW, 1, 170),
        table: series::table(
            figures.horizon,
            &figures.ready.iter().map(|r| (r.name.clone(), &r.over_time)).collect::<Vec<_>>(),
        ),
    })
}

fn panel<'a>(figures: &Figures, ready: &'a Ready) -> Panel<'a> {
    Panel {
        name: ready.name.rsplit('/').next().unwrap_or_default().to_string(),
        unit: "pods up",
        horizon: figures.horizon,
        values: &ready.over_time,
        mark: Some((f64::from(ready.minimum), format!("needs {}", ready.minimum))),
        whole: true,
        at_least: f64::from(ready.minimum.max(ready.replicas)),
    }
}

/// What happens to the workload that falls deepest below what it has when nothing is done.
fn title(ready: &[Ready]) -> String {
    let fall = |r: &Ready, values: &dyn Fn(&crate::figures::Bands) -> &Vec<f64>| {
        let (with, without) = (values(&r.over_time.proposal), values(&r.over_time.baseline));
        let deepest = with.iter().zip(without).filter(|(w, o)| w < o).map(|(w, _)| *w).min_by(f64::total_cmp);
        deepest.map(|least| (f64::from(r.minimum) - least, least))
    };
    let worst = |values: &dyn Fn(&crate::figures::Bands) -> &Vec<f64>| {
        let falls = ready.iter().filter_map(|r| fall(r, values).map(|(depth, least)| (depth, least, r)));
        falls.max_by(|a, b| a.0.total_cmp(&b.0))
    };
    let pods = |least: f64, r: &Ready| format!("{} of {} pods", words::number(least, 3), r.replicas);
    if let Some((_, least, r)) = worst(&|b| &b.median).filter(|(depth, ..)| *depth > 0.0) {
        return format!("The change typically brings {} down to {}", r.name, pods(least, r));
    }
    if let Some((depth, least, r)) = worst(&|b| &b.low) {
        let below = if depth > 0.0 { "" } else { ", still enough" };
        return format!("In one future of twenty the change brings {} down to {}{below}", r.name, pods(least, r));
    }
    if let Some((_, least, r)) = worst(&|b| &b.median) {
        return format!("The change typically brings {} down to {}, still enough", r.name, pods(least, r));
    }
    "Watched workloads keep as many pods up as when nothing is done".to_string()
}

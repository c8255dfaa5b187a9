//! Room for pods on system pools over time: CPU and memory not yet asked for.

use super::grid::{self, NARROW, WIDE};
use super::panel::Panel;
use super::{Chart, series};
use crate::figures::{Compared, Figures};
use crate::words;

/// The chart; `None` without a system pool or sampled series.
pub fn chart(figures: &Figures) -> Option<Chart> {
    let (cpu, memory) = (figures.free_cpu.as_ref()?, figures.free_memory.as_ref()?);
    let panels: Vec<Panel<'_>> = [("CPU", "cores free", cpu), ("Memory", "GiB free", memory)]
        .into_iter()
        .map(|(name, unit, values)| Panel {
            name: name.to_string(),
            unit,
            horizon: figures.horizon,
            values,
            mark: None,
            whole: false,
            at_least: 0.0,
        })
        .collect();
    Some(Chart {
        id: "free".to_string(),
        title: title(cpu, memory),
        description: format!(
            "CPU and memory of system pools that no pod has asked for, over time: median and 5 to 95 % band over {} futures, with the change and doing nothing.",
            words::count(figures.trials as u64)
        ),
        reading: "Free is what ready, schedulable nodes of system pools offer less what the pods on them request: a pod that asks for more finds no place.".to_string(),
        wide: grid::draw(&panels, WIDE, 2, 230),
        narrow: grid::draw(&panels, NARROW, 1, 190),
        table: series::table(figures.horizon, &[("cores".to_string(), cpu), ("GiB".to_string(), memory)]),
    })
}

fn title(cpu: &Compared, memory: &Compared) -> String {
    let least = |c: &Compared| c.proposal.median.iter().copied().fold(f64::INFINITY, f64::min);
    let without = |c: &Compared| c.baseline.median.iter().copied().fold(f64::INFINITY, f64::min);
    let (cores, gib) = (least(cpu), least(memory));
    if !cores.is_finite() || !gib.is_finite() {
        return "Room for pods on system pools".to_string();
    }
    let number = |v: f64| words::number(v, 2);
    let verb = if cores < without(cpu) || gib < without(memory) { "falls to" } else { "stays at or above" };
    let than = if verb == "falls to" {
        format!(", {} and {} when nothing is done", number(without(cpu)), number(without(memory)))
    } else {
        String::new()
    };
    format!("Room on system pools typically {verb} {} and {} GiB{than}", words::plural(cores, "core"), number(gib))
}

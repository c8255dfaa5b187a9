//! Heat maps of the first two axes, one for each combination of the others.

use super::{Axis, Outcome, WhatIf};
use crate::chart::{self, Chart, HeatMap};
use crate::words;

/// Most heat maps of one measure.
const MAPS: usize = 6;

/// Heat maps of score and of outage probability.
pub fn charts(what_if: &WhatIf) -> Vec<Chart> {
    let Some(across) = what_if.axes.get(1).or(what_if.axes.first()) else {
        return Vec::new();
    };
    let down = if what_if.axes.len() > 1 { what_if.axes.first() } else { None };
    let others = what_if.axes.get(2..).unwrap_or_default();
    let mut charts = Vec::new();
    type Measure = fn(&Outcome) -> f64;
    let measures: [(&str, &str, Measure, Option<f64>); 2] = [
        ("score", "Score of the change", |o| o.score, Some(100.0)),
        (
            "outage",
            "Per cent of futures with a system outage",
            |o| 100.0 * o.outage.estimate,
            // Half of all futures is as bad as the colour can say; below, pale means rare.
            Some(50.0),
        ),
    ];
    for (id, unit, measure, full) in measures {
        for (i, fixed) in combinations(others).into_iter().take(MAPS).enumerate() {
            let condition: Vec<String> = others.iter().zip(&fixed).map(|(a, v)| format!("{} {v}", a.name)).collect();
            let value = |y: Option<&String>, x: &String| {
                let wanted: Vec<&String> = y.into_iter().chain([x]).chain(&fixed).collect();
                let cell = what_if.cells.iter().find(|c| c.values.iter().eq(wanted.iter().copied()))?;
                cell.outcome.as_ref().ok().map(measure)
            };
            let values = match down {
                Some(down) => {
                    down.values.iter().map(|y| across.values.iter().map(|x| value(Some(y), x)).collect()).collect()
                }
                None => vec![across.values.iter().map(|x| value(None, x)).collect()],
            };
            let (least, most) = span(&values);
            let range = if least == most { least } else { format!("{least} to {most}") };
            let where_fixed = if condition.is_empty() { String::new() } else { format!(", {}", condition.join(", ")) };
            let by = down.map_or(across.name.clone(), |d| format!("{} and {}", d.name, across.name));
            let mut chart = chart::heat_map(&HeatMap {
                title: format!("{unit}: {range} over {by}{where_fixed}"),
                x: (across.name.clone(), across.values.clone()),
                y: down.map_or((String::new(), vec![String::new()]), |d| (d.name.clone(), d.values.clone())),
                values,
                unit: unit.to_string(),
                full,
            });
            chart.id = if i == 0 { format!("heat-{id}") } else { format!("heat-{id}-{}", i + 1) };
            charts.push(chart);
        }
    }
    charts
}

/// The least and the largest value in words.
fn span(values: &[Vec<Option<f64>>]) -> (String, String) {
    let all = || values.iter().flatten().flatten().copied();
    let word = |value: Option<f64>| value.map_or("–".to_string(), |v| words::number(v, 2));
    (word(all().min_by(f64::total_cmp)), word(all().max_by(f64::total_cmp)))
}

/// Every combination of the values of the axes, in order; one empty combination of no axes.
fn combinations(axes: &[Axis]) -> Vec<Vec<String>> {
    axes.iter().fold(vec![Vec::new()], |all, axis| {
        all.iter()
            .flat_map(|head| axis.values.iter().map(move |v| [head.as_slice(), std::slice::from_ref(v)].concat()))
            .collect()
    })
}

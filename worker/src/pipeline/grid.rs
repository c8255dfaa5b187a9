//! What-ifs: every combination of a spec as something to be scored, and what all of them came to as a page. A combination
//! knows nothing of the others, so that it does not matter who scores it, when, or how often.

use std::collections::BTreeSet;

use reports::what_if::{Axis, Cell, Outcome, SCHEMA};
use reports::{WhatIf, what_if_page};
use scenarios::snapshot::Snapshot;
use scenarios::what_if::{self, Setting};
use scenarios::{Change, Complaint, Complaints};
use serde_json::{Value, json};

use super::{ENGINE, Estimate, Identity, Prepared, RunRecord, prepare};
use crate::publish::Bundle;

/// Paired trials of a combination where nobody says otherwise: a grid has many.
const CELL_TRIALS: u32 = 2000;

/// A spec whose combinations are ready, as far as they are possible.
pub struct Grid {
    /// The spec.
    pub spec: what_if::WhatIf,
    /// How each combination is estimated.
    pub estimate: Estimate,
    /// Every combination, in order.
    pub cells: Vec<CellOf>,
    change: Change,
    cluster: String,
    pods: usize,
}

/// The values of a combination, and what is to be run for it or why it is not possible.
pub type CellOf = (Vec<Setting>, Result<Prepared, String>);

impl Grid {
    /// Resolves every combination of a spec whose change is this one.
    ///
    /// # Errors
    /// None of them is possible: what is wrong with them.
    pub fn new(
        spec: what_if::WhatIf,
        change: Change,
        snapshot: &Snapshot,
        estimate: &Estimate,
    ) -> Result<Grid, Complaints> {
        let mut estimate = Estimate { no_band: true, foretell: false, ..estimate.clone() };
        estimate.overrides.trials = estimate.overrides.trials.or(change.settings.trials).or(Some(CELL_TRIALS));
        let cells = cells(&spec, snapshot, &change, &estimate)?;
        let cluster = if snapshot.name.is_empty() { change.cluster.name.clone() } else { snapshot.name.clone() };
        let pods = cells.iter().filter_map(|(_, ready)| ready.as_ref().ok()).map(Prepared::pods).max().unwrap_or(0);
        Ok(Grid { spec, estimate, cells, change, cluster, pods })
    }

    /// Digest of the question: its words and every combination, which has settings and snapshot in its own id.
    pub fn id(&self) -> String {
        let cell = |(values, ready): &CellOf| {
            let values: Vec<String> = values.iter().map(ToString::to_string).collect();
            json!({"values": values, "id": ready.as_ref().map_or_else(String::clone, |p| p.id.clone())})
        };
        let cells: Vec<Value> = self.cells.iter().map(cell).collect();
        let question = json!({"name": self.spec.name, "description": self.spec.description, "cells": cells});
        Identity::new(&question, &self.cluster, &self.spec.settings).id()
    }

    /// Combinations that can be run, with their places.
    pub fn possible(&self) -> Vec<(usize, &Prepared)> {
        self.cells.iter().enumerate().filter_map(|(place, (_, ready))| Some((place, ready.as_ref().ok()?))).collect()
    }

    /// Paired trials of all combinations.
    pub fn trials(&self) -> u64 {
        self.cells.iter().filter_map(|(_, ready)| ready.as_ref().ok()).map(|p| u64::from(p.trials)).sum()
    }

    /// Pods times paired trials of all combinations.
    pub fn work(&self) -> u64 {
        self.trials().saturating_mul(self.pods as u64)
    }

    /// The grid with what each combination came to, in order.
    pub fn result(&self, outcomes: Vec<Result<Outcome, String>>) -> WhatIf {
        let axis = |axis: &what_if::AxisValues| Axis {
            name: axis.axis.to_string(),
            values: axis.values.iter().map(ToString::to_string).collect(),
        };
        let cell = |((values, _), outcome): (&CellOf, _)| Cell {
            values: values.iter().map(ToString::to_string).collect(),
            outcome,
        };
        WhatIf {
            schema: SCHEMA,
            name: self.spec.name.clone(),
            description: self.spec.description.clone(),
            cluster: self.cluster.clone(),
            change: self.change.summary.clone(),
            axes: self.spec.axes.iter().map(axis).collect(),
            cells: self.cells.iter().zip(outcomes).map(cell).collect(),
            seed: self.cells.iter().find_map(|(_, ready)| ready.as_ref().ok()).map_or(0, |p| p.seed),
            engine: ENGINE.into(),
        }
    }

    /// The page of a result, and how it came about.
    pub fn bundle(&self, result: &WhatIf, records: &[RunRecord]) -> Bundle {
        let id = self.id();
        let run = RunRecord::of_all(&id, records).map(|record| record.to_bytes()).unwrap_or_default();
        Bundle { id, files: what_if_page(result), run }
    }
}

/// Where the report of a combination lies, seen from the page.
pub fn href(cell: &Prepared) -> String {
    format!("../{}/report.html", cell.id)
}

/// Every combination, ready or with the reason why it is not possible.
fn cells(
    spec: &what_if::WhatIf,
    snapshot: &Snapshot,
    change: &Change,
    estimate: &Estimate,
) -> Result<Vec<CellOf>, Complaints> {
    let mut wrong: Vec<Complaint> = Vec::new();
    let mut cells = Vec::new();
    for cell in spec.cells() {
        let applied = cell.apply(snapshot, change);
        let ready = applied.and_then(|(snapshot, change)| prepare(&change, &snapshot, estimate));
        let ready = ready.map_err(|found| {
            let text = found.to_string();
            wrong.extend(found.0);
            text
        });
        cells.push((cell.values, ready));
    }
    if cells.iter().any(|(_, ready)| ready.is_ok()) {
        return Ok(cells);
    }
    let mut seen = BTreeSet::new();
    wrong.retain(|complaint| seen.insert(complaint.to_string()));
    Err(Complaints(wrong))
}

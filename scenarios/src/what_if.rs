//! What-if specs: one cluster, one change, and axes whose values are tried against each other. Every combination is a
//! [`Cell`]; a cell edits snapshot and change and is then scored like any other change. Left out: axes that need another
//! workload altogether; those are snapshots of their own.

mod apply;
mod axis;
mod fields;

use serde_json::Value;

use crate::change::{Change, ChangeSettings};
use crate::cluster_source::ClusterSource;
use crate::complaint::{Complaint, Complaints};

pub use apply::apply;
pub use axis::{Axis, Setting, SettingValue};
pub use fields::WhatIfFields;

/// Schema name that a spec may carry.
pub const SCHEMA: &str = "poolproof.whatif/1";

/// Most cells of one spec.
pub const MOST_CELLS: usize = 256;

/// A what-if spec that has been read.
#[derive(Clone, Debug, PartialEq)]
pub struct WhatIf {
    /// Name for titles and folders.
    pub name: String,
    /// The question, in a sentence or two.
    pub description: Option<String>,
    /// The cluster, unless the command line names it.
    pub cluster: Option<ClusterSource>,
    /// The change as written, read by [`WhatIf::change`].
    pub change: Value,
    /// Settings for every cell, on top of the change's own.
    pub settings: ChangeSettings,
    /// The axes as written, in order.
    pub axes: Vec<AxisValues>,
}

/// An axis and its values, in order.
#[derive(Clone, Debug, PartialEq)]
pub struct AxisValues {
    /// The axis.
    pub axis: Axis,
    /// Its values, at least one.
    pub values: Vec<Setting>,
}

/// One combination of values, one for each axis in the order of the axes.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// The values.
    pub values: Vec<Setting>,
}

/// Reads a what-if spec, YAML or JSON.
///
/// # Errors
/// Everything wrong with it at once.
pub fn parse(bytes: &[u8]) -> Result<WhatIf, Complaints> {
    fields::parse(bytes)
}

impl WhatIf {
    /// The change of the spec; `cluster` is the cluster's name where the change gives none.
    ///
    /// # Errors
    /// What is wrong with it; also a text that comes to several changes.
    pub fn change(&self, cluster: Option<&str>) -> Result<Change, Complaints> {
        let name = cluster.or(self.cluster.as_ref().and_then(ClusterSource::cluster_name));
        let mut changes = crate::inline::changes(self.change.clone(), "change", name).map_err(Complaints)?;
        if changes.len() > 1 {
            return Err(Complaint::at("change", format!("{} changes", changes.len()), "one change").into());
        }
        let mut change = changes.remove(0);
        change.settings = self.settings.over(&change.settings);
        Ok(change)
    }

    /// Every combination of the values; the last axis varies fastest. One empty cell without axes.
    pub fn cells(&self) -> Vec<Cell> {
        let mut cells = vec![Cell { values: Vec::new() }];
        for axis in &self.axes {
            let longer = |cell: &Cell| -> Vec<Cell> {
                let with =
                    |value: &Setting| Cell { values: [cell.values.as_slice(), std::slice::from_ref(value)].concat() };
                axis.values.iter().map(with).collect()
            };
            cells = cells.iter().flat_map(longer).collect();
        }
        cells
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const SPEC: &str = "
name: How much surge is enough?
change: az aks nodepool upgrade --cluster-name c --resource-group g --name sys --node-image-only
axes:
  nodeCount: [2, 3, 5]
  maxSurge: [1, \"33%\"]
  replicas of kube-system/coredns: [2, 3]
  burstFactor: [1.5]
";

    fn complaints(text: &str) -> Vec<String> {
        parse(text.as_bytes()).unwrap_err().0.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn axes_keep_the_order_they_are_written_in() {
        let spec = parse(SPEC.as_bytes()).unwrap();
        let names: Vec<String> = spec.axes.iter().map(|a| a.axis.to_string()).collect();
        assert_eq!(names, ["nodeCount", "maxSurge", "replicas of kube-system/coredns", "burstFactor"]);
        let json = r#"{"change": "az", "axes": {"soakMinutes": [0], "burstFactor": [2], "maxSurge": [1]}}"#;
        let names: Vec<String> = parse(json.as_bytes()).unwrap().axes.iter().map(|a| a.axis.to_string()).collect();
        assert_eq!(names, ["soakMinutes", "burstFactor", "maxSurge"]);
    }

    #[test]
    fn cells_are_every_combination_with_the_last_axis_fastest() {
        let cells = parse(SPEC.as_bytes()).unwrap().cells();
        let labels: Vec<String> = cells.iter().map(Cell::label).collect();
        assert_eq!(labels.len(), 12);
        assert_eq!(labels[0], "nodeCount=2 maxSurge=1 replicas of kube-system/coredns=2 burstFactor=1.5");
        assert_eq!(labels[1], "nodeCount=2 maxSurge=1 replicas of kube-system/coredns=3 burstFactor=1.5");
        assert_eq!(labels[11], "nodeCount=5 maxSurge=33% replicas of kube-system/coredns=3 burstFactor=1.5");
    }

    #[test]
    fn everything_wrong_is_said_at_once() {
        let found = complaints(
            "
nane: x
axes:
  nodeCount: [3, 3, 2000, many]
  colour: [red]
  maxSurge: 10%
  soakMinutes: []
  replicas of coredns: [2]
",
        );
        let expected = [
            "change: found nothing",
            "axes.nodeCount[1]: found 3, expected each value once",
            "axes.nodeCount[2]: found 2000, expected a whole number from 0 to 1000",
            "axes.nodeCount[3]: found \"many\", expected a whole number",
            "axes.colour: found an axis that is not known",
            "axes.maxSurge: found \"10%\", expected a list",
            "axes.soakMinutes: found a list of 0",
            "axes.replicas of coredns: found an axis that is not known",
            "nane: found \"x\", expected no such member",
        ];
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "{found} / {expected}");
        }
    }

    #[test]
    fn too_many_combinations_are_refused_before_they_are_made() {
        let list = |n: u32| (0..n).map(|i| i.to_string()).collect::<Vec<_>>().join(", ");
        let spec = format!("change: x\naxes:\n  nodeCount: [{}]\n  soakMinutes: [{}]\n", list(30), list(30));
        let found = complaints(&spec);
        assert_eq!(found, ["axes: found 30 x 30 combinations, expected at most 256"]);
        // Nor are the values of an axis looked at one by one, nor is anything said without end.
        let spec = format!("{{\"change\": \"x\", \"axes\": {{\"nodeCount\": [{}]}}}}", list(200_000));
        assert_eq!(complaints(&spec), ["axes.nodeCount: found 200000 values, expected at most 256"]);
        let names: Vec<String> = (0..5000).map(|i| format!("\"a{i}\": []")).collect();
        let spec = format!("{{\"change\": \"x\", \"axes\": {{{}}}, {}}}", names.join(", "), names.join(", "));
        assert_eq!(complaints(&spec).len(), 200);
    }

    #[test]
    fn without_axes_there_is_nothing_to_compare() {
        assert_eq!(
            complaints("change: x"),
            ["axes: found nothing, expected an object of axes, each with a list of values"]
        );
        assert!(parse(b"\xff\xfe").is_err());
        assert!(parse(b"[1, 2]").is_err());
    }
}

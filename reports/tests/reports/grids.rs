//! What-if and replay pages.

use reports::replay::{Note, RecordedCourse, Replay};
use reports::what_if::{Axis, Cell, Outcome, SCHEMA, WhatIf};
use reports::{File, Judged};

use crate::example::{self, Example, TIGHT};

pub fn judged(example: Example, trials: u32) -> Judged {
    let scenario = example.scenario();
    let pairs = example::pairs(&scenario, trials, 0);
    reports::judge(&example::inputs(&scenario, &pairs))
}

pub fn grid(trials: u32) -> WhatIf {
    let axis = |name: &str, values: &[&str]| Axis {
        name: name.to_string(),
        values: values.iter().map(|v| v.to_string()).collect(),
    };
    let axes = vec![axis("nodeCount", &["2", "3", "4"]), axis("maxSurge", &["0", "1", "2"])];
    let mut cells = Vec::new();
    for nodes in [2, 3, 4] {
        for surge in [0, 1, 2] {
            let outcome = if (nodes, surge) == (4, 2) {
                Err("no quota for six nodes <b>".to_string())
            } else {
                let judged = judged(Example { system_nodes: nodes, surge, ..TIGHT }, trials);
                Ok(Outcome::of(&judged.report, None))
            };
            cells.push(Cell { values: vec![nodes.to_string(), surge.to_string()], outcome });
        }
    }
    WhatIf {
        schema: SCHEMA,
        name: "How much surge is enough?".to_string(),
        description: Some("Upgrade of the system pool over its size and its surge.".to_string()),
        cluster: "shop-prod".to_string(),
        change: "Upgrade the node image of pool system".to_string(),
        axes,
        cells,
        seed: 7,
        engine: "0.1.0".to_string(),
    }
}

pub fn replayed(trials: u32) -> Vec<File> {
    let (course, other) = (judged(TIGHT, trials), judged(example::SURGED, trials));
    let recorded = [("kube-system/coredns", 1.0), ("kube-system/azure-policy", 12.0), ("monitoring/prometheus", 3.0)];
    reports::replay_page(&Replay {
        name: "Maintenance of 14 March".to_string(),
        description: Some("The system pool was upgraded without surge.".to_string()),
        cluster: "shop-prod".to_string(),
        started_at: Some("2026-03-14T02:00:00Z".to_string()),
        replayed: &course,
        counterfactual: Some(("With a third node and one surge node".to_string(), &other)),
        recorded: RecordedCourse {
            outage_minutes: recorded.map(|(name, minutes)| (name.to_string(), minutes)).into(),
            duration_minutes: Some(9.0),
            succeeded: Some(true),
            summary: Some("Name resolution failed twice.".to_string()),
        },
        notes: vec![Note {
            at_seconds: 700.0,
            workload: Some("kube-system/coredns".to_string()),
            text: "alert: no endpoints <script>".to_string(),
        }],
        claims: Vec::new(),
    })
}

fn text<'a>(files: &'a [File], path: &str) -> &'a str {
    let file = files.iter().find(|f| f.path == path).unwrap_or_else(|| panic!("no {path}"));
    std::str::from_utf8(&file.bytes).unwrap()
}

#[test]
fn a_grid_has_every_combination_and_maps_of_it() {
    let grid = grid(60);
    let files = reports::what_if_page(&grid);
    let html = text(&files, "whatif.html");
    assert!(
        html.contains("not possible: no quota for six nodes &#60;b&#62;")
            || html.contains("not possible: no quota for six nodes &lt;b&gt;")
    );
    assert!(!html.contains("nodes <b>"));
    assert!(text(&files, "charts/heat-score.svg").contains("nodeCount"));
    assert!(text(&files, "charts/heat-outage.svg").contains("maxSurge"));
    let document: serde_json::Value = serde_json::from_str(text(&files, "whatif.json")).unwrap();
    assert_eq!(document["cells"].as_array().unwrap().len(), 9);
    assert_eq!(document["cells"][8]["impossible"], "no quota for six nodes <b>");
    let table = reports::what_if_table(&grid);
    assert_eq!(table.lines().count(), 10, "{table}");
    assert!(table.lines().all(|l| l.chars().count() <= 120), "{table}");
}

#[test]
fn one_axis_is_enough() {
    let mut grid = grid(20);
    grid.axes.truncate(1);
    grid.cells.retain(|c| c.values[1] == "1");
    grid.cells.iter_mut().for_each(|c| c.values.truncate(1));
    let files = reports::what_if_page(&grid);
    assert!(text(&files, "charts/heat-score.svg").contains("nodeCount"));
}

#[test]
fn a_replay_compares_what_was_recorded() {
    let files = replayed(100);
    let html = text(&files, "replay.html");
    assert!(!html.contains("<script"));
    assert!(html.contains("more than the model expects"), "12 minutes of azure-policy are more than any upgrade costs");
    let document: serde_json::Value = serde_json::from_str(text(&files, "replay.json")).unwrap();
    let policy =
        document["workloads"].as_array().unwrap().iter().find(|w| w["workload"] == "kube-system/azure-policy").unwrap();
    assert!(policy["replayed"]["p95"].as_f64().unwrap() < 12.0);
    assert!(policy["belowRecorded"]["estimate"].as_f64().unwrap() > 0.9);
    assert!(text(&files, "replay.md").contains("monitoring/prometheus"));
    assert!(files.iter().any(|f| f.path == "charts/expected.svg"));
}

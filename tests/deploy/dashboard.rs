//! The dashboard: every metric it asks for is one of the worker's, with labels it has, and none is left out.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{folder, strings, text};

/// Metrics as OPERATING.md lists them, with their labels.
fn documented() -> Vec<(String, Vec<String>)> {
    let operating = text(&folder().join("../OPERATING.md"));
    let rows = operating.lines().filter_map(|line| line.strip_prefix("| `poolproof_")?.split('`').next());
    let found: Vec<_> = rows
        .map(|row| {
            let (name, labels) = row.split_once('{').unwrap_or((row, ""));
            let labels = labels.trim_end_matches('}').split(',').filter(|l| !l.is_empty()).map(str::to_owned).collect();
            // Prometheus tells an info metric with this ending.
            let name = if name == "build" { "build_info" } else { name };
            (format!("poolproof_{name}"), labels)
        })
        .collect();
    assert!(found.len() > 8, "{found:?}");
    found
}

fn dashboard() -> Value {
    serde_json::from_str(&text(&folder().join("grafana.json"))).unwrap()
}

/// Names of metrics in an expression, with what stands in their braces.
fn metrics(expression: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (at, _) in expression.match_indices("poolproof_") {
        let name: String = expression[at..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        let rest = &expression[at + name.len()..];
        let inside = rest.strip_prefix('{').and_then(|rest| rest.split('}').next()).unwrap_or_default();
        found.push((name, inside.to_owned()));
    }
    found
}

#[test]
fn every_metric_is_one_of_the_workers_and_none_is_left_out() {
    let documented = documented();
    let mut found = Vec::new();
    strings(&dashboard()["panels"], "", &mut found);
    let mut asked = BTreeSet::new();
    for (path, expression) in found.iter().filter(|(path, _)| path.ends_with("/expr")) {
        assert_eq!(expression.matches(['(', '{', '[']).count(), expression.matches([')', '}', ']']).count(), "{path}");
        for (name, inside) in metrics(expression) {
            let known = documented.iter().find(|(known, _)| *known == name);
            let (_, labels) = known.unwrap_or_else(|| panic!("{path}: no metric {name}"));
            for label in inside.split(',').filter_map(|pair| pair.split('=').next()) {
                let label = label.trim_end_matches(['!', '~']);
                assert!(
                    label == "namespace" || labels.iter().any(|l| l == label),
                    "{path}: {name} has no label {label}"
                );
            }
            let by = expression.split("by (").nth(1).and_then(|rest| rest.split(')').next());
            for label in by.into_iter().flat_map(|by| by.split(", ")) {
                assert!(labels.iter().any(|l| l == label), "{path}: {name} has no label {label}");
            }
            // A counter makes sense as a rate only.
            let is_rate = expression.contains("rate(") || expression.contains("increase(");
            assert!(!name.ends_with("_total") || is_rate, "{path}: {expression}");
            asked.insert(name);
        }
    }
    let left_out: Vec<_> = documented.iter().filter(|(name, _)| !asked.contains(name)).collect();
    assert!(left_out.is_empty(), "{left_out:?}");
}

#[test]
fn panels_have_their_own_place() {
    let dashboard = dashboard();
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<u64> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len());
    let mut taken = BTreeSet::new();
    for panel in panels {
        let place = |name: &str| panel["gridPos"][name].as_u64().unwrap();
        assert!(place("x") + place("w") <= 24, "{}", panel["title"]);
        for x in place("x")..place("x") + place("w") {
            for y in place("y")..place("y") + place("h") {
                assert!(taken.insert((x, y)), "{} lies on another", panel["title"]);
            }
        }
        if panel["type"] != "row" {
            assert!(panel["description"].is_string() && panel["fieldConfig"]["defaults"]["unit"].is_string());
            assert_eq!(panel["datasource"]["uid"], "${datasource}");
        }
    }
}

#[test]
fn alerts_ask_for_metrics_there_are() {
    let operating = text(&folder().join("../OPERATING.md"));
    let alerts = operating.split("Worth an alert:").nth(1).unwrap().split("\n\n").next().unwrap();
    let asked = metrics(alerts);
    assert!(asked.len() >= 4, "{asked:?}");
    for (name, _) in asked {
        assert!(documented().iter().any(|(known, _)| *known == name), "{name}");
    }
}

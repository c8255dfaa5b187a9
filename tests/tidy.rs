//! Rules of the house that a machine can keep: dependency direction, module openings, file sizes, dead links, words that do
//! not belong here.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

/// What each crate may use of ours.
const MAY_USE: &[(&str, &[&str])] = &[
    ("simulator", &[]),
    ("scenarios", &["simulator"]),
    ("reports", &["simulator"]),
    ("worker", &["simulator", "scenarios", "reports"]),
];

fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// Files of the project below `folder` with one of these endings; build output and hidden folders are left out.
fn files(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && name != "target" && !name.starts_with('.') && !name.starts_with("poolproof-") {
                folders.push(path);
            } else if endings.iter().any(|e| name.ends_with(e)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn crates_depend_only_downwards() {
    let ours: Vec<&str> = MAY_USE.iter().map(|(name, _)| *name).collect();
    for (name, allowed) in MAY_USE {
        let manifest = fs::read_to_string(root().join(name).join("Cargo.toml")).unwrap();
        let dependencies = manifest.split("[dependencies]").nth(1).unwrap_or("").split("\n[").next().unwrap();
        for used in dependencies.lines().filter_map(|l| l.split(['.', ' ', '=']).next()).filter(|u| ours.contains(u)) {
            assert!(allowed.contains(&used), "{name} must not depend on {used}");
        }
    }
}

#[test]
fn the_simulator_is_pure() {
    let forbidden = [
        "std::time::Instant",
        "SystemTime",
        "std::fs",
        "std::env",
        "std::net",
        "HashMap",
        "HashSet",
        "serde",
        "thread_rng",
    ];
    for file in files(&root().join("simulator/src"), &[".rs"]) {
        let text = fs::read_to_string(&file).unwrap();
        for word in forbidden {
            assert!(!text.contains(word), "{} mentions {word}", file.display());
        }
    }
}

#[test]
fn modules_open_with_their_reason_and_stay_small() {
    for file in
        ["simulator", "scenarios", "reports", "worker", "tests"].iter().flat_map(|f| files(&root().join(f), &[".rs"]))
    {
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("//!"), "{} does not open with its reason", file.display());
        let lines = text.lines().count();
        assert!(lines <= 600, "{} has outgrown its name: {lines} lines", file.display());
    }
}

#[test]
fn links_in_documents_lead_somewhere() {
    for file in files(&root(), &[".md"]) {
        let text = fs::read_to_string(&file).unwrap();
        for target in text.split("](").skip(1).filter_map(|t| t.split(')').next()) {
            let path = target.split('#').next().unwrap();
            if path.is_empty() || path.contains("://") || path.starts_with("mailto:") {
                continue;
            }
            assert!(file.parent().unwrap().join(path).exists(), "{}: {target} leads nowhere", file.display());
        }
    }
}

#[test]
fn no_stubs_are_left() {
    // Spelled apart, so that this file does not find itself.
    let stubs = [concat!("to", "do!("), concat!("unimple", "mented!("), concat!("FIX", "ME")];
    for file in ["simulator", "scenarios", "reports", "worker"]
        .iter()
        .flat_map(|f| files(&root().join(f).join("src"), &[".rs"]))
    {
        let text = fs::read_to_string(&file).unwrap();
        for stub in stubs {
            assert!(!text.contains(stub), "{} holds {stub}", file.display());
        }
    }
}

//! What every recorded, published or composed Azure message decodes to, a row per file in `decode/expected.txt`: the
//! changes in compact form, then the notes. The composed messages lie in `data/fixtures`; the whole collection is read
//! from the folder beside the project, or the one `POOLPROOF_FIXTURES_DIR` names, where it exists.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// File, then indented what it decodes to; further properties, which the compact form only counts, are left out.
const EXPECTED: &str = include_str!("decode/expected.txt");

#[test]
fn composed_messages() {
    let checked = check(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/fixtures"));
    assert!(checked >= 27, "only {checked} messages found");
}

#[test]
fn all_messages() {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/azure/fixtures");
    let root = std::env::var_os("POOLPROOF_FIXTURES_DIR").map_or_else(beside, PathBuf::from);
    if !root.is_dir() {
        println!("skipped: no folder {} (name one by POOLPROOF_FIXTURES_DIR)", root.display());
        return;
    }
    let checked = check(&root);
    println!("{checked} messages decoded as expected");
    assert!(checked > 0);
}

/// Decodes every JSON file below `root`; each must have a row that says what comes out. Returns how many there are.
fn check(root: &Path) -> usize {
    let expected = rows();
    let mut files = Vec::new();
    collect(root, &mut files);
    files.sort();
    let mut wrong = Vec::new();
    for file in &files {
        let name = file.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
        let found = told(&std::fs::read(file).unwrap());
        match expected.get(name.as_str()) {
            None => wrong.push(format!("{name} has no row; it decodes to\n{}", found.join("\n"))),
            Some(row) if *row != found => {
                wrong.push(format!("{name}\n  expected\n{}\n  found\n{}", row.join("\n"), found.join("\n")));
            }
            Some(_) => {}
        }
    }
    assert!(wrong.is_empty(), "{} of {} files:\n{}", wrong.len(), files.len(), wrong.join("\n"));
    files.len()
}

fn rows() -> BTreeMap<&'static str, Vec<String>> {
    let mut rows: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut file = "";
    for line in EXPECTED.lines() {
        if line.starts_with(' ') {
            rows.get_mut(file).unwrap().push(line.trim().to_owned());
        } else if !line.is_empty() {
            file = line.trim();
            assert!(rows.insert(file, Vec::new()).is_none(), "{file} has two rows");
        }
    }
    rows
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
}

/// Changes and notes, or complaints, one a line.
fn told(bytes: &[u8]) -> Vec<String> {
    match scenarios::decode(bytes) {
        Ok(decoded) => {
            let changes = decoded.changes.iter().map(|change| without_count(&change.to_string()));
            changes.chain(decoded.notes).collect()
        }
        Err(complaints) => complaints.0.iter().map(|complaint| format!("complaint: {complaint}")).collect(),
    }
}

/// Drops `+9`, the number of further properties.
fn without_count(change: &str) -> String {
    let counts = |word: &&str| word.strip_prefix('+').is_none_or(|number| number.parse::<u32>().is_err());
    change.split(' ').filter(counts).collect::<Vec<_>>().join(" ")
}

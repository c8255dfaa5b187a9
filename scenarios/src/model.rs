//! Keeps MODEL.md true: what is assumed, what can be switched off and what can be set is written into it from the sources,
//! and every kind of operation must be told of. Left out: the prose, which people write.

pub(crate) mod assumed;
mod places;
mod source;

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use schemars::{Schema, schema_for};
use serde_json::Value;
use simulator::settings::Cause;

use crate::change::{ChangeSettings, Operation, UpgradeFields};
use crate::coverage::Assumption;
use crate::defaults::beliefs::DOUBTS;
use crate::defaults::given::NUMBERS;
use places::PLACES;

/// `POOLPROOF_WRITE=1` writes the tables anew; read what changed before it is kept.
#[test]
fn the_page_of_the_model_is_current() {
    let path = folder().join("MODEL.md");
    let written = fs::read_to_string(&path).unwrap();
    let current = filled(&written);
    if std::env::var_os("POOLPROOF_WRITE").is_some() {
        fs::write(&path, &current).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), current, "POOLPROOF_WRITE=1 writes its tables anew");
}

#[test]
fn everything_assumed_has_its_place_and_its_value() {
    let all = assumed::all();
    for assumption in &all {
        let placed = PLACES.iter().any(|(_, name, _)| *name == assumption.name);
        assert!(placed, "{:?}: say in model/places.rs where MODEL.md tells of it", assumption.name);
    }
    for (_, name, _) in PLACES {
        assert!(all.iter().any(|a| a.name == *name), "{name:?} is not assumed any more");
    }
    for file in sources(&folder().join("src")) {
        for name in assumed::names_in(&fs::read_to_string(&file).unwrap()) {
            assert!(all.iter().any(|a| a.name == name), "{}: {name:?} is never asked for here", file.display());
        }
    }
}

#[test]
fn every_switch_setting_and_operation_is_told_of() {
    let page = filled(&fs::read_to_string(folder().join("MODEL.md")).unwrap());
    let operations = Schema::to_value(schema_for!(Operation));
    let kinds =
        operations["oneOf"].as_array().unwrap().iter().filter_map(|o| o["properties"]["kind"]["const"].as_str());
    let upgrade = properties(Schema::to_value(schema_for!(UpgradeFields)));
    let settings = properties(Schema::to_value(schema_for!(ChangeSettings)));
    let off = Cause::ALL.iter().map(|(_, name)| (*name).to_owned());
    let names = kinds.map(str::to_owned).chain(off).chain(upgrade.into_iter().chain(settings).map(|(name, _)| name));
    let untold: Vec<String> = names.filter(|name| !page.contains(&format!("`{name}`"))).collect();
    assert_eq!(untold, [""; 0], "MODEL.md does not tell of these");
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The page with its tables as the sources have them.
fn filled(page: &str) -> String {
    const OPENING: &str = "<!-- from the sources: ";
    let mut parts = page.split(OPENING);
    let mut filled = parts.next().unwrap().to_owned();
    for part in parts {
        let (what, rest) = part.split_once(" -->").unwrap();
        let (_, after) = rest.split_once("<!-- end -->").unwrap();
        write!(filled, "{OPENING}{what} -->\n{}<!-- end -->{after}", table(what)).unwrap();
    }
    filled
}

fn table(what: &str) -> String {
    match what.split_once(' ') {
        Some(("assumed", section)) => assumptions(section),
        Some(("defaults", which)) => {
            let (file, name) = which.split_once(' ').unwrap();
            let rows = source::defaults(&source::simulator(file), name);
            assert!(!rows.is_empty(), "{name} has no defaults");
            wrapped(rows.iter().map(|(doc, value)| format!("{} {value}", key(doc))))
        }
        None if what == "off" => switches(&source::causes(&source::simulator("settings/cause.rs"))),
        None if what == "doubts" => doubts(),
        None if what == "numbers" => NUMBERS.iter().fold("| name | what |\n|---|---|\n".into(), |text, number| {
            format!("{text}| `{}` | {} |\n", number.name, cell(number.what))
        }),
        None if what == "settings" => {
            let rows = properties(Schema::to_value(schema_for!(ChangeSettings)));
            rows.iter().fold("| key | what |\n|---|---|\n".into(), |text, (name, doc)| {
                format!("{text}| `{name}` | {} |\n", cell(doc))
            })
        }
        _ => panic!("MODEL.md asks for a table of {what:?}"),
    }
}

/// Two switches a row: there are many, and they are short.
fn switches(rows: &[(String, String)]) -> String {
    assert_eq!(rows.len(), Cause::ALL.len());
    let mut text = String::from("| name | switched off | name | switched off |\n|---|---|---|---|\n");
    for pair in rows.chunks(2) {
        let cells: Vec<String> = pair.iter().map(|(name, doc)| format!("| `{name}` | {} ", cell(doc))).collect();
        writeln!(text, "{}|{}", cells.concat(), if pair.len() == 1 { " | |" } else { "" }).unwrap();
    }
    text
}

/// The name a default has elsewhere, in code face or as a feature within its doc sentence; else how that begins.
fn key(doc: &str) -> String {
    let after = |opening: &str, end: [char; 2]| doc.split(opening).nth(1).and_then(|rest| rest.split(end).next());
    match after("(`", ['`', '`']).or_else(|| after("(feature ", [',', ')'])) {
        Some(name) => format!("`{name}`"),
        None => format!("{}:", cell(doc.split([';', ':', '(']).next().unwrap().split(". ").next().unwrap().trim())),
    }
}

/// Items of a list in one paragraph, in lines that editors show.
fn wrapped(items: impl Iterator<Item = String>) -> String {
    const WIDTH: usize = 120;
    let (mut text, mut line) = (String::new(), String::new());
    for item in items {
        if !line.is_empty() && line.len() + item.len() + 3 > WIDTH {
            writeln!(text, "{line}").unwrap();
            line.clear();
        }
        let joint = if text.is_empty() && line.is_empty() { "" } else { "· " };
        line = format!("{line}{}{joint}{item}", if line.is_empty() { "" } else { " " });
    }
    format!("{text}{line}\n")
}

fn assumptions(section: &str) -> String {
    let all = assumed::all();
    let mut text = String::from("| what | default | source | grade | override |\n|---|---|---|---|---|\n");
    for (_, name, how) in PLACES.iter().filter(|(place, ..)| *place == section) {
        let mine: Vec<&Assumption> = all.iter().filter(|a| a.name == *name).collect();
        let (Some(first), values) = (mine.first(), either(mine.iter().map(|a| &a.value))) else { continue };
        let sources = either(mine.iter().map(|a| &a.source));
        writeln!(text, "| {name} | {values} | {sources} | {} | {how} |", first.grade).unwrap();
    }
    text
}

/// What is not known well, with its distribution.
fn doubts() -> String {
    let mut text = String::from(
        "| what | distribution | 90 % of clusters | source | grade | known for one cluster by |\n|---|---|---|---|---|---|\n",
    );
    for doubt in DOUBTS {
        let (centre, range) = (doubt.centre(), doubt.range());
        let known = doubt.given().iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let source = cell(doubt.source);
        writeln!(text, "| {} | {centre} | {range} | {source} | {} | {known} |", doubt.what, doubt.grade).unwrap();
    }
    text
}

/// What differs from case to case, each once.
fn either<'a>(texts: impl Iterator<Item = &'a String>) -> String {
    let mut once: Vec<String> = Vec::new();
    for text in texts.map(|text| cell(text)) {
        if !once.contains(&text) {
            once.push(text);
        }
    }
    once.join("; or ")
}

fn cell(text: &str) -> String {
    text.trim_end_matches('.').replace('|', "\\|")
}

/// Properties of a schema with their description, in order.
fn properties(schema: Value) -> Vec<(String, String)> {
    let described = |value: &Value| value["description"].as_str().unwrap_or_default().replace('\n', " ");
    let properties = schema["properties"].as_object().unwrap();
    properties.iter().map(|(name, value)| (name.clone(), described(value))).collect()
}

/// Sources below a folder, tests of their own file and this module left out.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.file_name().and_then(|name| name.to_str()).unwrap() {
            "tests" | "model" | "tests.rs" | "model.rs" => {}
            _ if path.is_dir() => found.extend(sources(&path)),
            name if name.ends_with(".rs") => found.push(path),
            _ => {}
        }
    }
    found
}

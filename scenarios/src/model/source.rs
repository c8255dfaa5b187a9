//! Tables read off the simulator's sources: what a field or a name means stands there in its doc sentence, and its default
//! beside it.

use std::fs;
use std::path::Path;

/// The text of a file of the simulator.
pub fn simulator(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../simulator/src").join(file);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Fields of a struct with doc sentence and default, in order.
pub fn defaults(source: &str, name: &str) -> Vec<(String, String)> {
    let fields = body(source, &format!("pub struct {name} {{"));
    let values = body(source, &format!("impl Default for {name} {{"));
    documented(&fields)
        .into_iter()
        .filter_map(|(doc, line)| {
            let field = line.strip_prefix("pub ")?.split(':').next()?;
            let given = values.split(&format!(" {field}: ")).nth(1)?;
            let end = given.find([',', '\n']).unwrap_or(given.len());
            let absent = if doc.contains("drawn") { "drawn" } else { "none" };
            let value = shown(given[..end].trim_end_matches(" }"));
            Some((doc, if value == "none" { absent.to_owned() } else { value }))
        })
        .collect()
}

/// Names that can be switched off with their doc sentence, in order.
pub fn causes(source: &str) -> Vec<(String, String)> {
    let list = body(source, "causes! {");
    documented(&list).into_iter().filter_map(|(doc, line)| Some((line.split('"').nth(1)?.to_owned(), doc))).collect()
}

/// What stands between an opening line and the next line with a closing brace in the first column.
fn body(source: &str, opening: &str) -> String {
    let rest = source.split(opening).nth(1).unwrap_or_else(|| panic!("{opening} is not there"));
    rest.split("\n}").next().unwrap().to_owned()
}

/// Doc comments in one line, with the line they belong to.
fn documented(text: &str) -> Vec<(String, String)> {
    let (mut found, mut doc) = (Vec::new(), String::new());
    for line in text.lines().map(str::trim) {
        if let Some(sentence) = line.strip_prefix("///") {
            doc = format!("{doc} {}", sentence.trim()).trim().to_owned();
        } else if !doc.is_empty() && !line.starts_with('#') {
            found.push((std::mem::take(&mut doc), line.to_owned()));
        }
    }
    found
}

/// A default as people write it.
fn shown(value: &str) -> String {
    let call = |head: &str, unit: &str| {
        let inner = value.strip_prefix(head)?.strip_suffix(')')?;
        Some(format!("{inner} {unit}"))
    };
    let (durations, none) = ([("secs", "s"), ("mins", "min"), ("millis", "ms")], "Duration::ZERO");
    let duration = durations.iter().find_map(|(head, unit)| call(&format!("Duration::{head}("), unit));
    match value {
        _ if duration.is_some() => duration.unwrap_or_default(),
        _ if value.contains(none) => "0 s".into(),
        "Duration(1_000_000 / 680)" => "1/680 s".into(),
        "true" => "yes".into(),
        "false" => "no".into(),
        other => other.rsplit("::").next().unwrap_or(other).to_ascii_lowercase(),
    }
}

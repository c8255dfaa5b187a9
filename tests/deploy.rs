//! What lies in `worker/deploy`: each option, address and metric it names is known to the real binary, and each object fits the
//! others. Schemas are checked by tools of others where these are installed (`deploy/tools.rs`).

mod bicep;
mod dashboard;
mod kubernetes;
mod tools;

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{Ended, Folder, poolproof, run};

/// What stands for an address that is a secret.
const BROKER: &str = "amqps://worker:secret@rabbitmq.example.org:5671/poolproof";

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy"))
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Files of a folder below `worker/deploy` with this ending.
fn files(below: &str, ending: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder().join(below)).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<PathBuf> = entries.filter(|path| path.to_string_lossy().ends_with(ending)).collect();
    found.sort();
    assert!(!found.is_empty(), "no {ending} in {below}");
    found
}

/// What the options of a container come to, with its arguments, its environment and its file of options.
fn printed(arguments: &[String], environment: &[(String, String)], options: &str) -> Ended {
    let place = Folder::new();
    let file = place.file("options.yaml", options);
    let mut command = poolproof();
    // The environment of the image first.
    command.envs(image_environment()).envs(environment.iter().map(|(name, value)| (name, understood(value))));
    command.env("POOLPROOF_CONFIG", file);
    run(command.args(arguments).arg("--print-config"))
}

/// An address that this build can read: one without `cloud` knows no other stores than folders.
fn understood(value: &str) -> String {
    if cfg!(feature = "cloud") {
        return value.to_owned();
    }
    ["az://", "s3://"].iter().fold(value.replace("azqueue://", "sqlite:/"), |v, scheme| v.replace(scheme, "dir:/"))
}

/// `ENV` of the Dockerfile.
fn image_environment() -> Vec<(String, String)> {
    let file = text(&folder().join("../../Dockerfile"));
    let from = file.find("\nENV ").expect("ENV") + 5;
    let lines = file[from..].lines().scan(true, |goes_on, line| {
        let taken = goes_on.then(|| line.trim().trim_end_matches('\\').trim().to_owned());
        *goes_on = line.ends_with('\\');
        taken
    });
    let found: Vec<_> = lines
        .filter_map(|line| line.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())))
        .collect();
    assert!(found.len() > 2, "{found:?}");
    found
}

/// Whether a variable of ours is one that the worker reads.
#[track_caller]
fn assert_known_variable(name: &str, file: &Path) {
    if !name.starts_with("POOLPROOF_") {
        return;
    }
    let help = run(poolproof().args(["worker", "--help"])).expect_code(0).stdout;
    let read = help.contains(&format!("[env: {name}")) || help.contains(name);
    let documents = ["../README.md", "OPERATING.md"].map(|name| text(&folder().join("..").join(name)));
    // Secrets have no option, lest they be among the arguments of a process.
    let secret = documents.iter().any(|document| document.contains(&format!("`{name}`")));
    assert!(read || secret, "{}: no such variable as {name}", file.display());
}

/// Every string in a document, with the path to it.
fn strings(value: &Value, path: &str, found: &mut Vec<(String, String)>) {
    match value {
        Value::String(text) => found.push((path.to_owned(), text.clone())),
        Value::Array(items) => items.iter().enumerate().for_each(|(i, v)| strings(v, &format!("{path}/{i}"), found)),
        Value::Object(fields) => fields.iter().for_each(|(k, v)| strings(v, &format!("{path}/{k}"), found)),
        _ => {}
    }
}

//! `az aks ...` command lines: as text, one or many lines, or as `{"command": "..."}`. Shell syntax beyond quoting,
//! continued lines and `&&` is not interpreted: a variable in place of a count is a complaint. Each command is a change of its
//! own, unless the text begins as a plan does ([`script`]).

mod arguments;
mod operations;
mod script;

use serde_json::{Map, Value};

use self::arguments::Arguments;
use super::draft::Draft;
use super::fields::{get, text};
use super::json::{join, show};
use super::walk::Walk;
use crate::change::Source;
use crate::complaint::Complaint;

pub use self::script::HEADER as PLAN_HEADER;

/// Name of the format.
pub const FORMAT: &str = "az-command";

/// True for `{"command": "..."}`.
pub fn recognise(map: &Map<String, Value>) -> bool {
    get(map, "command").is_some()
}

/// Reads `{"command": "..."}`.
pub fn read(map: &Map<String, Value>, path: &str, walk: &mut Walk) {
    let at = join(path, "command");
    match text(map, "command") {
        Some(command) if looks_like(command) => read_text(command, &at, walk),
        Some(command) => walk.complain(Complaint::at(at, command, "an az command")),
        None => {
            let found = get(map, "command").map_or_else(|| "nothing".to_owned(), show);
            walk.complain(Complaint::at(at, found, "an az command as text"));
        }
    }
}

/// True where a line of the text is an `az` command.
pub fn looks_like(text: &str) -> bool {
    script::is_script(text) || text.lines().any(|line| is_az(line.trim()))
}

/// Reads the `az` commands of a text; other lines of a script are passed over.
pub fn read_text(text: &str, path: &str, walk: &mut Walk) {
    if script::is_script(text) {
        return script::read(text, path, walk);
    }
    let joined = text.replace("\\\r\n", " ").replace("\\\n", " ").replace("`\r\n", " ").replace("`\n", " ");
    for line in joined.lines().map(str::trim).filter(|line| is_az(line)) {
        let Some(words) = shlex::split(without_prompt(line)) else {
            walk.complain(Complaint::at(path, line, "a command whose quotes are closed"));
            continue;
        };
        for command in words.split(|word| matches!(word.as_str(), "&&" | "||" | ";" | "|" | "&")) {
            read_command(command, path, walk);
        }
    }
}

fn without_prompt(line: &str) -> &str {
    let line = ["$ ", "> ", "PS> "].iter().find_map(|prompt| line.strip_prefix(prompt)).unwrap_or(line).trim_start();
    line.strip_prefix("sudo ").unwrap_or(line).trim_start()
}

fn is_az(line: &str) -> bool {
    // A line that begins with # is a comment, not a prompt.
    !line.starts_with('#') && without_prompt(line).split_whitespace().next() == Some("az")
}

fn read_command(words: &[String], path: &str, walk: &mut Walk) {
    let Some((first, rest)) = words.split_first() else {
        return;
    };
    if first != "az" {
        return walk.none(&format!("{first} is not an az command"));
    }
    let mut arguments = Arguments::parse(rest, path, walk.complaints());
    match operations::read(&mut arguments) {
        Ok(found) => {
            let (cluster, pool) = (found.cluster, found.pool);
            for operation in found.operations {
                let source = Source { format: FORMAT.to_owned(), ..Source::default() };
                walk.change(Draft::proposed(source, cluster.clone(), pool.clone(), operation).by_content());
            }
        }
        Err(Some(reason)) => walk.none(&reason),
        Err(None) => {}
    }
}

//! A file of options, and what the options come to.
//!
//! A value is taken from the command line, else from the environment, else from the file, else it is the default. The file is
//! YAML or JSON: options by their long names, those of one verb under its name, those of every verb at the top.
//!
//! ```yaml
//! log: info
//! worker:
//!   queue: sqlite:queue.db
//!   parallel: 2
//!   publish: [dir:reports]
//! ```

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write;
use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};
use scenarios::{Complaint, Complaints};
use serde_json::Value;

use crate::files::{self, MAX_CHANGE};

/// Name of the option for the file, and of the variable.
const OPTION: &str = "config";
const VARIABLE: &str = "POOLPROOF_CONFIG";

/// The file's part of the command line.
#[derive(clap::Args)]
pub struct ConfigArgs {
    /// File of options (YAML or JSON): long names without dashes, those of one verb under its name. The command line and the
    /// environment go before it
    #[arg(long, global = true, env = "POOLPROOF_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print what the options of this verb come to and where each value is from, passwords left out, and end
    #[arg(long, global = true, env = "POOLPROOF_PRINT_CONFIG", value_parser = clap::builder::BoolishValueParser::new(), action = ArgAction::SetTrue)]
    pub print_config: bool,
}

/// What a file states.
#[derive(Default)]
pub struct File {
    name: String,
    options: Options,
}

/// Values by verb (`None` for all) and option.
type Options = BTreeMap<(Option<String>, String), Vec<String>>;

/// The file that the command line or the environment names, read against the options there are.
///
/// # Errors
/// It cannot be read, or names what is no option: all that is wrong with it.
pub fn file(command: &Command, arguments: &[OsString]) -> Result<File, Complaints> {
    let Some(path) = named(arguments) else { return Ok(File::default()) };
    let name = path.to_string_lossy().into_owned();
    let in_file = |found: Complaints| Complaints(found.0.into_iter().map(|c| c.in_file(name.clone())).collect());
    let bytes = files::read(&path, MAX_CHANGE).map_err(|error| in_file(error.complaint().into()))?;
    read(command, &bytes).map(|options| File { name: name.clone(), options }).map_err(in_file)
}

fn read(command: &Command, bytes: &[u8]) -> Result<Options, Complaints> {
    let (mut file, mut complaints) = (File::default(), Vec::new());
    file.take(command, &scenarios::document(bytes)?, &mut complaints);
    if complaints.is_empty() { Ok(file.options) } else { Err(Complaints(complaints)) }
}

/// The last file named on the command line, else the environment's.
fn named(arguments: &[OsString]) -> Option<PathBuf> {
    let mut found = None;
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.to_string_lossy().strip_prefix("--config") {
            Some("") => found = rest.next().map(PathBuf::from),
            Some(tail) => found = tail.strip_prefix('=').map(PathBuf::from).or(found),
            None if argument == "--" => break,
            None => {}
        }
    }
    found.or_else(|| std::env::var_os(VARIABLE).filter(|v| !v.is_empty()).map(PathBuf::from))
}

impl File {
    fn take(&mut self, command: &Command, document: &Value, complaints: &mut Vec<Complaint>) {
        let Value::Object(entries) = document else {
            complaints.push(Complaint::at("", document, "an object of options, or an empty one ({})"));
            return;
        };
        for (key, value) in entries {
            match (command.find_subcommand(key), value) {
                (Some(verb), Value::Object(options)) => {
                    for (option, value) in options {
                        self.option(verb, Some(key), option, value, complaints);
                    }
                }
                (Some(_), other) => complaints.push(Complaint::at(key, other, "an object: the options of this verb")),
                (None, value) => self.option(command, None, key, value, complaints),
            }
        }
    }

    fn option(
        &mut self,
        command: &Command,
        verb: Option<&str>,
        option: &str,
        value: &Value,
        complaints: &mut Vec<Complaint>,
    ) {
        let path = verb.map_or(option.to_owned(), |verb| format!("{verb}.{option}"));
        let Some(argument) = command.get_arguments().find(|a| a.get_long() == Some(option) && settable(a)) else {
            let names: Vec<&str> = command.get_arguments().filter(|a| settable(a)).filter_map(Arg::get_long).collect();
            let verbs = if verb.is_none() { ", or a verb" } else { "" };
            complaints.push(Complaint::at(path, value, format!("an option ({}{verbs})", names.join(", "))));
            return;
        };
        match texts(argument, value) {
            Some(texts) => _ = self.options.insert((verb.map(str::to_owned), option.to_owned()), texts),
            None => complaints.push(Complaint::at(path, value, expected(argument))),
        }
    }

    /// The command with the file's values for defaults; help does not show them, for they may hold a password.
    pub fn applied(&self, command: Command) -> Command {
        let set = |command: Command, option: &str, values: &[String]| {
            let id = command.get_arguments().find(|a| a.get_long() == Some(option)).map(|a| a.get_id().clone());
            let values = values.to_vec();
            match id {
                Some(id) => command.mut_arg(id, |a| {
                    let takes_values = a.get_action().takes_values();
                    a.required(false).default_values(values).hide_default_value(takes_values)
                }),
                None => command,
            }
        };
        self.options.iter().fold(command, |command, ((verb, option), values)| match verb {
            None => set(command, option, values),
            Some(verb) => command.mut_subcommand(verb, |verb| set(verb, option, values)),
        })
    }

    /// Where the values of the file come from, for complaints about them.
    pub fn name(&self) -> Option<&str> {
        (!self.options.is_empty()).then_some(&self.name)
    }

    fn states(&self, verb: &str, option: &str) -> bool {
        [Some(verb.to_owned()), None].into_iter().any(|verb| self.options.contains_key(&(verb, option.to_owned())))
    }
}

fn settable(argument: &Arg) -> bool {
    argument.get_long().is_some_and(|long| ![OPTION, "print-config", "help", "version"].contains(&long))
}

/// A value as the command line would have it; `None` where it has the wrong shape.
fn texts(argument: &Arg, value: &Value) -> Option<Vec<String>> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    };
    let is_switch = matches!(argument.get_action(), ArgAction::SetTrue | ArgAction::SetFalse);
    match value {
        Value::Bool(_) => text(value).map(|text| vec![text]),
        _ if is_switch => None,
        Value::Array(items) if many(argument) => items.iter().map(text).collect(),
        other => text(other).map(|text| vec![text]),
    }
}

fn many(argument: &Arg) -> bool {
    matches!(argument.get_action(), ArgAction::Append)
}

fn expected(argument: &Arg) -> &'static str {
    match argument.get_action() {
        ArgAction::SetTrue | ArgAction::SetFalse => "true or false",
        ArgAction::Append => "a text, or a list of texts",
        _ => "a text, a number, or true or false",
    }
}

/// What the options of the verb in `matches` come to, as a file of options with the source of each value in a comment.
pub fn printed(command: &Command, matches: &ArgMatches, file: &File) -> String {
    let Some((verb, of_verb)) = matches.subcommand() else { return String::new() };
    let global = rows(command, of_verb, |option| file.states(verb, option));
    let own =
        command.find_subcommand(verb).map_or(Vec::new(), |c| rows(c, of_verb, |option| file.states(verb, option)));
    let mut text = String::new();
    let mut add = |indent: &str, rows: Vec<(String, String, &str)>| {
        for (name, value, source) in rows {
            let _ = writeln!(text, "{indent}{name}: {value}  # {source}");
        }
    };
    add("", global);
    add("", vec![(verb.to_owned(), String::new(), "the verb")]);
    add("  ", own);
    text
}

fn rows<'a>(
    command: &Command,
    matches: &ArgMatches,
    in_file: impl Fn(&str) -> bool + 'a,
) -> Vec<(String, String, &'a str)> {
    let row = |argument: &Arg| {
        let (id, option) = (argument.get_id().as_str(), argument.get_long()?);
        let source = match matches.try_contains_id(id).ok().and_then(|_| matches.value_source(id))? {
            ValueSource::CommandLine => "command line",
            ValueSource::EnvVariable => "environment",
            _ if in_file(option) => "file",
            _ => "default",
        };
        let raw = matches.try_get_raw(id).ok().flatten();
        let values = raw.into_iter().flatten().map(|v| quoted(&hidden(&v.to_string_lossy())));
        let values: Vec<String> = values.collect();
        let value = if many(argument) { format!("[{}]", values.join(", ")) } else { values.concat() };
        Some((option.to_owned(), value, source))
    };
    let mut rows: Vec<_> = command.get_arguments().filter(|a| settable(a)).filter_map(row).collect();
    rows.sort();
    rows
}

/// A value as YAML and JSON both read it.
fn quoted(text: &str) -> String {
    let plain = text.parse::<f64>().is_ok() || matches!(text, "true" | "false");
    if plain { text.to_owned() } else { Value::String(text.to_owned()).to_string() }
}

/// A value without what may be a password in an address: all between the scheme and the last @.
fn hidden(text: &str) -> String {
    match text.split_once("://").and_then(|(scheme, rest)| Some((scheme, &rest[rest.rfind('@')?..]))) {
        Some((scheme, rest)) => format!("{scheme}://***{rest}"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn fuzz_files_of_options() {
        let file = "log: info\nworker:\n  queue: sqlite:/data/queue.db\n  publish: [dir:/data/reports, 'dir:b']\n  parallel: 2\n  until-empty: true\nscore: {trials: 100}\n";
        let command = crate::cli::Cli::command();
        crate::fuzz::fuzz("files of options", &[file], &|bytes| {
            read(&command, bytes).is_ok_and(|options| {
                let file = File { name: "options.yaml".into(), options };
                let _ = file.applied(command.clone());
                !file.options.is_empty()
            })
        });
    }

    #[test]
    fn passwords_in_addresses_are_not_shown() {
        for (given, shown) in [
            ("amqp://user:pass@host:5672/vhost", "amqp://***@host:5672/vhost"),
            ("amqps://user:p@ss/w@rd@host/", "amqps://***@host/"),
            ("sqlite:queue.db", "sqlite:queue.db"),
            ("az://fleet/reports", "az://fleet/reports"),
        ] {
            assert_eq!(hidden(given), shown);
        }
    }
}

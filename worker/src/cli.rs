//! The command line: one file per verb, each parses, calls a library and prints.
//!
//! Data goes to standard output, everything else to standard error. Exit codes: 0 done, 1 failed, 2 the command line or
//! an input is invalid, 3 a change reached `--fail-at`.

mod backtest;
mod config;
mod decode;
mod demo;
mod estimate;
mod explain;
mod input;
mod listen;
mod logging;
mod memory;
mod output;
mod place;
mod progress;
mod queue;
mod replay;
mod schema;
mod score;
mod submit;
mod whatif;
mod worker;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use scenarios::Complaints;

/// What will this AKS node pool change do to the pods that keep the cluster alive?
#[derive(Parser)]
#[command(name = "poolproof", version, about, max_term_width = 120)]
struct Cli {
    #[command(flatten)]
    config: config::ConfigArgs,
    #[command(flatten)]
    logging: logging::LogArgs,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Score the shipped case studies through a queue and a worker
    Demo(demo::Args),
    /// Score changes against a cluster snapshot
    Score(score::Args),
    /// Take messages from a queue, score their changes, publish the reports
    Worker(Box<worker::Args>),
    /// Put messages on a queue
    Submit(submit::Args),
    /// Look after waiting and dead messages
    Queue(queue::Args),
    /// Say what messages mean: their changes as JSON, or why there are none
    Decode(decode::Args),
    /// Score one change under many conditions
    Whatif(whatif::Args),
    /// Replay a recorded course, and what might have been done instead
    Replay(replay::Args),
    /// Say how good past forecasts were, and what there is to learn from what came
    Backtest(backtest::Args),
    /// Tell one trial of a report in full: event log, or a file for a trace viewer
    Explain(explain::Args),
    /// Say where pending pods would go, or why they fit nowhere
    Place(place::Args),
    /// Print the JSON Schema of an input or output
    Schema(schema::Args),
}

/// Why a verb did not succeed.
enum Failure {
    /// Inputs are invalid: everything wrong with all of them.
    Invalid(Complaints),
    /// A change reached the level that was to be reported.
    Reached(String),
    /// Anything else.
    Failed(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure::Failed(error.into())
    }
}

/// Parses the command line and does what it says.
pub fn main() -> ExitCode {
    let cli = match parsed() {
        Ok(Some(cli)) => cli,
        Ok(None) => return ExitCode::SUCCESS,
        Err(code) => return code,
    };
    // Dropped last: it sends what is left of traces.
    let _logging = match cli.logging.start(matches!(cli.verb, Verb::Worker(_))) {
        Ok(logging) => logging,
        Err(error) => return ended(Err(error.into())),
    };
    ended(run(cli.verb))
}

/// The command line with what the environment and the file of options add to it; `None` where that was all that was asked for.
fn parsed() -> Result<Option<Cli>, ExitCode> {
    let invalid = |complaints: Complaints| {
        output::note(&complaints.to_string());
        ExitCode::from(2)
    };
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let file = config::file(&Cli::command(), &arguments).map_err(invalid)?;
    let command = file.applied(Cli::command());
    let matches = command.clone().try_get_matches_from(arguments);
    let read = matches.and_then(|matches| Ok((Cli::from_arg_matches(&matches)?, matches)));
    match read {
        Ok((cli, matches)) if cli.config.print_config => {
            let printed = output::data(&config::printed(&command, &matches, &file));
            printed.map(|()| None).map_err(|_| ExitCode::FAILURE)
        }
        Ok((cli, _)) => Ok(Some(cli)),
        Err(error) => {
            // Help goes to standard output, complaints to standard error; nobody reading is no failure.
            let text = output::without_logins(&error.to_string());
            if error.use_stderr() {
                output::note(text.trim_end());
            } else {
                let _ = output::data(&text);
            }
            if let (Some(name), true) = (file.name(), error.use_stderr()) {
                output::note(&format!("(values that are not on the command line may be from {name})"));
            }
            Err(ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2)))
        }
    }
}

fn run(verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::Demo(args) => demo::run(&args),
        Verb::Score(args) => score::run(&args),
        Verb::Worker(args) => worker::run(&args),
        Verb::Submit(args) => submit::run(&args),
        Verb::Queue(args) => queue::run(&args),
        Verb::Decode(args) => decode::run(&args),
        Verb::Whatif(args) => whatif::run(&args),
        Verb::Replay(args) => replay::run(&args),
        Verb::Backtest(args) => backtest::run(&args),
        Verb::Explain(args) => explain::run(&args),
        Verb::Place(args) => place::run(&args),
        Verb::Schema(args) => schema::run(&args),
    }
}

fn ended(result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Invalid(complaints)) => {
            output::note(&complaints.to_string());
            ExitCode::from(2)
        }
        Err(Failure::Reached(what)) => {
            output::note(&what);
            ExitCode::from(3)
        }
        Err(Failure::Failed(error)) if output::is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(Failure::Failed(error)) => {
            output::note(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_option_has_an_environment_variable() {
        fn check(command: &clap::Command) {
            for option in command.get_arguments() {
                let Some(long) = option.get_long().filter(|long| !["help", "version"].contains(long)) else {
                    continue;
                };
                let variable = option.get_env().and_then(|name| name.to_str()).unwrap_or_default();
                assert!(variable.starts_with("POOLPROOF_"), "{} --{long}: {variable:?}", command.get_name());
            }
            command.get_subcommands().for_each(check);
        }
        check(&Cli::command());
    }
}

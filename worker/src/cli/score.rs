//! `score`: changes against a snapshot, here and now, without a queue.

mod print;

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use reports::Report;
use reports::report::Level;
use scenarios::snapshot::Snapshot;
use scenarios::{Change, Complaint, Complaints};

use super::input::Input;
use super::{Failure, estimate, input, memory as remembered, output, progress};
use crate::memory::Memory;
use crate::pipeline::{self, Estimate, Glance, Prepared, Scored, Watch};
use crate::publish::{PublishUrl, Publisher, Retention};
use crate::snapshots::in_file;

/// Arguments of `score`.
#[derive(clap::Args)]
pub struct Args {
    /// Change messages: files, or - for standard input
    #[arg(required = true, value_name = "CHANGE")]
    changes: Vec<PathBuf>,
    /// Cluster snapshot: a file, or a folder of files as az and kubectl print them; may be left out where every message
    /// carries one
    #[arg(long, env = "POOLPROOF_CLUSTER", value_name = "SNAPSHOT")]
    cluster: Option<PathBuf>,
    /// Folder for the reports
    #[arg(long, env = "POOLPROOF_OUT", value_name = "DIR")]
    out: Option<PathBuf>,
    /// What to print: a table, one report.json a line, or the report.md of each change
    #[arg(long, env = "POOLPROOF_FORMAT", value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Print what is known so far while trials run: with --format json one object a line with "partial": true on standard
    /// output before the report, else a line on standard error
    #[arg(long, env = "POOLPROOF_WATCH", value_parser = clap::builder::BoolishValueParser::new())]
    watch: bool,
    /// Exit with code 3 when a change reaches this level
    #[arg(long, env = "POOLPROOF_FAIL_AT", value_name = "LEVEL", value_parser = levels())]
    fail_at: Option<Level>,
    #[command(flatten)]
    memory: remembered::MemoryArgs,
    #[command(flatten)]
    estimate: estimate::EstimateArgs,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// report.json, one a line
    Json,
    /// For pull requests
    Markdown,
}

fn levels() -> impl TypedValueParser<Value = Level> {
    PossibleValuesParser::new(Level::ALL.map(Level::name))
        .map(|name| Level::ALL.into_iter().find(|l| l.name() == name).unwrap_or(Level::Minimal))
}

/// Reads and checks everything, then scores one change after the other.
pub fn run(args: &Args) -> Result<(), Failure> {
    let memory = args.memory.open()?;
    let estimate = Estimate { foretell: memory.is_some(), ..args.estimate.resolve(None) };
    let prepared = prepare(args, &estimate)?;
    remember(memory.as_ref(), &prepared)?;
    let publisher =
        args.out.as_ref().map(|path| PublishUrl::Folder(path.clone()).open(Retention::default())).transpose()?;
    let scored = prepared
        .iter()
        .map(|p| score(p, &estimate, publisher.as_ref(), memory.as_ref(), args))
        .collect::<Result<Vec<_>, _>>()?;
    print::print(&scored, args.format)?;
    verdict(&scored, args.fail_at)
}

/// A change that is ready to be simulated.
struct Ready {
    change: Change,
    prepared: Prepared,
}

/// Keeps what the messages tell of the changes.
fn remember(memory: Option<&Memory>, ready: &[Ready]) -> Result<(), Failure> {
    let Some(memory) = memory else { return Ok(()) };
    Ok(ready.iter().try_for_each(|r| memory.seen(&r.change))?)
}

/// Decodes and resolves every change; all complaints of all inputs come together.
fn prepare(args: &Args, estimate: &Estimate) -> Result<Vec<Ready>, Failure> {
    let mut complaints = Vec::new();
    let messages = input::messages(&args.changes, &mut complaints);
    let mut read = |path| input::snapshot(path).map_err(|found| complaints.extend(found.0)).ok();
    let snapshot = args.cluster.as_deref().map(&mut read);
    let mut prepared = Vec::new();
    for message in messages {
        match changes(&message, snapshot.as_ref(), estimate) {
            Ok(ready) => prepared.extend(ready),
            Err(found) => complaints.extend(in_file(found, &message.name).0),
        }
    }
    input::check(complaints)?;
    Ok(prepared)
}

/// The changes of one message, or everything wrong with it.
fn changes(message: &Input, given: Option<&Option<Snapshot>>, estimate: &Estimate) -> Result<Vec<Ready>, Complaints> {
    let decoded = pipeline::decode(&message.bytes)?;
    for note in &decoded.notes {
        output::note(&format!("{}: {}", message.name, output::on_one_line(note)));
    }
    if !decoded.outcomes.is_empty() {
        output::note(&format!("{}: an outcome is for a worker's memory (`submit`)", message.name));
    }
    let (mut ready, mut complaints) = (Vec::new(), Vec::new());
    let several = decoded.changes.len() > 1;
    for (i, change) in decoded.changes.into_iter().enumerate() {
        // Where a message holds several changes, each complaint says which one it means.
        let located = |c: Complaint| match several {
            true => Complaint {
                path: format!("change {} ({}): {}", i + 1, output::on_one_line(&change.summary), c.path),
                ..c
            },
            false => c,
        };
        match resolve(&change, given, estimate) {
            Ok(Some(prepared)) => ready.push(Ready { change, prepared }),
            Ok(None) => {}
            Err(found) => complaints.extend(found.0.into_iter().map(located)),
        }
    }
    if complaints.is_empty() { Ok(ready) } else { Err(Complaints(complaints)) }
}

/// Resolves a change against the snapshot of the command line, else the one it carries; nothing where the former is broken,
/// which has been complained of.
fn resolve(
    change: &Change,
    given: Option<&Option<Snapshot>>,
    estimate: &Estimate,
) -> Result<Option<Prepared>, Complaints> {
    match given {
        Some(None) => Ok(None),
        Some(Some(snapshot)) => pipeline::prepare(change, snapshot, estimate).map(Some),
        None => {
            let missing = || Complaint::at("snapshot", "none", "a snapshot in the message, or --cluster SNAPSHOT");
            let carried = pipeline::inline_snapshot(change).ok_or_else(missing)??;
            pipeline::prepare(change, &carried, estimate).map(Some)
        }
    }
}

fn score(
    Ready { change, prepared }: &Ready,
    estimate: &Estimate,
    publisher: Option<&Publisher>,
    memory: Option<&Memory>,
    Args { watch, format, .. }: &Args,
) -> Result<Scored, Failure> {
    let (watch, format) = (*watch, *format);
    let bar = progress::bar(&prepared.change.summary, u64::from(prepared.trials));
    let glance = |glance: &Glance| {
        bar.set_message(format!("{}: {}", output::on_one_line(&prepared.change.summary), print::so_far(glance)));
        if watch {
            print::glance(prepared, glance, format);
        }
    };
    let told = |report: &Report| {
        bar.set_message(format!("{}: other plans", output::on_one_line(&prepared.change.summary)));
        if watch {
            print::judged(report, format);
        }
    };
    let scored = pipeline::run(
        prepared,
        estimate,
        Watch {
            stop: &AtomicBool::new(false),
            progress: &|n| bar.set_position(u64::from(n)),
            glance: &glance,
            judged: &told,
            aid: None,
        },
    );
    bar.finish_and_clear();
    let scored = scored?;
    if let (Some(memory), Some(prediction)) = (memory, &scored.prediction) {
        memory.foretold(change, prediction)?;
    }
    if let Some(publisher) = publisher {
        output::note(&format!("report: {}", publisher.publish(&scored.bundle)?));
    }
    Ok(scored)
}

fn verdict(scored: &[Scored], fail_at: Option<Level>) -> Result<(), Failure> {
    let Some(limit) = fail_at else { return Ok(()) };
    let reached: Vec<String> = scored
        .iter()
        .filter(|b| b.report.verdict.level >= limit)
        .map(|b| {
            format!(
                "reached --fail-at: {} ({})",
                output::on_one_line(&b.report.change.summary),
                b.report.verdict.level.name()
            )
        })
        .collect();
    if reached.is_empty() { Ok(()) } else { Err(Failure::Reached(reached.join("\n"))) }
}

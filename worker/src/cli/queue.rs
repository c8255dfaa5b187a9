//! `queue`: looks after waiting and dead messages.

use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::{Failure, output};
use crate::queue::QueueUrl;
use crate::queue::embedded::{Entry, Store};

/// Arguments of `queue`.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// One line per message
    List {
        #[command(flatten)]
        which: Which,
        /// Form of the list
        #[arg(long, env = "POOLPROOF_QUEUE_FORMAT", value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Messages with their bodies, as JSON
    Show(Chosen),
    /// Make messages due now, dead ones included
    Requeue(Chosen),
    /// Remove messages for good
    Drop(Chosen),
}

#[derive(clap::Args)]
struct Which {
    /// The queue: sqlite:PATH
    #[arg(long, env = "POOLPROOF_QUEUE", hide_env_values = true, value_name = "URL")]
    queue: QueueUrl,
    /// Only the dead letters
    #[arg(long, env = "POOLPROOF_DEAD", value_parser = clap::builder::BoolishValueParser::new())]
    dead: bool,
}

#[derive(clap::Args)]
struct Chosen {
    #[command(flatten)]
    which: Which,
    /// Ids of messages; with --dead and no id, all dead letters
    #[arg(value_name = "ID", required_unless_present = "dead")]
    ids: Vec<i64>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}

/// Does what the second word says.
pub fn run(args: &Args) -> Result<(), Failure> {
    match &args.verb {
        Verb::List { which, format } => list(which, *format),
        Verb::Show(chosen) => show(chosen),
        Verb::Requeue(chosen) => {
            let (mut store, ids) = chosen.open()?;
            store.requeue(&ids)?;
            said("put back", ids.len())
        }
        Verb::Drop(chosen) => {
            let (mut store, ids) = chosen.open()?;
            store.drop_messages(&ids)?;
            said("dropped", ids.len())
        }
    }
}

impl Which {
    fn open(&self) -> Result<Store, Failure> {
        let QueueUrl::Sqlite(path) = &self.queue;
        Ok(Store::open_existing(path)?)
    }
}

impl Chosen {
    /// The queue, and the messages that are meant: those named (of the dead ones, with `--dead`), or all dead ones.
    fn open(&self) -> Result<(Store, Vec<i64>), Failure> {
        let mut store = self.which.open()?;
        if !self.which.dead {
            return Ok((store, self.ids.clone()));
        }
        let dead = store.list(true)?.into_iter().map(|entry| entry.id);
        let ids = dead.filter(|id| self.ids.is_empty() || self.ids.contains(id)).collect();
        Ok((store, ids))
    }
}

fn list(which: &Which, format: Format) -> Result<(), Failure> {
    let entries = which.open()?.list(which.dead)?;
    let text = match format {
        Format::Json => entries.iter().map(|e| format!("{}\n", json!(e))).collect(),
        Format::Text if entries.is_empty() => String::new(),
        Format::Text => {
            let titles = ["ID", "STATE", "ATTEMPTS", "BYTES", "CREATED", "DUE", "REASON"].map(String::from).to_vec();
            output::columns(&std::iter::once(titles).chain(entries.iter().map(row)).collect::<Vec<_>>())
        }
    };
    Ok(output::data(&text)?)
}

fn row(entry: &Entry) -> Vec<String> {
    let reason = output::on_one_line(entry.reason.as_deref().unwrap_or_default());
    vec![
        entry.id.to_string(),
        entry.state.name().into(),
        entry.attempts.to_string(),
        entry.bytes.to_string(),
        entry.created.clone(),
        entry.due.clone(),
        reason,
    ]
}

fn show(chosen: &Chosen) -> Result<(), Failure> {
    let (mut store, ids) = chosen.open()?;
    for id in ids {
        let (entry, body) = store.show(id)?;
        let mut document = json!(entry);
        // A body is JSON as a rule; whatever else it is appears as text, with what is not UTF-8 replaced.
        document["body"] =
            serde_json::from_slice(&body).unwrap_or_else(|_| Value::from(String::from_utf8_lossy(&body)));
        output::data(&format!("{document:#}\n"))?;
    }
    Ok(())
}

fn said(what: &str, count: usize) -> Result<(), Failure> {
    Ok(output::data(&format!("{count} {what}\n"))?)
}

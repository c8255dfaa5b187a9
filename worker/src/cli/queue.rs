//! `queue`: looks after waiting and dead messages.

use std::fmt::Display;

use clap::{Subcommand, ValueEnum};
use scenarios::Complaint;
use serde::Serialize;
use serde_json::{Value, json};

use super::{Failure, input, output};
#[cfg(any(feature = "amqp", feature = "cloud"))]
use crate::queue::Desk;
#[cfg(feature = "cloud")]
use crate::queue::azure::AzureDesk;
use crate::queue::embedded::Store;
use crate::queue::{BrokerUrl, Entry, QueueUrl};

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
    /// The queue: sqlite:PATH, or amqp://HOST/VHOST, azqueue://ACCOUNT/QUEUE (only their dead letters can be looked at)
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
    ids: Vec<String>,
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
    let (Verb::List { which, .. }
    | Verb::Show(Chosen { which, .. })
    | Verb::Requeue(Chosen { which, .. })
    | Verb::Drop(Chosen { which, .. })) = &args.verb;
    match &which.queue {
        QueueUrl::Sqlite(path) => embedded(&args.verb, Store::open_existing(path)?),
        QueueUrl::Broker(url) => broker(&args.verb, url),
        #[cfg(feature = "cloud")]
        QueueUrl::Azure(url) => at_desk(&args.verb, &AzureDesk::open(url, false)?),
    }
}

fn embedded(verb: &Verb, mut store: Store) -> Result<(), Failure> {
    match verb {
        Verb::List { which, format } => list(&store.list(which.dead)?, *format),
        Verb::Show(chosen) => {
            for id in chosen.numbers(&mut store)? {
                let (entry, body) = store.show(id)?;
                show(&entry, &body)?;
            }
            Ok(())
        }
        Verb::Requeue(chosen) => {
            let ids = chosen.numbers(&mut store)?;
            store.requeue(&ids)?;
            said("put back", ids.len())
        }
        Verb::Drop(chosen) => {
            let ids = chosen.numbers(&mut store)?;
            store.drop_messages(&ids)?;
            said("dropped", ids.len())
        }
    }
}

#[cfg(feature = "amqp")]
fn broker(verb: &Verb, url: &BrokerUrl) -> Result<(), Failure> {
    at_desk(verb, &input::desk(url, false)?)
}

#[cfg(any(feature = "amqp", feature = "cloud"))]
fn at_desk(verb: &Verb, desk: &dyn Desk) -> Result<(), Failure> {
    match verb {
        Verb::List { which, format } => {
            let lying = desk.list()?;
            if !which.dead {
                output::note(&lying.waiting);
            }
            list(&lying.dead, *format)
        }
        Verb::Show(chosen) => desk.show(&chosen.ids)?.iter().try_for_each(|(entry, body)| show(entry, body)),
        Verb::Requeue(chosen) => said("put back", desk.requeue(&chosen.ids)?),
        Verb::Drop(chosen) => said("dropped", desk.drop_messages(&chosen.ids)?),
    }
}

#[cfg(not(feature = "amqp"))]
fn broker(_: &Verb, url: &BrokerUrl) -> Result<(), Failure> {
    Err(input::no_broker(url))
}

impl Chosen {
    /// The messages that are meant: those named (of the dead ones, with `--dead`), or all dead ones.
    fn numbers(&self, store: &mut Store) -> Result<Vec<i64>, Failure> {
        let number = |id: &String| id.parse().map_err(|_| Complaint::at("ID", id, "the number of a message"));
        let ids = self.ids.iter().map(number).collect::<Result<Vec<i64>, _>>();
        let ids = ids.map_err(|complaint| Failure::Invalid(complaint.into()))?;
        if !self.which.dead {
            return Ok(ids);
        }
        let dead = store.list(true)?.into_iter().map(|entry| entry.id);
        Ok(dead.filter(|id| ids.is_empty() || ids.contains(id)).collect())
    }
}

fn list<Id: Display + Serialize>(entries: &[Entry<Id>], format: Format) -> Result<(), Failure> {
    let text = match format {
        Format::Json => entries.iter().map(|e| format!("{}\n", json!(e))).collect(),
        Format::Text if entries.is_empty() => String::new(),
        Format::Text => {
            let titles = ["ID", "STATE", "ATTEMPTS", "BYTES", "CREATED", "DUE", "REASON"].map(String::from).to_vec();
            output::columns(&std::iter::once(titles).chain(entries.iter().map(row)).collect::<Vec<_>>())
        }
    };
    // In a table nothing of the kind is left.
    Ok(output::json(&text)?)
}

fn row<Id: Display>(entry: &Entry<Id>) -> Vec<String> {
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

fn show<Id: Serialize>(entry: &Entry<Id>, body: &[u8]) -> Result<(), Failure> {
    let mut document = json!(entry);
    // A body is JSON as a rule; whatever else it is appears as text, with what is not UTF-8 replaced.
    document["body"] = serde_json::from_slice(body).unwrap_or_else(|_| Value::from(String::from_utf8_lossy(body)));
    Ok(output::json(&format!("{document:#}\n"))?)
}

fn said(what: &str, count: usize) -> Result<(), Failure> {
    Ok(output::data(&format!("{count} {what}\n"))?)
}

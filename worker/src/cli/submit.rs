//! `submit`: puts messages on a queue as they are. Whether they mean anything is for the worker to say. A what-if spec that does
//! not name its schema gets it, since a queue has no other way to tell. Their place in a trace is that of `TRACEPARENT` in the
//! environment, where pipelines put it.

use std::path::{Path, PathBuf};

use scenarios::what_if;

use super::input::Input;
use super::{Failure, input, output};
use crate::pipeline::digest;
#[cfg(feature = "cloud")]
use crate::queue::azure::AzureDesk;
use crate::queue::embedded::{Pushed, Store};
use crate::queue::{BrokerUrl, QueueUrl};
#[cfg(any(feature = "amqp", feature = "cloud"))]
use crate::queue::{Desk, desk::is_replay};
use crate::trace::TraceParent;

/// Arguments of `submit`.
#[derive(clap::Args)]
pub struct Args {
    /// Messages: files, or - for standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The queue: sqlite:PATH, amqp://HOST/VHOST, azqueue://ACCOUNT/QUEUE
    #[arg(long, env = "POOLPROOF_QUEUE", hide_env_values = true, value_name = "URL")]
    queue: QueueUrl,
}

/// Reads all files, then adds them; one that is still in the queue is not added again.
pub fn run(args: &Args) -> Result<(), Failure> {
    let mut complaints = Vec::new();
    let mut messages = input::messages(&args.files, &mut complaints);
    input::check(complaints)?;
    for message in &mut messages {
        if let Some(named) = named(&message.bytes) {
            message.bytes = named;
        }
    }
    match &args.queue {
        QueueUrl::Sqlite(path) => to_embedded(path, &messages),
        QueueUrl::Broker(url) => to_broker(url, &messages),
        #[cfg(feature = "cloud")]
        QueueUrl::Azure(url) => to_desk(&AzureDesk::open(url, true)?, &messages),
    }
}

fn trace() -> Option<TraceParent> {
    TraceParent::parse(&std::env::var("TRACEPARENT").ok()?)
}

/// A what-if spec with the name of its schema in front, where it has none. The rest stays as it was written: the order of axes
/// counts.
fn named(bytes: &[u8]) -> Option<Vec<u8>> {
    let spec = what_if::parse(bytes).ok()?;
    if scenarios::document(bytes).ok()?.get("schema").is_some() {
        return None;
    }
    let text = str::from_utf8(bytes).ok()?;
    let named = match text.trim_start().strip_prefix('{') {
        Some(rest) => format!("{{\"schema\":\"{}\",{rest}", what_if::SCHEMA),
        None => format!("schema: {}\n{text}", what_if::SCHEMA),
    };
    // What else may stand at the beginning of YAML is left to whoever wrote it.
    (what_if::parse(named.as_bytes()).ok()? == spec).then(|| named.into_bytes())
}

fn to_embedded(path: &Path, messages: &[Input]) -> Result<(), Failure> {
    let (mut store, trace) = (Store::open(path)?, trace());
    for message in messages {
        let (id, what) = match store.push_traced(&message.bytes, Some(&digest(&message.bytes)), trace.as_ref())? {
            Pushed::New(id) => (id, "submitted"),
            Pushed::Already(id) => (id, "already in the queue"),
            Pushed::Revived(id) => (id, "back from the dead letters"),
        };
        output::data(&format!("{id}\t{what}\t{}\n", message.name))?;
    }
    Ok(())
}

#[cfg(feature = "amqp")]
fn to_broker(url: &BrokerUrl, messages: &[Input]) -> Result<(), Failure> {
    to_desk(&input::desk(url, true)?, messages)
}

#[cfg(any(feature = "amqp", feature = "cloud"))]
fn to_desk(desk: &dyn Desk, messages: &[Input]) -> Result<(), Failure> {
    for message in messages {
        let id = desk.push(&message.bytes, is_replay(&message.bytes), trace().as_ref())?;
        output::data(&format!("{id}\tsubmitted\t{}\n", message.name))?;
    }
    Ok(())
}

#[cfg(not(feature = "amqp"))]
fn to_broker(url: &BrokerUrl, _: &[Input]) -> Result<(), Failure> {
    Err(input::no_broker(url))
}

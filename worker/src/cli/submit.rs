//! `submit`: puts messages on a queue as they are. Whether they mean anything is for the worker to say. Their place in a trace is
//! that of `TRACEPARENT` in the environment, where pipelines put it.

use std::path::{Path, PathBuf};

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
    let messages = input::messages(&args.files, &mut complaints);
    input::check(complaints)?;
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

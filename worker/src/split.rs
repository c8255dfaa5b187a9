//! Work that several workers share. Whoever takes a large message from the queue puts shard messages on the same queue, each
//! naming a part of the work, and then works on all of it, from its end. Other workers take the shards, find the parts from
//! their beginning, and lay what they find beside the reports. A part that lies there is not done again.
//!
//! So nobody waits for anybody: a shard is a chance to help, not a promise. Shards that nobody takes, that come twice, late or
//! for a snapshot that is no more change nothing but the time it takes; a coordinator that dies leaves its message to the next,
//! who finds what lies there; and what is put together is a function of the parts alone. Only a part that cannot be done ends
//! the whole, with its reason.

pub mod search;
pub mod shard;
mod what_if;

use std::sync::atomic::AtomicBool;

use scenarios::Complaint;
use tracing::{info, warn};

use crate::job::{JobError, describe};
use crate::pipeline::{Task, task};
use crate::publish::Publisher;
use crate::queue::QueueError;
use crate::serve::{Handled, Worker};

pub use shard::Shard;

/// Most shards of one message.
const MOST: u64 = 64;
/// The message itself, as a piece of its job: while it is there the job goes on.
const MESSAGE: &str = "message";
/// How the reason of a part begins, which the whole says of itself.
const PART: &str = "a part of it failed: ";
/// Why the job cannot be done.
const FAILED: &str = "failed";

/// Puts a message on the queue the worker lives on, by a key that is the same for the same message.
pub type Push<'a> = &'a dyn Fn(&[u8], &str) -> Result<(), QueueError>;

impl Worker {
    /// Does the part of a job that a shard names, as far as nobody else has done it.
    pub(crate) fn shard(&self, body: &[u8], stop: &AtomicBool) -> Result<Handled, JobError> {
        let wrong = |why| JobError::Message(Complaint::at("", why, "a shard as a worker writes it").into());
        let shard = Shard::read(body).map_err(wrong)?;
        let handled = Handled { format: "shard".into(), parts: Some(0), ..Handled::default() };
        let keeper = keeper(&self.publishers).ok_or(JobError::NoPlace)?;
        let message = keeper.piece(&shard.job, MESSAGE);
        let message = message.map_err(|source| JobError::Publish { id: shard.job.clone(), source })?;
        let Some(message) = message else {
            info!(job = shard.job, "its job is done");
            return Ok(handled);
        };
        let parts = match task(&message) {
            (Task::WhatIf, message) => self.cells_of(&shard, &message, keeper, stop)?,
            (Task::Changes, message) => self.plans_of(&shard, &message, keeper, stop)?,
            (Task::Shard, _) => 0,
        };
        Ok(Handled { parts: Some(parts), ..handled })
    }

    /// Tells the coordinator of a shard that is laid among the dead letters.
    pub(crate) fn buries(&self, body: &[u8], reason: &str) {
        let (Task::Shard, body) = task(body) else { return };
        let (Ok(shard), Some(keeper)) = (Shard::read(&body), keeper(&self.publishers)) else { return };
        let reason = reason.strip_prefix(PART).unwrap_or(reason);
        let told = keeper.piece(&shard.job, MESSAGE).and_then(|message| match message {
            Some(_) => keeper.keep(&shard.job, FAILED, reason.as_bytes()),
            None => Ok(()),
        });
        if let Err(error) = told {
            // The coordinator finds out by itself.
            warn!(job = shard.job, error = describe(&error), "its coordinator could not be told");
        }
    }
}

/// Puts the shards of a job on the queue. What cannot be put there is done by the coordinator.
fn share_out(job: &str, shards: usize, push: Push<'_>) {
    for shard in Shard::all(job, shards) {
        if let Err(error) = push(&shard.to_bytes(), &shard.key()) {
            return warn!(error = describe(&error), "the work could not be shared");
        }
    }
}

/// Takes back what was found too late: nobody else would.
fn clear_if_over(keeper: &Publisher, shard: &Shard) -> Result<(), JobError> {
    let cleared = keeper.piece(&shard.job, MESSAGE).and_then(|message| match message {
        Some(_) => Ok(()),
        None => keeper.clear(&shard.job),
    });
    cleared.map_err(|source| JobError::Publish { id: shard.job.clone(), source })
}

/// True while the coordinator of a job wants its parts.
fn goes_on(keeper: &Publisher, shard: &Shard) -> Result<bool, JobError> {
    let piece = |name| keeper.piece(&shard.job, name);
    let goes_on = piece(MESSAGE).and_then(|message| Ok(message.is_some() && piece(FAILED)?.is_none()));
    goes_on.map_err(|source| JobError::Publish { id: shard.job.clone(), source })
}

/// Shards for so much work in so many parts, where one message is to do at most `above`.
fn shards(work: u64, above: u64, parts: usize) -> usize {
    let wanted = if above == 0 { 1 } else { work.div_ceil(above).clamp(1, MOST) };
    usize::try_from(wanted).unwrap_or(1).min(parts.max(1))
}

/// The parts of a shard, in order.
fn share(parts: usize, shard: usize, of: usize) -> std::ops::Range<usize> {
    let at = |n: usize| parts * n / of.max(1);
    at(shard).min(parts)..at(shard + 1).min(parts)
}

/// Where the pieces of jobs lie: the first place that keeps anything.
pub(crate) fn keeper(publishers: &[Publisher]) -> Option<&Publisher> {
    publishers.iter().find(|publisher| publisher.keeps())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_belongs_to_one_shard() {
        for parts in 0..40 {
            for of in 1..10 {
                let all: Vec<usize> = (0..of).flat_map(|n| share(parts, n, of)).collect();
                assert_eq!(all, (0..parts).collect::<Vec<_>>(), "{parts} in {of}");
            }
        }
    }

    #[test]
    fn shards_are_as_many_as_the_work_wants() {
        for (work, above, parts, expected) in [
            (10, 10, 9, 1),
            (11, 10, 9, 2),
            (70, 10, 9, 7),
            (1000, 10, 9, 9),
            (1 << 40, 10, 500, 64),
            (5, 0, 9, 1),
            (0, 10, 0, 1),
        ] {
            assert_eq!(shards(work, above, parts), expected, "{work} {above} {parts}");
        }
    }
}

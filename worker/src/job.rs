//! What can go wrong with a job, and what becomes of its message then.

use std::time::Duration;

use scenarios::Complaints;

use crate::publish::PublishError;
use crate::snapshots::SnapshotError;
use crate::sqlite::FileError;

/// Why a job did not end in reports.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The message cannot be read.
    #[error("the message cannot be read: {0}")]
    Message(Complaints),
    /// Its cluster has no usable snapshot.
    #[error("no snapshot for {change}")]
    Snapshot {
        /// The change in plain words.
        change: String,
        /// Why.
        #[source]
        source: SnapshotError,
    },
    /// The change makes no sense on its cluster, or is not simulated.
    #[error("{change} cannot be simulated: {complaints}")]
    NotSimulated {
        /// The change in plain words.
        change: String,
        /// Why.
        complaints: Complaints,
    },
    /// The simulation took longer than it may.
    #[error("{change}: {done} of {trials} trials took {}s, longer than allowed", limit.as_secs())]
    TooLong {
        /// The change in plain words.
        change: String,
        /// Trials that ended.
        done: u32,
        /// Trials asked for.
        trials: u32,
        /// How long they may take.
        limit: Duration,
    },
    /// The program failed on this message.
    #[error("the program failed on this message: {0}")]
    Panicked(String),
    /// The report could not be put where it belongs.
    #[error("could not publish report {id}")]
    Publish {
        /// The report.
        id: String,
        /// Why.
        #[source]
        source: PublishError,
    },
    /// An outcome is stated, and there is nowhere to keep it.
    #[error("the message states an outcome, and this worker has no --memory to keep it in")]
    NoMemory,
    /// What is to be remembered could not be kept.
    #[error("could not remember")]
    Memory(#[from] FileError),
    /// A part of what the message asks for failed.
    #[error("a part of it failed: {0}")]
    Part(String),
    /// Nothing is kept anywhere.
    #[error("nothing that is published is kept")]
    NoPlace,
    /// The worker is stopping.
    #[error("stopped before the end")]
    Stopped,
    /// Several changes of one message failed.
    #[error("{}", .0.iter().map(describe).collect::<Vec<_>>().join("; "))]
    Several(Vec<JobError>),
}

/// What becomes of a message, mildest last: of several changes the message follows the mildest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Disposition {
    /// It will never work: to the dead letters.
    DeadLetter,
    /// Trouble outside: again after a delay.
    Retry,
    /// Nothing is wrong with it: back at once, the attempt does not count.
    GiveBack,
}

impl JobError {
    /// Its kind, a name out of a closed list.
    pub fn kind(&self) -> &'static str {
        match self {
            JobError::Message(_) => "unreadable",
            JobError::Snapshot { .. } => "snapshot",
            JobError::NotSimulated { .. } => "not_simulated",
            JobError::TooLong { .. } => "too_long",
            JobError::Panicked(_) => "panicked",
            JobError::Publish { .. } => "publish",
            JobError::Stopped => "stopped",
            JobError::NoMemory => "no_memory",
            JobError::Memory(_) => "memory",
            JobError::Part(_) => "part",
            JobError::NoPlace => "no_place",
            JobError::Several(_) => "several",
        }
    }

    /// What becomes of the message.
    pub fn disposition(&self) -> Disposition {
        match self {
            JobError::Message(_)
            | JobError::NotSimulated { .. }
            | JobError::TooLong { .. }
            | JobError::Panicked(_)
            | JobError::NoMemory
            | JobError::Part(_)
            | JobError::NoPlace => Disposition::DeadLetter,
            JobError::Snapshot { source: SnapshotError::Read { source, .. }, .. } if source.passes() => {
                Disposition::Retry
            }
            JobError::Snapshot { .. } => Disposition::DeadLetter,
            JobError::Publish { .. } | JobError::Memory(_) => Disposition::Retry,
            JobError::Stopped => Disposition::GiveBack,
            JobError::Several(errors) => {
                errors.iter().map(JobError::disposition).max().unwrap_or(Disposition::DeadLetter)
            }
        }
    }
}

/// An error with its causes in one line.
pub fn describe(error: &(impl std::error::Error + ?Sized)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::ReadError;

    #[test]
    fn the_mildest_fate_of_several_changes_wins() {
        let poison = || JobError::Panicked("index".into());
        assert_eq!(JobError::Several(vec![poison(), poison()]).disposition(), Disposition::DeadLetter);
        assert_eq!(JobError::Several(vec![poison(), JobError::Stopped]).disposition(), Disposition::GiveBack);
    }

    #[test]
    fn an_unreadable_disk_passes_and_a_missing_snapshot_does_not() {
        let error = |source| JobError::Snapshot { change: "scale".into(), source };
        let disk = SnapshotError::Read {
            path: "a.json".into(),
            source: ReadError::Io(std::io::Error::other("input/output error")),
        };
        assert_eq!(
            describe(&error(disk)),
            "no snapshot for scale: could not read snapshot a.json: it cannot be read: input/output error"
        );
        let large = SnapshotError::Read {
            path: "a.json".into(),
            source: ReadError::TooLarge { found: 9, at_least: false, limit: 1 },
        };
        assert_eq!(error(large).disposition(), Disposition::DeadLetter);
        assert_eq!(error(SnapshotError::Missing { name: "prod".into() }).disposition(), Disposition::DeadLetter);
    }
}

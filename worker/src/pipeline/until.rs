//! When a run ends before its time: it is stopped, or takes longer than one change may. Asked between the parts of a run, which
//! are cut so that the clock is looked at about each second. What comes out never depends on the clock: over its time a change has
//! no report.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use simulator::Runs;

use super::{Estimate, Prepared, threads};
use crate::job::JobError;

/// Time between two looks at the clock, about.
const PORTION: Duration = Duration::from_secs(1);
/// Most trials, or points, of a portion.
const MOST: u32 = 256;

/// When a run ends before its time.
#[derive(Clone, Copy)]
pub struct Until<'a> {
    prepared: &'a Prepared,
    stop: &'a AtomicBool,
    limit: Option<Duration>,
    started: Instant,
    threads: usize,
}

impl<'a> Until<'a> {
    /// For a run that starts now.
    pub fn from_now(prepared: &'a Prepared, estimate: &Estimate, stop: &'a AtomicBool) -> Until<'a> {
        Until { prepared, stop, limit: estimate.limit, started: Instant::now(), threads: threads(estimate) }
    }

    /// Whether the run may go on after so many trials of the change.
    ///
    /// # Errors
    /// It was stopped, or took too long.
    pub fn after(&self, done: u32) -> Result<(), JobError> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(JobError::Stopped);
        }
        match self.limit.filter(|limit| self.started.elapsed() > *limit) {
            None => Ok(()),
            Some(limit) => {
                let (change, trials) = (self.prepared.change.summary.clone(), self.prepared.trials);
                Err(JobError::TooLong { change, done, trials, limit })
            }
        }
    }

    /// The same when all trials of the change are done.
    ///
    /// # Errors
    /// It was stopped, or took too long.
    pub fn check(&self) -> Result<(), JobError> {
        self.after(self.prepared.trials)
    }

    /// Portions of a run, none yet.
    pub fn portions(&self) -> Portions {
        // What one takes is not known before: the first portion is small.
        Portions { next: self.threads as u32, begun: None }
    }

    /// Runs trials in portions.
    ///
    /// # Errors
    /// It was stopped, or took too long.
    pub fn run<T>(&self, runs: Runs, run: &dyn Fn(Runs) -> Vec<T>) -> Result<Vec<T>, JobError> {
        let (mut found, mut portions) = (Vec::with_capacity(runs.trials as usize), self.portions());
        while found.len() < runs.trials as usize {
            self.check()?;
            let done = found.len() as u32;
            let trials = portions.next().min(runs.trials - done);
            found.extend(run(Runs { first: runs.first + done, trials, ..runs }));
        }
        Ok(found)
    }
}

/// Cuts a run so that each portion takes about a second: enough to be worth it, few enough to be stopped soon.
pub struct Portions {
    next: u32,
    begun: Option<Instant>,
}

impl Portions {
    /// How much is to be run now. The time until the next call is what it takes.
    pub fn next(&mut self) -> u32 {
        if let Some(begun) = self.begun.replace(Instant::now()) {
            self.next = following(self.next, begun.elapsed());
        }
        self.next
    }
}

/// The portion after one of so many that took so long.
fn following(portion: u32, took: Duration) -> u32 {
    if took < PORTION / 2 {
        portion.saturating_mul(2).min(MOST)
    } else if took > PORTION {
        (portion / 2).max(1)
    } else {
        portion
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn portions_grow_while_they_are_quick_and_shrink_when_they_are_slow() {
        for (portion, millis, expected) in
            [(2, 1, 4), (200, 1, 256), (256, 700, 256), (256, 1100, 128), (3, 5000, 1), (1, 60_000, 1)]
        {
            assert_eq!(following(portion, Duration::from_millis(millis)), expected, "{portion} in {millis} ms");
        }
    }
}

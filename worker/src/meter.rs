//! What a worker has done and how it stands: counted here, read by whoever tells it (log, metrics, readiness).

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// It ended in reports.
    Scored,
    /// Its changes had a report already.
    Repeated,
    /// It states outcomes, which are remembered.
    Remembered,
    /// It was a part of what another worker coordinates.
    Shard,
    /// It has no pool operation.
    Nothing,
    /// It was given back for another attempt.
    Retried,
    /// It was given back because the worker stops.
    GivenBack,
    /// It was laid among the dead letters.
    Dead,
}

impl Fate {
    /// All of them, with the names they have in metrics.
    pub const ALL: [(Fate, &'static str); 8] = [
        (Fate::Scored, "scored"),
        (Fate::Repeated, "repeated"),
        (Fate::Remembered, "remembered"),
        (Fate::Shard, "shard"),
        (Fate::Nothing, "nothing"),
        (Fate::Retried, "retried"),
        (Fate::GivenBack, "given_back"),
        (Fate::Dead, "dead"),
    ];
}

/// Counters of one worker, for all its hands.
#[derive(Debug, Default)]
pub struct Meter {
    fates: [AtomicU64; Fate::ALL.len()],
    reports: AtomicU64,
    trials: AtomicU64,
    in_hand: AtomicU64,
    worked: Mutex<Duration>,
    simulating: Mutex<Duration>,
    /// How long the message that was taken last had waited.
    lag: Mutex<Option<Duration>>,
    dead: Mutex<BTreeMap<&'static str, u64>>,
    /// Why the queue could not be used when it was last asked.
    trouble: Mutex<Option<String>>,
}

impl Meter {
    /// A message was taken in hand that had waited so long, where its queue tells.
    pub fn takes(&self, lag: Option<Duration>) {
        self.in_hand.fetch_add(1, Ordering::Relaxed);
        *locked(&self.lag) = lag;
    }

    /// The message in hand is settled, after so long.
    pub fn settles(&self, worked: Duration) {
        self.in_hand.fetch_sub(1, Ordering::Relaxed);
        *locked(&self.worked) += worked;
    }

    /// What became of a message.
    pub fn came_to(&self, fate: Fate) {
        self.fates[fate as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// A message was laid among the dead letters, for a reason out of a closed list.
    pub fn buried(&self, reason: &'static str) {
        self.came_to(Fate::Dead);
        *locked(&self.dead).entry(reason).or_default() += 1;
    }

    /// Reports were published.
    pub fn published(&self, reports: u64) {
        self.reports.fetch_add(reports, Ordering::Relaxed);
    }

    /// Paired trials were simulated.
    pub fn simulated(&self, trials: u64) {
        self.trials.fetch_add(trials, Ordering::Relaxed);
    }

    /// A simulation took so long, whether it came to its end or not.
    pub fn simulated_for(&self, time: Duration) {
        *locked(&self.simulating) += time;
    }

    /// The queue was asked for something, and answered or did not. True where the trouble is another than before.
    pub fn asked_queue(&self, trouble: Option<String>) -> bool {
        let mut last = locked(&self.trouble);
        let is_new = *last != trouble;
        *last = trouble;
        is_new
    }

    /// Messages that came to a fate.
    pub fn messages(&self, fate: Fate) -> u64 {
        self.fates[fate as usize].load(Ordering::Relaxed)
    }

    /// Reports published.
    pub fn reports(&self) -> u64 {
        self.reports.load(Ordering::Relaxed)
    }

    /// Paired trials simulated.
    pub fn trials(&self) -> u64 {
        self.trials.load(Ordering::Relaxed)
    }

    /// Messages in hand.
    pub fn in_hand(&self) -> u64 {
        self.in_hand.load(Ordering::Relaxed)
    }

    /// Time spent on messages that are settled.
    pub fn worked(&self) -> Duration {
        *locked(&self.worked)
    }

    /// Time spent simulating.
    pub fn simulating(&self) -> Duration {
        *locked(&self.simulating)
    }

    /// How long the message that was taken last had waited since it was sent.
    pub fn lag(&self) -> Option<Duration> {
        *locked(&self.lag)
    }

    /// Dead letters by reason.
    pub fn dead(&self) -> BTreeMap<&'static str, u64> {
        locked(&self.dead).clone()
    }

    /// Why the queue could not be used when it was last asked.
    pub fn trouble(&self) -> Option<String> {
        locked(&self.trouble).clone()
    }
}

/// Numbers stay numbers whoever panicked beside them.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

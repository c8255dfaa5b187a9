//! What the worker does with one message: reads it, scores each change, publishes each report.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use scenarios::Change;
use tracing::{info, info_span};

use crate::job::JobError;
use crate::pipeline::{self, Estimate, Watch};
use crate::publish::Publisher;
use crate::snapshots::SnapshotStore;

/// What a worker needs for a message.
#[derive(Clone)]
pub struct Worker {
    /// Where snapshots are.
    pub snapshots: SnapshotStore,
    /// Where reports go.
    pub publishers: Vec<Publisher>,
    /// How to estimate.
    pub estimate: Estimate,
    /// Told how many trials have ended since it was last told.
    pub progress: Arc<dyn Fn(u64) + Send + Sync>,
}

/// What a message came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Handled {
    /// Format that was recognised.
    pub format: String,
    /// Why it has no or fewer changes than records.
    pub notes: Vec<String>,
    /// Ids of the reports that were published.
    pub reports: Vec<String>,
}

impl Worker {
    /// Scores every change of a message and publishes the reports; they are durable on return. A change that fails does
    /// not keep the others from being scored.
    ///
    /// # Errors
    /// The message cannot be read, or one or several of its changes failed.
    pub fn handle(&self, body: &[u8], stop: &AtomicBool) -> Result<Handled, JobError> {
        let decoded = pipeline::decode(body).map_err(JobError::Message)?;
        let mut handled = Handled { format: decoded.format, notes: decoded.notes, reports: Vec::new() };
        let mut errors = Vec::new();
        for change in decoded.changes {
            match self.score(change, stop) {
                Ok(id) => handled.reports.push(id),
                Err(JobError::Stopped) => return Err(JobError::Stopped),
                Err(error) => errors.push(error),
            }
        }
        match errors.len() {
            0 => Ok(handled),
            1 => Err(errors.remove(0)),
            _ => Err(JobError::Several(errors)),
        }
    }

    fn score(&self, change: Change, stop: &AtomicBool) -> Result<String, JobError> {
        let summary = change.summary.clone();
        // Names come from the message: written quoted and escaped.
        let span =
            info_span!("change", change = change.id, cluster = ?change.cluster.name, seed = tracing::field::Empty);
        let _entered = span.enter();
        let snapshot = pipeline::snapshot_of(&change, &self.snapshots)
            .map_err(|source| JobError::Snapshot { change: summary.clone(), source })?;
        let prepared = pipeline::prepare(&change, &snapshot, &self.estimate)
            .map_err(|complaints| JobError::NotSimulated { change: summary.clone(), complaints })?;
        span.record("seed", prepared.seed);
        let told = AtomicU64::new(0);
        let progress = |done: u32| {
            // Threads may come in any order; what is behind adds nothing.
            let before = told.fetch_max(u64::from(done), Ordering::Relaxed);
            (self.progress)(u64::from(done).saturating_sub(before));
        };
        let watch = Watch { stop, progress: &progress };
        let bundle = pipeline::run(&prepared, &self.estimate, watch)?.bundle;
        for publisher in &self.publishers {
            let place =
                publisher.publish(&bundle).map_err(|source| JobError::Publish { id: bundle.id.clone(), source })?;
            info!(report = bundle.id, place, ?summary, "published");
        }
        Ok(bundle.id)
    }
}

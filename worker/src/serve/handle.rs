//! What the worker does with one message: reads it, scores each change, publishes each report.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use scenarios::Change;
use scenarios::change::Phase;
use tracing::{debug_span, info, info_span};

use crate::fault;
use crate::job::{Disposition, JobError};
use crate::memory::Memory;
use crate::meter::Meter;
use crate::pipeline::{self, Aid, Estimate, Judgement, Prepared, Scored, Task, Watch, no_glance, no_report};
use crate::publish::ledger::{Known, Relation, Standing};
use crate::publish::{PublishError, Publisher};
use crate::snapshots::SnapshotStore;
use crate::split::search::{Hands, Origin};
use crate::split::{self, Push};

/// What a worker needs for a message.
#[derive(Clone)]
pub struct Worker {
    /// Where snapshots are.
    pub snapshots: SnapshotStore,
    /// Where reports go.
    pub publishers: Vec<Publisher>,
    /// How to estimate.
    pub estimate: Estimate,
    /// Where predictions and outcomes are kept, if anywhere.
    pub memory: Option<Memory>,
    /// Told how many trials have ended since it was last told.
    pub progress: Arc<dyn Fn(u64) + Send + Sync>,
    /// Counts what is done.
    pub meter: Arc<Meter>,
    /// Pods times paired trials that one message does by itself; what is more is shared.
    pub split_above: u64,
}

/// How far the last change of a message has come, for those who wait for their turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Only the drawing takes the cores still.
    Judged,
    /// Nothing is left but to publish.
    Drawn,
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
    /// Changes whose report stood already, of this message or of one that is further.
    pub repeated: usize,
    /// Outcomes that were stated and are remembered.
    pub outcomes: usize,
    /// Parts of another message's work that it looked after, where it is a shard.
    pub parts: Option<usize>,
}

/// What a change came to.
enum Outcome {
    /// Its report was published.
    Published(String),
    /// A report stands for it already.
    Stands,
}

impl Worker {
    /// Does what a message asks for: scores every change and publishes the reports; they are durable on return. A change that
    /// fails does not keep the others from being scored. What is large is shared with other workers through `push`. `told`
    /// hears how far the last change has come, where that one is scored.
    ///
    /// # Errors
    /// The message cannot be read, or one or several of its changes failed.
    pub fn handle(
        &self,
        body: &[u8],
        stop: &AtomicBool,
        push: Push<'_>,
        told: &dyn Fn(Stage),
    ) -> Result<Handled, JobError> {
        match pipeline::task(body) {
            (Task::WhatIf, opened) => self.what_if(&opened, stop, push),
            (Task::Shard, opened) => self.shard(&opened, stop),
            (Task::Changes, _) => self.changes(body, stop, push, told),
        }
    }

    fn changes(
        &self,
        body: &[u8],
        stop: &AtomicBool,
        push: Push<'_>,
        told: &dyn Fn(Stage),
    ) -> Result<Handled, JobError> {
        let decoded = debug_span!("decode").in_scope(|| pipeline::decode(body)).map_err(JobError::Message)?;
        let mut handled = Handled { format: decoded.format, notes: decoded.notes, ..Handled::default() };
        let mut errors = Vec::new();
        for outcome in &decoded.outcomes {
            self.memory.as_ref().ok_or(JobError::NoMemory)?.stated(outcome)?;
            handled.outcomes += 1;
        }
        let last = decoded.changes.len().saturating_sub(1);
        for (place, change) in decoded.changes.into_iter().enumerate() {
            let told: &dyn Fn(Stage) = if place == last { told } else { &|_| {} };
            match self.score(change, Origin { body, place, push }, stop, told) {
                Ok(Outcome::Published(id)) => handled.reports.push(id),
                Ok(Outcome::Stands) => handled.repeated += 1,
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

    fn score(
        &self,
        mut change: Change,
        origin: Origin<'_>,
        stop: &AtomicBool,
        told: &dyn Fn(Stage),
    ) -> Result<Outcome, JobError> {
        let summary = change.summary.clone();
        // Names come from the message: written quoted and escaped.
        let span = info_span!(
            "change",
            change = change.id,
            cluster = ?change.cluster.name,
            correlation = change.source.correlation_id.as_ref().map(tracing::field::debug),
            seed = tracing::field::Empty
        );
        let _entered = span.enter();
        let standing = Standing::of(&change);
        self.remember(&mut change)?;
        if self.stands(&standing)? {
            info!(?summary, "a report stands for it already");
            return Ok(Outcome::Stands);
        }
        let snapshot = pipeline::snapshot_of(&change, &self.snapshots)
            .map_err(|source| JobError::Snapshot { change: summary.clone(), source })?;
        let prepared = pipeline::prepare(&change, &snapshot, &self.estimate)
            .map_err(|complaints| JobError::NotSimulated { change: summary.clone(), complaints })?;
        span.record("seed", prepared.seed);
        let keeper = split::keeper(&self.publishers).ok_or(JobError::NoPlace)?;
        let hands = Hands::new(origin, &prepared.id, keeper, self.split_above);
        let judgement = self.simulate(&prepared, &self.estimate, stop, Some(&hands));
        if judgement.as_ref().err().is_none_or(|error| error.disposition() == Disposition::DeadLetter) {
            hands.clear()?;
        }
        let judgement = judgement?;
        told(Stage::Judged);
        let scored = judgement.draw(&prepared);
        // Whoever simulates next needs the memory.
        drop((prepared, snapshot));
        told(Stage::Drawn);
        if let (Some(memory), Some(prediction)) = (&self.memory, &scored.prediction) {
            // Before the report is there: a worker that dies in between finds neither, and does both again.
            memory.foretold(&change, prediction)?;
        }
        fault::point("remembered")
            .map_err(|source| failed(&scored.bundle.id, PublishError::at("publish", &scored.bundle.id, source)))?;
        self.publish(&scored, &standing)
    }

    /// Runs what is prepared and counts its trials.
    pub(crate) fn simulate(
        &self,
        prepared: &Prepared,
        estimate: &Estimate,
        stop: &AtomicBool,
        aid: Option<&dyn Aid>,
    ) -> Result<Judgement, JobError> {
        let told = AtomicU64::new(0);
        let progress = |done: u32| {
            // Threads may come in any order; what is behind adds nothing.
            let before = told.fetch_max(u64::from(done), Ordering::Relaxed);
            let more = u64::from(done).saturating_sub(before);
            self.meter.simulated(more);
            (self.progress)(more);
        };
        let begun = Instant::now();
        let watch = Watch { stop, progress: &progress, glance: &no_glance, judged: &no_report, aid };
        let judgement = pipeline::judge(prepared, estimate, watch);
        self.meter.simulated_for(begun.elapsed());
        judgement
    }

    /// Keeps what the message tells of the change, and looks up when its operation began.
    fn remember(&self, change: &mut Change) -> Result<(), JobError> {
        let Some(memory) = &self.memory else { return Ok(()) };
        memory.seen(change)?;
        if change.phase != Phase::Proposed && change.source.started_at.is_none() {
            change.source.started_at = memory.started(change)?;
        }
        Ok(())
    }

    /// True where the places know the message, or one that is further. What stands is announced once more: the worker that
    /// published it may have been killed before it could say so.
    fn stands(&self, standing: &Standing) -> Result<bool, JobError> {
        let mut repeated = None;
        for publisher in &self.publishers {
            let known = publisher.known(standing).map_err(|source| failed(&standing.change, source))?;
            match known {
                None | Some(Known::Overtaken(_)) => {}
                Some(Known::No) => return Ok(false),
                Some(Known::Repeat(id)) => match publisher.report(&id) {
                    Some(report) => repeated = Some(report),
                    None => return Ok(false),
                },
            }
        }
        if let Some(report) = repeated {
            for publisher in &self.publishers {
                publisher.announce(&report).map_err(|source| failed(&report.id, source))?;
            }
        }
        Ok(true)
    }

    fn publish(&self, scored: &Scored, standing: &Standing) -> Result<Outcome, JobError> {
        let (bundle, report) = (&scored.bundle, &scored.report);
        let _span = debug_span!("publish", report = bundle.id).entered();
        let attempt = |source| failed(&bundle.id, source);
        fault::point("simulated").map_err(|source| attempt(PublishError::at("publish", &bundle.id, source)))?;
        let mut outcome = Outcome::Stands;
        for publisher in &self.publishers {
            let (place, relation) = publisher.publish_change(bundle, report, standing).map_err(attempt)?;
            match relation {
                // Whoever overtook this message announces its own report.
                Some(Relation::Overtaken) => break,
                Some(Relation::New | Relation::Replaces) => outcome = Outcome::Published(bundle.id.clone()),
                Some(Relation::Repeat) | None => {}
            }
            info!(report = bundle.id, place, summary = ?report.change.summary, ?relation, "published");
        }
        fault::point("published").map_err(|source| attempt(PublishError::at("publish", &bundle.id, source)))?;
        Ok(outcome)
    }
}

fn failed(id: &str, source: PublishError) -> JobError {
    JobError::Publish { id: id.to_owned(), source }
}

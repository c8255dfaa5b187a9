//! The search for other plans, shared by the plans that came out best: each is run anew by itself, which takes longer than all
//! that went before. The rounds before are not shared: what each asks for depends on the answers of the one before, and a round is
//! over sooner than messages go round.

use std::cell::Cell;
use std::sync::atomic::AtomicBool;

use reports::stood::Stood;
use serde::{Deserialize, Serialize};
use tracing::{debug_span, info};

use super::{FAILED, MESSAGE, Push, Shard, clear_if_over, goes_on, shards, share, share_out};
use crate::fault;
use crate::job::{JobError, describe};
use crate::pipeline::{self, Aid, Prepared};
use crate::publish::{PublishError, Publisher};
use crate::serve::Worker;

/// The piece that says what is asked for.
const ASKED: &str = "plans.json";

/// What a coordinator asks for.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// Which change of the message.
    change: usize,
    /// Trials of each plan.
    trials: u32,
    /// The plans, by their places among all that are tried.
    plans: Vec<usize>,
}

/// Where a change comes from: its message, and its place there.
#[derive(Clone, Copy)]
pub struct Origin<'a> {
    /// The message.
    pub body: &'a [u8],
    /// The place.
    pub place: usize,
    /// The way to the queue.
    pub push: Push<'a>,
}

/// Other hands for one search.
pub struct Hands<'a> {
    origin: Origin<'a>,
    job: &'a str,
    keeper: &'a Publisher,
    above: u64,
    shared: Cell<bool>,
}

impl<'a> Hands<'a> {
    /// For the search of this report.
    pub fn new(origin: Origin<'a>, job: &'a str, keeper: &'a Publisher, above: u64) -> Hands<'a> {
        Hands { origin, job, keeper, above, shared: Cell::new(false) }
    }

    /// Clears what was kept for the search.
    ///
    /// # Errors
    /// The place cannot be written at the moment.
    pub fn clear(&self) -> Result<(), JobError> {
        if self.shared.get() { self.keeper.clear(self.job).map_err(|source| self.failed(source)) } else { Ok(()) }
    }

    fn failed(&self, source: PublishError) -> JobError {
        JobError::Publish { id: self.job.to_owned(), source }
    }
}

impl Aid for Hands<'_> {
    fn share(&self, plans: &[usize], trials: u32, pods: usize) -> Result<(), JobError> {
        let work = (plans.len() as u64).saturating_mul(u64::from(trials)).saturating_mul(pods as u64);
        let shards = shards(work, self.above, plans.len());
        if shards < 2 {
            return Ok(());
        }
        self.shared.set(true);
        let asked = Asked { change: self.origin.place, trials, plans: plans.to_vec() };
        let asked = serde_json::to_vec(&asked).unwrap_or_default();
        let kept = self.keeper.keep(self.job, ASKED, &asked);
        kept.and_then(|()| self.keeper.keep(self.job, MESSAGE, self.origin.body)).map_err(|e| self.failed(e))?;
        share_out(self.job, shards, self.origin.push);
        info!(job = self.job, shards, work, plans = plans.len(), "shared");
        fault::point("shared").map_err(|source| self.failed(PublishError::at("share", self.job, source)))
    }

    fn found(&self, plan: usize) -> Result<Option<Stood>, JobError> {
        if !self.shared.get() {
            return Ok(None);
        }
        if let Some(why) = self.keeper.piece(self.job, FAILED).map_err(|e| self.failed(e))? {
            return Err(JobError::Part(String::from_utf8_lossy(&why).into_owned()));
        }
        let piece = self.keeper.piece(self.job, &name(plan)).map_err(|e| self.failed(e))?;
        Ok(piece.and_then(|bytes| Stood::read(&bytes)))
    }

    fn keep(&self, plan: usize, stood: &Stood) -> Result<(), JobError> {
        if !self.shared.get() {
            return Ok(());
        }
        self.keeper.keep(self.job, &name(plan), &stood.to_bytes()).map_err(|e| self.failed(e))
    }
}

impl Worker {
    /// Runs the plans of a shard that nobody has run.
    pub(super) fn plans_of(
        &self,
        shard: &Shard,
        body: &[u8],
        keeper: &Publisher,
        stop: &AtomicBool,
    ) -> Result<usize, JobError> {
        let failed = |source| JobError::Publish { id: shard.job.clone(), source };
        let asked = keeper.piece(&shard.job, ASKED).map_err(failed)?;
        let Some(asked) = asked.and_then(|bytes| serde_json::from_slice::<Asked>(&bytes).ok()) else { return Ok(0) };
        let Some(prepared) = self.prepared(body, asked.change, &shard.job)? else {
            info!(job = shard.job, "of a snapshot or an engine that is no more: left to its coordinator");
            return Ok(0);
        };
        let mut done = 0;
        for &plan in &asked.plans[share(asked.plans.len(), shard.shard, shard.of)] {
            if !goes_on(keeper, shard)? {
                break;
            }
            if keeper.piece(&shard.job, &name(plan)).map_err(failed)?.is_some() {
                continue;
            }
            let _span = debug_span!("part", plan).entered();
            fault::point("part").map_err(|e| failed(PublishError::at("do a part of", &shard.job, e)))?;
            let stood = pipeline::plan_again(&prepared, plan, asked.trials, &self.estimate, stop);
            let stood = stood.map_err(|error| match error {
                JobError::Stopped => JobError::Stopped,
                error => JobError::Part(format!("plan {plan}: {}", describe(&error))),
            })?;
            let Some(stood) = stood else { continue };
            keeper.keep(&shard.job, &name(plan), &stood.to_bytes()).map_err(failed)?;
            clear_if_over(keeper, shard)?;
            done += 1;
        }
        Ok(done)
    }

    /// The change of a message, where it still comes to this report.
    fn prepared(&self, body: &[u8], place: usize, job: &str) -> Result<Option<Prepared>, JobError> {
        let mut decoded = pipeline::decode(body).map_err(JobError::Message)?;
        if place >= decoded.changes.len() {
            return Ok(None);
        }
        let change = decoded.changes.swap_remove(place);
        // What was possible and is no more, the coordinator tells.
        let Ok(snapshot) = pipeline::snapshot_of(&change, &self.snapshots) else { return Ok(None) };
        let prepared = pipeline::prepare(&change, &snapshot, &self.estimate).ok();
        Ok(prepared.filter(|prepared| prepared.id == job))
    }
}

fn name(plan: usize) -> String {
    format!("plan-{plan}.json")
}

//! What-ifs from the queue, by their combinations. The report of a combination is published like any other; what the grid
//! needs of it is a piece of the job.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use reports::what_if::Outcome;
use scenarios::cluster_source::ClusterSource;
use scenarios::snapshot::Snapshot;
use scenarios::what_if;
use serde::{Deserialize, Serialize};
use tracing::{debug_span, info};

use super::{FAILED, MESSAGE, Push, Shard, clear_if_over, goes_on, keeper, shards, share, share_out};
use crate::fault;
use crate::job::{JobError, describe};
use crate::pipeline::grid::{CellOf, Grid, href};
use crate::pipeline::{self, Prepared, RunRecord};
use crate::publish::{PublishError, Publisher};
use crate::serve::{Handled, Worker};
use crate::snapshots::{SnapshotError, under};

/// What a combination came to, as a piece.
#[derive(Serialize, Deserialize)]
struct Piece {
    outcome: Outcome,
    run: RunRecord,
}

impl Worker {
    /// Scores every combination of a what-if and publishes the page over all of them; it is durable on return.
    pub(crate) fn what_if(&self, body: &[u8], stop: &AtomicBool, push: Push<'_>) -> Result<Handled, JobError> {
        let grid = self.grid(body)?;
        let job = grid.id();
        let handled = Handled { format: "what-if".into(), ..Handled::default() };
        let keeper = keeper(&self.publishers).ok_or(JobError::NoPlace)?;
        let attempt = |source| JobError::Publish { id: job.clone(), source };
        if keeper.has(&job).map_err(attempt)? {
            keeper.clear(&job).map_err(attempt)?;
            return Ok(Handled { repeated: 1, ..handled });
        }
        let possible = grid.possible();
        let shards = shards(grid.work(), self.split_above, possible.len());
        if shards > 1 {
            keeper.keep(&job, MESSAGE, body).map_err(attempt)?;
            share_out(&job, shards, push);
            info!(job, shards, work = grid.work(), combinations = possible.len(), "shared");
            fault::point("shared").map_err(|source| attempt(PublishError::at("share", &job, source)))?;
        }
        let published = self.all(&grid, &possible, &job, keeper, stop);
        if let Err(error) = &published
            && error.disposition() == crate::job::Disposition::DeadLetter
        {
            // Whoever puts the message back begins anew.
            keeper.clear(&job).map_err(attempt)?;
        }
        published?;
        keeper.clear(&job).map_err(attempt)?;
        Ok(Handled { reports: vec![job], ..handled })
    }

    /// Does the combinations of a shard that nobody has done.
    pub(super) fn cells_of(
        &self,
        shard: &Shard,
        body: &[u8],
        keeper: &Publisher,
        stop: &AtomicBool,
    ) -> Result<usize, JobError> {
        let grid = self.grid(body)?;
        if grid.id() != shard.job {
            info!(job = shard.job, "of a snapshot or an engine that is no more: left to its coordinator");
            return Ok(0);
        }
        let possible = grid.possible();
        let own = share(possible.len(), shard.shard, shard.of);
        for place in own.clone() {
            if !goes_on(keeper, shard)? {
                return Ok(place - own.start);
            }
            self.cell(&grid, possible[place], &shard.job, keeper, stop)?;
            clear_if_over(keeper, shard)?;
        }
        Ok(own.len())
    }

    /// All combinations, the last first: other hands begin with the first. Then the page.
    fn all(
        &self,
        grid: &Grid,
        possible: &[(usize, &Prepared)],
        job: &str,
        keeper: &Publisher,
        stop: &AtomicBool,
    ) -> Result<(), JobError> {
        let mut pieces = BTreeMap::new();
        for &(place, prepared) in possible.iter().rev() {
            pieces.insert(place, self.cell(grid, (place, prepared), job, keeper, stop)?);
        }
        let records: Vec<RunRecord> = pieces.values().map(|piece| piece.run.clone()).collect();
        let outcome = |(place, (_, ready)): (usize, &CellOf)| match (pieces.remove(&place), ready) {
            (Some(piece), _) => Ok(piece.outcome),
            (None, ready) => Err(ready.as_ref().err().cloned().unwrap_or_default()),
        };
        let outcomes = grid.cells.iter().enumerate().map(outcome).collect();
        let bundle = grid.bundle(&grid.result(outcomes), &records);
        let attempt = |source| JobError::Publish { id: bundle.id.clone(), source };
        for publisher in &self.publishers {
            if let Some(place) = publisher.put(&bundle).map_err(attempt)? {
                info!(what_if = bundle.id, place, name = ?grid.spec.name, "published");
            }
        }
        fault::point("published").map_err(|source| attempt(PublishError::at("publish", job, source)))
    }

    /// What a combination comes to: read where somebody has found it, else found, published and kept.
    fn cell(
        &self,
        grid: &Grid,
        (place, prepared): (usize, &Prepared),
        job: &str,
        keeper: &Publisher,
        stop: &AtomicBool,
    ) -> Result<Piece, JobError> {
        let attempt = |source| JobError::Publish { id: prepared.id.clone(), source };
        if let Some(why) = keeper.piece(job, FAILED).map_err(attempt)? {
            return Err(JobError::Part(String::from_utf8_lossy(&why).into_owned()));
        }
        let name = format!("cell-{place}.json");
        let found = keeper.piece(job, &name).map_err(attempt)?;
        if let Some(piece) = found.and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
            return Ok(piece);
        }
        let named = |error: JobError| match error {
            error @ (JobError::Stopped | JobError::Publish { .. }) => error,
            error => {
                let values: Vec<String> = grid.cells[place].0.iter().map(|v| format!("{}={v}", v.axis)).collect();
                JobError::Part(format!("{}: {}", values.join(" "), describe(&error)))
            }
        };
        let _span = debug_span!("part", combination = place).entered();
        fault::point("part").map_err(|source| attempt(PublishError::at("do a part of", job, source)))?;
        let scored = self.simulate(prepared, &grid.estimate, stop, None).map_err(named)?.draw(prepared);
        for publisher in &self.publishers {
            publisher.put(&scored.bundle).map_err(attempt)?;
        }
        let piece = Piece { outcome: Outcome::of(&scored.report, Some(href(prepared))), run: scored.record };
        let bytes = serde_json::to_vec(&piece).unwrap_or_default();
        keeper.keep(job, &name, &bytes).map_err(attempt)?;
        Ok(piece)
    }

    /// Reads a what-if with the snapshot of its cluster.
    fn grid(&self, body: &[u8]) -> Result<Grid, JobError> {
        let spec = what_if::parse(body).map_err(JobError::Message)?;
        let name = spec.name.clone();
        let in_change = |complaints| JobError::NotSimulated { change: name.clone(), complaints };
        let no_snapshot = |source| JobError::Snapshot { change: name.clone(), source };
        let snapshot = match &spec.cluster {
            Some(ClusterSource::Inline(value)) => Snapshot::from_json(value.to_string().as_bytes())
                .map_err(|found| SnapshotError::Invalid(under("snapshot", found))),
            Some(ClusterSource::Reference(name)) => self.snapshots.get(name),
            None => {
                let change = spec.change(None).map_err(in_change)?;
                pipeline::snapshot_of(&change, &self.snapshots)
            }
        };
        let snapshot = snapshot.map_err(no_snapshot)?;
        let cluster = Some(snapshot.name.as_str()).filter(|name| !name.is_empty());
        let change = spec.change(cluster).map_err(in_change)?;
        Grid::new(spec, change, &snapshot, &self.estimate).map_err(in_change)
    }
}

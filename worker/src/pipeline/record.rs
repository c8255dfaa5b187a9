//! `run.json`: what differs from run to run and machine to machine, and therefore has no place in the report.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ENGINE, Prepared};

/// How a report came about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunRecord {
    /// `poolproof.run/1`.
    pub schema: String,
    /// Id of the report.
    pub report: String,
    /// Version of the engine.
    pub engine: String,
    /// When the run began, RFC 3339.
    pub started_at: String,
    /// When it ended, RFC 3339.
    pub finished_at: String,
    /// Seconds for resolving the change against the snapshot.
    pub load_seconds: f64,
    /// Seconds for simulating.
    pub simulate_seconds: f64,
    /// Seconds for judging and drawing.
    pub report_seconds: f64,
    /// Where the snapshot was read from, where it did not come with the message.
    pub snapshot: Option<String>,
    /// Name of the machine.
    pub host: String,
    /// Threads of the simulation.
    pub threads: usize,
    /// Root seed.
    pub seed: u64,
    /// Paired trials.
    pub trials: u32,
    /// Events delivered in all trials of both plans.
    pub events: u64,
    /// Events per second of simulating.
    pub events_per_second: f64,
}

impl RunRecord {
    /// The record of something that several runs were made for; `None` without runs.
    pub fn of_all(report: &str, runs: &[RunRecord]) -> Option<RunRecord> {
        let (first, last) = (runs.first()?, runs.last()?);
        let simulate_seconds: f64 = runs.iter().map(|r| r.simulate_seconds).sum();
        let events = runs.iter().map(|r| r.events).sum();
        Some(RunRecord {
            report: report.to_owned(),
            finished_at: last.finished_at.clone(),
            load_seconds: runs.iter().map(|r| r.load_seconds).sum(),
            simulate_seconds,
            report_seconds: runs.iter().map(|r| r.report_seconds).sum(),
            trials: runs.iter().map(|r| r.trials).sum(),
            events,
            events_per_second: rate(events, simulate_seconds),
            ..first.clone()
        })
    }

    /// The file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }
}

/// Takes the times of a run.
#[derive(Clone, Debug)]
pub struct Clock {
    at: Timestamp,
    started: Instant,
    threads: usize,
    load: Duration,
    simulate: Duration,
    trials: u32,
    events: u64,
}

impl Clock {
    /// Starts before the simulation; `load` was spent before.
    pub fn start(load: Duration, threads: usize) -> Clock {
        Clock {
            at: Timestamp::now(),
            started: Instant::now(),
            threads,
            load,
            simulate: Duration::ZERO,
            trials: 0,
            events: 0,
        }
    }

    /// The simulation has ended after so many trials and events.
    pub fn simulated(self, trials: u32, events: u64) -> Clock {
        Clock { simulate: self.started.elapsed(), trials, events, ..self }
    }

    /// Everything has ended.
    pub fn finished(&self, prepared: &Prepared) -> RunRecord {
        let simulate = self.simulate.as_secs_f64();
        RunRecord {
            schema: "poolproof.run/1".into(),
            report: prepared.id.clone(),
            engine: ENGINE.into(),
            started_at: self.at.to_string(),
            finished_at: Timestamp::now().to_string(),
            load_seconds: self.load.as_secs_f64(),
            simulate_seconds: simulate,
            report_seconds: self.started.elapsed().saturating_sub(self.simulate).as_secs_f64(),
            snapshot: prepared.snapshot.clone(),
            host: host(),
            threads: self.threads,
            seed: prepared.seed,
            trials: self.trials,
            events: self.events,
            events_per_second: rate(self.events, simulate),
        }
    }
}

fn rate(events: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { events as f64 / seconds } else { 0.0 }
}

fn host() -> String {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/hostname").map(|name| name.trim().to_owned());
    kernel.or_else(|_| std::env::var("HOSTNAME")).unwrap_or_else(|_| "unknown".into())
}

//! `run.json`: what differs from run to run and machine to machine, and therefore has no place in the report.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::{ENGINE, Prepared};

/// How a report came about.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunRecord {
    /// `poolproof.run/1`.
    pub schema: &'static str,
    /// Id of the report.
    pub report: String,
    /// Version of the engine.
    pub engine: &'static str,
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
    /// The file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }
}

/// Takes the times of a run.
pub struct Clock {
    at: Timestamp,
    started: Instant,
    load: Duration,
    simulate: Duration,
}

impl Clock {
    /// Starts before the simulation; `load` was spent before.
    pub fn start(load: Duration) -> Clock {
        Clock {
            at: Timestamp::now(),
            started: Instant::now(),
            load,
            simulate: Duration::ZERO,
        }
    }

    /// The simulation has ended.
    pub fn simulated(self) -> Clock {
        Clock {
            simulate: self.started.elapsed(),
            ..self
        }
    }

    /// Everything has ended.
    pub fn finished(self, prepared: &Prepared, threads: usize, events: u64) -> RunRecord {
        let simulate = self.simulate.as_secs_f64();
        RunRecord {
            schema: "poolproof.run/1",
            report: prepared.id.clone(),
            engine: ENGINE,
            started_at: self.at.to_string(),
            finished_at: Timestamp::now().to_string(),
            load_seconds: self.load.as_secs_f64(),
            simulate_seconds: simulate,
            report_seconds: self
                .started
                .elapsed()
                .saturating_sub(self.simulate)
                .as_secs_f64(),
            host: host(),
            threads,
            seed: prepared.seed,
            trials: prepared.trials,
            events,
            events_per_second: if simulate > 0.0 {
                events as f64 / simulate
            } else {
                0.0
            },
        }
    }
}

fn host() -> String {
    let kernel =
        std::fs::read_to_string("/proc/sys/kernel/hostname").map(|name| name.trim().to_owned());
    kernel
        .or_else(|_| std::env::var("HOSTNAME"))
        .unwrap_or_else(|_| "unknown".into())
}

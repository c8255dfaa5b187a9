//! A workload's row.

use crate::cluster::pod::NO_POD;
use crate::process::demand::Line;
use crate::time::Time;

/// A workload.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Workload {
    /// Key of its random streams.
    pub key: u64,
    /// Replicas wanted.
    pub desired: u32,
    /// Replicas somebody has set by hand: a ladder goes on above them.
    pub floor: u32,
    /// Replicas wanted at base load.
    pub base: u32,
    /// Pods that are not marked for deletion.
    pub alive: u32,
    /// Pods the control plane holds ready.
    pub ready: u32,
    /// Pods that truly serve.
    pub up: u32,
    /// Among the living: pods of an older template.
    pub old: u32,
    /// Pods of an older template that are still wanted.
    pub old_desired: u32,
    /// Pods of the newest template that are wanted while older ones are.
    pub new_wanted: u32,
    /// A rollout waits for the end of all old pods before it makes new ones.
    pub recreating: bool,
    /// Pods of a Job that have failed, and that have succeeded.
    pub failures: u32,
    pub succeeded: u32,
    /// Ordinal of the next additional pod.
    pub next_ordinal: u32,
    /// New pods carry a scheduling gate.
    pub gated: bool,
    /// Head of the list of its pods.
    pub first_pod: u32,
    /// Nodes that its template is sized for.
    pub sized_for: u32,
    /// Load as a multiple of the base.
    pub load: Line,
    /// Scripted part of the load.
    pub scripted_load: f64,
    /// What a replica of its service can serve, as a multiple of what it could at the start.
    pub capacity: f64,
    /// Memory limit of its service's containers.
    pub memory_limit: Option<i64>,
    /// Since when the autoscaler has wanted fewer replicas, and the most it has wanted since.
    pub lower_since: Option<(Time, u32)>,
}

impl Workload {
    pub fn new(key: u64, replicas: u32) -> Workload {
        Workload {
            key,
            desired: replicas,
            floor: 0,
            base: replicas,
            alive: 0,
            ready: 0,
            up: 0,
            old: 0,
            old_desired: 0,
            new_wanted: 0,
            recreating: false,
            failures: 0,
            succeeded: 0,
            next_ordinal: 0,
            gated: false,
            first_pod: NO_POD,
            sized_for: 0,
            load: Line::flat(1.0),
            scripted_load: 1.0,
            capacity: 1.0,
            memory_limit: None,
            lower_since: None,
        }
    }

    /// Pods of the newest template that are wanted now.
    pub fn new_desired(&self) -> u32 {
        if self.recreating {
            0
        } else if self.old_desired > 0 {
            self.new_wanted.min(self.desired)
        } else {
            self.desired
        }
    }

    /// Living pods of the newest template.
    pub fn young(&self) -> u32 {
        self.alive - self.old
    }
}

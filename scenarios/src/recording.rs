//! Recordings: a cluster and what happened to it in order, to be replayed against the model and against what might have
//! been done instead. Messages inside are read by [`crate::decode`]; names of nodes, zones and workloads stay names until
//! [`Recording::resolve_script`] meets the cluster. Left out: single pods, whose fate is the model's to tell.

mod event;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod example;
mod fields;
mod load;
mod script;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

use std::collections::BTreeMap;

use simulator::Duration;

use crate::change::{Change, ChangeSettings};
use crate::cluster_source::ClusterSource;
use crate::complaint::Complaints;
use crate::what_if::Setting;

pub use fields::{CounterfactualFields, EventFields, EventKind, ObservedFields, RecordingFields, TimedChangeFields};

/// Schema name that a recording carries.
pub const SCHEMA: &str = "poolproof.recording/1";

/// A recording that has been read.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    /// Name for titles and folders.
    pub name: String,
    /// What it is about, in a sentence or two.
    pub description: Option<String>,
    /// The cluster at the start.
    pub cluster: ClusterSource,
    /// Clock time of minute 0 (RFC 3339), where given.
    pub started_at: Option<String>,
    /// Settings for every run of it.
    pub settings: ChangeSettings,
    /// What was done, by time.
    pub changes: Vec<TimedChange>,
    /// What happened whatever was done, by time.
    pub happenings: Vec<TimedHappening>,
    /// What was seen, by time.
    pub notes: Vec<Note>,
    /// How it ended.
    pub observed: Observed,
    /// What might have been done instead.
    pub counterfactual: Option<Counterfactual>,
}

/// A change and when it began.
#[derive(Clone, Debug, PartialEq)]
pub struct TimedChange {
    /// Since the start of the recording.
    pub at: Duration,
    /// The change.
    pub change: Change,
}

/// Something that happened at a time, objects by name.
#[derive(Clone, Debug, PartialEq)]
pub struct TimedHappening {
    /// Since the start of the recording.
    pub at: Duration,
    /// What.
    pub what: NamedHappening,
    /// Where in the recording it stands, for complaints.
    pub path: String,
}

/// What can happen whatever is done, objects by name.
#[derive(Clone, Debug, PartialEq)]
pub enum NamedHappening {
    /// A node died and came back.
    NodeFailure {
        /// Node name.
        node: String,
        /// Until it was Ready again.
        down: Duration,
    },
    /// The nodes of a zone died together and came back.
    ZoneFailure {
        /// Zone name, with or without region.
        zone: String,
        /// One pool, or all.
        pool: Option<String>,
        /// Until they were Ready again.
        down: Duration,
    },
    /// A node broke, and came back only by repair.
    NodeFault {
        /// Node name.
        node: String,
    },
    /// A node reported Ready and was of no use.
    GreyNode {
        /// Node name.
        node: String,
        /// For how long.
        lasts: Duration,
    },
    /// The platform took a spot node back.
    SpotEviction {
        /// Node name.
        node: String,
    },
    /// Many nodes failed, or could not be seen by the control plane while their pods served on.
    Nodes {
        /// Pool and zone.
        whom: NamedWhom,
        /// Probability that a node was hit.
        share: f64,
        /// The time within which they were.
        within: Duration,
        /// Until a node was back.
        down: Duration,
        /// They could not be seen.
        silent: bool,
    },
    /// The platform had no machines to give.
    NoMachines {
        /// Pool and zone.
        whom: NamedWhom,
        /// For how long.
        lasts: Duration,
    },
    /// A workload was meant to have other replicas.
    Replicas {
        /// `namespace/name`.
        workload: String,
        /// How many.
        replicas: u32,
    },
    /// Each replica of a service could serve another amount.
    Capacity {
        /// `namespace/name`.
        workload: String,
        /// Multiple of what it could at the start.
        factor: f64,
    },
    /// The memory limit of a service's containers was changed.
    MemoryLimit {
        /// `namespace/name`.
        workload: String,
        /// In bytes; none where absent.
        bytes: Option<i64>,
    },
    /// Nodes lost a part of what their pods asked of a service.
    RequestsLost {
        /// `namespace/name`.
        workload: String,
        /// One node, or all.
        node: Option<String>,
        /// The share.
        share: f64,
        /// For how long.
        lasts: Duration,
    },
    /// A node could not reach what its DNS servers ask in turn.
    UpstreamFails {
        /// Node name.
        node: String,
        /// The share of requests that need it.
        share: f64,
        /// For how long.
        lasts: Duration,
    },
    /// The load changed and stayed.
    Load {
        /// `namespace/name`, or all that follow load.
        workload: Option<String>,
        /// Multiple of the base load.
        factor: f64,
    },
    /// The load rose and fell.
    Burst {
        /// `namespace/name`, or all that follow load.
        workload: Option<String>,
        /// Multiple of the base load at the top.
        factor: f64,
        /// From base to top.
        ramp: Duration,
        /// At the top.
        hold: Duration,
        /// Time constant of the way back.
        decay: Duration,
    },
    /// A workload got another template, and rolled out.
    Rollout {
        /// `namespace/name`.
        workload: String,
    },
    /// The scheduling gates of a workload's pods were lifted.
    GatesLifted {
        /// `namespace/name`.
        workload: String,
    },
}

/// Nodes of a pool, of a zone, or of both at once, by name; all where neither is named.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NamedWhom {
    /// The pool.
    pub pool: Option<String>,
    /// The zone, with or without region.
    pub zone: Option<String>,
}

/// Something that was seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Note {
    /// Since the start of the recording.
    pub at: Duration,
    /// `namespace/name` of the workload it concerns, where one is named.
    pub workload: Option<String>,
    /// What was seen.
    pub text: String,
}

/// How the recorded course ended; absent where nobody noted it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    /// Minutes of outage by `namespace/name`.
    pub outage_minutes: BTreeMap<String, f64>,
    /// From the start of the first change to the end of the last, in minutes.
    pub duration_minutes: Option<f64>,
    /// True where the changes ended well.
    pub succeeded: Option<bool>,
    /// What was noted beside.
    pub summary: Option<String>,
}

/// What might have been done instead.
#[derive(Clone, Debug, PartialEq)]
pub struct Counterfactual {
    /// One sentence.
    pub description: String,
    /// Another cluster to begin with.
    pub cluster: Option<ClusterSource>,
    /// Other changes; an empty list means none at all, absent means those recorded.
    pub changes: Option<Vec<TimedChange>>,
    /// Settings on top of the recording's.
    pub settings: ChangeSettings,
    /// Single values of cluster and change, as in what-if specs.
    pub set: Vec<Setting>,
}

impl Recording {
    /// Reads a recording, JSON or YAML.
    ///
    /// # Errors
    /// Everything wrong with it at once.
    pub fn parse(bytes: &[u8]) -> Result<Recording, Complaints> {
        fields::parse(bytes)
    }
}

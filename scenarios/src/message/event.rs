//! Events that tell of a call of the AKS resource provider: Started, Accepted, Succeeded, Failed.
//!
//! Azure delivers at least once and in any order, and one call makes several records. Records of one message that share
//! correlation id, operation name and resource are therefore one event: the latest phase wins (an end beats a beginning;
//! of two ends the later one, and a failure where the times are equal), and the request body is taken from whichever
//! record has it. Records of different messages keep equal change ids, so that the reader of the queue can do the same.

use serde_json::Value;

use super::arm::{self, Verb};
use super::draft::Draft;
use super::resource::Target;
use crate::change::{Change, ChangeResult, ChangeSettings, Operation, Phase, Source};
use crate::complaint::Complaint;

/// One record, or several collapsed.
#[derive(Clone, Debug)]
pub struct Event {
    /// Format, event id, correlation id, caller and time.
    pub source: Source,
    /// The resource.
    pub target: Target,
    /// Full operation name, lower case; ties records together.
    pub operation_name: String,
    /// What is done.
    pub what: What,
    /// How far it has come.
    pub phase: Phase,
    /// How it ended.
    pub result: Option<ChangeResult>,
    /// What was written, where the record tells.
    pub body: Option<Body>,
}

/// The body of a call.
#[derive(Clone, Debug)]
pub struct Body {
    /// Content.
    pub value: Value,
    /// Where it stands in the message.
    pub path: String,
    /// True for the request; the response tells of the same pool, with defaults filled in.
    pub from_request: bool,
}

/// What an event tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A call of the resource provider.
    Call(Verb),
    /// AKS replaces the nodes of a pool.
    Rolling {
        /// The pool.
        pool: String,
    },
}

/// How the names of AKS' operations on clusters and pools begin; other providers write about clusters too.
const OPERATIONS: &str = "microsoft.containerservice/managedclusters";

/// What ties the records of one operation together, whatever its state.
pub type Identity = [String; 3];

impl Event {
    /// Azure ties records by correlation id, and one deployment may write many resources under one. AKS' own events carry
    /// none and stand for themselves.
    pub fn identity(&self) -> Identity {
        let tie = self.source.correlation_id.clone().or_else(|| self.source.event_id.clone());
        let tie = tie.or_else(|| self.source.time.clone()).unwrap_or_default();
        [tie.to_lowercase(), self.operation_name.clone(), self.target.id.clone()]
    }

    /// Takes in another record of the same operation.
    pub fn merge(&mut self, other: Event) {
        let mut bodies = [self.body.take(), other.body.clone()].into_iter().flatten().collect::<Vec<Body>>();
        bodies.sort_by_key(|body| !body.from_request);
        let started_at = earliest([&*self, &other].into_iter().filter_map(Event::began));
        let (mut winner, loser) =
            if other.rank() > self.rank() { (other, self.clone()) } else { (self.clone(), other) };
        winner.body = bodies.into_iter().next();
        winner.source.started_at = started_at;
        winner.source.caller = winner.source.caller.or(loser.source.caller);
        *self = winner;
    }

    /// When the operation began, as far as this record tells.
    fn began(&self) -> Option<&String> {
        let own = (self.phase == Phase::InFlight).then_some(self.source.time.as_ref()).flatten();
        self.source.started_at.as_ref().or(own)
    }

    fn rank(&self) -> (Phase, Option<jiff::Timestamp>, bool) {
        let time = self.source.time.as_deref().and_then(|time| time.parse().ok());
        (self.phase, time, self.result.as_ref().is_some_and(|result| !result.succeeded))
    }

    /// The changes this event tells of, or why it tells of none.
    pub fn changes(self, complaints: &mut Vec<Complaint>) -> Result<Vec<Change>, String> {
        let body = self.body.as_ref().map(|body| (&body.value, body.path.as_str()));
        let foreign = self.operation_name.contains('/') && !self.operation_name.starts_with(OPERATIONS);
        if foreign && self.target.cluster.is_some() {
            return Err(format!("{} is no operation of AKS", self.operation_name));
        }
        let operations = match &self.what {
            What::Call(verb) => arm::interpret(&self.target, verb, body, complaints)?,
            What::Rolling { pool } => vec![(Some(pool.clone()), Operation::Rolling)],
        };
        let cluster = self.target.cluster_ref().unwrap_or_default();
        let identity = self.identity();
        let identity: Vec<&str> = identity.iter().map(String::as_str).collect();
        let change = |(pool, operation)| {
            let draft = Draft {
                phase: self.phase,
                source: self.source.clone(),
                cluster: cluster.clone(),
                pool,
                operation,
                result: self.result.clone(),
                snapshot: None,
                snapshot_ref: None,
                settings: ChangeSettings::default(),
            };
            draft.by_event(&identity)
        };
        Ok(operations.into_iter().map(change).collect())
    }
}

/// The earliest of times; those that cannot be read do not count.
fn earliest<'a>(times: impl Iterator<Item = &'a String>) -> Option<String> {
    let read = times.filter_map(|time| time.parse::<jiff::Timestamp>().ok().map(|at| (at, time)));
    read.min_by_key(|(at, _)| *at).map(|(_, time)| time.clone())
}

/// Phase and result of a status word, in any of the spellings of the activity log, Event Hub exports and Event Grid.
/// Words that are not known are running states (AKS puts free text there).
pub fn phase_of(status: &str) -> (Phase, Option<ChangeResult>) {
    let failed = |code: Option<&str>| ChangeResult { succeeded: false, code: code.map(str::to_owned), message: None };
    match status.to_lowercase().as_str() {
        "succeeded" | "success" | "completed" | "ok" => {
            (Phase::Completed, Some(ChangeResult { succeeded: true, code: None, message: None }))
        }
        "failed" | "failure" | "fail" | "error" => (Phase::Completed, Some(failed(None))),
        "canceled" | "cancelled" | "cancel" => (Phase::Completed, Some(failed(Some("Canceled")))),
        _ => (Phase::InFlight, None),
    }
}

/// Verb of an operation name such as `Microsoft.ContainerService/managedClusters/agentPools/write`.
pub fn verb_of(operation_name: &str) -> Verb {
    let lower = operation_name.to_lowercase();
    let mut segments = lower.rsplit('/');
    match (segments.next().unwrap_or_default(), segments.next()) {
        // AKS has logged the image upgrade under either suffix.
        ("write" | "action", Some("upgradenodeimageversion")) => Verb::Action("upgradenodeimageversion".to_owned()),
        ("write", _) => Verb::Write,
        ("delete", _) => Verb::Delete,
        ("action", Some(action)) => Verb::Action(action.to_owned()),
        _ => Verb::Read,
    }
}

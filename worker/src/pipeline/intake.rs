//! What comes in: messages and the snapshots they speak of.

use std::borrow::Cow;

use scenarios::snapshot::Snapshot;
use scenarios::{Change, Complaint, Complaints, Decoded};

use crate::queue::MAX_MESSAGE;
use crate::snapshots::{SnapshotError, SnapshotStore, under};
use crate::split::shard::SCHEMA as SHARD;

/// What a message asks of a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Combinations to be scored.
    WhatIf,
    /// A part of what another worker coordinates.
    Shard,
    /// Everything else: changes, or nothing.
    Changes,
}

/// What a message asks for, by its schema, and the message without the base64 of queues' clients. One that is too large is left
/// to [`decode`], which says so.
pub fn task(bytes: &[u8]) -> (Task, Cow<'_, [u8]>) {
    match (named(bytes), scenarios::opened(bytes)) {
        (Task::Changes, Some(opened)) => (named(opened.as_bytes()), opened.into_bytes().into()),
        (task, _) => (task, bytes.into()),
    }
}

fn named(bytes: &[u8]) -> Task {
    const TASKS: [(&str, Task); 2] = [(scenarios::what_if::SCHEMA, Task::WhatIf), (SHARD, Task::Shard)];
    let mentions = |text: &str| TASKS.iter().any(|(schema, _)| text.contains(schema));
    let named = bytes.len() as u64 <= MAX_MESSAGE && str::from_utf8(bytes).is_ok_and(mentions);
    let document = named.then(|| scenarios::document(bytes).ok()).flatten();
    let schema = document.as_ref().and_then(|document| document.get("schema")?.as_str());
    TASKS.iter().find(|(name, _)| Some(*name) == schema).map_or(Task::Changes, |(_, task)| *task)
}

/// Reads a message into changes.
///
/// # Errors
/// It is too large, or not a message of any known kind.
pub fn decode(bytes: &[u8]) -> Result<Decoded, Complaints> {
    if bytes.len() as u64 > MAX_MESSAGE {
        return Err(Complaint::at("", format!("{} bytes", bytes.len()), format!("at most {MAX_MESSAGE} bytes")).into());
    }
    scenarios::decode(bytes)
}

/// The snapshot of a change: the one it carries, the one it names, or the store's for its cluster.
///
/// # Errors
/// There is none, or it is not usable.
pub fn snapshot_of(change: &Change, store: &SnapshotStore) -> Result<Snapshot, SnapshotError> {
    if let Some(inline) = inline_snapshot(change) {
        return inline.map_err(SnapshotError::Invalid);
    }
    if let Some(name) = &change.snapshot_ref {
        return store.get(name);
    }
    let snapshot = store.get(&change.cluster.name)?;
    match (&change.cluster.id, &snapshot.cluster.id) {
        // Clusters of one name may exist in several resource groups.
        (Some(wanted), Some(found)) if !wanted.eq_ignore_ascii_case(found) => Err(SnapshotError::OtherCluster {
            name: change.cluster.name.clone(),
            wanted: wanted.clone(),
            found: found.clone(),
        }),
        _ => Ok(snapshot),
    }
}

/// The snapshot that travels with a change, if one does.
pub fn inline_snapshot(change: &Change) -> Option<Result<Snapshot, Complaints>> {
    let inline = change.snapshot.as_ref()?;
    let read = Snapshot::from_json(inline.to_string().as_bytes());
    Some(read.map_err(|complaints| under("snapshot", complaints)))
}

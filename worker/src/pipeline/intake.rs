//! What comes in: messages and the snapshots they speak of.

use scenarios::snapshot::Snapshot;
use scenarios::{Change, Complaint, Complaints, Decoded};

use crate::queue::MAX_MESSAGE;
use crate::snapshots::{SnapshotError, SnapshotStore, under};

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

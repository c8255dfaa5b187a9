//! Where a what-if spec or a recording takes its cluster from. Names and paths are only carried: whoever reads files or
//! stores follows them.

use serde_json::Value;

use crate::part::{Parts, shown};

/// The cluster snapshot of a what-if spec or a recording.
#[derive(Clone, Debug, PartialEq)]
pub enum ClusterSource {
    /// The snapshot itself, unread.
    Inline(Value),
    /// A path relative to the document, or a name in the snapshot store.
    Reference(String),
}

impl ClusterSource {
    /// Takes `snapshot` (inline or a name) or `snapshotRef` (a name) out of an object.
    pub(crate) fn take(parts: &mut Parts) -> Option<ClusterSource> {
        let by_name: Option<String> = parts.read("snapshotRef");
        let inline = parts.take("snapshot");
        if inline.is_some() && by_name.is_some() {
            parts.complain("snapshotRef", "both snapshot and snapshotRef", "one of them");
        }
        match inline {
            None => by_name.map(ClusterSource::Reference),
            Some(Value::String(name)) => Some(ClusterSource::Reference(name)),
            Some(object @ Value::Object(_)) => Some(ClusterSource::Inline(object)),
            Some(other) => {
                parts.complain("snapshot", shown(&other), "a snapshot, or a path or name of one");
                None
            }
        }
    }

    /// Name of the cluster, where the inline snapshot gives one.
    pub(crate) fn cluster_name(&self) -> Option<&str> {
        match self {
            ClusterSource::Inline(value) => value.pointer("/cluster/name").and_then(Value::as_str),
            ClusterSource::Reference(_) => None,
        }
    }
}

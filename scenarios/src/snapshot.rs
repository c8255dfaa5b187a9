//! A cluster snapshot as read: agent pools and Kubernetes objects, checked, not yet interned.

use crate::complaint::Complaints;

/// A snapshot that has been read.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Cluster name.
    pub name: String,
    /// Digest of the canonical content.
    pub digest: String,
    /// When it was taken, RFC 3339, as given.
    pub taken_at: Option<String>,
}

impl Snapshot {
    /// Reads a snapshot document.
    ///
    /// # Errors
    /// Everything wrong with it at once.
    pub fn from_json(bytes: &[u8]) -> Result<Snapshot, Complaints> {
        let _ = bytes;
        unimplemented!()
    }
}

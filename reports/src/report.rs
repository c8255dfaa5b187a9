//! The published document. Placeholder until its fields are written.

use serde::Serialize;

/// The report, schema `poolproof.report/1`.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Digest of change, snapshot, settings and engine version.
    pub id: String,
}

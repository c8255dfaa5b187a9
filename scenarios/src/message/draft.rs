//! Puts changes together: identity, summary, and the fields every format shares.

use serde_json::Value;

use super::json::canonical;
use crate::change::{Change, ChangeResult, ChangeSettings, ClusterRef, Operation, Phase, Source, digest};

/// A change without the fields that follow from the others.
#[derive(Clone, Debug)]
pub struct Draft {
    pub phase: Phase,
    pub source: Source,
    pub cluster: ClusterRef,
    pub pool: Option<String>,
    pub operation: Operation,
    pub result: Option<ChangeResult>,
    pub snapshot: Option<Value>,
    pub snapshot_ref: Option<String>,
    pub settings: ChangeSettings,
}

impl Draft {
    /// A proposed change.
    pub fn proposed(source: Source, cluster: ClusterRef, pool: Option<String>, operation: Operation) -> Draft {
        Draft {
            phase: Phase::Proposed,
            source,
            cluster,
            pool,
            operation,
            result: None,
            snapshot: None,
            snapshot_ref: None,
            settings: ChangeSettings::default(),
        }
    }

    /// The change, identified by what it says: equal proposals are one change however often and by whom they are sent.
    pub fn by_content(self) -> Change {
        let operation = serde_json::to_value(&self.operation).unwrap_or_default();
        let settings = serde_json::to_value(&self.settings).unwrap_or_default();
        let id = digest(&[
            "content",
            &self.source.format,
            self.cluster_key(),
            self.pool.as_deref().unwrap_or_default(),
            &canonical(&operation),
            &canonical(&settings),
            &self.snapshot.as_ref().map(canonical).unwrap_or_default(),
            self.snapshot_ref.as_deref().unwrap_or_default(),
        ]);
        self.with_id(id)
    }

    /// The change, identified by the event it came with: `identity` must not depend on how far the operation has come.
    pub fn by_event(self, identity: &[&str]) -> Change {
        let mut parts = vec!["event"];
        parts.extend(identity);
        parts.push(self.pool.as_deref().unwrap_or_default());
        let id = digest(&parts);
        self.with_id(id)
    }

    fn cluster_key(&self) -> &str {
        self.cluster.id.as_deref().unwrap_or(&self.cluster.name)
    }

    fn with_id(self, id: String) -> Change {
        let summary = self.operation.summary(self.pool.as_deref(), &self.cluster.name);
        Change {
            id,
            phase: self.phase,
            source: self.source,
            cluster: self.cluster,
            pool: self.pool,
            operation: self.operation,
            summary,
            result: self.result,
            snapshot: self.snapshot,
            snapshot_ref: self.snapshot_ref,
            settings: self.settings,
        }
    }
}

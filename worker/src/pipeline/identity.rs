//! The id of a report: a digest of all that decides its content.

use scenarios::Change;
use scenarios::change::ChangeSettings;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::ENGINE;

/// Length of an id in hexadecimal digits: 128 bits, so that two reports never meet by chance.
const DIGITS: usize = 32;

/// What identifies a change. The snapshot counts by its own digest and the settings as they are in force, wherever they
/// came from.
pub fn of_change(change: &Change) -> Value {
    json!(Change { snapshot: None, snapshot_ref: None, settings: ChangeSettings::default(), ..change.clone() })
}

/// What decides the content of a report: what is done, digest of the snapshot, settings in force and engine version. It is
/// kept with the report, so that any of its trials can be run again.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Identity {
    /// The change, without snapshot and settings; for a recorded course what names it.
    pub change: Value,
    /// Digest of the snapshot.
    pub snapshot: String,
    /// Settings in force.
    pub settings: ChangeSettings,
    /// Version of the engine.
    pub engine: String,
    /// It is a look, without band and other plans: a combination of a what-if.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub look: bool,
}

impl Identity {
    /// Of a report made by this engine.
    pub fn new(what: &Value, snapshot_digest: &str, settings: &ChangeSettings) -> Identity {
        Identity {
            change: what.clone(),
            snapshot: snapshot_digest.to_owned(),
            settings: settings.clone(),
            engine: ENGINE.into(),
            look: false,
        }
    }

    /// Its digest, the id of the report. The object keys are in order, so that equal content has equal digests.
    pub fn id(&self) -> String {
        let mut id = digest(json!(self).to_string().as_bytes());
        id.truncate(DIGITS);
        id
    }

    /// The file `identity.json` of the report.
    pub fn to_bytes(&self) -> Vec<u8> {
        format!("{:#}\n", json!(self)).into_bytes()
    }
}

/// SHA-256 in hexadecimal.
pub fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use scenarios::change::{ClusterRef, Operation, Phase, Source};

    fn report_id(change: &Change, snapshot: &str, settings: &ChangeSettings) -> String {
        Identity::new(&of_change(change), snapshot, settings).id()
    }

    fn change() -> Change {
        Change {
            id: "c".into(),
            phase: Phase::Proposed,
            source: Source::default(),
            cluster: ClusterRef { name: "prod".into(), ..ClusterRef::default() },
            pool: Some("user1".into()),
            operation: Operation::Scale { count: 3 },
            summary: "scale user1 to 3".into(),
            result: None,
            snapshot: None,
            snapshot_ref: None,
            settings: ChangeSettings::default(),
        }
    }

    #[test]
    fn everything_that_decides_counts_and_nothing_else() {
        let settings = ChangeSettings::default();
        let id = report_id(&change(), "s", &settings);
        assert_eq!(id.len(), DIGITS);
        assert_eq!(
            id,
            report_id(
                &Change { snapshot: Some(json!({})), snapshot_ref: Some("prod".into()), ..change() },
                "s",
                &settings
            )
        );
        assert_ne!(id, report_id(&change(), "t", &settings));
        assert_ne!(id, report_id(&change(), "s", &ChangeSettings { seed: Some(2), ..settings.clone() }));
        assert_ne!(id, report_id(&Change { operation: Operation::Scale { count: 4 }, ..change() }, "s", &settings));
    }

    #[test]
    fn object_keys_are_sorted() {
        assert_eq!(json!({"b": 1, "a": 2}).to_string(), r#"{"a":2,"b":1}"#);
        assert_eq!(digest(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}

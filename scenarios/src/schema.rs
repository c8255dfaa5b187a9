//! JSON Schemas (draft 2020-12) of the documents that people and pipelines write.

use schemars::{JsonSchema, Schema, schema_for};
use serde::Deserialize;
use serde_json::Value;

use crate::change::{Change, ChangeSettings, Operation};
use crate::incident::IncidentFields;
use crate::recording::RecordingFields;
use crate::what_if::WhatIfFields;

/// Names of the schemas, in order.
pub fn names() -> &'static [&'static str] {
    &["change", "incident", "outcome", "proposal", "recording", "snapshot", "whatif"]
}

/// The schema of a name: `proposal` is what may be sent, `change` what `decode` answers.
pub fn schema(name: &str) -> Option<Value> {
    let schema = match name {
        "change" => schema_for!(Change),
        "incident" => schema_for!(IncidentFields),
        "outcome" => schema_for!(OutcomeFields),
        "proposal" => schema_for!(ProposalFields),
        "recording" => schema_for!(RecordingFields),
        "snapshot" => schema_for!(SnapshotFields),
        "whatif" => schema_for!(WhatIfFields),
        _ => return None,
    };
    Some(Schema::to_value(schema))
}

/// A proposed change, schema `poolproof.change/1`; in a CloudEvent it is the `data`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code, reason = "describes the document; the decoder reads it member by member")]
struct ProposalFields {
    /// `poolproof.change/1`; needed outside a CloudEvent.
    schema: Option<String>,
    /// The cluster: its name, its ARM resource id, or an object with `id` or `name`.
    cluster: NameOrRef,
    /// The pool, where the operation concerns one.
    pool: Option<String>,
    /// What is to be done.
    operation: Operation,
    /// The cluster's snapshot itself; this or `snapshotRef`.
    snapshot: Option<serde_json::Map<String, Value>>,
    /// Name of a snapshot in the snapshot store.
    snapshot_ref: Option<String>,
    /// Settings.
    #[serde(default)]
    settings: ChangeSettings,
    /// Who asks.
    caller: Option<String>,
    /// When it was asked (RFC 3339).
    time: Option<String>,
    /// What ties this proposal to later events of the same change.
    correlation_id: Option<String>,
    /// Id of the proposal; repeated deliveries carry the same one.
    event_id: Option<String>,
}

/// What came of a change, schema `poolproof.outcome/1`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the document; the decoder reads it member by member")]
struct OutcomeFields {
    /// `poolproof.outcome/1`.
    schema: String,
    #[serde(flatten)]
    stated: crate::outcome::StatedOutcome,
}

/// A cluster by name or resource id, or as an object.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "describes the document; the decoder reads it member by member")]
enum NameOrRef {
    /// Name or ARM resource id.
    Name(String),
    /// An object.
    Ref {
        /// ARM resource id.
        id: Option<String>,
        /// Cluster name.
        name: Option<String>,
        /// Resource group.
        #[serde(rename = "resourceGroup")]
        resource_group: Option<String>,
        /// Subscription.
        subscription: Option<String>,
    },
}

/// A cluster snapshot, schema `poolproof.snapshot/1`. `agentPools` and `items` are what `az` and `kubectl` print, verbatim.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the document; the snapshot reader reads it member by member")]
struct SnapshotFields {
    /// `poolproof.snapshot/1`.
    schema: String,
    /// What `az aks show -o json` prints, or as much of it as is known: `name`, `id`, `location`, `kubernetesVersion`,
    /// `networkProfile`; beside it `quota` (free vCPUs by family), `subnet` (free addresses) and `assume` (numbers in place of
    /// defaults).
    cluster: serde_json::Map<String, Value>,
    /// What `az aks nodepool list -o json` prints.
    agent_pools: Vec<serde_json::Map<String, Value>>,
    /// What `kubectl get nodes,pods,deployments,... -A -o json` lists under `items`.
    #[serde(default)]
    items: Vec<serde_json::Map<String, Value>>,
    /// When it was taken (RFC 3339).
    taken_at: Option<String>,
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_a_schema_that_describes_each_member() {
        for name in names() {
            let schema = schema(name).unwrap();
            assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema", "{name}");
            let members = schema["properties"].as_object().unwrap();
            assert!(members.len() >= 5, "{name}: {members:?}");
            for (member, described) in members {
                let said = described.get("description").is_some() || described.get("$ref").is_some();
                assert!(said || *name == "change", "{name}.{member} says nothing: {described}");
            }
        }
        assert_eq!(schema("no-such-schema"), None);
    }

    #[test]
    fn a_proposal_by_the_schema_is_one_the_decoder_reads() {
        let members = schema("proposal").unwrap()["properties"].clone();
        let mut proposal = serde_json::json!({
            "schema": "poolproof.change/1", "cluster": "prod", "pool": "sys", "operation": {"kind": "scale", "count": 3},
            "snapshotRef": "prod.json", "settings": {"trials": 100}, "caller": "ci", "time": "2026-03-01T02:00:00Z",
            "correlationId": "c", "eventId": "e"
        });
        let decoded = crate::decode(proposal.to_string().as_bytes()).unwrap();
        assert_eq!(decoded.changes.len(), 1);
        proposal["snapshot"] = serde_json::json!({});
        let written = proposal.as_object().unwrap();
        let named: Vec<&String> = members.as_object().unwrap().keys().collect();
        assert_eq!(named, written.keys().collect::<Vec<_>>(), "the schema and the decoder know the same members");
    }

    #[test]
    fn a_recording_needs_name_and_events() {
        let needed = schema("recording").unwrap()["required"].clone();
        assert_eq!(needed, serde_json::json!(["schema", "name", "events"]));
    }
}

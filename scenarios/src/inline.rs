//! Changes written inside other documents (what-if specs, recordings): the text of an `az aks nodepool` command, our
//! proposal form without its outer words, or any message that [`crate::decode`] knows.

use serde_json::{Value, json};

use crate::change::Change;
use crate::complaint::Complaint;
use crate::{message, part};

/// Schema name of a proposal, filled in where an inline change leaves it out.
const PROPOSAL: &str = "poolproof.change/1";

/// Name of the cluster where neither the change nor its surroundings give one.
const UNNAMED: &str = "cluster";

/// Reads what is written at `path`; `cluster` is the name used where a proposal gives none.
///
/// # Errors
/// What the decoder finds wrong, with paths below `path`; also a message that holds no pool operation.
pub(crate) fn changes(value: Value, path: &str, cluster: Option<&str>) -> Result<Vec<Change>, Vec<Complaint>> {
    let bytes = message_bytes(value, cluster);
    let decoded = message::decode(&bytes).map_err(|all| below(all.0, path))?;
    if decoded.changes.is_empty() {
        let notes = decoded.notes.join("; ");
        return Err(vec![Complaint::at(path, notes, "a change of a node pool")]);
    }
    Ok(decoded.changes)
}

/// The message an inline change stands for.
fn message_bytes(value: Value, cluster: Option<&str>) -> Vec<u8> {
    match value {
        Value::String(command) => command.into_bytes(),
        Value::Object(mut map) if map.contains_key("operation") && !map.contains_key("specversion") => {
            map.entry("schema").or_insert_with(|| json!(PROPOSAL));
            map.entry("cluster").or_insert_with(|| json!(cluster.unwrap_or(UNNAMED)));
            Value::Object(map).to_string().into_bytes()
        }
        other => other.to_string().into_bytes(),
    }
}

fn below(complaints: Vec<Complaint>, path: &str) -> Vec<Complaint> {
    let moved = |c: Complaint| {
        let path = if c.path.is_empty() { path.to_owned() } else { part::join(path, &c.path) };
        Complaint { path, ..c }
    };
    complaints.into_iter().map(moved).collect()
}

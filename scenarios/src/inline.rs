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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(value: Value) -> Result<Vec<(String, String)>, Vec<String>> {
        let named = |c: Change| (c.cluster.name, c.operation.kind().to_owned());
        let found = changes(value, "here", Some("prod"));
        found.map(|all| all.into_iter().map(named).collect()).map_err(|e| e.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn commands_proposals_and_messages_are_read() {
        let of = |cluster: &str, kind: &str| Ok(vec![(cluster.to_owned(), kind.to_owned())]);
        let short = json!({"pool": "sys", "operation": {"kind": "scale", "count": 3}});
        assert_eq!(read(short.clone()), of("prod", "scale"));
        let mut named = short;
        named["cluster"] = json!("other");
        assert_eq!(read(named), of("other", "scale"));
        let event = json!({
            "specversion": "1.0", "id": "1", "source": "ci", "type": "dev.poolproof.change.proposed.v1",
            "data": {"cluster": "third", "pool": "sys", "operation": {"kind": "deletePool"}}
        });
        assert_eq!(read(event), of("third", "deletePool"));
        assert_eq!(
            read(json!("az aks nodepool delete -g rg --cluster-name fourth -n sys")),
            of("fourth", "deletePool")
        );
    }

    #[test]
    fn what_is_no_change_is_a_complaint_at_its_place() {
        for value in
            [json!("az group list"), json!("scale it"), json!(7), json!([]), json!({}), json!({"operation": 1})]
        {
            let found = read(value.clone()).unwrap_err();
            assert!(found.iter().all(|c| c.starts_with("here")), "{value}: {found:?}");
        }
    }
}

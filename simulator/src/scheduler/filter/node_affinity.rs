//! NodeAffinity: `nodeSelector` and required node affinity must match. Terms that can only match nodes of given names
//! (`matchFields` on `metadata.name`) leave all other nodes out in advance, as do the pods a DaemonSet pins.
//!
//! Names differ from node to node, so whatever asks for them (`metadata.name`, the label `kubernetes.io/hostname`) is
//! compared per node; everything else is in the table of shapes.

use std::collections::BTreeMap;

use crate::scheduler::compat::{Affinity, Asked, Pinned};
use crate::scheduler::{NodeView, Rejection};
use crate::spec::{NodeTerm, Operator, PodShape, Requirement};

/// The label every node has with a value of its own (on AKS the node's name).
pub const HOSTNAME: &str = "kubernetes.io/hostname";

/// The only field `matchFields` knows.
pub const NAME_FIELD: &str = "metadata.name";

/// Leaves out nodes that the pod's owner or its terms on names exclude (`PreFilterResult.NodeNames`).
#[inline]
pub fn pre_filter(pod: &Asked, node: &NodeView) -> Result<(), Rejection> {
    if pod.incoming().pin.is_some_and(|pin| pin != node.id) {
        return Err(Rejection::Excluded);
    }
    match &pod.row.pinned {
        Pinned::Anywhere => Ok(()),
        Pinned::Nowhere => Err(Rejection::Conflict),
        Pinned::To(names) if names.iter().any(|name| name == node.name) => Ok(()),
        Pinned::To(_) => Err(Rejection::Excluded),
    }
}

/// Refuses nodes whose labels do not match.
#[inline]
pub fn filter(pod: &Asked, node: &NodeView) -> Result<(), Rejection> {
    let matches = match pod.cell(node).affinity {
        Affinity::Matches => true,
        Affinity::Differs => false,
        Affinity::ByName => required(&pod.row.shape, &pod.labels(node)),
    };
    if matches { Ok(()) } else { Err(Rejection::Affinity) }
}

/// Labels and name of one node.
pub struct Labels<'a> {
    /// Labels of its shape.
    pub shared: &'a BTreeMap<String, String>,
    /// Its name.
    pub name: &'a str,
    /// It lacks the label of its name.
    pub nameless: bool,
}

impl Labels<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        if key == HOSTNAME { (!self.nameless).then_some(self.name) } else { self.shared.get(key).map(String::as_str) }
    }
}

/// True where selector and required terms match (k8s.io/component-helpers v0.34 `GetRequiredNodeAffinity`).
pub fn required(pod: &PodShape, node: &Labels) -> bool {
    pod.node_selector.iter().all(|(key, value)| node.get(key) == Some(value))
        && (pod.required.is_empty() || pod.required.iter().any(|term| matches(term, node)))
}

/// True where all conditions of a term hold; an empty term matches nothing, a malformed one neither.
pub fn matches(term: &NodeTerm, node: &Labels) -> bool {
    let empty = term.expressions.is_empty() && term.fields.is_empty();
    !empty
        && term.expressions.iter().all(|r| holds(r, node.get(&r.key)))
        && term.fields.iter().all(|r| field_holds(r, node))
}

fn holds(requirement: &Requirement, value: Option<&str>) -> bool {
    let values = &requirement.values;
    let listed = |value: &str| values.iter().any(|v| v == value);
    let well_formed = values.iter().all(|v| valid_label_value(v));
    well_formed
        && match requirement.operator {
            Operator::In => value.is_some_and(listed),
            Operator::NotIn => !values.is_empty() && !value.is_some_and(listed),
            Operator::Exists => values.is_empty() && value.is_some(),
            Operator::DoesNotExist => values.is_empty() && value.is_none(),
            Operator::Gt => compare(value, values).is_some_and(|(value, bound)| value > bound),
            Operator::Lt => compare(value, values).is_some_and(|(value, bound)| value < bound),
        }
}

fn compare(value: Option<&str>, values: &[String]) -> Option<(i64, i64)> {
    match values {
        [bound] => Some((value?.parse().ok()?, bound.parse().ok()?)),
        _ => None,
    }
}

/// Field selectors know only equality with one value.
fn field_holds(requirement: &Requirement, node: &Labels) -> bool {
    let value = if requirement.key == NAME_FIELD { node.name } else { "" };
    match (requirement.operator, &requirement.values[..]) {
        (Operator::In, [only]) => value == only,
        (Operator::NotIn, [only]) => value != only,
        _ => false,
    }
}

/// k8s.io/apimachinery v0.34 `IsValidLabelValue`: a requirement with another value is an error and matches nothing.
fn valid_label_value(value: &str) -> bool {
    let bytes = value.as_bytes();
    let ends = |b: Option<&u8>| b.is_none_or(u8::is_ascii_alphanumeric);
    bytes.len() <= 63
        && ends(bytes.first())
        && ends(bytes.last())
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

/// The names that required terms pin a pod to: names within a term must agree, terms are alternatives.
pub fn pinned(pod: &PodShape) -> Pinned {
    if pod.required.is_empty() {
        return Pinned::Anywhere;
    }
    let mut names = Vec::new();
    for term in &pod.required {
        let mut lists =
            term.fields.iter().filter(|r| r.key == NAME_FIELD && r.operator == Operator::In).map(|r| &r.values);
        let Some(first) = lists.next() else {
            return Pinned::Anywhere;
        };
        let others: Vec<_> = lists.collect();
        names.extend(first.iter().filter(|name| others.iter().all(|list| list.contains(name))).cloned());
    }
    if names.is_empty() { Pinned::Nowhere } else { Pinned::To(names) }
}

/// True where a condition asks for something that differs from node to node.
pub fn by_name<'t>(pod: &PodShape, mut terms: impl Iterator<Item = &'t NodeTerm>) -> bool {
    pod.node_selector.contains_key(HOSTNAME) || terms.any(asks_name)
}

/// True where a term asks for a node's name.
pub fn asks_name(term: &NodeTerm) -> bool {
    !term.fields.is_empty() || term.expressions.iter().any(|r| r.key == HOSTNAME)
}

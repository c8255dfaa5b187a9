//! Which nodes a pod may go to, as far as labels and taints say: for placing pods that a snapshot does not hold.
//! Kubernetes v1.34 semantics; the simulator has its own, compiled form of the same rules.

use simulator::spec::{Effect, NodeTerm, Operator, Requirement, Taint, Toleration};

use crate::snapshot::{Labels, Node, PodTemplate};

/// True where selector, required affinity and taints let a pod onto a node.
pub fn admits(pod: &PodTemplate, node: &Node) -> bool {
    selects(pod, node)
        && node.taints.iter().all(|t| t.effect == Effect::PreferNoSchedule || tolerates(&pod.tolerations, t))
}

/// True where selector and required affinity match.
pub fn selects(pod: &PodTemplate, node: &Node) -> bool {
    pod.node_selector.iter().all(|(k, v)| node.labels.get(k) == Some(v))
        && pod.required.as_ref().is_none_or(|terms| terms.iter().any(|t| term(t, &node.labels, &node.name)))
}

/// True where one of the tolerations covers the taint (`Toleration.ToleratesTaint`).
pub fn tolerates(tolerations: &[Toleration], taint: &Taint) -> bool {
    tolerations.iter().any(|t| {
        t.effect.is_none_or(|e| e == taint.effect)
            && t.key.as_ref().is_none_or(|k| *k == taint.key)
            && t.value.as_ref().is_none_or(|v| *v == taint.value)
    })
}

/// True where all conditions of a term hold; a term without any holds nowhere.
pub fn term(term: &NodeTerm, labels: &Labels, name: &str) -> bool {
    let field = |r: &Requirement| holds(r, (r.key == "metadata.name").then_some(name));
    !(term.expressions.is_empty() && term.fields.is_empty())
        && term.expressions.iter().all(|r| holds(r, labels.get(&r.key).map(String::as_str)))
        && term.fields.iter().all(field)
}

fn holds(r: &Requirement, value: Option<&str>) -> bool {
    let number = |text: Option<&str>| text.and_then(|t| t.parse::<i64>().ok());
    let bound = number(r.values.first().map(String::as_str));
    match r.operator {
        Operator::In => value.is_some_and(|v| r.values.iter().any(|x| x == v)),
        Operator::NotIn => value.is_none_or(|v| r.values.iter().all(|x| x != v)),
        Operator::Exists => value.is_some(),
        Operator::DoesNotExist => value.is_none(),
        Operator::Gt => number(value).zip(bound).is_some_and(|(v, b)| v > b),
        Operator::Lt => number(value).zip(bound).is_some_and(|(v, b)| v < b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requirement(key: &str, operator: Operator, values: &[&str]) -> Requirement {
        Requirement { key: key.into(), operator, values: values.iter().map(|v| (*v).into()).collect() }
    }

    #[test]
    fn operators() {
        let labels = Labels::from([("size".into(), "8".into()), ("os".into(), "linux".into())]);
        let cases = [
            (requirement("os", Operator::In, &["linux", "windows"]), true),
            (requirement("os", Operator::NotIn, &["linux"]), false),
            (requirement("gone", Operator::NotIn, &["x"]), true),
            (requirement("gone", Operator::Exists, &[]), false),
            (requirement("gone", Operator::DoesNotExist, &[]), true),
            (requirement("size", Operator::Gt, &["7"]), true),
            (requirement("size", Operator::Lt, &["8"]), false),
            (requirement("os", Operator::Gt, &["1"]), false),
        ];
        for (r, expected) in cases {
            let t = NodeTerm { expressions: vec![r.clone()], fields: vec![] };
            assert_eq!(term(&t, &labels, "n"), expected, "{r:?}");
        }
        assert!(!term(&NodeTerm { expressions: vec![], fields: vec![] }, &labels, "n"));
        let named = NodeTerm { expressions: vec![], fields: vec![requirement("metadata.name", Operator::In, &["n"])] };
        assert!(term(&named, &labels, "n") && !term(&named, &labels, "m"));
    }

    #[test]
    fn tolerations() {
        let taint = Taint { key: "k".into(), value: "v".into(), effect: Effect::NoSchedule };
        let t = |key: Option<&str>, value: Option<&str>, effect| Toleration {
            key: key.map(Into::into),
            value: value.map(Into::into),
            effect,
            seconds: None,
        };
        for (toleration, expected) in [
            (t(None, None, None), true),
            (t(Some("k"), None, None), true),
            (t(Some("k"), Some("v"), Some(Effect::NoSchedule)), true),
            (t(Some("k"), Some(""), None), false),
            (t(Some("k"), None, Some(Effect::NoExecute)), false),
            (t(Some("other"), None, None), false),
        ] {
            assert_eq!(tolerates(std::slice::from_ref(&toleration), &taint), expected, "{toleration:?}");
        }
    }
}

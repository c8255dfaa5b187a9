//! What a pod asks about other pods: label selectors, topology spread constraints, inter-pod affinity terms.

use std::collections::BTreeMap;

use super::{Operator, Requirement};

/// A label selector: all of its conditions must hold; an empty one matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    /// Labels that must be equal.
    pub labels: BTreeMap<String, String>,
    /// Further conditions: `In`, `NotIn`, `Exists`, `DoesNotExist`.
    pub expressions: Vec<Requirement>,
}

impl Selector {
    /// True where the labels match (k8s.io/apimachinery v0.34 `LabelSelectorAsSelector`).
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.labels.iter().all(|(k, v)| labels.get(k) == Some(v)) && self.expressions.iter().all(|e| holds(e, labels))
    }

    /// True without conditions.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.expressions.is_empty()
    }
}

fn holds(requirement: &Requirement, labels: &BTreeMap<String, String>) -> bool {
    let value = labels.get(&requirement.key);
    match requirement.operator {
        Operator::In => value.is_some_and(|v| requirement.values.contains(v)),
        Operator::NotIn => value.is_none_or(|v| !requirement.values.contains(v)),
        Operator::Exists => value.is_some(),
        Operator::DoesNotExist => value.is_none(),
        Operator::Gt | Operator::Lt => false, // not operators of a label selector: the API server refuses them
    }
}

/// A topology spread constraint, `matchLabelKeys` merged into the selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spread {
    /// Label of the nodes whose values are the domains.
    pub key: String,
    /// Most pods a domain may have above the one with the fewest.
    pub max_skew: i64,
    /// `DoNotSchedule`; otherwise `ScheduleAnyway`.
    pub hard: bool,
    /// Fewest domains; with fewer the fewest pods count as none. 1 where not given.
    pub min_domains: usize,
    /// Nodes the pod's node affinity excludes do not count (`nodeAffinityPolicy: Honor`).
    pub honor_affinity: bool,
    /// Nodes whose taints the pod does not tolerate do not count (`nodeTaintsPolicy: Honor`).
    pub honor_taints: bool,
    /// Pods of the same namespace that are counted; `None` counts none.
    pub selector: Option<Selector>,
}

/// An inter-pod affinity or anti-affinity term.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodTerm {
    /// Label of the nodes whose values are the domains.
    pub key: String,
    /// Pods meant; `None` means none.
    pub selector: Option<Selector>,
    /// Namespaces meant by name; the pod's own where the term names none and has no selector of namespaces.
    pub namespaces: Vec<String>,
    /// Namespaces meant by their labels.
    pub namespace_selector: Option<Selector>,
}

//! Whether a pod may stand on a node, as far as it can be told without a scheduler: node selector, required node affinity,
//! taints and requests (kube-scheduler v1.34.1: NodeName, NodeAffinity, TaintToleration, NodeResourcesFit). Left out:
//! ports, volumes, and terms that look at other pods.

use simulator::spec::{Effect, NodeTerm, Operator, Requirement, Taint, Toleration};

use crate::snapshot::{Amounts, Labels, PodTemplate, Requests};

/// True where labels and taints let the pod onto the node.
pub(crate) fn admits(pod: &PodTemplate, node: &str, labels: &Labels, taints: &[Taint]) -> bool {
    pod.node_name.as_deref().is_none_or(|name| name == node)
        && pod
            .node_selector
            .iter()
            .all(|(k, v)| labels.get(k) == Some(v))
        && pod
            .required
            .as_ref()
            .is_none_or(|terms| terms.iter().any(|term| matches(term, node, labels)))
        && taints.iter().all(|taint| {
            taint.effect == Effect::PreferNoSchedule || tolerated(taint, &pod.tolerations)
        })
}

/// True where one of the tolerations covers the taint (k8s.io/component-helpers v0.34 `ToleratesTaint`).
pub(crate) fn tolerated(taint: &Taint, tolerations: &[Toleration]) -> bool {
    tolerations.iter().any(|t| {
        t.effect.is_none_or(|e| e == taint.effect)
            && t.key.as_ref().is_none_or(|k| *k == taint.key)
            && t.value.as_ref().is_none_or(|v| *v == taint.value)
    })
}

/// A term without conditions matches nothing (k8s.io/component-helpers v0.34 `nodeaffinity`).
fn matches(term: &NodeTerm, node: &str, labels: &Labels) -> bool {
    if term.expressions.is_empty() && term.fields.is_empty() {
        return false;
    }
    let by_label = |r: &Requirement| holds(r, labels.get(&r.key).map(String::as_str));
    let by_field = |r: &Requirement| r.key == "metadata.name" && holds(r, Some(node));
    term.expressions.iter().all(by_label) && term.fields.iter().all(by_field)
}

fn holds(r: &Requirement, value: Option<&str>) -> bool {
    let listed = value.is_some_and(|v| r.values.iter().any(|x| x == v));
    let number = |text: Option<&str>| text.and_then(|t| t.parse::<i64>().ok());
    let order = number(value).zip(number(r.values.first().map(String::as_str)));
    match r.operator {
        Operator::In => listed,
        Operator::NotIn => !listed,
        Operator::Exists => value.is_some(),
        Operator::DoesNotExist => value.is_none(),
        Operator::Gt => order.is_some_and(|(v, bound)| v > bound),
        Operator::Lt => order.is_some_and(|(v, bound)| v < bound),
    }
}

/// What the scheduler reserves for a pod: containers and sidecars together, or an init container with the sidecars
/// before it, whichever is more; plus overhead (Kubernetes v1.34 `PodRequests`).
pub(crate) fn requests(pod: &PodTemplate) -> Amounts {
    let mut running = Amounts::default();
    let mut starting = Amounts::default();
    for container in &pod.init_containers {
        let own = amounts(&container.requests);
        if container.sidecar {
            running = sum(&running, &own);
            starting = larger(&starting, &running);
        } else {
            starting = larger(&starting, &sum(&running, &own));
        }
    }
    for container in &pod.containers {
        running = sum(&running, &amounts(&container.requests));
    }
    let mut total = larger(&running, &starting);
    if let Some(whole) = &pod.pod_requests {
        // Pod-level requests replace CPU and memory of the containers (1.34, beta).
        total.cpu = whole.cpu.unwrap_or(total.cpu);
        total.memory = whole.memory.unwrap_or(total.memory);
    }
    let mut total = sum(&total, &pod.overhead);
    total.pods = 1;
    total
}

/// True where `asked` fits into `free`.
pub(crate) fn within(asked: &Amounts, free: &Amounts) -> bool {
    asked.cpu <= free.cpu
        && asked.memory <= free.memory
        && asked.ephemeral <= free.ephemeral
        && asked.pods <= free.pods
        && asked
            .other
            .iter()
            .all(|(name, n)| *n <= free.other.get(name).copied().unwrap_or(0))
}

/// `a` less `b`.
pub(crate) fn less(a: &Amounts, b: &Amounts) -> Amounts {
    each(a, b, i64::saturating_sub)
}

fn sum(a: &Amounts, b: &Amounts) -> Amounts {
    each(a, b, i64::saturating_add)
}

fn larger(a: &Amounts, b: &Amounts) -> Amounts {
    each(a, b, i64::max)
}

fn each(a: &Amounts, b: &Amounts, f: fn(i64, i64) -> i64) -> Amounts {
    let mut other = a.other.clone();
    for (name, n) in &b.other {
        let mine = other.entry(name.clone()).or_default();
        *mine = f(*mine, *n);
    }
    Amounts {
        cpu: f(a.cpu, b.cpu),
        memory: f(a.memory, b.memory),
        ephemeral: f(a.ephemeral, b.ephemeral),
        pods: f(a.pods, b.pods),
        other,
    }
}

fn amounts(r: &Requests) -> Amounts {
    Amounts {
        cpu: r.cpu.unwrap_or(0),
        memory: r.memory.unwrap_or(0),
        ephemeral: r.ephemeral.unwrap_or(0),
        pods: 0,
        other: r.other.clone(),
    }
}

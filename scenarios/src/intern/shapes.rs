//! Pod shapes: what pods of one owner have in common, in the simulator's terms.

use std::collections::BTreeSet;

use simulator::spec::{EXTENDED, NodeTerm, PodShape, Resources, Selector, Volumes};

use super::owners::Draft;
use super::{peers, requests};
use crate::coverage::Coverage;
use crate::snapshot::{Amounts, Labels, PodTemplate, PodTerm};

/// Labels that differ from pod to pod of one owner (Kubernetes v1.34 StatefulSets and Jobs).
const OWN_LABELS: [&str; 3] =
    ["statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index", "batch.kubernetes.io/job-completion-index"];

/// What a pod's shape follows from.
pub struct Asking<'a> {
    /// What it asks for.
    pub template: &'a PodTemplate,
    /// Its namespace.
    pub namespace: &'a str,
    /// Its labels.
    pub labels: &'a Labels,
    /// Pods like it, over which the scheduler spreads it where it has no constraints of its own.
    pub like_it: Option<Selector>,
}

/// Labels without those that differ from pod to pod of one owner.
pub(super) fn common_labels(labels: &Labels) -> Labels {
    labels.iter().filter(|(key, _)| !OWN_LABELS.contains(&key.as_str())).map(|(k, v)| (k.clone(), v.clone())).collect()
}

/// The shape of a pod; `extended` names the extended resources that are told apart.
pub fn pod_shape(asking: &Asking, extended: &[String]) -> PodShape {
    let Asking { template, namespace, labels, like_it } = asking;
    let by_default = template.spread.is_empty();
    let spread = match like_it {
        Some(selector) if by_default => peers::defaults(selector),
        _ => peers::spread(template, labels),
    };
    let term = |written: &PodTerm| peers::term(written, namespace, labels);
    let placed = scored_when_placed(template);
    PodShape {
        placed_requests: (placed != scored(template)).then_some(placed),
        volumes: Volumes::default(),
        namespace: (*namespace).to_owned(),
        spread,
        spread_by_default: by_default,
        pod_affinity: template.pod_affinity.iter().map(term).collect(),
        pod_anti_affinity: template.pod_anti_affinity.iter().map(term).collect(),
        preferred_pods: template.preferred_pods.iter().map(|(weight, t)| (*weight, term(t))).collect(),
        images: template.init_containers.iter().chain(&template.containers).map(|c| tagged(&c.image)).collect(),
        requests: resources(&requests::effective(template), extended),
        score_requests: scored(template),
        labels: (*labels).clone(),
        node_selector: template.node_selector.clone(),
        required: required(template),
        preferred: template.preferred.clone(),
        tolerations: template.tolerations.clone(),
        priority: requests::priority(template),
        preempts: !template.never_preempts,
        host_ports: host_ports(template),
        node_name: template.node_name.clone(),
    }
}

/// An image name without a tag means the tag `latest` (kube-scheduler v1.34.1 `normalizedImageName`).
pub(super) fn tagged(image: &str) -> String {
    if image.rfind(':') <= image.rfind('/') { format!("{image}:latest") } else { image.to_owned() }
}

fn scored_when_placed(template: &PodTemplate) -> (i64, i64) {
    let (cpu, memory) = requests::scored_when_placed(template);
    (cpu.clamp(0, MOST_CPU), memory.clamp(0, MOST))
}

fn scored(template: &PodTemplate) -> (i64, i64) {
    let (cpu, memory) = requests::scored(template);
    (cpu.clamp(0, MOST_CPU), memory.clamp(0, MOST))
}

/// Required affinity without any term matches nothing; the simulator knows that as one empty term.
fn required(template: &PodTemplate) -> Vec<NodeTerm> {
    match &template.required {
        Some(terms) if terms.is_empty() => vec![NodeTerm { expressions: Vec::new(), fields: Vec::new() }],
        Some(terms) => terms.clone(),
        None => Vec::new(),
    }
}

/// Ports of the containers that run (kube-scheduler v1.34 counts those of sidecars as well).
fn host_ports(template: &PodTemplate) -> Vec<simulator::spec::HostPort> {
    let running = template.containers.iter().chain(template.init_containers.iter().filter(|c| c.sidecar));
    running.flat_map(|c| c.host_ports.iter().cloned()).collect()
}

/// Most CPU that counts, in thousandths of a core: a million cores.
pub(crate) const MOST_CPU: i64 = 1_000_000_000;
/// Most of anything else that counts: 16 Ti. No machine has more, and sums over all pods of a cluster stay within 64 bits.
pub(super) const MOST: i64 = 1 << 44;

/// Amounts in the simulator's terms.
pub(crate) fn resources(amounts: &Amounts, extended: &[String]) -> Resources {
    sums(&capped(amounts), extended)
}

/// Sums of amounts that were capped one by one, in the simulator's terms.
pub(super) fn sums(amounts: &Amounts, extended: &[String]) -> Resources {
    let mut out = Resources {
        cpu: amounts.cpu,
        memory: amounts.memory,
        ephemeral: amounts.ephemeral,
        pods: amounts.pods,
        ..Resources::default()
    };
    for (slot, name) in out.extended.iter_mut().zip(extended) {
        *slot = amounts.other.get(name).copied().unwrap_or(0);
    }
    out
}

/// Amounts that may be summed over a whole cluster.
pub(super) fn capped(amounts: &Amounts) -> Amounts {
    let cap = |n: i64| n.clamp(0, MOST);
    Amounts {
        cpu: amounts.cpu.clamp(0, MOST_CPU),
        memory: cap(amounts.memory),
        ephemeral: cap(amounts.ephemeral),
        pods: cap(amounts.pods),
        other: amounts.other.iter().map(|(name, n)| (name.clone(), cap(*n))).collect(),
    }
}

/// The extended resources that pods ask for, as many as the simulator tells apart.
pub(super) fn extended(drafts: &[Draft], coverage: &mut Coverage) -> Vec<String> {
    let asked = |d: &Draft| {
        requests::effective(&d.template)
            .other
            .into_iter()
            .filter(|(_, n)| *n > 0)
            .map(|(name, _)| name)
            .collect::<Vec<_>>()
    };
    let mut names: Vec<String> = drafts.iter().flat_map(asked).collect::<BTreeSet<_>>().into_iter().collect();
    for name in names.split_off(names.len().min(EXTENDED)) {
        coverage.missing(format!(
            "requests of {name} were not counted: more than {EXTENDED} extended resources are in use"
        ));
    }
    names
}

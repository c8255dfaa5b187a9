//! Workloads in the simulator's terms: shape, life cycle, load, who is watched.
//!
//! Watched are AKS' own Deployments and StatefulSets, with what their disruption budgets hold healthy, or 1, as the minimum. An
//! application is watched where its workload carries the annotation `poolproof.dev/minimum: "N"`.

use std::collections::{BTreeMap, BTreeSet};

use simulator::spec::{BudgetRule, Memory, PodShape, Role, Scaling, Toleration, WorkloadKind, WorkloadSpec};
use simulator::{Duration, PodShapeId};

use super::owners::Draft;
use super::{Interned, duties, peers, requests, shapes, stated, volumes};
use crate::change::ChangeSettings;
use crate::coverage::Coverage;
use crate::defaults::pools::control_plane_minor;
use crate::defaults::{demand, dns, pods};
use crate::snapshot::{Autoscaler, Snapshot};
use crate::system_workloads::{LADDER_CORES, LADDER_NODES, SIZER, dns_replicas};

/// Annotation that makes an application watched, with its minimum of Ready pods.
pub const MINIMUM: &str = "poolproof.dev/minimum";

/// Interns the workloads, in order.
pub(super) fn intern(
    full: &Snapshot,
    drafts: &mut [Draft],
    settings: &ChangeSettings,
    interned: &mut Interned,
    coverage: &mut Coverage,
) -> OwnShapes {
    let mut own = OwnShapes::new();
    let mut known: BTreeMap<String, PodShapeId> = BTreeMap::new();
    let context = Context::of(full, drafts, settings);
    let (lookup, mut notes) = (volumes::Lookup::lenient(full), volumes::Notes::default());
    for draft in drafts.iter() {
        let shape = shape(full, draft, &interned.spec.extended);
        let mut id = |shape: PodShape| {
            *known.entry(format!("{shape:?}")).or_insert_with(|| interned.spec.pod_shapes.push(shape))
        };
        let mut spec = workload(draft, PodShapeId(0), &context, coverage);
        match volumes::places(&lookup, draft) {
            None => {
                for priority in other_priorities(draft) {
                    own.insert((interned.spec.workloads.len(), priority), id(PodShape { priority, ..shape.clone() }));
                }
                spec.shape = id(shape);
            }
            Some(places) => {
                notes.add(&draft.namespace, &places);
                spec.shape = id(with_volumes(&shape, &places.further));
                // The places of a DaemonSet are nodes, and its pods are alike.
                if draft.kind != WorkloadKind::DaemonSet {
                    spec.shapes = places.each.iter().map(|asked| id(with_volumes(&shape, asked))).collect();
                }
            }
        }
        interned.spec.workloads.push(spec);
    }
    notes.tell(full, coverage);
    own
}

/// Shapes of pods that differ from their owner's in priority, by index of the workload and priority.
type OwnShapes = BTreeMap<(usize, i32), PodShapeId>;

/// Priorities of pods that their owner would not give new ones: a pod has its priority from its admission, whatever becomes of
/// the class afterwards (Kubernetes v1.34 admission plugin Priority).
fn other_priorities(draft: &Draft) -> BTreeSet<i32> {
    let new = requests::priority(&draft.template);
    draft.pods.iter().map(|pod| requests::priority(&pod.spec)).filter(|p| *p != new).collect()
}

fn with_volumes(shape: &PodShape, asked: &volumes::Asked) -> PodShape {
    let mut shape = PodShape { volumes: asked.volumes.clone(), ..shape.clone() };
    shape.requests.disks = asked.disks;
    shape
}

/// The shape of a workload's pods. Which images a node holds changes with every reimage and is not simulated.
fn shape(full: &Snapshot, draft: &Draft, extended: &[String]) -> PodShape {
    let labels = shapes::common_labels(&draft.labels);
    let asking = shapes::Asking {
        template: &draft.template,
        namespace: &draft.namespace,
        labels: &labels,
        like_it: peers::of_draft(full, draft, &labels),
    };
    PodShape { images: Vec::new(), ..shapes::pod_shape(&asking, extended) }
}

/// What is looked up for each workload.
struct Context<'a> {
    full: &'a Snapshot,
    settings: &'a ChangeSettings,
    /// Measured CPU and memory by namespace and pod.
    cpu: BTreeMap<(&'a str, &'a str), i64>,
    memory: BTreeMap<(&'a str, &'a str), i64>,
    application_pods: usize,
    nodes: u32,
    cores: u32,
    ladder: bool,
    /// By namespace, kind and name of what they scale.
    autoscalers: BTreeMap<(&'a str, &'a str, &'a str), &'a Autoscaler>,
}

impl<'a> Context<'a> {
    fn of(full: &'a Snapshot, drafts: &[Draft], settings: &'a ChangeSettings) -> Context<'a> {
        let application = drafts.iter().filter(|d| d.role == Role::Application && d.kind != WorkloadKind::DaemonSet);
        let usable = full.nodes.iter().filter(|n| !n.cordoned);
        let (nodes, cores) = usable.fold((0, 0), |(n, c), node| (n + 1, c + node.capacity.cpu.max(0) / 1000));
        Context {
            full,
            settings,
            cpu: full.usage.iter().map(|u| ((u.namespace.as_str(), u.pod.as_str()), u.cpu)).collect(),
            memory: full.usage.iter().map(|u| ((u.namespace.as_str(), u.pod.as_str()), u.memory)).collect(),
            application_pods: application.map(|d| d.pods.len()).sum(),
            nodes,
            cores: u32::try_from(cores).unwrap_or(u32::MAX),
            autoscalers: full
                .autoscalers
                .iter()
                .map(|a| ((a.namespace.as_str(), a.target.0.as_str(), a.target.1.as_str()), a))
                .collect(),
            ladder: drafts.iter().any(|d| d.name == "coredns-autoscaler" && d.role != Role::Application),
        }
    }

    fn autoscaler(&self, draft: &Draft) -> Option<&'a Autoscaler> {
        let key = (draft.namespace.as_str(), draft.kind_name.as_str(), draft.name.as_str());
        self.autoscalers.get(&key).copied()
    }

    /// Mean of what was measured of the pods of a workload.
    fn measured(&self, draft: &Draft, usage: &BTreeMap<(&str, &str), i64>) -> Option<i64> {
        let of = |p: &&crate::snapshot::Pod| usage.get(&(p.namespace.as_str(), p.name.as_str())).copied();
        let values: Vec<i64> = draft.pods.iter().filter_map(of).collect();
        let sum = values.iter().fold(0i64, |sum, v| sum.saturating_add(*v));
        (!values.is_empty()).then(|| sum / values.len() as i64)
    }

    /// What the snapshot and the settings tell of cluster DNS.
    fn dns(&self, draft: &Draft, probed: bool, coverage: &mut Coverage) -> dns::Known {
        let assumed = draft.object.is_none_or(|object| object.assumed);
        dns::Known {
            queries: self.settings.dns_qps,
            lookups: self.settings.dns_lookups,
            external: self.settings.dns_external_share,
            application_pods: self.application_pods,
            nodes: self.full.nodes.len(),
            objects: self.full.pods.len() + self.full.services.len(),
            limit: requests::memory_limit(&draft.template),
            measured: self.measured(draft, &self.memory).filter(|memory| *memory > 0),
            // AKS' CoreDNS has one; an object without containers does not tell.
            probed: probed || assumed || draft.template.containers.is_empty(),
            cilium: self.full.cluster.network_dataplane.as_deref().is_some_and(|d| d.eq_ignore_ascii_case("cilium")),
            minor: control_plane_minor(&self.full.pools, &self.full.cluster, coverage),
        }
    }

    fn named_by_burst(&self, draft: &Draft) -> bool {
        let name = format!("{}/{}", draft.namespace, draft.name);
        self.settings.bursts.iter().any(|b| b.workload.as_ref() == Some(&name))
    }
}

fn workload(draft: &Draft, shape: PodShapeId, context: &Context, coverage: &mut Coverage) -> WorkloadSpec {
    let template = &draft.template;
    let probed = template.containers.iter().any(|c| c.readiness_probe);
    let mut life = pods::life_cycle(draft.role, on_windows(draft), probed, template.grace_seconds, coverage);
    if let Some(object) = draft.object {
        stated::apply(object, &mut life, coverage);
    }
    let scaling = scaling(draft, context, coverage);
    let scales_with_load = matches!(scaling, Some(Scaling::Utilisation { .. }));
    let service = (draft.role == Role::Dns).then(|| {
        let known = context.dns(draft, probed, coverage);
        dns::service(&known, coverage)
    });
    let cpu_use = match service {
        Some(ref s) => (s.rate * s.requests_per_demand * s.cpu_seconds * 1000.0 / f64::from(draft.replicas.max(1)))
            .ceil()
            .max(1.0)
            .min(shapes::MOST_CPU as f64) as i64,
        None => cpu_use(draft, &scaling, context, coverage),
    };
    WorkloadSpec {
        namespace: draft.namespace.clone(),
        name: draft.name.clone(),
        kind: draft.kind,
        replicas: draft.replicas,
        shape,
        shapes: Vec::new(),
        minimum: minimum(draft, context.full, coverage),
        role: draft.role,
        pull: life.pull,
        image_bytes: None,
        start: life.start,
        readiness: life.readiness,
        grace: life.grace,
        exit: life.exit,
        unreachable: unreachable(&template.tolerations),
        follows_load: draft.role == Role::Dns
            || (matches!(draft.role, Role::Application | Role::Ingress) && scales_with_load)
            || context.named_by_burst(draft),
        scaling,
        cpu_use,
        cpu_limit: requests::cpu_limit(template).map(|l| l.min(shapes::MOST_CPU)),
        memory: memory(draft, context, coverage),
        service,
        gated: draft.gated(),
        control: draft.control(),
        duty: duties::of(context.full, draft),
    }
}

/// Memory of a pod: as measured, else as much as it asks for.
fn memory(draft: &Draft, context: &Context, coverage: &mut Coverage) -> Memory {
    let limit = requests::memory_limit(&draft.template).map(|l| l.min(shapes::MOST));
    let used = context.measured(draft, &context.memory).map(|m| m.clamp(0, shapes::MOST));
    if used.is_none() {
        demand::note_memory(coverage);
    }
    Memory { used, limit, with_load: 0.0 }
}

/// Up replicas below which the workload counts as out.
fn minimum(draft: &Draft, full: &Snapshot, coverage: &mut Coverage) -> Option<u32> {
    if let Some(text) = draft.object.and_then(|o| o.annotations.get(MINIMUM)) {
        match text.parse::<u32>() {
            Ok(n) if n <= draft.replicas => return Some(n).filter(|n| *n > 0),
            _ => coverage.missing(format!(
                "annotation {MINIMUM} of {}/{} is {text:?}, not a count up to its {} replicas; it was not followed",
                draft.namespace, draft.name, draft.replicas
            )),
        }
    }
    let watched =
        draft.role != Role::Application && matches!(draft.kind, WorkloadKind::Deployment | WorkloadKind::StatefulSet);
    if !watched || draft.replicas == 0 {
        return None;
    }
    let held = full.budgets.iter().filter(|b| b.namespace == draft.namespace && b.selects(&draft.labels)).map(|b| {
        match b.rule {
            BudgetRule::MinAvailable(q) => q.of(draft.replicas),
            BudgetRule::MaxUnavailable(q) => draft.replicas.saturating_sub(q.of(draft.replicas)),
        }
    });
    Some(held.max().unwrap_or(1).clamp(1, draft.replicas))
}

fn scaling(draft: &Draft, context: &Context, coverage: &mut Coverage) -> Option<Scaling> {
    if let Some(hpa) = context.autoscaler(draft) {
        let Some(target_percent) = hpa.cpu_percent else {
            coverage.missing(format!(
                "HorizontalPodAutoscaler {}/{} scales on other metrics than CPU; its replicas stay",
                hpa.namespace, hpa.name
            ));
            return None;
        };
        let (min, max) = (hpa.min.max(1), hpa.max.max(hpa.min).max(1));
        return Some(Scaling::Utilisation { min, max, target_percent });
    }
    if draft.role == Role::Metrics && draft.template.containers.iter().any(|c| c.name == SIZER) {
        return Some(sized(coverage));
    }
    if draft.role != Role::Dns || !context.ladder {
        return None;
    }
    if dns_replicas(context.nodes, context.cores) != draft.replicas {
        coverage.missing("CoreDNS has other replicas than the default ladder gives; its autoscaler is not simulated");
        return None;
    }
    coverage.assume(
        "ladder of CoreDNS replicas",
        "nodes 1:2 8:3 16:4 32:5, cores 1:2 512:3 1024:4 2048:5",
        "AKS docs, coredns-autoscale",
        'A',
    );
    Some(Scaling::Ladder { cores: LADDER_CORES.to_vec(), nodes: LADDER_NODES.to_vec() })
}

/// AKS starts addon-resizer 1.8.23 with `--poll-period=180000 --threshold=5` (AKS docs, use-metrics-server-vertical-pod-autoscaler).
fn sized(coverage: &mut Coverage) -> Scaling {
    coverage.assume(
        "sizing of metrics-server",
        "155m + 1m CPU and 126Mi + 8Mi a node, looked at every 180 s, replaced beyond 5 %",
        "AKS docs, use-metrics-server-vertical-pod-autoscaler; amounts fit dumps of 1.30 and 1.32",
        'B',
    );
    Scaling::Sized { lines: vec![(155, 1), (126, 8)], threshold_percent: 5, poll: Duration::secs(180) }
}

fn cpu_use(draft: &Draft, scaling: &Option<Scaling>, context: &Context, coverage: &mut Coverage) -> i64 {
    if let Some(measured) = context.measured(draft, &context.cpu) {
        return measured.clamp(0, shapes::MOST_CPU);
    }
    let request = requests::effective(&draft.template).cpu.clamp(0, shapes::MOST_CPU);
    match scaling {
        Some(Scaling::Utilisation { target_percent, .. }) if request > 0 => {
            coverage.assume(
                "CPU use of autoscaled pods not measured",
                "their autoscaler's target",
                "an autoscaler holds it there",
                'B',
            );
            ((request as f64 * target_percent / 100.0) as i64).min(shapes::MOST_CPU)
        }
        _ if draft.role == Role::Application => demand::application_cpu(request, coverage),
        _ => demand::system_cpu(request, coverage),
    }
}

/// How long an unreachable node is tolerated (Kubernetes v1.34 `getMinTolerationTime`): the shortest time of the tolerations
/// that match, for ever where none of them has one, not at all where none matches.
fn unreachable(tolerations: &[Toleration]) -> Option<Duration> {
    let taint = simulator::spec::Taint {
        key: "node.kubernetes.io/unreachable".into(),
        value: String::new(),
        effect: simulator::spec::Effect::NoExecute,
    };
    let matching: Vec<&Toleration> =
        tolerations.iter().filter(|t| crate::matching::tolerates(std::slice::from_ref(*t), &taint)).collect();
    if matching.is_empty() {
        return Some(Duration::ZERO);
    }
    matching.iter().filter_map(|t| t.seconds).min().map(|s| Duration::secs(s.min(365 * 86_400)))
}

fn on_windows(draft: &Draft) -> bool {
    draft.template.node_selector.get("kubernetes.io/os").is_some_and(|os| os == "windows")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tolerance_of_an_unreachable_node() {
        use simulator::spec::Effect;
        let t =
            |key: Option<&str>, effect, seconds| Toleration { key: key.map(Into::into), value: None, effect, seconds };
        let key = Some("node.kubernetes.io/unreachable");
        for (tolerations, expected) in [
            (vec![], Some(0)),
            (vec![t(key, Some(Effect::NoExecute), Some(300))], Some(300)),
            (vec![t(key, None, Some(30)), t(None, None, None)], Some(30)),
            (vec![t(None, Some(Effect::NoExecute), None)], None),
            (vec![t(key, Some(Effect::NoSchedule), None)], Some(0)),
        ] {
            assert_eq!(unreachable(&tolerations), expected.map(Duration::secs), "{tolerations:?}");
        }
    }
}

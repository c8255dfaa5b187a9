//! From Kubernetes objects as written to [`super::object`]: one function per kind, each with the defaults the API server fills
//! in (Kubernetes v1.34), so that objects read the same whether they come from a server or from a manifest.

use serde::de::DeserializeOwned;
use serde_json::Value;
use simulator::spec::{BudgetRule, Effect, NodeTerm, Operator, Quantity, Requirement};

use super::object::{
    Amounts, Autoscaler, Budget, Container, HostPort, Labels, Node, Owner, Pod, PodTemplate, PodTerm, Requests,
    Selector, Service, SpreadConstraint, Usage, Workload,
};
use super::{owner, storage, wire};
use crate::complaint::Complaint;

/// The scheduler of pods that name none.
const DEFAULT_SCHEDULER: &str = "default-scheduler";

/// Kinds of workloads that are read.
pub(super) const WORKLOADS: [&str; 6] =
    ["Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "ReplicationController"];

pub(super) type Result<T> = std::result::Result<T, Complaint>;

pub(super) fn node(value: Value, path: &str) -> Result<Node> {
    let object: wire::Object<wire::NodeSpec, wire::NodeStatus> = typed(value, path)?;
    let meta = named(object.metadata, path)?;
    let mut taints = Vec::new();
    for (i, t) in object.spec.taints.into_iter().enumerate() {
        let effect = effect(&t.effect).ok_or_else(|| {
            Complaint::at(
                format!("{path}.spec.taints[{i}].effect"),
                &t.effect,
                "NoSchedule, PreferNoSchedule or NoExecute",
            )
        })?;
        taints.push(simulator::spec::Taint { key: t.key, value: t.value, effect });
    }
    Ok(Node {
        name: meta.name,
        labels: meta.labels,
        annotations: meta.annotations,
        created: meta.creation_timestamp,
        cordoned: object.spec.unschedulable,
        taints,
        allocatable: amounts(&object.status.allocatable),
        capacity: amounts(&object.status.capacity),
        ready: is_ready(&object.status.conditions),
        version: object.status.node_info.kubelet_version,
        images: images(object.status.images),
        assumed: false,
    })
}

pub(super) fn pod(value: Value, path: &str) -> Result<Pod> {
    let object: wire::Object<wire::PodSpec, wire::PodStatus> = typed(value, path)?;
    let meta = named(object.metadata, path)?;
    let node = object.spec.node_name.clone().filter(|n| !n.is_empty());
    let mut spec = PodTemplate {
        node_name: None,
        annotations: meta.annotations.clone(),
        ..template(object.spec, &format!("{path}.spec"))?
    };
    Ok(Pod {
        claims: std::mem::take(&mut spec.claims),
        spec: spec.into(),
        namespace: namespace(&meta),
        owner: controller(&meta),
        deleting: meta.deletion_timestamp.is_some(),
        name: meta.name,
        labels: meta.labels.into(),
        node,
        phase: object.status.phase,
        started: object.status.start_time,
        nominated: object.status.nominated_node_name.filter(|n| !n.is_empty()),
        ready: is_ready(&object.status.conditions),
        annotations: meta.annotations.into(),
        assumed: false,
    })
}

pub(super) fn workload(kind: &str, value: Value, path: &str) -> Result<Workload> {
    let object: wire::Object<wire::WorkloadSpec, wire::WorkloadStatus> = typed(value, path)?;
    let meta = named(object.metadata, path)?;
    let (spec, status) = (object.spec, object.status);
    let (wanted, ready, field) = match kind {
        "DaemonSet" => (Some(status.desired_number_scheduled), status.number_ready, "status.desiredNumberScheduled"),
        "Job" => (spec.parallelism, status.ready, "spec.parallelism"),
        _ => (spec.replicas, status.ready_replicas, "spec.replicas"),
    };
    Ok(Workload {
        control: owner::control(kind, &spec, &status, path)?,
        newest: owner::newest(kind, &meta.annotations, &spec, &status),
        kind: kind.to_owned(),
        namespace: namespace(&meta),
        owner: controller(&meta),
        name: meta.name,
        labels: meta.labels,
        annotations: meta.annotations,
        replicas: count(wanted.unwrap_or(1), path, field)?,
        ready_replicas: u32::try_from(ready).unwrap_or(0),
        selector: selector(spec.selector, &format!("{path}.spec.selector"))?,
        pod_labels: spec.template.metadata.labels,
        template: PodTemplate {
            annotations: spec.template.metadata.annotations,
            ..template(spec.template.spec, &format!("{path}.spec.template.spec"))?
        },
        claim_templates: spec.volume_claim_templates.into_iter().map(|t| t.kept()).collect(),
        assumed: false,
    })
}

pub(super) fn budget(value: Value, path: &str) -> Result<Budget> {
    let object: wire::Object<wire::BudgetSpec, wire::BudgetStatus> = typed(value, path)?;
    let meta = named(object.metadata, path)?;
    let (spec, status) = (object.spec, object.status);
    let rule = match (&spec.min_available, &spec.max_unavailable) {
        (_, Some(most)) => BudgetRule::MaxUnavailable(quantity(most, path, "spec.maxUnavailable")?),
        (Some(least), None) => BudgetRule::MinAvailable(quantity(least, path, "spec.minAvailable")?),
        // Kubernetes v1.34 disruption controller: without either it expects no pods, and then allows none to go.
        (None, None) => BudgetRule::MaxUnavailable(Quantity::Count(0)),
    };
    Ok(Budget {
        namespace: namespace(&meta),
        name: meta.name,
        selector: spec.selector.map(|s| selector(s, &format!("{path}.spec.selector"))).transpose()?,
        rule,
        always_allow_unhealthy: spec.unhealthy_pod_eviction_policy.as_deref() == Some("AlwaysAllow"),
        disruptions_allowed: status.disruptions_allowed,
        current_healthy: status.current_healthy,
        desired_healthy: status.desired_healthy,
        expected_pods: status.expected_pods,
        disrupted: status.disrupted_pods.into_keys().collect(),
        assumed: false,
    })
}

/// A ReplicationController selects by plain labels, where its like have a selector with conditions.
pub(super) fn controller_of_old(value: Value, path: &str) -> Result<Workload> {
    let object: wire::Object<wire::ControllerSpec, wire::WorkloadStatus> = typed(value, path)?;
    let meta = named(object.metadata, path)?;
    let spec = object.spec;
    Ok(Workload {
        kind: "ReplicationController".into(),
        namespace: namespace(&meta),
        owner: controller(&meta),
        name: meta.name,
        labels: meta.labels,
        annotations: meta.annotations,
        replicas: count(spec.replicas.unwrap_or(1), path, "spec.replicas")?,
        ready_replicas: u32::try_from(object.status.ready_replicas).unwrap_or(0),
        selector: Selector { labels: spec.selector, expressions: Vec::new() },
        pod_labels: spec.template.metadata.labels,
        template: PodTemplate {
            annotations: spec.template.metadata.annotations,
            ..template(spec.template.spec, &format!("{path}.spec.template.spec"))?
        },
        claim_templates: Vec::new(),
        control: simulator::spec::Control::default(),
        newest: super::object::Newest::Any,
        assumed: false,
    })
}

pub(super) fn service(value: Value, path: &str) -> Result<Service> {
    let object: wire::Object<wire::ServiceSpec, wire::Nothing> = typed(value, path)?;
    let meta = named(object.metadata, path)?;
    let spec = object.spec;
    Ok(Service {
        namespace: namespace(&meta),
        name: meta.name,
        balanced: spec.kind == "LoadBalancer",
        local: spec.external_traffic_policy == "Local",
        selector: spec.selector,
    })
}

/// Name of an IngressClass and the controller it names.
pub(super) fn ingress_class(value: Value, path: &str) -> Result<(String, String)> {
    let object: wire::Object<wire::IngressClassSpec, wire::Nothing> = typed(value, path)?;
    let meta = named(object.metadata, path)?;
    Ok((meta.name, object.spec.controller))
}

/// Name and labels of a namespace.
pub(super) fn namespace_labels(value: Value, path: &str) -> Result<(String, Labels)> {
    let object: wire::Object<wire::Nothing, wire::Nothing> = typed(value, path)?;
    let meta = named(object.metadata, path)?;
    Ok((meta.name, meta.labels))
}

/// Images by name; of several entries with one name the last counts, as in the scheduler's view of a node.
fn images(list: Vec<wire::Image>) -> std::collections::BTreeMap<String, i64> {
    list.into_iter()
        .flat_map(|image| image.names.into_iter().map(move |name| (name, image.size_bytes.max(0))))
        .collect()
}

pub(super) fn autoscaler(value: Value, path: &str) -> Result<Autoscaler> {
    let object: wire::Object<wire::AutoscalerSpec, wire::Nothing> = typed(value, path)?;
    let meta = named(object.metadata, path)?;
    let spec = object.spec;
    let metric = spec.metrics.iter().find(|m| m.kind == "Resource" && m.resource.name == "cpu");
    let cpu = metric.and_then(|m| m.resource.target.average_utilization.or(m.resource.target_average_utilization));
    Ok(Autoscaler {
        namespace: namespace(&meta),
        name: meta.name,
        target: (spec.scale_target_ref.kind, spec.scale_target_ref.name),
        min: count(spec.min_replicas.unwrap_or(1), path, "spec.minReplicas")?,
        max: count(spec.max_replicas, path, "spec.maxReplicas")?,
        // Kubernetes v1.34 defaults an autoscaler without metrics to 80 % of CPU.
        cpu_percent: cpu
            .or(spec.target_cpu.map(|p| p as f64))
            .or(spec.metrics.is_empty().then_some(80.0))
            .filter(|p| p.is_finite() && *p > 0.0),
    })
}

pub(super) fn usage(value: Value, path: &str) -> Result<Usage> {
    let object: wire::PodMetrics = typed(value, path)?;
    let meta = named(object.metadata, path)?;
    let (mut cpu, mut memory) = (0i64, 0i64);
    for container in &object.containers {
        let used = requests(&container.usage);
        cpu = cpu.saturating_add(used.cpu.unwrap_or(0));
        memory = memory.saturating_add(used.memory.unwrap_or(0));
    }
    Ok(Usage { namespace: namespace(&meta), pod: meta.name, cpu, memory })
}

/// Name and value of a PriorityClass; the class of pods that name none has no name here.
pub(super) fn priority_class(value: Value, path: &str) -> Result<Vec<(String, i32)>> {
    let class: wire::PriorityClass = typed(value, path)?;
    let default = class.global_default.then(|| (String::new(), class.value));
    let name = named(class.metadata, path)?.name;
    Ok([(name, class.value)].into_iter().chain(default).collect())
}

/// Reads a value into a wire struct; what does not fit is named by its path.
pub(super) fn typed<T: DeserializeOwned>(value: Value, path: &str) -> Result<T> {
    serde_path_to_error::deserialize(value).map_err(|e| {
        let inner = e.path().to_string();
        let at = if inner == "." { path.to_owned() } else { format!("{path}.{inner}") };
        let text = e.into_inner().to_string();
        // serde says `invalid type: string "x", expected u32`.
        let (found, expected) = text.split_once(", expected ").unwrap_or((&text, "a value that fits"));
        let found = ["invalid type: ", "invalid value: "].iter().find_map(|p| found.strip_prefix(p)).unwrap_or(found);
        Complaint::at(at, found, expected)
    })
}

pub(super) fn named(meta: wire::Meta, path: &str) -> Result<wire::Meta> {
    if meta.name.is_empty() {
        Err(Complaint::at(format!("{path}.metadata.name"), "nothing", "a name"))
    } else {
        Ok(meta)
    }
}

pub(super) fn namespace(meta: &wire::Meta) -> String {
    meta.namespace.clone().unwrap_or_else(|| "default".into())
}

fn controller(meta: &wire::Meta) -> Option<Owner> {
    let owners = &meta.owner_references;
    owners
        .iter()
        .find(|o| o.controller)
        .or_else(|| owners.first())
        .map(|o| Owner { kind: o.kind.clone(), name: o.name.clone() })
}

fn is_ready(conditions: &[wire::Condition]) -> bool {
    conditions.iter().any(|c| c.kind == "Ready" && c.status == "True")
}

/// Most replicas, minimum or maximum that is taken for meant.
const MOST: i64 = 1_000_000;

fn count(n: i64, path: &str, field: &str) -> Result<u32> {
    u32::try_from(n)
        .ok()
        .filter(|_| n <= MOST)
        .ok_or_else(|| Complaint::at(format!("{path}.{field}"), n, format!("a count from 0 to {MOST}")))
}

pub(super) fn quantity(value: &wire::IntOrString, path: &str, field: &str) -> Result<Quantity> {
    let (read, shown) = match value {
        wire::IntOrString::Int(n) => (u32::try_from(*n).ok().map(Quantity::Count), n.to_string()),
        wire::IntOrString::Text(t) => {
            (t.strip_suffix('%').and_then(|p| p.parse().ok()).map(Quantity::Percent), t.clone())
        }
    };
    read.ok_or_else(|| Complaint::at(format!("{path}.{field}"), shown, "a count, or a percentage such as \"50%\""))
}

fn effect(text: &str) -> Option<Effect> {
    Some(match text {
        "NoSchedule" => Effect::NoSchedule,
        "PreferNoSchedule" => Effect::PreferNoSchedule,
        "NoExecute" => Effect::NoExecute,
        _ => return None,
    })
}

fn amounts(list: &wire::ResourceList) -> Amounts {
    let r = requests(list);
    let pods = r.other.get("pods").copied().unwrap_or(0);
    let mut other = r.other;
    other.remove("pods");
    Amounts { cpu: r.cpu.unwrap_or(0), memory: r.memory.unwrap_or(0), ephemeral: r.ephemeral.unwrap_or(0), pods, other }
}

fn requests(list: &wire::ResourceList) -> Requests {
    let mut out = Requests::default();
    for (name, amount) in list {
        // Negative amounts are refused by the API server; nothing is the nearest to them.
        match name.as_str() {
            "cpu" => out.cpu = Some(amount.0.milli().max(0)),
            "memory" => out.memory = Some(amount.0.value().max(0)),
            "ephemeral-storage" => out.ephemeral = Some(amount.0.value().max(0)),
            _ => {
                out.other.insert(name.clone(), amount.0.value().max(0));
            }
        }
    }
    out
}

fn template(spec: wire::PodSpec, path: &str) -> Result<PodTemplate> {
    let affinity = spec.affinity;
    let (node, pod, anti) = (affinity.node_affinity, affinity.pod_affinity, affinity.pod_anti_affinity);
    let at = format!("{path}.affinity.nodeAffinity");
    let pods = format!("{path}.affinity");
    let required = |list: Vec<wire::PodTerm>| list.into_iter().map(|t| pod_term(t, &pods)).collect::<Result<Vec<_>>>();
    let preferred = |list: Vec<wire::PreferredPods>, sign: i64| {
        let weighted = list.into_iter().map(|p| Ok((sign * p.weight, pod_term(p.pod_affinity_term, &pods)?)));
        weighted.collect::<Result<Vec<_>>>()
    };
    let mut preferred_pods = preferred(pod.preferred_during_scheduling_ignored_during_execution, 1)?;
    preferred_pods.extend(preferred(anti.preferred_during_scheduling_ignored_during_execution, -1)?);
    Ok(PodTemplate {
        spread: spec
            .topology_spread_constraints
            .into_iter()
            .map(|c| spread(c, &format!("{path}.topologySpreadConstraints")))
            .collect::<Result<_>>()?,
        pod_affinity: required(pod.required_during_scheduling_ignored_during_execution)?,
        pod_anti_affinity: required(anti.required_during_scheduling_ignored_during_execution)?,
        preferred_pods,
        containers: spec.containers.into_iter().map(|c| container(c, spec.host_network, false)).collect(),
        init_containers: spec.init_containers.into_iter().map(|c| container(c, spec.host_network, true)).collect(),
        overhead: amounts(&spec.overhead),
        pod_requests: spec.resources.as_ref().map(|r| requests(&r.requests)),
        pod_limits: spec.resources.as_ref().map(|r| requests(&r.limits)),
        node_selector: spec.node_selector,
        required: node
            .required_during_scheduling_ignored_during_execution
            .map(|s| s.node_selector_terms.into_iter().map(|t| term(t, &at)).collect::<Result<_>>())
            .transpose()?,
        preferred: node
            .preferred_during_scheduling_ignored_during_execution
            .into_iter()
            .map(|p| Ok((p.weight, term(p.preference, &at)?)))
            .collect::<Result<_>>()?,
        tolerations: spec
            .tolerations
            .into_iter()
            .enumerate()
            .map(|(i, t)| toleration(t, i, path))
            .collect::<Result<_>>()?,
        priority: spec.priority,
        priority_class: spec.priority_class_name.filter(|c| !c.is_empty()),
        never_preempts: spec.preemption_policy.as_deref() == Some("Never"),
        grace_seconds: spec.termination_grace_period_seconds.map(|s| u64::try_from(s).unwrap_or(0)),
        node_name: spec.node_name.filter(|n| !n.is_empty()),
        local_storage: spec.volumes.iter().any(keeps_data),
        claims: storage::read::references(&spec.volumes),
        scheduler: spec.scheduler_name.filter(|name| !name.is_empty() && name != DEFAULT_SCHEDULER),
        gates: spec.scheduling_gates.into_iter().map(|gate| gate.name).collect(),
        annotations: Labels::new(),
    })
}

/// True for volumes whose data stay on the node: `hostPath`, and `emptyDir` unless in memory.
fn keeps_data(volume: &std::collections::BTreeMap<String, Value>) -> bool {
    let in_memory = |v: &Value| v.get("medium").and_then(Value::as_str) == Some("Memory");
    volume.contains_key("hostPath") || volume.get("emptyDir").is_some_and(|v| !in_memory(v))
}

fn container(c: wire::Container, host_network: bool, init: bool) -> Container {
    let limits = requests(&c.resources.limits);
    let given = requests(&c.resources.requests);
    let mut other = limits.other.clone();
    other.extend(given.other);
    // The API server lets a missing request take the value of the limit (SetDefaults_Pod).
    let requests = Requests {
        cpu: given.cpu.or(limits.cpu),
        memory: given.memory.or(limits.memory),
        ephemeral: given.ephemeral.or(limits.ephemeral),
        other,
    };
    Container {
        name: c.name,
        requests,
        limits,
        sidecar: init && c.restart_policy.as_deref() == Some("Always"),
        host_ports: c.ports.into_iter().filter_map(|p| host_port(p, host_network)).collect(),
        readiness_probe: c.readiness_probe.is_some(),
        image: c.image,
    }
}

/// On the host's network every container port is a port of the node (SetDefaults_PodSpec).
fn host_port(p: wire::Port, host_network: bool) -> Option<HostPort> {
    let port = p.host_port.filter(|n| *n != 0).or(host_network.then_some(p.container_port)).filter(|n| *n != 0)?;
    Some(HostPort {
        ip: p.host_ip.filter(|ip| !ip.is_empty()).unwrap_or_else(|| "0.0.0.0".into()),
        protocol: p.protocol.filter(|p| !p.is_empty()).unwrap_or_else(|| "TCP".into()),
        port,
    })
}

fn toleration(t: wire::Toleration, i: usize, path: &str) -> Result<simulator::spec::Toleration> {
    let at = |field: &str| format!("{path}.tolerations[{i}].{field}");
    let value = match t.operator.as_str() {
        "Exists" => None,
        "" | "Equal" => Some(t.value),
        other => return Err(Complaint::at(at("operator"), other, "Exists or Equal")),
    };
    let effect = match t.effect.as_str() {
        "" => None,
        text => Some(
            effect(text)
                .ok_or_else(|| Complaint::at(at("effect"), text, "NoSchedule, PreferNoSchedule or NoExecute"))?,
        ),
    };
    let key = Some(t.key).filter(|k| !k.is_empty());
    // Negative means at once.
    Ok(simulator::spec::Toleration {
        key,
        value,
        effect,
        seconds: t.toleration_seconds.map(|s| u64::try_from(s).unwrap_or(0)),
    })
}

pub(super) fn term(t: wire::Term, path: &str) -> Result<NodeTerm> {
    let read = |list: Vec<wire::Expression>| list.into_iter().map(|e| requirement(e, path)).collect::<Result<Vec<_>>>();
    Ok(NodeTerm { expressions: read(t.match_expressions)?, fields: read(t.match_fields)? })
}

fn pod_term(t: wire::PodTerm, path: &str) -> Result<PodTerm> {
    let keys = |list: Vec<String>, found: bool| list.into_iter().map(move |key| (key, found));
    Ok(PodTerm {
        term: simulator::spec::PodTerm {
            key: t.topology_key,
            selector: t.label_selector.map(|s| selector(s, path)).transpose()?,
            namespaces: t.namespaces,
            namespace_selector: t.namespace_selector.map(|s| selector(s, path)).transpose()?,
        },
        label_keys: keys(t.match_label_keys, true).chain(keys(t.mismatch_label_keys, false)).collect(),
    })
}

/// Defaults: one domain, the pod's node affinity honoured, taints ignored (Kubernetes v1.34 `TopologySpreadConstraint`).
fn spread(c: wire::SpreadConstraint, path: &str) -> Result<SpreadConstraint> {
    let honours = |policy: Option<String>, default: bool| policy.map_or(default, |p| p == "Honor");
    Ok(SpreadConstraint {
        spread: simulator::spec::Spread {
            key: c.topology_key,
            // Sums of skews stay within 64 bits.
            max_skew: c.max_skew.clamp(0, i64::from(i32::MAX)),
            hard: c.when_unsatisfiable != "ScheduleAnyway",
            min_domains: c.min_domains.and_then(|n| usize::try_from(n).ok()).unwrap_or(1),
            honor_affinity: honours(c.node_affinity_policy, true),
            honor_taints: honours(c.node_taints_policy, false),
            selector: c.label_selector.map(|s| selector(s, path)).transpose()?,
        },
        label_keys: c.match_label_keys,
    })
}

pub(super) fn selector(s: wire::LabelSelector, path: &str) -> Result<Selector> {
    let expressions = s.match_expressions.into_iter().map(|e| requirement(e, path)).collect::<Result<_>>()?;
    Ok(Selector { labels: Labels::from_iter(s.match_labels), expressions })
}

/// The operator of a requirement by its name.
pub(super) fn operator(name: &str, path: &str) -> Result<Operator> {
    Ok(match name {
        "In" => Operator::In,
        "NotIn" => Operator::NotIn,
        "Exists" => Operator::Exists,
        "DoesNotExist" => Operator::DoesNotExist,
        "Gt" => Operator::Gt,
        "Lt" => Operator::Lt,
        other => {
            return Err(Complaint::at(path, other, "the operator In, NotIn, Exists, DoesNotExist, Gt or Lt"));
        }
    })
}

fn requirement(e: wire::Expression, path: &str) -> Result<Requirement> {
    let operator = operator(&e.operator, path)?;
    Ok(Requirement { key: e.key, operator, values: e.values })
}

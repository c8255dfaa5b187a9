//! Nodes and pods of a recorded case as the shapes the simulator knows.

use std::collections::BTreeMap;

use serde_json::Value;
use simulator::ZoneId;
use simulator::spec::{
    EXTENDED, Effect, HostPort, NodeShape, NodeTerm, Operator, PodShape, Requirement, Resources,
    Taint, Toleration,
};

use super::requests::{self, Amounts};

/// The resources every node may have beside the plain ones, as they occur in a case.
pub fn extended(case: &Value) -> Vec<String> {
    let plain = ["cpu", "memory", "ephemeral-storage", "pods"];
    let mut names: Vec<String> = Vec::new();
    for node in each(&case["nodes"]) {
        names.extend(requests::list(&node["status"]["allocatable"]).into_keys());
    }
    for pod in each(&case["pods"]).chain(each(&case["pending"])) {
        names.extend(requests::of(&pod["spec"]).into_keys());
    }
    names.retain(|name| !plain.contains(&&**name));
    names.sort();
    names.dedup();
    assert!(names.len() <= EXTENDED, "{names:?}");
    names
}

/// The items of a list; none where it is absent.
pub fn each(value: &Value) -> impl Iterator<Item = &Value> + Clone {
    value.as_array().into_iter().flatten()
}

/// The text of a field; empty where it is absent.
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

pub fn node_shape(node: &Value, extended: &[String]) -> NodeShape {
    let allocatable = resources(&requests::list(&node["status"]["allocatable"]), extended);
    let name = &node["metadata"]["name"];
    let mut labels = map(&node["metadata"]["labels"]);
    let hostname = labels.remove("kubernetes.io/hostname");
    assert!(
        hostname.is_none_or(|label| *name == *label),
        "the label of {name} is not its name"
    );
    let taints = each(&node["spec"]["taints"]).map(|taint| Taint {
        key: text(&taint["key"]),
        value: text(&taint["value"]),
        effect: effect(&taint["effect"]).unwrap(),
    });
    NodeShape {
        labels,
        taints: taints.collect(),
        allocatable,
        cores: allocatable.cpu,
        zone: ZoneId(0),
    }
}

pub fn pod_shape(pod: &Value, extended: &[String]) -> PodShape {
    let spec = &pod["spec"];
    let affinity = &spec["affinity"]["nodeAffinity"];
    let required = &affinity["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"];
    let preferred = each(&affinity["preferredDuringSchedulingIgnoredDuringExecution"]);
    PodShape {
        requests: Resources {
            pods: 1,
            ..resources(&requests::of(spec), extended)
        },
        score_requests: requests::score_incoming(spec),
        labels: map(&pod["metadata"]["labels"]),
        node_selector: map(&spec["nodeSelector"]),
        required: each(required).map(term).collect(),
        preferred: preferred
            .map(|p| (p["weight"].as_i64().unwrap(), term(&p["preference"])))
            .collect(),
        tolerations: each(&spec["tolerations"]).map(toleration).collect(),
        priority: spec["priority"].as_i64().unwrap_or(0) as i32,
        preempts: spec["preemptionPolicy"] != "Never",
        host_ports: host_ports(spec),
        node_name: None,
    }
}

fn resources(amounts: &Amounts, extended: &[String]) -> Resources {
    let amount = |name: &str| amounts.get(name).copied().unwrap_or(0);
    Resources {
        cpu: amount("cpu"),
        memory: amount("memory"),
        ephemeral: amount("ephemeral-storage"),
        pods: amount("pods"),
        extended: std::array::from_fn(|i| extended.get(i).map_or(0, |name| amount(name))),
    }
}

pub fn map(value: &Value) -> BTreeMap<String, String> {
    value
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| (key.clone(), text(value)))
        .collect()
}

fn effect(value: &Value) -> Option<Effect> {
    match value.as_str().unwrap_or_default() {
        "" => None,
        "NoSchedule" => Some(Effect::NoSchedule),
        "PreferNoSchedule" => Some(Effect::PreferNoSchedule),
        "NoExecute" => Some(Effect::NoExecute),
        other => panic!("effect {other}"),
    }
}

fn toleration(value: &Value) -> Toleration {
    Toleration {
        key: value["key"].as_str().map(str::to_owned),
        value: (value["operator"] != "Exists").then(|| text(&value["value"])),
        effect: effect(&value["effect"]),
        seconds: value["tolerationSeconds"].as_u64(),
    }
}

fn term(value: &Value) -> NodeTerm {
    let all = |key: &str| each(&value[key]).map(requirement).collect();
    NodeTerm {
        expressions: all("matchExpressions"),
        fields: all("matchFields"),
    }
}

fn requirement(value: &Value) -> Requirement {
    let operator = match value["operator"].as_str().unwrap() {
        "In" => Operator::In,
        "NotIn" => Operator::NotIn,
        "Exists" => Operator::Exists,
        "DoesNotExist" => Operator::DoesNotExist,
        "Gt" => Operator::Gt,
        "Lt" => Operator::Lt,
        other => panic!("operator {other}"),
    };
    Requirement {
        key: text(&value["key"]),
        operator,
        values: each(&value["values"]).map(text).collect(),
    }
}

/// Ports of containers and sidecars; with `hostNetwork` every container port is one.
fn host_ports(spec: &Value) -> Vec<HostPort> {
    let sidecars = each(&spec["initContainers"]).filter(|c| c["restartPolicy"] == "Always");
    let ports = each(&spec["containers"])
        .chain(sidecars)
        .flat_map(|c| each(&c["ports"]));
    let ports = ports.filter_map(|port| {
        let host = port["hostPort"].as_u64().filter(|&n| n > 0);
        let host = host
            .or_else(|| (spec["hostNetwork"] == true).then(|| port["containerPort"].as_u64())?)?;
        Some(HostPort {
            ip: text(&port["hostIP"]),
            protocol: text(&port["protocol"]),
            port: host as u16,
        })
    });
    ports.collect()
}

//! Nodes and pods of a recorded case as the project's own reader of snapshots sees them, so that what it makes of
//! quantities, defaults, selectors and tolerations is compared along with the decisions.

use std::collections::{BTreeMap, BTreeSet};

use scenarios::intern::{pod_shape, requests};
use scenarios::snapshot::{Amounts, Node, Snapshot};
use serde_json::{Value, json};
use simulator::ZoneId;
use simulator::spec::{EXTENDED, NodeShape, PodShape, Resources};

/// Shapes by name; those of pods by `namespace/name`.
pub struct Objects {
    pub extended: Vec<String>,
    pub nodes: BTreeMap<String, NodeShape>,
    pub pods: BTreeMap<String, PodShape>,
}

impl Objects {
    pub fn read(case: &Value) -> Objects {
        let nodes = each(&case["nodes"]).map(|node| kind(node, "Node"));
        let pods = each(&case["pods"]).chain(each(&case["pending"])).map(|pod| kind(pod, "Pod"));
        let list = json!({"apiVersion": "v1", "kind": "List", "items": nodes.chain(pods).collect::<Vec<_>>()});
        let snapshot = Snapshot::from_json(list.to_string().as_bytes()).unwrap();
        let extended = extended(&snapshot);
        let nodes = snapshot.nodes.iter().map(|node| (node.name.clone(), node_shape(node, &extended)));
        let pods = snapshot
            .pods
            .iter()
            .map(|pod| (format!("{}/{}", pod.namespace, pod.name), pod_shape(&pod.spec, &pod.labels, &extended)));
        Objects { nodes: nodes.collect(), pods: pods.collect(), extended }
    }
}

fn kind(object: &Value, kind: &str) -> Value {
    let mut object = object.clone();
    object["apiVersion"] = json!("v1");
    object["kind"] = json!(kind);
    if kind == "Pod" && object["spec"]["nodeName"].is_null() {
        object["status"]["phase"] = json!("Pending");
    }
    object
}

fn extended(snapshot: &Snapshot) -> Vec<String> {
    let nodes = snapshot.nodes.iter().flat_map(|node| node.allocatable.other.keys().cloned());
    let pods = snapshot.pods.iter().flat_map(|pod| requests::effective(&pod.spec).other.into_keys());
    let names: BTreeSet<String> = nodes.chain(pods).collect();
    assert!(names.len() <= EXTENDED, "{names:?}");
    names.into_iter().collect()
}

fn node_shape(node: &Node, extended: &[String]) -> NodeShape {
    let mut labels = node.labels.clone();
    let hostname = labels.remove("kubernetes.io/hostname");
    assert!(hostname.is_none_or(|label| label == node.name), "the label of {} is not its name", node.name);
    let allocatable = resources(&node.allocatable, extended);
    NodeShape { labels, taints: node.taints.clone(), allocatable, cores: allocatable.cpu, zone: ZoneId(0) }
}

fn resources(amounts: &Amounts, extended: &[String]) -> Resources {
    let amount = |name: &String| amounts.other.get(name).copied().unwrap_or(0);
    Resources {
        cpu: amounts.cpu,
        memory: amounts.memory,
        ephemeral: amounts.ephemeral,
        pods: amounts.pods,
        extended: std::array::from_fn(|i| extended.get(i).map_or(0, amount)),
    }
}

/// The items of a list; none where it is absent.
pub fn each(value: &Value) -> impl Iterator<Item = &Value> + Clone {
    value.as_array().into_iter().flatten()
}

/// The text of a field; empty where it is absent.
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Texts by name; none where the field is absent.
pub fn map(value: &Value) -> BTreeMap<String, String> {
    value.as_object().into_iter().flatten().map(|(key, value)| (key.clone(), text(value))).collect()
}

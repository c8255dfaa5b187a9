//! What a recipe says of single nodes and pods: where pods run, what they were before, what was measured of them.

use crate::complaint::Complaint;
use crate::complete::nodes::ordinal;
use crate::intern::requests;
use crate::quantity::Quantity;
use crate::snapshot::{Snapshot, Usage};

use super::{RecipeFields, UseFields, WorkloadFields, quantity, split};

/// In place of a node: the pod has none yet.
const PENDING: &str = "pending";

/// Puts pods and nodes into the state that the recipe tells.
pub(super) fn arrange(recipe: &RecipeFields, snapshot: &mut Snapshot, path: &str) -> Result<(), Vec<Complaint>> {
    let mut complaints = Vec::new();
    for (i, pool) in recipe.pools.iter().enumerate() {
        for number in &pool.cordoned {
            let name = node_name(snapshot, &format!("{}/{number}", pool.name));
            let at = || Complaint::at(format!("{path}.pools[{i}].cordoned"), number, "the number of a node");
            match name.and_then(|name| snapshot.nodes.iter_mut().find(|n| n.name == name)) {
                Some(node) => node.cordoned = true,
                None => complaints.push(at()),
            }
        }
    }
    for (i, fields) in recipe.workloads.iter().enumerate() {
        let at = format!("{path}.workloads[{i}]");
        complaints.extend(place(fields, snapshot, &at));
        complaints.extend(fields.uses.as_ref().and_then(|uses| measure(fields, uses, snapshot, &at).err()));
    }
    complaints.extend(overfull(snapshot, path));
    if complaints.is_empty() { Ok(()) } else { Err(complaints) }
}

fn place(fields: &WorkloadFields, snapshot: &mut Snapshot, path: &str) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    let pods = pods_of(fields, snapshot);
    for &pod in pods.iter().filter(|_| fields.priority_before.is_some()) {
        snapshot.pods[pod].spec_mut().priority = fields.priority_before;
    }
    let stated: u64 = fields.on.iter().map(|place| u64::from(place.parts().1)).sum();
    if !fields.on.is_empty() && stated != pods.len() as u64 {
        let expected = format!("places for {} pods", pods.len());
        complaints.push(Complaint::at(format!("{path}.on"), format!("{stated} places"), expected));
    }
    let mut left = pods.into_iter();
    for (i, place) in fields.on.iter().enumerate() {
        let (written, number) = place.parts();
        let node = node_name(snapshot, written);
        if node.is_none() && written != PENDING {
            complaints.push(Complaint::at(format!("{path}.on[{i}]"), written, "a node as POOL/NUMBER, or pending"));
        }
        for pod in left.by_ref().take(number as usize) {
            let pod = &mut snapshot.pods[pod];
            let phase = if node.is_some() { "Running" } else { "Pending" };
            (pod.node, pod.ready, pod.phase) = (node.clone(), node.is_some(), phase.to_owned());
        }
    }
    complaints
}

fn measure(fields: &WorkloadFields, uses: &UseFields, snapshot: &mut Snapshot, path: &str) -> Result<(), Complaint> {
    let read = |key: &str, value: &serde_json::Value| {
        let text = quantity(value);
        let text = text.as_str().unwrap_or_default();
        Quantity::parse(text).map_err(|_| Complaint::at(format!("{path}.uses.{key}"), text, "a quantity"))
    };
    let (cpu, memory) = (read("cpu", &uses.cpu)?.milli(), read("memory", &uses.memory)?.value());
    for pod in pods_of(fields, snapshot) {
        let pod = &snapshot.pods[pod];
        let (namespace, pod) = (pod.namespace.clone(), pod.name.clone());
        snapshot.usage.push(Usage { namespace, pod, cpu, memory });
    }
    Ok(())
}

/// Rows of the pods of a workload, in order of name.
fn pods_of(fields: &WorkloadFields, snapshot: &Snapshot) -> Vec<usize> {
    let (namespace, name) = split(&fields.name);
    let own = |pod: &crate::snapshot::Pod| {
        pod.namespace == namespace && pod.owner.as_ref().is_some_and(|owner| owner.name == name)
    };
    snapshot.pods.iter().enumerate().filter(|(_, pod)| own(pod)).map(|(i, _)| i).collect()
}

/// The name of the node `POOL/NUMBER`.
pub(super) fn node_name(snapshot: &Snapshot, written: &str) -> Option<String> {
    let (pool, number) = written.split_once('/')?;
    let number: u32 = number.parse().ok()?;
    snapshot.nodes_of(pool).find(|n| ordinal(&n.name) == Some(number)).map(|n| n.name.clone())
}

/// A node that is asked for more than it has cannot have come about.
fn overfull(snapshot: &Snapshot, path: &str) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for node in &snapshot.nodes {
        let (mut cpu, mut memory) = (0i64, 0i64);
        for pod in snapshot.pods.iter().filter(|p| p.node.as_ref() == Some(&node.name)) {
            let asked = requests::effective(&pod.spec);
            cpu = cpu.saturating_add(asked.cpu);
            memory = memory.saturating_add(asked.memory);
        }
        let has = &node.allocatable;
        if cpu > has.cpu || memory > has.memory {
            let found = format!("{cpu}m CPU and {memory} bytes asked for on {}", node.name);
            let expected = format!("at most {}m and {}", has.cpu, has.memory);
            complaints.push(Complaint::at(path, found, expected));
        }
    }
    complaints
}

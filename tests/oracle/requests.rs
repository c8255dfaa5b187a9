//! What a pod requests, by the rules of the API server's defaulting and of k8s.io/component-helpers v0.34 `PodRequests`:
//! missing requests take the limit, init containers run before the others, sidecars beside them, overhead on top,
//! pod-level requests instead of all.

use std::collections::BTreeMap;

use serde_json::Value;

use super::quantity;

/// Amounts by resource name; CPU in thousandths.
pub type Amounts = BTreeMap<String, i64>;

/// What a container that asks for none counts as in scores.
const DEFAULTS: [(&str, i64); 2] = [("cpu", 100), ("memory", 200 << 20)];

/// Requests for the filters and for balanced allocation.
pub fn of(spec: &Value) -> Amounts {
    with_overhead(spec, instead(spec, containers(spec, &[])))
}

/// CPU and memory in the scores of a pod that is being placed: pod-level requests are overlooked (v1.34.1).
pub fn score_incoming(spec: &Value) -> (i64, i64) {
    cpu_memory(&with_overhead(spec, containers(spec, &DEFAULTS)))
}

/// CPU and memory in the scores of a pod that is bound.
pub fn score_bound(spec: &Value) -> (i64, i64) {
    let pod = pod_level(spec);
    let missing: Vec<_> = match pod.is_empty() {
        true => DEFAULTS.into(),
        false => DEFAULTS
            .into_iter()
            .filter(|(name, _)| of(spec).get(*name).is_none_or(|&n| n == 0))
            .collect(),
    };
    cpu_memory(&with_overhead(
        spec,
        instead(spec, containers(spec, &missing)),
    ))
}

fn cpu_memory(amounts: &Amounts) -> (i64, i64) {
    let amount = |name| amounts.get(name).copied().unwrap_or(0);
    (amount("cpu"), amount("memory"))
}

fn with_overhead(spec: &Value, mut amounts: Amounts) -> Amounts {
    add(&mut amounts, &list(&spec["overhead"]));
    amounts
}

fn instead(spec: &Value, mut amounts: Amounts) -> Amounts {
    amounts.extend(pod_level(spec));
    amounts
}

/// Containers together, init containers and sidecars in their order.
fn containers(spec: &Value, missing: &[(&str, i64)]) -> Amounts {
    let each = |key: &str| spec[key].as_array().cloned().unwrap_or_default();
    let mut running = Amounts::new();
    for container in each("containers") {
        add(&mut running, &container_requests(&container, missing));
    }
    let (mut sidecars, mut peak) = (Amounts::new(), Amounts::new());
    for container in each("initContainers") {
        let mut own = container_requests(&container, missing);
        if container["restartPolicy"] == "Always" {
            add(&mut running, &own);
            add(&mut sidecars, &own);
            own = sidecars.clone();
        } else {
            add(&mut own, &sidecars);
        }
        raise(&mut peak, &own);
    }
    raise(&mut running, &peak);
    running
}

fn container_requests(container: &Value, missing: &[(&str, i64)]) -> Amounts {
    let mut amounts = list(&container["resources"]["limits"]);
    amounts.extend(list(&container["resources"]["requests"]));
    for (name, amount) in missing {
        amounts.entry((*name).to_owned()).or_insert(*amount);
    }
    amounts
}

/// Pod-level requests, filled in from containers and limits where there are limits; only resources that may be set there.
fn pod_level(spec: &Value) -> Amounts {
    let allowed =
        |name: &String| name == "cpu" || name == "memory" || name.starts_with("hugepages-");
    let mut amounts = list(&spec["resources"]["requests"]);
    let limits = list(&spec["resources"]["limits"]);
    if !limits.is_empty() {
        for (name, amount) in containers(spec, &[]) {
            if name == "cpu" || name == "memory" {
                amounts.entry(name).or_insert(amount);
            }
        }
        for (name, amount) in limits {
            amounts.entry(name).or_insert(amount);
        }
    }
    amounts.retain(|name, _| allowed(name));
    amounts
}

/// A list of amounts as Kubernetes writes it.
pub fn list(value: &Value) -> Amounts {
    let entries = value.as_object().into_iter().flatten();
    entries
        .map(|(name, q)| (name.clone(), quantity::parse(q, name == "cpu")))
        .collect()
}

fn add(amounts: &mut Amounts, more: &Amounts) {
    for (name, amount) in more {
        *amounts.entry(name.clone()).or_insert(0) += amount;
    }
}

fn raise(amounts: &mut Amounts, to: &Amounts) {
    for (name, amount) in to {
        let entry = amounts.entry(name.clone()).or_insert(0);
        *entry = (*entry).max(*amount);
    }
}

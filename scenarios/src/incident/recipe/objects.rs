//! A recipe as a snapshot document: agent pools as `az` prints them, objects as `kubectl` does.

use serde_json::{Map, Value, json};

use super::{Apart, ApartFields, PoolFields, RecipeFields, TimeFields, WorkloadFields, quantity, split};
use crate::intern::stated;

/// Kubernetes version where the recipe gives none.
const VERSION: &str = "1.33.2";

/// The snapshot document.
pub(super) fn document(recipe: &RecipeFields, name: &str) -> Value {
    let version = recipe.version.as_deref().unwrap_or(VERSION);
    let mut cluster = json!({"name": name, "location": "westeurope", "kubernetesVersion": version});
    merge(&mut cluster, &recipe.properties);
    let pools: Vec<Value> = recipe.pools.iter().enumerate().map(|(i, p)| pool(p, i == 0, version)).collect();
    let mut items: Vec<Value> = recipe.workloads.iter().flat_map(workload).collect();
    items.extend(recipe.objects.iter().cloned().map(Value::Object));
    if !recipe.aks {
        // A cluster whose own workloads are known to be few: this keeps those of AKS from being added.
        items.push(json!({
            "apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"namespace": "kube-system", "name": "kube-proxy"},
            "spec": {"template": {"metadata": {"labels": {"app": "kube-proxy"}}, "spec": {"tolerations": [{"operator": "Exists"}],
                "containers": [{"name": "main", "image": "kube-proxy", "resources": {}}]}}}
        }));
        items.push(json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudgetList", "items": []}));
    }
    json!({"schema": "poolproof.snapshot/1", "cluster": cluster, "agentPools": pools, "items": items})
}

fn pool(fields: &PoolFields, first: bool, version: &str) -> Value {
    let mode = fields.mode.clone().unwrap_or_else(|| if first { "System" } else { "User" }.to_owned());
    let zones: Vec<String> = (1..=fields.zones).map(|z| z.to_string()).collect();
    let mut pool = json!({
        "name": fields.name, "mode": mode, "count": fields.count, "maxPods": 110,
        "vmSize": fields.vm_size.as_deref().unwrap_or("Standard_D4s_v5"),
        "osType": if fields.windows { "Windows" } else { "Linux" },
        "orchestratorVersion": version, "currentOrchestratorVersion": version,
        "availabilityZones": zones, "nodeTaints": fields.taints, "nodeLabels": fields.labels,
        "enableAutoScaling": fields.autoscale.is_some(), "powerState": {"code": "Running"},
        "upgradeSettings": fields.upgrade,
    });
    if let Some(range) = fields.autoscale {
        pool["minCount"] = json!(range.min);
        pool["maxCount"] = json!(range.max);
    }
    merge(&mut pool, &fields.properties);
    pool
}

/// The workload with its budget and autoscaler.
fn workload(fields: &WorkloadFields) -> Vec<Value> {
    let (namespace, name) = split(&fields.name);
    let kind = fields.kind.as_deref().unwrap_or("Deployment");
    let mut labels = json!({"app": name});
    merge(&mut labels, &fields.labels.iter().map(|(k, v)| (k.clone(), json!(v))).collect());
    let meta = json!({"namespace": namespace, "name": name, "annotations": annotations(fields)});
    let mut items = vec![json!({
        "apiVersion": "apps/v1", "kind": kind, "metadata": meta,
        "spec": {
            "replicas": fields.replicas.unwrap_or(1), "selector": {"matchLabels": {"app": name}},
            "strategy": {"rollingUpdate": fields.rollout}, "podManagementPolicy": "Parallel",
            "template": {"metadata": {"labels": labels}, "spec": pod(fields, name)},
        }
    })];
    if let Some(budget) = &fields.budget {
        let mut spec = json!({"selector": {"matchLabels": {"app": name}}});
        let mut put = |key: &str, value: &Option<Value>| value.iter().for_each(|v| spec[key] = v.clone());
        put("minAvailable", &budget.min_available);
        put("maxUnavailable", &budget.max_unavailable);
        if budget.always_allow_unhealthy {
            spec["unhealthyPodEvictionPolicy"] = json!("AlwaysAllow");
        }
        let meta = json!({"namespace": namespace, "name": format!("{name}-pdb")});
        items.push(json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": meta, "spec": spec}));
    }
    if let Some(range) = fields.autoscale {
        let target = json!({"type": "Utilization", "averageUtilization": range.cpu_percent.unwrap_or(60)});
        items.push(json!({
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
            "metadata": {"namespace": namespace, "name": name},
            "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": kind, "name": name},
                "minReplicas": range.min, "maxReplicas": range.max,
                "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]}
        }));
    }
    items
}

/// What the workload's object says of itself, beside what the recipe says of its times.
fn annotations(fields: &WorkloadFields) -> Map<String, Value> {
    let mut all: Map<String, Value> = fields.annotations.iter().map(|(k, v)| (k.clone(), json!(v))).collect();
    if let Some(minimum) = fields.minimum {
        all.insert(crate::intern::MINIMUM.to_owned(), json!(minimum.to_string()));
    }
    let times = [
        (stated::PULL, fields.pull_seconds),
        (stated::START, fields.start_seconds),
        (stated::READY, fields.ready_seconds),
        (stated::EXIT, fields.exit_seconds),
    ];
    for (key, time) in times {
        let text = time.map(|time| match time {
            TimeFields::Constant(seconds) => seconds.to_string(),
            TimeFields::LogNormal { median, sigma } => format!("{median} sigma {sigma}"),
        });
        all.extend(text.map(|text| (key.to_owned(), json!(text))));
    }
    all
}

fn pod(fields: &WorkloadFields, name: &str) -> Value {
    let amounts = |cpu: &Option<Value>, memory: &Option<Value>| {
        let mut all = Map::new();
        all.extend(cpu.iter().map(|v| ("cpu".to_owned(), quantity(v))));
        all.extend(memory.iter().map(|v| ("memory".to_owned(), quantity(v))));
        all
    };
    let mut container = json!({
        "name": "main", "image": name,
        "resources": {"requests": amounts(&fields.cpu, &fields.memory), "limits": amounts(&fields.cpu_limit, &fields.memory_limit)}
    });
    if fields.probe != Some(false) {
        container["readinessProbe"] = json!({"periodSeconds": 10});
    }
    let mut spec = json!({"containers": [container], "tolerations": tolerations(&fields.tolerates)});
    if let Some(pool) = &fields.pool {
        spec["nodeSelector"] = json!({"agentpool": pool});
    }
    if let Some(priority) = fields.priority {
        spec["priority"] = json!(priority);
    }
    if let Some(seconds) = fields.grace_seconds {
        spec["terminationGracePeriodSeconds"] = json!(seconds);
    }
    let selector = json!({"matchLabels": {"app": name}});
    if let Some(spread) = fields.spread {
        let unsatisfiable = if spread.hard { "DoNotSchedule" } else { "ScheduleAnyway" };
        spec["topologySpreadConstraints"] = json!([{
            "maxSkew": 1, "topologyKey": key(spread), "whenUnsatisfiable": unsatisfiable, "labelSelector": selector}]);
    }
    if let Some(apart) = fields.apart {
        let term = json!({"topologyKey": key(apart), "labelSelector": selector});
        spec["affinity"]["podAntiAffinity"] = if apart.hard {
            json!({"requiredDuringSchedulingIgnoredDuringExecution": [term]})
        } else {
            json!({"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "podAffinityTerm": term}]})
        };
    }
    merge(&mut spec, &fields.pod);
    spec
}

fn key(apart: ApartFields) -> &'static str {
    match apart.by {
        Apart::Node => "kubernetes.io/hostname",
        Apart::Zone => "topology.kubernetes.io/zone",
    }
}

fn tolerations(taints: &[String]) -> Vec<Value> {
    let toleration = |text: &String| {
        if text == "*" {
            return json!({"operator": "Exists"});
        }
        let (rest, effect) = text.rsplit_once(':').unwrap_or((text, ""));
        match rest.split_once('=') {
            Some((key, value)) => json!({"key": key, "operator": "Equal", "value": value, "effect": effect}),
            None => json!({"key": rest, "operator": "Exists", "effect": effect}),
        }
    };
    taints.iter().map(toleration).collect()
}

fn merge(object: &mut Value, further: &Map<String, Value>) {
    if let Value::Object(map) = object {
        map.extend(further.iter().map(|(key, value)| (key.clone(), value.clone())));
    }
}

//! What a pod asks for as a whole, as kube-scheduler v1.34 counts it (`resourcehelper.PodRequests`, `GetNonzeroRequests`):
//! containers and sidecars together, or the largest init container beside the sidecars started before it; pod-level requests
//! instead where given; overhead on top.

use std::collections::BTreeMap;

use crate::snapshot::{Amounts, Container, PodTemplate, Requests};

/// CPU a container without a request is scored with, in thousandths of a core.
const SCORED_CPU: i64 = 100;
/// Memory a container without a request is scored with, in bytes.
const SCORED_MEMORY: i64 = 200 << 20;

/// What the filter counts; `pods` is 1.
pub fn effective(pod: &PodTemplate) -> Amounts {
    let mut sum = aggregate(pod, |c| of(&c.requests, 0, 0));
    override_by_pod(pod, &mut sum);
    add(&mut sum, &pod.overhead);
    Amounts { pods: 1, ..sum }
}

/// CPU (thousandths of a core) and memory (bytes) as the scores count them on a pod that is bound. Where pod-level
/// resources are used, a container's default counts only if the pod as a whole asks for nothing
/// (`getNonMissingContainerRequests`).
pub fn scored(pod: &PodTemplate) -> (i64, i64) {
    let whole = effective(pod);
    let pod_level = [&pod.pod_requests, &pod.pod_limits].into_iter().flatten().any(|r| *r != Requests::default());
    let default = |asked: i64, default: i64| if pod_level && asked > 0 { 0 } else { default };
    let cpu = default(whole.cpu, SCORED_CPU);
    let memory = default(whole.memory, SCORED_MEMORY);
    let mut sum = aggregate(pod, |c| of(&c.requests, cpu, memory));
    override_by_pod(pod, &mut sum);
    add(&mut sum, &pod.overhead);
    (sum.cpu, sum.memory)
}

/// The same as NodeResourcesFit counts a pod with pod-level resources while it is being placed: v1.34.1 overlooks them there.
pub fn scored_when_placed(pod: &PodTemplate) -> (i64, i64) {
    let mut sum = aggregate(pod, |c| of(&c.requests, SCORED_CPU, SCORED_MEMORY));
    add(&mut sum, &pod.overhead);
    (sum.cpu, sum.memory)
}

/// CPU limit of the whole pod in thousandths of a core; `None` where a container has none.
pub fn cpu_limit(pod: &PodTemplate) -> Option<i64> {
    limit(pod, |limits| limits.cpu)
}

/// Memory limit of the whole pod in bytes; `None` where a container has none.
pub fn memory_limit(pod: &PodTemplate) -> Option<i64> {
    limit(pod, |limits| limits.memory)
}

fn limit(pod: &PodTemplate, of: impl Fn(&Requests) -> Option<i64>) -> Option<i64> {
    if let Some(limit) = pod.pod_limits.as_ref().and_then(&of) {
        return Some(limit);
    }
    let running = pod.containers.iter().chain(pod.init_containers.iter().filter(|c| c.sidecar));
    running
        .map(|c| of(&c.limits).filter(|l| *l > 0))
        .try_fold(0i64, |sum, l| Some(sum.saturating_add(l?)))
        .filter(|l| *l > 0)
}

/// Priority: as resolved on the pod, else by the classes every cluster has (Kubernetes v1.34), else 0.
pub fn priority(pod: &PodTemplate) -> i32 {
    pod.priority.unwrap_or(match pod.priority_class.as_deref() {
        Some("system-node-critical") => 2_000_001_000,
        Some("system-cluster-critical") => 2_000_000_000,
        _ => 0,
    })
}

fn of(r: &Requests, cpu: i64, memory: i64) -> Amounts {
    Amounts {
        cpu: r.cpu.unwrap_or(cpu),
        memory: r.memory.unwrap_or(memory),
        ephemeral: r.ephemeral.unwrap_or(0),
        pods: 0,
        other: r.other.clone(),
    }
}

fn aggregate(pod: &PodTemplate, of: impl Fn(&Container) -> Amounts) -> Amounts {
    let mut sum = Amounts::default();
    pod.containers.iter().for_each(|c| add(&mut sum, &of(c)));
    let mut sidecars = Amounts::default();
    let mut starting = Amounts::default();
    for init in &pod.init_containers {
        let asked = of(init);
        if init.sidecar {
            add(&mut sum, &asked);
            add(&mut sidecars, &asked);
            raise(&mut starting, &sidecars);
        } else {
            let mut beside = asked;
            add(&mut beside, &sidecars);
            raise(&mut starting, &beside);
        }
    }
    raise(&mut sum, &starting);
    sum
}

/// Pod-level CPU, memory and huge pages replace the sum. Where only a pod-level limit is given, the API server takes the
/// containers' requests if there are any, else the limit.
fn override_by_pod(pod: &PodTemplate, sum: &mut Amounts) {
    let none = Requests::default();
    let given = pod.pod_requests.as_ref().unwrap_or(&none);
    let limits = pod.pod_limits.as_ref().unwrap_or(&none);
    let asked = |get: fn(&Requests) -> Option<i64>| {
        pod.containers.iter().chain(&pod.init_containers).any(|c| get(&c.requests).is_some())
    };
    let level = |get: fn(&Requests) -> Option<i64>| get(given).or_else(|| get(limits).filter(|_| !asked(get)));
    if let Some(cpu) = level(|r| r.cpu) {
        sum.cpu = cpu;
    }
    if let Some(memory) = level(|r| r.memory) {
        sum.memory = memory;
    }
    for (name, amount) in limits.other.iter().chain(&given.other).filter(|(name, _)| name.starts_with("hugepages-")) {
        sum.other.insert(name.clone(), *amount);
    }
}

fn add(sum: &mut Amounts, more: &Amounts) {
    sum.cpu = sum.cpu.saturating_add(more.cpu);
    sum.memory = sum.memory.saturating_add(more.memory);
    sum.ephemeral = sum.ephemeral.saturating_add(more.ephemeral);
    merge(&mut sum.other, &more.other, i64::saturating_add);
}

fn raise(sum: &mut Amounts, least: &Amounts) {
    sum.cpu = sum.cpu.max(least.cpu);
    sum.memory = sum.memory.max(least.memory);
    sum.ephemeral = sum.ephemeral.max(least.ephemeral);
    merge(&mut sum.other, &least.other, i64::max);
}

fn merge(sum: &mut BTreeMap<String, i64>, more: &BTreeMap<String, i64>, how: fn(i64, i64) -> i64) {
    for (name, amount) in more {
        let entry = sum.entry(name.clone()).or_default();
        *entry = how(*entry, *amount);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::snapshot::Snapshot;

    /// Effective CPU (m) and memory (MiB), and the same as scored, of a pod with this spec.
    fn check(spec: &str, expected: (i64, i64), scores: (i64, i64)) {
        let json = format!(
            r#"{{"items":[{{"apiVersion":"v1","kind":"Node","metadata":{{"name":"n"}}}},
                {{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"p"}},"spec":{spec}}}]}}"#
        );
        let pod = &Snapshot::from_json(json.as_bytes()).unwrap().pods[0].spec;
        let (sum, score) = (effective(pod), scored(pod));
        assert_eq!(((sum.cpu, sum.memory >> 20), (score.0, score.1 >> 20)), (expected, scores), "{spec}");
        assert_eq!(sum.pods, 1);
    }

    #[test]
    fn containers_add_up_and_defaults_only_score() {
        check(
            r#"{"containers":[{"resources":{"requests":{"cpu":"250m","memory":"64Mi"}}},{"name":"b"}]}"#,
            (250, 64),
            (350, 264),
        );
        check(r#"{"containers":[{"resources":{"limits":{"cpu":"1","memory":"1Gi"}}}]}"#, (1000, 1024), (1000, 1024));
        check(r#"{"containers":[{"resources":{"requests":{"cpu":0,"memory":0}}}]}"#, (0, 0), (0, 0));
    }

    #[test]
    fn init_containers_count_where_they_are_larger() {
        let a = r#"{"name":"a","resources":{"requests":{"cpu":"100m","memory":"100Mi"}}}"#;
        let big = r#"{"name":"i","resources":{"requests":{"cpu":"500m","memory":"50Mi"}}}"#;
        let sidecar =
            r#"{"name":"s","restartPolicy":"Always","resources":{"requests":{"cpu":"200m","memory":"20Mi"}}}"#;
        check(&format!(r#"{{"containers":[{a}],"initContainers":[{big}]}}"#), (500, 100), (500, 100));
        check(&format!(r#"{{"containers":[{a}],"initContainers":[{sidecar},{big}]}}"#), (700, 120), (700, 120));
        check(&format!(r#"{{"containers":[{a}],"initContainers":[{big},{sidecar}]}}"#), (500, 120), (500, 120));
    }

    #[test]
    fn overhead_and_pod_level_resources() {
        let a = r#"{"name":"a","resources":{"requests":{"cpu":"100m","memory":"100Mi"}}}"#;
        check(&format!(r#"{{"containers":[{a}],"overhead":{{"cpu":"50m","memory":"10Mi"}}}}"#), (150, 110), (150, 110));
        check(&format!(r#"{{"containers":[{a}],"resources":{{"requests":{{"cpu":"1"}}}}}}"#), (1000, 100), (1000, 100));
        check(&format!(r#"{{"containers":[{a}],"resources":{{"limits":{{"cpu":"2"}}}}}}"#), (100, 100), (100, 100));
        let two = r#"{"name":"a","resources":{"requests":{"memory":"100Mi"}}},{"name":"b"}"#;
        check(
            &format!(r#"{{"containers":[{two}],"resources":{{"requests":{{"cpu":"1"}}}}}}"#),
            (1000, 100),
            (1000, 100),
        );
        check(
            r#"{"containers":[{"name":"a"}],"resources":{"limits":{"cpu":"2","memory":"1Gi"}}}"#,
            (2000, 1024),
            (2000, 1024),
        );
    }
}

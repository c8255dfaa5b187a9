//! Cluster DNS as a service: what it is asked, what a replica can bear, its memory, its clients, and what stays of it when a
//! replica goes.
//!
//! What the snapshot tells wins: the limit of the live Deployment, measured memory, the number of pods and Services, a
//! readiness probe, LocalDNS of a pool. Demand is a planning figure unless stated: without the hour of the day and without
//! noise, which settings add.

use simulator::Duration;
use simulator::random::Dist;
use simulator::spec::{Clients, Service, ServiceMemory, StaleEntries, Stampede};

use super::log_normal;
use crate::coverage::Coverage;
use crate::snapshot::AgentPool;

/// Queries per second one replica of cluster DNS answers.
const CAPACITY: f64 = 5000.0;
/// CPU seconds per query.
const CPU_SECONDS: f64 = 150e-6;
/// Queries per second of one application pod.
const PER_POD: f64 = 10.0;
/// Queries per second of a node whose application pods are not known.
const PER_NODE: f64 = 100.0;
/// Queries that the lookup of an external name comes to.
const SEARCH_LIST: f64 = 5.0;
/// Share of lookups that are of external names.
const EXTERNAL: f64 = 0.5;
/// Share of queries that LocalDNS lets through.
const LOCAL_SHARE: f64 = 0.2;
/// Share of nodes that keep entries of a replica that has gone, and of those that keep them for long.
const SHORT: f64 = 0.1;
const LONG: f64 = 0.01;
const MEGABYTE: f64 = 1e6;

/// What is known of cluster DNS.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known {
    /// Queries per second, as stated.
    pub queries: Option<f64>,
    /// Lookups per second, as stated; in place of queries.
    pub lookups: Option<f64>,
    /// Share of lookups that are of external names, as stated.
    pub external: Option<f64>,
    /// Application pods, nodes, and objects that cluster DNS knows by name (pods and Services).
    pub application_pods: usize,
    /// Nodes.
    pub nodes: usize,
    /// Pods and Services.
    pub objects: usize,
    /// Memory limit of a replica in bytes; `Some(None)` where there is none.
    pub limit: Option<i64>,
    /// Measured memory of a replica in bytes.
    pub measured: Option<i64>,
    /// Its containers have a readiness probe, as far as is known.
    pub probed: bool,
    /// Services are carried by Cilium instead of kube-proxy.
    pub cilium: bool,
    /// Minor version of Kubernetes that nodes and kube-proxy have.
    pub minor: u32,
}

/// Demand on cluster DNS and what it can bear.
pub fn service(known: &Known, coverage: &mut Coverage) -> Service {
    let (rate, requests_per_demand) = demand(known, coverage);
    coverage.assume(
        "capacity of cluster DNS",
        "5000 queries/s per replica",
        "planning figure of vendors; 33.7 kq/s at most on 2 vCPU (coredns.io 2018-11-15)",
        'B',
    );
    coverage.assume(
        "CPU of cluster DNS",
        "0.15 core per 1000 queries/s",
        "coredns.io 2018-11-15 and coredns/deployment scaling notes",
        'B',
    );
    coverage.assume(
        "time of a DNS replica",
        "0.5 ms a query while it is idle, up to the clients' time-out while it is asked too much; what it cannot serve is lost",
        "answers from CoreDNS' cache; judgement beyond that",
        'C',
    );
    Service {
        requests_per_demand,
        service_time: Duration(500),
        // No queue: one is shared by all replicas, and a replica short of CPU loses its share however idle others are.
        answers: answers(known.probed, coverage),
        clients: clients(coverage),
        stampede: stampede(coverage),
        memory: Some(memory(known, coverage)),
        stale: stale(known, coverage),
        ..Service::plain(rate, CAPACITY, CPU_SECONDS)
    }
}

/// Demand per second and the queries that one of it comes to.
fn demand(known: &Known, coverage: &mut Coverage) -> (f64, f64) {
    if let Some(lookups) = known.lookups {
        let external = known.external.unwrap_or_else(|| {
            coverage.assume(
                "external names among lookups",
                "50 %",
                "judgement; settings.dnsExternalShare states it",
                'C',
            );
            EXTERNAL
        });
        coverage.assume(
            "search lists",
            "5 queries for an external name, 1 for one of the cluster",
            "coredns.io 2018-11-15: ndots 5 tries every suffix first",
            'B',
        );
        return (lookups, per_lookup(external));
    }
    let rate = known.queries.unwrap_or_else(|| {
        let pods = known.application_pods;
        let (rate, value) = if pods > 0 {
            (PER_POD * pods as f64, format!("{PER_POD} queries/s per application pod, {pods} pods"))
        } else {
            (PER_NODE * known.nodes as f64, format!("{PER_NODE} queries/s per node, {} nodes", known.nodes))
        };
        coverage.assume("demand on cluster DNS", value, "judgement; settings.dnsQps states it", 'C');
        rate
    });
    (rate, 1.0)
}

/// Queries per lookup where a share of them is of external names.
pub fn per_lookup(external: f64) -> f64 {
    1.0 + external * (SEARCH_LIST - 1.0)
}

fn answers(probed: bool, coverage: &mut Coverage) -> Dist {
    if probed {
        return Dist::Constant(Duration::ZERO);
    }
    coverage.assume(
        "DNS replicas without a readiness probe",
        "in rotation at once, answer after log-normal, median 6 s, sigma 0.5",
        "Azure/AKS issue 1676: lookups failed at every scale-out",
        'B',
    );
    log_normal(6.0, 0.5)
}

fn clients(coverage: &mut Coverage) -> Clients {
    coverage.assume(
        "DNS clients",
        "ask again after 5 s, twice in all",
        "resolv.conf(5): timeout 5 s, attempts 2; Zalando postmortem of 2019-01-07: retries multiplied queries",
        'B',
    );
    Clients { timeout: Duration::secs(5), attempts: 2.0 }
}

fn stampede(coverage: &mut Coverage) -> Stampede {
    coverage.assume(
        "demand on DNS after an outage",
        "twice as much for 5 min, after an outage of more than 1 min",
        "judgement: caches are empty, connections begin anew",
        'C',
    );
    Stampede { factor: 2.0, lasts: Duration::mins(5), after: Duration::mins(1) }
}

fn memory(known: &Known, coverage: &mut Coverage) -> ServiceMemory {
    let base = known.measured.unwrap_or_else(|| {
        coverage.assume(
            "memory of a DNS replica",
            "54 MB and 1 MB for each 1,000 pods and Services",
            "coredns/deployment, Scaling_CoreDNS; 30 MB of it cache",
            'B',
        );
        ((54.0 + known.objects as f64 / 1000.0) * MEGABYTE) as i64
    });
    coverage.assume(
        "memory of a DNS replica that is asked too much",
        "2 MB more for each 1,000 queries/s, within 20 s; killed above its limit",
        "coredns/deployment, Scaling_CoreDNS; the time is judgement",
        'C',
    );
    ServiceMemory { base, per_rate: 2.0 * MEGABYTE / 1000.0, limit: known.limit, fills: Duration::secs(20) }
}

/// The version whose kube-proxy compares all rows with all endpoints, in place of following single events
/// (kubernetes/kubernetes issue 126130, pull request 127318).
const RECONCILES: u32 = 32;

fn stale(known: &Known, coverage: &mut Coverage) -> StaleEntries {
    if known.cilium {
        return StaleEntries::default(); // no kube-proxy, whose entries these are
    }
    coverage.assume(
        "stale entries for DNS replicas that go",
        "on 10 % of nodes for 3-30 s",
        "kubernetes/kubernetes issue 129617: lookups slow for seconds when a CoreDNS pod is deleted",
        'B',
    );
    let long_probability = if known.minor < RECONCILES { LONG } else { 0.0 };
    if long_probability > 0.0 {
        coverage.assume(
            "stale entries that are not found out",
            "on 1 % of nodes for 5-30 min, before 1.32",
            "Preply postmortem of 2020-02-28: 26 min; kubernetes/kubernetes issue 126130",
            'C',
        );
    }
    StaleEntries {
        probability: SHORT,
        lasts: Dist::Uniform { low: Duration::secs(3), high: Duration::secs(30) },
        long_probability,
        long_lasts: Dist::Uniform { low: Duration::mins(5), high: Duration::mins(30) },
    }
}

/// The share of its pods' queries that reaches the replicas from nodes of a pool with LocalDNS; `None` without. What the
/// nodes' label `kubernetes.azure.com/localdns-state` or the profile's `state` says wins over its mode.
pub fn local_cache(pool: &AgentPool, labelled: Option<bool>, minor: u32, coverage: &mut Coverage) -> Option<f64> {
    let profile = pool.other.get("localDNSProfile").or_else(|| pool.other.get("localDnsProfile"));
    let text = |key: &str| profile.and_then(|p| p.get(key)).and_then(serde_json::Value::as_str).unwrap_or_default();
    let is = |key: &str, value: &str| text(key).eq_ignore_ascii_case(value);
    let stated = [("Enabled", true), ("Disabled", false)].into_iter().find(|(state, _)| is("state", state));
    let on = labelled.or(stated.map(|(_, on)| on)).unwrap_or_else(|| {
        // AKS docs, localdns-custom: Preferred only validates before 1.37, and is the default from then on.
        is("mode", "Required") || (minor >= 37 && !is("mode", "Disabled"))
    });
    if on {
        coverage.assume(
            "LocalDNS",
            "20 % of what pods of its nodes ask reaches cluster DNS, over TCP",
            "AKS docs, dns-concepts and localdns-custom; the share is judgement",
            'C',
        );
    }
    on.then_some(LOCAL_SHARE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lookups_of_external_names_walk_the_search_list() {
        assert_eq!((per_lookup(0.0), per_lookup(0.5), per_lookup(1.0)), (1.0, 3.0, 5.0));
        let known = Known { lookups: Some(1000.0), external: Some(1.0), ..Known::default() };
        let service = service(&known, &mut Coverage::default());
        assert_eq!((service.rate, service.requests_per_demand), (1000.0, 5.0));
    }

    #[test]
    fn memory_follows_objects_or_what_was_measured() {
        let base = |known: Known| service(&known, &mut Coverage::default()).memory.map(|m| (m.base, m.limit));
        assert_eq!(base(Known { objects: 2000, limit: Some(7), ..Known::default() }), Some((56_000_000, Some(7))));
        assert_eq!(base(Known { measured: Some(81), ..Known::default() }), Some((81, None)));
    }

    #[test]
    fn entries_stay_for_long_before_the_rows_are_compared() {
        let long =
            |minor| service(&Known { minor, ..Known::default() }, &mut Coverage::default()).stale.long_probability;
        assert_eq!((long(31), long(32)), (0.01, 0.0));
        let cilium = Known { cilium: true, minor: 31, ..Known::default() };
        assert_eq!(service(&cilium, &mut Coverage::default()).stale, StaleEntries::default());
    }

    #[test]
    fn local_dns_by_mode_state_and_version() {
        let pool = |profile: serde_json::Value| {
            let mut pool = AgentPool { name: "p".into(), ..AgentPool::default() };
            pool.other.insert("localDNSProfile".into(), profile);
            pool
        };
        use serde_json::json;
        let cases = [
            (json!({"mode": "Required"}), None, 33, true),
            (json!({"mode": "Preferred"}), None, 36, false),
            (json!({"mode": "Preferred"}), None, 37, true),
            (json!({"mode": "Disabled"}), None, 37, false),
            (json!({"mode": "Preferred", "state": "Enabled"}), None, 33, true),
            (json!({"mode": "Required", "state": "Disabled"}), None, 33, false),
            (json!({"mode": "Disabled"}), Some(true), 33, true),
            (json!(null), None, 36, false),
            (json!(null), None, 37, true),
        ];
        for (profile, labelled, minor, on) in cases {
            let found = local_cache(&pool(profile.clone()), labelled, minor, &mut Coverage::default());
            assert_eq!(found, on.then_some(LOCAL_SHARE), "{profile} {labelled:?} {minor}");
        }
    }
}

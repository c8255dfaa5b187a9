//! Load: what pods use, what cluster DNS is asked and can answer.

use simulator::spec::Service;

use crate::coverage::Coverage;

/// Queries per second one replica of cluster DNS answers.
const DNS_CAPACITY: f64 = 5000.0;
/// CPU seconds per query.
const DNS_CPU_SECONDS: f64 = 150e-6;
/// Queries per second of one application pod.
const DNS_PER_POD: f64 = 10.0;
/// Queries per second of a node whose application pods are not known.
const DNS_PER_NODE: f64 = 100.0;

/// Demand on cluster DNS and what it can bear. `given` is the message's own figure in queries per second.
pub fn dns(given: Option<f64>, application_pods: usize, nodes: usize, coverage: &mut Coverage) -> Service {
    let rate = given.unwrap_or_else(|| {
        let (rate, value) = if application_pods > 0 {
            (
                DNS_PER_POD * application_pods as f64,
                format!("{DNS_PER_POD} queries/s per application pod, {application_pods} pods"),
            )
        } else {
            (DNS_PER_NODE * nodes as f64, format!("{DNS_PER_NODE} queries/s per node, {nodes} nodes"))
        };
        coverage.assume("demand on cluster DNS", value, "judgement; settings.dnsQps states it", 'C');
        rate
    });
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
    Service::plain(rate, DNS_CAPACITY, DNS_CPU_SECONDS)
}

/// Memory of pods that nobody has measured.
pub fn note_memory(coverage: &mut Coverage) {
    coverage.assume(
        "memory of pods not measured",
        "as much as they request, whatever the load",
        "choice: no pressure arises by itself; `kubectl top pods` states it",
        'C',
    );
}

/// What an application pod uses at base load without measurement or autoscaler, in thousandths of a core.
pub fn application_cpu(request: i64, coverage: &mut Coverage) -> i64 {
    coverage.assume(
        "CPU use of application pods not measured",
        "50 % of the request, or 50m without one",
        "judgement; `kubectl top pods` states it",
        'C',
    );
    if request > 0 { request / 2 } else { 50 }
}

/// What a system pod uses at base load without measurement, in thousandths of a core.
pub fn system_cpu(request: i64, coverage: &mut Coverage) -> i64 {
    coverage.assume(
        "CPU use of system pods not measured",
        "20 % of the request, or 5m without one",
        "judgement; `kubectl top pods` states it",
        'C',
    );
    if request > 0 { request / 5 } else { 5 }
}

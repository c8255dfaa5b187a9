//! How pods start, become Ready and stop.

use simulator::Duration;
use simulator::random::Dist;
use simulator::spec::Role;

use super::log_normal;
use crate::coverage::Coverage;

/// How pods of one workload come and go.
pub struct LifeCycle {
    /// From being bound until its images are there.
    pub pull: Dist,
    /// From then until its containers run.
    pub start: Dist,
    /// From then until it is Ready.
    pub readiness: Dist,
    /// Termination grace period.
    pub grace: Duration,
    /// How long a stopping pod takes to exit.
    pub exit: Dist,
}

/// The life cycle of pods of a role; `probed` where a readiness probe is known.
pub fn life_cycle(
    role: Role,
    windows: bool,
    probed: bool,
    grace_seconds: Option<u64>,
    coverage: &mut Coverage,
) -> LifeCycle {
    coverage.assume(
        "start of a container",
        "log-normal, median 1.5 s, sigma 0.4",
        "Kubernetes scalability tests, 100 nodes",
        'B',
    );
    LifeCycle {
        pull: pull(role, windows, coverage),
        start: log_normal(1.5, 0.4),
        readiness: readiness(role, probed, coverage),
        // Kubernetes v1.34 API default of terminationGracePeriodSeconds.
        grace: Duration::secs(grace_seconds.unwrap_or(30).min(86_400)),
        exit: exit(role, coverage),
    }
}

/// Speed of a pull, unpacking included, where the size of the images is known.
pub const PULL_MIB_PER_SECOND: f64 = 30.0;

/// Time to pull images of a size: a second to ask the registry, then the bytes. A share that is there already stays.
pub fn pull_of_size(bytes: i64, mib_per_second: f64, instead_of: &Dist) -> Dist {
    let median = Duration::from_secs_f64(1.0 + bytes as f64 / f64::from(1 << 20) / mib_per_second);
    match instead_of {
        Dist::ZeroOrLogNormal { zero, .. } => Dist::ZeroOrLogNormal { zero: *zero, median, sigma: 0.5 },
        _ => Dist::LogNormal { median, sigma: 0.5 },
    }
}

/// Notes that sizes are known.
pub fn note_pull_of_size(coverage: &mut Coverage) {
    coverage.assume(
        "image pull of known size",
        "1 s and 30 MiB/s (median; log-normal, sigma 0.5); nodes that report the images do not pull",
        "27.5 MiB/s one by one and 62 MiB/s in parallel measured with containerd (deckhouse, pull request 20415); spread is judgement",
        'B',
    );
}

/// True where kubelets pull one image after the other.
pub fn serial_pulls(minor: u32, coverage: &mut Coverage) -> bool {
    let value = if minor < 31 { "one after the other on a node" } else { "in parallel on a node" };
    coverage.assume(
        "order of image pulls",
        value,
        "AKS sets serializeImagePulls false from 1.31 on (Azure/AKS issue 4499)",
        'A',
    );
    minor < 31
}

/// From the end of readiness until no traffic comes.
pub fn endpoint_delay(coverage: &mut Coverage) -> Dist {
    coverage.assume(
        "propagation of endpoints",
        "uniform, 1-3 s from the end of readiness until no traffic comes",
        "no public figure for AKS; kube-proxy syncs once a second, EndpointSlices change before",
        'C',
    );
    Dist::Uniform { low: Duration::secs(1), high: Duration::secs(3) }
}

fn pull(role: Role, windows: bool, coverage: &mut Coverage) -> Dist {
    // Ingress controllers are nobody's add-ons but for application routing: their images lie on no node image.
    if !matches!(role, Role::Application | Role::Ingress) {
        coverage.assume(
            "image pull of a system pod",
            "80 % cached; else log-normal, median 5 s, sigma 0.7",
            "system images lie on the node image",
            'C',
        );
        return Dist::ZeroOrLogNormal { zero: 0.8, median: Duration::secs(5), sigma: 0.7 };
    }
    if windows {
        coverage.assume(
            "image pull on Windows",
            "log-normal, median 300 s, sigma 0.8",
            "Azure/AKS issue 4047: pulls up to 20 min",
            'C',
        );
        return log_normal(300.0, 0.8);
    }
    coverage.assume("image pull of an application pod", "log-normal, median 18 s, sigma 0.9", "judgement", 'C');
    log_normal(18.0, 0.9)
}

fn readiness(role: Role, probed: bool, coverage: &mut Coverage) -> Dist {
    match role {
        Role::Dns => {
            coverage.assume(
                "CoreDNS ready after start",
                "log-normal, median 6 s, sigma 0.5",
                "needs to sync with the API server; Azure/AKS issue 1676",
                'C',
            );
            log_normal(6.0, 0.5)
        }
        Role::Tunnel => {
            coverage.assume("konnectivity ready after start", "log-normal, median 6 s, sigma 0.5", "judgement", 'C');
            log_normal(6.0, 0.5)
        }
        Role::Metrics => {
            coverage.assume(
                "metrics-server ready after start",
                "log-normal, median 20 s, sigma 0.5",
                "needs one round of scraping",
                'C',
            );
            log_normal(20.0, 0.5)
        }
        Role::System => {
            coverage.assume(
                "other system pods ready after start",
                "log-normal, median 6 s, sigma 0.5",
                "as CoreDNS",
                'C',
            );
            log_normal(6.0, 0.5)
        }
        Role::Application | Role::Ingress if probed => {
            coverage.assume(
                "probed application ready after start",
                "log-normal, median 10 s, sigma 0.8",
                "probe periods default to 10 s (Kubernetes v1.34)",
                'C',
            );
            log_normal(10.0, 0.8)
        }
        Role::Application | Role::Ingress => Dist::Constant(Duration::ZERO),
    }
}

fn exit(role: Role, coverage: &mut Coverage) -> Dist {
    if role == Role::Dns {
        coverage.assume(
            "exit of CoreDNS",
            "log-normal, median 8 s, sigma 0.5",
            "5 s of lame duck (Azure/AKS changelog, 1.26 notes) plus 3 s",
            'A',
        );
        return log_normal(8.0, 0.5);
    }
    coverage.assume("exit of a pod", "log-normal, median 3 s, sigma 1.2, at most its grace period", "judgement", 'C');
    log_normal(3.0, 1.2)
}

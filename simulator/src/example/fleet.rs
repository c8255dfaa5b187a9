//! A large cluster on a normal day.

use super::Example;
use crate::random::Dist;
use crate::scenario::Scenario;
use crate::spec::{Selector, Spread, WorkloadKind};
use crate::{Id, NodeId};

use crate::time::Duration;

/// A day of a cluster of `nodes` nodes of 8 cores in three zones and about `pods` pods: four daemons on every node, the rest in
/// Deployments of 30, spread by the scheduler's default constraints; every fifth of those follows the load. Nothing is planned;
/// nodes fail 1.5 times a year, for a log-normal time with a median of 8 minutes, and load bursts come once in 4 hours.
pub fn fleet(nodes: u32, pods: u32) -> Scenario {
    let lognormal = |median: u64, sigma: f64| Dist::LogNormal { median: Duration::secs(median), sigma };
    let all: Vec<NodeId> = (0..nodes).map(NodeId).collect();
    let mut example = Example::new().pool("work", nodes).edit(|spec| {
        for shape in spec.node_shapes.rows_mut() {
            shape.allocatable.cpu = 7820;
            shape.allocatable.memory = 28 << 30;
            shape.cores = 8000;
            let zone = format!("zone-{}", shape.zone.index());
            shape.labels.insert("topology.kubernetes.io/zone".to_owned(), zone);
        }
    });
    for daemon in ["cns", "proxy", "csi", "logs"] {
        example = example.workload(daemon, WorkloadKind::DaemonSet, all.clone());
    }
    const REPLICAS: u32 = 30;
    for app in 0..pods.saturating_sub(4 * nodes) / REPLICAS {
        // Each starts where the one before ended, so that nodes are evenly full.
        let hosts = (0..REPLICAS).map(|i| NodeId((app * REPLICAS + i) % nodes)).collect();
        let name = format!("app-{app}");
        let like_it = Selector { labels: [("app".to_owned(), name.clone())].into(), expressions: Vec::new() };
        let spread = |key: &str, max_skew| Spread {
            key: key.to_owned(),
            max_skew,
            hard: false,
            min_domains: 1,
            honor_affinity: true,
            honor_taints: false,
            selector: Some(like_it.clone()),
        };
        example = example
            .workload(&name, WorkloadKind::Deployment, hosts)
            .with_shape(|shape| {
                shape.spread = vec![spread("kubernetes.io/hostname", 3), spread("topology.kubernetes.io/zone", 5)];
                shape.spread_by_default = true;
            })
            .with(|w| {
                w.follows_load = app % 5 == 0;
                w.minimum = (app % 10 == 0).then_some(REPLICAS / 2);
                w.readiness = lognormal(6, 0.5);
                w.exit = lognormal(3, 1.2);
            });
    }
    example
        .settings(|s| {
            s.failures.per_hour = 1.5 / 8766.0;
            s.failures.down = lognormal(480, 0.9);
            s.bursts.per_hour = 0.25;
            s.bursts.hold = lognormal(600, 1.0);
            s.bursts.ramp = lognormal(60, 0.6);
        })
        .horizon(Duration::mins(24 * 60))
        .build()
}

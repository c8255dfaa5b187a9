//! What a cluster that is well today shows of a number that is not known well: whatever cluster DNS is asked now, the replicas
//! that are ready bear it. Without that, part of all futures would begin with DNS out for want of capacity, whatever is done.

use simulator::parameters::{Belief, Knob};
use simulator::settings::Settings;
use simulator::spec::{ClusterSpec, Role};

use crate::change::ChangeSettings;
use crate::coverage::Coverage;

/// The least factor on the capacity of its replicas with which cluster DNS loses no more than is tolerated at base load; `None`
/// where the cluster does not show one.
pub fn shown(given: &ChangeSettings, settings: &Settings, cluster: &ClusterSpec) -> Option<f64> {
    let stated = given.dns_qps.is_some() || given.dns_lookups.is_some();
    let of = cluster.workloads.iter().filter(|(_, w)| w.role == Role::Dns).filter_map(|(id, workload)| {
        let service = workload.service.as_ref()?;
        let ready = cluster.pods.iter().filter(|p| p.workload == id && p.ready).count() as f64;
        let asked = service.rate * service.requests_per_demand * asked_of_replicas(cluster);
        let least = asked * (1.0 - settings.loss_tolerance) / (service.capacity * ready);
        // Who states more than replicas bear by default describes a cluster that drowns.
        (least.is_finite() && least > 0.0 && !(stated && least > 1.0)).then_some(least)
    });
    of.reduce(f64::max)
}

/// Share of its demand that caches on nodes leave to cluster DNS.
fn asked_of_replicas(cluster: &ClusterSpec) -> f64 {
    let shares = cluster.nodes.iter().map(|(_, node)| cluster.pools[node.pool].local_cache.unwrap_or(1.0));
    let (nodes, asked) = shares.fold((0.0, 0.0), |(nodes, asked), share| (nodes + 1.0, asked + share));
    if nodes > 0.0 { asked / nodes } else { 1.0 }
}

/// Rules out what the cluster shows not to be so, and says so.
pub fn heed(
    beliefs: &mut [Belief],
    given: &ChangeSettings,
    settings: &Settings,
    cluster: &ClusterSpec,
    coverage: &mut Coverage,
) {
    let Some(belief) = beliefs.iter_mut().find(|b| b.knob == Knob::ServiceCapacity) else { return };
    let Some(least) = given.shown.or_else(|| shown(given, settings, cluster)) else { return };
    let lowest = belief.prior.quantile(UNSEEN);
    belief.prior = belief.prior.no_less_than(least);
    if least <= lowest {
        return;
    }
    for assumption in coverage.assumptions.iter_mut().filter(|a| a.name == "capacity of cluster DNS") {
        let before = assumption.range.take().map_or_else(String::new, |range| format!("{range}; "));
        let share = (least * 100.0).round();
        assumption.range = Some(format!(
            "{before}at least {share} % of the default, for the replicas that are ready bear today's load"
        ));
    }
}

/// Share of beliefs that is not worth a word.
const UNSEEN: f64 = 0.001;

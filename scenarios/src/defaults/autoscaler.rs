//! The cluster autoscaler: the range of a pool, and the cluster's profile over the defaults of AKS.

use simulator::Duration;
use simulator::settings::{AutoscalerProfile, Expander};
use simulator::spec::Autoscaled;

use crate::coverage::Coverage;
use crate::quantity::duration;
use crate::snapshot::{AgentPool, Snapshot};

const SOURCE: &str = "AKS docs, cluster-autoscaler (2026-07-30)";

/// The range the autoscaler keeps a pool in; nothing where it is off, or the pool is stopped (AKS docs,
/// start-stop-nodepools: its autoscaler stops too).
pub fn range(pool: &AgentPool) -> Option<Autoscaled> {
    let on = pool.enable_auto_scaling && !pool.is_stopped();
    on.then(|| Autoscaled { min: pool.min_count.unwrap_or(0), max: pool.max_count.unwrap_or(pool.count), priority: 0 })
}

/// The profile of the cluster. `used` where a pool has its autoscaler on at some time: then what is assumed is noted.
pub fn profile(full: &Snapshot, used: bool, coverage: &mut Coverage) -> AutoscalerProfile {
    let mut profile = AutoscalerProfile::default();
    let mut unused = Coverage::default();
    let coverage = if used { coverage } else { &mut unused };
    let given: Vec<(String, &str)> = full
        .cluster
        .autoscaler_profile
        .iter()
        .map(|(key, value)| (kebab(key), value.trim()))
        .filter(|(_, value)| !value.is_empty())
        .collect();
    for (key, value) in &given {
        if set(&mut profile, key, value, coverage).is_none() {
            coverage.missing(format!("autoScalerProfile: {key} {value:?} is not understood; its default is used"));
        }
    }
    if given.is_empty() {
        let value = "scan every 10 s, expander random, unneeded 10 min, below 50 %, no removal for 10 min after adding";
        coverage.assume("cluster autoscaler profile", value, SOURCE, 'A');
    }
    coverage.assume(
        "cluster autoscaler at the start",
        "no failures remembered, no node unneeded yet, phase of the scans uniform",
        "a snapshot does not tell",
        'C',
    );
    coverage.assume(
        "failed requests of the cluster autoscaler",
        "the pool is left alone for 5 min, doubling to 30 min",
        "AKS docs, cluster-autoscaler-overview; kubernetes/autoscaler 1.33",
        'A',
    );
    if profile.skip_system_pods {
        coverage.assume(
            "nodes with pods of kube-system",
            "are not removed, with or without disruption budget",
            "AKS docs, cluster-autoscaler (skip-nodes-with-system-pods); upstream lets pods with a budget move",
            'B',
        );
    }
    profile
}

/// Sets one key; `None` where the value makes no sense. Keys that change nothing here are passed over.
fn set(profile: &mut AutoscalerProfile, key: &str, value: &str, coverage: &mut Coverage) -> Option<()> {
    match key {
        "scan-interval" => profile.scan_interval = duration(value).filter(|d| !d.is_zero())?,
        "expander" => profile.expander = expander(value, coverage)?,
        "new-pod-scale-up-delay" => profile.new_pod_delay = duration(value)?,
        "max-node-provision-time" => profile.max_node_provision = duration(value)?,
        "scale-down-utilization-threshold" => {
            profile.utilisation_threshold = value.parse().ok().filter(|t| (0.0..=1.0).contains(t))?
        }
        "ignore-daemonsets-utilization" => profile.ignore_daemons = flag(value)?,
        "scale-down-unneeded-time" => profile.unneeded = duration(value)?,
        "scale-down-unready-time" => profile.unready = duration(value)?,
        "scale-down-delay-after-add" => profile.delay_after_add = duration(value)?,
        "scale-down-delay-after-delete" => profile.delay_after_delete = duration(value)?,
        "scale-down-delay-after-failure" => profile.delay_after_failure = duration(value)?,
        "max-graceful-termination-sec" => {
            profile.max_graceful_termination = Duration::secs(value.parse::<u32>().ok()?.into())
        }
        "skip-nodes-with-system-pods" => profile.skip_system_pods = flag(value)?,
        "max-empty-bulk-delete" => profile.max_empty_bulk_delete = value.parse().ok()?,
        "max-total-unready-percentage" => profile.max_unready_percent = value.parse().ok().filter(|p| *p <= 100)?,
        "ok-total-unready-count" => profile.ok_unready = value.parse().ok()?,
        "skip-nodes-with-local-storage" => profile.skip_local_storage = flag(value)?,
        "balance-similar-node-groups" => profile.balances = flag(value)?,
        // Daemons of a node that goes end with it either way.
        "daemonset-eviction-for-empty-nodes" | "daemonset-eviction-for-occupied-nodes" => {}
        _ => coverage.missing(format!("autoScalerProfile: {key} is not known")),
    }
    Some(())
}

fn expander(value: &str, coverage: &mut Coverage) -> Option<Expander> {
    let (first, more) = value.split_once(',').map_or((value, false), |(first, _)| (first, true));
    if more {
        coverage.missing(format!("expander {value}: the first one decides, chance between equals"));
    }
    match first.trim() {
        "random" => Some(Expander::Random),
        "least-waste" => Some(Expander::LeastWaste),
        "most-pods" => Some(Expander::MostPods),
        "price" => Some(Expander::Price),
        "priority" => {
            coverage
                .missing("the priorities of the expander (a ConfigMap of the cluster) are not read: pools are equals");
            Some(Expander::Priority)
        }
        _ => None,
    }
}

fn flag(value: &str) -> Option<bool> {
    value.to_ascii_lowercase().parse().ok()
}

/// Keys as the REST API spells them: clients print `scanInterval` for `scan-interval`, too.
fn kebab(key: &str) -> String {
    let mut kebab = String::with_capacity(key.len() + 8);
    for c in key.chars() {
        match c {
            '_' => kebab.push('-'),
            c if c.is_ascii_uppercase() => {
                kebab.push('-');
                kebab.push(c.to_ascii_lowercase());
            }
            c => kebab.push(c),
        }
    }
    kebab
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_read_in_either_spelling_and_defaults_fill_the_rest() {
        let mut full = Snapshot::default();
        let given = [
            ("scan-interval", "20s"),
            ("expander", "least-waste"),
            ("scaleDownUnneededTime", "4m"),
            ("skip-nodes-with-system-pods", "False"),
            ("max-empty-bulk-delete", "5"),
            ("scale-down-utilization-threshold", "1.5"),
            ("scale-down-unready-time", ""),
        ];
        full.cluster.autoscaler_profile = given.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        let mut coverage = Coverage::default();
        let p = profile(&full, true, &mut coverage);
        assert_eq!(
            (p.scan_interval, p.unneeded, p.unready),
            (Duration::secs(20), Duration::mins(4), Duration::mins(20))
        );
        assert_eq!((p.expander, p.skip_system_pods, p.max_empty_bulk_delete), (Expander::LeastWaste, false, 5));
        assert_eq!(p.utilisation_threshold, 0.5);
        assert_eq!(
            coverage.not_seen,
            ["autoScalerProfile: scale-down-utilization-threshold \"1.5\" is not understood; its default is used"]
        );
        assert!(!coverage.assumptions.iter().any(|a| a.name == "cluster autoscaler profile"));
        let mut unused = Coverage::default();
        profile(&Snapshot::default(), false, &mut unused);
        assert_eq!(unused, Coverage::default());
    }
}

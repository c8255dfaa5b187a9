//! The arithmetic of controllers that decide how many replicas there are. Pure functions, checked by validation family 21.

/// Ladder mode of the cluster-proportional-autoscaler: for cores and for nodes the largest step not above the value; the
/// larger of the two. (kubernetes-sigs/cluster-proportional-autoscaler v1.9 ladder controller; AKS' CoreDNS uses it.)
pub fn ladder(cores: u32, nodes: u32, cores_to_replicas: &[(u32, u32)], nodes_to_replicas: &[(u32, u32)]) -> u32 {
    let step = |value: u32, ladder: &[(u32, u32)]| {
        ladder.iter().take_while(|(from, _)| *from <= value).last().map_or(0, |(_, replicas)| *replicas)
    };
    step(cores, cores_to_replicas).max(step(nodes, nodes_to_replicas))
}

/// Parameters of the linear mode of the cluster-proportional-autoscaler.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Linear {
    /// Cores one replica is good for; 0 to leave cores out.
    pub cores_per_replica: f64,
    /// Nodes one replica is good for; 0 to leave nodes out.
    pub nodes_per_replica: f64,
    /// Fewest replicas.
    pub min: u32,
    /// Most replicas.
    pub max: u32,
    /// At least two replicas on more than one node.
    pub prevent_single_point_failure: bool,
}

/// Linear mode of the cluster-proportional-autoscaler: `max(ceil(cores/coresPerReplica), ceil(nodes/nodesPerReplica))`,
/// at least 2 where a single point of failure is to be prevented, then within `min` and `max`.
pub fn linear(cores: u32, nodes: u32, p: Linear) -> u32 {
    let needed = |value: u32, per: f64| {
        if per > 0.0 { libm::ceil(f64::from(value) / per) as u32 } else { 0 }
    };
    let mut replicas = needed(cores, p.cores_per_replica).max(needed(nodes, p.nodes_per_replica));
    if p.prevent_single_point_failure && nodes > 1 {
        replicas = replicas.max(2);
    }
    replicas.max(p.min).min(p.max)
}

/// Most replicas a HorizontalPodAutoscaler asks for at one look: twice as many or four more, whichever is more, in 15 s
/// (kubernetes v1.34 pkg/apis/autoscaling/v2/defaults.go, `behavior.scaleUp`).
pub fn most_at_once(current: u32) -> u32 {
    current.saturating_mul(2).max(current.saturating_add(4))
}

/// HorizontalPodAutoscaler: `ceil(current * metric / target)`, unchanged while the ratio is within `tolerance` of 1, then
/// within `min` and `max` (kubernetes v1.34 pkg/controller/podautoscaler/replica_calculator.go).
pub fn horizontal(current: u32, metric: f64, target: f64, tolerance: f64, min: u32, max: u32) -> u32 {
    let ratio = metric / target;
    // The reference compares |ratio - 1| with the tolerance in floating point; a rounding error there must not decide.
    if (ratio - 1.0).abs() <= tolerance + 1e-12 {
        return current.clamp(min, max.max(min));
    }
    let desired = libm::ceil(f64::from(current) * ratio - 1e-9);
    (desired.clamp(0.0, f64::from(u32::MAX)) as u32).clamp(min, max.max(min))
}

/// The pods a HorizontalPodAutoscaler scales, as it sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Ready, with metrics.
    pub measured: u32,
    /// Pending or not Ready yet: set aside.
    pub unready: u32,
    /// Without metrics, as on a node that has died.
    pub missing: u32,
}

/// The same with pods that are not ready or without metrics: those not ready count as idle where the others ask for more;
/// those without metrics as idle on the way up and as using `missing_use` on the way down; where that turns the direction, or
/// comes within the tolerance, or nothing at all is measured, the replicas stay. `ratio` is the use of a measured pod against
/// the target. (kubernetes v1.34 replica_calculator.go `GetResourceReplicas`)
pub fn horizontal_seen(current: u32, seen: Seen, ratio: f64, missing_use: f64, tolerance: f64) -> u32 {
    let near = |ratio: f64| (ratio - 1.0).abs() <= tolerance + 1e-12;
    let replicas = |sum: f64| libm::ceil(sum - 1e-9).clamp(0.0, f64::from(u32::MAX)) as u32;
    let Seen { measured, unready, missing } = seen;
    if measured == 0 {
        return current;
    }
    let mut sum = ratio * f64::from(measured);
    let up = unready > 0 && ratio > 1.0;
    if !up && missing == 0 {
        return if near(ratio) { current } else { replicas(sum) };
    }
    let mut pods = measured + if up { unready } else { 0 };
    if ratio != 1.0 {
        pods += missing;
        sum += if ratio < 1.0 { missing_use * f64::from(missing) } else { 0.0 };
    }
    let filled = sum / f64::from(pods);
    if near(filled) || (ratio < 1.0 && filled > 1.0) || (ratio > 1.0 && filled < 1.0) {
        return current;
    }
    let wanted = replicas(sum);
    if (filled < 1.0 && wanted > current) || (filled > 1.0 && wanted < current) { current } else { wanted }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_without_metrics_and_unready_ones_hold_the_replicas() {
        // Five replicas at 80 % of their request; what is missing counts as 100 %, that is 1.25 times the target.
        let wanted = |measured, unready, missing, ratio| {
            horizontal_seen(5, Seen { measured, unready, missing }, ratio, 1.25, 0.1)
        };
        for (measured, unready, missing, ratio, expected) in [
            (5, 0, 0, 1.05, 5),
            (5, 0, 0, 2.0, 10),
            (5, 0, 0, 0.5, 3),
            // On the way up those not ready are idle: 3 x 2 over 5 is 1.2, and 6 are wanted; 2 x 2 over 5 turns round.
            (3, 2, 0, 2.0, 6),
            (2, 3, 0, 2.0, 5),
            // On the way down they are set aside.
            (3, 2, 0, 0.5, 2),
            // Without metrics: idle on the way up, full on the way down.
            (3, 0, 2, 2.0, 6),
            (3, 0, 2, 0.5, 4),
            (2, 0, 3, 0.7, 5),
            (0, 5, 0, 0.0, 5),
        ] {
            let found = wanted(measured, unready, missing, ratio);
            assert_eq!(found, expected, "{measured} measured, {unready} unready, {missing} missing at {ratio}");
        }
    }
}

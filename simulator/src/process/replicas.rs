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

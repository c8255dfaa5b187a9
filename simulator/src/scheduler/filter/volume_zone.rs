//! VolumeZone: zone and region labels of bound volumes must match those of the node (kube-scheduler v1.34.1). Volumes made
//! by CSI drivers carry node affinity instead, which is VolumeBinding's.

use std::collections::BTreeMap;

use crate::scheduler::compat::Asked;
use crate::scheduler::{NodeView, Rejection};
use crate::spec::Volumes;

const ZONE: &str = "topology.kubernetes.io/zone";
const REGION: &str = "topology.kubernetes.io/region";
const OLD_ZONE: &str = "failure-domain.beta.kubernetes.io/zone";
const OLD_REGION: &str = "failure-domain.beta.kubernetes.io/region";

/// Refuses nodes of another zone.
#[inline]
pub fn filter(pod: &Asked, node: &NodeView) -> Result<(), Rejection> {
    if pod.cell(node).other_zone { Err(Rejection::VolumeZone) } else { Ok(()) }
}

/// True where the labels of a volume are not the node's. A node without any such label takes every volume; a volume's old label
/// may be met by the node's new one.
pub fn elsewhere(volumes: &Volumes, labels: &BTreeMap<String, String>) -> bool {
    if volumes.zones.is_empty() || ![OLD_ZONE, OLD_REGION, ZONE, REGION].iter().any(|key| labels.contains_key(*key)) {
        return false;
    }
    volumes.zones.iter().any(|(key, values)| {
        let found = labels.get(key).or_else(|| labels.get(renamed(key)));
        !found.is_some_and(|value| values.contains(value))
    })
}

fn renamed(key: &str) -> &str {
    match key {
        OLD_ZONE => ZONE,
        OLD_REGION => REGION,
        other => other,
    }
}

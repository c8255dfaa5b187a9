//! What the platform's own checks make of a change: findings that block become the error code its operations end with.
//!
//! A change that is over was let in, whatever the rules say. A rule about one pool blocks that pool's part of a change of the
//! whole cluster, every other rule all of it.

use simulator::change::Planned;
use simulator::finding::Finding;
use simulator::spec::ClusterSpec;

use crate::change::{Change, Phase};
use crate::rule;

/// Marks the operations of a change that the platform will refuse.
pub(super) fn refuse(planned: &mut [Planned], change: &Change, findings: &[Finding], cluster: &ClusterSpec) {
    if change.phase == Phase::Completed {
        return;
    }
    for planned in planned {
        let pool = planned.operation.pool().map(|id| format!("pool {}", cluster.pools[id].name));
        let of_all = |f: &&Finding| change.pool.is_some() || !f.subject.starts_with("pool ");
        let against = findings.iter().filter(|f| f.blocks);
        let hit = against.clone().find(|f| of_all(f) || pool.as_ref() == Some(&f.subject));
        planned.admission.refused = hit.map(|f| rule::code(f.id));
    }
}

//! Container images that the snapshot's nodes report: how long they take to pull, and where they are already.
//!
//! Kubelets report the 50 largest images of a node (`nodeStatusMaxImages`, Kubernetes v1.34): what is listed is there, what is not
//! may be. A size is that of the compressed layers, as the registry sends them.

use std::collections::{BTreeMap, BTreeSet};

use simulator::{Id, WorkloadId};

use super::Interned;
use super::owners::Draft;
use super::shapes::tagged;
use crate::coverage::Coverage;
use crate::defaults::pods;
use crate::snapshot::Snapshot;

/// Pull times by size where the size is known, and who is where.
pub(super) fn intern(full: &Snapshot, drafts: &[Draft], interned: &mut Interned, coverage: &mut Coverage) {
    let sizes: BTreeMap<&str, i64> = full.nodes.iter().flat_map(|n| &n.images).map(|(i, s)| (i.as_str(), *s)).collect();
    if sizes.is_empty() {
        return;
    }
    for (i, draft) in drafts.iter().enumerate() {
        let workload = WorkloadId::from_index(i);
        let template = &draft.template;
        let images: BTreeSet<String> =
            template.init_containers.iter().chain(&template.containers).map(|c| tagged(&c.image)).collect();
        let known: Option<i64> =
            images.iter().try_fold(0i64, |sum, i| Some(sum.saturating_add(*sizes.get(i.as_str())?)));
        if let Some(bytes) = known.filter(|bytes| *bytes > 0) {
            let spec = &mut interned.spec.workloads[workload];
            spec.image_bytes = Some(bytes);
            spec.pull = pods::pull_of_size(bytes, pods::PULL_MIB_PER_SECOND, &spec.pull);
            pods::note_pull_of_size(coverage);
            let holds = |node: &&crate::snapshot::Node| images.iter().all(|i| node.images.contains_key(i));
            let there = full.nodes.iter().filter(holds).filter_map(|n| interned.nodes.get(&n.name));
            interned.spec.cached.extend(there.map(|node| (*node, workload)));
        }
    }
}

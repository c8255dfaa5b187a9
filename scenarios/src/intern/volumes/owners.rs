//! The volumes of a workload's pods, place by place: each pod of a StatefulSet has claims of its own.

use std::collections::BTreeSet;

use simulator::spec::WorkloadKind;

use super::{Asked, Lookup, Unknown};
use crate::coverage::Coverage;
use crate::intern::owners::Draft;
use crate::snapshot::{ClaimRef, Pod, Snapshot};

/// What the pods of a workload ask for.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// By place, in the order in which the workload's pods are interned: those that exist, then those it lacks.
    pub each: Vec<Asked>,
    /// What any further pod would ask for.
    pub further: Asked,
}

/// The places of a workload; `None` where its pods have no claims.
pub fn places(lookup: &Lookup, draft: &Draft) -> Option<Places> {
    let templates = draft.object.map_or(&[][..], |o| &o.claim_templates);
    if templates.is_empty() && draft.template.claims.is_empty() && draft.pods.iter().all(|p| p.claims.is_empty()) {
        return None;
    }
    let mut each: Vec<Asked> = draft.pods.iter().map(|pod| existing(lookup, draft, pod)).collect();
    let missing = draft.expected().saturating_sub(draft.pods.len());
    each.extend(free_ordinals(draft).take(missing).map(|n| new(lookup, draft, Some(n))));
    Some(Places { each, further: new(lookup, draft, None) })
}

fn existing(lookup: &Lookup, draft: &Draft, pod: &Pod) -> Asked {
    if pod.assumed {
        return new(lookup, draft, ordinal(draft, pod));
    }
    let mut asked = lookup.asked(&pod.namespace, &pod.name, &pod.claims);
    if pod.node.is_some() {
        asked.volumes.refused = None; // it got its claims before
    }
    asked
}

/// A pod that is not there: what its template names, and the claims made for its ordinal, if it has one.
fn new(lookup: &Lookup, draft: &Draft, ordinal: Option<u32>) -> Asked {
    let Some(object) = draft.object.filter(|_| draft.kind == WorkloadKind::StatefulSet) else {
        return without_object(lookup, draft);
    };
    let mut asked = lookup.asked(&draft.namespace, &draft.name, &object.template.claims);
    for template in &object.claim_templates {
        let name = ordinal.map(|n| format!("{}-{}-{n}", template.name, draft.name)).unwrap_or_default();
        asked.add(lookup.templated(&draft.namespace, &name, template.class.as_deref()));
    }
    asked
}

/// Like its first pod; claims that carry the pod's name were made for it alone.
fn without_object(lookup: &Lookup, draft: &Draft) -> Asked {
    let Some(pod) = draft.pods.first().filter(|_| draft.kind == WorkloadKind::StatefulSet) else {
        return lookup.asked(&draft.namespace, &draft.name, &draft.template.claims);
    };
    let tail = format!("-{}", pod.name);
    let own = |claim: &&ClaimRef| matches!(claim, ClaimRef::Named(name) if name.ends_with(&tail));
    let shared: Vec<ClaimRef> = pod.claims.iter().filter(|claim| !own(claim)).cloned().collect();
    let mut asked = lookup.asked(&draft.namespace, &draft.name, &shared);
    for claim in pod.claims.iter().filter(own) {
        if let ClaimRef::Named(name) = claim {
            let class = lookup.claim(&draft.namespace, name).and_then(|c| c.class.as_deref());
            asked.add(lookup.templated(&draft.namespace, "", class));
        }
    }
    asked
}

/// Ordinals that no pod has, lowest first.
fn free_ordinals<'d>(draft: &'d Draft) -> impl Iterator<Item = u32> + 'd {
    let taken: BTreeSet<u32> = draft.pods.iter().filter_map(|pod| ordinal(draft, pod)).collect();
    (0..).filter(move |n| !taken.contains(n))
}

fn ordinal(draft: &Draft, pod: &Pod) -> Option<u32> {
    pod.name.strip_prefix(draft.name.as_str())?.strip_prefix('-')?.parse().ok()
}

/// What could not be looked up, over all workloads.
#[derive(Default)]
pub struct Notes {
    claims: BTreeSet<String>,
    volumes: BTreeSet<String>,
    classes: BTreeSet<String>,
}

impl Notes {
    /// Takes note of what the pods of a workload would need.
    pub fn add(&mut self, namespace: &str, places: &Places) {
        for unknown in places.each.iter().chain([&places.further]).flat_map(|asked| &asked.unknown) {
            match unknown {
                Unknown::Claim(name) => self.claims.insert(format!("{namespace}/{name}")),
                Unknown::Volume(name) => self.volumes.insert(name.clone()),
                Unknown::Class(name) => self.classes.insert(name.clone()),
            };
        }
    }

    /// Says so.
    pub fn tell(&self, full: &Snapshot, coverage: &mut Coverage) {
        let mut missing = |names: &BTreeSet<String>, what: &str, then: &str| {
            if let Some(first) = names.first() {
                let more = if names.len() > 1 { format!(" and {} more", names.len() - 1) } else { String::new() };
                coverage.missing(format!("{what} {first}{more} not given: {then}"));
            }
        };
        missing(&self.claims, "PersistentVolumeClaim", "the zones and disks of its pods were not regarded");
        missing(&self.volumes, "PersistentVolume", "where it can be reached was not regarded");
        missing(&self.classes, "StorageClass", "where its volumes are made was not regarded");
        let alone = full.storage.claims.values().filter(|claim| claim.one_pod).count();
        if alone > 0 {
            coverage.missing(format!("{alone} claims are for one pod only (ReadWriteOncePod); that was not regarded"));
        }
    }
}

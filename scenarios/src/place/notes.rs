//! What decisions do not rest on, though they might have to, one sentence each.

use std::collections::{BTreeMap, BTreeSet};

use simulator::spec::EXTENDED;

use super::Case;
use crate::intern::volumes::Unknown;

/// Notes on a case: extended resources that are left out, storage objects that were not given, claims for one pod only.
pub(super) fn of(case: &Case, cut: &[String], unknown: BTreeSet<&Unknown>) -> Vec<String> {
    let mut notes = Vec::new();
    if !cut.is_empty() {
        let names = cut.join(", ");
        notes.push(format!(
            "more than {EXTENDED} extended resources are asked for: requests of {names} are NOT looked at, and pods that ask for them \
             may not fit where they are said to go"
        ));
    }
    let mut missing: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for object in unknown {
        let (kind, name) = match object {
            Unknown::Claim(name) => ("PersistentVolumeClaim", name),
            Unknown::Volume(name) => ("PersistentVolume", name),
            Unknown::Class(name) => ("StorageClass", name),
        };
        missing.entry(kind).or_default().push(name);
    }
    for (kind, names) in missing {
        notes.push(format!(
            "{kind} {} not given: volumes are not looked at as far as they depend on it",
            names.join(", ")
        ));
    }
    let snapshot = &case.snapshot;
    let mut alone = snapshot.storage.claims.iter().filter(|(_, claim)| claim.one_pod).peekable();
    if alone.peek().is_some() {
        let names: Vec<&str> = alone.map(|((_, name), _)| name.as_str()).collect();
        notes.push(format!("ReadWriteOncePod of claims {} is not looked at", names.join(", ")));
    }
    notes
}

//! A cell's values written into a snapshot and a change. Values that belong to the operation (the count of a scale, the
//! surge of an upgrade) go there; all others go to the pool as it stands before the change. The cluster is left settled:
//! pods whose node is gone or too small stand elsewhere where they fit, so that the run does not begin with an outage
//! that no one asked about.

mod pool;
mod settle;

use sha2::{Digest, Sha256};

use super::{Axis, Cell, Setting, SettingValue};
use crate::change::{Change, ChangeSettings, Operation, PoolFields, UpgradeFields};
use crate::complaint::{Complaint, Complaints};
use crate::defaults::evidence;
use crate::load::load;
use crate::snapshot::Snapshot;

impl Cell {
    /// Snapshot and change with this cell's values.
    ///
    /// # Errors
    /// Values that do not go with this cluster or change: an unknown size, workload or pool.
    pub fn apply(&self, snapshot: &Snapshot, change: &Change) -> Result<(Snapshot, Change), Complaints> {
        apply(&self.values, snapshot, change)
    }

    /// The values as `axis=value`, for titles and logs.
    pub fn label(&self) -> String {
        label(&self.values)
    }
}

/// Snapshot and change with these values.
///
/// # Errors
/// Values that do not go with this cluster or change.
pub fn apply(values: &[Setting], snapshot: &Snapshot, change: &Change) -> Result<(Snapshot, Change), Complaints> {
    let of = (snapshot, change);
    let (mut snapshot, mut change) = (snapshot.clone(), change.clone());
    let mut complaints = Vec::new();
    for setting in values {
        if let Err(complaint) = set(setting, &mut snapshot, &mut change) {
            complaints.push(complaint);
        }
    }
    if !complaints.is_empty() {
        return Err(Complaints(complaints));
    }
    if !values.is_empty() {
        change.settings.shown = Some(shown(of.0, of.1).unwrap_or(0.0));
        snapshot.digest = derived(&snapshot.digest, values);
        change.id = derived(&change.id, values);
    }
    Ok((snapshot, change))
}

/// What the cluster that is there shows; one that is supposed shows nothing.
fn shown(snapshot: &Snapshot, change: &Change) -> Option<f64> {
    let there = load(change, snapshot, &ChangeSettings::default()).ok()?;
    evidence::shown(&there.settings, &there.scenario.settings, &there.scenario.cluster)
}

fn label(values: &[Setting]) -> String {
    let parts: Vec<String> = values.iter().map(|s| format!("{}={s}", s.axis)).collect();
    parts.join(" ")
}

/// Digest of something edited: of what it was and of the edits.
fn derived(digest: &str, values: &[Setting]) -> String {
    let hash = Sha256::digest(format!("{digest}\n{}", label(values)));
    hash.iter().map(|b| format!("{b:02x}")).collect()
}

fn set(setting: &Setting, snapshot: &mut Snapshot, change: &mut Change) -> Result<(), Complaint> {
    let refuse = |expected: String| Complaint::at(setting.axis.to_string(), setting, expected);
    match (&setting.axis, &setting.value) {
        (Axis::BurstFactor, SettingValue::Number(x)) => change.settings.burst_factor = Some(*x),
        (Axis::BurstsPerDay, SettingValue::Number(x)) => change.settings.bursts_per_day = Some(*x),
        (Axis::DnsQps, SettingValue::Number(x)) => change.settings.dns_qps = Some(*x),
        (Axis::DnsAttempts | Axis::DnsMemoryLimitMib, SettingValue::Number(x)) => {
            change.settings.assume.insert(setting.axis.to_string(), *x);
        }
        (Axis::NodeCount, SettingValue::Count(n)) => match count_of(&mut change.operation) {
            Some(count) => *count = *n,
            None => {
                let name = pool_name(snapshot, change).map_err(refuse)?;
                pool::set_count(snapshot, &name, *n).map_err(refuse)?;
            }
        },
        (Axis::VmSize, SettingValue::Text(size)) => match size_of(&mut change.operation) {
            Some(fields) => fields.vm_size = Some(size.clone()),
            None => {
                let name = pool_name(snapshot, change).map_err(refuse)?;
                pool::set_size(snapshot, &name, size).map_err(refuse)?;
            }
        },
        (Axis::MaxSurge, SettingValue::Text(surge)) => {
            upgrade_settings(snapshot, change).map_err(refuse)?.max_surge = Some(surge.clone());
        }
        (Axis::DrainTimeoutMinutes, SettingValue::Count(n)) => {
            upgrade_settings(snapshot, change).map_err(refuse)?.drain_timeout_in_minutes = Some(*n);
        }
        (Axis::SoakMinutes, SettingValue::Count(n)) => {
            upgrade_settings(snapshot, change).map_err(refuse)?.node_soak_duration_in_minutes = Some(*n);
        }
        (Axis::Replicas { namespace, name }, SettingValue::Count(n)) => {
            pool::set_replicas(snapshot, namespace, name, *n).map_err(refuse)?;
        }
        _ => return Err(refuse("a value of the axis' own kind".to_owned())),
    }
    Ok(())
}

fn count_of(operation: &mut Operation) -> Option<&mut u32> {
    match operation {
        Operation::Scale { count } => Some(count),
        Operation::AddPool { desired } => Some(desired.count.get_or_insert(0)),
        Operation::PutPool { desired: PoolFields { count: Some(count), .. } } => Some(count),
        _ => None,
    }
}

fn size_of(operation: &mut Operation) -> Option<&mut PoolFields> {
    match operation {
        Operation::AddPool { desired } | Operation::ResizePool { desired, .. } => Some(desired),
        _ => None,
    }
}

/// The changed pool as the snapshot spells it.
fn pool_name(snapshot: &Snapshot, change: &Change) -> Result<String, String> {
    let named = change.pool.as_deref().ok_or("a change that names its pool")?;
    let found = snapshot.pools.iter().find(|p| p.name.eq_ignore_ascii_case(named));
    found.map(|p| p.name.clone()).ok_or_else(|| format!("a cluster that has the pool {named}"))
}

/// The upgrade settings in force: the call's own, else the pool's.
fn upgrade_settings<'a>(snapshot: &'a mut Snapshot, change: &'a mut Change) -> Result<&'a mut UpgradeFields, String> {
    let own = matches!(
        change.operation,
        Operation::Upgrade { .. }
            | Operation::SetUpgradeSettings { .. }
            | Operation::AddPool { .. }
            | Operation::PutPool { .. }
    );
    let name = if own { String::new() } else { pool_name(snapshot, change)? };
    match &mut change.operation {
        Operation::Upgrade { settings, .. } | Operation::SetUpgradeSettings { settings } => Ok(settings),
        Operation::AddPool { desired } | Operation::PutPool { desired } => {
            Ok(desired.upgrade_settings.get_or_insert_default())
        }
        _ => {
            let pool = snapshot.pools.iter_mut().find(|p| p.name == name);
            pool.map(|p| &mut p.upgrade_settings).ok_or_else(|| "a pool that exists".to_owned())
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

//! What a write of a whole pool changes: the pool as it stands against the fields written. Which properties change in
//! place, which roll the nodes and which need a new pool stands in [`mutability`].
//!
//! A field the write leaves out, as null or as an empty text keeps its value. One the pool does not show is a change only
//! where the value is not the one it has anyway; and where the pool is not shown whole (read off its nodes, shortened),
//! only a switch that is turned on tells that it needs a new pool.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{Operation, PoolFields};
use crate::azure::mutability::{self, Mutability, Source, Unshown};

/// What AKS shows of every pool (recorded answers up to 2025-11-21): a pool without either is not shown whole.
const ALWAYS_SHOWN: [&str; 2] = ["osDiskType", "osDiskSizeGB"];

/// The operations that lead from `before` to a pool with the fields `after`, in the order AKS would begin them; empty
/// where nothing changes. A write that needs a new pool stays one write: AKS refuses it, so there are no steps to name.
pub fn difference(before: &PoolFields, after: &PoolFields) -> Vec<Operation> {
    let written = written(before, after);
    if written.iter().any(|w| w.mutability == Mutability::NewPool) {
        return vec![Operation::PutPool { desired: after.clone() }];
    }
    if let Some(power) = power_change(before, after) {
        return vec![power];
    }
    let names = |mutability| written.iter().filter(move |w| w.mutability == mutability).map(|w| w.name.clone());
    let mut operations = Vec::new();
    operations.extend(changed(&before.mode, &after.mode).map(|mode| Operation::SetMode { mode }));
    operations.extend(taint_change(before, after));
    operations.extend(label_change(before, after));
    operations.extend(autoscaler_change(before, after));
    operations.extend(count_change(before, after));
    operations.extend(rolling_change(before, after, names(Mutability::Reimage).collect()));
    let names: Vec<String> = names(Mutability::InPlace).collect();
    operations.extend((!names.is_empty()).then_some(Operation::SetProperties { names }));
    operations
}

/// A property that a pool keeps for life, written with another value.
#[derive(Clone, Debug, PartialEq)]
pub struct Fixed {
    /// Name in the API.
    pub name: String,
    /// Value before; `None` where the pool does not show it.
    pub from: Option<Value>,
    /// Value written.
    pub to: Value,
    /// True where only judgement says that it takes a new pool.
    pub inferred: bool,
}

/// Why a write needs a new pool; empty where it does not.
pub fn fixed(before: &PoolFields, after: &PoolFields) -> Vec<Fixed> {
    let written = written(before, after).into_iter().filter(|w| w.mutability == Mutability::NewPool);
    written.map(|Written { name, from, to, inferred, .. }| Fixed { name, from, to, inferred }).collect()
}

/// True where two version texts mean the same: equal, or one is the other's minor version (`1.33` and `1.33.5`; AKS
/// takes the newest patch for a bare minor version, and an unchanged one is left alone).
pub fn same_version(a: &str, b: &str) -> bool {
    let within = |minor: &str, full: &str| full.strip_prefix(minor).is_some_and(|rest| rest.starts_with('.'));
    a == b || within(a, b) || within(b, a)
}

/// The new text where it is given and differs from the old one by more than letter case.
fn changed(before: &Option<String>, after: &Option<String>) -> Option<String> {
    let after = after.as_ref().filter(|after| !after.is_empty())?;
    let same = before.as_ref().is_some_and(|before| before.eq_ignore_ascii_case(after));
    (!same).then(|| after.clone())
}

fn power_change(before: &PoolFields, after: &PoolFields) -> Option<Operation> {
    let before = before.power_state.as_deref().unwrap_or("Running");
    let after = after.power_state.as_deref().unwrap_or(before);
    match (before.eq_ignore_ascii_case("stopped"), after.eq_ignore_ascii_case("stopped")) {
        (false, true) => Some(Operation::StopPool),
        (true, false) => Some(Operation::StartPool),
        _ => None,
    }
}

fn label_change(before: &PoolFields, after: &PoolFields) -> Option<Operation> {
    let labels = after.node_labels.clone()?;
    (labels != before.node_labels.clone().unwrap_or_default()).then_some(Operation::SetLabels { labels })
}

fn taint_change(before: &PoolFields, after: &PoolFields) -> Option<Operation> {
    let taints = after.node_taints.clone()?;
    let set = |taints: &[String]| taints.iter().cloned().collect::<BTreeSet<_>>();
    let same = set(&taints) == set(before.node_taints.as_deref().unwrap_or_default());
    (!same).then_some(Operation::SetTaints { taints })
}

/// The range counts while the autoscaler is on.
fn autoscaler_change(before: &PoolFields, after: &PoolFields) -> Option<Operation> {
    let was = before.enable_auto_scaling.unwrap_or(false);
    let enabled = after.enable_auto_scaling.filter(|on| *on != was);
    let on = enabled.unwrap_or(was);
    let min = after.min_count.filter(|min| on && Some(*min) != before.min_count);
    let max = after.max_count.filter(|max| on && Some(*max) != before.max_count);
    let any = enabled.is_some() || min.is_some() || max.is_some();
    any.then_some(Operation::SetAutoscaler { enabled, min, max })
}

/// A count beside an enabled autoscaler is what the autoscaler chose, not a wish (AKS: manual scale is off while the
/// autoscaler is on).
fn count_change(before: &PoolFields, after: &PoolFields) -> Option<Operation> {
    if after.enable_auto_scaling.or(before.enable_auto_scaling).unwrap_or(false) {
        return None;
    }
    after.count.filter(|count| Some(*count) != before.count).map(|count| Operation::Scale { count })
}

/// New upgrade settings hold for the upgrade that the same write begins.
fn rolling_change(before: &PoolFields, after: &PoolFields, reasons: Vec<String>) -> Option<Operation> {
    let version = after
        .orchestrator_version
        .clone()
        .filter(|new| !new.is_empty())
        .filter(|new| !before.orchestrator_version.as_ref().is_some_and(|old| same_version(old, new)));
    let old = before.upgrade_settings.clone().unwrap_or_default();
    let settings = after.upgrade_settings.clone().filter(|new| new.changes(&old));
    if version.is_some() || !reasons.is_empty() {
        let reason = (!reasons.is_empty()).then(|| reasons.join(", "));
        let settings = settings.unwrap_or_default();
        return Some(Operation::Upgrade { version, node_image_only: false, settings, force: false, reason });
    }
    settings.map(|settings| Operation::SetUpgradeSettings { settings })
}

/// A property without an operation of its own, written with another value.
struct Written {
    name: String,
    from: Option<Value>,
    to: Value,
    mutability: Mutability,
    inferred: bool,
}

/// The properties without an operation of their own that are written with another value, by name; those of a profile
/// whose parts behave differently one by one.
fn written(before: &PoolFields, after: &PoolFields) -> Vec<Written> {
    let old: BTreeMap<String, Value> = shown(before).map(|(name, from)| (name.to_ascii_lowercase(), from)).collect();
    let whole = ALWAYS_SHOWN.iter().any(|name| old.contains_key(&name.to_ascii_lowercase()));
    let mut found = Vec::new();
    for (name, to) in &shown(after).collect::<BTreeMap<_, _>>() {
        let from = old.get(&name.to_ascii_lowercase());
        match to.as_object().filter(|_| mutability::has_parts(name)) {
            Some(parts) => found.extend(parts.iter().filter_map(|(part, to)| {
                let from = from.and_then(|from| from.get(part)).filter(|from| !from.is_null());
                let row = mutability::of(&format!("{name}.{part}")).or_else(|| mutability::of(name));
                write(format!("{name}.{part}"), row, from, to, whole)
            })),
            None => found.extend(write(name.clone(), mutability::of(name), from, to, whole)),
        }
    }
    found
}

/// The properties that have a value, by name.
fn shown(pool: &PoolFields) -> impl Iterator<Item = (String, Value)> + use<> {
    let map = match serde_json::to_value(pool) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    };
    map.into_iter().filter(|(_, value)| !value.is_null())
}

/// A property written over its value, where that changes it.
fn write(
    name: String,
    row: Option<mutability::Property>,
    from: Option<&Value>,
    to: &Value,
    whole: bool,
) -> Option<Written> {
    let unlisted = (Mutability::InPlace, Unshown::Off, Source::Inferred);
    let (kind, unshown, source) = row.map_or(unlisted, |row| (row.mutability, row.unshown, row.source));
    let name = row.filter(|row| row.name.eq_ignore_ascii_case(&name)).map_or(name, |row| row.name.to_owned());
    let kind =
        if name == "osSKU" && !from.is_some_and(|from| are_linux_skus(from, to)) { Mutability::NewPool } else { kind };
    let told = match from {
        _ if matches!(kind, Mutability::ReadOnly | Mutability::Own) || leaves(to) || is_resource_type(&name, to) => {
            false
        }
        Some(from) if name == "tags" => from != to, // written as a whole (AKS docs, use-labels)
        Some(from) => !same(from, to),
        None => match unshown {
            Unshown::Unknown => false,
            Unshown::Is(value) => !same(&Value::String(value.to_owned()), to),
            Unshown::Off => !is_off(to) && (whole || kind != Mutability::NewPool || *to == Value::Bool(true)),
        },
    };
    let inferred = source == Source::Inferred;
    told.then(|| Written { name, from: from.cloned(), to: to.clone(), mutability: kind, inferred })
}

/// Ubuntu and AzureLinux (once Mariner) may take each other's place by a reimage; other changes need a new pool.
fn are_linux_skus(from: &Value, to: &Value) -> bool {
    let linux = |sku: &Value| {
        let sku = sku.as_str().unwrap_or_default().to_ascii_lowercase();
        sku.starts_with("ubuntu") || sku.starts_with("azurelinux") || sku == "mariner" || sku == "cblmariner"
    };
    linux(from) && linux(to)
}

/// The `type` of the resource beside that of the pool: a pool printed by the CLI carries both.
fn is_resource_type(name: &str, to: &Value) -> bool {
    name == "type" && to.as_str().is_some_and(|to| to.contains('/'))
}

/// True for values that leave a property as it is.
fn leaves(to: &Value) -> bool {
    to.is_null() || to.as_str().is_some_and(str::is_empty)
}

/// True where writing `to` over `from` changes nothing: texts without regard to case, numbers by value, lists without
/// regard to order, objects by the fields written.
fn same(from: &Value, to: &Value) -> bool {
    match (from, to) {
        (_, to) if leaves(to) => true,
        (Value::Object(from), Value::Object(to)) => {
            let from = |key| from.get(key).filter(|from| !from.is_null());
            to.iter().all(|(key, to)| from(key).map_or_else(|| is_off(to), |from| same(from, to)))
        }
        (Value::Array(from), Value::Array(to)) => {
            let set = |list: &[Value]| list.iter().map(|v| v.to_string().to_ascii_lowercase()).collect::<BTreeSet<_>>();
            set(from) == set(to)
        }
        (Value::Number(from), Value::Number(to)) => from.as_f64() == to.as_f64(),
        (Value::String(from), Value::Number(to)) => from.parse::<f64>().ok() == to.as_f64(),
        (Value::String(from), Value::String(to)) => from.eq_ignore_ascii_case(to),
        (from, to) => from == to,
    }
}

/// True for values that mean off, empty or not set.
fn is_off(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.values().all(is_off),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn check(before: &str, after: &str, expected: &[&str]) {
        let (before, after) = (serde_json::from_str(before).unwrap(), serde_json::from_str(after).unwrap());
        let found: Vec<String> = difference(&before, &after).iter().map(ToString::to_string).collect();
        assert_eq!(found, expected);
    }

    const POOL: &str = r#"{"count":3,"vmSize":"Standard_D4ds_v5","mode":"System","osType":"Linux","osSku":"Ubuntu",
        "orchestratorVersion":"1.33.5","nodeTaints":["a=b:NoSchedule","c=d:NoSchedule"],"upgradeSettings":{"maxSurge":"10%"},
        "osDiskSizeGB":128,"powerState":"Running"}"#;

    #[test]
    fn equal_pools_differ_in_nothing() {
        check(POOL, POOL, &[]);
        check(POOL, r#"{"vmSize":"standard_d4ds_v5","orchestratorVersion":"1.33","mode":"system"}"#, &[]);
        check(
            POOL,
            r#"{"nodeTaints":["c=d:NoSchedule","a=b:NoSchedule"],"enableFIPS":false,"networkProfile":{}}"#,
            &[],
        );
    }

    #[test]
    fn in_place_changes_stand_alone() {
        check(POOL, r#"{"count":1}"#, &["scale count=1"]);
        check(POOL, r#"{"mode":"User","nodeTaints":[]}"#, &["setMode mode=User", "setTaints taints=[]"]);
        check(POOL, r#"{"enableAutoScaling":true,"minCount":1,"maxCount":5,"count":9}"#, &["setAutoscaler on 1..5"]);
        check(POOL, r#"{"upgradeSettings":{"maxSurge":"33%"}}"#, &["setUpgradeSettings maxSurge=33%"]);
        check(POOL, r#"{"tags":{"a":"b"}}"#, &["setProperties tags"]);
        check(
            POOL,
            r#"{"securityProfile":{"sshAccess":"disabled","enableVTPM":false}}"#,
            &["setProperties securityProfile.sshAccess"],
        );
        check(POOL, r#"{"powerState":"Stopped","count":3}"#, &["stopPool"]);
    }

    #[test]
    fn some_changes_replace_every_node() {
        check(
            POOL,
            r#"{"orchestratorVersion":"1.34.1","upgradeSettings":{"maxSurge":"1"}}"#,
            &["upgrade version=1.34.1 maxSurge=1"],
        );
        check(POOL, r#"{"enableFIPS":true}"#, &["upgrade reason=enableFIPS"]);
        check(POOL, r#"{"securityProfile":{"enableVTPM":true}}"#, &["upgrade reason=securityProfile.enableVTPM"]);
        check(POOL, r#"{"osSku":"AzureLinux"}"#, &["upgrade reason=osSKU"]);
    }

    #[test]
    fn some_changes_need_a_new_pool() {
        check(POOL, r#"{"vmSize":"Standard_D8ds_v5"}"#, &["putPool vmSize=Standard_D8ds_v5"]);
        check(POOL, r#"{"osDiskSizeGB":256}"#, &["putPool +1"]);
        check(POOL, r#"{"osSku":"Windows2022"}"#, &["putPool"]);
        check(POOL, r#"{"scaleSetPriority":"Spot","powerState":"Stopped"}"#, &["putPool priority=Spot power=Stopped"]);
        check(POOL, r#"{"vnetSubnetID":"/subnets/a"}"#, &["putPool +1"]);
    }

    #[test]
    fn what_is_not_shown_is_a_change_where_it_is_no_default() {
        let defaults = r#"{"kubeletDiskType":"OS","workloadRuntime":"ocicontainer","spotMaxPrice":-1.0,"osDiskType":"Managed",
            "scaleSetEvictionPolicy":"Delete","scaleDownMode":"delete","scaleSetPriority":"Regular","kubeletConfig":{"a":null},
            "securityProfile":{"sshAccess":"localuser","enableVTPM":false},"vnetSubnetID":"","tags":null,"hostGroupID":null}"#;
        check(POOL, defaults, &[]);
        check(POOL, r#"{"kubeletDiskType":"Temporary"}"#, &["putPool +1"]);
        let shortened = r#"{"count":3}"#;
        check(shortened, r#"{"vnetSubnetID":"/subnets/a","kubeletConfig":{"podMaxPids":5}}"#, &[]);
        check(shortened, r#"{"enableUltraSSD":true}"#, &["putPool +1"]);
        check(shortened, r#"{"localDNSProfile":{"mode":"Required"}}"#, &["upgrade reason=localDNSProfile"]);
    }

    #[test]
    fn maps_are_replaced_and_profiles_are_filled_in() {
        let pool = r#"{"osDiskSizeGB":128,"tags":{"a":"b","c":"d"},"kubeletConfig":{"podMaxPids":5,"failSwapOn":true},
            "networkProfile":{"allowedHostPorts":[1,2]}}"#;
        check(pool, r#"{"tags":{"a":"b"}}"#, &["setProperties tags"]);
        check(pool, r#"{"kubeletConfig":{"podMaxPids":5.0}}"#, &[]);
        check(pool, r#"{"networkProfile":{"allowedHostPorts":[2,1]}}"#, &[]);
        check(
            pool,
            r#"{"networkProfile":{"allowedHostPorts":[3]}}"#,
            &["setProperties networkProfile.allowedHostPorts"],
        );
        check(
            pool,
            r#"{"networkProfile":{"applicationSecurityGroups":["x"]}}"#,
            &["upgrade reason=networkProfile.applicationSecurityGroups"],
        );
    }
}

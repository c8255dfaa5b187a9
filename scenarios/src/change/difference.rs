//! What a write of a whole pool changes: the pool as it stands against the fields written. Which properties change in
//! place, which roll the nodes and which need a new pool follows Azure's node disruption policy page (2026-03-11) and
//! recorded exchanges (API 2025-09-02-preview).
//!
//! A field the write leaves out keeps its value. Read-only fields are left out before, where messages are read.

use serde_json::Value;

use super::{Operation, PoolFields, UpgradeFields};

/// Properties whose change reimages every node, by API name in lower case.
const REIMAGE: [&str; 8] = [
    "enablefips",
    "securityprofile.enablevtpm",
    "securityprofile.enablesecureboot",
    "localdnsprofile",
    "artifactstreamingprofile",
    "capacityreservationgroupid",
    "networkprofile",
    "enablecustomcatrust",
];

/// Properties a pool is born with, by API name in lower case: changing one takes a new pool.
const FIXED: [&str; 20] = [
    "osdisktype",
    "osdisksizegb",
    "kubeletdisktype",
    "kubeletconfig",
    "linuxosconfig",
    "windowsprofile",
    "gpuinstanceprofile",
    "gpuprofile",
    "vnetsubnetid",
    "podsubnetid",
    "proximityplacementgroupid",
    "hostgroupid",
    "nodepublicipprefixid",
    "scalesetevictionpolicy",
    "spotmaxprice",
    "enableencryptionathost",
    "enableultrassd",
    "enablenodepublicip",
    "creationdata",
    "messageoftheday",
];

/// Scale profiles of pools of type VirtualMachines; count, size and autoscaler speak for them.
const MACHINES: &str = "virtualMachinesProfile";

/// The operations that lead from `before` to a pool with the fields `after`, in the order AKS would begin them; empty
/// where nothing changes. A write that needs a new pool stays one write: AKS refuses it, so there are no steps to name.
pub fn difference(before: &PoolFields, after: &PoolFields) -> Vec<Operation> {
    if let Some(power) = power_change(before, after) {
        return vec![power];
    }
    if needs_new_pool(before, after) {
        return vec![Operation::PutPool { desired: after.clone() }];
    }
    let mut operations = Vec::new();
    operations.extend(changed(&before.mode, &after.mode).map(|mode| Operation::SetMode { mode }));
    operations.extend(label_change(before, after));
    operations.extend(taint_change(before, after));
    operations.extend(autoscaler_change(before, after));
    operations.extend(count_change(before, after));
    operations.extend(rolling_change(before, after));
    operations.extend(property_change(before, after));
    operations
}

/// True where two version texts mean the same: equal, or one is the other's minor version (`1.33` and `1.33.5`; AKS
/// takes the newest patch for a bare minor version, and an unchanged one is left alone).
pub fn same_version(a: &str, b: &str) -> bool {
    let within = |minor: &str, full: &str| full.strip_prefix(minor).is_some_and(|rest| rest.starts_with('.'));
    a == b || within(a, b) || within(b, a)
}

/// The new text where it is given and differs from the old one by more than letter case.
fn changed(before: &Option<String>, after: &Option<String>) -> Option<String> {
    let after = after.as_ref()?;
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

fn needs_new_pool(before: &PoolFields, after: &PoolFields) -> bool {
    let text = |before: &Option<String>, after: &Option<String>| before.is_some() && changed(before, after).is_some();
    text(&before.vm_size, &after.vm_size)
        || text(&before.os_type, &after.os_type)
        || text(&before.scale_set_priority, &after.scale_set_priority)
        || (before.max_pods.is_some() && after.max_pods.is_some() && before.max_pods != after.max_pods)
        || zones(before) != zones(after) && after.availability_zones.is_some()
        || other_changes(before, after).iter().any(|name| FIXED.contains(&name.to_ascii_lowercase().as_str()))
        || (os_sku_change(before, after).is_some() && !within_linux_skus(before, after))
}

fn zones(pool: &PoolFields) -> Vec<String> {
    let mut zones = pool.availability_zones.clone().unwrap_or_default();
    zones.sort();
    zones
}

fn os_sku_change(before: &PoolFields, after: &PoolFields) -> Option<String> {
    before.os_sku.as_ref()?;
    changed(&before.os_sku, &after.os_sku)
}

/// Ubuntu and AzureLinux may take each other's place by a reimage; other changes need a new pool.
fn within_linux_skus(before: &PoolFields, after: &PoolFields) -> bool {
    let linux = |sku: &Option<String>| {
        let sku = sku.as_deref().unwrap_or_default().to_ascii_lowercase();
        sku.starts_with("ubuntu") || sku.starts_with("azurelinux") || sku == "mariner" || sku == "cblmariner"
    };
    linux(&before.os_sku) && linux(&after.os_sku)
}

fn label_change(before: &PoolFields, after: &PoolFields) -> Option<Operation> {
    let labels = after.node_labels.clone()?;
    (labels != before.node_labels.clone().unwrap_or_default()).then_some(Operation::SetLabels { labels })
}

fn taint_change(before: &PoolFields, after: &PoolFields) -> Option<Operation> {
    let taints = after.node_taints.clone()?;
    let sorted = |taints: &[String]| {
        let mut taints = taints.to_vec();
        taints.sort();
        taints
    };
    let same = sorted(&taints) == sorted(before.node_taints.as_deref().unwrap_or_default());
    (!same).then_some(Operation::SetTaints { taints })
}

fn autoscaler_change(before: &PoolFields, after: &PoolFields) -> Option<Operation> {
    let enabled = after.enable_auto_scaling.filter(|on| *on != before.enable_auto_scaling.unwrap_or(false));
    let min = after.min_count.filter(|min| Some(*min) != before.min_count);
    let max = after.max_count.filter(|max| Some(*max) != before.max_count);
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

fn rolling_change(before: &PoolFields, after: &PoolFields) -> Option<Operation> {
    let version = after
        .orchestrator_version
        .clone()
        .filter(|new| !before.orchestrator_version.as_ref().is_some_and(|old| same_version(old, new)));
    let mut reasons: Vec<String> = other_changes(before, after);
    reasons.retain(|name| REIMAGE.contains(&name.to_ascii_lowercase().as_str()));
    if os_sku_change(before, after).is_some() {
        reasons.push("osSKU".to_owned());
    }
    let settings = after.upgrade_settings.clone().filter(|new| differs(before, new));
    if version.is_some() || !reasons.is_empty() {
        let reason = (!reasons.is_empty()).then(|| reasons.join(", "));
        let settings = settings.unwrap_or_default();
        return Some(Operation::Upgrade { version, node_image_only: false, settings, force: false, reason });
    }
    settings.map(|settings| Operation::SetUpgradeSettings { settings })
}

/// True where a given setting differs from the pool's; what a pool does not show has AKS' default (rolling upgrade page of
/// 2026-05-29). The default surge depends on the version, so a surge counts where it is newly given.
fn differs(before: &PoolFields, new: &UpgradeFields) -> bool {
    let old = before.upgrade_settings.clone().unwrap_or_default();
    let text = |old: &Option<String>, new: &Option<String>, default: Option<&str>| {
        changed(&old.clone().or(default.map(str::to_owned)), new).is_some()
    };
    let number =
        |old: Option<u32>, new: Option<u32>, default: u32| new.is_some_and(|new| new != old.unwrap_or(default));
    text(&old.max_surge, &new.max_surge, None)
        || text(&old.max_unavailable, &new.max_unavailable, Some("0"))
        || text(&old.undrainable_node_behavior, &new.undrainable_node_behavior, Some("Schedule"))
        || text(&old.max_blocked_nodes, &new.max_blocked_nodes, None)
        || text(&old.strategy, &new.strategy, Some("Rolling"))
        || text(&old.drain_batch_size, &new.drain_batch_size, Some("10%"))
        || number(old.drain_timeout_in_minutes, new.drain_timeout_in_minutes, 30)
        || number(old.node_soak_duration_in_minutes, new.node_soak_duration_in_minutes, 0)
        || number(old.batch_soak_duration_in_minutes, new.batch_soak_duration_in_minutes, 15)
        || number(old.final_soak_duration_in_minutes, new.final_soak_duration_in_minutes, 60)
}

fn property_change(before: &PoolFields, after: &PoolFields) -> Option<Operation> {
    let mut names = other_changes(before, after);
    names.retain(|name| !REIMAGE.contains(&name.to_ascii_lowercase().as_str()));
    names.extend(changed(&before.scale_down_mode, &after.scale_down_mode).map(|_| "scaleDownMode".to_owned()));
    (!names.is_empty()).then_some(Operation::SetProperties { names })
}

/// Names of the other properties written with another value; those of `securityProfile` one by one, since only some of
/// them reimage. A property the pool does not show is a change only where the value is not the one it has anyway.
fn other_changes(before: &PoolFields, after: &PoolFields) -> Vec<String> {
    let mut names = Vec::new();
    for (name, new) in after.other.iter().filter(|(name, _)| !name.eq_ignore_ascii_case(MACHINES)) {
        let old = before.other.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
        if same(old, new) {
            continue;
        }
        match new.as_object().filter(|_| name.eq_ignore_ascii_case("securityProfile")) {
            Some(parts) => {
                let old = |part: &str| old.and_then(|old| old.get(part));
                let changed = parts.iter().filter(|(part, new)| !same(old(part), new));
                names.extend(changed.map(|(part, _)| format!("{name}.{part}")));
            }
            None => names.push(name.clone()),
        }
    }
    names
}

/// True where writing `new` over `old` changes nothing: texts without regard to case, objects by the fields written.
fn same(old: Option<&Value>, new: &Value) -> bool {
    match (old.filter(|old| !old.is_null()), new) {
        (None, new) => is_default(new),
        (Some(Value::Object(old)), Value::Object(new)) => new.iter().all(|(key, new)| same(old.get(key), new)),
        (Some(Value::Array(old)), Value::Array(new)) => {
            old.len() == new.len() && old.iter().zip(new).all(|(old, new)| same(Some(old), new))
        }
        (Some(old), new) => old.to_string().eq_ignore_ascii_case(&new.to_string()),
    }
}

fn is_default(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(number) => matches!(number.as_f64(), Some(n) if n == 0.0 || n == -1.0),
        Value::String(text) => ["", "os", "ocicontainer", "virtualmachinescalesets", "delete"]
            .contains(&text.to_ascii_lowercase().as_str()),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.values().all(is_default),
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
    }
}

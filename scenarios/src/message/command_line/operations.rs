//! What the commands of `az aks` and `az aks nodepool` do to pools (azure-cli with the aks-preview extension, 2025-11).

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::resource::Target;
use super::arguments::Arguments;
use crate::change::{ClusterRef, Operation, PoolFields, UpgradeFields};

/// Nodes the CLI asks for where the command does not say.
const DEFAULT_COUNT: u32 = 3;

/// Name the CLI gives to the first pool of a cluster.
const FIRST_POOL: &str = "nodepool1";

/// Options of `nodepool update` that reimage every node, with the property they set.
const REIMAGE: [(&str, &str); 13] = [
    ("--enable-fips-image", "enableFIPS"),
    ("--disable-fips-image", "enableFIPS"),
    ("--os-sku", "osSKU"),
    ("--enable-vtpm", "securityProfile.enableVTPM"),
    ("--disable-vtpm", "securityProfile.enableVTPM"),
    ("--enable-secure-boot", "securityProfile.enableSecureBoot"),
    ("--disable-secure-boot", "securityProfile.enableSecureBoot"),
    ("--localdns-config", "localDNSProfile"),
    ("--enable-artifact-streaming", "artifactStreamingProfile"),
    ("--disable-artifact-streaming", "artifactStreamingProfile"),
    ("--crg-id", "capacityReservationGroupID"),
    ("--allowed-host-ports", "networkProfile"),
    ("--asg-ids", "networkProfile"),
];

/// Options of `nodepool update` that no node notices, with the property they set.
const PROPERTIES: [(&str, &str); 4] = [
    ("--tags", "tags"),
    ("--scale-down-mode", "scaleDownMode"),
    ("--ssh-access", "securityProfile.sshAccess"),
    ("--workload-runtime", "workloadRuntime"),
];

/// What one command does.
pub struct Found {
    /// The cluster.
    pub cluster: ClusterRef,
    /// The pool, where one is named.
    pub pool: Option<String>,
    /// The operations, in order.
    pub operations: Vec<Operation>,
}

/// Reads a command: what it does, or the reason why that is no pool operation (`None` where there are complaints).
pub fn read(arguments: &mut Arguments<'_>) -> Result<Found, Option<String>> {
    let words: Vec<String> = arguments.words.clone();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (operations, of_pool) = match words.as_slice() {
        ["aks", "nodepool", verb] => (nodepool(verb, arguments)?, true),
        ["aks", verb] => (cluster(verb, arguments)?, false),
        other => {
            return Err(Some(format!("az {} is no command about AKS pools", other.join(" "))));
        }
    };
    let (cluster, pool) = place(of_pool, arguments).ok_or(None)?;
    Ok(Found { cluster, pool, operations })
}

/// Cluster and pool from names, or from `--ids`.
fn place(of_pool: bool, arguments: &mut Arguments<'_>) -> Option<(ClusterRef, Option<String>)> {
    if arguments.given("--ids") {
        let target = Target::parse(&arguments.text("--ids")?);
        let sound = target.cluster.is_some() && (target.pool.is_some() || !of_pool);
        if !sound {
            arguments.complain("--ids", &target.id, "the resource id of an AKS cluster or agent pool");
        }
        return target.cluster_ref().filter(|_| sound).map(|cluster| (cluster, target.pool));
    }
    let cluster_option = if of_pool { "--cluster-name" } else { "--name" };
    let cluster = needed(cluster_option, "the name of the cluster", arguments);
    let pool = match of_pool {
        true if arguments.given("--nodepool-name") => Some(arguments.text("--nodepool-name")?),
        true => Some(needed("--name", "the name of the pool", arguments)?),
        false if arguments.given("--nodepool-name") => Some(arguments.text("--nodepool-name")?),
        false => (arguments.words.last().is_some_and(|verb| verb == "create")).then(|| FIRST_POOL.to_owned()),
    };
    let lower = |text: Option<String>| text.map(|text| text.to_lowercase());
    let group = lower(arguments.given("--resource-group").then(|| arguments.text("--resource-group")).flatten());
    let subscription = lower(arguments.given("--subscription").then(|| arguments.text("--subscription")).flatten());
    let name = cluster?.to_lowercase();
    let id = match (&subscription, &group) {
        (Some(subscription), Some(group)) => Some(format!(
            "/subscriptions/{subscription}/resourcegroups/{group}/providers/microsoft.containerservice/managedclusters/{name}"
        )),
        _ => None,
    };
    Some((ClusterRef { id, name, resource_group: group, subscription }, lower(pool)))
}

fn needed(name: &str, expected: &str, arguments: &mut Arguments<'_>) -> Option<String> {
    if !arguments.given(name) {
        arguments.complain(name, "nothing", expected);
        return None;
    }
    arguments.text(name)
}

fn nodepool(verb: &str, arguments: &mut Arguments<'_>) -> Result<Vec<Operation>, Option<String>> {
    let operation = match verb {
        "scale" => Operation::Scale { count: node_count(arguments)? },
        "add" => Operation::AddPool { desired: pool(arguments, "User") },
        "delete" => Operation::DeletePool { ignore_pdb: arguments.flag("--ignore-pdb") },
        "upgrade" => upgrade(arguments),
        "update" => return update(arguments),
        "stop" => Operation::StopPool,
        "start" => Operation::StartPool,
        "operation-abort" => Operation::Abort,
        "rollback" => Operation::Rollback,
        "delete-machines" => {
            let machines = arguments.list("--machine-names").filter(|names| !names.is_empty());
            if machines.is_none() {
                arguments.complain("--machine-names", "nothing", "the names of the machines");
            }
            Operation::DeleteMachines { machines: machines.ok_or(None)? }
        }
        other => return Err(Some(format!("az aks nodepool {other} changes no pool"))),
    };
    Ok(vec![operation])
}

fn cluster(verb: &str, arguments: &mut Arguments<'_>) -> Result<Vec<Operation>, Option<String>> {
    let operation = match verb {
        "scale" => Operation::Scale { count: node_count(arguments)? },
        "upgrade" if arguments.flag("--control-plane-only") => {
            return Err(Some("az aks upgrade --control-plane-only leaves the pools alone".to_owned()));
        }
        "upgrade" => upgrade(arguments),
        "update" => {
            let operations: Vec<Operation> =
                [autoscaler(arguments), labels(arguments), taints(arguments)].into_iter().flatten().collect();
            let none = "az aks update without options about pools leaves them as they are";
            return if operations.is_empty() { Err(Some(none.to_owned())) } else { Ok(operations) };
        }
        "create" => Operation::AddPool { desired: pool(arguments, "System") },
        "rotate-certs" => Operation::RotateCertificates,
        "stop" => Operation::StopPool,
        "start" => Operation::StartPool,
        "delete" => Operation::DeletePool { ignore_pdb: false },
        "operation-abort" => Operation::Abort,
        other => return Err(Some(format!("az aks {other} changes no pool"))),
    };
    Ok(vec![operation])
}

fn node_count(arguments: &mut Arguments<'_>) -> Result<u32, Option<String>> {
    if !arguments.given("--node-count") {
        arguments.complain("--node-count", "nothing", "how many nodes the pool shall have");
    }
    arguments.count("--node-count").ok_or(None)
}

fn upgrade(arguments: &mut Arguments<'_>) -> Operation {
    Operation::Upgrade {
        version: arguments.text("--kubernetes-version"),
        node_image_only: arguments.flag("--node-image-only"),
        settings: upgrade_settings(arguments),
        force: arguments.flag("--enable-force-upgrade"),
        reason: arguments.given("--snapshot-id").then(|| "node pool snapshot".to_owned()),
    }
}

/// An update may set several things at once; each is an operation of its own.
fn update(arguments: &mut Arguments<'_>) -> Result<Vec<Operation>, Option<String>> {
    if arguments.given("--node-vm-size") {
        let desired = PoolFields { vm_size: arguments.text("--node-vm-size"), ..PoolFields::default() };
        return Ok(vec![Operation::ResizePool { desired, method: "resize".to_owned() }]);
    }
    let mut operations = Vec::new();
    operations.extend(arguments.text("--mode").map(|mode| Operation::SetMode { mode: spelled(&mode) }));
    operations.extend(labels(arguments));
    operations.extend(taints(arguments));
    operations.extend(autoscaler(arguments));
    let settings = upgrade_settings(arguments);
    let reasons = named(&REIMAGE, arguments);
    if !reasons.is_empty() {
        let reason = Some(reasons.join(", "));
        operations.push(Operation::Upgrade { version: None, node_image_only: false, settings, force: false, reason });
    } else if !settings.is_empty() {
        operations.push(Operation::SetUpgradeSettings { settings });
    }
    let names = named(&PROPERTIES, arguments);
    operations.extend((!names.is_empty()).then_some(Operation::SetProperties { names }));
    let none = "az aks nodepool update without options that are known changes nothing";
    if operations.is_empty() { Err(Some(none.to_owned())) } else { Ok(operations) }
}

fn named(table: &[(&str, &str)], arguments: &Arguments<'_>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for (option, name) in table {
        if arguments.given(option) && !names.iter().any(|known| known == name) {
            names.push((*name).to_owned());
        }
    }
    names
}

/// The CLI takes `user` and `system` in any case.
fn spelled(mode: &str) -> String {
    let known = ["System", "User", "Gateway", "ManagedSystem", "Machines"];
    known
        .iter()
        .find(|known| known.eq_ignore_ascii_case(mode))
        .map_or_else(|| mode.to_owned(), |known| (*known).to_owned())
}

fn autoscaler(arguments: &mut Arguments<'_>) -> Option<Operation> {
    let enabled = if arguments.flag("--enable-cluster-autoscaler") {
        Some(true)
    } else if arguments.flag("--disable-cluster-autoscaler") {
        Some(false)
    } else {
        None
    };
    let (min, max) = (arguments.count("--min-count"), arguments.count("--max-count"));
    (enabled.is_some() || min.is_some() || max.is_some()).then_some(Operation::SetAutoscaler { enabled, min, max })
}

fn labels(arguments: &mut Arguments<'_>) -> Option<Operation> {
    Some(Operation::SetLabels { labels: label_map(arguments)? })
}

fn label_map(arguments: &mut Arguments<'_>) -> Option<BTreeMap<String, String>> {
    let mut labels = BTreeMap::new();
    for word in arguments.list("--labels")?.iter().flat_map(|word| word.split_whitespace()) {
        match word.split_once('=') {
            Some((key, value)) => _ = labels.insert(key.to_owned(), value.to_owned()),
            None => arguments.complain("--labels", word, "labels as key=value"),
        }
    }
    Some(labels)
}

fn taints(arguments: &mut Arguments<'_>) -> Option<Operation> {
    Some(Operation::SetTaints {
        taints: taint_list(arguments, "--node-taints").or_else(|| taint_list(arguments, "--nodepool-taints"))?,
    })
}

fn taint_list(arguments: &Arguments<'_>, name: &str) -> Option<Vec<String>> {
    let words = arguments.list(name)?;
    let taints = words.iter().flat_map(|word| word.split(',')).map(str::trim).filter(|taint| !taint.is_empty());
    Some(taints.map(str::to_owned).collect())
}

fn upgrade_settings(arguments: &mut Arguments<'_>) -> UpgradeFields {
    let blue_green_drain = arguments.count("--drain-timeout-bg");
    UpgradeFields {
        max_surge: arguments.quantity("--max-surge"),
        max_unavailable: arguments.quantity("--max-unavailable"),
        drain_timeout_in_minutes: arguments.count("--drain-timeout").or(blue_green_drain),
        node_soak_duration_in_minutes: arguments.count("--node-soak-duration"),
        undrainable_node_behavior: arguments.text("--undrainable-node-behavior"),
        max_blocked_nodes: arguments.quantity("--max-blocked-nodes"),
        strategy: arguments.text("--upgrade-strategy"),
        drain_batch_size: arguments.quantity("--drain-batch-size"),
        batch_soak_duration_in_minutes: arguments.count("--batch-soak-duration"),
        final_soak_duration_in_minutes: arguments.count("--final-soak-duration"),
        override_until: arguments.text("--upgrade-override-until"),
    }
}

/// The pool of `nodepool add`, with what the CLI fills in.
fn pool(arguments: &mut Arguments<'_>, mode: &str) -> PoolFields {
    let mut other: BTreeMap<String, Value> = BTreeMap::new();
    for (option, name) in [
        ("--eviction-policy", "scaleSetEvictionPolicy"),
        ("--node-osdisk-type", "osDiskType"),
        ("--vnet-subnet-id", "vnetSubnetID"),
        ("--pod-subnet-id", "podSubnetID"),
        ("--gpu-instance-profile", "gpuInstanceProfile"),
        ("--workload-runtime", "workloadRuntime"),
    ] {
        other.extend(arguments.text(option).map(|text| (name.to_owned(), Value::String(text))));
    }
    other.extend(arguments.count("--node-osdisk-size").map(|size| ("osDiskSizeGB".to_owned(), size.into())));
    if let Some(price) = arguments.text("--spot-max-price") {
        match price.parse::<f64>().ok().and_then(serde_json::Number::from_f64) {
            Some(price) => _ = other.insert("spotMaxPrice".to_owned(), Value::Number(price)),
            None => arguments.complain("--spot-max-price", &price, "a price in USD, or -1"),
        }
    }
    if arguments.flag("--enable-fips-image") {
        other.insert("enableFIPS".to_owned(), Value::Bool(true));
    }
    let settings = upgrade_settings(arguments);
    PoolFields {
        count: Some(if arguments.given("--node-count") {
            arguments.count("--node-count").unwrap_or(0)
        } else {
            DEFAULT_COUNT
        }),
        vm_size: arguments.text("--node-vm-size"),
        mode: Some(arguments.text("--mode").map_or_else(|| mode.to_owned(), |mode| spelled(&mode))),
        os_type: arguments.text("--os-type"),
        os_sku: arguments.text("--os-sku"),
        max_pods: arguments.count("--max-pods"),
        orchestrator_version: arguments.text("--kubernetes-version"),
        enable_auto_scaling: arguments.flag("--enable-cluster-autoscaler").then_some(true),
        min_count: arguments.count("--min-count"),
        max_count: arguments.count("--max-count"),
        availability_zones: arguments.list("--zones"),
        node_labels: label_map(arguments),
        node_taints: taint_list(arguments, "--node-taints"),
        scale_set_priority: arguments.text("--priority"),
        scale_down_mode: arguments.text("--scale-down-mode"),
        power_state: None,
        upgrade_settings: Some(settings).filter(|settings| !settings.is_empty()),
        other,
    }
}

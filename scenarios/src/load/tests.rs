//! What a change comes to on a small cluster.

mod admission;
mod begun;
mod durations;
mod evidence;
mod functions;
mod images;
mod provisioning;
mod replace;
mod volumes;

use simulator::change::{Operation as Simulated, Undrainable};
use simulator::spec::{Quantity, Role, Scaling};

use super::*;
use crate::change::{BurstFields, ClusterRef, Phase, PoolFields, Source, UpgradeFields};

/// Three system nodes over three zones, two application nodes.
const POOLS: &str = r#"{"schema":"poolproof.snapshot/1","cluster":{"name":"c","location":"westeurope"},"agentPools":[
    {"name":"system1","count":3,"vmSize":"Standard_D4s_v3","mode":"System","osType":"Linux","orchestratorVersion":"1.33","currentOrchestratorVersion":"1.33.2",
     "maxPods":110,"availabilityZones":["1","2","3"],"osSKU":"Ubuntu","upgradeSettings":{"maxSurge":"33%"},"nodeLabels":{"team":"a"},
     "nodeTaints":["CriticalAddonsOnly=true:NoSchedule"],"scaleDownMode":"Delete","enableFIPS":false,"tags":{"env":"dev"}},
    {"name":"apps","count":2,"vmSize":"Standard_D4s_v3","mode":"User","orchestratorVersion":"1.33.2","maxPods":110}]}"#;

fn change(pool: &str, operation: Operation) -> Change {
    Change {
        id: "t".into(),
        phase: Phase::Proposed,
        source: Source::default(),
        cluster: ClusterRef::default(),
        pool: (!pool.is_empty()).then(|| pool.to_owned()),
        operation,
        summary: String::new(),
        result: None,
        snapshot: None,
        snapshot_ref: None,
        settings: ChangeSettings::default(),
    }
}

fn try_load(pool: &str, operation: Operation, snapshot: &str) -> Result<Loaded, String> {
    let snapshot = Snapshot::from_json(snapshot.as_bytes()).unwrap();
    load(&change(pool, operation), &snapshot, &ChangeSettings::default()).map_err(|c| c.to_string())
}

fn loaded(pool: &str, operation: Operation) -> Loaded {
    try_load(pool, operation, POOLS).unwrap()
}

/// Operations on pools, without what comes before them.
fn of_pools(l: &Loaded) -> Vec<&Planned> {
    l.scenario.changes.iter().filter(|p| p.operation.pool().is_some()).collect()
}

fn put(json: &str) -> Operation {
    Operation::PutPool { desired: serde_json::from_str::<PoolFields>(json).unwrap() }
}

fn upgrade(version: Option<&str>) -> Operation {
    Operation::Upgrade {
        version: version.map(Into::into),
        node_image_only: version.is_none(),
        settings: UpgradeFields::default(),
        force: false,
        reason: None,
    }
}

/// The operations a whole-pool write amounts to, in short.
fn check_put(json: &str, expected: &[&str]) {
    let operations = loaded("system1", put(json)).operations;
    let found: Vec<String> = operations
        .iter()
        .map(|o| {
            let value = serde_json::to_value(o).unwrap();
            let detail = ["count", "version", "mode", "reason", "names", "taints", "enabled"]
                .iter()
                .find_map(|k| value.get(*k).filter(|v| !v.is_null()));
            format!("{} {}", value["kind"].as_str().unwrap(), detail.map(ToString::to_string).unwrap_or_default())
                .trim()
                .to_owned()
        })
        .collect();
    assert_eq!(found, expected, "{json}");
}

#[test]
fn a_whole_pool_write_becomes_what_it_changes() {
    check_put("{}", &[]);
    check_put(
        r#"{"count":3,"vmSize":"standard_d4s_v3","mode":"system","orchestratorVersion":"1.33","enableFIPS":false,"tags":{"env":"dev"},"provisioningState":"Failed"}"#,
        &[],
    );
    check_put(r#"{"count":5}"#, &["scale 5"]);
    check_put(r#"{"orchestratorVersion":"1.34.1"}"#, &[r#"upgrade "1.34.1""#]);
    check_put(r#"{"orchestratorVersion":"1.33.2"}"#, &[]);
    check_put(r#"{"enableFIPS":true,"osSku":"AzureLinux"}"#, &[r#"upgrade "enableFIPS, osSKU""#]);
    check_put(
        r#"{"mode":"User","nodeTaints":[],"nodeLabels":{"team":"b"}}"#,
        &[r#"setMode "User""#, "setTaints []", "setLabels"],
    );
    check_put(r#"{"enableAutoScaling":true,"minCount":2,"maxCount":5}"#, &["setAutoscaler true"]);
    check_put(r#"{"upgradeSettings":{"maxSurge":"1"}}"#, &["setUpgradeSettings"]);
    check_put(r#"{"upgradeSettings":{"maxSurge":"33%"}}"#, &[]);
    check_put(
        r#"{"tags":{"env":"prod"},"scaleDownMode":"Deallocate"}"#,
        &[r#"setProperties ["scaleDownMode","tags"]"#],
    );
    check_put(r#"{"vmSize":"Standard_D8s_v3"}"#, &["resizePool"]);
    check_put(r#"{"maxPods":50}"#, &["resizePool"]);
    check_put(r#"{"availabilityZones":["3","2","1"]}"#, &[]);
    check_put(r#"{"powerState":"Stopped"}"#, &["stopPool"]);
    check_put(r#"{"count":4,"orchestratorVersion":"1.34"}"#, &["scale 4", r#"upgrade "1.34""#]);
    check_put(r#"{"enableAutoScaling":true,"count":9}"#, &["setAutoscaler true"]);
    check_put(r#"{"enableAutoScaling":false,"minCount":1,"maxCount":5}"#, &[]);
    check_put(r#"{"osSku":"Windows2022"}"#, &["resizePool"]);
    check_put(r#"{"enableEncryptionAtHost":true}"#, &["resizePool"]);
    check_put(r#"{"workloadRuntime":"WasmWasi"}"#, &[r#"setProperties ["workloadRuntime"]"#]);
    check_put(r#"{"securityProfile":{"sshAccess":"Disabled"}}"#, &[r#"setProperties ["securityProfile.sshAccess"]"#]);
    check_put(r#"{"securityProfile":{"enableVTPM":true}}"#, &[r#"upgrade "securityProfile.enableVTPM""#]);
    check_put(r#"{"tags":null,"vnetSubnetID":"/subnets/a","osDiskSizeGB":128,"type":"VirtualMachineScaleSets"}"#, &[]);
}

#[test]
fn a_pool_written_as_it_is_shown_does_not_change() {
    let shown = r#"{"name":"n","type":"VirtualMachineScaleSets","count":3,"vmSize":"Standard_D4s_v3","mode":"System","osType":"Linux",
        "osSKU":"Ubuntu","osDiskSizeGB":128,"osDiskType":"Managed","kubeletDiskType":"OS","workloadRuntime":"OCIContainer",
        "orchestratorVersion":"1.33","currentOrchestratorVersion":"1.33.2","maxPods":110,"scaleDownMode":"Delete",
        "powerState":{"code":"Running"},"networkProfile":{},"eTag":"e","provisioningState":"Succeeded","tags":{"a":"b"},
        "creationData":{"sourceResourceId":"/snapshots/s"},"upgradeSettings":{"maxSurge":"10%","maxUnavailable":"0"},
        "securityProfile":{"sshAccess":"LocalUser","enableVTPM":false,"enableSecureBoot":false},"spotMaxPrice":-1.0}"#;
    let snapshot = Snapshot::from_json(format!(r#"{{"agentPools":[{shown}]}}"#).as_bytes()).unwrap();
    let map: serde_json::Map<String, serde_json::Value> = serde_json::from_str(shown).unwrap();
    let mut desired = crate::message::pool_fields::read(&map, "", &mut Vec::new());
    let fields = snapshot.pools[0].fields();
    assert_eq!(crate::change::difference(&fields, &fields), []);
    assert_eq!(crate::change::difference(&fields, &desired), []);
    desired.other.insert("spotMaxPrice".into(), (-1).into());
    assert_eq!(crate::change::difference(&fields, &desired), []);
    desired.other.insert("creationData".into(), serde_json::json!({"sourceResourceId": "/snapshots/t"}));
    assert_eq!(crate::change::fixed(&fields, &desired).len(), 1);
}

#[test]
fn an_upgrade_takes_the_settings_written_with_it() {
    let both = put(r#"{"orchestratorVersion":"1.34.0","upgradeSettings":{"maxSurge":"2"}}"#);
    let l = loaded("system1", both);
    let [planned] = l.scenario.changes.as_slice() else { panic!("one operation") };
    let Simulated::Upgrade { how, .. } = &planned.operation else { panic!("an upgrade") };
    assert_eq!(how.max_surge, Quantity::Count(2));
}

#[test]
fn a_new_pool_of_an_unknown_mode_is_taken_with_a_warning() {
    let desired = serde_json::from_str(r#"{"count":2,"mode":"Quantum","vmSize":"Standard_D4s_v3"}"#).unwrap();
    let l = loaded("new1", Operation::AddPool { desired });
    assert!(l.findings.iter().any(|f| f.id == "mode-unknown" && !f.blocks), "{:?}", l.findings);
    assert_eq!(simulator::simulate(&l.scenario, 1, 0).operations.len(), 1);
}

#[test]
fn what_is_not_simulated_is_refused_in_one_line() {
    let text = try_load("apps", Operation::Unknown, POOLS).unwrap_err();
    let kind = "unknown (the message does not say what it changes)";
    assert!(text.starts_with(&format!("operation.kind: found {kind}, expected another operation: ")), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
}

#[test]
fn the_autoscaler_is_on_for_the_pools_that_have_it_and_follows_changes() {
    let on = POOLS.replace(r#""mode":"User""#, r#""mode":"User","enableAutoScaling":true,"minCount":2,"maxCount":6"#);
    let on =
        on.replace(r#""location""#, r#""autoScalerProfile":{"scan-interval":"20s","expander":"most-pods"},"location""#);
    let l = try_load("apps", Operation::SetLabels { labels: Default::default() }, &on).unwrap();
    let range = |min, max| Some(simulator::spec::Autoscaled { min, max, priority: 0 });
    let ranges: Vec<_> = l.scenario.cluster.pools.iter().map(|(_, p)| p.autoscaler).collect();
    assert_eq!(ranges, [range(2, 6), None], "apps, system1");
    let profile = &l.scenario.settings.autoscaler;
    assert_eq!(
        (profile.scan_interval, profile.expander),
        (Duration::secs(20), simulator::settings::Expander::MostPods)
    );
    assert!(l.coverage.assumptions.iter().any(|a| a.name == "cluster autoscaler at the start"));
    assert!(!l.coverage.not_seen.iter().any(|line| line.contains("autoscaler")), "{:?}", l.coverage.not_seen);

    let set = |snapshot: &str, enabled, min, max| {
        let l = try_load("apps", Operation::SetAutoscaler { enabled, min, max }, snapshot).unwrap();
        match l.scenario.changes[..] {
            [Planned { operation: Simulated::SetAutoscaler { range, .. }, .. }] => range,
            _ => panic!("{:?}", l.scenario.changes),
        }
    };
    assert_eq!(set(POOLS, Some(true), Some(1), Some(4)), range(1, 4));
    assert_eq!(set(&on, None, None, Some(9)), range(2, 9));
    assert_eq!(set(&on, Some(false), None, None), None);

    // A new pool is autoscaled once it is there, not before.
    let desired = serde_json::from_str(r#"{"count":2,"enableAutoScaling":true,"minCount":2,"maxCount":4}"#).unwrap();
    let l = loaded("extra", Operation::AddPool { desired });
    assert!(l.scenario.cluster.pools.iter().all(|(_, p)| p.autoscaler.is_none()));
    let [
        Planned { operation: Simulated::Scale { .. }, .. },
        Planned { operation: Simulated::SetAutoscaler { range: r, .. }, .. },
    ] = l.scenario.changes[..]
    else {
        panic!("{:?}", l.scenario.changes)
    };
    assert_eq!(r, range(2, 4));
}

#[test]
fn nothing_different_is_a_change_that_does_nothing() {
    let l = loaded("system1", put(r#"{"count":3}"#));
    assert!(l.operations.is_empty() && l.scenario.changes.is_empty());
    assert_eq!(l.scenario.horizon, Duration::mins(120));
}

#[test]
fn the_start_state_is_a_typical_cluster() {
    let l = loaded("apps", Operation::Scale { count: 4 });
    let c = &l.scenario.cluster;
    assert_eq!((c.pools.len(), c.nodes.len()), (2, 5));
    let dns = c.workloads.iter().find(|(_, w)| w.role == Role::Dns).unwrap().1;
    assert_eq!((dns.name.as_str(), dns.replicas, dns.minimum), ("coredns", 2, Some(1)));
    assert!(matches!(dns.scaling, Some(Scaling::Ladder { .. })));
    assert_eq!(dns.unreachable, Some(Duration::secs(300)));
    let service = dns.service.as_ref().unwrap();
    assert_eq!((service.rate, service.capacity), (500.0, 5000.0));
    assert!(c.budgets.iter().any(|(_, b)| b.name == "coredns-pdb" && b.workloads.len() == 1));
    assert!(c.pods.iter().all(|p| p.node.is_some() && p.ready));
    let zones: Vec<&str> = c.zones.rows().iter().map(String::as_str).collect();
    assert_eq!(zones, ["0", "westeurope-1", "westeurope-2", "westeurope-3"]);
    let system = c.pools.iter().find(|(_, p)| p.name == "system1").unwrap().1;
    assert_eq!(
        (system.system, system.templates.len(), system.next_ordinal, system.usd_per_hour),
        (true, 3, 3, Some(0.192))
    );
    assert_eq!(l.pools[1].max_surge, "33%");
    assert_eq!(l.pools[0].max_surge, "10%", "the default since 1.32");
}

#[test]
fn an_upgrade_follows_the_pool_and_the_call() {
    let l = loaded("system1", upgrade(Some("1.34.0")));
    let [planned] = l.scenario.changes.as_slice() else { panic!("one operation") };
    assert_eq!(planned.at, START);
    let Simulated::Upgrade { how, .. } = &planned.operation else { panic!("an upgrade") };
    assert_eq!(
        (how.max_surge, how.max_unavailable, how.soak),
        (Quantity::Percent(33), Quantity::Count(0), Duration::ZERO)
    );
    assert_eq!(
        (how.drain.timeout, how.drain.undrainable, how.surge_fallback),
        (Duration::mins(30), Undrainable::Fail, false)
    );
    let settings = UpgradeFields {
        max_surge: Some("2".into()),
        undrainable_node_behavior: Some("Cordon".into()),
        node_soak_duration_in_minutes: Some(5),
        ..UpgradeFields::default()
    };
    let forced = Operation::Upgrade {
        version: Some("1.35.0".into()),
        node_image_only: false,
        settings,
        force: true,
        reason: None,
    };
    let l = loaded("apps", forced);
    let Simulated::Upgrade { how, .. } = &l.scenario.changes[0].operation else { panic!("an upgrade") };
    assert_eq!((how.max_surge, how.soak, how.surge_fallback), (Quantity::Count(2), Duration::mins(5), true));
    assert_eq!((how.drain.respect_budgets, how.drain.undrainable), (false, Undrainable::Fail), "force outranks Cordon");
}

#[test]
fn crossing_1_29_gives_memory_back() {
    let old = POOLS.replace("1.33.2", "1.28.5");
    let l = try_load("apps", upgrade(Some("1.29.0")), &old).unwrap();
    let Simulated::Upgrade { how, .. } = &l.scenario.changes[0].operation else { panic!("an upgrade") };
    let [(from, to)] = how.shapes.as_slice() else { panic!("one shape") };
    let memory = |id| l.scenario.cluster.node_shapes[id].allocatable.memory >> 20;
    // 16 GiB: 25 % of 4, 20 % of 4, 10 % of 8 GiB and 750 Mi before; 20 Mi a pod, 50 and 100 Mi after.
    assert_eq!(memory(*to) - memory(*from), (1024 + 819 + 819 + 750) - (2250 + 100));
}

#[test]
fn an_upgrade_to_the_version_that_is_there_does_nothing() {
    assert!(loaded("apps", upgrade(Some("1.33.2"))).scenario.changes.is_empty());
    assert!(!loaded("apps", upgrade(None)).scenario.changes.is_empty());
    let failed = POOLS.replace(r#""name":"apps","#, r#""name":"apps","provisioningState":"Failed","#);
    assert_eq!(try_load("apps", upgrade(Some("1.33.2")), &failed).unwrap().scenario.changes.len(), 1);
}

#[test]
fn zero_minutes_mean_the_default() {
    check_put(
        r#"{"upgradeSettings":{"maxSurge":"33%","drainTimeoutInMinutes":0,"nodeSoakDurationInMinutes":0,"maxUnavailable":"0"}}"#,
        &[],
    );
    let settings = UpgradeFields { drain_timeout_in_minutes: Some(0), ..UpgradeFields::default() };
    let operation = Operation::Upgrade { version: None, node_image_only: true, settings, force: false, reason: None };
    let l = loaded("apps", operation);
    let Simulated::Upgrade { how, .. } = &l.scenario.changes[0].operation else { panic!("an upgrade") };
    assert_eq!(how.drain.timeout, Duration::mins(30));
}

#[test]
fn machines_of_a_new_pool_are_counted() {
    let body = r#"{"virtualMachinesProfile":{"scale":{"manual":[{"size":"Standard_D4s_v3","count":2}]}},"typePropertiesType":"VirtualMachines"}"#;
    let l = loaded("vms", Operation::AddPool { desired: serde_json::from_str(body).unwrap() });
    assert!(matches!(l.scenario.changes[0].operation, Simulated::Scale { count: 2, .. }));
}

#[test]
fn mode_taints_and_labels_give_nodes_new_shapes() {
    let l =
        loaded("system1", put(r#"{"mode":"User","nodeTaints":["dedicated=x:NoSchedule"],"nodeLabels":{"team":"b"}}"#));
    assert_eq!(l.scenario.changes.len(), 3);
    let c = &l.scenario.cluster;
    let mut shape = c.nodes.iter().find(|(_, n)| n.name.contains("system1")).unwrap().1.shape;
    for planned in &l.scenario.changes {
        let Simulated::Reshape { shapes, takes, .. } = &planned.operation else { panic!("a reshape") };
        assert_eq!(*takes, Duration::secs(7));
        shape = shapes.iter().find(|(from, _)| *from == shape).unwrap().1;
    }
    let shape = &c.node_shapes[shape];
    assert_eq!((shape.labels["kubernetes.azure.com/mode"].as_str(), shape.labels["team"].as_str()), ("user", "b"));
    assert_eq!(shape.taints.iter().map(|t| t.key.as_str()).collect::<Vec<_>>(), ["dedicated"]);
}

#[test]
fn new_pools_start_empty() {
    let desired =
        serde_json::from_str(r#"{"count":2,"vmSize":"Standard_NC4as_T4_v3","nodeTaints":["sku=gpu:NoSchedule"]}"#)
            .unwrap();
    let l = loaded("gpu", Operation::AddPool { desired });
    let c = &l.scenario.cluster;
    let (id, pool) = c.pools.iter().find(|(_, p)| p.name == "gpu").unwrap();
    assert_eq!((c.nodes.iter().filter(|(_, n)| n.pool == id).count(), pool.next_ordinal), (0, 0));
    assert!(matches!(l.scenario.changes[0].operation, Simulated::Scale { pool, count: 2, .. } if pool == id));
    assert_eq!(l.pools.len(), 2, "the report shows the pools as they stand");
}

#[test]
fn a_pool_is_rotated_in_four_steps() {
    let l = loaded("apps", put(r#"{"vmSize":"Standard_D8s_v3"}"#));
    let kinds: Vec<&str> = l
        .scenario
        .changes
        .iter()
        .map(|p| match &p.operation {
            Simulated::Scale { .. } => "scale",
            Simulated::DeletePool { .. } => "delete",
            _ => "other",
        })
        .collect();
    assert_eq!(kinds, ["scale", "delete", "scale", "delete"]);
    assert!(l.scenario.changes.windows(2).all(|w| w[0].at < w[1].at));
}

#[test]
fn a_change_of_the_whole_cluster_takes_the_pools_in_turn() {
    let l = loaded("", upgrade(Some("1.34.0")));
    let of_pools: Vec<Time> = of_pools(&l).iter().map(|p| p.at).collect();
    assert_eq!(of_pools.len(), 2);
    assert!(of_pools[0] + Duration::mins(10) < of_pools[1]);
    let single = r#"{"agentPools":[{"name":"only","count":2,"vmSize":"Standard_D4s_v3","mode":"System"}]}"#;
    let l = try_load("", Operation::Scale { count: 3 }, single).unwrap();
    assert_eq!(l.scenario.changes.len(), 1);
}

#[test]
fn nodes_are_found_by_name() {
    let l = loaded("apps", Operation::Drain { nodes: vec![] });
    assert!(matches!(&l.scenario.changes[0].operation, Simulated::Drain { nodes, .. } if nodes.len() == 2));
    let name = l.scenario.cluster.nodes.rows()[0].name.clone();
    let l = loaded("apps", Operation::DeleteMachines { machines: vec![name] });
    assert!(matches!(&l.scenario.changes[0].operation, Simulated::DeleteNodes { nodes } if nodes.len() == 1));
    let text = try_load("apps", Operation::Cordon { nodes: vec!["ghost".into()] }, POOLS).unwrap_err();
    assert!(text.contains("found ghost, expected a node of the cluster, such as aks-apps-"), "{text}");
}

#[test]
fn what_cannot_be_is_said_plainly() {
    for (pool, operation, part) in [
        ("ghost", Operation::Scale { count: 1 }, "pool: found ghost, expected a pool of the cluster: apps, system1"),
        ("", Operation::Scale { count: 1 }, "pool: found nothing"),
        ("apps", Operation::Scale { count: 5000 }, "operation.count: found 5000"),
        ("apps", Operation::Unknown, "unknown"),
        ("apps", Operation::SetTaints { taints: vec!["nonsense".into()] }, "operation.taints[0]"),
        (
            "apps",
            Operation::Upgrade {
                version: None,
                node_image_only: true,
                settings: UpgradeFields {
                    drain_batch_size: Some("lots".into()),
                    strategy: Some("BlueGreen".into()),
                    ..UpgradeFields::default()
                },
                force: false,
                reason: None,
            },
            "operation.settings.drainBatchSize",
        ),
    ] {
        let text = try_load(pool, operation, POOLS).unwrap_err();
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn complaints_about_a_long_list_of_broken_taints_have_an_end() {
    let taints = (0..5000).map(|i| format!("nonsense{i}")).collect();
    let text = try_load("apps", Operation::SetTaints { taints }, POOLS).unwrap_err();
    assert_eq!(text.matches("operation.taints[").count(), operations::MOST_TAINTS, "{text}");
}

#[test]
fn settings_of_the_command_line_win() {
    let snapshot = Snapshot::from_json(POOLS.as_bytes()).unwrap();
    let mut c = change("apps", Operation::Scale { count: 1 });
    c.settings = ChangeSettings { horizon_hours: Some(1.0), dns_qps: Some(42.0), ..ChangeSettings::default() };
    let burst = BurstFields {
        at_minutes: 5.0,
        factor: 3.0,
        ramp_minutes: 1.0,
        hold_minutes: 2.0,
        decay_minutes: 0.0,
        workload: None,
    };
    let overrides =
        ChangeSettings { horizon_hours: Some(3.0), bursts: vec![burst.clone()], ..ChangeSettings::default() };
    let l = load(&c, &snapshot, &overrides).unwrap();
    assert_eq!(l.scenario.horizon, Duration::mins(180));
    assert_eq!(l.scenario.script.len(), 1);
    assert_eq!(l.scenario.cluster.workloads.iter().find_map(|(_, w)| w.service.as_ref()).map(|s| s.rate), Some(42.0));
    assert_eq!((l.settings.dns_qps, l.settings.outage_threshold_seconds), (Some(42.0), Some(60)));
    let bad = ChangeSettings {
        bursts: vec![BurstFields { factor: -1.0, workload: Some("shop/ghost".into()), ..burst }],
        horizon_hours: Some(-1.0),
        ..ChangeSettings::default()
    };
    let text = load(&c, &snapshot, &bad).unwrap_err().to_string();
    for part in ["settings.bursts[0].factor", "settings.bursts[0].workload", "settings.horizonHours"] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn every_loaded_scenario_runs() {
    let gpu = serde_json::from_str(r#"{"count":1,"vmSize":"Standard_NC4as_T4_v3"}"#).unwrap();
    for (pool, operation) in [
        ("apps", Operation::Scale { count: 4 }),
        ("system1", Operation::Scale { count: 1 }),
        ("apps", Operation::DeletePool { ignore_pdb: false }),
        ("system1", upgrade(None)),
        ("gpu", Operation::AddPool { desired: gpu }),
        ("system1", put(r#"{"mode":"User","nodeTaints":["x=y:NoExecute"]}"#)),
        ("apps", put(r#"{"vmSize":"Standard_D8s_v3"}"#)),
        ("system1", Operation::Drain { nodes: vec![] }),
        ("system1", Operation::Rolling),
        ("apps", Operation::StopPool),
        ("system1", put("{}")),
    ] {
        let l = loaded(pool, operation.clone());
        let outcome = simulator::simulate(&l.scenario, 1, 0);
        assert_eq!(outcome.operations.len(), l.scenario.changes.len(), "{operation:?}");
        assert!(outcome.operations.iter().all(|o| o.ended.is_some()), "{operation:?} {:?}", outcome.operations);
    }
}

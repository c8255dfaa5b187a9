//! Operations that make nodes anew: strategies, resize, rotation, certificates, the way back.

use simulator::change::{BlueGreenSettings, Replacement, UpgradeSettings};

use super::*;

fn blue_green(fields: UpgradeFields) -> Operation {
    let settings = UpgradeFields { strategy: Some("bluegreen".into()), ..fields };
    Operation::Upgrade { version: Some("1.34.0".into()), node_image_only: false, settings, force: false, reason: None }
}

fn of_blue_green(l: &Loaded) -> &BlueGreenSettings {
    match l.scenario.changes.as_slice() {
        [Planned { operation: Simulated::BlueGreen { how, .. }, .. }] => how,
        other => panic!("one blue-green upgrade: {other:?}"),
    }
}

fn of_upgrade(planned: &Planned) -> &UpgradeSettings {
    match &planned.operation {
        Simulated::Upgrade { how, .. } => how,
        other => panic!("an upgrade: {other:?}"),
    }
}

/// Defaults: AKS docs blue-green-node-pool-upgrade (2024-11-06).
#[test]
fn the_strategy_of_the_call_or_the_pool_decides() {
    let l = loaded("apps", blue_green(UpgradeFields::default()));
    let how = of_blue_green(&l);
    assert_eq!((how.batch, how.drain.timeout), (Quantity::Percent(10), Duration::mins(30)));
    assert_eq!((how.batch_soak, how.final_soak), (Duration::mins(15), Duration::mins(60)));
    let given = UpgradeFields {
        drain_batch_size: Some("3".into()),
        batch_soak_duration_in_minutes: Some(0),
        final_soak_duration_in_minutes: Some(2),
        drain_timeout_in_minutes: Some(5),
        ..UpgradeFields::default()
    };
    let l = loaded("apps", blue_green(given));
    let how = of_blue_green(&l);
    assert_eq!((how.batch, how.drain.timeout), (Quantity::Count(3), Duration::mins(5)));
    assert_eq!((how.batch_soak, how.final_soak), (Duration::ZERO, Duration::mins(2)));
    let own = POOLS.replace(r#""maxPods":110}"#, r#""maxPods":110,"upgradeStrategy":"BlueGreen"}"#);
    of_blue_green(&try_load("apps", upgrade(Some("1.34.0")), &own).unwrap());
    // The strategy is for versions and images; other reimages roll.
    let other = Operation::Upgrade {
        version: None,
        node_image_only: false,
        settings: UpgradeFields::default(),
        force: false,
        reason: Some("enableFIPS".into()),
    };
    of_upgrade(&try_load("apps", other, &own).unwrap().scenario.changes[0]);
}

#[test]
fn pools_of_a_cluster_are_upgraded_one_after_another_whatever_their_strategy() {
    let own = POOLS.replace(r#""maxPods":110}"#, r#""maxPods":110,"upgradeStrategy":"BlueGreen"}"#);
    let l = try_load("", upgrade(Some("1.34.0")), &own).unwrap();
    let starts: Vec<Time> = of_pools(&l).iter().map(|p| p.at).collect();
    assert_eq!(starts.len(), 2);
    assert!(starts[0] == START + Duration::mins(5) && starts[1] > starts[0], "{starts:?}");
}

/// AKS docs rotate-certificates: all nodes are recreated.
#[test]
fn certificates_change_on_all_pools_at_once_without_a_drain() {
    let l = loaded("", Operation::RotateCertificates);
    assert_eq!(l.scenario.changes.len(), 2);
    for planned in &l.scenario.changes {
        let how = of_upgrade(planned);
        assert_eq!((planned.at, how.replacement, how.drain.evict), (START, Replacement::Recreate, false));
        assert_eq!((how.max_surge, how.max_unavailable), (Quantity::Count(0), Quantity::Percent(100)));
    }
    let outcome = simulator::simulate(&l.scenario, 1, 0);
    let minutes =
        outcome.operations.iter().map(|o| o.ended.unwrap().since(o.started).as_mins_f64()).fold(0.0, f64::max);
    assert!(minutes < 30.0, "{minutes}: up to 30 minutes of downtime are announced");
}

/// AKS docs resize-node-pool (preview): the upgrade pipeline with the target size.
#[test]
fn a_resize_in_place_surges_machines_of_the_new_size() {
    let desired = PoolFields { vm_size: Some("Standard_D8s_v3".into()), ..PoolFields::default() };
    let l = loaded("apps", Operation::ResizePool { desired, method: "resize".into() });
    let how = of_upgrade(&l.scenario.changes[0]);
    assert_eq!((how.max_surge, how.replacement), (Quantity::Percent(10), Replacement::Recreate));
    let shape = |id| &l.scenario.cluster.node_shapes[id];
    for (from, to) in &how.shapes {
        assert_eq!((shape(*from).cores, shape(*to).cores), (4000, 8000));
        let of = |id, key: &str| shape(id).labels.get(key).cloned();
        assert_eq!(of(*to, "node.kubernetes.io/instance-type").as_deref(), Some("Standard_D8s_v3"));
        assert_eq!(of(*to, "agentpool"), of(*from, "agentpool"));
    }
    assert!(!how.shapes.is_empty());
    let outcome = simulator::simulate(&l.scenario, 1, 0);
    assert!(outcome.operations[0].ended.is_some() && outcome.operations[0].failure.is_none());
}

#[test]
fn a_rotated_pool_has_its_name_again_at_the_end() {
    let l = loaded("apps", put(r#"{"vmSize":"Standard_D8s_v3"}"#));
    let label = |pool: &str| {
        let (_, pool) = l.scenario.cluster.pools.iter().find(|(_, p)| p.name == pool).unwrap();
        l.scenario.cluster.node_shapes[pool.templates[0]].labels["agentpool"].clone()
    };
    assert_eq!((label("apps-temporary"), label("apps-new")), ("apps-temporary".to_owned(), "apps".to_owned()));
}

#[test]
fn a_rollback_is_an_upgrade_to_what_was_before() {
    let l = loaded("system1", Operation::Rollback);
    assert_eq!(of_upgrade(&l.scenario.changes[0]).max_surge, Quantity::Percent(33));
}

#[test]
fn an_abort_ends_what_an_earlier_change_began_and_otherwise_touches_nothing() {
    let alone = loaded("apps", Operation::Abort);
    assert!(matches!(alone.scenario.changes[0].operation, Simulated::Settings { .. }));
    assert!(alone.coverage.not_seen.iter().any(|s| s.contains("aborted")), "{:?}", alone.coverage.not_seen);
    let snapshot = Snapshot::from_json(POOLS.as_bytes()).unwrap();
    let all = [
        change("apps", blue_green(UpgradeFields::default())),
        change("apps", Operation::Abort),
        change("apps", Operation::Rollback),
    ];
    let at = |minutes| START + Duration::mins(minutes);
    let l = load_all(&[(START, &all[0]), (at(40), &all[1]), (at(50), &all[2])], &snapshot, &ChangeSettings::default())
        .unwrap();
    let kinds: Vec<bool> = vec![
        matches!(l.scenario.changes[0].operation, Simulated::BlueGreen { .. }),
        matches!(l.scenario.changes[1].operation, Simulated::Abort { .. }),
        matches!(l.scenario.changes[2].operation, Simulated::Rollback { .. }),
    ];
    assert_eq!(kinds, [true; 3]);
}

//! What AKS' own checks make of a change before it begins.

use simulator::outcome::Failure;

use super::*;
use crate::change::WindowFields;

const BLOCKER: &str = r#"{"apiVersion":"policy/v1","kind":"PodDisruptionBudget","metadata":{"name":"never","namespace":"shop"},
    "spec":{"maxUnavailable":0,"selector":{"matchLabels":{"app":"web"}}}}"#;

fn with_objects(objects: &str) -> String {
    POOLS.replace(r#""agentPools""#, &format!(r#""items":[{objects}],"agentPools""#))
}

fn refused(planned: &Planned) -> Option<&'static str> {
    planned.admission.refused
}

#[test]
fn a_change_that_is_refused_ends_with_the_code_and_does_nothing() {
    for (pool, operation, code) in [
        ("system1", Operation::SetTaints { taints: vec!["team=a:NoSchedule".into()] }, "SystemPoolHasRestrictedTaint"),
        ("system1", Operation::StopPool, "OperationNotAllowed"),
        ("system1", Operation::Scale { count: 0 }, "InvalidParameter"),
        ("apps", upgrade(Some("1.36.0")), "NodePoolMcVersionIncompatible"),
        ("apps", put(r#"{"vmSize":"Standard_D8s_v3"}"#), "InvalidParameter"),
    ] {
        let own = POOLS.replace(r#""location""#, r#""kubernetesVersion":"1.33.2","location""#);
        let l = try_load(pool, operation.clone(), &own).unwrap();
        assert!(l.findings.iter().any(|f| f.blocks), "{operation:?}");
        assert!(l.scenario.changes.iter().all(|p| refused(p) == Some(code)), "{operation:?} {:?}", l.scenario.changes);
        let outcome = simulator::simulate(&l.scenario, 1, 0);
        for o in &outcome.operations {
            assert_eq!((o.failure, o.ended), (Some(Failure::Refused { code }), Some(o.started)), "{operation:?}");
        }
    }
    assert_eq!(refused(&loaded("apps", Operation::Scale { count: 4 }).scenario.changes[0]), None);
}

/// What is over was let in.
#[test]
fn a_change_that_is_over_is_not_refused() {
    let snapshot = Snapshot::from_json(POOLS.as_bytes()).unwrap();
    let over = Change { phase: Phase::Completed, ..change("system1", Operation::StopPool) };
    let l = load(&over, &snapshot, &ChangeSettings::default()).unwrap();
    assert_eq!(refused(&l.scenario.changes[0]), None);
}

/// Support article unsatisfiablepdb-error: AKS looks at every budget of the cluster.
#[test]
fn a_budget_that_allows_nothing_stops_upgrades_of_any_pool() {
    let l = try_load("apps", upgrade(None), &with_objects(BLOCKER)).unwrap();
    assert_eq!(refused(&l.scenario.changes[0]), Some("UnsatisfiablePDB"));
    let l = try_load("apps", Operation::Scale { count: 1 }, &with_objects(BLOCKER)).unwrap();
    assert_eq!(refused(&l.scenario.changes[0]), None);
}

#[test]
fn a_pool_that_is_short_of_quota_is_left_out_of_the_upgrade_of_its_cluster() {
    let short = POOLS
        .replace(
            r#""name":"apps","count":2,"vmSize":"Standard_D4s_v3""#,
            r#""name":"apps","count":2,"vmSize":"Standard_E4s_v3""#,
        )
        .replace(r#""location""#, r#""quota":{"standardESv3Family":1},"location""#);
    let l = try_load("", upgrade(Some("1.34.0")), &short).unwrap();
    let codes: Vec<_> = of_pools(&l)
        .into_iter()
        .map(|p| (l.scenario.cluster.pools[p.operation.pool().unwrap()].name.as_str(), refused(p)))
        .collect();
    assert!(codes.contains(&("apps", Some("QuotaExceeded"))) && codes.contains(&("system1", None)), "{codes:?}");
}

/// Pools of one family, one region and one subnet draw on the same: what a node takes of what.
#[test]
fn pools_share_quota_and_addresses() {
    let own = POOLS
        .replace(
            r#""location""#,
            r#""quota":{"standardDSv3Family":40,"cores":9},"subnet":{"*":500,"/b":31},"networkProfile":{"networkPlugin":"azure"},"location""#,
        )
        .replace(r#""name":"apps","count":2"#, r#""vnetSubnetID":"/B","name":"apps","count":2"#);
    let l = try_load("apps", Operation::Scale { count: 4 }, &own).unwrap();
    let c = &l.scenario.cluster;
    let told = |pool: &str| {
        let (_, pool) = c.pools.iter().find(|(_, p)| p.name == pool).unwrap();
        let of =
            |s: &simulator::spec::Share| format!("{} of {} {}", s.each, c.supplies[s.of].free, c.supplies[s.of].name);
        pool.takes.iter().map(of).collect::<Vec<_>>().join(", ")
    };
    let quota = "4 of 40 vCPU quota of standardDSv3Family, 4 of 9 vCPU quota of the region";
    assert_eq!(told("system1"), format!("{quota}, 111 of 500 subnet addresses"));
    assert_eq!(told("apps"), format!("{quota}, 111 of 31 subnet addresses"));
    assert_eq!(c.supplies.len(), 4);
    // What is short is refused before anything begins, unless shortage is switched off.
    assert_eq!(refused(&l.scenario.changes[0]), Some("SubnetIsFull"));
    let snapshot = Snapshot::from_json(own.as_bytes()).unwrap();
    let off: ChangeSettings = serde_json::from_str(r#"{"off":["quota"]}"#).unwrap();
    let l = load(&change("apps", Operation::Scale { count: 4 }), &snapshot, &off).unwrap();
    assert_eq!(refused(&l.scenario.changes[0]), None);
    assert_eq!(simulator::simulate(&l.scenario, 1, 0).operations[0].failure, None);
}

#[test]
fn operations_begin_in_the_windows_of_the_settings() {
    let window = |from, until| WindowFields { from_minutes: from, until_minutes: until };
    let windows = vec![window(400.0, 460.0), window(60.0, 61.0)];
    let settings = ChangeSettings { windows, ..ChangeSettings::default() };
    let snapshot = Snapshot::from_json(POOLS.as_bytes()).unwrap();
    let l = load(&change("apps", Operation::Scale { count: 3 }), &snapshot, &settings).unwrap();
    let started = simulator::simulate(&l.scenario, 1, 0).operations[0].started;
    assert_eq!(started, Time::ZERO + Duration::mins(60));
    let all = load(&change("", upgrade(None)), &snapshot, &settings).unwrap();
    let starts: Vec<f64> =
        simulator::simulate(&all.scenario, 1, 0).operations.iter().map(|o| o.started.as_secs_f64() / 60.0).collect();
    assert_eq!(starts, [60.0, 400.0], "the second pool does not get its turn before the first window closes");
    let bad = ChangeSettings { windows: vec![window(5.0, 5.0), window(f64::NAN, 9.0)], ..ChangeSettings::default() };
    let text = load(&change("apps", Operation::Scale { count: 3 }), &snapshot, &bad).unwrap_err().to_string();
    assert!(text.contains("settings.windows[0]") && text.contains("settings.windows[1]"), "{text}");
}

/// Windows of a maintenance configuration of the snapshot, counted from when it was taken.
#[test]
fn operations_begin_in_the_windows_of_a_maintenance_configuration() {
    let with = |schedule: &str| {
        let config = format!(
            r#""takenAt":"2026-03-04T12:00:00Z","cluster":{{"maintenanceConfigurations":[{{"name":"aksManagedNodeOSUpgradeSchedule",
            "properties":{{"maintenanceWindow":{{"schedule":{schedule},"durationHours":4,"startTime":"16:30","utcOffset":"+01:00"}}}}}}],"#
        );
        POOLS.replace(r#""cluster":{"#, &config)
    };
    let load_with = |text: &str, name: &str| {
        let snapshot = Snapshot::from_json(text.as_bytes()).unwrap();
        let settings = ChangeSettings { maintenance: Some(name.into()), ..ChangeSettings::default() };
        load(&change("apps", Operation::Scale { count: 3 }), &snapshot, &settings)
    };
    let began = |l: &Loaded| simulator::simulate(&l.scenario, 1, 0).operations[0].started.as_secs_f64() / 60.0;
    let name = "aksmanagednodeosupgradeschedule";
    let today = load_with(&with(r#"{"daily":{"intervalDays":1}}"#), name).unwrap();
    assert_eq!(began(&today), 3.5 * 60.0, "15:30 in UTC");
    // Later than anything simulated: the simulation begins shortly before.
    let later = load_with(&with(r#"{"weekly":{"intervalWeeks":1,"dayOfWeek":"Tuesday"}}"#), name).unwrap();
    assert_eq!(began(&later), 10.0);
    assert!(
        later.coverage.not_seen.iter().any(|n| n.contains("opens 147 hours after the snapshot")),
        "{:?}",
        later.coverage
    );
    let error = load_with(&with(r#"{"daily":{"intervalDays":1}}"#), "default").unwrap_err().to_string();
    assert!(error.contains("settings.maintenance") && error.contains("aksManagedNodeOSUpgradeSchedule"), "{error}");
    let timeless = with(r#"{"daily":{"intervalDays":1}}"#).replace(r#""takenAt":"2026-03-04T12:00:00Z","#, "");
    assert!(load_with(&timeless, name).unwrap_err().to_string().contains("takenAt"));
}

/// AKS docs upgrade-options: a forced upgrade passes budgets for three days, or until it is told.
#[test]
fn the_force_of_an_upgrade_ends() {
    let taken = |text: &str| text.replace(r#""cluster":{"#, r#""takenAt":"2026-03-04T12:00:00Z","cluster":{"#);
    let drain = |snapshot: &str, until: Option<&str>, force: bool| {
        let settings = UpgradeFields { override_until: until.map(Into::into), ..UpgradeFields::default() };
        let operation = Operation::Upgrade { version: None, node_image_only: true, settings, force, reason: None };
        match &try_load("apps", operation, snapshot).unwrap().scenario.changes[0].operation {
            Simulated::Upgrade { how, .. } => (how.drain.respect_budgets, how.drain.forced_until),
            other => panic!("{other:?}"),
        }
    };
    let minutes = |m: u64| Some(Time::ZERO + Duration::mins(m));
    assert_eq!(drain(POOLS, None, false), (true, None));
    assert_eq!(drain(POOLS, None, true), (false, minutes(10 + 3 * 24 * 60)));
    assert_eq!(drain(&taken(POOLS), Some("2026-03-04T14:00:00+01:00"), true), (false, minutes(60)));
    assert_eq!(drain(&taken(POOLS), Some("2026-03-04T11:00:00Z"), true), (false, minutes(0)), "over before it began");
    assert_eq!(drain(POOLS, Some("2026-03-04T13:00:00Z"), true), (false, minutes(10 + 3 * 24 * 60)));
    // The cluster's own setting.
    let own = taken(POOLS).replace(
        r#""location""#,
        r#""upgradeSettings":{"overrideSettings":{"forceUpgrade":true,"until":"2026-03-04T13:30:00Z"}},"location""#,
    );
    assert_eq!(drain(&own, None, false), (false, minutes(90)));
}

/// Where sources disagree, settings decide; the defaults are said in the coverage.
#[test]
fn what_sources_disagree_about_is_a_setting() {
    let snapshot = Snapshot::from_json(POOLS.as_bytes()).unwrap();
    let with = |json: &str, pool: &str, operation| {
        let settings: ChangeSettings = serde_json::from_str(json).unwrap();
        let l = load(&change(pool, operation), &snapshot, &settings).unwrap();
        match &l.scenario.changes[0].operation {
            Simulated::Upgrade { how, .. } => (how.drain.evict, how.drain.undrainable),
            Simulated::DeletePool { drain, .. } | Simulated::Scale { drain, .. } => (drain.evict, drain.undrainable),
            other => panic!("{other:?}"),
        }
    };
    let delete = || Operation::DeletePool { ignore_pdb: false };
    assert_eq!(with("{}", "apps", delete()), (true, Undrainable::Fail));
    assert_eq!(with(r#"{"drainOnDelete":false}"#, "apps", delete()), (false, Undrainable::Fail));
    assert_eq!(with(r#"{"drainOnDelete":false}"#, "apps", Operation::Scale { count: 1 }), (false, Undrainable::Fail));
    assert_eq!(with(r#"{"drainOnDelete":false}"#, "apps", upgrade(None)), (true, Undrainable::Fail));
    assert_eq!(with(r#"{"undrainableSchedule":"replace"}"#, "apps", upgrade(None)), (true, Undrainable::Force));
    assert_eq!(with(r#"{"undrainableSchedule":"fail"}"#, "apps", upgrade(None)), (true, Undrainable::Fail));
}

//! Recordings read, resolved and simulated.

use serde_json::{Value, json};
use simulator::scenario::Happening;
use simulator::{Duration, Runs, Time, paired};

use super::*;
use crate::change::{Operation, ParameterUse};
use crate::snapshot::Snapshot;

fn snapshot() -> Value {
    let pool = |name: &str, mode: &str, count: u32| {
        json!({
            "name": name, "mode": mode, "count": count, "vmSize": "Standard_D4s_v5", "osType": "Linux", "maxPods": 110,
            "orchestratorVersion": "1.33.2", "availabilityZones": ["1", "2", "3"], "upgradeSettings": {"maxSurge": "1"}
        })
    };
    json!({
        "schema": "poolproof.snapshot/1",
        "cluster": {"name": "prod", "location": "westeurope", "kubernetesVersion": "1.33.2"},
        "agentPools": [pool("sys", "System", 3), pool("apps", "User", 3)]
    })
}

fn recording() -> Value {
    json!({
        "schema": "poolproof.recording/1",
        "name": "Zone down during an upgrade",
        "snapshot": snapshot(),
        "startedAt": "2026-03-01T02:00:00Z",
        "settings": {"off": ["node-failure", "zone-failure", "burst", "provisioning-failure", "surge-gap"]},
        "events": [
            {"time": "2026-03-01T02:20:00Z", "kind": "zoneFailure", "zone": "1", "pool": "sys", "downMinutes": 30},
            {"atMinutes": 5, "kind": "change", "change": {"pool": "sys", "operation": {"kind": "upgrade", "nodeImageOnly": true}}},
            {"atMinutes": 40, "kind": "change", "change": "az aks nodepool scale -g rg --cluster-name prod -n apps --node-count 5"},
            {"atMinutes": 10, "kind": "burst", "factor": 3, "rampMinutes": 2, "holdMinutes": 15, "decayMinutes": 5},
            {"atMinutes": 60, "kind": "load", "factor": 1.5, "workload": "kube-system/coredns"},
            {"atMinutes": 70, "kind": "gatesLifted", "workload": "kube-system/coredns"},
            {"atMinutes": 23, "kind": "observed", "workload": "kube-system/coredns", "note": "DNS time-outs"}
        ],
        "observed": {"outageMinutes": {"kube-system/coredns": 4.5}, "durationMinutes": 47, "succeeded": true},
        "counterfactual": {"description": "Wait for the morning, and surge by three.", "set": {"maxSurge": 3}}
    })
}

fn parse(value: &Value) -> Result<Recording, Vec<String>> {
    Recording::parse(value.to_string().as_bytes()).map_err(|c| c.0.iter().map(ToString::to_string).collect())
}

fn read(value: &Value) -> (Recording, Snapshot) {
    let recording = parse(value).unwrap();
    let ClusterSource::Inline(inline) = &recording.cluster else { panic!("an inline snapshot") };
    let snapshot = Snapshot::from_json(inline.to_string().as_bytes()).unwrap();
    (recording, snapshot)
}

#[test]
fn everything_is_read_and_in_the_order_of_time() {
    let (recording, _) = read(&recording());
    let at = |d: Duration| d.as_mins_f64();
    let changes: Vec<(f64, &str)> = recording.changes.iter().map(|c| (at(c.at), c.change.operation.kind())).collect();
    assert_eq!(changes, [(5.0, "upgrade"), (40.0, "scale")]);
    assert!(recording.changes.iter().all(|c| c.change.cluster.name == "prod"));
    let happenings: Vec<f64> = recording.happenings.iter().map(|h| at(h.at)).collect();
    assert_eq!(happenings, [10.0, 20.0, 60.0, 70.0]);
    assert_eq!((at(recording.notes[0].at), recording.notes[0].text.as_str()), (23.0, "DNS time-outs"));
    assert_eq!(recording.observed.outage_minutes["kube-system/coredns"], 4.5);
    assert_eq!(recording.counterfactual.unwrap().set[0].to_string(), "3");
}

#[test]
fn names_are_resolved_against_the_cluster() {
    let (recording, snapshot) = read(&recording());
    let loaded = recording.load(&snapshot, &ChangeSettings::default()).unwrap();
    let cluster = &loaded.scenario.cluster;
    let starts: Vec<Time> = loaded.scenario.changes.iter().map(|p| p.at).collect();
    assert_eq!(starts, [Time::ZERO + Duration::mins(5), Time::ZERO + Duration::mins(40)]);
    let [burst, zone, load, lifted] = &loaded.scenario.script[..] else { panic!("four happenings") };
    let Happening::GatesLifted { workload } = lifted.what else { panic!("gates") };
    assert_eq!(cluster.workloads[workload].name, "coredns");
    assert!(matches!(burst.what, Happening::Burst { target: None, factor, .. } if factor == 3.0));
    let Happening::ZoneFailure { pool: Some(pool), zone: failed, down } = zone.what else { panic!("a zone") };
    assert_eq!(
        (cluster.pools[pool].name.as_str(), cluster.zones[failed].as_str(), down),
        ("sys", "westeurope-1", Duration::mins(30))
    );
    let Happening::Load { target: Some(target), .. } = load.what else { panic!("a load") };
    assert_eq!(cluster.workloads[target].name, "coredns");
    assert_eq!(zone.at, Time::ZERO + Duration::mins(20));
}

#[test]
fn strangers_are_named_all_at_once() {
    let mut value = recording();
    value["events"] = json!([
        {"atMinutes": 1, "kind": "nodeFailure", "node": "nobody", "downMinutes": 1},
        {"atMinutes": 2, "kind": "zoneFailure", "zone": "9", "pool": "none", "downMinutes": 1},
        {"atMinutes": 3, "kind": "load", "factor": 1, "workload": "shop/none"}
    ]);
    let (recording, snapshot) = read(&value);
    let complaints = recording.load(&snapshot, &ChangeSettings::default()).unwrap_err().0;
    let paths: Vec<&str> = complaints.iter().map(|c| c.path.as_str()).collect();
    assert_eq!(paths, ["events[0].node", "events[1].zone", "events[1].pool", "events[2].workload"]);
}

#[test]
fn everything_wrong_is_said_at_once() {
    let found = parse(&json!({
        "schema": "poolproof.recording/2",
        "events": [
            {"atMinutes": -1, "kind": "nodeFailure", "downMinutes": 5},
            {"kind": "burst", "atMinutes": 1, "factor": 5000, "node": "n"},
            {"atMinutes": 1, "time": "2026-03-01T02:00:00Z", "kind": "load", "factor": 1},
            {"time": "2026-03-01T02:00:00Z", "kind": "load", "factor": 1},
            {"atMinutes": 1, "kind": "eclipse"},
            {"atMinutes": 1, "kind": "change", "change": {"pool": "sys", "operation": {"kind": "melt"}}},
            {"atMinutes": 1, "kind": "change"}
        ],
        "observed": {"outageMinutes": {"a/b": -1}, "duration": 5},
        "counterfactual": {"description": "", "set": {"maxSurge": "lots"}},
        "extra": true
    }))
    .unwrap_err();
    let expected = [
        "schema: found",
        "name: found nothing",
        "snapshot: found nothing",
        "observed.duration: found",
        "events[0].atMinutes: found -1",
        "events[0].node: found nothing",
        "events[1]: found node, expected no such member",
        "events[1].factor: found 5000",
        "events[1].holdMinutes: found nothing",
        "events[2].time: found both",
        "events[3].time: found 2026",
        "events[4].kind: found",
        "events[5].change.operation.kind: found",
        "events[6].change: found nothing",
        "counterfactual.description: found",
        "counterfactual.set.maxSurge: found",
        "extra: found true",
    ];
    for beginning in expected {
        assert!(found.iter().any(|f| f.starts_with(beginning)), "{beginning}: {found:#?}");
    }
    assert_eq!(found.len(), expected.len(), "{found:#?}");
}

#[test]
fn a_counterfactual_says_what_is_different() {
    let mut value = recording();
    value["counterfactual"] = json!({"description": "Nothing else."});
    let found = parse(&value).unwrap_err();
    assert!(found[0].starts_with("counterfactual.change: found nothing"), "{found:?}");
    value["counterfactual"] = json!({"description": "Leave it.", "changes": []});
    let (nothing, cluster) = read(&value);
    let loaded = nothing.load_counterfactual(&cluster, &ChangeSettings::default()).unwrap().unwrap();
    assert_eq!((loaded.scenario.changes.len(), loaded.scenario.script.len()), (0, 4));
    value["counterfactual"] = json!({
        "description": "Scale first.",
        "change": "az aks nodepool scale -g rg --cluster-name prod -n sys --node-count 6"
    });
    let (scaled, _) = read(&value);
    let changes = scaled.counterfactual.unwrap().changes.unwrap();
    assert_eq!((changes[0].at, &changes[0].change.operation), (Duration::mins(5), &Operation::Scale { count: 6 }));
}

#[test]
fn a_recording_without_changes_still_has_its_failures() {
    let mut value = recording();
    value["events"] = json!([{"atMinutes": 30, "kind": "zoneFailure", "zone": "westeurope-2", "downMinutes": 90}]);
    value.as_object_mut().unwrap().remove("counterfactual");
    let (recording, snapshot) = read(&value);
    let loaded = recording.load(&snapshot, &ChangeSettings::default()).unwrap();
    assert!(loaded.scenario.changes.is_empty());
    assert_eq!(loaded.scenario.horizon, Duration::mins(30 + 90 + 60));
    assert!(recording.load_counterfactual(&snapshot, &ChangeSettings::default()).unwrap().is_none());
}

#[test]
fn a_recording_runs_and_its_counterfactual_too() {
    let (recording, snapshot) = read(&recording());
    let runs = Runs { seed: 7, first: 0, trials: 3, threads: 1 };
    let defaults = ChangeSettings { parameters: Some(ParameterUse::Mean), ..ChangeSettings::default() };
    let told = recording.load(&snapshot, &defaults).unwrap();
    let pairs = paired(&told.scenario, runs, &|_| ());
    assert!(pairs.iter().all(|p| p.proposal.operations.len() == 2 && p.baseline.operations.is_empty()));
    let other = recording.load_counterfactual(&snapshot, &defaults).unwrap().unwrap();
    let others = paired(&other.scenario, runs, &|_| ());
    let upgrade =
        |p: &simulator::Pair| p.proposal.operations[0].ended.map(|t| t.since(p.proposal.operations[0].started));
    for (a, b) in pairs.iter().zip(&others) {
        let (one, three) = (upgrade(a).unwrap(), upgrade(b).unwrap());
        assert!(three < one, "three surge nodes {three:?}, one {one:?}");
    }
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config { cases: 200, failure_persistence: None, ..Default::default() })]

    /// A recording with pieces cut out or written over is read or refused, never worse.
    #[test]
    fn damaged_documents_are_read_or_refused(cut in 0usize..1900, length in 0usize..40, put in ".{0,12}") {
        let text = recording().to_string();
        let (from, to) = (cut.min(text.len()), (cut + length).min(text.len()));
        let damaged = [&text.as_bytes()[..from], put.as_bytes(), &text.as_bytes()[to..]].concat();
        for found in [Recording::parse(&damaged).map(|_| ()), crate::what_if::parse(&damaged).map(|_| ())] {
            if let Err(complaints) = found {
                proptest::prop_assert!(!complaints.0.is_empty());
            }
        }
    }
}

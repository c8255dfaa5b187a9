//! Upgrades of a whole cluster, and those that began before the snapshot.

use simulator::NodeId;
use simulator::change::Begun;

use super::*;

/// The order of an upgrade of the cluster: the control plane, AKS' own workloads, then the pools.
#[test]
fn the_control_plane_comes_first() {
    let own = POOLS.replace(r#""location""#, r#""kubernetesVersion":"1.33.2","location""#);
    let told = |operation: Operation| {
        let l = try_load("", operation, &own).unwrap();
        let minutes = |p: &Planned| p.at.since(START).as_mins_f64();
        let name = |p: &Planned| match &p.operation {
            Simulated::ControlPlane { .. } => "control plane".to_owned(),
            Simulated::Rollout { workloads } => {
                let names = workloads.iter().map(|w| l.scenario.cluster.workloads[*w].name.as_str());
                if names.clone().any(|n| n == "coredns") { "own workloads".to_owned() } else { "others".to_owned() }
            }
            other => l.scenario.cluster.pools[other.pool().unwrap()].name.clone(),
        };
        l.scenario.changes.iter().map(|p| format!("{} {}", minutes(p) as u64, name(p))).collect::<Vec<_>>()
    };
    let upgraded = told(upgrade(Some("1.34.0")));
    assert_eq!(upgraded[..3], ["0 control plane", "5 own workloads", "5 apps"]);
    // The control plane has that version already; a node image has nothing to do with it.
    assert_eq!(told(upgrade(Some("1.33.2")))[0], "0 apps");
    assert_eq!(told(upgrade(None))[0], "0 apps");
}

/// Three nodes of two: one is new, one is cordoned and old, the third is a new one with the highest number.
fn under_way() -> String {
    let node = |ordinal: u32, version: &str, image: &str, cordoned: bool| {
        format!(
            r#"{{"apiVersion":"v1","kind":"Node","metadata":{{"name":"aks-apps-12345678-vmss00000{ordinal}","labels":{{"agentpool":"apps",
            "kubernetes.azure.com/node-image-version":"AKSUbuntu-2204gen2containerd-{image}"}}}},"spec":{{"unschedulable":{cordoned}}},
            "status":{{"nodeInfo":{{"kubeletVersion":"v{version}"}},"conditions":[{{"type":"Ready","status":"True"}}],
            "allocatable":{{"cpu":"3860m","memory":"13Gi","pods":"110"}},"capacity":{{"cpu":"4","memory":"16Gi","pods":"110"}}}}}}"#
        )
    };
    let nodes = [
        node(0, "1.34.0", "202603.01.0", false),
        node(1, "1.33.2", "202602.01.0", true),
        node(2, "1.34.0", "202603.01.0", false),
    ];
    POOLS.replace(r#""agentPools""#, &format!(r#""items":[{}],"agentPools""#, nodes.join(",")))
}

#[test]
fn an_upgrade_under_way_goes_on() {
    let snapshot = Snapshot::from_json(under_way().as_bytes()).unwrap();
    let begun = |phase: Phase, version: Option<&str>| {
        let change = Change { phase, ..change("apps", upgrade(version)) };
        let l = load(&change, &snapshot, &ChangeSettings::default()).unwrap();
        match &l.scenario.changes[0].operation {
            Simulated::Upgrade { how, .. } => how.begun.clone(),
            other => panic!("{other:?}"),
        }
    };
    let expected = Some(Begun { done: vec![NodeId(0)], surge: vec![NodeId(2)] });
    assert_eq!(begun(Phase::InFlight, Some("1.34.0")), expected, "by version");
    assert_eq!(begun(Phase::InFlight, None), expected, "by image");
    assert_eq!(begun(Phase::Proposed, Some("1.34.0")), None);
    assert_eq!(begun(Phase::InFlight, Some("1.35.0")), None, "no node has it yet");
}

#[test]
fn what_is_done_is_counted_where_the_snapshot_tells() {
    let done = |snapshot: &str, phase: Phase, version: Option<&str>| {
        let snapshot = Snapshot::from_json(snapshot.as_bytes()).unwrap();
        let change = Change { phase, ..change("apps", upgrade(version)) };
        load(&change, &snapshot, &ChangeSettings::default()).unwrap().done
    };
    let mixed = under_way();
    assert_eq!(done(&mixed, Phase::InFlight, Some("1.34.0")), Some(1), "one of three is a surge node");
    assert_eq!(done(&mixed, Phase::InFlight, None), Some(1));
    assert_eq!(done(&mixed, Phase::InFlight, Some("1.35.0")), Some(0));
    assert_eq!(done(&mixed, Phase::Proposed, Some("1.34.0")), None);
    let alike = mixed.replace("1.34.0", "1.33.2").replace("202603", "202602");
    assert_eq!(done(&alike, Phase::InFlight, None), None, "all old or all new");
    assert_eq!(done(POOLS, Phase::InFlight, Some("1.34.0")), None, "no node was seen");
}

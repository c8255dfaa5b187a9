//! Disks from the snapshot to the course of events.

use simulator::outcome::Incident;

use super::*;

/// Two application nodes in zones 1 and 2, a third in zone `third`; a set of one pod on the first, its disk in zone 1.
fn snapshot(third: u32) -> String {
    let node = |i: usize, zone: u32| {
        format!(
            r#"{{"kind":"Node","metadata":{{"name":"aks-apps-1-vmss00000{i}","labels":{{"agentpool":"apps","kubernetes.azure.com/agentpool":"apps",
                "topology.kubernetes.io/zone":"westeurope-{zone}","node.kubernetes.io/instance-type":"Standard_D4s_v3"}}}},
                "status":{{"allocatable":{{"cpu":"3860m","memory":"12Gi","pods":"110"}},"conditions":[{{"type":"Ready","status":"True"}}]}}}}"#
        )
    };
    let nodes = [node(0, 1), node(1, 2), node(2, third)].join(",");
    format!(
        r#"{{"agentPools":[{{"name":"apps","count":3,"vmSize":"Standard_D4s_v3","mode":"System","orchestratorVersion":"1.33.2","maxPods":110,
            "availabilityZones":["1","2","3"]}}],"items":[{nodes},
            {{"kind":"StatefulSet","metadata":{{"namespace":"shop","name":"db","annotations":{{"poolproof.dev/minimum":"1"}}}},"spec":{{"replicas":1,
                "volumeClaimTemplates":[{{"metadata":{{"name":"data"}},"spec":{{"storageClassName":"managed-csi"}}}}]}}}},
            {{"kind":"Pod","metadata":{{"namespace":"shop","name":"db-0","ownerReferences":[{{"kind":"StatefulSet","name":"db","controller":true}}]}},
                "spec":{{"nodeName":"aks-apps-1-vmss000000","volumes":[{{"name":"data","persistentVolumeClaim":{{"claimName":"data-db-0"}}}}]}},
                "status":{{"phase":"Running","conditions":[{{"type":"Ready","status":"True"}}]}}}},
            {{"kind":"PersistentVolumeClaim","metadata":{{"namespace":"shop","name":"data-db-0"}},"spec":{{"volumeName":"pv"}},"status":{{"phase":"Bound"}}}},
            {{"kind":"PersistentVolume","metadata":{{"name":"pv"}},"spec":{{"csi":{{"driver":"disk.csi.azure.com"}},"nodeAffinity":{{"required":{{
                "nodeSelectorTerms":[{{"matchExpressions":[{{"key":"topology.disk.csi.azure.com/zone","operator":"In","values":["westeurope-1"]}}]}}]}}}}}}}}]}}"#
    )
}

/// Whether the pod finds a node again after a drain, and whether the rule saw it coming.
fn drained(third: u32) -> (bool, bool) {
    let drain = Operation::Drain { nodes: vec!["aks-apps-1-vmss000000".into()] };
    let l = try_load("apps", drain, &snapshot(third)).unwrap();
    let db = l.scenario.cluster.workloads.iter().find(|(_, w)| w.name == "db").unwrap().0;
    let found = simulator::trace(&l.scenario, 1, 0)
        .log
        .iter()
        .any(|entry| matches!(entry.what, Incident::PodBound { workload, .. } if workload == db));
    (found, l.findings.iter().any(|f| f.id == "disk-zone-without-node"))
}

#[test]
fn a_pod_comes_back_only_where_its_disk_is() {
    assert_eq!(drained(1), (true, false));
    assert_eq!(drained(3), (false, true));
}

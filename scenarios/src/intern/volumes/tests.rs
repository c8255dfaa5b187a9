//! What claims and volumes come to, a line per pod.

use simulator::Id;
use simulator::spec::{ClusterSpec, MANY_DISKS, NodeTerm, Volumes, WorkloadSpec};

use super::ground::DISK_ZONE;
use super::*;
use crate::change::ChangeSettings;
use crate::coverage::Coverage;

/// Claims of namespace `shop`: bound to a disk in zone 1, to a share, to a volume not given; unbound of three classes; going.
const STORAGE: &str = r#"
    {"kind":"PersistentVolumeClaim","metadata":{"namespace":"shop","name":"one"},"spec":{"volumeName":"pv-1"},"status":{"phase":"Bound"}},
    {"kind":"PersistentVolumeClaim","metadata":{"namespace":"shop","name":"share","annotations":{"pv.kubernetes.io/bind-completed":"yes"}},"spec":{"volumeName":"pv-f"}},
    {"kind":"PersistentVolumeClaim","metadata":{"namespace":"shop","name":"dark"},"spec":{"volumeName":"pv-x","storageClassName":"managed-csi"},"status":{"phase":"Bound"}},
    {"kind":"PersistentVolumeClaim","metadata":{"namespace":"shop","name":"fresh"},"spec":{"storageClassName":"managed-csi"}},
    {"kind":"PersistentVolumeClaim","metadata":{"namespace":"shop","name":"zonal"},"spec":{"storageClassName":"zonal"}},
    {"kind":"PersistentVolumeClaim","metadata":{"namespace":"shop","name":"now"},"spec":{"storageClassName":"azurefile-csi"}},
    {"kind":"PersistentVolumeClaim","metadata":{"namespace":"shop","name":"strange"},"spec":{"storageClassName":"strange"}},
    {"kind":"PersistentVolumeClaim","metadata":{"namespace":"shop","name":"made","annotations":{"volume.kubernetes.io/selected-node":"n1"}},"spec":{"storageClassName":"managed-csi"}},
    {"kind":"PersistentVolumeClaim","metadata":{"namespace":"shop","name":"lost"},"spec":{"volumeName":"pv-1"},"status":{"phase":"Lost"}},
    {"kind":"PersistentVolumeClaim","metadata":{"namespace":"shop","name":"going","deletionTimestamp":"2026-01-01T00:00:00Z"},"spec":{"volumeName":"pv-1"},"status":{"phase":"Bound"}},
    {"kind":"PersistentVolumeClaim","metadata":{"namespace":"shop","name":"data-db-0"},"spec":{"volumeName":"pv-1","storageClassName":"managed-csi"},"status":{"phase":"Bound"}},
    {"kind":"PersistentVolumeClaim","metadata":{"namespace":"shop","name":"data-db-1"},"spec":{"volumeName":"pv-2","storageClassName":"managed-csi"},"status":{"phase":"Bound"}},
    {"kind":"PersistentVolume","metadata":{"name":"pv-1"},"spec":{"csi":{"driver":"disk.csi.azure.com","volumeHandle":"d1"},"nodeAffinity":{"required":{"nodeSelectorTerms":[
        {"matchExpressions":[{"key":"topology.disk.csi.azure.com/zone","operator":"In","values":["westeurope-1"]}]}]}}}},
    {"kind":"PersistentVolume","metadata":{"name":"pv-2"},"spec":{"csi":{"driver":"disk.csi.azure.com","volumeHandle":"d2"},"nodeAffinity":{"required":{"nodeSelectorTerms":[
        {"matchExpressions":[{"key":"topology.disk.csi.azure.com/zone","operator":"In","values":["westeurope-2"]}]}]}}}},
    {"kind":"PersistentVolume","metadata":{"name":"pv-f","labels":{"topology.kubernetes.io/zone":"westeurope-1__westeurope-2"}},"spec":{"csi":{"driver":"file.csi.azure.com"}}},
    {"kind":"StorageClass","metadata":{"name":"zonal"},"provisioner":"disk.csi.azure.com","volumeBindingMode":"WaitForFirstConsumer",
        "allowedTopologies":[{"matchLabelExpressions":[{"key":"topology.kubernetes.io/zone","values":["westeurope-3"]}]}]}"#;

const NODES: &str = r#"
    {"kind":"Node","metadata":{"name":"n1","labels":{"agentpool":"p","topology.kubernetes.io/zone":"westeurope-1","node.kubernetes.io/instance-type":"Standard_D4s_v5"}},"status":{"conditions":[{"type":"Ready","status":"True"}]}},
    {"kind":"Node","metadata":{"name":"n2","labels":{"agentpool":"p","topology.kubernetes.io/zone":"westeurope-2","node.kubernetes.io/instance-type":"Standard_D4s_v5"}},"status":{"conditions":[{"type":"Ready","status":"True"}]}}"#;

fn snapshot(items: &[&str]) -> Snapshot {
    Snapshot::from_json(format!(r#"{{"items":[{}]}}"#, items.join(",")).as_bytes()).unwrap()
}

/// In a line: disks, zones it is bound to, zones it may come to be in, labels, refusal, what is unknown.
fn told(asked: &Asked) -> String {
    let Volumes { refused, bound, unbound, zones, .. } = &asked.volumes;
    let values = |terms: &[NodeTerm]| -> Vec<String> {
        let all = terms.iter().flat_map(|t| t.expressions.iter().chain(&t.fields)).flat_map(|r| &r.values);
        all.map(|v| v.trim_start_matches("westeurope-").to_owned()).collect()
    };
    let mut parts = vec![format!("{} disks", asked.disks)];
    parts.extend(bound.iter().map(|terms| format!("bound {}", values(terms).join("|"))));
    parts.extend(unbound.iter().map(|terms| format!("unbound {}", values(terms).join("|"))));
    parts.extend(zones.iter().map(|(_, zones)| format!("labelled {}", zones.len())));
    parts.extend(refused.iter().map(|r| format!("{:?}: {}", r.plugin, r.reason)));
    parts.extend(asked.unknown.iter().map(|u| format!("{u:?}")));
    parts.join("; ")
}

fn named(names: &str) -> Vec<ClaimRef> {
    names.split(' ').map(|name| ClaimRef::Named(name.to_owned())).collect()
}

#[test]
fn claims_of_pods_that_run() {
    let s = snapshot(&[STORAGE, NODES]);
    for (claims, want) in [
        ("one", "1 disks; bound 1"),
        ("one data-db-1", "2 disks; bound 1; bound 2"),
        ("share", "0 disks; labelled 2"),
        ("dark", r#"1 disks; Volume("pv-x")"#),
        ("fresh", "1 disks"),
        ("zonal", "1 disks; unbound 3"),
        ("made", "1 disks; unbound n1"),
        ("now", "0 disks; Binding: pod has unbound immediate PersistentVolumeClaims"),
        ("strange", r#"0 disks; Class("strange")"#),
        ("nowhere", r#"0 disks; Claim("nowhere")"#),
    ] {
        assert_eq!(told(&Lookup::lenient(&s).asked("shop", "web", &named(claims))), want, "{claims}");
    }
    let own = ClaimRef::Ephemeral { volume: "tmp".into(), class: Some("managed-csi".into()) };
    assert_eq!(told(&Lookup::lenient(&s).asked("shop", "web", &[own, ClaimRef::Disk])), "2 disks");
    assert_eq!(told(&Lookup::lenient(&s).asked("other", "web", &named("one"))), r#"0 disks; Claim("one")"#);
}

#[test]
fn claims_of_pods_that_wait() {
    let s = snapshot(&[STORAGE, NODES]);
    for (claims, want) in [
        ("one", "1 disks; bound 1"),
        ("nowhere", r#"0 disks; Restrictions: persistentvolumeclaim "nowhere" not found"#),
        ("now nowhere", r#"0 disks; Restrictions: persistentvolumeclaim "nowhere" not found"#),
        ("going", r#"1 disks; bound 1; Binding: persistentvolumeclaim "going" is being deleted"#),
        ("lost", r#"0 disks; Binding: persistentvolumeclaim "lost" bound to non-existent persistentvolume "pv-1""#),
        ("now going", r#"1 disks; bound 1; Binding: persistentvolumeclaim "going" is being deleted"#),
        ("dark", r#"1 disks; Zone: persistentvolume "pv-x" not found"#),
    ] {
        assert_eq!(told(&Lookup::strict(&s).asked("shop", "web", &named(claims))), want, "{claims}");
    }
    let own = ClaimRef::Ephemeral { volume: "tmp".into(), class: None };
    let waits =
        r#"0 disks; Binding: waiting for ephemeral volume controller to create the persistentvolumeclaim "web-tmp""#;
    assert_eq!(told(&Lookup::strict(&s).asked("shop", "web", &[own])), waits);
    // A snapshot without claims says nothing about them.
    assert_eq!(
        told(&Lookup::strict(&snapshot(&[NODES])).asked("shop", "web", &named("one"))),
        r#"0 disks; Claim("one")"#
    );
}

fn interned(items: &[&str]) -> (ClusterSpec, Coverage) {
    let mut coverage = Coverage::default();
    let full = crate::complete::complete(&snapshot(items), &mut coverage);
    (crate::intern::intern(&full, &ChangeSettings::default(), &mut coverage).spec, coverage)
}

/// Disks and zone of each place, then of any further pod.
fn shapes(spec: &ClusterSpec, set: &WorkloadSpec) -> String {
    let of = |id: simulator::PodShapeId| {
        let shape = &spec.pod_shapes[id];
        let zones: Vec<&str> =
            shape.volumes.bound.iter().flatten().flat_map(|t| &t.expressions[0].values).map(|v| &v[11..]).collect();
        format!("{}@{}", shape.requests.disks, zones.join(","))
    };
    let places: Vec<String> = set.shapes.iter().map(|id| of(*id)).collect();
    format!("{} then {}", places.join(" "), of(set.shape))
}

fn db(spec: &ClusterSpec) -> &WorkloadSpec {
    spec.workloads.rows().iter().find(|w| w.name == "db").unwrap()
}

fn pod(name: &str, node: &str, claim: &str) -> String {
    format!(
        r#"{{"kind":"Pod","metadata":{{"namespace":"shop","name":"{name}","ownerReferences":[{{"kind":"StatefulSet","name":"db","controller":true}}]}},
            "spec":{{"nodeName":"{node}","volumes":[{{"name":"data","persistentVolumeClaim":{{"claimName":"{claim}"}}}}]}},"status":{{"phase":"Running"}}}}"#
    )
}

const SET: &str = r#"{"kind":"StatefulSet","metadata":{"namespace":"shop","name":"db"},"spec":{"replicas":3,
    "volumeClaimTemplates":[{"metadata":{"name":"data"},"spec":{"storageClassName":"managed-csi"}}]}}"#;

#[test]
fn each_pod_of_a_set_has_its_own_disk() {
    // db-0 is missing and has a disk in zone 1; db-2 is missing and will get a new one.
    let (spec, coverage) = interned(&[STORAGE, NODES, SET, &pod("db-1", "n2", "data-db-1")]);
    assert_eq!(shapes(&spec, db(&spec)), "1@2 1@1 1@ then 1@");
    assert_eq!(coverage.not_seen.iter().find(|n| n.contains("PersistentVolume")), None);
    // Without the object, what belongs to the pod alone is told by its name.
    let (spec, _) = interned(&[STORAGE, NODES, &pod("db-1", "n2", "data-db-1"), &pod("db-0", "n1", "data-db-0")]);
    assert_eq!(shapes(&spec, db(&spec)), "1@1 1@2 then 1@");
    // Without any pod, the set's own words count.
    let (spec, _) = interned(&[STORAGE, NODES, SET]);
    assert_eq!(shapes(&spec, db(&spec)), "1@1 1@2 1@ then 1@");
    assert_eq!(spec.pod_shapes[db(&spec).shapes[2]], spec.pod_shapes[db(&spec).shape], "equal shapes are one");
}

#[test]
fn pods_of_other_owners() {
    let agents = pod("agent-x", "n1", "one").replace("StatefulSet", "DaemonSet");
    let (spec, _) = interned(&[STORAGE, NODES, &agents]);
    assert_eq!(shapes(&spec, db(&spec)), " then 1@1", "places of a DaemonSet are nodes");
    // Operators make pods with disks of their own as well.
    let made = |name: &str, node: &str, claim: &str| pod(name, node, claim).replace("StatefulSet", "Cluster");
    let (spec, _) = interned(&[STORAGE, NODES, &made("db-a", "n1", "one"), &made("db-b", "n2", "data-db-1")]);
    assert_eq!(shapes(&spec, db(&spec)), "1@1 1@2 then 1@1");
}

#[test]
fn what_is_not_given_is_said() {
    let (spec, coverage) = interned(&[NODES, SET, &pod("db-1", "n2", "data-db-1")]);
    assert_eq!(shapes(&spec, db(&spec)), "0@ 1@ 1@ then 1@");
    let said = "PersistentVolumeClaim shop/data-db-1 not given: the zones and disks of its pods were not regarded";
    assert!(coverage.not_seen.iter().any(|n| n == said), "{:?}", coverage.not_seen);
}

#[test]
fn nodes_attach_what_their_driver_says_or_their_size() {
    let limits = r#"{"kind":"CSINode","metadata":{"name":"n1"},"spec":{"drivers":[{"name":"disk.csi.azure.com","allocatable":{"count":5}}]}},
        {"kind":"CSINode","metadata":{"name":"n2"},"spec":{"drivers":[{"name":"file.csi.azure.com"}]}}"#;
    let disks = |spec: &ClusterSpec| -> Vec<i64> {
        spec.nodes.rows().iter().map(|n| spec.node_shapes[n.shape].allocatable.disks).collect()
    };
    assert_eq!(disks(&interned(&[STORAGE, NODES]).0), [8, 8]);
    assert_eq!(disks(&interned(&[STORAGE, NODES, limits]).0), [5, MANY_DISKS]);
}

#[test]
fn nodes_carry_the_zone_that_disks_ask_for() {
    let zone = |spec: &ClusterSpec, i: usize| {
        let node = &spec.nodes[simulator::NodeId::from_index(i)];
        spec.node_shapes[node.shape].labels.get(DISK_ZONE).cloned()
    };
    let (spec, coverage) = interned(&[STORAGE, NODES]);
    assert_eq!(zone(&spec, 1).as_deref(), Some("westeurope-2"));
    assert!(coverage.assumptions.iter().any(|a| a.name == "zone of nodes for disks"));
    // One node that shows the label shows that it was not left out.
    let third = r#"{"kind":"Node","metadata":{"name":"n3","labels":{"agentpool":"p","topology.disk.csi.azure.com/zone":"westeurope-1"}}}"#;
    assert_eq!(zone(&interned(&[STORAGE, NODES, third]).0, 1), None);
    assert_eq!(zone(&interned(&[NODES]).0, 1), None);
}

#[test]
fn a_wrong_value_is_named_with_its_place() {
    let bad = |item: &str| {
        Snapshot::from_json(format!(r#"{{"items":[{NODES},{item}]}}"#).as_bytes()).unwrap_err().to_string()
    };
    for (item, want) in [
        (
            r#"{"kind":"StorageClass","metadata":{"name":"s"},"volumeBindingMode":"Later"}"#,
            "items[2].volumeBindingMode",
        ),
        (
            r#"{"kind":"CSINode","metadata":{"name":"n"},"spec":{"drivers":[{"name":"d","allocatable":{"count":-1}}]}}"#,
            "items[2].spec.drivers[0].allocatable.count",
        ),
        (r#"{"kind":"CSINode","metadata":{"name":"n"},"spec":{"drivers":7}}"#, "items[2].spec.drivers"),
        (
            r#"{"kind":"PersistentVolume","metadata":{"name":"v"},"spec":{"nodeAffinity":{"required":{"nodeSelectorTerms":[{"matchExpressions":[{"key":"z","operator":"Is"}]}]}}}}"#,
            "items[2].spec.nodeAffinity.required",
        ),
        (r#"{"kind":"PersistentVolumeClaim","metadata":{},"spec":{}}"#, "items[2].metadata.name"),
        (r#"{"kind":"VolumeAttachment","metadata":{"name":"a"},"spec":{"source":"x"}}"#, "items[2].spec.source"),
    ] {
        let found = bad(item);
        assert!(found.contains(want), "{found}");
    }
}

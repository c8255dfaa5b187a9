//! Cases of the rules about disks.

use simulator::spec::{NodeTerm, Operator, Requirement};

use super::{Expect, Row, node_name, pod, rows, upgrade};
use crate::change::Operation;
use crate::snapshot::storage::{Claim, ClaimRef, DISK_DRIVER, Volume};
use crate::snapshot::{Owner, Snapshot};

fn drain(i: usize) -> Operation {
    Operation::Drain { nodes: vec![node_name("apps", i)] }
}

/// A pod of a StatefulSet on a node of `apps` with disks of its own in a zone.
fn db(s: &mut Snapshot, i: usize, disks: usize, zone: &str) {
    set(s, "shop", i, disks, zone);
}

fn set(s: &mut Snapshot, namespace: &str, i: usize, disks: usize, zone: &str) {
    let mut db = pod(namespace, "db", i, "apps");
    db.owner = Some(Owner { kind: "StatefulSet".into(), name: "db".into() });
    for disk in 0..disks {
        let name = format!("data{disk}-db-{i}");
        let values = vec![zone.to_owned()];
        let there = Requirement { key: "topology.disk.csi.azure.com/zone".into(), operator: Operator::In, values };
        let affinity = Some(vec![NodeTerm { expressions: vec![there], fields: Vec::new() }]);
        let volume = Volume { affinity, driver: Some(DISK_DRIVER.into()), ..Volume::default() };
        s.storage.volumes.insert(name.clone(), volume);
        let claim = Claim { volume: Some(name.clone()), bound: true, ..Claim::default() };
        s.storage.claims.insert((namespace.into(), name.clone()), claim);
        db.claims.push(ClaimRef::Named(name));
    }
    s.pods.push(db);
}

/// What the driver of disks says each node of `apps` attaches.
fn limits(s: &mut Snapshot, limits: [i64; 3]) {
    for (i, limit) in limits.into_iter().enumerate() {
        let drivers = [(DISK_DRIVER.to_owned(), Some(limit))].into();
        s.storage.limits.insert(node_name("apps", i), drivers);
    }
}

/// All nodes of `apps` in zone 1.
fn one_zone(s: &mut Snapshot) {
    for node in &mut s.nodes {
        node.labels.insert("topology.kubernetes.io/zone".into(), "westeurope-1".into());
    }
}

pub(super) fn rows() -> Vec<Row> {
    rows! {
        "disk-zone-without-node" {
            Warning: |s| db(s, 0, 1, "westeurope-1"), "apps", drain(0);
            Warning: |s| db(s, 2, 1, "westeurope-3"), "apps", Operation::Scale { count: 2 };
            Error: |s| { set(s, "kube-system", 0, 1, "westeurope-1"); s.nodes.retain(|n| n.name != node_name("sys", 0)); }, "apps", drain(0);
            Quiet: |s| set(s, "kube-system", 0, 1, "westeurope-1"), "apps", drain(0);
            Quiet: |s| db(s, 0, 1, "westeurope-2"), "apps", drain(0);
            Quiet: |s| db(s, 0, 1, "westeurope-1"), "apps", drain(1);
            Quiet: |s| db(s, 0, 1, "westeurope-1"), "apps", upgrade();
            Quiet: |s| { one_zone(s); db(s, 0, 1, "westeurope-1"); }, "apps", drain(0);
            Quiet: |s| { db(s, 0, 1, "westeurope-1"); s.storage.volumes.clear(); }, "apps", drain(0);
        }
        "disks-beyond-limit" {
            Warning: |s| { one_zone(s); db(s, 0, 3, "westeurope-1"); limits(s, [4, 2, 2]); }, "apps", drain(0);
            Warning: |s| { one_zone(s); db(s, 0, 3, "westeurope-1"); db(s, 1, 2, "westeurope-1"); limits(s, [4, 4, 2]); }, "apps", drain(0);
            Quiet: |s| { one_zone(s); db(s, 0, 3, "westeurope-1"); limits(s, [4, 2, 3]); }, "apps", drain(0);
            Quiet: |s| { one_zone(s); db(s, 0, 3, "westeurope-1"); }, "apps", drain(0);
            Quiet: |s| { one_zone(s); db(s, 0, 3, "westeurope-1"); limits(s, [4, 0, 0]); s.pools[0].enable_auto_scaling = true; s.pools[0].max_count = Some(9); }, "apps", drain(0);
            Quiet: |s| { db(s, 0, 3, "westeurope-1"); limits(s, [4, 0, 0]); }, "apps", drain(0);
        }
    }
}

//! Pods with disks: where they may come back to after a drain.

use super::check;
use crate::change::Operation;
use crate::example::{Example, drain_settings};
use crate::spec::{NodeTerm, Operator, PodShape, Requirement, Volumes, WorkloadKind};
use crate::time::Duration;
use crate::{NodeId, PodShapeId, PoolId};

const KEY: &str = "topology.disk.csi.azure.com/zone";

/// Three nodes in zones 1, 2, 3 and, if asked for, a fourth in zone 1; a StatefulSet with a zonal disk for each pod, on the first
/// three.
fn sets(nodes: u32, limit: i64) -> Example {
    let mut example = Example::new().pool("p", nodes).edit(|spec| {
        for (i, shape) in spec.node_shapes.rows_mut().iter_mut().enumerate() {
            shape.labels.insert(KEY.into(), format!("westeurope-{}", i + 1));
            shape.allocatable.disks = limit;
        }
    });
    example = example.workload("db", WorkloadKind::StatefulSet, (0..3).map(NodeId).collect());
    example.edit(|spec| {
        let base = spec.pod_shapes.rows()[0].clone();
        let shapes: Vec<PodShapeId> = (1..=3).map(|zone| spec.pod_shapes.push(in_zone(&base, zone))).collect();
        if let Some(set) = spec.workloads.rows_mut().last_mut() {
            set.shapes = shapes;
        }
    })
}

fn in_zone(base: &PodShape, zone: usize) -> PodShape {
    let value = Requirement { key: KEY.into(), operator: Operator::In, values: vec![format!("westeurope-{zone}")] };
    let term = NodeTerm { expressions: vec![value], fields: Vec::new() };
    let mut shape = PodShape { volumes: Volumes { bound: vec![vec![term]], ..Volumes::default() }, ..base.clone() };
    shape.requests.disks = 1;
    shape
}

fn drain(node: u32) -> Operation {
    Operation::Drain { nodes: vec![NodeId(node)], drain: drain_settings() }
}

#[test]
fn a_pod_with_a_disk_waits_while_its_zone_has_no_other_node() {
    check(
        &sets(3, 4).change(Duration::ZERO, drain(0)).horizon(Duration::mins(30)).build(),
        "0s start
         0s p-0 cordoned
         0s p-0 drains
         0s db evicted from p-0
         5s p-0 drained
         5s end
         5s db unschedulable",
    );
}

#[test]
fn it_comes_back_to_a_node_of_its_zone_that_joins() {
    let grow = Operation::Scale { pool: PoolId(0), count: 4, drain: drain_settings() };
    check(
        &sets(3, 4).change(Duration::ZERO, drain(0)).change(Duration::secs(10), grow).build(),
        "0s start
         0s p-0 cordoned
         0s p-0 drains
         0s db evicted from p-0
         5s p-0 drained
         5s end
         5s db unschedulable
         10s start
         10s p-new-3 requested
         160s p-new-3 ready
         160s end
         160s db to p-new-3
         170s db ready",
    );
}

#[test]
fn each_place_keeps_its_own_disk() {
    // The fourth node is in zone 1: it takes the first pod of the set, not the second.
    let node = |n: u32| sets(4, 4).change(Duration::ZERO, drain(n)).horizon(Duration::mins(30)).build();
    check(
        &node(0),
        "0s start
         0s p-0 cordoned
         0s p-0 drains
         0s db evicted from p-0
         5s p-0 drained
         5s end
         5s db to p-3
         15s db ready",
    );
    check(
        &node(1),
        "0s start
         0s p-1 cordoned
         0s p-1 drains
         0s db evicted from p-1
         5s p-1 drained
         5s end
         5s db unschedulable",
    );
}

#[test]
fn a_node_that_cannot_attach_its_disk_does_not_take_it() {
    let full = |limit: i64| {
        let mut example = sets(4, limit).workload("cache", WorkloadKind::Deployment, vec![NodeId(3)]);
        example = example.with_shape(|shape| shape.requests.disks = 1);
        example.change(Duration::ZERO, drain(0)).horizon(Duration::mins(30)).build()
    };
    let gone = "0s start
         0s p-0 cordoned
         0s p-0 drains
         0s db evicted from p-0
         5s p-0 drained
         5s end";
    check(&full(2), &format!("{gone}\n5s db to p-3\n15s db ready"));
    check(&full(1), &format!("{gone}\n5s db unschedulable"));
}

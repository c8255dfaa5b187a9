//! Volumes: what each plugin says of one pod on one node, and what preemption can do about it.

use super::*;
use crate::spec::{VolumePlugin, VolumeRefusal, Volumes};
use crate::{BudgetId, Column, PodId};

const KEY: &str = "topology.disk.csi.azure.com/zone";
const ZONE: &str = "topology.kubernetes.io/zone";
const FITS: &str = "";
const BOUND: &str = "VolumeBinding: node(s) didn't match PersistentVolume's node affinity";
const UNBOUND: &str = "VolumeBinding: node(s) didn't find available persistent volumes to bind";
const ELSEWHERE: &str = "VolumeZone: node(s) had no available volume zone";
const FULL: &str = "NodeVolumeLimits: node(s) exceed max volume count (resolvable)";

fn verdict(pod: &PodShape, node: Node) -> String {
    let world = World::new(pod, &[node]);
    let Some(rejection) = explain(&world.compat, POD, world.views()).verdicts[0].1 else {
        return FITS.into();
    };
    let reasons: Vec<_> = rejection.reasons(&world.compat).iter().map(ToString::to_string).collect();
    let hope = if rejection.code() == Code::Unschedulable { " (resolvable)" } else { "" };
    format!("{}: {}{hope}", rejection.plugin(), reasons.join(", "))
}

fn check(volumes: Volumes, node: Node, want: &str) {
    assert_eq!(verdict(&PodShape { volumes: volumes.clone(), ..pod() }, node), want, "{volumes:?}");
}

fn bound(terms: &[NodeTerm]) -> Volumes {
    Volumes { bound: vec![terms.to_vec()], ..Volumes::default() }
}

fn unbound(terms: &[NodeTerm]) -> Volumes {
    Volumes { unbound: vec![terms.to_vec()], ..Volumes::default() }
}

fn labelled(key: &str, values: &[&str]) -> Volumes {
    let values = values.iter().map(|&v| v.to_owned()).collect();
    Volumes { zones: vec![(key.to_owned(), values)], ..Volumes::default() }
}

fn zone(value: &str) -> NodeTerm {
    on_label(KEY, Operator::In, &[value])
}

fn with_disks(disks: i64) -> PodShape {
    PodShape { requests: Resources { disks, ..pod().requests }, ..pod() }
}

fn attaching(name: &'static str, limit: i64, there: &[i64]) -> Node {
    node(name).with(|n| {
        n.shape.allocatable.disks = limit;
        n.running = there.iter().map(|&disks| with_disks(disks)).collect();
    })
}

#[test]
fn a_bound_volume_keeps_its_pod_where_it_can_be_reached() {
    let here = || node("a").label(KEY, "westeurope-1");
    check(bound(&[zone("westeurope-1")]), here(), FITS);
    check(bound(&[zone("westeurope-2")]), here(), BOUND);
    check(bound(&[zone("westeurope-1")]), node("a"), BOUND);
    // Terms are alternatives (zone-redundant disks), volumes add up.
    check(bound(&[zone("westeurope-2"), zone("westeurope-1")]), here(), FITS);
    let two = Volumes { bound: vec![vec![zone("westeurope-1")], vec![zone("westeurope-2")]], ..Volumes::default() };
    check(two, here(), BOUND);
    // A list without terms is met by no node.
    check(bound(&[]), here(), BOUND);
    // A volume on a machine's own disk.
    let local = || bound(&[on_label("kubernetes.io/hostname", Operator::In, &["a"])]);
    check(local(), node("a"), FITS);
    check(local(), node("b"), BOUND);
}

#[test]
fn an_unbound_volume_comes_to_be_where_its_class_allows() {
    let here = || node("a").label(ZONE, "westeurope-1");
    let allowed = |zones: &[&str]| unbound(&[on_label(ZONE, Operator::In, zones)]);
    check(allowed(&["westeurope-1", "westeurope-2"]), here(), FITS);
    check(allowed(&["westeurope-2"]), here(), UNBOUND);
    let both = Volumes { bound: vec![vec![zone("x")]], ..allowed(&["westeurope-2"]) };
    check(both, here(), &format!("{BOUND}, {}", UNBOUND.trim_start_matches("VolumeBinding: ")));
}

#[test]
fn labels_of_a_volume_must_be_the_nodes() {
    let here = || node("a").label(ZONE, "westeurope-1");
    const OLD: &str = "failure-domain.beta.kubernetes.io/zone";
    check(labelled(ZONE, &["westeurope-1"]), here(), FITS);
    check(labelled(ZONE, &["westeurope-2"]), here(), ELSEWHERE);
    check(labelled(ZONE, &["westeurope-2", "westeurope-1"]), here(), FITS);
    check(labelled(OLD, &["westeurope-1"]), here(), FITS);
    check(labelled("topology.kubernetes.io/region", &["westeurope"]), here(), ELSEWHERE);
    // Where nodes carry no such label, volumes are taken as they are.
    check(labelled(ZONE, &["westeurope-2"]), node("a").label("disk", "ssd"), FITS);
}

#[test]
fn a_node_attaches_so_many_disks() {
    assert_eq!(verdict(&with_disks(2), attaching("a", 4, &[2])), FITS);
    assert_eq!(verdict(&with_disks(3), attaching("a", 4, &[2])), FULL);
    assert_eq!(verdict(&with_disks(0), attaching("a", 4, &[2, 3])), FITS);
    let nominated = Resources { disks: 1, ..Resources::default() };
    assert_eq!(verdict(&with_disks(2), attaching("a", 4, &[1]).with(|n| n.promised = Some(promised(nominated)))), FITS);
    assert_eq!(verdict(&with_disks(2), attaching("a", 4, &[2]).with(|n| n.promised = Some(promised(nominated)))), FULL);
}

#[test]
fn the_plugins_come_in_their_order() {
    let everything =
        Volumes { zones: vec![(ZONE.into(), vec!["x".into()])], unbound: Vec::new(), ..bound(&[zone("x")]) };
    let shape = |disks, cpu| PodShape {
        requests: Resources { disks, cpu, ..pod().requests },
        volumes: everything.clone(),
        ..pod()
    };
    let full = || attaching("a", 1, &[1]).label(ZONE, "y");
    assert_eq!(verdict(&shape(1, 9000), full()), "NodeResourcesFit: Insufficient cpu");
    assert_eq!(verdict(&shape(1, 100), full()), FULL);
    assert_eq!(verdict(&shape(0, 100), full()), BOUND);
    assert_eq!(verdict(&shape(0, 100), full().label(KEY, "x")), ELSEWHERE);
}

#[test]
fn claims_that_are_not_ready_refuse_the_pod_as_such() {
    let reason = "pod has unbound immediate PersistentVolumeClaims";
    let refusal = VolumeRefusal { plugin: VolumePlugin::Binding, reason: reason.into() };
    let waiting = PodShape { volumes: Volumes { refused: Some(refusal), ..Volumes::default() }, ..pod() };
    let world = World::new(&waiting, &[node("a"), node("b").with(|n| n.cordoned = true)]);
    let mut scratch = Scratch::default();
    assert_eq!(decide(&world.compat, POD, world.views(), &mut scratch, |_| 0), None);
    assert_eq!(scratch.summary(&world.compat).to_string(), format!("0/2 nodes are available: {reason}."));
    assert!(scratch.rejected().iter().all(|(_, r)| r.is_general() && r.plugin() == "VolumeBinding"));
    // Terms on names that contradict each other come before.
    let torn = PodShape { required: vec![on_name(Operator::In, &[])], ..waiting };
    assert_eq!(verdict(&torn, node("a")), "NodeAffinity: pod affinity terms conflict");
}

/// Nodes of victims `(priority, disks)`, 4 disks each; the answer is node and victims.
fn preempted(incoming: &PodShape, nodes: Vec<Node>) -> Option<(u32, Vec<u32>)> {
    let world = World::new(incoming, &nodes);
    let bound = |&shape: &PodShapeId| Bound { pod: PodId(shape.0), shape, started: 0, budgets: &[] };
    let candidates: Vec<Candidate> = (0..nodes.len())
        .map(|i| Candidate { node: world.view(i), pods: world.rows[i].running.iter().map(bound).collect() })
        .collect();
    let found = preempt(&world.compat, POD, &candidates, &Column::<BudgetId, u32>::default())?;
    Some((found.node.0, found.victims.iter().map(|p| p.0).collect()))
}

#[test]
fn preemption_frees_disks_but_moves_no_volume() {
    let high = |volumes| PodShape { priority: 10, volumes, ..with_disks(2) };
    // Pods are numbered through the nodes from 1; one disk of two pods must go, the lone disk of the third need not.
    assert_eq!(preempted(&high(Volumes::default()), vec![attaching("a", 4, &[1, 2])]), Some((0, vec![2])));
    let here = |name, label| attaching(name, 4, &[4]).label(KEY, label);
    let pinned = || high(bound(&[zone("2")]));
    assert_eq!(preempted(&pinned(), vec![here("a", "1"), here("b", "2")]), Some((1, vec![2])));
    assert_eq!(preempted(&pinned(), vec![here("a", "1")]), None);
}

fn promised(requests: Resources) -> Promised {
    Promised { requests, ..Promised::default() }
}

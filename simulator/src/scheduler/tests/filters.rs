//! What each filter says of one pod on one node.

use super::*;

const FITS: &str = "fits";
const CORDONED: &str = "NodeUnschedulable: node(s) were unschedulable";
const AFFINITY: &str = "NodeAffinity: node(s) didn't match Pod's node affinity/selector";
const EXCLUDED: &str = ": node(s) didn't satisfy plugin(s) [NodeAffinity]";
const PORTS: &str = "NodePorts: node(s) didn't have free ports for the requested pod ports (resolvable)";

/// Verdict in words: plugin, reasons, and whether removing pods might help.
fn verdict(world: &World, pod: Incoming) -> String {
    let Some(rejection) = explain(&world.compat, pod, world.views()).verdicts[0].1 else {
        return FITS.into();
    };
    let reasons: Vec<_> = rejection.reasons(&world.compat).iter().map(ToString::to_string).collect();
    let hope = if rejection.code() == Code::Unschedulable { " (resolvable)" } else { "" };
    format!("{}: {}{hope}", rejection.plugin(), reasons.join(", "))
}

fn check(pod: PodShape, node: Node, want: &str) {
    assert_eq!(verdict(&World::new(&pod, &[node]), POD), want);
}

#[test]
fn node_unschedulable() {
    let cordoned = || node("a").with(|n| n.cordoned = true);
    const TAINT: &str = "node.kubernetes.io/unschedulable";
    check(pod(), cordoned(), CORDONED);
    check(tolerating(Some(TAINT), None, Some("NoSchedule")), cordoned(), FITS);
    check(tolerating(Some(TAINT), Some(""), None), cordoned(), FITS);
    check(tolerating(Some(TAINT), Some("x"), None), cordoned(), CORDONED);
    check(tolerating(Some(TAINT), None, Some("NoExecute")), cordoned(), CORDONED);
    check(tolerating(None, None, None), cordoned(), FITS);
}

#[test]
fn node_name() {
    let named = |name: &str| PodShape { node_name: Some(name.into()), ..pod() };
    check(named("a"), node("a"), FITS);
    check(named("b"), node("a"), "NodeName: node(s) didn't match the requested node name");
}

#[test]
fn taint_toleration() {
    let untolerated = |taint: &str| format!("TaintToleration: node(s) had untolerated taint {{{taint}}}");
    check(pod(), node("a").taint("sku=gpu:NoSchedule"), &untolerated("sku: gpu"));
    check(pod(), node("a").taint("sku:NoExecute"), &untolerated("sku: "));
    check(pod(), node("a").taint("sku=gpu:PreferNoSchedule"), FITS);
    // The first one that is not tolerated is named.
    let two = || node("a").taint("a=1:NoSchedule").taint("b=2:NoSchedule");
    check(tolerating(Some("a"), Some("1"), None), two(), &untolerated("b: 2"));
    check(tolerating(Some("b"), None, None), two(), &untolerated("a: 1"));
    check(tolerating(Some("a"), Some("2"), None), two(), &untolerated("a: 1"));
    check(tolerating(None, None, Some("NoSchedule")), two(), FITS);
    check(tolerating(None, None, Some("NoExecute")), two(), &untolerated("a: 1"));
}

#[test]
fn taints_of_nodes_that_are_not_ready() {
    let not_ready = || node("a").with(|n| n.readiness = Readiness::NotReady);
    let unreachable = || node("a").with(|n| n.readiness = Readiness::Unreachable);
    let reason = |key: &str| format!("TaintToleration: node(s) had untolerated taint {{node.kubernetes.io/{key}: }}");
    check(pod(), not_ready(), &reason("not-ready"));
    check(pod(), unreachable(), &reason("unreachable"));
    check(pod(), not_ready().taint("a=1:NoSchedule"), "TaintToleration: node(s) had untolerated taint {a: 1}");
    // What every pod gets from admission covers NoExecute only.
    let key = Some("node.kubernetes.io/not-ready");
    check(tolerating(key, None, Some("NoExecute")), not_ready(), &reason("not-ready"));
    check(tolerating(key, None, None), not_ready(), FITS);
    check(tolerating(key, None, None), unreachable(), &reason("unreachable"));
}

#[test]
fn node_affinity_operators() {
    use Operator::{DoesNotExist, Exists, Gt, In, Lt, NotIn};
    let cases = [
        (In, "disk", &["ssd", "nvme"][..], true),
        (In, "disk", &["hdd"], false),
        (In, "none", &["ssd"], false),
        (In, "disk", &[], false),
        (NotIn, "disk", &["hdd"], true),
        (NotIn, "disk", &["ssd"], false),
        (NotIn, "none", &["ssd"], true),
        (Exists, "disk", &[], true),
        (Exists, "none", &[], false),
        (DoesNotExist, "disk", &[], false),
        (DoesNotExist, "none", &[], true),
        (Gt, "cores", &["7"], true),
        (Gt, "cores", &["8"], false),
        (Lt, "cores", &["9"], true),
        (Lt, "cores", &["8"], false),
        (Lt, "disk", &["9"], false),
        // Not a label value: an error there, no match here.
        (Gt, "cores", &["-1"], false),
        (NotIn, "disk", &["a b"], false),
    ];
    for (operator, key, values, matches) in cases {
        let node = node("a").label("disk", "ssd").label("cores", "8");
        check(requiring(vec![on_label(key, operator, values)]), node, if matches { FITS } else { AFFINITY });
    }
}

#[test]
fn node_affinity_terms() {
    let ssd = || on_label("disk", Operator::In, &["ssd"]);
    let east = || on_label("zone", Operator::In, &["1"]);
    let both = NodeTerm { expressions: [ssd().expressions, east().expressions].concat(), fields: Vec::new() };
    let empty = NodeTerm { expressions: Vec::new(), fields: Vec::new() };
    let ssd_node = || node("a").label("disk", "ssd");
    check(requiring(vec![east(), ssd()]), ssd_node(), FITS);
    check(requiring(vec![both.clone()]), ssd_node(), AFFINITY);
    check(requiring(vec![both]), ssd_node().label("zone", "1"), FITS);
    check(requiring(vec![empty]), ssd_node(), AFFINITY);
    let selecting = |value: &str| PodShape { node_selector: [("disk".into(), value.into())].into(), ..pod() };
    check(selecting("ssd"), ssd_node(), FITS);
    check(selecting("hdd"), ssd_node(), AFFINITY);
    check(PodShape { required: vec![east()], ..selecting("ssd") }, ssd_node(), AFFINITY);
}

#[test]
fn node_affinity_by_name() {
    use Operator::{In, NotIn};
    let selecting =
        |name: &str| PodShape { node_selector: [("kubernetes.io/hostname".into(), name.into())].into(), ..pod() };
    check(selecting("a"), node("a"), FITS);
    check(selecting("b"), node("a"), AFFINITY);
    check(requiring(vec![on_label("kubernetes.io/hostname", NotIn, &["a"])]), node("a"), AFFINITY);
    check(requiring(vec![on_name(In, &["a"])]), node("a"), FITS);
    check(requiring(vec![on_name(In, &["b"])]), node("a"), EXCLUDED);
    check(requiring(vec![on_name(NotIn, &["a"])]), node("a"), AFFINITY);
    check(requiring(vec![on_name(In, &["b"]), on_label("x", Operator::DoesNotExist, &[])]), node("a"), FITS);
    let conflicting =
        NodeTerm { fields: [on_name(In, &["a"]).fields, on_name(In, &["b"]).fields].concat(), ..on_name(In, &[]) };
    check(requiring(vec![conflicting]), node("a"), "NodeAffinity: pod affinity terms conflict");
}

#[test]
fn pinned_by_its_owner() {
    let world = World::new(&pod(), &[node("a").with(|n| n.cordoned = true)]);
    assert_eq!(verdict(&world, Incoming { pin: Some(NodeId(1)), ..POD }), EXCLUDED);
    assert_eq!(verdict(&world, Incoming { pin: Some(NodeId(0)), ..POD }), CORDONED);
}

#[test]
fn node_ports() {
    let tcp = |ip: &str| port(ip, "TCP", 80);
    let cases = [
        (tcp("0.0.0.0"), tcp("0.0.0.0"), PORTS),
        (tcp(""), port("10.0.0.1", "", 80), PORTS),
        (tcp("10.0.0.1"), tcp("0.0.0.0"), PORTS),
        (tcp("10.0.0.1"), tcp("10.0.0.1"), PORTS),
        (tcp("10.0.0.1"), tcp("10.0.0.2"), FITS),
        (tcp(""), port("", "UDP", 80), FITS),
        (tcp(""), port("", "TCP", 81), FITS),
    ];
    for (held, wanted, want) in cases {
        let taken = node("a").with(|n| n.running = vec![holding(&[held])]);
        check(holding(&[port("", "TCP", 1), wanted]), taken.clone(), want);
        check(pod(), taken, FITS);
    }
}

#[test]
fn node_resources_fit() {
    const GIB: i64 = 1 << 30;
    let fit = |reasons: &str| format!("NodeResourcesFit: {reasons}");
    let busy = || node("a").with(|n| n.running = vec![asking(3000, 15 * GIB)]);
    check(asking(1000, GIB), busy(), FITS);
    check(asking(1001, GIB), busy(), &fit("Insufficient cpu (resolvable)"));
    check(asking(1001, GIB + 1), busy(), &fit("Insufficient cpu, Insufficient memory (resolvable)"));
    check(asking(4001, 2 * GIB), busy(), &fit("Insufficient cpu, Insufficient memory"));
    check(asking(0, 0), node("a").with(|n| n.running = vec![asking(5000, 0)]), FITS);
    let full = || busy().with(|n| n.shape.allocatable.pods = 1);
    check(asking(0, 0), full(), &fit("Too many pods (resolvable)"));
    check(asking(4001, 0), full(), &fit("Too many pods, Insufficient cpu"));
    let gpu = || PodShape { requests: Resources { extended: [1, 0, 0, 0, 0, 0], ..pod().requests }, ..pod() };
    check(gpu(), node("a"), &fit("Insufficient nvidia.com/gpu"));
    check(gpu(), node("a").with(|n| n.shape.allocatable.extended[0] = 1), FITS);
    let disk = PodShape { requests: Resources { ephemeral: 101 * GIB, ..pod().requests }, ..pod() };
    check(disk, node("a"), &fit("Insufficient ephemeral-storage"));
}

#[test]
fn nominated_pods_hold_their_room() {
    let requests = Resources { cpu: 3600, pods: 1, ..Resources::default() };
    let promised = Promised { requests, ..Promised::default() };
    check(pod(), node("a").with(|n| n.promised = Some(promised)), "NodeResourcesFit: Insufficient cpu (resolvable)");
}

#[test]
fn nominated_pods_hold_their_ports() {
    let holder = holding(&[port("0.0.0.0", "TCP", 80)]);
    let world = World::new(&holder, &[node("a"), node("b").with(|n| n.running = vec![holder.clone()])]);
    let promised = Promised { ports: world.compat.ports(PodShapeId(1)).to_vec(), ..Promised::default() };
    let coming = NodeView { promised: Some(&promised), ..world.view(0) };
    let says = |node: &NodeView| verdicts(&world.compat, POD, node, world.views()).into_iter().filter_map(|(_, r)| r);
    assert_eq!(says(&world.view(0)).count(), 0);
    assert_eq!(says(&coming).collect::<Vec<_>>(), [Rejection::Ports]);
    assert!(!fits(&world.compat, POD, &coming, world.views()));
}

#[test]
fn every_plugin_speaks_for_itself() {
    let pinned = PodShape { node_name: Some("b".into()), ..asking(9000, 0) };
    let world = World::new(&pinned, &[node("a").taint("x").with(|n| n.cordoned = true)]);
    let said = verdicts(&world.compat, POD, &world.view(0), world.views());
    let refused: Vec<&str> = said.iter().filter(|(_, verdict)| verdict.is_some()).map(|(plugin, _)| *plugin).collect();
    assert_eq!(refused, ["NodeUnschedulable", "NodeName", "TaintToleration", "NodeResourcesFit"]);
    assert_eq!(said.len(), 9);
    // A plugin and its refusal bear one name.
    assert!(said.iter().all(|(plugin, verdict)| verdict.is_none_or(|r| r.plugin() == *plugin)));
}

#[test]
fn the_first_plugin_decides() {
    let bad = node("a").with(|n| n.cordoned = true).taint("a").label("disk", "hdd");
    let demanding = PodShape { node_selector: [("disk".into(), "ssd".into())].into(), ..asking(9000, 1) };
    check(demanding.clone(), bad.clone(), CORDONED);
    let bad = bad.with(|n| n.cordoned = false);
    check(demanding.clone(), bad.clone(), "TaintToleration: node(s) had untolerated taint {a: }");
    let bad = bad.with(|n| n.shape.taints.clear());
    check(demanding, bad, AFFINITY);
}

#[test]
fn summary_line() {
    let nodes = [
        node("a").taint("b=1:NoSchedule"),
        node("b").with(|n| n.running = vec![asking(4000, 16 << 30)]),
        node("c").with(|n| n.running = vec![asking(4000, 0)]),
        node("d").with(|n| n.cordoned = true),
    ];
    let world = World::new(&pod(), &nodes);
    let mut scratch = Scratch::default();
    assert_eq!(decide(&world.compat, POD, world.views(), &mut scratch, |_| 0), None);
    assert_eq!(
        scratch.summary(&world.compat).to_string(),
        "0/4 nodes are available: 1 Insufficient memory, 1 node(s) had untolerated taint {b: 1}, \
         1 node(s) were unschedulable, 2 Insufficient cpu."
    );
    assert_eq!(Summary::default().to_string(), "no nodes available to schedule pods");
}

#[test]
fn daemons_run_where_taints_and_affinity_let_them() {
    let runs = |pod: PodShape, node: Node| {
        let world = World::new(&pod, &[node]);
        world.compat.runs_daemon(PodShapeId(0), &world.view(0))
    };
    assert!(runs(asking(9000, 1), node("a")), "room does not matter");
    assert!(!runs(pod(), node("a").taint("x:NoExecute")));
    assert!(!runs(pod(), node("a").with(|n| n.cordoned = true)));
    assert!(runs(tolerating(None, None, None), node("a").with(|n| n.cordoned = true).taint("x:NoExecute")));
    assert!(!runs(requiring(vec![on_label("x", Operator::Exists, &[])]), node("a")));
}

//! Plugins that look at other pods, and at images: small literal cases. Nodes `a`, `b`, `c` stand in zones 1, 1, 2.

use super::*;
use crate::scheduler::peers::{self, Topology};
use crate::spec::{ClusterSpec, Operator, PodTerm, Requirement, Selector, Spread};
use crate::{Column, PodId};

const ZONE: &str = "topology.kubernetes.io/zone";
const HOST: &str = "kubernetes.io/hostname";

fn app(name: &str) -> PodShape {
    PodShape { labels: [("app".into(), name.into())].into(), namespace: "default".into(), ..asking(100, 0) }
}

fn selector(name: &str) -> Option<Selector> {
    Some(Selector { labels: [("app".into(), name.into())].into(), expressions: Vec::new() })
}

fn spread(key: &str, hard: bool) -> Spread {
    Spread {
        key: key.into(),
        max_skew: 1,
        hard,
        min_domains: 1,
        honor_affinity: true,
        honor_taints: false,
        selector: selector("web"),
    }
}

fn term(key: &str, name: &str) -> PodTerm {
    PodTerm { key: key.into(), selector: selector(name), namespaces: vec!["default".into()], namespace_selector: None }
}

fn zones(running: [Vec<PodShape>; 3]) -> Vec<Node> {
    let nodes = ["a", "b", "c"].into_iter().zip(["1", "1", "2"]).zip(running);
    nodes.map(|((name, zone), running)| node(name).label(ZONE, zone).with(|n| n.running = running)).collect()
}

/// The filters' words, empty for feasible nodes.
fn verdicts(pod: &PodShape, nodes: &[Node]) -> Vec<&'static str> {
    let world = World::new(pod, nodes);
    let words = |verdict: Option<Rejection>| match verdict {
        None => "",
        Some(Rejection::Spread) => "skew",
        Some(Rejection::SpreadLabel) => "label",
        Some(Rejection::PodAffinity) => "affinity",
        Some(Rejection::PodAntiAffinity) => "anti",
        Some(Rejection::ExistingAntiAffinity) => "theirs",
        Some(_) => "other",
    };
    explain(&world.compat, POD, world.views()).verdicts.into_iter().map(|(_, verdict)| words(verdict)).collect()
}

#[test]
fn hard_spreading() {
    let web = PodShape { spread: vec![spread(ZONE, true)], ..app("web") };
    assert_eq!(verdicts(&web, &zones([vec![app("web")], vec![], vec![]])), ["skew", "skew", ""]);
    assert_eq!(verdicts(&web, &zones([vec![app("web")], vec![], vec![app("web")]])), ["", "", ""]);
    assert_eq!(verdicts(&web, &[node("a").label(ZONE, "1"), node("b")]), ["", "label"]);
    let elsewhere = PodShape { namespace: "other".into(), ..app("web") };
    assert_eq!(verdicts(&web, &zones([vec![elsewhere], vec![], vec![]])), ["", "", ""]);
    // Two domains where three are wanted: the fewest counts as none.
    let wide = PodShape { spread: vec![Spread { min_domains: 3, ..spread(ZONE, true) }], ..app("web") };
    assert_eq!(verdicts(&wide, &zones([vec![app("web")], vec![], vec![app("web")]])), ["skew", "skew", "skew"]);
    // An empty selector counts nobody.
    let all =
        PodShape { spread: vec![Spread { selector: Some(Selector::default()), ..spread(HOST, true) }], ..app("x") };
    assert_eq!(verdicts(&all, &zones([vec![app("x"), app("x")], vec![], vec![]])), ["", "", ""]);
}

#[test]
fn required_terms() {
    let near = PodShape { pod_affinity: vec![term(ZONE, "db")], ..app("web") };
    assert_eq!(verdicts(&near, &zones([vec![app("db")], vec![], vec![]])), ["", "", "affinity"]);
    assert_eq!(verdicts(&near, &zones([vec![], vec![], vec![]])), ["affinity"; 3]);
    let own = PodShape { pod_affinity: vec![term(ZONE, "web")], ..app("web") };
    assert_eq!(verdicts(&own, &zones([vec![], vec![], vec![]])), [""; 3], "the first of a group");
    let apart = PodShape { pod_anti_affinity: vec![term(HOST, "web")], ..app("web") };
    assert_eq!(verdicts(&apart, &zones([vec![app("web")], vec![], vec![]])), ["anti", "", ""]);
    assert_eq!(verdicts(&app("web"), &zones([vec![apart], vec![], vec![]])), ["theirs", "", ""]);
}

#[test]
fn a_selector_of_namespaces_that_matches_no_labels_reaches_all() {
    use crate::spec::Operator::DoesNotExist;
    let anywhere = Selector { labels: Default::default(), expressions: vec![condition("team", DoesNotExist, &[])] };
    let wide = PodTerm { namespaces: Vec::new(), namespace_selector: Some(anywhere), ..term(HOST, "web") };
    let apart = PodShape { pod_anti_affinity: vec![wide], ..app("x") };
    let far = PodShape { namespace: "far".into(), ..app("web") };
    assert_eq!(verdicts(&apart, &zones([vec![far], vec![], vec![]])), ["anti", "", ""]);
}

/// Weighted scores of PodTopologySpread, InterPodAffinity and ImageLocality.
fn scores(pod: &PodShape, nodes: &[Node]) -> Vec<(Option<i64>, Option<i64>, i64)> {
    let world = World::new(pod, nodes);
    let scores = explain(&world.compat, POD, world.views()).scores;
    scores.iter().map(|(_, s)| (s.pod_topology_spread, s.inter_pod_affinity, s.image_locality)).collect()
}

#[test]
fn soft_spreading() {
    let web = PodShape { spread: vec![spread(HOST, false)], ..app("web") };
    // ln(5) for each pod: 0, 2 and 3 after rounding; 100 * (3 + 0 - score) / 3.
    let two = vec![app("web"), app("web")];
    let found = scores(&web, &zones([vec![], vec![app("web")], two]));
    assert_eq!(found, [(Some(200), None, 0), (Some(66), None, 0), (Some(0), None, 0)]);
    assert_eq!(scores(&app("web"), &zones([vec![], vec![], vec![]])), [(None, None, 0); 3]);
}

#[test]
fn preferred_terms_pull_and_push() {
    let web = PodShape { preferred_pods: vec![(10, term(ZONE, "db")), (-5, term(HOST, "web"))], ..app("web") };
    // Sums: 10, 10 - 5, 0; scaled to 100, 50, 0.
    let found = scores(&web, &zones([vec![app("db")], vec![app("web")], vec![]]));
    assert_eq!(found, [(None, Some(200), 0), (None, Some(100), 0), (None, Some(0), 0)]);
    // Required affinity of a pod that is there counts 1.
    let friend = PodShape { pod_affinity: vec![term(ZONE, "web")], ..app("db") };
    let found = scores(&app("web"), &zones([vec![friend], vec![], vec![]]));
    assert_eq!(found, [(None, Some(200), 0), (None, Some(200), 0), (None, Some(0), 0)]);
}

#[test]
fn images_that_are_there() {
    let web = PodShape { images: vec!["shop/web:1".into()], ..app("web") };
    let mut nodes = zones([vec![], vec![], vec![]]);
    nodes[0].shape.images.insert("shop/web:1".into(), 900 << 20);
    // A third of 900 MiB, since one node of three has it: (300 - 23) / (1000 - 23).
    assert_eq!(scores(&web, &nodes), [(None, None, 28), (None, None, 0), (None, None, 0)]);
}

#[test]
fn preemption_takes_away_what_repels() {
    let shy = PodShape { pod_anti_affinity: vec![term(HOST, "web")], ..app("db") };
    let web = PodShape { priority: 10, preempts: true, ..app("web") };
    let world = World::new(&web, &[node("a").with(|n| n.running = vec![app("cache"), shy])]);
    let bound = |i: u32| Bound { pod: PodId(i), shape: PodShapeId(i + 1), started: i64::from(i), budgets: &[] };
    let candidate = Candidate { node: world.view(0), pods: vec![bound(0), bound(1)] };
    let found = preempt(&world.compat, POD, &[candidate], &Column::default()).map(|p| p.victims);
    assert_eq!(found, Some(vec![PodId(1)]), "the other pod is spared");
}

/// Shapes are looked up by one of a selector's conditions; all of them decide.
#[test]
fn selectors_find_all_that_they_match() {
    let label = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let mut spec = ClusterSpec::default();
    for app in ["", "web", "api", "web"] {
        for tier in ["", "1", "2", "3"] {
            let labels = [label("app", app), label("tier", tier)].into_iter().filter(|(_, value)| !value.is_empty());
            spec.pod_shapes.push(PodShape { labels: labels.collect(), ..app_less() });
        }
    }
    let asks = |key: &str, operator, values: &[&str]| Requirement {
        key: key.into(),
        operator,
        values: values.iter().map(|value| (*value).to_owned()).collect(),
    };
    let conditions = [
        asks("app", Operator::In, &["web"]),
        asks("app", Operator::In, &["api", "none", "web"]),
        asks("app", Operator::In, &[]),
        asks("app", Operator::NotIn, &["web"]),
        asks("tier", Operator::In, &["2", "1"]),
        asks("tier", Operator::Exists, &[]),
        asks("tier", Operator::DoesNotExist, &[]),
    ];
    for labels in [vec![], vec![label("app", "web")], vec![label("app", "web"), label("tier", "2")]] {
        for (first, second) in conditions.iter().flat_map(|a| conditions.iter().map(move |b| (a, b))) {
            for expressions in [vec![], vec![first.clone()], vec![first.clone(), second.clone()]] {
                let selector = Selector { labels: labels.iter().cloned().collect(), expressions };
                let mut asking = spec.clone();
                let spread = vec![Spread { selector: Some(selector.clone()), ..spread(ZONE, true) }];
                let id = asking.pod_shapes.push(PodShape { spread, ..app_less() });
                let all = peers::all(&asking, &Topology::new(&asking));
                let matched = all[id.index()].as_ref().map(|peers| &peers.hard[0].matched);
                for (other, shape) in asking.pod_shapes.iter() {
                    let found = matched.is_some_and(|shapes| shapes.has(other));
                    assert_eq!(found, selector.matches(&shape.labels), "{selector:?} {:?}", shape.labels);
                }
            }
        }
    }
}

fn app_less() -> PodShape {
    PodShape { labels: Default::default(), ..app("") }
}

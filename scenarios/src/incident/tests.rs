//! Incidents as text, and what comes of them.

use super::*;

/// Two nodes with a pod each; one of them dies.
const SMALL: &str = r#"
schema: poolproof.incident/1
name: Small
source: made up
parameters:
  down: { values: [5, 10], why: minutes the node is away }
  pods: { value: 2, why: pods of the shop }
cluster:
  pools: [{ name: np, count: 2 }]
  workloads:
    - name: shop/web
      replicas: "=pods"
      cpu: 3
      minimum: 2
      pullSeconds: 0
      startSeconds: 0
      readySeconds: 30
      on: [{ forEach: { i: pods }, node: "np/${i}", pods: 1 }]
settings: { off: [auto-repair, burst, node-failure], horizonHours: 1 }
events:
  - { atMinutes: 10, kind: nodeFailure, node: np/0, downMinutes: "=down" }
variants:
  lasting:
    description: It stays away for longer.
    set: { down: "=2 * down" }
trials: 4
mustShow:
  - { says: it is out while the node is, value: outMinutes, of: shop/web, atLeast: "=down", atMost: "=down + 1" }
  - { says: longer where it is away for longer, in: lasting, value: outMinutes, of: shop/web, atLeast: 1, timesOf: { in: recorded }, plus: "=1 / 60" }
  - { says: nobody is evicted, when: "down < 6", value: events, event: podStopping, of: shop/web, equals: 0 }
  - { says: the pods are three, value: events, event: podBound, of: shop/web, atLeast: 3, known: there are two }
"#;

fn found(text: &str) -> Vec<String> {
    let incident = Incident::parse(text.as_bytes()).unwrap();
    let wanted = Wanted { seed: 1, trials: None, threads: 1 };
    let line = |v: &Verdict| {
        let state = if v.as_expected() { "as expected" } else { "not as expected" };
        format!("{} {} {} {state}", v.claim, v.variant, v.point)
    };
    check(&incident, wanted).unwrap().iter().map(line).collect()
}

#[test]
fn claims_are_held_against_every_point_and_variant() {
    let expected = [
        "0 recorded down=5 as expected",
        "1 lasting down=5 as expected",
        "2 recorded down=5 as expected",
        "3 recorded down=5 as expected",
        "0 recorded down=10 as expected",
        "1 lasting down=10 as expected",
        "3 recorded down=10 as expected",
    ];
    assert_eq!(found(SMALL), expected);
}

#[test]
fn zones_without_end_are_refused_before_they_are_made() {
    let text = SMALL.replace("count: 2 }", "count: 2, zones: 4294967295 }");
    let wrong = Incident::parse(text.as_bytes()).unwrap_err().to_string();
    assert!(wrong.contains("pools[0].zones"), "{wrong}");
}

#[test]
fn complaints_about_thousands_of_parts_have_an_end() {
    let pools = (0..3000).map(|i| format!("{{ name: p{i}, count: \"=nobody\" }}")).collect::<Vec<_>>().join(", ");
    let broken = SMALL.replace("pools: [{ name: np, count: 2 }]", &format!("pools: [{pools}]"));
    let event = "node: np/0, downMinutes: \"=down\"";
    let unknown = SMALL.replace(event, "forEach: { i: 3000 }, node: \"np/${i + 2}\", downMinutes: 1");
    for text in [broken, unknown] {
        let found = Incident::parse(text.as_bytes()).unwrap_err();
        assert_eq!(found.0.len(), Complaints::MOST + 1, "{}", found.0[0]);
        assert!(found.to_string().contains("or more further complaints"));
    }
}

#[test]
fn a_wrong_claim_fails_and_a_reason_does_not_outlive_its_cause() {
    let wrong = SMALL.replace("atMost: \"=down + 1\"", "atMost: \"=down - 1\"");
    assert_eq!(found(&wrong).iter().filter(|l| l.ends_with("not as expected")).count(), 2);
    let outlived = SMALL.replace("atLeast: 3, known", "atLeast: 0, known");
    assert_eq!(found(&outlived).iter().filter(|l| l.ends_with("not as expected")).count(), 2);
}

#[test]
fn everything_wrong_is_said_at_once() {
    let text = "
schema: poolproof.incident/2
name: ' '
source: x
parameters:
  2bad: { value: 1, why: x }
  both: { value: 1, values: [2], why: x }
cluster: { pools: [] }
variants:
  recorded: { description: x, set: { ghost: 1 } }
mustShow:
  - { says: x, value: gravity, atLeast: 1 }
  - { says: x, value: outMinutes }
  - { says: x, value: outMinutes, in: nowhere, atLeast: '=ghost' }
odd: 1
";
    let all = Incident::parse(text.as_bytes()).unwrap_err();
    let paths: Vec<&str> = all.0.iter().map(|c| c.path.as_str()).collect();
    let expected = [
        "schema",
        "name",
        "parameters",
        "parameters.both",
        "variants",
        "variants.recorded.set.ghost",
        "mustShow[0].value",
        "mustShow[1]",
        "mustShow[2].in",
        "mustShow[2].atLeast",
        "odd",
    ];
    assert_eq!(paths, expected, "{all}");
}

#[test]
fn what_has_no_meaning_on_the_cluster_is_named() {
    let complaints = |from: &str, to: &str| {
        let text = SMALL.replace(from, to);
        assert_ne!(text, SMALL);
        match Incident::parse(text.as_bytes()) {
            Err(found) => found.to_string(),
            Ok(incident) => check(&incident, Wanted { seed: 1, trials: None, threads: 1 }).unwrap_err().to_string(),
        }
    };
    for (from, to, said) in [
        ("node: np/0, downMinutes", "node: np/9, downMinutes", "events[0].node: found np/9"),
        ("name: np, count: 2", "name: np, count: many", "cluster.pools[0].count"),
        ("node: \"np/${i}\"", "node: \"np/${j}\"", "cluster.workloads[0].on[0].node: found j"),
        ("pods: 1 }]", "pods: 2 }]", "cluster.workloads[0].on: found 4 places"),
        ("cpu: 3", "cpu: 5", "bytes asked for on aks-np"),
        (
            "value: outMinutes, of: shop/web, atLeast: \"=down\"",
            "value: outMinutes, of: shop/cart, atLeast: 1",
            "mustShow[0].of",
        ),
        ("event: podStopping, of: shop/web", "of: shop/web", "mustShow[2].event: found nothing"),
    ] {
        let found = complaints(from, to);
        assert!(found.contains(said), "{to}: {found}");
    }
}

#[test]
fn pods_keep_the_priority_they_were_admitted_with() {
    let text = SMALL.replace("      cpu: 3\n", "      cpu: 3\n      priority: 7\n      priorityBefore: 3\n");
    let incident = Incident::parse(text.as_bytes()).unwrap();
    let cluster = incident.stage(&incident.points()[0], RECORDED).unwrap().loaded.scenario.cluster;
    let web = cluster.workloads.iter().find(|(_, w)| w.name == "web").unwrap();
    assert_eq!(cluster.pod_shapes[web.1.shape].priority, 7);
    let own =
        cluster.pods.iter().filter(|p| p.workload == web.0).map(|p| cluster.pod_shapes[p.shape.unwrap()].priority);
    assert_eq!(own.collect::<Vec<_>>(), [3, 3]);
}

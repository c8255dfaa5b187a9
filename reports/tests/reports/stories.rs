//! Timelines, stories and node lanes, from logs written by hand.

use reports::Report;
use reports::explain::Plan;
use simulator::outcome::{Entry, Incident, NodeIdentity};
use simulator::{BudgetId, Duration, NodeId, Pair, PodId, PoolId, Time, Trace, WorkloadId};

use crate::example::{self, TIGHT};

const DNS: WorkloadId = WorkloadId(0);
const SHOP: WorkloadId = WorkloadId(4);

fn at(seconds: u64, what: Incident) -> Entry {
    Entry { at: Time::ZERO + Duration::secs(seconds), what }
}

/// A report in which DNS loses ten minutes more in every trial, told by the given logs.
fn told(with: &[Entry], without: &[Entry]) -> (Report, Vec<reports::File>) {
    let scenario = TIGHT.scenario();
    let pairs: Vec<Pair> = example::pairs(&scenario, 20, 1)
        .into_iter()
        .map(|mut p| {
            p.proposal = p.baseline.clone();
            p.proposal.workloads[0].out += Duration::mins(10);
            p
        })
        .collect();
    let nodes: Vec<NodeIdentity> = scenario
        .cluster
        .nodes
        .iter()
        .map(|(_, n)| NodeIdentity { pool: n.pool, ordinal: n.ordinal, name: n.name.clone() })
        .chain([NodeIdentity { pool: PoolId(0), ordinal: 9, name: "surge-9".to_string() }])
        .collect();
    let trace = |plan: Plan, _: u32| Trace {
        outcome: pairs[0].proposal.clone(),
        log: if plan == Plan::Baseline { without.to_vec() } else { with.to_vec() },
        nodes: nodes.clone(),
        refusals: Vec::new(),
    };
    let judged = reports::judge_with(
        &example::inputs(&scenario, &pairs),
        &trace,
        &|_, trials| vec![true; trials.len()],
        &|_| Vec::new(),
    );
    let files = reports::bundle(&judged);
    (judged.report, files)
}

fn story(with: &[Entry], without: &[Entry]) -> Option<String> {
    let (report, _) = told(with, without);
    report.verdict.why.into_iter().find(|why| why.starts_with("Typically") || why.starts_with("In the worst"))
}

fn out(from: u64, to: u64, up: u32) -> [Entry; 2] {
    let lasted = Duration::secs(to - from);
    [at(from, Incident::OutageBegan { workload: DNS, up }), at(to, Incident::OutageEnded { workload: DNS, lasted })]
}

#[test]
fn the_drain_is_named() {
    let [began, ended] = out(700, 900, 0);
    let log = [at(700, Incident::PodEvicted { pod: PodId(0), workload: DNS, node: NodeId(1) }), began, ended];
    let told = story(&log, &[]).unwrap();
    assert!(told.contains("0:11:40 after the start"), "{told}");
    assert!(told.contains("kube-system/coredns has 0 of 1 needed pods up and is out for 3.3 min"), "{told}");
    assert!(told.ends_with("the drain of aks-system-31415926-vmss000001 evicts its pod."), "{told}");
}

/// The later cause wins: the pod evicted before has been replaced, the node it stands on now fails.
#[test]
fn a_failing_node_is_named_where_the_pod_stood_there() {
    let [began, ended] = out(2000, 2400, 0);
    let log = [
        at(700, Incident::PodEvicted { pod: PodId(0), workload: DNS, node: NodeId(1) }),
        at(701, Incident::PodBound { pod: PodId(0), workload: DNS, node: NodeId(0) }),
        at(2000, Incident::NodeDied { node: NodeId(1) }),
        at(2000, Incident::NodeDied { node: NodeId(0) }),
        began,
        ended,
    ];
    let told = story(&log, &[]).unwrap();
    assert!(told.ends_with("aks-system-31415926-vmss000000 fails with its pod."), "{told}");
}

#[test]
fn what_happens_anyway_explains_nothing() {
    let long = out(5000, 9000, 0);
    let short = out(700, 760, 0);
    let with = [short[0], short[1], long[0], long[1]];
    let told = story(&with, &long).unwrap();
    assert!(told.contains("0:11:40"), "{told}");
    assert_eq!(story(&long, &long), None);
}

#[test]
fn loads_and_scaling_are_named() {
    let [began, ended] = out(3000, 4000, 1);
    let log = [
        at(600, Incident::ReplicasChanged { workload: DNS, from: 2, to: 1 }),
        at(2900, Incident::LoadChanged { target: Some(SHOP), percent: 300 }),
        began,
        ended,
    ];
    let told = story(&log, &[]).unwrap();
    assert!(told.contains("loses requests with 1 pod up"), "{told}");
    assert!(
        told.contains("it was scaled from 2 to 1 pods, load of shop/checkout stands at 300 % of its base and"),
        "{told}"
    );
}

#[test]
fn a_timeline_is_short_and_keeps_what_matters() {
    let mut log = vec![at(600, Incident::OperationStarted { operation: 0 })];
    let refused =
        Incident::EvictionRefused { pod: PodId(0), workload: DNS, node: NodeId(0), budget: Some(BudgetId(0)) };
    log.extend((0..500).map(|i| at(600 + 5 * i, refused)));
    log.extend((0..500).map(|i| at(3200 + i, Incident::PodBound { pod: PodId(0), workload: DNS, node: NodeId(0) })));
    log.extend(
        (0..50)
            .map(|i| at(3800 + i, Incident::PodEvicted { pod: PodId(9), workload: WorkloadId(77), node: NodeId(0) })),
    );
    log.extend(out(4000, 4100, 0));
    let (report, _) = told(&log, &[]);
    let worst = report.worst_trial.unwrap();
    assert_eq!(worst.timeline.len(), 200);
    assert_eq!(worst.left_out as usize, log.len() - 200);
    let events: Vec<&str> = worst.timeline.iter().map(|m| m.event.as_str()).collect();
    assert_eq!(events[0], "operation started");
    assert_eq!(events.iter().filter(|e| **e == "eviction refused").count(), 1);
    assert!(worst.timeline[1].detail.ends_with("refused 500 times in all"), "{}", worst.timeline[1].detail);
    assert!(events.contains(&"workload out") && events.contains(&"workload back"));
    assert!(worst.timeline.windows(2).all(|w| w[0].t <= w[1].t));
}

#[test]
fn lanes_follow_the_nodes() {
    let node = NodeId(0);
    let surge = NodeId(6);
    let log = [
        at(600, Incident::NodeRequested { node: surge, surge: true }),
        at(720, Incident::NodeReady { node: surge }),
        at(720, Incident::NodeCordoned { node }),
        at(720, Incident::NodeDrainStarted { node }),
        at(780, Incident::NodeDrained { node }),
        at(780, Incident::NodeReimaging { node }),
        at(1080, Incident::NodeReady { node }),
        at(1080, Incident::NodeDrainStarted { node: surge }),
        at(1140, Incident::NodeDrained { node: surge }),
        at(1200, Incident::NodeDeleted { node: surge }),
    ];
    let (_, files) = told(&log, &[]);
    let page = files.iter().find(|f| f.path == "report.html").unwrap();
    let page = std::str::from_utf8(&page.bytes).unwrap();
    let row = |cells: [&str; 5]| {
        let rest: String = cells[1..].iter().map(|c| format!("<td class=\"n\">{c}</td>")).collect();
        format!("<tr><th scope=\"row\">{}</th>{rest}</tr>", cells[0])
    };
    let system = "aks-system-31415926-vmss000000";
    for cells in [
        [system, "system", "ready", "0:00:00", "0:12:00"],
        [system, "system", "draining", "0:12:00", "0:13:00"],
        [system, "system", "reimaging", "0:13:00", "0:18:00"],
        [system, "system", "ready", "0:18:00", "4:00:00"],
        ["surge-9", "system", "joining", "0:10:00", "0:12:00"],
        ["surge-9", "system", "ready", "0:12:00", "0:18:00"],
        ["surge-9", "system", "draining", "0:18:00", "0:19:00"],
        ["surge-9", "system", "cordoned", "0:19:00", "0:20:00"],
    ] {
        assert!(page.contains(&row(cells)), "{cells:?}");
    }
    assert!(page.contains("at most 1 of the 6 nodes is away at a time"));
}

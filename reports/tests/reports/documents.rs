//! The document: what it promises whatever the input.

use reports::Report;
use reports::estimate::Sampling;
use reports::explain::Plan;
use reports::report::{self, Decision, Level};
use reports::stopping::{Headline, Stop};
use simulator::outcome::{Entry, Incident, Outcome, WorkloadOutcome};
use simulator::{Duration, NodeId, Pair, Time, Trace, WorkloadId};

use crate::example::{self, Example, NOTHING, STUCK, SURGED, TIGHT};

fn judged(example: Example, trials: u32) -> Report {
    let scenario = example.scenario();
    let pairs = example::pairs(&scenario, trials, 2);
    reports::judge(&example::inputs(&scenario, &pairs)).report
}

#[test]
fn doing_nothing_scores_exactly_zero() {
    let report = judged(NOTHING, 200);
    let verdict = &report.verdict;
    assert_eq!((verdict.score, verdict.score_low, verdict.score_high), (0.0, 0.0, 0.0));
    // The example carries a warning, which asks for a look whatever the score.
    assert_eq!((verdict.level, verdict.decision), (Level::Minimal, Decision::Review));
    for est in [report.risk.outage.added, report.risk.added_outage_minutes] {
        assert_eq!((est.estimate, est.low, est.high), (0.0, 0.0, 0.0));
    }
    assert_eq!(report.worst_trial, None);
    assert_eq!(report.operation.success.low, 1.0);
}

/// Without any operation there is nothing to learn about: zero without width, and enough after one look.
#[test]
fn doing_nothing_is_decided_at_the_first_look() {
    let scenario = NOTHING.scenario();
    let pairs = example::pairs(&scenario, Sampling::Sequential.next_look(0, 10_000) as u32, 2);
    let mut headline = Headline::new(&scenario, Sampling::Sequential);
    headline.push(&pairs);
    assert!(headline.enough().is_some());
    let inputs = example::inputs(&scenario, &pairs);
    let report = reports::judge(&reports::Inputs { sampling: Sampling::Sequential, ..inputs }).report;
    for est in [report.risk.outage.added, report.risk.added_outage_minutes] {
        assert_eq!((est.estimate, est.low, est.high), (0.0, 0.0, 0.0));
    }
}

/// Limits that hold at every look are wider than those for a fixed number, and say of which kind they are; what is drawn
/// does not change.
#[test]
fn sequential_limits_are_wider_and_named() {
    let scenario = TIGHT.scenario();
    let pairs = example::pairs(&scenario, 1280, 2);
    let judged = |sampling| {
        let inputs = example::inputs(&scenario, &pairs);
        reports::judge(&reports::Inputs { sampling, stopped: Stop::Decision, ..inputs })
    };
    let [fixed, sequential] = [Sampling::Fixed, Sampling::Sequential].map(judged);
    let figures = |r: &Report| {
        let w = &r.risk.workloads[0];
        [r.risk.outage.proposal, r.risk.outage.baseline, r.risk.outage.added, w.outage, r.operation.success]
    };
    for (f, s) in figures(&fixed.report).iter().zip(figures(&sequential.report)) {
        assert_eq!(f.estimate, s.estimate);
        assert!(s.high - s.low > 1.2 * (f.high - f.low) && s.high - s.low < 3.0 * (f.high - f.low), "{f:?} {s:?}");
    }
    for (judged, words) in [(&fixed, "fixed beforehand: probabilities"), (&sequential, "The intervals are sequential")]
    {
        for page in ["report.html", "report.md"] {
            let file = reports::bundle(judged).into_iter().find(|f| f.path == page).unwrap();
            let text = String::from_utf8(file.bytes).unwrap();
            assert!(text.contains(words) && text.contains("lay within one level"), "{page}");
        }
    }
}

/// A change that only takes losses away scores zero like none at all, but its page must not say that nothing is changed.
#[test]
fn zero_is_explained_by_what_was_done() {
    for (example, swapped, words) in
        [(NOTHING, false, "exactly: nothing is changed"), (TIGHT, true, "400 futures rule out any")]
    {
        let scenario = example.scenario();
        let mut pairs = example::pairs(&scenario, 400, 2);
        if swapped {
            pairs.iter_mut().for_each(|pair| std::mem::swap(&mut pair.proposal, &mut pair.baseline));
        }
        let judged = reports::judge(&example::inputs(&scenario, &pairs));
        assert_eq!(judged.report.verdict.score_high, 0.0);
        let page = reports::bundle(&judged).into_iter().find(|file| file.path == "report.html").unwrap();
        let text = String::from_utf8(page.bytes).unwrap();
        assert!(text.contains(words) && (text.contains("nothing is changed") != swapped), "{words}");
    }
}

/// An operation that changes no outcome scores zero too, but with the upper limit that the trials support.
#[test]
fn equal_outcomes_score_zero_with_an_upper_limit() {
    let scenario = SURGED.scenario();
    let pairs: Vec<Pair> =
        example::pairs(&scenario, 500, 2).into_iter().map(|p| Pair { proposal: p.baseline.clone(), ..p }).collect();
    let report = reports::judge(&example::inputs(&scenario, &pairs)).report;
    assert_eq!(report.verdict.score, 0.0);
    assert_eq!(report.risk.outage.added.estimate, 0.0);
    assert!(report.risk.outage.added.high > 0.005 && report.risk.outage.added.high < 0.012);
    assert!(report.verdict.score_high > 0.0);
}

#[test]
fn fewer_spare_nodes_score_higher() {
    let (surged, tight) = (judged(SURGED, 400), judged(TIGHT, 400));
    assert!(surged.verdict.score < tight.verdict.score, "{} {}", surged.verdict.score, tight.verdict.score);
    assert!(tight.verdict.why.iter().any(|why| why.contains("kube-system/coredns")), "{:?}", tight.verdict.why);
}

#[test]
fn a_budget_that_allows_nothing_fails_the_operation() {
    let report = judged(STUCK, 200);
    assert!(report.operation.success.high < 0.1, "{:?}", report.operation.success);
    let failure = &report.operation.failures[0];
    assert_eq!(failure.code, "UpgradeFailed");
    assert!(failure.cause.contains("kube-system/coredns-pdb"), "{}", failure.cause);
    assert_ne!(report.verdict.decision, Decision::Proceed);
}

/// More loss in every trial never scores lower.
#[test]
fn a_worse_outcome_never_scores_lower() {
    let scenario = TIGHT.scenario();
    let pairs = example::pairs(&scenario, 300, 2);
    let mut last = reports::judge(&example::inputs(&scenario, &pairs)).report;
    for extra in [1_u64, 30, 600, 6000] {
        let worse: Vec<Pair> = pairs
            .iter()
            .cloned()
            .map(|mut p| {
                p.proposal.workloads[0].out += Duration::secs(extra);
                p
            })
            .collect();
        let report = reports::judge(&example::inputs(&scenario, &worse)).report;
        assert!(report.verdict.score >= last.verdict.score);
        assert!(report.verdict.level >= last.verdict.level);
        last = report;
    }
    assert_eq!(last.verdict.level, Level::Critical);
}

#[test]
fn bytes_are_a_function_of_the_inputs() {
    let scenario = TIGHT.scenario();
    let bundles: Vec<_> = [1, 2, 2]
        .into_iter()
        .map(|threads| {
            let pairs = example::pairs(&scenario, 150, threads);
            reports::bundle(&reports::judge(&example::inputs(&scenario, &pairs)))
        })
        .collect();
    assert_eq!(bundles[0], bundles[1]);
    assert_eq!(bundles[1], bundles[2]);
}

#[test]
fn the_document_reads_back_as_it_was() {
    let report = judged(TIGHT, 150);
    let bytes = report::to_bytes(&report);
    let back: Report = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(back, report);
    assert_eq!(report::to_bytes(&back), bytes);
    let keys: Vec<String> = String::from_utf8(bytes)
        .unwrap()
        .lines()
        .filter(|l| l.starts_with("  \""))
        .map(|l| l.split('"').nth(1).unwrap().to_string())
        .collect();
    let contract = [
        "schema",
        "id",
        "change",
        "cluster",
        "verdict",
        "findings",
        "risk",
        "operation",
        "causes",
        "alternatives",
        "worstTrial",
        "coverage",
        "trials",
    ];
    assert_eq!(keys, contract);
}

/// Ids that are not of the cluster, empty lists, missing entries: a report all the same.
#[test]
fn strange_outcomes_do_not_panic() {
    let scenario = TIGHT.scenario();
    let mut pair = example::pairs(&scenario, 1, 1).remove(0);
    pair.proposal.workloads.truncate(1);
    pair.proposal.operations.clear();
    pair.baseline.workloads.clear();
    pair.proposal.series = None;
    let strange = |what| Entry { at: Time(5), what };
    let trace = |_: Plan, _: u32| Trace {
        outcome: Outcome {
            workloads: vec![WorkloadOutcome::default()],
            operations: Vec::new(),
            counts: Default::default(),
            functions: Default::default(),
            drawn: Default::default(),
            end: Time(7_200_000_000),
            settled: true,
            series: None,
        },
        log: vec![
            strange(Incident::OperationStarted { operation: 77 }),
            strange(Incident::NodeDied { node: NodeId(4_000_000_000) }),
            strange(Incident::NodeDrainTimedOut {
                node: NodeId(9),
                workload: Some(WorkloadId(99)),
                budget: Some(example::STRANGE),
            }),
            strange(Incident::OutageBegan { workload: WorkloadId(0), up: 0 }),
            strange(Incident::OutageBegan { workload: WorkloadId(99), up: 0 }),
        ],
        nodes: Vec::new(),
        refusals: Vec::new(),
    };
    for pairs in [vec![pair], Vec::new()] {
        let judged = reports::judge_with(
            &example::inputs(&scenario, &pairs),
            &trace,
            &|_, trials| vec![true; trials.len()],
            &|_| Vec::new(),
        );
        assert!(!reports::bundle(&judged).is_empty());
    }
}

#[test]
fn text_from_messages_is_never_markup() {
    let scenario = TIGHT.scenario();
    let pairs = example::pairs(&scenario, 20, 1);
    let mut inputs = example::inputs(&scenario, &pairs);
    let evil = "<script>alert(1)</script> \"onload=x' | `a` [b](http://c) \u{202e}\u{7}\n# head";
    inputs.id = "../../etc\"><script>".to_string();
    inputs.change.summary = evil.to_string();
    inputs.change.pool = Some(evil.to_string());
    inputs.cluster.name = evil.to_string();
    inputs.findings[0].message = evil.to_string();
    inputs.findings[0].subject = evil.to_string();
    inputs.not_seen.push(evil.to_string());
    inputs.assumptions[0].name = evil.to_string();
    inputs.change.recorded = Some((false, evil.to_string()));
    inputs.change.source = serde_json::json!({"caller": evil, "format": evil, "time": evil});
    let judged = reports::judge(&inputs);
    let mut files = reports::bundle(&judged);
    files.push(reports::index(std::slice::from_ref(&judged.report)));
    for file in files.iter().filter(|f| !f.path.ends_with(".json")) {
        let text = String::from_utf8(file.bytes.clone()).unwrap();
        assert!(!text.contains("<script"), "{}", file.path);
        assert!(!text.contains('\u{202e}') && !text.contains('\u{7}'), "{}", file.path);
        assert!(!text.contains("href=\"../"), "{}: a path", file.path);
        if file.path.ends_with(".md") {
            assert!(!text.lines().any(|l| l.starts_with("# ")), "{}", file.path);
        }
    }
    let table = reports::summary_table(&[&judged.report]);
    assert!(table.lines().all(|line| line.chars().count() <= 120), "{table}");
    assert_eq!(table.lines().count(), 2);
}

//! Why there is risk: what is avoidable, how it is shared out, and when it is not.

use reports::report::{Cause as Row, Report};
use simulator::settings::Cause;

use crate::example::{self, NOTHING, TIGHT};

/// A report whose futures go, with causes switched off, as `again` says of each trial that was bad (or not) before.
fn judged(again: impl Fn(&[Cause], bool) -> bool) -> (Report, Vec<bool>) {
    let scenario = TIGHT.scenario();
    let pairs = example::pairs(&scenario, 1000, 1);
    let system = |w: &&simulator::outcome::WorkloadOutcome| w.outages > 0;
    // Applications stand behind the system workloads and do not count.
    let watched = scenario.watched();
    let counts =
        |i: usize| scenario.cluster.workloads.get(watched[i]).is_some_and(|w| reports::score::weight(w.role) > 0.0);
    let bad: Vec<bool> =
        pairs.iter().map(|p| p.proposal.workloads.iter().enumerate().any(|(i, w)| counts(i) && system(&w))).collect();
    let again = |off: &[Cause], trials: &[u32]| trials.iter().map(|t| again(off, bad[*t as usize])).collect();
    let trace = |_: reports::explain::Plan, trial: u32| simulator::trace(&scenario, 1, trial);
    let report = reports::judge_with(&example::inputs(&scenario, &pairs), &trace, &again, &|_| Vec::new()).report;
    (report, bad)
}

fn row<'a>(report: &'a Report, name: &str) -> Option<&'a Row> {
    report.causes.iter().find(|c| c.cause == name && c.avoidable.is_some())
}

fn shared(report: &Report) -> f64 {
    report.causes.iter().filter_map(|c| c.shapley).sum()
}

#[test]
fn causes_that_are_both_needed_spare_all_of_it_each_and_share_it_in_halves() {
    let (report, bad) = judged(|off, bad| bad && !off.contains(&Cause::EvictionGap) && !off.contains(&Cause::Capacity));
    let risk = bad.iter().filter(|bad| **bad).count() as f64 / bad.len() as f64;
    assert!(risk > 0.05 && risk < 1.0, "{risk}");
    for name in ["eviction", "capacity"] {
        let cause = row(&report, name).unwrap_or_else(|| panic!("{name}: {:?}", report.causes));
        let avoidable = cause.avoidable.unwrap();
        assert!((avoidable.estimate / risk - 1.0).abs() < 0.4 && avoidable.low > 0.0, "{name} {avoidable:?} of {risk}");
        assert!((cause.shapley.unwrap() / (0.5 * shared(&report)) - 1.0).abs() < 1e-9);
    }
    // All of the bad futures are spared with everything off, so that all of the risk is shared out.
    let total = row(&report, "eviction").unwrap().avoidable.unwrap().estimate;
    assert!((shared(&report) / total - 1.0).abs() < 1e-6, "{} of {total}", shared(&report));
    let attribution = report.attribution.expect("it is shared out");
    assert!((shared(&report) - (attribution.with - attribution.without)).abs() < 1e-9, "{attribution:?}");
    assert!(row(&report, "burst").is_none(), "what changes nothing is not told");
}

#[test]
fn where_a_future_gets_worse_without_a_cause_nothing_is_shared_out() {
    let (report, _) = judged(|off, bad| if off.contains(&Cause::Burst) { !bad } else { bad });
    let burst = row(&report, "burst").unwrap();
    // Most futures are good, so most get worse.
    assert!(burst.avoidable.unwrap().estimate < 0.0, "{burst:?}");
    assert!(report.causes.iter().all(|c| c.shapley.is_none()));
}

/// The causes of the example without bursts or with them, and the one that comes first most often.
fn of_the_example(off: &[Cause]) -> (Report, String) {
    let mut scenario = TIGHT.scenario();
    scenario.settings.off.extend(off);
    let pairs = example::pairs(&scenario, 1000, 7);
    let report = reports::judge(&example::inputs(&scenario, &pairs)).report;
    let first: f64 = report.causes.iter().filter_map(|c| c.first_cause_share).sum();
    assert!((first - 1.0).abs() < 1e-9, "every bad future begins somewhere: {first}");
    let share = |c: &&Row| c.first_cause_share.unwrap_or(0.0);
    let most = report.causes.iter().max_by(|a, b| share(a).total_cmp(&share(b))).unwrap().cause.clone();
    (report, most)
}

#[test]
fn what_runs_again_and_what_the_logs_say_agree() {
    // One after the other is switched off, and the next one is the weightiest.
    let mut off = Vec::new();
    let table = [
        ("burst", "all workloads that follow load", Cause::Burst),
        ("node-failure", "pool system", Cause::NodeFailure),
        ("eviction", " from pool system", Cause::EvictionGap),
    ];
    for (expected, object, next) in table {
        let (report, most) = of_the_example(&off);
        assert_eq!((most.as_str(), report.causes[0].cause.as_str()), (expected, expected), "{:?}", report.causes);
        assert!(report.causes[0].avoidable.unwrap().low > 0.0);
        let objects = &report.causes[0].objects;
        assert!(objects[0].name.ends_with(object) && objects[0].share > 0.2, "{objects:?}");
        assert!(objects.windows(2).all(|two| two[0].share >= two[1].share), "{objects:?}");
        off.push(next);
    }
}

#[test]
fn where_nothing_is_changed_nothing_is_to_be_explained() {
    let scenario = NOTHING.scenario();
    let pairs = example::pairs(&scenario, 100, 7);
    assert!(reports::judge(&example::inputs(&scenario, &pairs)).report.causes.is_empty());
}

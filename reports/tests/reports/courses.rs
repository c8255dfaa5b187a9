//! The shortest course to an outage: what is marked in it is needed, one by one.

use std::sync::atomic::{AtomicUsize, Ordering};

use reports::course::{self, Course, Of, Wanted};
use simulator::Scenario;
use simulator::contingency::without;

use crate::example::{self, TIGHT};

/// That of the pairs of the examples.
const SEED: u64 = 7;

/// Bad trials of a scenario, with the place of a workload that is out.
fn bad(scenario: &Scenario, trials: u32) -> Vec<Wanted> {
    let of_pair = |pair: simulator::Pair| {
        let out = |outcome: &simulator::Outcome, i: usize| outcome.workloads[i].outages > 0;
        let found = (0..pair.proposal.workloads.len()).find(|i| out(&pair.proposal, *i) && !out(&pair.baseline, *i));
        found.map(|watched| Wanted { of: Of::Worst, trial: pair.trial, watched })
    };
    example::pairs(scenario, trials, 1).into_iter().filter_map(of_pair).collect()
}

fn courses(scenario: &Scenario, threads: usize, wanted: &[Wanted]) -> Vec<Course> {
    course::courses(scenario, SEED, threads, wanted, &|| true)
}

#[test]
fn without_any_one_of_the_needed_events_there_is_no_outage() {
    let scenario = TIGHT.scenario();
    let wanted = bad(&scenario, 2000);
    assert!(wanted.len() > 20, "{} bad trials", wanted.len());
    let (mut needed, mut aside) = (0, 0);
    for wanted in wanted.into_iter().take(20) {
        let courses = courses(&scenario, 1, &[wanted]);
        let [course] = &courses[..] else { panic!("{courses:?}") };
        assert!(course.proven, "{course:?}");
        let taken = without(&scenario, SEED, |runs| course::taken_away(runs, wanted)).expect("the outage is there");
        without(&scenario, SEED, |runs| {
            let out = |outcome: simulator::Outcome| outcome.workloads[wanted.watched].outages > 0;
            let (outcome, left) = runs.run(wanted.trial, &taken);
            assert!(out(outcome), "it stays without what was taken away");
            assert_eq!(left.len(), course.steps.iter().filter(|step| step.needed).count(), "{course:#?}");
            for event in &left {
                let less = [&taken[..], &[event.what]].concat();
                assert!(!out(runs.run(wanted.trial, &less).0), "{event:?} is not needed: {course:#?}");
            }
            needed += left.len();
        });
        aside += course.left_aside;
        assert!(course.steps.iter().any(|s| s.text.contains(" is out: ")), "{course:#?}");
        assert!(course.steps.windows(2).all(|two| two[0].t <= two[1].t), "{course:#?}");
    }
    assert!(needed >= 20 && aside > 20, "{needed} needed, {aside} left aside");
}

#[test]
fn a_trial_without_the_outage_has_no_course_and_threads_change_nothing() {
    let scenario = TIGHT.scenario();
    let wanted: Vec<Wanted> = bad(&scenario, 200).into_iter().take(2).collect();
    let one = courses(&scenario, 1, &wanted);
    assert_eq!(one, courses(&scenario, 0, &wanted));
    let good = (0..).find(|trial| wanted.iter().all(|w| w.trial != *trial)).map(|trial| Wanted { trial, ..wanted[0] });
    let good = good.filter(|w| simulator::simulate(&scenario, SEED, w.trial).workloads[w.watched].outages == 0);
    assert!(good.is_none_or(|good| courses(&scenario, 1, &[good]).is_empty()));
}

#[test]
fn once_it_may_not_go_on_nothing_is_run() {
    let scenario = TIGHT.scenario();
    let wanted: Vec<Wanted> = bad(&scenario, 200).into_iter().take(1).collect();
    assert_eq!(course::courses(&scenario, SEED, 1, &wanted, &|| false), []);
    // After some runs: as good as nothing is taken away any more.
    let asked = AtomicUsize::new(0);
    let some = course::courses(&scenario, SEED, 1, &wanted, &|| asked.fetch_add(1, Ordering::Relaxed) < 3);
    let all = courses(&scenario, 1, &wanted);
    assert!(asked.into_inner() > 3 && some[0].left_aside < all[0].left_aside, "{some:#?} {all:#?}");
}

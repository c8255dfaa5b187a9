//! Where an operation under way should be, and what is said where reality has left the band.

use reports::in_flight::{InFlight, Standing, in_flight};
use reports::input::Lived;

use crate::example::{Example, SURGED, inputs, pairs};

/// An upgrade of three nodes, one at a time, that began some minutes ago; `seen`: minutes and nodes done.
fn flight(elapsed: f64, over: bool, seen: Option<(f64, u32)>) -> InFlight {
    let scenario = Example { ..SURGED }.scenario();
    let pairs = pairs(&scenario, 4, 1);
    let lived = Lived { started_at: "2026-03-02T06:00:00Z".into(), elapsed, over, well: true, seen };
    let mut inputs = inputs(&scenario, &pairs);
    inputs.lived = Some(lived);
    in_flight(&inputs).unwrap()
}

#[test]
fn reality_is_held_against_the_band() {
    for (elapsed, over, seen, expected) in [
        (0.0, false, None, Standing::AsPredicted),
        (12.0, false, Some((12.0, 1)), Standing::AsPredicted),
        (6.0, false, Some((5.0, 3)), Standing::Ahead),
        (18.0, false, Some((15.0, 0)), Standing::Behind),
        (90.0, false, None, Standing::Overdue),
        (90.0, true, None, Standing::TookLonger),
        (2.0, true, None, Standing::Sooner),
        (16.0, true, None, Standing::AsPredicted),
    ] {
        let found = flight(elapsed, over, seen);
        assert_eq!(found.standing, expected, "{elapsed} {over} {seen:?}: {}", found.sentence);
        let finding = found.finding(Some("system"));
        assert_eq!(finding.is_some(), !matches!(expected, Standing::AsPredicted), "{}", found.sentence);
        assert!(finding.is_none_or(|f| f.id == "outside-predicted-band" && f.subject == "pool system"));
    }
}

#[test]
fn progress_rises_and_ends_with_every_node_done() {
    let found = flight(8.0, false, Some((6.0, 1)));
    assert_eq!(found.nodes, 3);
    let d = found.done_by_now;
    assert!(d.p5 <= d.p50 && d.p50 <= d.p95 && d.p95 <= 3.0);
    assert!(found.curve.windows(2).all(|w| w[0].done.p5 <= w[1].done.p5 && w[0].done.p95 <= w[1].done.p95));
    assert_eq!(found.curve.last().unwrap().done.p50, 3.0);
    let (takes, ends) = (found.takes_minutes.unwrap(), found.ends_minutes.unwrap());
    assert!(takes.p5 > 8.0 && ends.p5 >= takes.p5, "{takes:?} {ends:?}");
    // At work for long, only the slow futures are left.
    let late = flight(takes.p50, false, None);
    assert!(late.ends_minutes.unwrap().p5 > takes.p50);
}

#[test]
fn a_report_tells_of_it_in_words_and_a_chart() {
    let scenario = SURGED.scenario();
    let pairs = pairs(&scenario, 64, 1);
    let mut inputs = inputs(&scenario, &pairs);
    inputs.lived = Some(Lived {
        started_at: "2026-03-02T06:00:00Z".into(),
        elapsed: 18.0,
        over: false,
        well: false,
        seen: Some((15.0, 0)),
    });
    let judged = reports::judge(&inputs);
    let report = &judged.report;
    assert!(report.findings.iter().any(|f| f.id == "outside-predicted-band" && f.severity == "warning"));
    assert!(judged.charts().iter().any(|chart| chart.id == "progress"));
    let text = |path: &str| {
        let files = reports::bundle(&judged);
        String::from_utf8(files.into_iter().find(|f| f.path == path).unwrap().bytes).unwrap()
    };
    for page in ["report.html", "report.md"] {
        assert!(text(page).contains("It is behind."), "{page}");
    }
    // Written and read, the document is the same: numbers are rounded once.
    let read: reports::Report = serde_json::from_str(&text("report.json")).unwrap();
    assert_eq!(&read, report);
}

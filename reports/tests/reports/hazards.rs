//! What the end of the simulated time cuts is told as a finding.

use simulator::change::{Operation, Planned};
use simulator::settings::Cause;
use simulator::{NodeId, Scenario, Time};

use crate::example::{self, SURGED, TIGHT};

/// Subjects and messages of the findings.
fn hazards(mut scenario: Scenario) -> Vec<(String, String)> {
    scenario.settings.off.extend([Cause::Burst, Cause::NodeFailure, Cause::ZoneFailure]);
    let pairs = example::pairs(&scenario, 100, 3);
    let findings = reports::judge(&example::inputs(&scenario, &pairs)).report.findings;
    findings.into_iter().filter(|f| f.id == "latent-hazard").map(|f| (f.subject, f.message)).collect()
}

fn deleting(nodes: &[u32]) -> Scenario {
    let mut scenario = TIGHT.scenario();
    let nodes = nodes.iter().copied().map(NodeId).collect();
    scenario.changes = vec![Planned::new(Time(60_000_000), Operation::DeleteNodes { nodes })];
    scenario
}

#[test]
fn who_has_no_node_left_is_still_out_at_the_end() {
    let found = hazards(deleting(&[0, 1]));
    let dns = found.iter().find(|(subject, _)| subject == "kube-system/coredns").expect("coredns has no node left");
    assert!(dns.1.contains("still below the 1 pod it needs"), "{}", dns.1);
}

/// Followed for as long as may be, it is still out: the report says how many futures were followed, and what they came to.
#[test]
fn what_never_settles_is_followed_to_the_cap_and_told() {
    let mut scenario = deleting(&[0, 1]);
    scenario.settings.follow = simulator::Duration::mins(60);
    scenario.settings.off.extend([Cause::Burst, Cause::NodeFailure, Cause::ZoneFailure]);
    let pairs = example::pairs(&scenario, 100, 3);
    assert!(pairs.iter().all(|p| p.proposal.end == Time::ZERO + scenario.longest() && !p.proposal.settled));
    assert!(pairs.iter().all(|p| p.baseline.end == p.proposal.end));
    let report = reports::judge(&example::inputs(&scenario, &pairs)).report;
    let followed = report.trials.followed.unwrap();
    assert_eq!((followed.hours_at_most, followed.share, followed.unsettled), (1.0, 1.0, 1.0));
    assert!(report.findings.iter().any(|f| f.id == "latent-hazard" && f.message.contains("after at most 5 hours")));
    assert!(reports::plainly::risk(&report)[0].contains("in 100 % it was not over even then"));
}

#[test]
fn what_comes_back_in_time_is_no_hazard() {
    assert_eq!(hazards(SURGED.scenario()), []);
    // One of two nodes has room for all of the system pods.
    assert_eq!(hazards(deleting(&[1])), []);
}

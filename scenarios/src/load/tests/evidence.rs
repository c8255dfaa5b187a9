//! What a cluster that is well shows of the capacity of its DNS, and what one that is supposed does not.

use simulator::parameters::Knob;

use super::*;
use crate::what_if::{Axis, Setting, SettingValue, apply};

/// The least factor on the capacity of DNS that a trial may draw.
fn least(change: &Change, snapshot: &Snapshot) -> f64 {
    let l = load(change, snapshot, &ChangeSettings::default()).unwrap();
    let belief = l.scenario.beliefs.iter().find(|b| b.knob == Knob::ServiceCapacity).unwrap();
    belief.prior.quantile(1e-9)
}

fn asked(queries: Option<f64>) -> Change {
    let mut asked = change("apps", Operation::Scale { count: 1 });
    asked.settings.dns_qps = queries;
    asked
}

#[test]
fn capacities_that_could_not_bear_todays_load_are_ruled_out() {
    let snapshot = Snapshot::from_json(POOLS.as_bytes()).unwrap();
    let plain = load(&asked(None), &snapshot, &ChangeSettings::default()).unwrap().scenario.cluster;
    let (dns, workload) = plain.workloads.iter().find(|(_, w)| w.role == Role::Dns).unwrap();
    let capacity = workload.service.as_ref().unwrap().capacity;
    let all = capacity * plain.pods.iter().filter(|p| p.workload == dns && p.ready).count() as f64;
    for share in [0.6, 0.9] {
        let least = least(&asked(Some(share * all)), &snapshot);
        assert!((least / (0.95 * share) - 1.0).abs() < 1e-3, "{least} at {share}");
    }
    // Hardly asked, or said to drown: no more is known than before.
    let unknown = least(&asked(None), &snapshot);
    assert!(unknown < 0.2, "{unknown}");
    let drowning = least(&asked(Some(1.5 * all)), &snapshot);
    assert!((drowning / unknown - 1.0).abs() < 0.05, "{drowning} and {unknown}");
}

#[test]
fn a_load_or_a_number_of_replicas_that_is_supposed_shows_nothing() {
    let snapshot = Snapshot::from_json(POOLS.as_bytes()).unwrap();
    let today = asked(Some(6000.0));
    let supposed_of = |today: &Change, axis, value| {
        let (snapshot, change) = apply(&[Setting { axis, value }], &snapshot, today).unwrap();
        least(&change, &snapshot)
    };
    let supposed = |axis, value| supposed_of(&today, axis, value);
    let shown = least(&today, &snapshot);
    assert!(shown > 0.5, "{shown}");
    assert_eq!(supposed(Axis::DnsQps, SettingValue::Number(9000.0)), shown);
    assert_eq!(supposed(Axis::NodeCount, SettingValue::Count(2)), shown);
    // Where the true one drowns, one with less load shows no more.
    let drowning = supposed_of(&asked(Some(1e6)), Axis::DnsQps, SettingValue::Number(6000.0));
    assert!(drowning < 0.2, "{drowning}");
}

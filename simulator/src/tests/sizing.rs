//! Pods sized by the number of nodes: when the template is rewritten, and that the Deployment rolls out then.

use super::story;
use crate::WorkloadId;
use crate::change::Operation;
use crate::example::{Example, drain_settings};
use crate::settings::Cause;
use crate::spec::{Quantity, Scaling};
use crate::time::Duration;
use crate::{PoolId, trace};

/// A pool that goes from some nodes to others, with metrics-server as AKS sizes it.
fn scaled(from: u32, to: u32) -> Example {
    let sized = Scaling::Sized { lines: vec![(155, 1), (126, 8)], threshold_percent: 5, poll: Duration::secs(180) };
    Example::new()
        .pool("p", from)
        .deployment("metrics", 2)
        .with(|w| {
            w.scaling = Some(sized);
            (w.control.surge, w.control.unavailable) = (Quantity::Count(1), Quantity::Count(0));
        })
        .change(Duration::secs(60), Operation::Scale { pool: PoolId(0), count: to, drain: drain_settings() })
}

/// Pods of the new template that were made: both, or none.
fn rolled_out(example: Example) -> usize {
    let scenario = example.build();
    let made = |e: &&crate::outcome::Entry| {
        matches!(e.what, crate::outcome::Incident::PodCreated { workload: WorkloadId(0), .. })
    };
    trace(&scenario, 1, 0).log.iter().filter(made).count()
}

/// addon-resizer 1.8.23 with --threshold=5: 126 Mi + 8 Mi a node.
#[test]
fn the_template_is_rewritten_beyond_the_threshold_only() {
    for (from, to, made) in [
        (3, 4, 2),   // 150 to 158 Mi: 5.3 %
        (4, 5, 2),   // 158 to 166: 5.06 %
        (5, 6, 0),   // 166 to 174: 4.8 %
        (5, 7, 2),   // 166 to 182: 9.6 %
        (20, 21, 0), // 286 to 294: 2.8 %
    ] {
        assert_eq!(rolled_out(scaled(from, to)), made, "{from} to {to}");
    }
}

#[test]
fn it_is_seen_at_a_poll_and_the_old_pods_stay_until_the_new_ones_are_ready() {
    let mut scenario = scaled(3, 4).build();
    scenario.settings.off.push(Cause::ClockPhases);
    // Polls at 90, 270, 450 s; the node is there after 100 s.
    let told = story(&scenario);
    let lines: Vec<&str> = told.lines().filter(|l| l.contains("metrics")).collect();
    assert_eq!(lines.first().map(|l| l.split_once(' ').unwrap().0), Some("270s"), "{told}");
    scenario.settings.off.push(Cause::Sizing);
    assert!(!story(&scenario).contains("metrics"));
}

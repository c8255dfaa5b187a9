//! What a replay shows, in sentences.

use super::{Compared, Replay};
use crate::report::Report;
use crate::words;

/// What the replay shows, in sentences.
pub fn lines(replay: &Replay<'_>, compared: &[Compared]) -> Vec<String> {
    let mut lines: Vec<String> = replay.recorded.summary.iter().map(|s| format!("Recorded: {s}")).collect();
    for c in compared {
        let (Some(recorded), Some(range), Some(within)) = (c.recorded, c.replayed, c.within()) else {
            continue;
        };
        let place = if within {
            "as the model expects"
        } else if recorded > range.p95 {
            "more than the model expects"
        } else {
            "less than the model expects"
        };
        lines.push(format!(
            "{} was out for {}, {place}: {} in replays.",
            c.workload,
            words::minutes(recorded),
            range.words()
        ));
    }
    lines.extend(operation(replay));
    if let Some((description, judged)) = &replay.counterfactual {
        let risk = |report: &Report| words::probability_short(report.risk.outage.proposal);
        lines.push(format!(
            "{}: a system outage would come in {} of futures instead of {}.",
            description.trim_end_matches('.'),
            risk(&judged.report),
            risk(&replay.replayed.report)
        ));
        let largest = compared
            .iter()
            .filter_map(|c| Some((c, c.replayed?, c.counterfactual?)))
            .max_by(|a, b| (a.1.p50 - a.2.p50).abs().total_cmp(&(b.1.p50 - b.2.p50).abs()));
        lines.extend(largest.filter(|(_, was, would)| was.p50 != would.p50).map(|(c, was, would)| {
            format!(
                "{} would typically be out for {} instead of {}.",
                c.workload,
                words::minutes(would.p50),
                words::minutes(was.p50)
            )
        }));
    }
    lines
}

fn operation(replay: &Replay<'_>) -> Vec<String> {
    let report = &replay.replayed.report;
    let mut lines = Vec::new();
    if let Some(succeeded) = replay.recorded.succeeded {
        let ended = if succeeded { "ended well" } else { "failed" };
        lines.push(format!(
            "The changes really {ended}; they end well in {} of replays.",
            words::probability_short(report.operation.success)
        ));
    }
    if let (Some(recorded), Some(p50)) = (replay.recorded.duration_minutes, report.operation.duration_minutes.p50) {
        let p95 = report.operation.duration_minutes.p95.map_or("longer than was simulated".to_string(), words::minutes);
        lines.push(format!(
            "They really took {}; replays take {} typically, {p95} at the 95th percentile.",
            words::minutes(recorded),
            words::minutes(p50)
        ));
    }
    lines
}

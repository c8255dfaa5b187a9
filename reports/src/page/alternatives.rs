//! Safer plans in words and rows.

use crate::report::{Alternative, PlanSearch, Report};
use crate::words;

/// A row of the table: plan, score, added minutes, ends well, duration, cost.
pub fn row(row: &Alternative) -> [String; 6] {
    let d = row.duration_minutes;
    let duration = match (d.p50, d.p95) {
        (Some(p50), Some(p95)) if p95 > p50 => format!("{} (95 %: {})", words::minutes(p50), words::minutes(p95)),
        (Some(p50), _) => words::minutes(p50),
        _ => "longer than was simulated".to_string(),
    };
    let cost = match row.cost_usd {
        Some(usd) if usd >= 0.005 => format!("USD {}", words::number(usd, 2)),
        Some(_) => "none".to_string(),
        None => "not known".to_string(),
    };
    [
        words::capital(&row.summary),
        words::score_text(row.score),
        words::added_minutes(row.added_outage_minutes),
        row.success.map_or("–".to_string(), words::probability),
        duration,
        cost,
    ]
}

/// The rows of all plans, the proposal last.
pub fn rows(report: &Report) -> Vec<(&Alternative, [String; 6])> {
    let proposal = report.plan_search.as_ref().and_then(|s| s.proposal.as_ref());
    report.alternatives.iter().chain(proposal).map(|a| (a, row(a))).collect()
}

/// What the search came to, in a few sentences; `None` where nobody looked.
pub fn sentences(report: &Report) -> Vec<String> {
    let Some(search) = &report.plan_search else { return Vec::new() };
    if let Some(why) = &search.not_searched {
        return [format!("No safer plan was looked for: {why}.")].into_iter().chain(not_tried(search)).collect();
    }
    let tried = format!(
        "{} other {} tried, {} futures in all",
        words::count(search.tried),
        if search.tried == 1 { "plan was" } else { "plans were" },
        words::count(search.trials)
    );
    let mut found = match (report.alternatives.first(), &search.proposal) {
        (Some(best), Some(proposal)) => vec![format!("{tried}. {}", compared(best, proposal))],
        _ => vec![format!("{tried}: nothing better was found.")],
    };
    if search.failing > 0 {
        found.push(format!(
            "{} left out because the operation fails more often then.",
            words::capital(&plans(search.failing, "was", "were"))
        ));
    }
    found.extend(not_tried(search));
    found
}

fn compared(best: &Alternative, proposal: &Alternative) -> String {
    let name = words::capital(&best.summary);
    let ends = |a: &Alternative| a.success.map_or(1.0, |s| s.estimate);
    if ends(best) > ends(proposal) + 0.1 {
        return format!(
            "{name}: it ends well in {} of futures instead of {}, with a score of {} instead of {}.",
            words::percent(ends(best)),
            words::percent(ends(proposal)),
            words::score_text(best.score),
            words::score_text(proposal.score)
        );
    }
    let sure = match best.against_proposal {
        Some(d) if d.high < 0.0 => format!(
            ", and that it loses less in the same futures is beyond doubt (by {} to {})",
            words::minutes(-d.high),
            words::minutes(-d.low)
        ),
        _ => ", though these futures are too few to be sure that it loses less".to_string(),
    };
    if best.score < proposal.score {
        format!(
            "Safest: {}, with a score of {} instead of {}{sure}.",
            best.summary,
            words::score_text(best.score),
            words::score_text(proposal.score)
        )
    } else {
        format!("None is safer; as safe, and quicker or cheaper: {}.", best.summary)
    }
}

fn not_tried(search: &PlanSearch) -> Option<String> {
    let all: u64 = search.set_aside.iter().map(|s| s.plans).sum();
    if all == 0 {
        return None;
    }
    let reasons: Vec<String> = search.set_aside.iter().take(3).map(|s| format!("{}: {}", s.plans, s.reason)).collect();
    let rest = search.set_aside.len().saturating_sub(3);
    let more = if rest > 0 { format!(" and {rest} further reasons") } else { String::new() };
    Some(format!("{} not tried ({}{more}).", words::capital(&plans(all, "was", "were")), reasons.join(" ")))
}

fn plans(n: u64, one: &str, several: &str) -> String {
    if n == 1 { format!("1 plan {one}") } else { format!("{} plans {several}", words::count(n)) }
}

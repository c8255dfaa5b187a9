//! `report.md`: the report as a comment on a change request.

use super::{alternatives, causes, courses, html};
use crate::rare::{self, RareEvents};
use crate::report::{Decision, Report};
use crate::text::markdown as md;
use crate::words;

/// The page.
pub fn page(report: &Report) -> String {
    let mut out = head(report);
    why(report, &mut out);
    plainly(report, &mut out);
    figures(report, &mut out);
    why_so(report, &mut out);
    how(report, &mut out);
    plans(report, &mut out);
    workloads(report, &mut out);
    failures(report, &mut out);
    findings(report, &mut out);
    coverage(report, &mut out);
    out
}

fn head(report: &Report) -> String {
    let verdict = &report.verdict;
    let decision = match verdict.decision {
        Decision::Proceed => "Proceed",
        Decision::Review => "Review first",
        Decision::Stop => "Stop",
    };
    format!(
        "## {}\n\n**{decision}** · score **{}** of 100 ({} to {}) · level **{}**{}\n\nCluster {}{}\n\n",
        md(&words::capital(html::title(report))),
        words::score_text(verdict.score),
        words::score_text(verdict.score_low),
        words::score_text(verdict.score_high),
        verdict.level.name(),
        if verdict.blocked { " · **blocked**: the platform will refuse it" } else { "" },
        md(&report.cluster.name),
        report.change.pool.as_ref().map(|p| format!(", pool {}", md(p))).unwrap_or_default(),
    )
}

fn why(report: &Report, out: &mut String) {
    for reason in &report.verdict.why {
        out.push_str(&format!("* {}\n", md(reason)));
    }
    out.push('\n');
}

fn plainly(report: &Report, out: &mut String) {
    for sentence in crate::plainly::risk(report) {
        out.push_str(&format!("{}\n\n", md(&sentence)));
    }
}

fn figures(report: &Report, out: &mut String) {
    let (risk, operation) = (&report.risk, &report.operation);
    let threshold = words::minutes(risk.outage.threshold_seconds / 60.0);
    out.push_str("| | with the change | when nothing is done | added |\n|---|---|---|---|\n");
    out.push_str(&format!(
        "| A system workload out longer than {threshold} | {} | {} | {} |\n",
        words::probability(risk.outage.proposal),
        words::probability(risk.outage.baseline),
        words::points(risk.outage.added)
    ));
    out.push_str(&format!(
        "| Weighted minutes of outage, mean | | | {} |\n",
        words::added_minutes(risk.added_outage_minutes)
    ));
    out.push_str(&format!("| The operation ends well | {} | | |\n\n", words::probability(operation.success)));
    out.push_str(&format!("The operation {}.\n\n", html::duration(report)));
    if let Some(rare) = &risk.rare_events {
        out.push_str(&format!("{}\n\n", md(&rare.sentence())));
        if let Some(weighted) = &rare.weighted {
            out.push_str(&format!("{}\n\n", md(&weighted.sentence())));
        }
        if let Some(second) = rare.second_opinion(&risk.outage) {
            out.push_str(&format!("{}\n\n", md(&second)));
        }
        rare_events(rare, out);
    }
}

fn rare_events(rare: &RareEvents, out: &mut String) {
    out.push_str("<details><summary>The risk by the number of failures</summary>\n\n| failures in a future | how often | trials | outage with the change | when nothing is done | added |\n|---|---|---|---|---|---|\n");
    for row in &rare.strata {
        out.push_str(&format!(
            "| {} | {} | {} | {} | {} | {} |\n",
            row.failures,
            rare::futures(row.probability),
            words::count(row.trials),
            words::probability(row.proposal),
            words::probability(row.baseline),
            words::points(row.added),
        ));
    }
    out.push_str("\n</details>\n\n");
}

fn why_so(report: &Report, out: &mut String) {
    let Some(sentence) = causes::sentence(report) else { return };
    out.push_str(&format!("{}\n\n<details><summary>The causes</summary>\n\n", md(&sentence)));
    out.push_str(
        "| cause | where | without it | outage spared, of all futures | its share | comes first |\n|---|---|---|---|---|---|\n",
    );
    for row in causes::rows(report) {
        out.push_str(&format!("| {} |\n", row.map(|cell| md(&cell)).join(" | ")));
    }
    out.push_str(&format!("\n{}\n\n</details>\n\n", md(&causes::anyway(report))));
}

fn how(report: &Report, out: &mut String) {
    for course in &report.courses {
        let (title, sentence) = (courses::title(course), courses::sentence(course));
        out.push_str(&format!(
            "<details><summary>How it comes to an outage. {title}</summary>\n\n{}\n\n",
            md(&sentence)
        ));
        for step in &course.steps {
            let (clock, text) = (words::clock(step.t), md(&step.text));
            let line = if step.needed { format!("{clock} ● **{text}**") } else { format!("{clock} {text}") };
            out.push_str(&format!("* {line}\n"));
        }
        out.push_str("\n</details>\n\n");
    }
}

fn plans(report: &Report, out: &mut String) {
    for sentence in alternatives::sentences(report) {
        out.push_str(&format!("{}\n\n", md(&sentence)));
    }
    if report.alternatives.is_empty() {
        return;
    }
    out.push_str("<details><summary>Safer plans</summary>\n\n");
    out.push_str(
        "| plan | score | added outage, weighted mean | ends well | takes | extra nodes |\n|---|---|---|---|---|---|\n",
    );
    for (_, row) in alternatives::rows(report) {
        out.push_str(&format!("| {} |\n", row.map(|cell| md(&cell)).join(" | ")));
    }
    for a in &report.alternatives {
        out.push_str(&format!("\n{}:\n", md(&a.summary)));
        a.apply.values().for_each(|text| out.push_str(&code_block(text)));
    }
    out.push_str("\n</details>\n\n");
}

/// Text as it is, within a fence longer than any in it.
fn code_block(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let lines: String = text.lines().map(|line| format!("{}\n", crate::text::plain(line))).collect();
    format!("\n{fence}sh\n{lines}{fence}\n")
}

fn workloads(report: &Report, out: &mut String) {
    if report.risk.workloads.is_empty() {
        return;
    }
    out.push_str("<details><summary>Workloads</summary>\n\n| workload | needs | outage | when nothing is done | minutes out: mean | 95th | 99th |\n|---|---|---|---|---|---|---|\n");
    for w in &report.risk.workloads {
        out.push_str(&format!(
            "| {}/{} | {} of {} | {} | {} | {} | {} | {} |\n",
            md(&w.namespace),
            md(&w.name),
            w.min_available,
            w.replicas,
            words::probability(w.outage),
            words::probability(w.baseline_outage),
            words::number(w.loss_minutes.mean, 2),
            words::number(w.loss_minutes.p95, 2),
            words::number(w.loss_minutes.p99, 2),
        ));
    }
    for (w, queries) in report.risk.workloads.iter().filter_map(|w| Some((w, w.queries.as_ref()?))) {
        let lost = w.query_loss.map_or(String::new(), |loss| format!("queries lost {}, ", words::probability(loss)));
        out.push_str(&format!("\n{}/{}: {lost}{}.\n", md(&w.namespace), md(&w.name), words::answers(queries)));
    }
    out.push_str("\n</details>\n\n");
}

fn failures(report: &Report, out: &mut String) {
    for failure in &report.operation.failures {
        let probability = words::probability(crate::estimate::Est::new(failure.probability, failure.low, failure.high));
        out.push_str(&format!(
            "* Fails with {} in {probability} of futures: {}\n",
            md(&failure.code),
            md(&failure.cause)
        ));
    }
    if !report.operation.failures.is_empty() {
        out.push('\n');
    }
}

fn findings(report: &Report, out: &mut String) {
    if report.findings.is_empty() {
        return;
    }
    out.push_str("<details><summary>Findings</summary>\n\n| severity | rule | subject | finding | source |\n|---|---|---|---|---|\n");
    for f in &report.findings {
        out.push_str(&format!(
            "| {} | {} | {} | {} | {} |\n",
            md(&f.severity),
            md(&f.id),
            md(&f.subject),
            md(&f.message),
            md(&f.source)
        ));
    }
    out.push_str("\n</details>\n\n");
}

fn coverage(report: &Report, out: &mut String) {
    out.push_str("<details><summary>What this rests on</summary>\n\n");
    for line in &report.coverage.not_seen {
        out.push_str(&format!("* {}\n", md(line)));
    }
    for a in &report.coverage.assumptions {
        out.push_str(&format!(
            "* Assumed: {} = {}{} (grade {}; {})\n",
            md(&a.name),
            md(&a.value),
            a.range.as_ref().map_or(String::new(), |range| format!(", drawn from {}", md(range))),
            md(&a.grade),
            md(&a.source)
        ));
    }
    out.push_str(&format!(
        "\n</details>\n\n<sub>{} paired futures of {}, seed {}, poolproof {}, report {}. {} Ranges are 95 % confidence intervals of sampling, each by itself. {}</sub>\n",
        words::count(report.trials.count),
        words::hours(report.trials.horizon_hours * 3600.0),
        report.trials.seed,
        md(&report.trials.engine),
        md(&report.id),
        html::stopped(report),
        html::intervals(report.trials.sampling),
    ));
}

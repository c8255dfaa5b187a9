//! What `score` prints.

use reports::Report;

use super::Format;
use crate::cli::Failure;
use crate::cli::output::{self, on_one_line};
use crate::pipeline::{Glance, Prepared, Scored};

/// Prints all that was scored, in order.
pub fn print(scored: &[Scored], format: Format) -> Result<(), Failure> {
    match format {
        Format::Text if scored.is_empty() => output::data("no pool operation\n")?,
        Format::Text => {
            let reports: Vec<_> = scored.iter().map(|s| &s.report).collect();
            output::data(&reports::summary_table(&reports))?;
            reports.into_iter().try_for_each(|report| output::data(&reasons(report)))?;
        }
        Format::Json => {
            for one in scored {
                let mut line = reports::report::to_bytes_compact(&one.report);
                line.push(b'\n');
                output::bytes(&line)?;
            }
        }
        Format::Markdown => {
            for file in scored.iter().flat_map(|s| &s.bundle.files).filter(|file| file.path == "report.md") {
                output::bytes(&file.bytes)?;
            }
        }
    }
    Ok(())
}

/// What is known so far, in a few words.
pub fn so_far(glance: &Glance) -> String {
    let Glance { trials, score, score_low, score_high, level, .. } = glance;
    let sure = if glance.decided { "decided" } else { "so far" };
    format!("{} {sure}, score {score:.0} [{score_low:.0}-{score_high:.0}] after {trials} trials", level.name())
}

/// Prints what is known so far; what cannot be printed is not worth ending for.
pub fn glance(prepared: &Prepared, glance: &Glance, format: Format) {
    if matches!(format, Format::Json) {
        let mut line = reports::report::to_bytes_compact(glance);
        line.push(b'\n');
        let _ = output::bytes(&line);
    } else {
        output::note(&format!("{}: {}", on_one_line(&prepared.change.summary), so_far(glance)));
    }
}

/// What is known when only other plans are still to be looked for; what cannot be printed is not worth ending for.
pub fn judged(report: &Report, format: Format) {
    if matches!(format, Format::Json) {
        let known = JudgedSoFar { partial: true, verdict: &report.verdict, causes: &report.causes };
        let mut line = reports::report::to_bytes_compact(&known);
        line.push(b'\n');
        let _ = output::bytes(&line);
    } else {
        let verdict = &report.verdict;
        let why = reports::causes::sentence(report).unwrap_or_else(|| "No cause stands out.".to_owned());
        let level = verdict.level.name();
        output::note(&format!("{}: {level}, score {:.0}. {why}", on_one_line(&report.change.summary), verdict.score));
    }
}

/// A verdict with its causes, before other plans are known.
#[derive(serde::Serialize)]
struct JudgedSoFar<'a> {
    partial: bool,
    verdict: &'a reports::report::Verdict,
    causes: &'a [reports::report::Cause],
}

/// Why a change scores as it does, what was estimated and how sure it is, and the rules that apply.
fn reasons(report: &Report) -> String {
    let title = format!("\n{}\n", on_one_line(&report.change.summary));
    let why = report.verdict.why.iter().map(|why| format!("  {}\n", on_one_line(why)));
    let finding = |f: &reports::report::Finding| format!("  {} {}: {}\n", f.severity, f.id, on_one_line(&f.message));
    let told = |rare: &reports::rare::RareEvents| {
        let weighted = rare.weighted.iter().map(reports::weighted::Weighted::sentence);
        std::iter::once(rare.sentence()).chain(weighted).map(|sentence| format!("  {sentence}\n")).collect::<String>()
    };
    let rare = report.risk.rare_events.as_ref().map(told);
    let course: String =
        reports::courses::lines(report).iter().map(|line| format!("  {}\n", on_one_line(line))).collect();
    let plainly: String = reports::plainly::risk(report).iter().map(|s| format!("  {}\n", on_one_line(s))).collect();
    title
        + &why.collect::<String>()
        + &plainly
        + &rare.unwrap_or_default()
        + &course
        + &plans(report)
        + &report.findings.iter().map(finding).collect::<String>()
}

/// Safer plans: what the search came to, and the commands of each.
fn plans(report: &Report) -> String {
    let mut text: String = reports::plan_sentences(report).iter().map(|s| format!("  {}\n", on_one_line(s))).collect();
    for (i, plan) in report.alternatives.iter().enumerate() {
        let [summary, score, added, ends, takes, cost] = reports::plan_row(plan).map(|cell| on_one_line(&cell));
        text += &format!(
            "  {}. {summary}: score {score}, added {added}, ends well {ends}, takes {takes}, extra nodes {cost}\n",
            i + 1
        );
        let az = plan.apply.get("az").map_or("", String::as_str);
        text.extend(az.lines().map(|line| format!("       {}\n", on_one_line(line))));
    }
    text
}

//! What `score` prints.

use reports::Report;

use super::Format;
use crate::cli::Failure;
use crate::cli::output::{self, on_one_line};
use crate::pipeline::Scored;

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

/// Why a change scores as it does, and the rules that apply.
fn reasons(report: &Report) -> String {
    let title = format!("\n{}\n", on_one_line(&report.change.summary));
    let why = report.verdict.why.iter().map(|why| format!("  {}\n", on_one_line(why)));
    let finding = |f: &reports::report::Finding| format!("  {} {}: {}\n", f.severity, f.id, on_one_line(&f.message));
    let rare = report.risk.rare_events.as_ref().map(|rare| format!("  {}\n", rare.sentence()));
    title
        + &why.collect::<String>()
        + &rare.unwrap_or_default()
        + &report.findings.iter().map(finding).collect::<String>()
}

//! `backtest`: how good past forecasts were, and what there is to learn from what came.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use reports::backtest::history::{Row, SCHEMA};
use reports::backtest::{Ask, Backtest, page};
use reports::learning::Learned;
use scenarios::{Complaint, Complaints};

use super::{Failure, input, output};
use crate::files;
use crate::memory;
use crate::pipeline::{SEED, learnable};

/// Arguments of `backtest`.
#[derive(clap::Args)]
pub struct Args {
    /// What was foretold and what came: the memory of a worker (a SQLite file, also as sqlite:PATH), or rows as JSON lines (schema
    /// `history`); - for standard input
    #[arg(value_name = "HISTORY")]
    history: PathBuf,
    /// Folder for the page, its charts and backtest.json
    #[arg(long, env = "POOLPROOF_OUT", value_name = "DIR")]
    out: Option<PathBuf>,
    /// What to print
    #[arg(long, env = "POOLPROOF_FORMAT", value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Only changes of this cluster
    #[arg(long, env = "POOLPROOF_ONLY_CLUSTER", value_name = "NAME")]
    cluster: Option<String>,
    /// Count changes too that were scored after their end only
    #[arg(long, env = "POOLPROOF_HINDSIGHT", value_parser = clap::builder::BoolishValueParser::new())]
    hindsight: bool,
    /// Write what the history teaches about durations and failures, for `score --learned` and `worker --learned`
    #[arg(long, env = "POOLPROOF_LEARN", value_name = "FILE")]
    learn: Option<PathBuf>,
    /// Seed of the resampling that gives the intervals [default: 1]
    #[arg(long, env = "POOLPROOF_SEED", value_name = "N")]
    seed: Option<u64>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One document (schema `backtest`)
    Json,
    /// For a wiki or a change request
    Markdown,
    /// The rows it rests on, as JSON lines (schema `history`)
    Rows,
}

/// Largest file of rows, in bytes.
const MAX_ROWS: u64 = 256 << 20;

/// Reads the history, judges it and prints.
pub fn run(args: &Args) -> Result<(), Failure> {
    let mut rows = history(&args.history)?;
    if let Some(cluster) = &args.cluster {
        rows.retain(|row| row.cluster.eq_ignore_ascii_case(cluster));
    }
    if let Format::Rows = args.format {
        return Ok(rows.iter().try_for_each(|row| output::json(&format!("{}\n", line(row))))?);
    }
    let backtest = Backtest::of(&rows, Ask { seed: args.seed.unwrap_or(SEED), hindsight: args.hindsight });
    let learned = args.learn.as_ref().map(|_| Learned::from(&rows, &learnable()));
    if let (Some(path), Some(learned)) = (&args.learn, &learned) {
        write(path, &learned.to_bytes())?;
        output::note(&format!("learned: {}", path.display()));
    }
    if let Some(folder) = &args.out {
        for file in page::bundle(&backtest, learned.as_ref()) {
            write(&folder.join(&file.path), &file.bytes)?;
        }
        output::note(&format!("backtest: {}", folder.join("backtest.html").display()));
    }
    let text = match args.format {
        Format::Text => page::plain(&backtest, learned.as_ref()),
        Format::Markdown => page::markdown(&backtest, learned.as_ref()),
        _ => format!("{}\n", serde_json::to_string_pretty(&backtest)?),
    };
    Ok(output::data(&text)?)
}

fn line(row: &Row) -> String {
    serde_json::to_string(&Row { schema: SCHEMA.into(), ..row.clone() }).unwrap_or_default()
}

fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    use anyhow::Context;
    let named = || format!("could not write {}", path.display());
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).with_context(named)?;
    }
    let mut file = std::fs::File::create(path).with_context(named)?;
    file.write_all(bytes).with_context(named)
}

/// The rows of a history, wherever they are.
fn history(path: &Path) -> Result<Vec<Row>, Failure> {
    let named = path.to_string_lossy();
    if let Some(file) = named.strip_prefix("sqlite:") {
        return Ok(memory::history(Path::new(file))?);
    }
    if is_sqlite(path) {
        return Ok(memory::history(path)?);
    }
    let standard = path == Path::new("-");
    let read = if standard { files::read_from(std::io::stdin().lock(), MAX_ROWS) } else { files::read(path, MAX_ROWS) };
    let name = if standard { "standard input" } else { &named };
    let bytes = read.map_err(|error| Failure::Invalid(error.complaint().in_file(name).into()))?;
    let mut complaints = Vec::new();
    let rows = rows(&bytes, &mut complaints);
    input::check(complaints.into_iter().map(|c: Complaint| c.in_file(name)).collect())?;
    Ok(rows)
}

fn is_sqlite(path: &Path) -> bool {
    use std::io::Read;
    let mut head = [0; 16];
    std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok() && &head == b"SQLite format 3\0"
}

/// Rows as JSON lines; everything wrong with any of them goes to `complaints`.
fn rows(bytes: &[u8], complaints: &mut Vec<Complaint>) -> Vec<Row> {
    let Ok(text) = str::from_utf8(bytes) else {
        complaints.push(Complaint::at("", "bytes that are no text", "JSON lines"));
        return Vec::new();
    };
    let mut rows = Vec::new();
    for (i, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        if complaints.len() >= Complaints::MOST {
            break;
        }
        let at = |path: &str| format!("[{i}]{}{path}", if path.is_empty() { "" } else { "." });
        match serde_json::from_str::<Row>(line) {
            Ok(row) if !row.schema.is_empty() && row.schema != SCHEMA => {
                complaints.push(Complaint::at(at("schema"), row.schema, SCHEMA));
            }
            Ok(row) => {
                let faults = row.faults();
                complaints
                    .extend(faults.into_iter().map(|(path, found, expected)| Complaint::at(at(path), found, expected)));
                rows.push(row);
            }
            Err(error) => {
                complaints.push(Complaint::at(at(""), error, "a row of a history (`poolproof schema history`)"))
            }
        }
    }
    rows
}

/// Reads what was learned, for `--learned`.
///
/// # Errors
/// It cannot be read, or is no such file.
pub fn learned(path: &Path) -> Result<Learned, Complaints> {
    let name = path.to_string_lossy();
    let bytes = files::read(path, files::MAX_CHANGE).map_err(|error| error.complaint().in_file(&*name))?;
    let wrong = |found: String| {
        Complaint::at("", found, "what `backtest --learn` writes (poolproof.learned/1)").in_file(&*name)
    };
    let learned: Learned = serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
    if learned.schema == reports::learning::SCHEMA { Ok(learned) } else { Err(wrong(learned.schema).into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fuzz_histories() {
        let row = r#"{"schema":"poolproof.history/1","change":"0123456789abcdef","cluster":"c","pool":"p","operation":"upgrade","proposedAt":"2026-03-02T06:00:00Z","startedAt":"2026-03-02T06:05:00Z","endedAt":"2026-03-02T07:00:00Z","prediction":{"report":"r","engine":"e","seed":1,"score":12.5,"outage":0.1,"success":0.9,"durationMinutes":[5.0,10.0,20.0],"rule":{"pdbBlocked":true}},"outcome":{"outage":true}}"#;
        crate::fuzz::fuzz("histories", &[row], &|bytes| {
            let mut complaints = Vec::new();
            !rows(bytes, &mut complaints).is_empty() && complaints.len() <= 1000
        });
    }
}

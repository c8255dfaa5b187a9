//! `decode`: what messages mean. One JSON document per message; complaints about the others go to standard error.

use std::path::PathBuf;

use serde_json::json;

use super::{Failure, input, output};
use crate::pipeline;
use crate::snapshots::in_file;

/// Arguments of `decode`.
#[derive(clap::Args)]
pub struct Args {
    /// Messages: files, or - for standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// Decodes every file and prints what it came to.
pub fn run(args: &Args) -> Result<(), Failure> {
    let mut complaints = Vec::new();
    for message in input::messages(&args.files, &mut complaints) {
        match pipeline::decode(&message.bytes) {
            Ok(d) => {
                let mut document =
                    json!({"file": message.name, "format": d.format, "changes": d.changes, "notes": d.notes});
                if !d.outcomes.is_empty() {
                    document["outcomes"] = json!(d.outcomes);
                }
                output::json(&format!("{document:#}\n"))?;
            }
            Err(found) => complaints.extend(in_file(found, &message.name).0),
        }
    }
    input::check(complaints)
}

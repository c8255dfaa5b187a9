//! `schema`: JSON Schema (2020-12) of what goes in and out.

use clap::builder::PossibleValuesParser;
use schemars::{Schema, schema_for};

use super::{Failure, output};
use crate::pipeline::{Identity, RunRecord};

/// Arguments of `schema`.
#[derive(clap::Args)]
pub struct Args {
    /// Which: an input, what `decode` answers (change), a file of a report (report, identity, run) or what `explain` tells (events)
    #[arg(value_name = "NAME", value_parser = PossibleValuesParser::new(names()))]
    name: String,
}

/// Prints the schema.
pub fn run(args: &Args) -> Result<(), Failure> {
    let schema = match args.name.as_str() {
        "report" => Schema::to_value(schema_for!(reports::Report)),
        "events" => Schema::to_value(schema_for!(reports::explain::Explained)),
        "identity" => Schema::to_value(schema_for!(Identity)),
        "run" => Schema::to_value(schema_for!(RunRecord)),
        input => scenarios::schema::schema(input).unwrap_or_default(),
    };
    Ok(output::data(&format!("{schema:#}\n"))?)
}

fn names() -> Vec<&'static str> {
    let mut names = scenarios::schema::names().to_vec();
    names.extend(["events", "identity", "report", "run"]);
    names.sort_unstable();
    names
}

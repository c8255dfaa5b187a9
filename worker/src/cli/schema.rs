//! `schema`: JSON Schema (2020-12) of what goes in and out.

use clap::builder::PossibleValuesParser;
use schemars::{Schema, schema_for};

use super::{Failure, output};
use crate::pipeline::{Identity, RunRecord};

/// Arguments of `schema`.
#[derive(clap::Args)]
pub struct Args {
    /// Which: an input, what `decode` answers (change), a file of a report (report, identity, run), what `explain` tells (events), or what
    /// `backtest` reads and writes (history, backtest, learned)
    #[arg(value_name = "NAME", value_parser = PossibleValuesParser::new(names()))]
    name: String,
}

/// Prints the schema.
pub fn run(args: &Args) -> Result<(), Failure> {
    let schema = match args.name.as_str() {
        "backtest" => Schema::to_value(schema_for!(reports::backtest::Backtest)),
        "history" => Schema::to_value(schema_for!(reports::backtest::history::Row)),
        "learned" => Schema::to_value(schema_for!(reports::learning::Learned)),
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
    names.extend(["backtest", "events", "history", "identity", "learned", "report", "run"]);
    names.sort_unstable();
    names
}

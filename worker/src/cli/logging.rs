//! Logs: to standard error, one line each, filtered by level.

use std::io::IsTerminal;

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

/// How to log.
#[derive(clap::Args)]
pub struct LogArgs {
    /// Level of the log on standard error: error, warn, info, debug, trace, or directives such as `warn,poolproof=debug`
    /// [default: info for the worker, else warn]
    #[arg(long, global = true, env = "POOLPROOF_LOG", value_name = "LEVEL", value_parser = filter)]
    log: Option<String>,
    /// Form of the log
    #[arg(long, global = true, env = "POOLPROOF_LOG_FORMAT", value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    log_format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}

fn filter(text: &str) -> Result<String, String> {
    EnvFilter::try_new(text).map(|_| text.to_owned()).map_err(|e| e.to_string())
}

impl LogArgs {
    /// Starts logging; `busy` is true for the verb that logs what it does.
    pub fn start(&self, busy: bool) {
        let level = self.log.as_deref().unwrap_or(if busy { "info" } else { "warn" });
        let builder =
            tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter(quietened(level)).with_target(false);
        match self.log_format {
            Format::Text => builder.with_ansi(std::io::stderr().is_terminal()).init(),
            Format::Json => builder.json().flatten_event(true).init(),
        }
    }
}

/// The filter, with the broker's client kept at warnings: it traces every frame, the one with the password included.
fn quietened(level: &str) -> EnvFilter {
    let quiet = ["lapin", "amq_protocol", "amq_protocol_types", "amq_protocol_tcp", "async_rs"];
    let directives = quiet.iter().filter_map(|name| format!("{name}=warn").parse().ok());
    directives.fold(EnvFilter::new(level), EnvFilter::add_directive)
}

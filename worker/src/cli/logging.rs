//! Logs: to standard error, one line each, filtered by level.

use std::io::{self, IsTerminal, Write};

use super::output;
use clap::ValueEnum;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

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
    /// Send traces of messages to this collector, as OTLP over HTTP: http://HOST:4318
    #[arg(long, global = true, env = "POOLPROOF_TRACES", value_name = "URL", value_parser = collector)]
    traces: Option<String>,
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

/// The address of a collector. Logins belong into `OTEL_EXPORTER_OTLP_HEADERS`: an address is among the arguments of a process.
fn collector(text: &str) -> Result<String, String> {
    if cfg!(not(feature = "otel")) {
        return Err("this build sends no traces (cargo feature `otel`)".into());
    }
    let host = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    match host {
        Some(host) if !host.is_empty() && !host.contains(['@', '?', ' ']) => Ok(text.to_owned()),
        _ => Err("expected http://HOST:PORT or https://HOST:PORT, without a login".into()),
    }
}

/// Standard error, for lines that may hold anything: what steers a terminal is written out. With colours the escapes are the
/// formatter's own, which lets none through from values.
struct Lines {
    json: bool,
    colours: bool,
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    // The formatter writes each line at once.
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let text = String::from_utf8_lossy(bytes);
        let safe = match (self.json, self.colours) {
            (true, _) => output::json_escaped(&text),
            (false, false) => output::inert(&text),
            (false, true) => text.split('\u{1b}').map(output::inert).collect::<Vec<_>>().join("\u{1b}"),
        };
        io::stderr().write_all(safe.as_bytes())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// What ends with the program.
pub struct Logging {
    #[cfg(feature = "otel")]
    _exporter: Option<crate::trace::Exporter>,
}

impl LogArgs {
    /// Starts logging; `busy` is true for the verb that logs what it does.
    ///
    /// # Errors
    /// Traces cannot be sent to where they are to go.
    pub fn start(&self, busy: bool) -> anyhow::Result<Logging> {
        let level = self.log.as_deref().unwrap_or(if busy { "info" } else { "warn" });
        let layer = tracing_subscriber::fmt::layer().with_target(false);
        let colours = std::io::stderr().is_terminal();
        let log = match self.log_format {
            Format::Text => layer.with_ansi(colours).with_writer(move || Lines { json: false, colours }).boxed(),
            Format::Json => {
                layer.json().flatten_event(true).with_writer(|| Lines { json: true, colours: false }).boxed()
            }
        };
        let registry = tracing_subscriber::registry().with(log.with_filter(quietened(level)));
        #[cfg(feature = "otel")]
        {
            let exporter = self.traces.as_deref().map(crate::trace::Exporter::new).transpose()?;
            registry.with(exporter.as_ref().map(crate::trace::layer)).init();
            Ok(Logging { _exporter: exporter })
        }
        #[cfg(not(feature = "otel"))]
        {
            registry.init();
            Ok(Logging {})
        }
    }
}

/// The filter, with the broker's client kept at warnings: it traces every frame, the one with the password included. Of messages
/// that come back it would write every byte; who sent them tells of it.
fn quietened(level: &str) -> EnvFilter {
    let quiet = ["lapin", "amq_protocol", "amq_protocol_types", "amq_protocol_tcp", "async_rs"];
    let directives = quiet.iter().filter_map(|name| format!("{name}=warn").parse().ok());
    let directives = directives.chain("lapin::returned_messages=error".parse().ok());
    directives.fold(EnvFilter::new(level), EnvFilter::add_directive)
}

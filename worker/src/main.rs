//! The poolproof binary: command line, queues, publishing. Holds no rule about clusters.

mod bucket;
mod cli;
mod fault;
mod files;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::print_stdout)]
mod fuzz;
mod job;
#[cfg(feature = "listen")]
mod listen;
mod memory;
mod meter;
mod pipeline;
mod publish;
mod queue;
mod serve;
mod snapshots;
mod split;
mod sqlite;
mod trace;

fn main() -> std::process::ExitCode {
    // Before the first connection: the TLS library has no provider of cryptography of its own. Only a second call fails.
    #[cfg(any(feature = "amqp", feature = "cloud", feature = "otel"))]
    let _ = rustls::crypto::ring::default_provider().install_default();
    cli::main()
}

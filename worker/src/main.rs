//! The poolproof binary: command line, queues, publishing. Holds no rule about clusters.

mod cli;
mod files;
mod job;
mod pipeline;
mod publish;
mod queue;
mod serve;
mod snapshots;

fn main() -> std::process::ExitCode {
    cli::main()
}

//! The options of every estimate.

use std::time::Duration;

use scenarios::change::ChangeSettings;
use simulator::settings::Cause;

use crate::pipeline::{Estimate, MAX_TRIALS, QUICK_TRIALS};

/// How to estimate.
#[derive(clap::Args)]
#[command(next_help_heading = "Estimate")]
pub struct EstimateArgs {
    /// Root of all random streams; the same seed gives the same report [default: 1]
    #[arg(long, env = "POOLPROOF_SEED", value_name = "N")]
    seed: Option<u64>,
    /// Paired trials of each change, exactly so many [default: until the answer is clear, 1024 to 16000, fewer above 180 pods]
    #[arg(long, env = "POOLPROOF_TRIALS", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_TRIALS)))]
    trials: Option<u32>,
    /// Threads of the simulation, which do not change its results; 0 for one per core
    #[arg(long, env = "POOLPROOF_THREADS", value_name = "N", default_value_t = 0, value_parser = threads)]
    threads: usize,
    /// A quick look: 200 trials
    #[arg(long, env = "POOLPROOF_QUICK", conflicts_with = "trials", value_parser = clap::builder::BoolishValueParser::new())]
    quick: bool,
    /// Causes and mechanisms to switch off or to fix at their median, separated by commas: node-failure, burst,
    /// slow-start, preemption, ...; an unknown one is answered with all
    #[arg(long, env = "POOLPROOF_OFF", value_name = "CAUSE", value_delimiter = ',', value_parser = cause)]
    off: Vec<String>,
}

impl EstimateArgs {
    /// The options as the pipeline takes them.
    pub fn resolve(&self, limit: Option<Duration>) -> Estimate {
        let trials = self.trials.or(self.quick.then_some(QUICK_TRIALS));
        Estimate {
            overrides: ChangeSettings { seed: self.seed, trials, off: self.off.clone(), ..ChangeSettings::default() },
            threads: self.threads,
            limit,
        }
    }
}

fn threads(text: &str) -> Result<usize, String> {
    // More than this is a slip of the finger; each has a stack and a copy of the cluster.
    const MOST: usize = 1024;
    text.parse().ok().filter(|n| *n <= MOST).ok_or(format!("expected 0 to {MOST}"))
}

fn cause(text: &str) -> Result<String, String> {
    let names = Cause::ALL.map(|(_, name)| name);
    if names.contains(&text) { Ok(text.to_owned()) } else { Err(format!("expected one of {}", names.join(", "))) }
}

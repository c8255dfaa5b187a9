//! The options of every estimate.

use std::time::Duration;

use reports::learning::Learned;
use scenarios::change::{ChangeSettings, LevelName, ParameterUse, ThresholdFields};
use simulator::settings::Cause;

use crate::pipeline::{Estimate, MAX_TRIALS, QUICK_TRIALS, learned_numbers};

/// From where on a change is worth a review, and from where on it is stopped.
#[derive(clap::Args)]
struct ThresholdArgs {
    /// Level from which the decision is review [default: moderate]
    #[arg(long, env = "POOLPROOF_REVIEW_AT", value_name = "LEVEL", value_parser = LEVELS)]
    review_at: Option<String>,
    /// Level from which it is stop [default: critical]
    #[arg(long, env = "POOLPROOF_STOP_AT", value_name = "LEVEL", value_parser = LEVELS)]
    stop_at: Option<String>,
    /// Probability of an outage from which it is review, by the upper limit
    #[arg(long, env = "POOLPROOF_REVIEW_OUTAGE", value_name = "P")]
    review_outage: Option<f64>,
    /// Probability of an outage from which it is stop, by the estimate
    #[arg(long, env = "POOLPROOF_STOP_OUTAGE", value_name = "P")]
    stop_outage: Option<f64>,
    /// Share of the error budget from which it is review, by the upper limit
    #[arg(long, env = "POOLPROOF_REVIEW_BURN", value_name = "SHARE")]
    review_burn: Option<f64>,
    /// Share of the error budget from which it is stop, by the estimate
    #[arg(long, env = "POOLPROOF_STOP_BURN", value_name = "SHARE")]
    stop_burn: Option<f64>,
}

const LEVELS: [&str; 5] = ["minimal", "low", "moderate", "high", "critical"];

impl ThresholdArgs {
    fn fields(&self) -> ThresholdFields {
        let level = |name: &Option<String>| match name.as_deref()? {
            "minimal" => Some(LevelName::Minimal),
            "low" => Some(LevelName::Low),
            "moderate" => Some(LevelName::Moderate),
            "high" => Some(LevelName::High),
            _ => Some(LevelName::Critical),
        };
        ThresholdFields {
            review_at: level(&self.review_at),
            stop_at: level(&self.stop_at),
            review_outage: self.review_outage,
            stop_outage: self.stop_outage,
            review_burn: self.review_burn,
            stop_burn: self.stop_burn,
            ..ThresholdFields::default()
        }
    }
}

/// How to estimate.
#[derive(clap::Args)]
#[command(next_help_heading = "Estimate")]
pub struct EstimateArgs {
    /// Root of all random streams; the same seed gives the same report [default: 1]
    #[arg(long, env = "POOLPROOF_SEED", value_name = "N")]
    seed: Option<u64>,
    /// Paired trials of each change, exactly so many [default: until the answer is clear, 1024 to 16000, fewer above 60 pods]
    #[arg(long, env = "POOLPROOF_TRIALS", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_TRIALS)))]
    trials: Option<u32>,
    /// Threads of the simulation, which do not change its results; 0 for one per core
    #[arg(long, env = "POOLPROOF_THREADS", value_name = "N", default_value_t = 0, value_parser = threads)]
    threads: usize,
    /// A quick look: 200 trials
    #[arg(long, env = "POOLPROOF_QUICK", conflicts_with = "trials", value_parser = clap::builder::BoolishValueParser::new())]
    quick: bool,
    /// A thorough answer: four times the trials, and a closer look at what moves the answer; minutes
    #[arg(long, env = "POOLPROOF_THOROUGH", conflicts_with_all = ["trials", "quick"], value_parser = clap::builder::BoolishValueParser::new())]
    thorough: bool,
    /// How numbers that are not known well are used: each trial draws its own (sampled), or all have the defaults (mean)
    /// [default: sampled]
    #[arg(long, env = "POOLPROOF_PARAMETERS", value_name = "HOW", value_parser = ["sampled", "mean"])]
    parameters: Option<String>,
    /// Service level objective the error budget is measured against, such as 0.999 [default: 0.999]
    #[arg(long, env = "POOLPROOF_SLO", value_name = "SHARE")]
    slo: Option<f64>,
    /// Days over which that objective is held [default: 30]
    #[arg(long, env = "POOLPROOF_SLO_DAYS", value_name = "DAYS")]
    slo_days: Option<f64>,
    /// What `backtest --learn` wrote: numbers that recorded operations have taught, in place of what is believed
    #[arg(long, env = "POOLPROOF_LEARNED", value_name = "FILE", value_parser = learned)]
    learned: Option<std::sync::Arc<Learned>>,
    #[command(flatten)]
    thresholds: ThresholdArgs,
    /// Causes and mechanisms to switch off or to fix at their median, separated by commas: node-failure, burst,
    /// slow-start, preemption, ...; an unknown one is answered with all
    #[arg(long, env = "POOLPROOF_OFF", value_name = "CAUSE", value_delimiter = ',', value_parser = cause)]
    off: Vec<String>,
}

impl EstimateArgs {
    /// The options as the pipeline takes them.
    pub fn resolve(&self, limit: Option<Duration>) -> Estimate {
        let trials = self.trials.or(self.quick.then_some(QUICK_TRIALS));
        let parameters = self.parameters.as_deref().map(|how| match how {
            "mean" => ParameterUse::Mean,
            _ => ParameterUse::Sampled,
        });
        let overrides = ChangeSettings {
            seed: self.seed,
            trials,
            off: self.off.clone(),
            parameters,
            thorough: self.thorough.then_some(true),
            slo: self.slo,
            slo_period_days: self.slo_days,
            thresholds: self.thresholds.fields(),
            learned: self.learned.as_deref().map(learned_numbers).unwrap_or_default(),
            ..ChangeSettings::default()
        };
        Estimate { overrides, threads: self.threads, limit, no_band: false, foretell: false }
    }
}

/// Reads the file where the command line is read, so that whatever is wrong with it is said at once.
fn learned(path: &str) -> Result<std::sync::Arc<Learned>, String> {
    super::backtest::learned(std::path::Path::new(path)).map(std::sync::Arc::new).map_err(|found| found.to_string())
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

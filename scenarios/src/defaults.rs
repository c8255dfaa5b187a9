//! Every value a snapshot cannot tell and that is therefore assumed, with its source and grade: `A` measured or documented on
//! AKS or Azure, `B` from elsewhere, `C` judgement. Each function notes what it gives in the coverage, so that a report lists
//! the values that were used and no others.

pub mod autoscaler;
pub mod beliefs;
pub mod demand;
pub mod dns;
pub mod evidence;
pub mod functions;
pub mod given;
pub mod learned;
pub mod pods;
pub mod pools;
pub mod rates;

use simulator::Duration;
use simulator::random::Dist;

/// A log-normal time by its median in seconds and the standard deviation of its logarithm.
fn log_normal(median_seconds: f64, sigma: f64) -> Dist {
    Dist::LogNormal { median: Duration::from_secs_f64(median_seconds), sigma }
}

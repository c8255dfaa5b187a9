//! A discrete-event simulator of a Kubernetes cluster under change, failure and load.
//!
//! Pure: no I/O, no clock, no environment, no hash-map order. The same scenario, seed and trial give the same outcome on
//! any machine with any number of threads.

pub mod change;
mod cluster;
pub mod contingency;
mod event;
pub mod example;
pub mod finding;
pub mod outcome;
pub mod parameters;
mod process;
mod queue;
pub mod random;
mod run;
pub mod scenario;
pub mod scheduler;
pub mod settings;
mod sim;
pub mod spec;
pub mod strata;
mod time;

pub use cluster::ids::{
    BudgetId, Column, DrainId, Id, NodeId, NodeShapeId, PodId, PodShapeId, PoolId, SupplyId, WorkloadId, ZoneId,
};
pub use outcome::{Outcome, Pair, Trace};
pub use process::bias::PLAIN;
pub use process::replicas;
pub use run::{Runs, Start, again, one_by_one, paired, paired_at, quiet, replicate, simulate, trace, trace_nothing};
pub use scenario::Scenario;
pub use strata::Strata;
pub use time::{Duration, Time};

#[cfg(test)]
mod tests;

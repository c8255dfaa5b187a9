//! A discrete-event simulator of a Kubernetes cluster under change, failure and load.
//!
//! Pure: no I/O, no clock, no environment, no hash-map order. The same scenario, seed and trial give the same outcome on
//! any machine with any number of threads.
//!
//! # Load
//!
//! What is known of a service and its clients stands in [`spec::Service`], whose [`spec::Service::plain`] loses at once what is
//! too much and nothing else: retries ([`spec::Clients`]), demand after an outage ([`spec::Stampede`]), memory and its limit
//! ([`spec::ServiceMemory`]), stale connection tracking ([`spec::StaleEntries`]). Caches on nodes belong to their pool
//! ([`spec::PoolSpec::local_cache`]); day, week and noise ([`settings::Demand`]) and the back-off of killed containers
//! ([`settings::Restarts`]) to the settings. [`scenario::Happening`] scripts what a recorded incident did to them.

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
pub mod requests;
mod run;
pub mod scenario;
pub mod scheduler;
pub mod settings;
mod sim;
pub mod spec;
pub mod strata;
mod time;

pub use cluster::ids::{
    BudgetId, Column, DrainId, Id, NodeId, NodeShapeId, PodId, PodShapeId, PoolId, SupplyId, WebhookId, WorkloadId,
    ZoneId,
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

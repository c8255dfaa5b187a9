//! From what Azure, Terraform, kubectl and people write to what the simulator runs.
//!
//! Two steps: [`decode`] reads a message into [`change::Change`]s; [`load()`] resolves one change against a
//! [`snapshot::Snapshot`] into a valid [`simulator::Scenario`], with findings and a list of what was assumed.

pub mod azure;
pub mod cases;
pub mod change;
pub mod cluster_source;
pub mod complaint;
pub mod complete;
pub mod coverage;
pub mod defaults;
pub mod incident;
mod inline;
mod instant;
pub mod intern;
mod leaving;
pub mod load;
mod matching;
pub mod message;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod model;
pub mod outcome;
mod part;
pub mod place;
pub mod plan;
pub mod quantity;
pub mod recording;
pub mod rule;
pub mod schema;
mod settings;
pub mod snapshot;
pub mod system_workloads;
pub mod what_if;

pub use change::Change;
pub use complaint::{Complaint, Complaints, steers};
pub use load::{Loaded, load, load_all};
pub use message::{Decoded, decode, opened};
pub use part::document;

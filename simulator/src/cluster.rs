//! The whole mutable state of a simulated cluster.

pub mod ids;

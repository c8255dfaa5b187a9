//! Randomness by name. Placeholder text replaced below.

mod distribution;

pub use distribution::Dist;

//! How far an answer moves with what is not known well: the spread of the risk over parameters, apart from the noise of
//! sampling, and which parameter moves it most.
//!
//! A *point* holds for each parameter the share of beliefs that lies below its value. All points see the same trials, so that
//! differences between points are the parameters' doing. Where the parameters' effects are smaller than what so few trials
//! can tell from luck, the band collapses on the mean, and the report says so.

mod band;
mod design;
mod morris;
mod rank;
mod sobol;
mod study;

pub use band::{Inner, Spread, between_variance, nested_mean_variance, spread};
pub use design::hypercube;
pub use morris::{Trajectories, elementary_effects, trajectories};
pub use rank::{Influence, influences};
pub use sobol::{Indices, Saltelli, indices, saltelli};
pub use study::{Moved, POINTS, Study};

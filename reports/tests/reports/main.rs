//! Tests of whole reports, on real outcomes of the simulator.
#![allow(clippy::unwrap_used, missing_docs, clippy::print_stdout)]

mod causes;
mod courses;
mod documents;
mod example;
mod flights;
mod forecasts;
mod grids;
mod hazards;
mod looks;
mod pages;
mod reference;
mod stories;
mod validation;
mod weighted;

//! Nearly right inputs for everything in this crate that reads what others wrote: none may panic, hang or take more memory
//! than it warrants. A target is a test; `harness.rs` says how many inputs each sees and how a case is run again, `mutator.rs`
//! how they are made. Seeds are the fixtures of the repository, and those beside it where they are.

#![allow(missing_docs)]
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod documents;
mod harness;
mod messages;
mod mutator;
mod seeds;

use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

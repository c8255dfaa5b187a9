//! The options of what is remembered.

use super::Failure;
use crate::memory::{KEEP, Memory, MemoryUrl};

/// Where predictions and outcomes are kept.
#[derive(clap::Args)]
pub struct MemoryArgs {
    /// Remember what is foretold of changes and what comes of them, for `backtest`: sqlite:PATH, a file that several may share;
    /// nothing is remembered unless given
    #[arg(long, env = "POOLPROOF_MEMORY", value_name = "URL")]
    memory: Option<MemoryUrl>,
    /// Most changes that are remembered, the last heard of
    #[arg(long, env = "POOLPROOF_MEMORY_KEEP", value_name = "N", default_value_t = KEEP, value_parser = clap::value_parser!(u32).range(1..))]
    memory_keep: u32,
}

impl MemoryArgs {
    /// Opens the memory, where there is to be one.
    pub fn open(&self) -> Result<Option<Memory>, Failure> {
        Ok(self.memory.as_ref().map(|MemoryUrl(path)| Memory::open(path, self.memory_keep)).transpose()?)
    }
}

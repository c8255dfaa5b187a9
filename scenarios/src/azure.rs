//! What Azure itself fixes: VM sizes with their capacity and price, and what of a node's capacity AKS leaves to pods.

pub mod allocatable;
pub mod sku;

pub use allocatable::{Reserve, allocatable};
pub use sku::{Sku, sku};

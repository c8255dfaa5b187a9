//! What Azure itself fixes: VM sizes with their capacity and price, what of a node's capacity AKS leaves to pods, and which
//! properties of a pool can change how.

pub mod allocatable;
pub(crate) mod mutability;
pub mod sku;
pub(crate) mod supply;

pub use allocatable::{Reserve, allocatable};
pub use sku::{Sku, sku};

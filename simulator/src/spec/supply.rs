//! What nodes use up beside their pool's own limit, and what several pools draw on together: quota of a VM family or of a
//! region, addresses of a subnet, ranges for the pods of a node.

use crate::SupplyId;

/// Something of which there is only so much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Supply {
    /// What it is, for reports.
    pub name: String,
    /// What is left at time zero, in its own unit.
    pub free: u32,
    /// The error code with which the platform refuses nodes that it does not suffice for.
    pub code: &'static str,
}

/// What one node takes of a supply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Of which.
    pub of: SupplyId,
    /// How much; nothing takes nothing.
    pub each: u32,
}

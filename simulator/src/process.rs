//! Everything that acts on the cluster, one file each: what the scheduler's queue, controllers, planned operations, node
//! failures and load do when their events come.

pub(crate) mod autoscaler;
pub(crate) mod bias;
pub(crate) mod blue_green;
pub(crate) mod controllers;
pub(crate) mod demand;
pub(crate) mod drain;
pub(crate) mod foretold;
pub(crate) mod functions;
pub(crate) mod lifecycle;
pub(crate) mod looks;
pub(crate) mod many;
pub(crate) mod new_node;
pub(crate) mod node_eviction;
pub(crate) mod node_failure;
pub(crate) mod node_life;
pub(crate) mod observe;
pub(crate) mod operation;
pub(crate) mod pressure;
pub(crate) mod provisioner;
pub(crate) mod repair;
pub mod replicas;
pub(crate) mod room;
pub(crate) mod scaling;
pub(crate) mod scheduling;
pub(crate) mod service;
pub(crate) mod shocks;
mod sizing;
pub(crate) mod spot;
pub(crate) mod trouble;
pub(crate) mod upgrade;
pub(crate) mod webhook;
pub(crate) mod windows;

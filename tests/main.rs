//! Integration tests of the whole product, one target with a module per theme.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

#[cfg(feature = "amqp")]
mod amqp;
#[cfg(feature = "cloud")]
mod azure;
mod bad_input;
mod cases;
mod cli;
mod config;
mod decode;
mod demo;
mod deploy;
mod dns;
mod endurance;
mod explain;
#[cfg_attr(not(all(feature = "faults", feature = "amqp", feature = "cloud")), allow(dead_code))]
mod faults;
mod functions;
mod hostile;
mod incidents;
mod licences;
mod limits;
#[cfg(feature = "listen")]
mod listen;
mod memory;
mod one_report;
mod oracle;
#[cfg_attr(not(all(feature = "faults", feature = "amqp", feature = "cloud")), allow(dead_code))]
mod proxy;
mod rare;
#[cfg(feature = "cloud")]
mod s3;
mod science;
mod shards;
#[cfg(feature = "listen")]
mod shutdown;
#[cfg_attr(not(all(feature = "faults", feature = "amqp", feature = "cloud")), allow(dead_code))]
mod site;
mod stopping;
mod storm;
mod studies;
mod support;
mod tidy;
mod traces;
mod worker;

//! Integration tests of the whole product, one target with a module per theme.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

#[cfg(feature = "amqp")]
mod amqp;
mod bad_input;
mod cases;
mod cli;
mod decode;
mod demo;
mod explain;
mod one_report;
mod oracle;
mod science;
mod stopping;
mod support;
mod tidy;
mod worker;

//! Integration tests of the whole product, one target with a module per theme.

mod bad_input;
mod cli;
mod decode;
mod oracle;
mod science;
mod support;
mod tidy;
mod worker;

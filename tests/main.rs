//! Integration tests of the whole product, one target with a module per theme.

mod oracle;
mod science;

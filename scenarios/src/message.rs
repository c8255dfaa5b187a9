//! Reads a message of any known kind into changes.

use crate::change::Change;
use crate::complaint::Complaints;

/// What a message came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decoded {
    /// Format that was recognised, such as `activity-log` or `terraform-plan`.
    pub format: String,
    /// Its changes, in order.
    pub changes: Vec<Change>,
    /// Why there are none or fewer than records: `no pool operation: ...`, one sentence each.
    pub notes: Vec<String>,
}

/// Reads a message. Formats are recognised by content; wrappers are peeled first.
///
/// # Errors
/// Complaints when the bytes are not a message of any known kind, or one of its parts is broken.
pub fn decode(bytes: &[u8]) -> Result<Decoded, Complaints> {
    let _ = bytes;
    unimplemented!()
}

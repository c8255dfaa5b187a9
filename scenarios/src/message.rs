//! Reads a message of any known kind into changes.
//!
//! Messages are recognised by content, never by file name. Wrappers are opened first; what is inside is read by one module
//! per format, listed in `message/walk.rs`. One message may give many changes, or none with the reason why.

mod activity_log;
mod arm;
mod command_line;
mod draft;
mod envelope;
mod event;
mod event_grid;
mod example;
mod exchange;
mod fields;
mod json;
mod outcome;
pub(crate) mod pool_fields;
mod proposal;
mod resource;
mod state;
mod terraform;
#[cfg(test)]
mod tests;
mod text;
mod walk;
mod what_if;

use self::walk::Walk;
use crate::change::Change;
use crate::complaint::{Complaint, Complaints};
use crate::outcome::StatedOutcome;

pub use self::command_line::PLAN_HEADER;
pub use self::json::{MAX_DEPTH, MAX_VALUES};
pub use self::text::opened;
pub use self::walk::MAX_CHANGES;

/// Largest message read, in bytes. Event Hubs and Event Grid stop at 1 MB; Terraform plans are the largest inputs.
pub const MAX_BYTES: usize = 16 * 1024 * 1024;

/// What a message came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decoded {
    /// Format that was recognised, such as `activity-log` or `terraform-plan`.
    pub format: String,
    /// Its changes, in order.
    pub changes: Vec<Change>,
    /// What it states about the outcomes of changes.
    pub outcomes: Vec<StatedOutcome>,
    /// Why there are none or fewer than records: `no pool operation: ...`, one sentence each.
    pub notes: Vec<String>,
}

/// Reads a message. Formats are recognised by content; wrappers are opened first.
///
/// # Errors
/// Complaints when the bytes are not a message of any known kind, or one of its parts is broken.
pub fn decode(bytes: &[u8]) -> Result<Decoded, Complaints> {
    if bytes.len() > MAX_BYTES {
        let expected = format!("at most {MAX_BYTES} bytes");
        return Err(Complaint::at("", format!("a message of {} bytes", bytes.len()), expected).into());
    }
    let text = unicode(bytes)?;
    let mut walk = Walk::default();
    let trimmed = text.trim();
    // A message may be one JSON text that holds the real one, as some queues' clients write it.
    if trimmed.starts_with('"') {
        walk.json(trimmed, "")
    } else {
        walk.text(trimmed, "")
    }
    walk.finish()
}

/// UTF-8, with or without byte order mark, or UTF-16 with one (what redirecting into a file gives on Windows).
fn unicode(bytes: &[u8]) -> Result<String, Complaint> {
    let wide = |pair: fn([u8; 2]) -> u16| -> Vec<u16> {
        bytes[2..].chunks_exact(2).map(|chunk| pair([chunk[0], chunk[1]])).collect()
    };
    let text = match bytes {
        [0xff, 0xfe, ..] if bytes.len().is_multiple_of(2) => String::from_utf16(&wide(u16::from_le_bytes)).ok(),
        [0xfe, 0xff, ..] if bytes.len().is_multiple_of(2) => String::from_utf16(&wide(u16::from_be_bytes)).ok(),
        [0xef, 0xbb, 0xbf, rest @ ..] => str::from_utf8(rest).ok().map(str::to_owned),
        _ => str::from_utf8(bytes).ok().map(str::to_owned),
    };
    text.ok_or_else(|| {
        let valid = str::from_utf8(bytes).err().map_or(0, |error| error.valid_up_to());
        Complaint::at("", format!("bytes that are no text (at byte {valid})"), "UTF-8 text")
    })
}

//! Messages that arrive as text: JSON, `az` command lines, or base64 of either, as Storage queues carry them.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::command_line;
use super::walk::Walk;
use crate::complaint::Complaint;

/// Shortest text that is taken for base64; shorter ones are more likely words.
const SHORTEST_BASE64: usize = 16;

/// Reads a text.
pub fn read(text: &str, path: &str, walk: &mut Walk) {
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.starts_with(['{', '[']) {
        walk.json(text, path);
    } else if command_line::looks_like(text) {
        walk.format(command_line::FORMAT);
        command_line::read_text(text, path, walk);
    } else if let Some(inner) = from_base64(text) {
        walk.text(&inner, path);
    } else {
        let found = if text.is_empty() { "nothing".to_owned() } else { format!("the text {text}") };
        walk.complain(Complaint::at(path, found, "JSON, az command lines, or base64 of either"));
    }
}

/// The text in a message that is base64 of it, as clients of Storage queues send; nothing where it is something else.
pub fn opened(message: &[u8]) -> Option<String> {
    let text = str::from_utf8(message).ok()?.trim_start_matches('\u{feff}').trim();
    if text.starts_with(['{', '[']) { None } else { from_base64(text) }
}

/// True where [`read`] would find more than a plain text.
pub fn looks_like_message(text: &str) -> bool {
    let text = text.trim();
    text.starts_with(['{', '[']) || command_line::looks_like(text) || from_base64(text).is_some()
}

/// Base64 in the standard or the URL alphabet, padded or not, possibly broken into lines, of UTF-8 text.
fn from_base64(text: &str) -> Option<String> {
    let packed: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    if packed.len() < SHORTEST_BASE64 {
        return None;
    }
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let decode = |alphabet| GeneralPurpose::new(alphabet, config).decode(&packed).ok();
    let bytes = decode(&alphabet::STANDARD).or_else(|| decode(&alphabet::URL_SAFE))?;
    String::from_utf8(bytes).ok()
}

//! Writing to standard output and standard error. Nobody reading any more (`| head`) is not a failure.

use std::io::{self, Write};

use scenarios::steers;

/// Writes text to standard output.
///
/// # Errors
/// It cannot be written: a full disk, a closed pipe.
pub fn data(text: &str) -> io::Result<()> {
    bytes(text.as_bytes())
}

/// Writes bytes to standard output.
///
/// # Errors
/// As [`data`].
pub fn bytes(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

/// Writes a line to standard error, or several.
pub fn note(text: &str) {
    // There is no place left to complain to.
    let _ = writeln!(io::stderr(), "{}", inert(text));
}

/// Writes JSON to standard output: the same JSON, without a character that steers a terminal.
///
/// # Errors
/// As [`data`].
pub fn json(text: &str) -> io::Result<()> {
    data(&json_escaped(text))
}

/// JSON with what steers a terminal escaped: it can stand within strings only.
pub fn json_escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        // All of them lie in the first plane, so that one unit says it.
        if steers(c) && c != '\n' { out.push_str(&format!("\\u{:04x}", u32::from(c))) } else { out.push(c) }
    }
    out
}

/// Lines for a terminal, with what steers it written out.
pub fn inert(text: &str) -> String {
    text.chars()
        .flat_map(|c| if steers(c) && c != '\n' { c.escape_default().collect::<Vec<_>>() } else { vec![c] })
        .collect()
}

/// A complaint about an argument, without the login and the query of an address in it.
pub fn without_logins(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        out.push_str(before);
        let end = after.find(|c: char| c.is_whitespace() || c == '\'' || c == '"').unwrap_or(after.len());
        let (address, tail) = after.split_at(end);
        let (login, place) = address.rsplit_once('@').map_or(("", address), |(_, place)| ("***@", place));
        out.push_str(login);
        out.push_str(place.split('?').next().unwrap_or_default());
        rest = tail;
    }
    out + rest
}

/// True where the reader of standard output has gone away.
pub fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
}

/// Text that may hold anything, on one line of a terminal: control characters are written out.
pub fn on_one_line(text: &str) -> String {
    text.chars().flat_map(|c| if steers(c) { c.escape_default().collect::<Vec<_>>() } else { vec![c] }).collect()
}

/// Lines with their columns brought to equal widths.
pub fn columns(rows: &[Vec<String>]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |i: usize| rows.iter().filter_map(|row| row.get(i)).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..count).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:width$}")).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_not_steered_by_messages() {
        assert_eq!(on_one_line("a\u{1b}[2Jb\nc ä"), "a\\u{1b}[2Jb\\nc ä");
    }

    #[test]
    fn addresses_are_shown_without_logins() {
        for (text, shown) in [
            ("'azqueue://acc:pw@q/x' for", "'azqueue://***@q/x' for"),
            ("http://a/b and amqp://u:p@ss@h/v?x=1, end", "http://a/b and amqp://***@h/v end"),
            ("no address", "no address"),
            ("://", "://"),
        ] {
            assert_eq!(without_logins(text), shown);
        }
    }

    #[test]
    fn json_stays_the_same_json() {
        let value = serde_json::json!({"a\u{9b}\u{202e}": "\u{7f}\n\u{feff}ä"});
        let text = json_escaped(&serde_json::to_string_pretty(&value).unwrap_or_default());
        assert!(text.is_ascii() || !text.chars().any(|c| steers(c) && c != '\n'), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).ok(), Some(value));
    }

    #[test]
    fn columns_line_up() {
        let rows = [vec!["a".into(), "bb".into()], vec!["ccc".into(), "".into()]];
        assert_eq!(columns(&rows), "a    bb\nccc\n");
    }
}

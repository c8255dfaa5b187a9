//! Writing to standard output and standard error. Nobody reading any more (`| head`) is not a failure.

use std::io::{self, Write};

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

/// Writes a line to standard error.
pub fn note(text: &str) {
    // There is no place left to complain to.
    let _ = writeln!(io::stderr(), "{text}");
}

/// True where the reader of standard output has gone away.
pub fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
}

/// Text that may hold anything, on one line of a terminal: control characters are written out.
pub fn on_one_line(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect::<Vec<_>>() } else { vec![c] }).collect()
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
    fn columns_line_up() {
        let rows = [vec!["a".into(), "bb".into()], vec!["ccc".into(), "".into()]];
        assert_eq!(columns(&rows), "a    bb\nccc\n");
    }
}

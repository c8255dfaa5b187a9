//! What is wrong with an input: where, what was found, what was expected. All at once.

use std::fmt::{self, Write};

/// One thing wrong with an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// File or message part, where there are several.
    pub file: Option<String>,
    /// JSON path, such as `agentPools[0].count`; empty for the whole input.
    pub path: String,
    /// The offending value, shortened.
    pub value: String,
    /// What was expected instead.
    pub expected: String,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{}: ", Inert(file))?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", Inert(&self.path))?;
        }
        write!(f, "found {}, expected {}", Inert(&self.value), Inert(&self.expected))
    }
}

/// Text that may come from a message, on one line: what steers a terminal or turns the direction of writing is written out.
struct Inert<'a>(&'a str);

impl fmt::Display for Inert<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| if steers(c) { write!(f, "{}", c.escape_default()) } else { f.write_char(c) })
    }
}

/// True for characters that steer a terminal, turn the direction of writing, break lines or hide.
pub fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061C}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
}

/// Everything wrong with an input; never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct Complaints(pub Vec<Complaint>);

/// Longest piece of an offending value that is quoted back, in characters.
const QUOTED: usize = 80;

impl Complaint {
    /// A complaint about the value at `path`.
    pub fn at(path: impl Into<String>, value: impl fmt::Display, expected: impl Into<String>) -> Complaint {
        let value = value.to_string();
        let value = if value.chars().count() > QUOTED {
            format!("{}…", value.chars().take(QUOTED).collect::<String>())
        } else {
            value
        };
        Complaint { file: None, path: path.into(), value: escaped(&value), expected: expected.into() }
    }

    /// The same complaint, about a named file.
    pub fn in_file(mut self, file: impl Into<String>) -> Complaint {
        self.file = Some(file.into());
        self
    }
}

/// The text with what a terminal could act on made visible; quotes stay as they are.
fn escaped(text: &str) -> String {
    let one = |c: char| if matches!(c, '"' | '\'') { c.to_string() } else { c.escape_debug().to_string() };
    text.chars().map(one).collect()
}

impl Complaints {
    /// Most complaints that are told of one input: what earns more is broken as a whole.
    pub const MOST: usize = 100;

    /// The first [`Self::MOST`] of them, and that there are more.
    pub fn first_of(mut found: Vec<Complaint>) -> Complaints {
        let more = found.len().saturating_sub(Self::MOST);
        if more > 0 {
            found.truncate(Self::MOST);
            let value = format!("{more} or more further complaints");
            found.push(Complaint::at("", value, "the ones above to be mended first"));
        }
        Complaints(found)
    }
}

impl From<Complaint> for Complaints {
    fn from(complaint: Complaint) -> Self {
        Complaints(vec![complaint])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shortened_and_harmless() {
        let complaint = Complaint::at("a.b", "\u{1b}[31m\"x\"\n", "a name").in_file("f.json");
        assert_eq!(complaint.to_string(), r#"f.json: a.b: found \u{1b}[31m"x"\n, expected a name"#);
        assert_eq!(Complaint::at("", "y".repeat(500), "less").value.chars().count(), QUOTED + 1);
    }

    #[test]
    fn many_have_an_end_that_says_so() {
        let found = |n| Complaints::first_of((0..n).map(|i| Complaint::at(format!("[{i}]"), i, "less")).collect());
        assert_eq!(found(Complaints::MOST).0.len(), Complaints::MOST);
        let many = found(Complaints::MOST + 7);
        assert_eq!(many.0.len(), Complaints::MOST + 1);
        assert!(
            many.to_string()
                .ends_with("found 7 or more further complaints, expected the ones above to be mended first")
        );
    }
}

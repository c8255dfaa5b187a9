//! Text from messages, made harmless for Markdown and for terminals. HTML and SVG are escaped where they are written.

/// Longest text from a message that a page quotes, in characters.
const LONGEST: usize = 2000;

/// Text without control characters and without characters that turn the direction of writing or hide.
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (i, c) in text.chars().enumerate() {
        if i == LONGEST {
            out.push('…');
            break;
        }
        match c {
            '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => out.push(' '),
            c if c.is_control() || unseen(c) => {}
            c => out.push(c),
        }
    }
    out
}

/// Marks of direction, zero-width characters, byte order marks, tags.
fn unseen(c: char) -> bool {
    matches!(c, '\u{00AD}' | '\u{061C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}

/// Plain text escaped for XML: element content and quoted attributes.
pub fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in plain(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// Plain text that Markdown shows as it is: no markup, no links, no mentions.
pub fn markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let plain = plain(text);
    let mut rest = plain.chars().peekable();
    let mut word = String::new();
    while let Some(c) = rest.next() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '@' => out.push_str("&#64;"),
            ':' if rest.peek() == Some(&'/') => out.push_str("&#58;"),
            '.' if word.eq_ignore_ascii_case("www") => out.push_str("&#46;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '#' | '|' | '~' | '!' | '$' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
        if c.is_alphanumeric() { word.push(c) } else { word.clear() }
    }
    // At the start of a line these would begin a list, a rule or a heading's underline.
    if out.starts_with(['-', '+', '=']) {
        out.insert(0, '\\');
    } else if let Some(end) =
        out.find(['.', ')']).filter(|end| *end > 0 && out[..*end].bytes().all(|b| b.is_ascii_digit()))
    {
        out.insert(end, '\\');
    }
    out
}

/// At most `length` characters, the last an ellipsis where something was cut.
pub fn cut(text: &str, length: usize) -> String {
    if text.chars().count() <= length {
        return text.to_string();
    }
    let mut out: String = text.chars().take(length.saturating_sub(1)).collect();
    out.push('…');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_becomes_text() {
        assert_eq!(xml("<b a='1'>&\"\u{7}x\u{202e}"), "&lt;b a=&#39;1&#39;&gt;&amp;&quot;x");
        let hostile = "a|b `c` [x](http://evil) @team <img> www.evil.example\n# h";
        assert_eq!(
            markdown(hostile),
            "a\\|b \\`c\\` \\[x\\](http&#58;//evil) &#64;team &lt;img&gt; www&#46;evil.example \\# h"
        );
        assert_eq!(markdown("1. x"), "1\\. x");
        assert_eq!(markdown("- x"), "\\- x");
    }

    #[test]
    fn cutting_counts_characters() {
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("äöüß", 3), "äö…");
        assert_eq!(plain(&"x".repeat(5000)).chars().count(), LONGEST + 1);
    }
}

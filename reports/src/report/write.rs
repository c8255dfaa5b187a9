//! The bytes of `report.json`: fields in the order of the types, two spaces of indent, numbers with nine significant
//! digits. Nine digits hide the last bits in which the elementary functions of two platforms may differ, and say more
//! than any number of trials can support.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};

/// Significant digits of every number that is not an integer type.
const DIGITS: usize = 9;

/// A document as indented JSON with a closing line end.
pub fn to_bytes(document: &impl Serialize) -> Vec<u8> {
    let mut bytes = written(document, PrettyFormatter::new());
    bytes.push(b'\n');
    bytes
}

/// A document as JSON on one line, without line end.
pub fn to_bytes_compact(document: &impl Serialize) -> Vec<u8> {
    written(document, CompactFormatter)
}

fn written<F: Formatter>(document: &impl Serialize, inner: F) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut bytes, Rounding(inner));
    // Writing to memory cannot fail, and the published types have string keys only; should one ever not, the document
    // is empty rather than half written.
    if document.serialize(&mut serializer).is_err() {
        bytes.clear();
    }
    bytes
}

/// The value rounded to [`DIGITS`] significant digits.
fn rounded(value: f64) -> f64 {
    let short = format!("{:.*e}", DIGITS - 1, value).parse().unwrap_or(value);
    if short == 0.0 { 0.0 } else { short }
}

/// A formatter that rounds numbers and leaves the rest to another.
struct Rounding<F>(F);

macro_rules! pass_on {
    ($($name:ident($($arg:ident: $ty:ty),*))*) => {$(
        fn $name<W: ?Sized + Write>(&mut self, writer: &mut W $(, $arg: $ty)*) -> io::Result<()> {
            self.0.$name(writer $(, $arg)*)
        }
    )*};
}

impl<F: Formatter> Formatter for Rounding<F> {
    fn write_f64<W: ?Sized + Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        self.0.write_f64(writer, rounded(value))
    }

    pass_on! {
        begin_array() end_array() begin_array_value(first: bool) end_array_value()
        begin_object() end_object() begin_object_key(first: bool) end_object_key()
        begin_object_value() end_object_value()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_nine_digits_at_most() {
        let text = |v: f64| String::from_utf8(to_bytes_compact(&v)).unwrap_or_default();
        assert_eq!(text(1.0 / 3.0), "0.333333333");
        assert_eq!(text(-0.0), "0.0");
        assert_eq!(text(123_456_789_012.0), "123456789000.0");
        assert_eq!(text(0.1 + 0.2), "0.3");
        assert_eq!(text(f64::NAN), "null");
        assert_eq!(text(1.23456789e-7), "1.23456789e-7");
    }

    #[test]
    fn writing_twice_changes_nothing() {
        for value in [1.0 / 3.0, 2e-300, 9.999999999e22, 5e-324] {
            let once = rounded(value);
            assert_eq!(rounded(once), once);
        }
    }
}

//! Kubernetes quantities, exactly: `100m`, `1.5Gi`, `2e3`, `0.1`. What is finer than a billionth is rounded away from zero,
//! what is larger than a signed 64-bit integer is cut off there (k8s.io/apimachinery v0.34 `resource.Quantity`).

use std::fmt;

use simulator::Duration;

/// A quantity, in billionths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quantity(i128);

/// Text that is not a quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a Kubernetes quantity such as 250m, 2, 1.5Gi or 1e3")]
pub struct NotAQuantity;

const NANO: i128 = 1_000_000_000;
const LIMIT: i128 = i64::MAX as i128 * NANO;

impl Quantity {
    /// Reads a quantity.
    ///
    /// # Errors
    /// When the text is none.
    pub fn parse(text: &str) -> Result<Quantity, NotAQuantity> {
        let (negative, rest) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, suffix) = rest.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.len() + fraction.len() == 0 || fraction.contains('.') {
            return Err(NotAQuantity);
        }
        let scale = Scale::parse(suffix)?;
        let nanos = magnitude(whole, fraction, scale);
        Ok(Quantity(if negative { -nanos } else { nanos }))
    }

    /// Thousandths, rounded up (`MilliValue`).
    pub fn milli(self) -> i64 {
        saturate(ceil_div(self.0, NANO / 1000))
    }

    /// Whole units, rounded up (`Value`).
    pub fn value(self) -> i64 {
        saturate(ceil_div(self.0, NANO))
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 % NANO, self.0 % (NANO / 1000)) {
            (0, _) => write!(f, "{}", self.0 / NANO),
            (_, 0) => write!(f, "{}m", self.0 / (NANO / 1000)),
            _ => write!(f, "{}n", self.0),
        }
    }
}

/// What a number is multiplied with.
#[derive(Clone, Copy)]
enum Scale {
    Two(u32),
    Ten(i64),
}

impl Scale {
    fn parse(suffix: &str) -> Result<Scale, NotAQuantity> {
        Ok(match suffix {
            "" => Scale::Ten(0),
            "n" => Scale::Ten(-9),
            "u" => Scale::Ten(-6),
            "m" => Scale::Ten(-3),
            "k" => Scale::Ten(3),
            "M" => Scale::Ten(6),
            "G" => Scale::Ten(9),
            "T" => Scale::Ten(12),
            "P" => Scale::Ten(15),
            "E" => Scale::Ten(18),
            "Ki" => Scale::Two(10),
            "Mi" => Scale::Two(20),
            "Gi" => Scale::Two(30),
            "Ti" => Scale::Two(40),
            "Pi" => Scale::Two(50),
            "Ei" => Scale::Two(60),
            _ => {
                let exponent = suffix.strip_prefix(['e', 'E']).ok_or(NotAQuantity)?;
                let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
                if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
                    return Err(NotAQuantity);
                }
                // Beyond a few hundred the value is nothing or the limit either way.
                let size = digits.parse::<i64>().unwrap_or(i64::MAX).min(100_000);
                Scale::Ten(if exponent.starts_with('-') { -size } else { size })
            }
        })
    }
}

/// The digits of a number times its scale, in billionths, rounded up, cut off at the limit.
fn magnitude(whole: &str, fraction: &str, scale: Scale) -> i128 {
    let digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).map(|b| b - b'0').collect();
    let (factor, power) = match scale {
        Scale::Two(bits) => (1i128 << bits, 0),
        Scale::Ten(exponent) => (1, exponent),
    };
    // value = digits × factor × 10^shift billionths
    let shift = power + 9 - fraction.len() as i64;
    let mut value: i128 = 0;
    let mut rest = false;
    let dropped = usize::try_from(-shift).unwrap_or(0);
    if factor == 1 {
        // Decimal: cutting digits is exact, and anything cut rounds up.
        let kept = digits.len().saturating_sub(dropped);
        for &d in &digits[..kept] {
            value = (value * 10 + i128::from(d)).min(LIMIT + 1);
        }
        rest = digits[kept..].iter().any(|&d| d != 0);
        for _ in 0..shift.clamp(0, 40) {
            value = (value * 10).min(LIMIT + 1);
        }
    } else {
        value = binary(&digits, fraction.len(), factor, &mut rest);
    }
    (value + i128::from(rest)).min(LIMIT)
}

/// As [`magnitude`] for a power of two: the whole part and the fraction one by one, so that nothing overflows.
fn binary(digits: &[u8], fraction: usize, factor: i128, rest: &mut bool) -> i128 {
    let (whole, part) = digits.split_at(digits.len() - fraction);
    let cap = LIMIT / NANO + 1;
    let units = whole.iter().fold(0i128, |v, &d| (v * 10 + i128::from(d)).min(cap));
    // Long division of the fraction: 24 digits are more than a billionth of an exbi can show.
    let shown = &part[..part.len().min(24)];
    *rest = part[shown.len()..].iter().any(|&d| d != 0);
    let mut denominator = 1i128;
    let mut numerator = 0i128;
    for &d in shown.iter().take(18) {
        numerator = numerator * 10 + i128::from(d);
        denominator *= 10;
    }
    *rest |= shown.iter().skip(18).any(|&d| d != 0);
    // numerator / denominator × factor × NANO without leaving i128: whole units first, then billionths.
    let scaled = numerator * factor;
    let (units_of_part, remainder) = (scaled / denominator, scaled % denominator);
    let nanos = remainder * NANO;
    *rest |= nanos % denominator != 0;
    let units = units.saturating_mul(factor).min(cap) + units_of_part;
    units.min(cap) * NANO + nanos / denominator
}

fn ceil_div(a: i128, b: i128) -> i128 {
    a.div_euclid(b) + i128::from(a.rem_euclid(b) != 0)
}

fn saturate(v: i128) -> i64 {
    v.clamp(i64::MIN.into(), i64::MAX.into()) as i64
}

/// A duration as Go writes it, such as `10m`, `1h30m` or `45s`; a bare `0` is none at all.
pub fn duration(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let (mut seconds, mut number) = (0.0, String::new());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if c.is_ascii_digit() || c == '.' {
            number.push(c);
            continue;
        }
        let unit = match c {
            'h' => 3600.0,
            'm' if rest.next_if_eq(&'s').is_some() => 0.001,
            'm' => 60.0,
            's' => 1.0,
            _ => return None,
        };
        seconds += number.parse::<f64>().ok()? * unit;
        number.clear();
    }
    // A year is longer than anything simulated.
    (number.is_empty() && !text.is_empty() && seconds <= 366.0 * 86_400.0).then(|| Duration::from_secs_f64(seconds))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_suffix() {
        let cases: [(&str, i64, i64); 25] = [
            ("0", 0, 0),
            ("100m", 100, 1),
            ("1", 1000, 1),
            ("1.5", 1500, 2),
            (".5", 500, 1),
            ("5.", 5000, 5),
            ("1n", 1, 1),
            ("1000000n", 1, 1),
            ("1000001n", 2, 1),
            ("250u", 1, 1),
            ("2k", 2_000_000, 2000),
            ("3M", 3_000_000_000, 3_000_000),
            ("1G", 1_000_000_000_000, 1_000_000_000),
            ("1T", 1_000_000_000_000_000, 1_000_000_000_000),
            ("1P", 1_000_000_000_000_000_000, 1_000_000_000_000_000),
            ("9E", i64::MAX, 9_000_000_000_000_000_000),
            ("128974848", 128_974_848_000, 128_974_848),
            ("129e6", 129_000_000_000, 129_000_000),
            ("129E6", 129_000_000_000, 129_000_000),
            ("1e-3", 1, 1),
            ("123Mi", 123 * 1_048_576_000, 128_974_848),
            ("1.5Gi", 1_610_612_736_000, 1_610_612_736),
            ("0.1Ki", 102_400, 103),
            ("8Ei", i64::MAX, i64::MAX),
            ("-2", -2000, -2),
        ];
        for (text, milli, value) in cases {
            let q = Quantity::parse(text).unwrap();
            assert_eq!((q.milli(), q.value()), (milli, value), "{text}");
        }
    }

    #[test]
    fn cpu_rounds_up_to_a_millicore() {
        for (text, milli) in [("0.0001", 1), ("1.0001", 1001), ("0.0000000001", 1), ("100.5m", 101)] {
            assert_eq!(Quantity::parse(text).unwrap().milli(), milli, "{text}");
        }
    }

    #[test]
    fn huge_and_tiny_numbers_stay_within_bounds() {
        let nines = "9".repeat(500);
        for text in [nines.as_str(), "1e999999999999", "1e400", &format!("{nines}Ei"), &format!("{nines}.{nines}Ki")] {
            assert_eq!(Quantity::parse(text).unwrap().value(), i64::MAX, "{text}");
        }
        assert_eq!(Quantity::parse("1e-99999").unwrap().value(), 1);
        assert_eq!(Quantity::parse("0e99999").unwrap().value(), 0);
    }

    #[test]
    fn refuses_what_is_none() {
        for text in ["", ".", "-", "m", "1.2.3", "1 Gi", "1gi", "1K", "0x10", "1e", "1e+", "--1", "NaN", "1Gi ", "٣"] {
            assert_eq!(Quantity::parse(text), Err(NotAQuantity), "{text}");
        }
    }

    #[test]
    fn displays_in_the_coarsest_exact_unit() {
        for text in ["7", "250m", "5n", "-2"] {
            assert_eq!(Quantity::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn go_durations() {
        for (text, seconds) in
            [("10s", 10.0), ("10m", 600.0), ("1h30m", 5400.0), ("1m30.5s", 90.5), ("500ms", 0.5), ("0", 0.0)]
        {
            assert_eq!(duration(text), Some(Duration::from_secs_f64(seconds)), "{text}");
        }
        for text in ["", "10", "m", "-1s", "10d", "1e9h", "99999999h"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}

//! Points in time as Kubernetes and Azure write them, as seconds and days since 1970.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// Seconds of a day.
pub(crate) const DAY: i64 = 86_400;

/// Seconds since 1970 of a time such as `2026-03-01T08:30:00Z` or with an offset such as `+02:00`.
pub(crate) fn seconds(text: &str) -> Option<i64> {
    text.trim().parse::<Timestamp>().ok().map(Timestamp::as_second)
}

/// Days since 1970 of a date such as `2026-03-01`.
pub(crate) fn days(date: &str) -> Option<i64> {
    let date: Date = date.trim().parse().ok()?;
    let midnight = date.to_zoned(TimeZone::UTC).ok()?;
    Some(midnight.timestamp().as_second().div_euclid(DAY))
}

/// The date of a day since 1970; that of day 0 beyond the calendar's end.
pub(crate) fn date(day: i64) -> Date {
    let midnight = day.checked_mul(DAY).and_then(|s| Timestamp::from_second(s).ok()).unwrap_or_default();
    midnight.to_zoned(TimeZone::UTC).date()
}

/// Minutes of an offset from UTC: `Z`, `+02:00`, `-0530`.
pub(crate) fn offset_minutes(text: &str) -> Option<i64> {
    if text.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':').or_else(|| rest.split_at_checked(2)).unwrap_or((rest, "0"));
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    ((0..=14).contains(&hours) && (0..60).contains(&minutes)).then_some(sign * (hours * 60 + minutes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_become_seconds_and_days() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2026-08-21T10:00:00Z", Some(1_787_306_400)),
            ("2026-08-21T12:00:00.123456+02:00", Some(1_787_306_400)),
            ("2026-02-29T00:00:00Z", None),
            ("2026-01-01", None),
            ("é", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
        assert_eq!((days("1970-01-02"), days("2026-02-30"), days("soon")), (Some(1), None, None));
        assert_eq!(date(days("2024-02-29").unwrap_or_default()).to_string(), "2024-02-29");
        assert_eq!(date(i64::MAX).to_string(), "1970-01-01");
    }

    #[test]
    fn offsets() {
        for (text, expected) in
            [("+05:30", Some(330)), ("-0800", Some(-480)), ("Z", Some(0)), ("2h", None), ("+99:00", None), ("", None)]
        {
            assert_eq!(offset_minutes(text), expected, "{text}");
        }
    }
}

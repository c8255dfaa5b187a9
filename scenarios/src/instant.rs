//! Points in time as Kubernetes and Azure write them (RFC 3339), as seconds and days since 1970, and the calendar behind them.

/// Seconds since 1970 of a time such as `2026-03-01T08:30:00Z` or with an offset such as `+02:00`; parts of seconds are cut.
pub(crate) fn seconds(text: &str) -> Option<i64> {
    let (date, rest) = text.trim().split_once(['T', 't', ' '])?;
    let (clock, offset) = match rest.find(['Z', 'z', '+', '-']) {
        Some(at) => (&rest[..at], offset_minutes(&rest[at..])?),
        None => return None,
    };
    let clock = clock.split_once('.').map_or(clock, |(whole, _)| whole);
    let mut parts = clock.split(':').map(|part| part.parse::<i64>().ok());
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let sound = (0..24).contains(&hour) && (0..60).contains(&minute) && (0..=60).contains(&second);
    sound.then_some(())?;
    Some(days(date)? * 86_400 + hour * 3600 + minute * 60 + second - offset * 60)
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

/// Days since 1970 of a date such as `2026-03-01`.
pub(crate) fn days(date: &str) -> Option<i64> {
    let mut parts = date.trim().splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let sound =
        (1900..=9999).contains(&year) && (1..=12).contains(&month) && (1..=last_day(year, month)).contains(&day);
    sound.then(|| civil_days(year, month, day))
}

/// Days since 1970 of a day of the Gregorian calendar.
pub(crate) fn civil_days(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March, so that the leap day is the last.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year, month and day.
pub(crate) fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (era * 400 + year + i64::from(month <= 2), month, day)
}

/// Monday is 0.
pub(crate) fn weekday(days: i64) -> i64 {
    (days + 3).rem_euclid(7)
}

/// Number of days of a month.
pub(crate) fn last_day(year: i64, month: i64) -> i64 {
    let (next_year, next) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    civil_days(next_year, next, 1) - civil_days(year, month, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_become_seconds() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2026-08-21T10:00:00Z", Some(1_787_306_400)),
            ("2026-08-21T12:00:00.123456+02:00", Some(1_787_306_400)),
            ("2024-02-29T23:59:59Z", Some(1_709_251_199)),
            ("2026-02-29T00:00:00Z", None),
            ("2026-01-01", None),
            ("2026-01-01T25:00:00Z", None),
            ("2026-01-01T00:00:00", None),
            ("é", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }

    #[test]
    fn days_and_the_calendar_are_inverse() {
        for day in (-30_000..60_000).step_by(17) {
            let (year, month, of_month) = civil(day);
            assert_eq!(civil_days(year, month, of_month), day);
            assert!((1..=last_day(year, month)).contains(&of_month));
        }
        assert_eq!(weekday(0), 3, "the first of January 1970 was a Thursday");
        assert_eq!((last_day(2024, 2), last_day(2026, 2), last_day(2026, 12)), (29, 28, 31));
    }
}

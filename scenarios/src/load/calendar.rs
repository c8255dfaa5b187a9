//! Calendars of planned maintenance as ARM prints them (`maintenanceConfigurations`), in seconds since 1970.
//!
//! AKS docs planned-maintenance (2025-12-19): a window opens at `startTime` of its days, in `utcOffset`, and stays open for
//! `durationHours`; schedules are daily, weekly, absoluteMonthly (a day that a month lacks is left out) and relativeMonthly; none opens before
//! `startDate` or on one of `notAllowedDates`, the last of which is part of it. Intervals count from `startDate`. The configuration
//! `default` has hours of the week (`timeInWeek`) and times that are not allowed instead, in UTC.

use jiff::civil::Date;
use serde_json::Value;

use crate::complaint::Complaint;
use crate::instant::{DAY, date, days, offset_minutes, seconds};

const HOUR: i64 = 3600;
/// How far a calendar is looked through: no interval is longer than a year.
const FAR: i64 = 800;

/// The windows of a configuration that are open at some time from `from` on, the first `most` of them.
pub(super) fn windows(config: &Value, from: i64, most: usize, path: &str) -> Result<Vec<(i64, i64)>, Complaint> {
    let properties = config.get("properties").filter(|p| p.is_object()).unwrap_or(config);
    let window = properties.get("maintenanceWindow").filter(|w| w.is_object());
    match (window, properties.get("timeInWeek").and_then(Value::as_array)) {
        (Some(window), _) => of_schedule(window, from, most, &format!("{path}.maintenanceWindow")),
        (None, Some(slots)) => of_week(slots, properties.get("notAllowedTime"), from, most, path),
        _ if properties.get("schedule").is_some() => of_schedule(properties, from, most, path),
        _ => Err(Complaint::at(path, "neither maintenanceWindow nor timeInWeek", "a maintenance configuration")),
    }
}

fn of_schedule(window: &Value, from: i64, most: usize, path: &str) -> Result<Vec<(i64, i64)>, Complaint> {
    let wrong = |field: &str, expected: &str| {
        let value = window.get(field).map_or_else(|| "nothing".to_owned(), ToString::to_string);
        Complaint::at(format!("{path}.{field}"), value, expected)
    };
    let text = |field: &str| window.get(field).and_then(Value::as_str);
    let hours = window.get("durationHours").and_then(Value::as_i64).filter(|h| (1..=24).contains(h));
    let lasts = hours.ok_or_else(|| wrong("durationHours", "hours from 4 to 24"))? * HOUR;
    let offset = text("utcOffset").map_or(Some(0), offset_minutes);
    let offset = offset.ok_or_else(|| wrong("utcOffset", "an offset such as +02:00"))? * 60;
    let opens = text("startTime").and_then(|t| seconds(&format!("1970-01-01T{t}:00Z")));
    let opens = opens.ok_or_else(|| wrong("startTime", "a time such as 02:00"))?;
    let first = match text("startDate") {
        Some(date) => Some(days(date).ok_or_else(|| wrong("startDate", "a date such as 2026-03-01"))?),
        None => None,
    };
    let schedule = Schedule::read(window.get("schedule")).ok_or_else(|| {
        wrong("schedule", "one of daily, weekly, absoluteMonthly and relativeMonthly, with its days and interval")
    })?;
    let banned = window.get("notAllowedDates").and_then(Value::as_array).into_iter().flatten();
    let banned: Vec<(i64, i64)> = banned
        .filter_map(|span| {
            let date = |key: &str| span.get(key).and_then(Value::as_str).and_then(days);
            Some((date("start")?, date("end")?))
        })
        .collect();
    // Local days: the one before may still be open.
    let today = (from + offset).div_euclid(DAY);
    let begin = first.unwrap_or(today - 1).max(today - 1);
    let allowed = |day: &i64| !banned.iter().any(|(start, end)| (start..=end).contains(&day));
    let on = (begin..begin + FAR).filter(|day| schedule.holds(*day, first.unwrap_or(begin))).filter(allowed);
    let spans = on.map(|day| day * DAY + opens - offset).map(|opens| (opens, opens + lasts));
    Ok(spans.filter(|(_, until)| *until > from).take(most).collect())
}

/// On which days a window opens.
enum Schedule {
    Daily {
        every: i64,
    },
    Weekly {
        every: i64,
        weekday: i64,
    },
    Monthly {
        every: i64,
        day: i64,
    },
    /// The first, second, ... of a weekday in the month; -1 for the last.
    Relative {
        every: i64,
        week: i64,
        weekday: i64,
    },
}

impl Schedule {
    fn read(value: Option<&Value>) -> Option<Schedule> {
        let value = value?;
        let part = |name: &str| value.get(name).filter(|v| v.is_object());
        let number = |of: &Value, key: &str, most: i64| of.get(key)?.as_i64().filter(|n| (1..=most).contains(n));
        let word = |of: &Value, key: &str| of.get(key)?.as_str().map(str::to_ascii_lowercase);
        if let Some(daily) = part("daily") {
            return Some(Schedule::Daily { every: number(daily, "intervalDays", 7)? });
        }
        if let Some(weekly) = part("weekly") {
            let weekday = named_day(&word(weekly, "dayOfWeek")?)?;
            return Some(Schedule::Weekly { every: number(weekly, "intervalWeeks", 4)?, weekday });
        }
        if let Some(monthly) = part("absoluteMonthly") {
            let day = number(monthly, "dayOfMonth", 31)?;
            return Some(Schedule::Monthly { every: number(monthly, "intervalMonths", 6)?, day });
        }
        let relative = part("relativeMonthly")?;
        let week = match word(relative, "weekIndex")?.as_str() {
            "first" => 1,
            "second" => 2,
            "third" => 3,
            "fourth" => 4,
            "last" => -1,
            _ => return None,
        };
        let weekday = named_day(&word(relative, "dayOfWeek")?)?;
        Some(Schedule::Relative { every: number(relative, "intervalMonths", 6)?, week, weekday })
    }

    /// True where a window opens on a day; intervals count from `first`.
    fn holds(&self, day: i64, first: i64) -> bool {
        let (today, start) = (date(day), date(first));
        let months = |d: Date| i64::from(d.year()) * 12 + i64::from(d.month());
        let due = |every: i64| (months(today) - months(start)).rem_euclid(every) == 0;
        let (of_month, last) = (i64::from(today.day()), i64::from(today.days_in_month()));
        match *self {
            Schedule::Daily { every } => (day - first).rem_euclid(every) == 0,
            Schedule::Weekly { every, weekday: on } => {
                let monday = |day: i64| day - weekday(day);
                weekday(day) == on && ((monday(day) - monday(first)) / 7).rem_euclid(every) == 0
            }
            Schedule::Monthly { every, day } => of_month == day && due(every),
            Schedule::Relative { every, week, weekday: on } => {
                let right = match week {
                    -1 => of_month + 7 > last,
                    n => (of_month - 1) / 7 + 1 == n,
                };
                weekday(day) == on && right && due(every)
            }
        }
    }
}

/// Monday is 0.
fn weekday(day: i64) -> i64 {
    (day + 3).rem_euclid(7)
}

fn named_day(name: &str) -> Option<i64> {
    let names = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    names.iter().position(|n| *n == name).and_then(|i| i64::try_from(i).ok())
}

/// Hours of the week; those that follow one another are one window.
fn of_week(
    slots: &[Value],
    banned: Option<&Value>,
    from: i64,
    most: usize,
    path: &str,
) -> Result<Vec<(i64, i64)>, Complaint> {
    let mut hours: Vec<i64> = Vec::new();
    for (i, slot) in slots.iter().enumerate() {
        let wrong = || Complaint::at(format!("{path}.timeInWeek[{i}]"), slot, "a day with its hourSlots from 0 to 23");
        let day = slot.get("day").and_then(Value::as_str).map(str::to_ascii_lowercase);
        let day = day.as_deref().and_then(named_day).ok_or_else(wrong)?;
        for hour in slot.get("hourSlots").and_then(Value::as_array).ok_or_else(wrong)? {
            hours.push(day * 24 + hour.as_i64().filter(|h| (0..24).contains(h)).ok_or_else(wrong)?);
        }
    }
    hours.sort_unstable();
    hours.dedup();
    let banned: Vec<(i64, i64)> = banned.and_then(Value::as_array).into_iter().flatten().filter_map(span).collect();
    let today = from.div_euclid(DAY);
    let monday = today - weekday(today);
    let mut windows: Vec<(i64, i64)> = Vec::new();
    for week in -1..FAR / 7 {
        for hour in &hours {
            let opens = (monday + week * 7) * DAY + hour * HOUR;
            let shut = banned.iter().any(|(start, end)| opens < *end && opens + HOUR > *start);
            match windows.last_mut() {
                _ if shut => {}
                Some((_, until)) if *until == opens => *until += HOUR,
                _ => windows.push((opens, opens + HOUR)),
            }
        }
    }
    Ok(windows.into_iter().filter(|(_, until)| *until > from).take(most).collect())
}

fn span(value: &Value) -> Option<(i64, i64)> {
    let time = |key: &str| value.get(key).and_then(Value::as_str).and_then(seconds);
    Some((time("start")?, time("end")?))
}

/// Seconds since 1970 of a day, for tests.
#[cfg(test)]
fn at(date: &str, hour: i64) -> i64 {
    days(date).unwrap_or_default() * DAY + hour * HOUR
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// When the first windows after noon of Wednesday, 2026-03-04 open, as `month-day hour` in UTC, with their hours.
    fn opens(config: &str) -> String {
        let config = serde_json::from_str(config).unwrap();
        let told = |(from, until): (i64, i64)| {
            let day = date(from.div_euclid(DAY));
            format!("{:02}-{:02} {:02}h+{}", day.month(), day.day(), from.rem_euclid(DAY) / HOUR, (until - from) / HOUR)
        };
        windows(&config, at("2026-03-04", 12), 3, "c").unwrap().into_iter().map(told).collect::<Vec<_>>().join(", ")
    }

    fn schedule(schedule: &str, more: &str) -> String {
        format!(
            r#"{{"name":"n","properties":{{"maintenanceWindow":{{"schedule":{{{schedule}}},"durationHours":4,
            "startTime":"02:00"{more}}}}}}}"#
        )
    }

    #[test]
    fn schedules_open_on_their_days() {
        for (text, more, expected) in [
            (r#""daily":{"intervalDays":1}"#, "", "03-05 02h+4, 03-06 02h+4, 03-07 02h+4"),
            (r#""daily":{"intervalDays":3}"#, r#","startDate":"2026-03-01""#, "03-07 02h+4, 03-10 02h+4, 03-13 02h+4"),
            (r#""weekly":{"intervalWeeks":1,"dayOfWeek":"Friday"}"#, "", "03-06 02h+4, 03-13 02h+4, 03-20 02h+4"),
            (
                r#""weekly":{"intervalWeeks":2,"dayOfWeek":"friday"}"#,
                r#","startDate":"2026-02-27""#,
                "03-13 02h+4, 03-27 02h+4, 04-10 02h+4",
            ),
            // Friday 02:00 at +05:30 is Thursday 20:30 in UTC.
            (
                r#""weekly":{"intervalWeeks":1,"dayOfWeek":"Friday"}"#,
                r#","utcOffset":"+05:30""#,
                "03-05 20h+4, 03-12 20h+4, 03-19 20h+4",
            ),
            (r#""absoluteMonthly":{"intervalMonths":1,"dayOfMonth":31}"#, "", "03-31 02h+4, 05-31 02h+4, 07-31 02h+4"),
            (
                r#""absoluteMonthly":{"intervalMonths":3,"dayOfMonth":1}"#,
                r#","startDate":"2026-01-01""#,
                "04-01 02h+4, 07-01 02h+4, 10-01 02h+4",
            ),
            (
                r#""relativeMonthly":{"intervalMonths":1,"weekIndex":"First","dayOfWeek":"Monday"}"#,
                "",
                "04-06 02h+4, 05-04 02h+4, 06-01 02h+4",
            ),
            (
                r#""relativeMonthly":{"intervalMonths":1,"weekIndex":"Last","dayOfWeek":"Tuesday"}"#,
                "",
                "03-31 02h+4, 04-28 02h+4, 05-26 02h+4",
            ),
            (
                r#""daily":{"intervalDays":1}"#,
                r#","notAllowedDates":[{"start":"2026-03-05","end":"2026-03-06"}]"#,
                "03-07 02h+4, 03-08 02h+4, 03-09 02h+4",
            ),
            (r#""daily":{"intervalDays":1}"#, r#","startDate":"2026-05-01""#, "05-01 02h+4, 05-02 02h+4, 05-03 02h+4"),
        ] {
            assert_eq!(opens(&schedule(text, more)), expected, "{text} {more}");
        }
    }

    #[test]
    fn a_window_that_is_open_counts() {
        let open = schedule(r#""daily":{"intervalDays":1}"#, "").replace("02:00", "10:00");
        assert_eq!(opens(&open), "03-04 10h+4, 03-05 10h+4, 03-06 10h+4");
        // Begun yesterday, and open past midnight.
        let long = schedule(r#""daily":{"intervalDays":1}"#, "").replace("02:00", "14:00").replace(":4,", ":24,");
        assert_eq!(opens(&long), "03-03 14h+24, 03-04 14h+24, 03-05 14h+24");
    }

    #[test]
    fn hours_of_the_week() {
        let week = r#"{"name":"default","timeInWeek":[{"day":"Thursday","hourSlots":[3,1,2]},{"day":"Monday","hourSlots":[23]},
            {"day":"Tuesday","hourSlots":[0]}],"notAllowedTime":[{"start":"2026-03-09T00:00:00Z","end":"2026-03-10T00:00:00Z"}]}"#;
        assert_eq!(opens(week), "03-05 01h+3, 03-10 00h+1, 03-12 01h+3");
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, place) in [
            (schedule(r#""weekly":{"intervalWeeks":1,"dayOfWeek":"Someday"}"#, ""), "maintenanceWindow.schedule"),
            (schedule(r#""daily":{"intervalDays":1}"#, r#","utcOffset":"2h""#), "maintenanceWindow.utcOffset"),
            (schedule(r#""daily":{"intervalDays":1}"#, "").replace("02:00", "late"), "maintenanceWindow.startTime"),
            (r#"{"name":"n"}"#.to_owned(), "c: "),
        ] {
            let error = windows(&serde_json::from_str(&text).unwrap(), 0, 3, "c").unwrap_err().to_string();
            assert!(error.contains(place), "{error}");
        }
    }
}

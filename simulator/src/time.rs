//! Simulated time: integer microseconds since the start of the run. Exact, totally ordered, the same on every machine.

use std::ops::{Add, AddAssign, Sub};

/// An instant of a simulated run, in microseconds since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub u64);

/// A length of simulated time, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(pub u64);

impl Time {
    /// The start of the run.
    pub const ZERO: Time = Time(0);
    /// Later than everything that can happen.
    pub const NEVER: Time = Time(u64::MAX);

    /// Time since `earlier`; zero when `earlier` lies in the future.
    pub fn since(self, earlier: Time) -> Duration {
        Duration(self.0.saturating_sub(earlier.0))
    }

    /// Seconds since the start of the run, for reports.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

impl Duration {
    /// No time at all.
    pub const ZERO: Duration = Duration(0);

    /// Whole milliseconds.
    pub const fn millis(ms: u64) -> Duration {
        Duration(ms * 1000)
    }

    /// Whole seconds.
    pub const fn secs(s: u64) -> Duration {
        Duration(s * 1_000_000)
    }

    /// Whole minutes.
    pub const fn mins(m: u64) -> Duration {
        Duration::secs(m * 60)
    }

    /// Seconds, rounded to the nearest microsecond; negative and non-finite values become zero.
    pub fn from_secs_f64(s: f64) -> Duration {
        if s.is_finite() && s > 0.0 { Duration(libm::round(s * 1e6) as u64) } else { Duration::ZERO }
    }

    /// Length in seconds, for reports.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// Length in minutes, for reports.
    pub fn as_mins_f64(self) -> f64 {
        self.0 as f64 / 60e6
    }

    /// True for no time at all.
    pub fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl Add<Duration> for Time {
    type Output = Time;
    fn add(self, d: Duration) -> Time {
        Time(self.0.saturating_add(d.0))
    }
}

impl Sub<Duration> for Time {
    type Output = Time;
    fn sub(self, d: Duration) -> Time {
        Time(self.0.saturating_sub(d.0))
    }
}

impl Add for Duration {
    type Output = Duration;
    fn add(self, d: Duration) -> Duration {
        Duration(self.0.saturating_add(d.0))
    }
}

impl AddAssign for Duration {
    fn add_assign(&mut self, d: Duration) {
        self.0 = self.0.saturating_add(d.0);
    }
}

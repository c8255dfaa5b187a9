//! How many reports a store keeps, and for how long.

use std::time::{Duration, SystemTime};

/// Limits to what is kept; without any, everything is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Most reports, the newest.
    pub reports: Option<usize>,
    /// Longest age of a report.
    pub age: Option<Duration>,
}

/// Something that is kept.
pub struct Kept<T> {
    /// When it was written.
    pub written: SystemTime,
    /// What it is.
    pub what: T,
}

impl Retention {
    /// True where nothing ever goes.
    pub fn keeps_all(&self) -> bool {
        self.reports.is_none() && self.age.is_none()
    }

    /// What is beyond the limits now.
    pub fn beyond<T>(&self, mut all: Vec<Kept<T>>, now: SystemTime) -> Vec<T> {
        all.sort_by_key(|kept| std::cmp::Reverse(kept.written));
        let is_beyond = |place: usize, written: SystemTime| {
            self.reports.is_some_and(|most| place >= most)
                || self.age.is_some_and(|age| now.duration_since(written).is_ok_and(|since| since > age))
        };
        let beyond = all.into_iter().enumerate().filter(|(place, kept)| is_beyond(*place, kept.written));
        beyond.map(|(_, kept)| kept.what).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_stay() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
        let beyond = |reports, age: Option<u64>| {
            let all = [(300, "c"), (100, "d"), (10, "b"), (1, "a")];
            let all = all.map(|(ago, what)| Kept { written: now - Duration::from_secs(ago), what });
            Retention { reports, age: age.map(Duration::from_secs) }.beyond(all.into(), now)
        };
        assert_eq!(beyond(None, None), Vec::<&str>::new());
        assert_eq!(beyond(Some(2), None), ["d", "c"]);
        assert_eq!(beyond(None, Some(200)), ["c"]);
        assert_eq!(beyond(Some(3), Some(50)), ["d", "c"]);
        assert_eq!(beyond(Some(0), None).len(), 4);
    }
}

//! When a periodic controller looks: on a grid of phase and interval, but only where something may have changed, so that a
//! quiet cluster costs no events.

use crate::time::{Duration, Time};

/// The looks of one controller.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Looks {
    phase: Duration,
    next: Option<Time>,
    last: Option<Time>,
}

impl Looks {
    /// Looks at `phase` and whole intervals after it; none is queued yet.
    pub fn at(phase: Duration) -> Looks {
        Looks { phase, ..Looks::default() }
    }

    /// The first look at or after `time` and not before `now`, where it has to be queued: one that is queued for earlier
    /// sees to it.
    pub fn from(&mut self, time: Time, now: Time, interval: Duration) -> Option<Time> {
        let time = time.0.max(now.0);
        let mut at = Time(self.phase.0 + time.saturating_sub(self.phase.0).div_ceil(interval.0) * interval.0);
        if self.last == Some(at) {
            at = at + interval;
        }
        let queue = self.next.is_none_or(|next| at < next);
        self.next = if queue { Some(at) } else { self.next };
        queue.then_some(at)
    }

    /// True where a look that surfaces is the one that is due; an earlier one may have taken its place.
    pub fn due(&mut self, now: Time) -> bool {
        let due = self.next == Some(now);
        if due {
            (self.next, self.last) = (None, Some(now));
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(s: u64) -> Time {
        Time::ZERO + Duration::secs(s)
    }

    #[test]
    fn looks_lie_on_the_grid_and_an_earlier_one_takes_the_place() {
        let mut looks = Looks::at(Duration::secs(3));
        let mut from = |time, now| looks.from(secs(time), secs(now), Duration::secs(10));
        assert_eq!(from(40, 0), Some(secs(43)));
        assert_eq!(from(50, 0), None, "one is queued for earlier");
        assert_eq!(from(2, 5), Some(secs(13)), "not before now");
        assert!(looks.due(secs(13)) && !looks.due(secs(43)));
        assert_eq!(looks.from(secs(13), secs(13), Duration::secs(10)), Some(secs(23)), "one look at an instant");
    }
}

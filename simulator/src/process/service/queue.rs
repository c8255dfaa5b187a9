//! The backlog of a service whose requests may wait: a parabola while what arrives is a straight line, in closed form.

/// Requests that wait.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Backlog {
    /// How many wait.
    pub waiting: f64,
    /// How many may.
    pub room: f64,
    /// Replicas they wait for.
    pub servers: f64,
}

/// What happens between two changes of how the backlog behaves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    /// Seconds.
    pub lasts: f64,
    /// Requests that go to a replica, and that are turned away.
    pub taken: f64,
    pub refused: f64,
    /// Request seconds of waiting.
    pub waited: f64,
    /// Most that wait at a time; at the beginning and at the end.
    pub most: f64,
    ends: (f64, f64),
    /// Some wait.
    pub waits: bool,
    /// None waits any more at its end.
    pub cleared: bool,
}

impl Piece {
    /// The share of it with a backlog above a level, taken as a straight line.
    pub fn share_above(&self, level: f64) -> f64 {
        let (a, b) = self.ends;
        match (a > level, b > level) {
            (true, true) => 1.0,
            (false, false) => 0.0,
            _ => (a.max(b) - level) / (a - b).abs(),
        }
    }
}

impl Backlog {
    pub fn is_full(&self) -> bool {
        self.room > 0.0 && self.waiting >= self.room * (1.0 - 1e-9)
    }

    /// Replicas came or went: says how many requests are lost with those that went, or find no room.
    pub fn resize(&mut self, servers: f64, before: f64, room_each: f64) -> f64 {
        self.servers = servers;
        self.room = if room_each > 0.0 { room_each * servers } else { 0.0 };
        let kept = if servers < before { self.waiting * servers / before } else { self.waiting };
        let kept = kept.min(self.room);
        let lost = self.waiting - kept;
        self.waiting = kept;
        lost
    }

    /// Seconds until it is full, with so much too much and so much more of that each second.
    pub fn until_full(&self, excess: f64, slope: f64) -> Option<f64> {
        (self.room.is_finite() && self.room > 0.0 && !self.is_full())
            .then(|| first_root(self.waiting - self.room, excess, slope / 2.0))
            .flatten()
    }

    /// Lets `seconds` go by in which `rate` arrives, changing by `slope` each second, and `capacity` goes.
    pub fn pass(&mut self, rate: f64, slope: f64, capacity: f64, seconds: f64, mut tell: impl FnMut(Piece)) {
        let (mut at, mut left) = (0.0, seconds);
        // Each piece ends at a bound or at the top; a line has few of them.
        for _ in 0..8 {
            if left <= 0.0 {
                break;
            }
            let piece = self.piece(rate + slope * at, slope, capacity, left);
            at += piece.lasts;
            left = seconds - at;
            tell(piece);
        }
    }

    fn piece(&mut self, rate: f64, slope: f64, capacity: f64, left: f64) -> Piece {
        let excess = rate - capacity;
        let turns = if slope == 0.0 { None } else { Some(-excess / slope).filter(|t| *t > 0.0) };
        let rises = excess > 0.0 || (excess == 0.0 && slope > 0.0);
        let bounded = |until: Option<f64>| until.map_or(left, |t| t.min(left));
        let area = |t: f64| rate * t + 0.5 * slope * t * t;
        if self.waiting <= 0.0 && !rises {
            let lasts = bounded(turns);
            let taken = area(lasts);
            return Piece {
                lasts,
                taken,
                refused: 0.0,
                waited: 0.0,
                most: 0.0,
                ends: (0.0, 0.0),
                waits: false,
                cleared: false,
            };
        }
        if self.is_full() && rises {
            let lasts = bounded(turns);
            let taken = capacity * lasts;
            let waited = self.waiting * lasts;
            let ends = (self.waiting, self.waiting);
            let refused = area(lasts) - taken;
            return Piece { lasts, taken, refused, waited, most: self.waiting, ends, waits: true, cleared: false };
        }
        let empties = first_root(self.waiting, excess, slope / 2.0);
        let fills = self.until_full(excess, slope);
        let ends = [empties, fills].into_iter().flatten().fold(f64::INFINITY, f64::min);
        let lasts = left.min(ends);
        let q = |t: f64| self.waiting + excess * t + 0.5 * slope * t * t;
        let cleared = empties.is_some_and(|t| t <= lasts);
        let end = match () {
            () if cleared => 0.0,
            () if fills.is_some_and(|t| t <= lasts) => self.room,
            () => q(lasts).clamp(0.0, self.room),
        };
        let top = turns.filter(|t| *t < lasts).map_or(0.0, q);
        let waited = self.waiting * lasts + excess * lasts * lasts / 2.0 + slope * lasts * lasts * lasts / 6.0;
        let piece = Piece {
            lasts,
            // What came and does not wait has gone.
            taken: area(lasts) - (end - self.waiting),
            refused: 0.0,
            waited: waited.max(0.0),
            most: self.waiting.max(end).max(top),
            ends: (self.waiting, end),
            waits: true,
            cleared,
        };
        self.waiting = end;
        piece
    }
}

/// The first time after 0 at which a + b t + c t² is 0.
fn first_root(a: f64, b: f64, c: f64) -> Option<f64> {
    let least = 1e-12;
    if c == 0.0 {
        return Some(-a / b).filter(|t| b != 0.0 && *t > least);
    }
    let inside = b * b - 4.0 * a * c;
    if inside < 0.0 {
        return None;
    }
    // Without cancellation: both roots from the one of larger magnitude.
    let half = -0.5 * (b + libm::copysign(libm::sqrt(inside), b));
    let roots = [half / c, if half == 0.0 { 0.0 } else { a / half }];
    roots.into_iter().filter(|t| t.is_finite() && *t > least).min_by(f64::total_cmp)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(waiting: f64, room: f64, rate: f64, slope: f64, capacity: f64, seconds: f64) -> (Backlog, Vec<Piece>) {
        let mut backlog = Backlog { waiting, room, servers: 1.0 };
        let mut pieces = Vec::new();
        backlog.pass(rate, slope, capacity, seconds, |piece| pieces.push(piece));
        (backlog, pieces)
    }

    #[test]
    fn what_comes_goes_waits_or_is_refused() {
        for (waiting, room, rate, slope, capacity) in [
            (0.0, f64::INFINITY, 50.0, 10.0, 100.0),
            (0.0, f64::INFINITY, 150.0, -10.0, 100.0),
            (30.0, 200.0, 150.0, -10.0, 100.0),
            (0.0, 40.0, 90.0, 20.0, 100.0),
            (40.0, 40.0, 90.0, 20.0, 100.0),
            (40.0, 40.0, 120.0, -9.0, 100.0),
            (5.0, 40.0, 100.0, 0.0, 100.0),
            (5.0, 40.0, 20.0, 0.0, 0.0),
        ] {
            let (after, pieces) = passed(waiting, room, rate, slope, capacity, 10.0);
            let sum = |f: fn(&Piece) -> f64| pieces.iter().map(f).sum::<f64>();
            let came = 10.0 * rate + 50.0 * slope;
            let went = sum(|p| p.taken) + sum(|p| p.refused) + after.waiting - waiting;
            assert!((came - went).abs() < 1e-9, "{rate} {slope}: {came} {went} {pieces:?}");
            assert!((sum(|p| p.lasts) - 10.0).abs() < 1e-12 && pieces.iter().all(|p| p.refused >= 0.0), "{pieces:?}");
        }
    }

    #[test]
    fn a_backlog_is_cleared_when_the_parabola_comes_down() {
        // 50 a second too many, and 10 a second fewer each second: at the top after 5 s with 125, empty after 10 s.
        let (after, pieces) = passed(0.0, f64::INFINITY, 150.0, -10.0, 100.0, 12.0);
        assert_eq!((after.waiting, pieces[0].most, pieces[0].lasts), (0.0, 125.0, 10.0));
        assert!(pieces[0].cleared && !pieces[1].waits);
    }
}

//! One service as a fluid: exact arithmetic between two events, in which demand is a straight line and capacity constant.
//!
//! What is asked is spread evenly over the *targets*: replicas the control plane holds ready, those that are dead or mute among
//! them, and those that were ready a moment ago. Some may get lost before (`arrives`); of what reaches a replica it takes in as
//! much as it can, and answers a part (`ok`). The rest is lost, or, where requests may wait, waits: then all replicas share one
//! queue, whose backlog is a parabola.
//!
//! Retries: what is lost within one time-out of the clients (four, where less than one in a hundred is lost) comes back evenly
//! over the next one, by number of attempts, until the last attempt is lost too. Requests that wait for long are not asked again.
//!
//! Latency: a replica that serves x of at most c requests per second keeps each for s / (1 - x/c), s being the time on an idle one
//! (M/M/1 with processor sharing, insensitive to how request sizes are distributed), for the clients' time-out at the most; behind
//! a backlog of Q, Q/C longer; and for a time-out longer with every lost attempt. A response time is taken as
//! exponential (M/M/1) where the share slower than the time-out is asked for; all but first attempts are slower. Within
//! a ramp, latency is integrated by Simpson's rule.

use super::queue::{Backlog, Piece};
use crate::outcome::ServiceOutcome;
use crate::process::demand::Line;
use crate::spec::Clients;
use crate::time::{Duration, Time};
use crate::{PodId, WorkloadId};

/// A replica that serves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member {
    /// Absent for one that is leaving.
    pub pod: Option<PodId>,
    /// Requests per second it can take in.
    pub cap: f64,
    /// The share of those it answers.
    pub ok: f64,
}

/// One service.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flow {
    pub workload: WorkloadId,
    since: Time,
    /// What is asked for the first time, per second.
    pub(super) first: Line,
    /// What is asked once more, per second, by the number of attempts before.
    again: [f64; Clients::MOST],
    /// Their sum.
    again_sum: f64,
    /// Lost since the last return, by the number of attempts before.
    lost_by: [f64; Clients::MOST],
    /// When what was lost comes back.
    pub(super) returns: Time,
    /// Share of what is asked that gets as far as a target.
    pub(super) arrives: f64,
    pub(super) targets: f64,
    pub(super) members: Vec<Member>,
    /// Least and sum of what members can take in, sum of what they answer, and the share of a full flow they answer.
    least: f64,
    sum: f64,
    ok: f64,
    answered: f64,
    pub(super) backlog: Backlog,
    /// Time on an idle replica and time-out, seconds.
    pub(super) idle: f64,
    pub(super) timeout: f64,
    pub asked: f64,
    pub lost: f64,
    pub facts: ServiceOutcome,
    /// All that was lost and is to come back, or has.
    #[cfg(test)]
    returned: f64,
}

impl Flow {
    pub fn restart(&mut self, workload: WorkloadId) {
        let members = std::mem::take(&mut self.members);
        *self = Flow { workload, members, returns: Time::NEVER, ..Flow::default() };
        self.members.clear();
    }

    /// Replicas have changed; `queue` requests may wait for each.
    pub(super) fn members_changed(&mut self, queue: f64) {
        let before = self.backlog.servers;
        let cap = |m: &Member| m.cap;
        self.least = self.members.iter().map(cap).fold(f64::INFINITY, f64::min);
        self.sum = self.members.iter().map(cap).sum();
        self.ok = self.members.iter().map(|m| m.ok).sum();
        let full: f64 = self.members.iter().map(|m| m.cap * m.ok).sum();
        self.answered = if self.sum > 0.0 { full / self.sum } else { 1.0 };
        let servers = self.members.len() as f64;
        let dropped = self.backlog.resize(servers, before, queue);
        self.lose(dropped);
    }

    /// What is asked per second now.
    pub fn offered(&self, now: Time) -> f64 {
        self.first.at(now).max(0.0) + self.again_sum
    }

    /// What is asked once more, as a share of what is asked for the first time.
    pub(super) fn retried_share(&self, now: Time) -> f64 {
        let first = self.first.at(now);
        if first > 0.0 { self.again_sum / first } else { 0.0 }
    }

    /// What each target is sent when so much is asked.
    pub(super) fn each(&self, offered: f64) -> f64 {
        if self.targets > 0.0 { offered * self.arrives / self.targets } else { 0.0 }
    }

    /// How much may be asked for each target to be sent so much.
    fn asked_for_each(&self, each: f64) -> f64 {
        if self.arrives > 0.0 { each * self.targets / self.arrives } else { f64::INFINITY }
    }

    /// How much may be asked before some replica, or the queue's servers, are asked too much.
    pub(super) fn bearable(&self) -> f64 {
        let waits = self.backlog.room > 0.0;
        self.asked_for_each(if waits { self.sum / self.members.len() as f64 } else { self.least })
    }

    /// True while replicas are asked more than they can serve.
    pub(super) fn overloaded(&self, offered: f64) -> bool {
        !self.members.is_empty() && offered > self.bearable() * (1.0 + 1e-12)
    }

    /// What is lost per second when so much is asked.
    pub(super) fn loss_rate(&self, offered: f64) -> f64 {
        if self.targets <= 0.0 {
            return offered;
        }
        let each = self.each(offered);
        let on_the_way = offered * (1.0 - self.arrives) + each * (self.targets - self.members.len() as f64);
        if self.backlog.room > 0.0 {
            let (reach, served) = (each * self.members.len() as f64, self.sum);
            let taken = if self.backlog.waiting > 0.0 { served } else { reach.min(served) };
            let over = if self.backlog.is_full() { (reach - served).max(0.0) } else { 0.0 };
            return on_the_way + over + taken * (1.0 - self.answered);
        }
        let under = self.members.iter().map(|m| (each - m.cap).max(0.0) + (1.0 - m.ok) * each.min(m.cap));
        on_the_way + if self.overloaded(offered) { under.sum() } else { each * (self.members.len() as f64 - self.ok) }
    }

    /// The share of what is asked that is lost.
    pub(super) fn loss(&self, now: Time) -> f64 {
        let offered = self.offered(now);
        if offered > 0.0 { self.loss_rate(offered) / offered } else { 0.0 }
    }

    /// How much may be asked before more than a share is lost, where more is lost the more is asked.
    pub(super) fn tolerable(&self, share: f64) -> f64 {
        if self.backlog.room > 0.0 {
            // A queue that is full loses all but what is served.
            return (self.sum * self.answered / (1.0 - share)).max(self.bearable());
        }
        let goal = self.asked_for_each(1.0 - share);
        let mut caps: Vec<(f64, f64)> = self.members.iter().map(|m| (m.cap, m.ok)).collect();
        caps.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let (mut full, mut rest) = (0.0, self.ok);
        if rest < goal * (1.0 - 1e-12) {
            return 0.0; // whatever is asked
        }
        for (cap, ok) in caps {
            // Below this cap `full + rest * each` is served of `goal / (1 - share) * each`.
            if full + rest * cap < goal * cap {
                break;
            }
            full += ok * cap;
            rest -= ok;
        }
        self.asked_for_each(full / (goal - rest).max(1e-300))
    }

    /// Seconds until so much is asked, on the way there is.
    pub(super) fn until(&self, now: Time, offered: f64) -> Option<f64> {
        let slope = self.first.slope;
        let seconds = (offered - self.offered(now)) / slope;
        (slope != 0.0 && seconds > 0.0 && seconds.is_finite()).then_some(seconds)
    }

    /// Seconds until the queue is full.
    pub(super) fn until_full(&self, now: Time) -> Option<f64> {
        let (reach, slope) = self.reach(now);
        self.backlog.until_full(reach - self.sum, slope)
    }

    /// What reaches replicas that live, per second, and how that changes.
    fn reach(&self, now: Time) -> (f64, f64) {
        let share = if self.targets > 0.0 { self.arrives * self.members.len() as f64 / self.targets } else { 0.0 };
        (self.offered(now) * share, self.first.slope * share)
    }

    /// Sets what is asked for the first time from now on.
    pub(super) fn ask(&mut self, line: Line) {
        self.first = line;
    }

    /// What was lost comes back, `attempts` times at the most. True where something did or will.
    pub(super) fn come_back(&mut self, attempts: f64, timeout: Duration) -> bool {
        let mut again = [0.0; Clients::MOST];
        for k in 0..Clients::MOST {
            let share = if k + 1 < Clients::MOST { (attempts - (k + 1) as f64).clamp(0.0, 1.0) } else { 0.0 };
            let back = self.lost_by[k] * share;
            self.facts.given_up += self.lost_by[k] - back;
            if share > 0.0 {
                again[k + 1] = back / timeout.as_secs_f64();
            }
            #[cfg(test)]
            {
                self.returned += back;
            }
        }
        self.lost_by = [0.0; Clients::MOST];
        let sum: f64 = again.iter().sum();
        let before = self.again_sum;
        (self.again, self.again_sum) = (again, sum);
        sum > 0.0 || before > 0.0
    }

    /// What is on its way back comes by an earlier time than was planned.
    pub(super) fn hurry(&mut self, now: Time, returns: Time) {
        if self.again_sum > 0.0 && self.returns != Time::NEVER {
            let faster = self.returns.since(now).as_secs_f64() / returns.since(now).as_secs_f64();
            self.again.iter_mut().for_each(|rate| *rate *= faster);
            self.again_sum *= faster;
        }
        self.returns = returns;
    }

    /// Brings the totals up to an instant.
    pub fn integrate(&mut self, now: Time) {
        let seconds = now.since(self.since).as_secs_f64();
        if seconds <= 0.0 {
            return;
        }
        let (from, to) = (self.offered(self.since), self.offered(now));
        let asked = 0.5 * (from + to) * seconds;
        let (served, lost) = match (self.targets > 0.0, self.backlog.room > 0.0) {
            (false, _) => (0.0, asked),
            (true, false) => self.serve(from, to, seconds),
            (true, true) => self.queue(from, to, seconds),
        };
        if self.targets <= 0.0 && asked > 0.0 {
            self.facts.overloaded += seconds;
        }
        self.asked += asked;
        self.facts.served += served;
        if asked > 0.0 {
            let first = 1.0 - self.again_sum * seconds / asked;
            self.by_attempts(served / asked, seconds);
            self.lose_shared(lost, asked, first, seconds);
        }
        self.since = now;
    }

    /// Facts of what is asked once more, of which a share is served.
    fn by_attempts(&mut self, served: f64, seconds: f64) {
        if self.again_sum > 0.0 {
            self.facts.retried += self.again_sum * seconds;
            for (k, rate) in self.again.iter().enumerate() {
                self.facts.waited += k as f64 * self.timeout * rate * seconds * served;
            }
            self.facts.slow += self.again_sum * seconds * served;
        }
    }

    /// Spreads a loss over attempts as they were asked.
    fn lose_shared(&mut self, lost: f64, asked: f64, first: f64, seconds: f64) {
        if lost <= 0.0 {
            return;
        }
        self.lost += lost;
        self.lost_by[0] += lost * first;
        if self.again_sum > 0.0 {
            for (k, rate) in self.again.iter().enumerate().skip(1) {
                self.lost_by[k] += lost * rate * seconds / asked;
            }
        }
    }

    /// Loses what had waited.
    fn lose(&mut self, requests: f64) {
        self.lost += requests;
        self.lost_by[0] += requests;
    }

    /// Nothing waits: served and lost.
    fn serve(&mut self, from: f64, to: f64, seconds: f64) -> (f64, f64) {
        let (x0, x1) = (self.each(from), self.each(to));
        let all = 0.5 * (x0 + x1) * seconds;
        let asked = 0.5 * (from + to) * seconds;
        let count = self.members.len() as f64;
        let mut lost = asked * (1.0 - self.arrives) + all * (self.targets - count);
        if lost <= asked * 1e-12 {
            lost = 0.0; // a rounding error must not look like a loss
        }
        let served;
        if x0.max(x1) <= self.least * (1.0 + 1e-12) {
            served = all * self.ok;
            lost += all * (count - self.ok);
        } else {
            self.facts.overloaded += above(x0, x1, self.least, seconds);
            let mut sum = 0.0;
            for m in &self.members {
                let (under, over) = parts(x0, x1, m.cap, seconds);
                sum += m.ok * under;
                lost += over + (1.0 - m.ok) * under;
            }
            served = sum;
        }
        if self.idle > 0.0 {
            self.keep(x0, x1, seconds);
        }
        (served, lost)
    }

    /// Adds up latency, by Simpson's rule where the rate changes.
    fn keep(&mut self, x0: f64, x1: f64, seconds: f64) {
        let (mut kept, mut slow) = (0.0, 0.0);
        for m in &self.members {
            let (a, sa) = self.kept(x0, m.cap);
            let (kept_one, slow_one) = if x0 == x1 {
                (a, sa)
            } else {
                let (mid, b) = (self.kept(0.5 * (x0 + x1), m.cap), self.kept(x1, m.cap));
                ((a + 4.0 * mid.0 + b.0) / 6.0, (sa + 4.0 * mid.1 + b.1) / 6.0)
            };
            kept += kept_one * m.ok;
            slow += slow_one * m.ok;
        }
        self.facts.waited += kept * seconds;
        self.facts.slow += slow * seconds;
    }

    /// Requests that a replica keeps at a time, and how many leave it too slowly per second.
    fn kept(&self, asked: f64, cap: f64) -> (f64, f64) {
        let served = asked.min(cap);
        if served <= 0.0 {
            return (0.0, 0.0);
        }
        let least = if self.timeout > 0.0 { (self.idle / self.timeout).min(1.0) } else { 1e-3 };
        let time = self.idle / (1.0 - served / cap).max(least);
        let slow = if self.timeout > 0.0 { self.timeout / time } else { f64::INFINITY };
        (served * time, if slow < 40.0 { served * libm::exp(-slow) } else { 0.0 })
    }

    /// Requests wait: served and lost.
    fn queue(&mut self, from: f64, to: f64, seconds: f64) -> (f64, f64) {
        let count = self.members.len() as f64;
        let share = self.arrives * count / self.targets;
        let asked = 0.5 * (from + to) * seconds;
        let mut lost = asked * (1.0 - share);
        if lost <= asked * 1e-12 {
            lost = 0.0;
        }
        let slope = (to - from) / seconds * share;
        let start = self.since.as_secs_f64();
        let (mut served, mut at, capacity) = (0.0, 0.0, self.sum);
        let mut backlog = self.backlog;
        backlog.pass(from * share, slope, capacity, seconds, |piece| {
            let Piece { lasts, taken, refused, waited, .. } = piece;
            served += taken * self.answered;
            lost += refused + taken * (1.0 - self.answered);
            self.facts.waited += waited;
            self.facts.most_waiting = self.facts.most_waiting.max(piece.most);
            if piece.waits {
                self.facts.waiting += lasts;
            }
            if piece.cleared {
                self.facts.cleared = Some(start + at + lasts);
            }
            if self.timeout > 0.0 && capacity > 0.0 {
                self.facts.slow += taken * piece.share_above(capacity * self.timeout);
            }
            at += lasts;
        });
        self.backlog = backlog;
        let (x0, x1) = (self.each(from), self.each(to));
        self.facts.overloaded += above(x0 * count, x1 * count, self.sum, seconds);
        if self.idle > 0.0 {
            self.keep(x0, x1, seconds);
        }
        (served, lost)
    }

    /// Asserts that nothing comes from nowhere or is forgotten.
    #[cfg(test)]
    pub fn check(&self) {
        let near = |a: f64, b: f64| (a - b).abs() <= 1e-6 + 1e-9 * a.abs().max(b.abs());
        let sum = self.facts.served + self.lost + self.backlog.waiting;
        assert!(near(self.asked, sum), "asked = served + lost + waiting: {self:?}");
        let pending: f64 = self.lost_by.iter().sum();
        let parts = self.facts.given_up + pending + self.returned;
        assert!(near(self.lost, parts), "lost = given up + to be asked again + asked again: {self:?}");
        assert!(self.facts.retried <= self.returned + 1e-6 + 1e-9 * self.returned, "what returns was lost: {self:?}");
        assert!(self.backlog.waiting >= 0.0 && self.lost >= 0.0 && self.facts.served >= 0.0, "{self:?}");
    }

    /// Sums up: what is still to be asked again counts as given up by nobody.
    pub fn sum_up(&self) -> ServiceOutcome {
        let waiting = self.backlog.waiting;
        let cleared = self.facts.cleared.filter(|_| waiting <= 0.0);
        ServiceOutcome { queued: waiting, cleared, ..self.facts }
    }
}

/// Time that a line from `a` to `b` over `seconds` is above `level`.
fn above(a: f64, b: f64, level: f64, seconds: f64) -> f64 {
    match (a > level * (1.0 + 1e-12), b > level * (1.0 + 1e-12)) {
        (true, true) => seconds,
        (false, false) => 0.0,
        _ => seconds * (a.max(b) - level) / (a - b).abs(),
    }
}

/// The areas of a line from `a` to `b` over `seconds` below and above `level`.
fn parts(a: f64, b: f64, level: f64, seconds: f64) -> (f64, f64) {
    match (a > level, b > level) {
        (false, false) => (0.5 * (a + b) * seconds, 0.0),
        (true, true) => (level * seconds, (0.5 * (a + b) - level) * seconds),
        _ => {
            let (high, low) = (a.max(b), a.min(b));
            let over = seconds * (high - level) / (high - low);
            let rest = seconds - over;
            (level * over + 0.5 * (low + level) * rest, 0.5 * (high - level) * over)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_below_and_above_a_level_add_up() {
        for (a, b, level, under, over, time) in [
            (0.0, 10.0, 20.0, 50.0, 0.0, 0.0),
            (30.0, 40.0, 20.0, 200.0, 150.0, 10.0),
            (10.0, 30.0, 20.0, 175.0, 25.0, 5.0),
            (30.0, 10.0, 20.0, 175.0, 25.0, 5.0),
        ] {
            assert_eq!((parts(a, b, level, 10.0), above(a, b, level, 10.0)), ((under, over), time), "{a} {b} {level}");
        }
    }

    #[test]
    fn how_much_may_be_asked_before_a_share_is_lost() {
        let flow = |caps: &[f64], targets: f64| {
            let members = caps.iter().map(|&cap| Member { pod: None, cap, ok: 1.0 }).collect();
            let mut flow = Flow { members, targets, arrives: 1.0, ..Flow::default() };
            flow.members_changed(0.0);
            flow
        };
        // 5,000 of what is asked is 95 %; 3,000 and half of what is asked; nobody loses half of it.
        assert!((flow(&[5000.0], 1.0).tolerable(0.05) - 5000.0 / 0.95).abs() < 1e-9);
        let uneven = flow(&[3000.0, 9000.0], 2.0);
        assert!((uneven.tolerable(0.05) - 3000.0 / 0.45).abs() < 1e-9);
        assert!((uneven.loss_rate(3000.0 / 0.45) / (3000.0 / 0.45) - 0.05).abs() < 1e-12);
        assert_eq!(flow(&[5000.0], 2.0).tolerable(0.05), 0.0);
    }
}

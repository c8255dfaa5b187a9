//! Demand: the load of everything that follows load, in straight lines between events.
//!
//! Load is a multiple of the base load: what is scripted, times the shape of day and week, plus the excess of bursts. A burst
//! ramps up in a straight line, holds, and goes back exponentially (in chords of half its time constant, which are at most 3 %
//! above it, and to the base within half of one after three) or in a straight line. Bursts that overlap add their excess, each in
//! proportion to the load of the hour it began in. Ramps are cut into quarters only so that what follows load otherwise
//! (contention, memory, logs) is looked at anew. Day and week are chords of half an hour of a sine and of a weekend, relative to
//! time zero. Left out: a shape of their own for single workloads.

use crate::WorkloadId;
use crate::contingency::{About, Contingency};
use crate::event::Event;
use crate::outcome::Incident;
use crate::parameters::Knob;
use crate::random::distribution::exponential_quantile;
use crate::random::{Process, entity_key};
use crate::scenario::Decay;
use crate::settings::{Cause, Demand};
use crate::sim::Sim;
use crate::time::{Duration, Time};

/// Pieces of a burst on the way up, and on a straight way back.
const UP: u32 = 4;
/// Pieces of an exponential way back, of half a time constant each; one more ends at the base.
const BACK: u32 = 6;
/// Pieces of the shape of a day.
const PIECE: Duration = Duration::mins(30);
const DAY: f64 = 86_400.0;

/// A value that changes in a straight line.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Line {
    pub from: Time,
    pub value: f64,
    /// Per second.
    pub slope: f64,
}

impl Line {
    pub const fn flat(value: f64) -> Line {
        Line { from: Time::ZERO, value, slope: 0.0 }
    }

    /// From one value to another in some time.
    fn between(from: Time, value: f64, to: f64, lasts: Duration) -> Line {
        let slope = if lasts.is_zero() { 0.0 } else { (to - value) / lasts.as_secs_f64() };
        Line { from, value, slope }
    }

    #[inline]
    pub fn at(&self, now: Time) -> f64 {
        if self.slope == 0.0 { self.value } else { self.value + self.slope * now.since(self.from).as_secs_f64() }
    }
}

/// A burst of load.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Burst {
    target: Option<WorkloadId>,
    /// Excess over the base at the top: factor - 1, times the load of the hour.
    top: f64,
    ramp: Duration,
    hold: Duration,
    decay: Decay,
    /// Excess now, and the most in this piece.
    excess: Line,
    most: f64,
}

impl Burst {
    /// Its `n`-th piece: how long it is, and the excess at its beginning and its end; `None` after the last.
    fn piece(&self, n: u32) -> Option<(Duration, f64, f64)> {
        let of = |whole: Duration, i: u32| Duration(whole.0 * u64::from(i + 1) / 4 - whole.0 * u64::from(i) / 4);
        let quarter = |i: u32| self.top * f64::from(i) / f64::from(UP);
        if n < UP {
            return Some((of(self.ramp, n), quarter(n), quarter(n + 1)));
        }
        let Some(back) = (n - UP).checked_sub(1) else { return Some((self.hold, self.top, self.top)) };
        match self.decay {
            Decay::Linear(lasts) if back < UP => Some((of(lasts, back), quarter(UP - back), quarter(UP - back - 1))),
            Decay::Exponential(constant) if back <= BACK => {
                let at = |i: u32| if i > BACK { 0.0 } else { self.top * libm::exp(-f64::from(i) / 2.0) };
                Some((Duration(constant.0 / 2), at(back), at(back + 1)))
            }
            _ => None,
        }
    }
}

impl Sim<'_> {
    pub(crate) fn start_demand(&mut self) {
        if self.on(Cause::Burst) && self.parameters.get(Knob::Bursts) > 0.0 {
            self.next_burst(0);
        }
        self.season = Line::flat(1.0);
        let demand = &self.p.scenario.settings.demand;
        if (demand.daily_swing != 0.0 || demand.weekend != 1.0) && self.on(Cause::Seasons) {
            self.queue.at(self.now, Event::SeasonTurns);
        }
    }

    pub(crate) fn season_turns(&mut self) {
        let demand = &self.p.scenario.settings.demand;
        let base = shape(demand, Time::ZERO);
        let at = |time| shape(demand, time) / base;
        self.season = Line::between(self.now, at(self.now), at(self.now + PIECE), PIECE);
        self.queue.at(self.now + PIECE, Event::SeasonTurns);
        self.load_changes(None);
    }

    fn next_burst(&mut self, n: u32) {
        let u = self.streams.uniform(Process::BurstTime, entity_key("cluster"), n);
        let wait = Duration::from_secs_f64(exponential_quantile(u) / self.parameters.get(Knob::Bursts) * 3600.0);
        self.queue.at(self.now + wait, Event::BurstBegins { n });
    }

    pub(crate) fn burst_begins(&mut self, n: u32) {
        self.next_burst(n + 1);
        if !self.happens(Contingency::Burst { n }, About::default()) {
            return;
        }
        let key = entity_key("cluster");
        let bursts = &self.p.scenario.settings.bursts;
        let u = self.uniform(Process::BurstFactor, key, n);
        let factor = bursts.factor.quantile(u, self.parameters.get(Knob::BurstExponent));
        let ramp = self.draw(&bursts.ramp, Process::BurstRamp, key, n);
        let hold = self.draw(&bursts.hold, Process::BurstHold, key, n);
        self.add_burst(None, factor, ramp, hold, bursts.decay);
    }

    pub(crate) fn add_burst(
        &mut self,
        target: Option<WorkloadId>,
        factor: f64,
        ramp: Duration,
        hold: Duration,
        decay: Decay,
    ) {
        self.counts.bursts += 1;
        let burst = self.bursts.len() as u32;
        let top = (factor - 1.0) * self.season.at(self.now);
        self.bursts.push(Burst { target, top, ramp, hold, decay, excess: Line::flat(0.0), most: 0.0 });
        self.burst_step(burst, 0);
    }

    /// A piece of a burst begins; those that take no time are passed over.
    pub(crate) fn burst_step(&mut self, burst: u32, mut step: u32) {
        let b = &mut self.bursts[burst as usize];
        let piece = loop {
            match b.piece(step) {
                Some((lasts, ..)) if lasts.is_zero() => step += 1,
                piece => break piece,
            }
        };
        (b.excess, b.most) = match piece {
            Some((lasts, value, to)) => (Line::between(self.now, value, to, lasts), value.max(to)),
            None => (Line::flat(0.0), 0.0),
        };
        let target = b.target;
        if let Some((lasts, ..)) = piece {
            self.queue.at(self.now + lasts, Event::BurstStep { burst, step: step + 1 });
        }
        self.load_changes(target);
    }

    /// Sets the scripted load of one workload or of all.
    pub(crate) fn set_load(&mut self, target: Option<WorkloadId>, factor: f64) {
        for workload in self.cluster.workloads.ids() {
            if target.is_none_or(|t| t == workload) {
                self.cluster.workloads[workload].scripted_load = factor;
            }
        }
        self.load_changes(target);
    }

    fn load_changes(&mut self, target: Option<WorkloadId>) {
        let now = self.now;
        let over = |bursts: &[Burst], id: WorkloadId| {
            let of = bursts.iter().filter(|b| b.target.is_none_or(|t| t == id));
            of.fold((0.0, 0.0), |(value, slope), b| (value + b.excess.at(now), slope + b.excess.slope))
        };
        for (id, spec) in self.spec.workloads.iter() {
            if !spec.follows_load || target.is_some_and(|t| t != id) {
                continue;
            }
            let (excess, slope) = over(&self.bursts, id);
            let row = &mut self.cluster.workloads[id];
            let value = row.scripted_load * (self.season.at(now) + excess);
            let slope = row.scripted_load * (self.season.slope + slope);
            row.load = Line { from: now, value: value.max(0.0), slope };
        }
        if self.log.is_some() {
            let bursts = self.bursts.iter().filter(|b| b.target == target);
            let load = self.season.at(now) + bursts.map(|b| b.most).sum::<f64>();
            let follower = || self.spec.workloads.iter().find(|(_, w)| w.follows_load).map(|(id, _)| id);
            let scripted = target.or_else(follower).map_or(1.0, |t| self.cluster.workloads[t].scripted_load);
            self.tell(Incident::LoadChanged { target, percent: libm::round(scripted * load * 100.0) as u32 });
        }
        self.touch_flows();
        self.memory_follows_load();
        self.queue_horizontal();
    }
}

/// Shape of day and week at an instant, in any unit.
fn shape(demand: &Demand, time: Time) -> f64 {
    let seconds = time.as_secs_f64();
    let turn = (seconds - demand.peak_in.as_secs_f64()) / DAY;
    let day = 1.0 + demand.daily_swing * libm::cos(std::f64::consts::TAU * turn);
    let into_week = (seconds - demand.weekend_in.as_secs_f64()).rem_euclid(7.0 * DAY);
    let week = if into_week < 2.0 * DAY { demand.weekend } else { 1.0 };
    (day * week).max(1e-6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_a_burst_join_and_come_back_to_the_base() {
        let (ramp, hold) = (Duration(60_000_001), Duration::secs(10));
        for decay in [Decay::Exponential(Duration::secs(100)), Decay::Linear(Duration(33_000_003))] {
            let burst = Burst { target: None, top: 2.0, ramp, hold, decay, excess: Line::flat(0.0), most: 0.0 };
            let pieces: Vec<_> = (0..).map_while(|n| burst.piece(n)).collect();
            assert!(pieces.windows(2).all(|w| (w[0].2 - w[1].1).abs() < 1e-12), "{pieces:?}");
            assert_eq!((pieces[0].1, pieces.last().map_or(1.0, |p| p.2)), (0.0, 0.0));
            let lasts: u64 = pieces.iter().map(|p| p.0.0).sum();
            let back = if let Decay::Linear(d) = decay { d.0 } else { 350_000_000 };
            assert_eq!(lasts, ramp.0 + hold.0 + back);
        }
    }

    #[test]
    fn a_day_and_a_week_have_their_shape() {
        let hours = |h: u64| Duration::mins(60 * h);
        let demand = Demand { daily_swing: 0.5, peak_in: hours(6), weekend: 0.7, weekend_in: hours(48), noise: 0.0 };
        for (at, expected) in [(6, 1.5), (18, 0.5), (0, 1.0), (48 + 6, 1.05), (48 + 49 + 5, 1.5), (168 + 48 + 6, 1.05)]
        {
            let found = shape(&demand, Time::ZERO + hours(at));
            assert!((found - expected).abs() < 1e-12, "hour {at}: {found}");
        }
    }
}

//! Request by request: servers with one queue before them, as queueing theory has them (M/M/c, and M/M/c/K where only so many
//! find room), on the simulator's event queue and streams. Trials do not use it: their services are fluids
//! (`process::service`); it is what those, and the event queue, can be held against theory with.

use crate::queue::{EventQueue, Queued};
use crate::random::distribution::exponential_quantile;
use crate::random::{Process, Streams};
use crate::time::{Duration, Time};

/// Servers alike, first come first served.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Servers {
    /// How many.
    pub servers: u32,
    /// Requests per second, Poisson.
    pub arrivals: f64,
    /// Requests per second that a busy server finishes, exponential.
    pub rate: f64,
    /// Requests that find room, those being served included; absent without a bound.
    pub room: Option<u32>,
}

/// What so many requests in a row met.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Batch {
    /// Requests that came.
    pub came: u32,
    /// Found no room.
    pub refused: u32,
    /// Found every server busy, and room.
    pub waited: u32,
    /// Waited longer than was asked about.
    pub waited_long: u32,
    /// Sum of the waits of those whose service began, in seconds, and their number.
    pub waits: f64,
    /// Requests whose service began.
    pub began: u32,
    /// Server seconds of work, request seconds of waiting, and how long it took.
    pub busy: f64,
    /// Request seconds in the queue.
    pub queued: f64,
    /// Seconds from the first to the last.
    pub seconds: f64,
}

/// Something that happens to a request.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    Arrives,
    Leaves,
}

impl Queued for Step {
    fn stage(self) -> u64 {
        u64::from(self == Step::Arrives)
    }

    fn begins(self) -> bool {
        false
    }
}

/// Runs the servers, empty at first, for `batches` batches of `size` requests each; says of each how many waited longer than `long`.
pub fn serve(how: Servers, seed: u64, batches: u32, size: u32, long: Duration) -> Vec<Batch> {
    let streams = Streams::new(seed, 0);
    let mut run = Run {
        how,
        streams,
        queue: EventQueue::default(),
        waiting: std::collections::VecDeque::new(),
        busy: 0,
        n: [0; 2],
    };
    run.queue.clear(Time::NEVER, Time::NEVER);
    run.next(Time::ZERO, Step::Arrives);
    let mut last = Time::ZERO;
    let one = |_| {
        let mut batch = Batch::default();
        while batch.came < size {
            let Some((now, step)) = run.queue.next(Time::NEVER) else { break };
            let seconds = now.since(last).as_secs_f64();
            batch.seconds += seconds;
            batch.busy += f64::from(run.busy) * seconds;
            batch.queued += run.waiting.len() as f64 * seconds;
            last = now;
            match step {
                Step::Arrives => run.arrives(now, &mut batch),
                Step::Leaves => run.leaves(now, long, &mut batch),
            }
        }
        batch
    };
    (0..batches).map(one).collect()
}

struct Run {
    how: Servers,
    streams: Streams,
    queue: EventQueue<Step>,
    /// When those that wait came.
    waiting: std::collections::VecDeque<Time>,
    busy: u32,
    /// Draws of arrivals and of services.
    n: [u32; 2],
}

impl Run {
    /// Queues the next step of a kind after its exponential time.
    fn next(&mut self, now: Time, step: Step) {
        let (process, rate) = match step {
            Step::Arrives => (Process::RequestArrival, self.how.arrivals),
            Step::Leaves => (Process::RequestService, self.how.rate),
        };
        let n = &mut self.n[step as usize];
        let u = self.streams.uniform(process, 0, *n);
        *n = n.wrapping_add(1);
        self.queue.at(now + Duration::from_secs_f64(exponential_quantile(u) / rate), step);
    }

    fn arrives(&mut self, now: Time, batch: &mut Batch) {
        self.next(now, Step::Arrives);
        batch.came += 1;
        let present = self.busy + self.waiting.len() as u32;
        if self.how.room.is_some_and(|room| present >= room) {
            batch.refused += 1;
        } else if self.busy < self.how.servers {
            self.busy += 1;
            batch.began += 1;
            self.next(now, Step::Leaves);
        } else {
            batch.waited += 1;
            self.waiting.push_back(now);
        }
    }

    fn leaves(&mut self, now: Time, long: Duration, batch: &mut Batch) {
        match self.waiting.pop_front() {
            Some(came) => {
                let wait = now.since(came);
                batch.began += 1;
                batch.waits += wait.as_secs_f64();
                batch.waited_long += u32::from(wait > long);
                self.next(now, Step::Leaves);
            }
            None => self.busy -= 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_server_waits_as_long_as_theory_says() {
        let how = Servers { servers: 1, arrivals: 0.5, rate: 1.0, room: None };
        let batches = serve(how, 1, 200, 5000, Duration::secs(2));
        let sum = |f: fn(&Batch) -> f64| batches.iter().map(f).sum::<f64>();
        // M/M/1 at one half: a wait of 1 s, half of all wait, a share of exp(-1) / 2 for more than 2 s.
        let (came, began) = (sum(|b| f64::from(b.came)), sum(|b| f64::from(b.began)));
        assert!((sum(|b| b.waits) / began - 1.0).abs() < 0.02);
        assert!((sum(|b| f64::from(b.waited)) / came - 0.5).abs() < 0.005);
        assert!((sum(|b| f64::from(b.waited_long)) / began - 0.5 * libm::exp(-1.0)).abs() < 0.005);
        assert!((sum(|b| b.busy) / sum(|b| b.seconds) - 0.5).abs() < 0.005);
    }
}

//! The event queue: a heap with four children a node, ordered by (time, stage, order of queueing).
//!
//! What is ordered is one number of 128 bits: time, stage, order and the place of the event, which lies apart, so that little
//! is moved. Events beyond the end of the run never come and are not kept: most of what is queued far ahead (failures of
//! nodes, time-outs) is of that kind. After the horizon a run only follows what has begun before it. Ties are first-in first-out. Cost grows with the number of pending events, so
//! processes keep one pending event each.

use crate::event::Event;
use crate::time::Time;

/// Children of a node of the heap.
const WIDTH: usize = 4;
/// Bits of the place of an event, of the order of queueing, and of the stage.
const PLACE: u32 = 32;
const ORDER: u32 = 32;
const STAGE: u32 = 3;

/// What can be queued.
pub(crate) trait Queued: Copy {
    /// Its place among what happens at one instant, 0-7.
    fn stage(self) -> u64;
    /// True where it begins something that nothing before has led to.
    fn begins(self) -> bool;
}

/// Pending events.
#[derive(Clone, Debug)]
pub(crate) struct EventQueue<E = Event> {
    heap: Vec<u128>,
    /// Events by their place.
    events: Vec<E>,
    /// Places that are free.
    free: Vec<u32>,
    /// Numbers events in the order of queueing.
    next: u32,
    /// The end of the run.
    end: Time,
    /// The end of what may begin in it.
    horizon: Time,
    /// What would come after it.
    #[cfg(test)]
    late: Vec<E>,
}

impl<E> Default for EventQueue<E> {
    fn default() -> Self {
        EventQueue {
            heap: Vec::new(),
            events: Vec::new(),
            free: Vec::new(),
            next: 0,
            end: Time::ZERO,
            horizon: Time::ZERO,
            #[cfg(test)]
            late: Vec::new(),
        }
    }
}

impl<E: Queued> EventQueue<E> {
    /// Queues an event.
    pub fn at(&mut self, time: Time, event: E) {
        // 2^61 µs are 73,000 years: later than that is never.
        if time > self.horizon && (time > self.end || event.begins()) || time.0 >= 1 << 61 {
            #[cfg(test)]
            self.late.push(event);
            return;
        }
        let place = match self.free.pop() {
            Some(place) => {
                self.events[place as usize] = event;
                place
            }
            None => {
                self.events.push(event);
                self.events.len() as u32 - 1
            }
        };
        let instant = u128::from(time.0 << STAGE | event.stage());
        self.heap.push(instant << (ORDER + PLACE) | u128::from(self.next) << PLACE | u128::from(place));
        self.next += 1;
        self.rise(self.heap.len() - 1);
    }

    /// Takes the next event, where it comes by a time.
    pub fn next(&mut self, by: Time) -> Option<(Time, E)> {
        let first = *self.heap.first().filter(|first| (**first >> (STAGE + ORDER + PLACE)) as u64 <= by.0)?;
        let last = self.heap.pop()?;
        if !self.heap.is_empty() {
            self.sink(last);
        }
        let place = first as u32;
        self.free.push(place);
        Some((Time((first >> (STAGE + ORDER + PLACE)) as u64), self.events[place as usize]))
    }

    /// All that is queued, in no order; what would come after the end of the run included.
    #[cfg(test)]
    pub fn pending(&self) -> impl Iterator<Item = E> + '_ {
        let kept = self.heap.iter().map(|&entry| self.events[entry as u32 as usize]);
        kept.chain(self.late.iter().copied())
    }

    /// Forgets everything and keeps the room; events after `end` will not be kept, nor those after the horizon with which
    /// something new would begin.
    pub fn clear(&mut self, horizon: Time, end: Time) {
        self.heap.clear();
        self.events.clear();
        self.free.clear();
        #[cfg(test)]
        self.late.clear();
        self.next = 0;
        (self.horizon, self.end) = (horizon, end);
    }

    /// Moves an entry up to its place.
    fn rise(&mut self, mut at: usize) {
        let entry = self.heap[at];
        while at > 0 {
            let parent = (at - 1) / WIDTH;
            if self.heap[parent] <= entry {
                break;
            }
            self.heap[at] = self.heap[parent];
            at = parent;
        }
        self.heap[at] = entry;
    }

    /// Puts an entry in at the top, and moves it down to its place.
    fn sink(&mut self, entry: u128) {
        let heap = &mut self.heap[..];
        let mut at = 0;
        loop {
            let first = at * WIDTH + 1;
            let Some(children) = heap.get(first..heap.len().min(first + WIDTH)).filter(|c| !c.is_empty()) else {
                break;
            };
            let (mut least, mut value) = (0, children[0]);
            for (i, &child) in children.iter().enumerate().skip(1) {
                if child < value {
                    (least, value) = (i, child);
                }
            }
            if entry <= value {
                break;
            }
            heap[at] = value;
            at = first + least;
        }
        heap[at] = entry;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NodeId;

    fn noticed(n: u32) -> Event {
        Event::NodeNoticed { node: NodeId(n), epoch: 0 }
    }

    #[test]
    fn ties_go_by_stage_then_by_order_of_queueing() {
        let mut queue: EventQueue = EventQueue::default();
        queue.clear(Time(5), Time(5));
        queue.at(Time(5), Event::Sample);
        queue.at(Time(5), Event::Schedule);
        queue.at(Time(5), noticed(1));
        queue.at(Time(5), noticed(2));
        queue.at(Time(4), Event::Flow);
        queue.at(Time(6), Event::Flow);
        queue.at(Time::NEVER, Event::Flow);
        let order: Vec<Event> = std::iter::from_fn(|| queue.next(Time::NEVER)).map(|(_, event)| event).collect();
        assert_eq!(order, [Event::Flow, noticed(1), noticed(2), Event::Schedule, Event::Sample]);
    }

    /// The same as a list that is sorted, with events that come and go.
    #[test]
    fn events_come_in_the_order_of_a_sorted_list() {
        let mut queue: EventQueue = EventQueue::default();
        queue.clear(Time::NEVER, Time::NEVER);
        let mut list: Vec<(u64, u32)> = Vec::new();
        let mut state = 7u64;
        for n in 0..4000u32 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let time = state >> 53;
            queue.at(Time(time), noticed(n));
            list.push((time, n));
            if state & 3 == 0 {
                list.sort_unstable();
                let (time, n) = list.remove(0);
                assert_eq!(queue.next(Time::NEVER), Some((Time(time), noticed(n))));
            }
        }
        list.sort_unstable();
        for (time, n) in list {
            assert_eq!(queue.next(Time::NEVER), Some((Time(time), noticed(n))));
        }
        assert_eq!(queue.next(Time::NEVER), None);
    }
}

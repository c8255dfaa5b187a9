//! The event queue: a binary heap ordered by (time, stage, order of queueing).
//!
//! The stage sits in the low three bits of the time key; ties are first-in first-out. Cost grows with the number of
//! pending events, so processes keep one pending event each.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::event::Event;
use crate::time::Time;

/// Pending events.
#[derive(Clone, Debug, Default)]
pub(crate) struct EventQueue {
    heap: BinaryHeap<Reverse<Pending>>,
    next: u32,
}

#[derive(Clone, Copy, Debug)]
struct Pending {
    key: u64,
    order: u32,
    event: Event,
}

impl PartialEq for Pending {
    fn eq(&self, other: &Self) -> bool {
        (self.key, self.order) == (other.key, other.order)
    }
}

impl Eq for Pending {}

impl PartialOrd for Pending {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Pending {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.key, self.order).cmp(&(other.key, other.order))
    }
}

impl EventQueue {
    /// Queues an event.
    pub fn at(&mut self, time: Time, event: Event) {
        // 2^61 µs are 73,000 years: later than that is never.
        if time.0 >= 1 << 61 {
            return;
        }
        self.heap.push(Reverse(Pending { key: (time.0 << 3) | event.stage(), order: self.next, event }));
        self.next += 1;
    }

    /// Takes the next event at or before `end`.
    pub fn next_until(&mut self, end: Time) -> Option<(Time, Event)> {
        let Reverse(pending) = self.heap.peek()?;
        let time = Time(pending.key >> 3);
        if time > end {
            return None;
        }
        let event = pending.event;
        self.heap.pop();
        Some((time, event))
    }

    /// All that is queued, in no order.
    #[cfg(test)]
    pub fn pending(&self) -> impl Iterator<Item = Event> + '_ {
        self.heap.iter().map(|Reverse(pending)| pending.event)
    }

    /// Forgets everything and keeps the room.
    pub fn clear(&mut self) {
        self.heap.clear();
        self.next = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NodeId;

    #[test]
    fn ties_go_by_stage_then_by_order_of_queueing() {
        let mut queue = EventQueue::default();
        let noticed = |n| Event::NodeNoticed { node: NodeId(n), epoch: 0 };
        queue.at(Time(5), Event::Sample);
        queue.at(Time(5), Event::Schedule);
        queue.at(Time(5), noticed(1));
        queue.at(Time(5), noticed(2));
        queue.at(Time(4), Event::Flow);
        queue.at(Time::NEVER, Event::Flow);
        let mut order = Vec::new();
        while let Some((_, event)) = queue.next_until(Time(5)) {
            order.push(event);
        }
        assert_eq!(order, [Event::Flow, noticed(1), noticed(2), Event::Schedule, Event::Sample]);
    }
}

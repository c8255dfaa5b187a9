//! The scheduler's queue: pods to be tried now (activeQ), pods that were woken before their back-off was over (backoffQ),
//! pods that nothing has woken yet. Holds entries, decides nothing; entries of pods that are gone are passed over by epoch.
//!
//! kube-scheduler v1.34.1 `backend/queue`: order by priority, then by the time of being queued (PrioritySort); back-off is
//! over at the first whole second after it, and pods whose back-off ends in the same second are in the order of the active
//! queue; a pod that failed by error, as where there is no node at all, is never tried before its back-off is over.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::PodId;
use crate::scheduler::Refusers;
use crate::settings::SchedulerProfile;
use crate::time::{Duration, Time};

/// A pod in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    /// First in the order of what is tried next.
    pub priority: Reverse<i32>,
    /// When it was put into the queue: its creation, then its last failure.
    pub queued: Time,
    /// Breaks ties: the order of creation.
    pub start: u32,
    pub pod: PodId,
    pub epoch: u32,
}

/// A pod no node was found for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiting {
    pub entry: Entry,
    /// Who refused it; nobody where there was no node.
    pub refusers: Refusers,
    /// Failed attempts.
    pub attempts: u32,
}

/// The queue.
#[derive(Clone, Debug, Default)]
pub(crate) struct Queue {
    active: BinaryHeap<Reverse<Entry>>,
    /// By the second in which the back-off ends.
    backoff: BinaryHeap<Reverse<(u64, Entry)>>,
    /// The same for pods that may not be tried earlier.
    errors: BinaryHeap<Reverse<(u64, Entry)>>,
    /// Pods that wait to be woken.
    pub waiting: Vec<Waiting>,
}

impl Queue {
    pub fn clear(&mut self) {
        self.active.clear();
        self.backoff.clear();
        self.errors.clear();
        self.waiting.clear();
    }

    /// Adds a pod to be tried now.
    pub fn activate(&mut self, entry: Entry) {
        self.active.push(Reverse(entry));
    }

    /// Brings back a pod that was woken: to be tried now, or when its back-off is over.
    pub fn wake(&mut self, woken: Waiting, now: Time, profile: &SchedulerProfile) {
        let second = backoff_second(&woken, profile);
        if second < whole(now) {
            self.activate(woken.entry);
        } else {
            self.backoff.push(Reverse((second, woken.entry)));
        }
    }

    /// Brings back a pod that failed because there was no node. It has been tried again after each back-off, in vain; those
    /// attempts are passed over, and the next one is queued.
    pub fn wake_stranded(&mut self, mut woken: Waiting, now: Time, profile: &SchedulerProfile) {
        let mut second = backoff_second(&woken, profile);
        while second < whole(now) {
            woken.attempts += 1;
            woken.entry.queued = Time::ZERO + Duration::secs(second + 1);
            second = backoff_second(&woken, profile);
        }
        self.errors.push(Reverse((second, woken.entry)));
    }

    /// The next pod to try.
    pub fn pop(&mut self, now: Time, profile: &SchedulerProfile) -> Option<Entry> {
        self.end_backoffs(now);
        if let Some(Reverse(entry)) = self.active.pop() {
            return Some(entry);
        }
        let Reverse((_, entry)) = if profile.pops_from_backoff { self.backoff.pop()? } else { return None };
        Some(entry)
    }

    /// When there will be a pod to try: `None` for never, as it stands; a time that is over means now.
    pub fn next(&self, profile: &SchedulerProfile) -> Option<Time> {
        if !self.active.is_empty() || (profile.pops_from_backoff && !self.backoff.is_empty()) {
            return Some(Time::ZERO);
        }
        let ends = [self.backoff.peek(), self.errors.peek()];
        let second = ends.into_iter().flatten().map(|Reverse((second, _))| *second).min()?;
        Some(Time::ZERO + Duration::secs(second + 1))
    }

    /// True where a pod is in some part of the queue.
    #[cfg(test)]
    pub fn holds(&self, pod: PodId, epoch: u32) -> bool {
        let backing_off = self.backoff.iter().chain(&self.errors).map(|Reverse((_, entry))| entry);
        let waiting = self.waiting.iter().map(|w| &w.entry);
        let mut all = self.active.iter().map(|Reverse(entry)| entry).chain(backing_off).chain(waiting);
        all.any(|entry| (entry.pod, entry.epoch) == (pod, epoch))
    }

    fn end_backoffs(&mut self, now: Time) {
        for queue in [&mut self.backoff, &mut self.errors] {
            while queue.peek().is_some_and(|Reverse((second, _))| *second < whole(now)) {
                if let Some(Reverse((_, entry))) = queue.pop() {
                    self.active.push(Reverse(entry));
                }
            }
        }
    }
}

/// The second in which a pod's back-off ends; it is over in the next (`isPodBackingoff`, `alignToWindow`).
fn backoff_second(woken: &Waiting, profile: &SchedulerProfile) -> u64 {
    whole(woken.entry.queued + backoff(woken.attempts, profile))
}

fn whole(time: Time) -> u64 {
    time.0 / 1_000_000
}

/// How long a pod stays away after its `attempts`-th failure.
pub(super) fn backoff(attempts: u32, profile: &SchedulerProfile) -> Duration {
    let doubled = 1u64.checked_shl(attempts.max(1) - 1).unwrap_or(u64::MAX);
    Duration(profile.backoff.0.saturating_mul(doubled)).min(profile.backoff_most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_doubles_from_one_second_to_ten() {
        let profile = SchedulerProfile::default();
        let seconds: Vec<u64> = (1..=7).map(|n| backoff(n, &profile).0 / 1_000_000).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 10, 10, 10]);
        assert_eq!(backoff(200, &profile), Duration::secs(10));
    }

    fn entry(pod: u32, priority: i32, queued: u64) -> Entry {
        Entry { priority: Reverse(priority), queued: Time(queued * 1000), start: pod, pod: PodId(pod), epoch: 0 }
    }

    fn refused() -> Refusers {
        Refusers::of(std::iter::once(crate::scheduler::Rejection::Unschedulable))
    }

    /// Pops at a time in milliseconds until nothing is left.
    fn popped(queue: &mut Queue, at: u64, profile: &SchedulerProfile) -> Vec<u32> {
        std::iter::from_fn(|| queue.pop(Time(at * 1000), profile)).map(|entry| entry.pod.0).collect()
    }

    #[test]
    fn priority_comes_first_then_the_time_of_being_queued() {
        let mut queue = Queue::default();
        let profile = SchedulerProfile::default();
        for (pod, priority, queued) in [(1, 0, 5), (2, 0, 3), (3, 7, 9), (4, 0, 3)] {
            queue.activate(entry(pod, priority, queued));
        }
        assert_eq!(popped(&mut queue, 10, &profile), [3, 2, 4, 1]);
    }

    #[test]
    fn a_back_off_is_over_in_the_second_after_it_and_earlier_only_where_nothing_else_is_to_do() {
        let early = SchedulerProfile::default();
        let late = SchedulerProfile { pops_from_backoff: false, ..SchedulerProfile::default() };
        // Failed at 0.4 s for the first time: its back-off ends at 1.4 s and is over at 2 s.
        let woken = Waiting { entry: entry(1, 0, 400), refusers: refused(), attempts: 1 };
        for (at, profile, expected) in
            [(500, &early, vec![1]), (500, &late, vec![]), (1_999, &late, vec![]), (2_000, &late, vec![1])]
        {
            let mut queue = Queue::default();
            queue.wake(woken, Time(500_000), profile);
            assert_eq!(popped(&mut queue, at, profile), expected, "at {at} ms");
        }
        let mut queue = Queue::default();
        queue.wake(woken, Time(500_000), &early);
        queue.activate(entry(2, -5, 0));
        assert_eq!(
            popped(&mut queue, 500, &early),
            [2, 1],
            "the back-off queue is popped when the active one is empty"
        );
        queue.wake(woken, Time(500_000), &late);
        assert_eq!(queue.next(&late), Some(Time(2_000_000)));
    }

    #[test]
    fn without_nodes_a_pod_waits_out_its_back_off() {
        let profile = SchedulerProfile::default();
        let mut queue = Queue::default();
        let stranded = Waiting { entry: entry(1, 0, 400), refusers: Refusers::default(), attempts: 1 };
        // It fails at 0.4, 2, 5, 10, 19, 30 s and so on.
        for (node_comes, tried) in [(400, 2), (2_000, 5), (2_500, 5), (18_000, 19), (29_999, 30), (30_000, 41)] {
            queue.wake_stranded(stranded, Time(node_comes * 1000), &profile);
            assert_eq!(popped(&mut queue, tried * 1000 - 1, &profile), Vec::<u32>::new());
            assert_eq!(queue.next(&profile), Some(Time(tried * 1_000_000)), "a node at {node_comes} ms");
            assert_eq!(popped(&mut queue, tried * 1000, &profile), [1]);
        }
    }
}

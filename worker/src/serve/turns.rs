//! Who may take the next message, and who may simulate. As many as are simulated at once have a turn. Who has only the drawing
//! left lets another take the next message, so that the way to the queue and back costs nothing; who has drawn lets it
//! begin, and publishes while it is simulated. So a worker waits for a queue, the disk, a store or a broker only where that
//! is slower than simulating: then as many reports are on their way as there are hands beyond the turns. A message is never
//! taken much before it can begin, for another worker might have begun at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::Stage;

/// Hands beyond those that simulate or wait to. A publication waits twice for the disk, 1 to 4 ms each, and the smallest
/// simulation with its report takes about as long; reports on their way take memory.
const PUBLISHING: u16 = 8;

/// The turns of one worker.
pub struct Turns {
    taking: Arc<Semaphore>,
    simulating: Arc<Semaphore>,
    hands: u16,
    /// Set where nothing was left in the queue and that is the end.
    over: AtomicBool,
}

/// May take a message. Goes to the next when dropped.
pub type Taking = OwnedSemaphorePermit;

/// May simulate. Goes to the next when dropped.
pub struct Turn {
    taking: Option<Taking>,
    simulating: Option<OwnedSemaphorePermit>,
}

impl Turns {
    /// So many messages are simulated at once.
    pub fn new(parallel: u16) -> Turns {
        let parallel = parallel.max(1);
        let permits = || Arc::new(Semaphore::new(usize::from(parallel)));
        let hands = parallel.saturating_mul(2).saturating_add(PUBLISHING);
        Turns { taking: permits(), simulating: permits(), hands, over: AtomicBool::new(false) }
    }

    /// Hands that work off the queue.
    pub fn hands(&self) -> u16 {
        self.hands
    }

    /// Waits until the next message may be taken; nothing where the work has ended or is to be stopped.
    pub async fn next(&self, shutdown: &mut watch::Receiver<bool>) -> Option<Taking> {
        let taking = tokio::select! {
            // Whoever passes a turn on because of the end must not make another begin.
            biased;
            // An error means that nobody is left who could want anything.
            _ = shutdown.wait_for(|stop| *stop) => None,
            taking = self.taking.clone().acquire_owned() => taking.ok(),
        };
        taking.filter(|_| !self.over.load(Ordering::Relaxed))
    }

    /// Waits until the message that was taken may be simulated: for as long as another is drawn, and no signal to stop ends
    /// that. What was taken is finished like what was begun, for some queues count a message that comes back as tried.
    pub async fn begin(&self, taking: Taking) -> Turn {
        // The semaphore is never closed.
        Turn { taking: Some(taking), simulating: self.simulating.clone().acquire_owned().await.ok() }
    }

    /// Nothing is left in the queue. Who still works looks once more: it may have put something back.
    pub fn no_more(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    /// A message was settled, perhaps by putting it back.
    pub fn more(&self) {
        self.over.store(false, Ordering::Relaxed);
    }
}

impl Turn {
    /// Passes on what a message that has come so far does not need any more.
    pub fn comes_to(&mut self, stage: Stage) {
        self.taking = None;
        if stage == Stage::Drawn {
            self.simulating = None;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// What comes within a moment.
    async fn soon<T>(what: impl Future<Output = T>) -> Option<T> {
        tokio::time::timeout(Duration::from_millis(20), what).await.ok()
    }

    #[tokio::test]
    async fn the_next_is_taken_while_one_draws_and_begins_when_it_has_drawn() {
        let (_stop, mut stopped) = watch::channel(false);
        let turns = Turns::new(1);
        let first = turns.next(&mut stopped).await.unwrap();
        let mut first = turns.begin(first).await;
        assert!(soon(turns.next(&mut stopped)).await.is_none(), "taken while another is simulated");
        first.comes_to(Stage::Judged);
        let second = soon(turns.next(&mut stopped)).await.unwrap().unwrap();
        {
            let mut waits = std::pin::pin!(turns.begin(second));
            assert!(soon(waits.as_mut()).await.is_none(), "begun while another draws");
            assert!(soon(turns.next(&mut stopped)).await.is_none(), "two are taken ahead");
            first.comes_to(Stage::Drawn);
            assert!(soon(waits).await.is_some());
        }
        assert!(soon(turns.next(&mut stopped)).await.unwrap().is_some(), "a turn that is dropped is free");
    }

    #[tokio::test]
    async fn at_the_end_nothing_is_taken_and_what_was_taken_begins() {
        let (stop, mut stopped) = watch::channel(false);
        let turns = Turns::new(1);
        let first = turns.next(&mut stopped).await.unwrap();
        let mut first = turns.begin(first).await;
        first.comes_to(Stage::Judged);
        let second = turns.next(&mut stopped).await.unwrap();
        stop.send(true).unwrap();
        first.comes_to(Stage::Drawn);
        assert!(soon(turns.begin(second)).await.is_some());
        assert!(turns.next(&mut stopped).await.is_none());
    }
}

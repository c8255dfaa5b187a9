//! Who may take the next message. As many as are simulated at once have a turn; who has nothing left to simulate passes it on
//! and publishes while the next message is simulated. So a worker waits for the disk, a store or a broker only where that is
//! slower than simulating: then as many reports are on their way as there are hands beyond the turns.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// Hands beyond those that simulate. A publication waits twice for the disk, 1 to 4 ms each, and the smallest simulation with
/// its report takes about as long; reports on their way take memory.
const PUBLISHING: u16 = 8;

/// The turns of one worker.
pub struct Turns {
    free: Arc<Semaphore>,
    hands: u16,
    /// Set where nothing was left in the queue and that is the end.
    over: AtomicBool,
}

/// Goes to the next when dropped.
pub type Turn = OwnedSemaphorePermit;

impl Turns {
    /// So many messages are simulated at once.
    pub fn new(parallel: u16) -> Turns {
        let parallel = parallel.max(1);
        let free = Arc::new(Semaphore::new(usize::from(parallel)));
        Turns { free, hands: parallel.saturating_add(PUBLISHING), over: AtomicBool::new(false) }
    }

    /// Hands that work off the queue.
    pub fn hands(&self) -> u16 {
        self.hands
    }

    /// Waits for a turn; nothing where the work has ended or is to be stopped.
    pub async fn next(&self, shutdown: &mut watch::Receiver<bool>) -> Option<Turn> {
        let turn = tokio::select! {
            // Whoever passes a turn on because of the end must not make another begin.
            biased;
            // An error means that nobody is left who could want anything.
            _ = shutdown.wait_for(|stop| *stop) => None,
            turn = self.free.clone().acquire_owned() => turn.ok(),
        };
        turn.filter(|_| !self.over.load(Ordering::Relaxed))
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

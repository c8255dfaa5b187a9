//! The way to the queue for those who bring messages: a thread of its own, since the verbs of a desk block, which opens the
//! queue when it is needed and anew after trouble.

use std::sync::mpsc;

use tokio::sync::oneshot;

use crate::queue::{Depth, QueueError};
use crate::trace::TraceParent;

/// What brings messages to a queue.
pub trait Put {
    /// Adds a message with its place in a trace; it is durable on return. Gives the name it has there.
    ///
    /// # Errors
    /// The message is too large, or the queue does not take it.
    fn put(&mut self, body: &[u8], trace: Option<&TraceParent>) -> Result<String, QueueError>;

    /// How much lies there.
    ///
    /// # Errors
    /// The queue does not answer.
    fn depth(&mut self) -> Result<Depth, QueueError>;
}

enum Request {
    Put(Vec<u8>, Option<TraceParent>, oneshot::Sender<Result<String, QueueError>>),
    Depth(oneshot::Sender<Result<Depth, QueueError>>),
}

/// A door through which many may bring messages at once; one after the other goes in.
#[derive(Clone)]
pub struct Door {
    requests: mpsc::SyncSender<Request>,
}

/// Requests that wait before others are sent away.
const WAITING: usize = 256;

impl Door {
    /// A door to the queue that `open` opens.
    pub fn new(open: impl Fn() -> Result<Box<dyn Put>, QueueError> + Send + 'static) -> Door {
        let (requests, asked) = mpsc::sync_channel(WAITING);
        std::thread::spawn(move || attend(&open, &asked));
        Door { requests }
    }

    /// Adds a message; it is durable on return.
    ///
    /// # Errors
    /// See [`Put::put`].
    pub async fn put(&self, body: Vec<u8>, trace: Option<TraceParent>) -> Result<String, QueueError> {
        self.ask(|answer| Request::Put(body, trace, answer)).await
    }

    /// How much lies in the queue.
    ///
    /// # Errors
    /// See [`Put::depth`].
    pub async fn depth(&self) -> Result<Depth, QueueError> {
        self.ask(Request::Depth).await
    }

    async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<Result<T, QueueError>>) -> Request,
    ) -> Result<T, QueueError> {
        let (answer, answered) = oneshot::channel();
        let crowded = || QueueError::Door("too many requests wait for it");
        self.requests.try_send(request(answer)).map_err(|_| crowded())?;
        answered.await.unwrap_or_else(|_| Err(QueueError::Door("it is closed")))
    }
}

/// Answers requests until nobody can ask any more.
fn attend(open: &dyn Fn() -> Result<Box<dyn Put>, QueueError>, asked: &mpsc::Receiver<Request>) {
    let mut queue: Option<Box<dyn Put>> = None;
    while let Ok(request) = asked.recv() {
        // Whoever asked may have gone away.
        match request {
            Request::Put(body, trace, answer) => {
                _ = answer.send(with(&mut queue, open, &mut |queue| queue.put(&body, trace.as_ref())));
            }
            Request::Depth(answer) => _ = answer.send(with(&mut queue, open, &mut |queue| queue.depth())),
        }
    }
}

/// Does something with the queue; a second time with one opened anew where the one that was open fails.
fn with<T>(
    queue: &mut Option<Box<dyn Put>>,
    open: &dyn Fn() -> Result<Box<dyn Put>, QueueError>,
    act: &mut dyn FnMut(&mut dyn Put) -> Result<T, QueueError>,
) -> Result<T, QueueError> {
    if let Some(open) = queue {
        match act(open.as_mut()) {
            Err(error) if !matches!(error, QueueError::TooLarge(_)) => *queue = None,
            done => return done,
        }
    }
    let mut fresh = open()?;
    let done = act(fresh.as_mut())?;
    *queue = Some(fresh);
    Ok(done)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// A queue that breaks with each third message.
    struct Brittle(Arc<AtomicU32>, u32);

    impl Put for Brittle {
        fn put(&mut self, body: &[u8], _: Option<&TraceParent>) -> Result<String, QueueError> {
            self.1 += 1;
            if self.1 == 3 { Err(QueueError::Door("broken")) } else { Ok(body.len().to_string()) }
        }

        fn depth(&mut self) -> Result<Depth, QueueError> {
            Ok(Depth { waiting: u64::from(self.0.load(Ordering::Relaxed)), ..Depth::default() })
        }
    }

    #[tokio::test]
    async fn a_queue_that_breaks_is_opened_anew_and_no_message_is_lost() {
        let opened = Arc::new(AtomicU32::new(0));
        let seen = opened.clone();
        let door = Door::new(move || {
            seen.fetch_add(1, Ordering::Relaxed);
            Ok(Box::new(Brittle(seen.clone(), 0)))
        });
        for length in 1..=10 {
            assert_eq!(door.put(vec![0; length], None).await.expect("put"), length.to_string());
        }
        // Two go well and the third opens the next, which takes it: 1, 2 | 3, 4 | 5, 6 | ...
        assert_eq!(door.depth().await.expect("counted").waiting, 5);
    }

    #[tokio::test]
    async fn a_queue_that_cannot_be_opened_says_why() {
        let door = Door::new(|| Err(QueueError::Door("no such place")));
        assert!(door.put(vec![1], None).await.expect_err("cannot be opened").to_string().contains("no such place"));
    }
}

//! The queue on Azure Storage: `azqueue://ACCOUNT/QUEUE`. A claimed message is invisible for the length of its lease, which
//! is renewed while it is worked on; each renewal changes the receipt. Messages are base64, as Event Grid writes them.
//!
//! Dead letters lie in `QUEUE-poison` with their reason. A letter is sent before its original is removed, so a crash
//! between the two leaves both. Azure counts every handing out: an attempt that was given back at the end of a worker
//! counts too, and what went wrong the last time is in the log only. A message takes 64 KiB, 48 KiB before base64.

mod carried;
mod desk;
mod letter;
mod link;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use super::{AzureUrl, Claimed, Job, Queue, QueueError};
use crate::trace::TraceParent;
use link::{Link, Message};

pub use desk::AzureDesk;

/// The queue on Azure Storage as the worker uses it.
#[derive(Clone)]
pub struct Azure {
    queue: Arc<Link>,
    poison: Arc<Link>,
}

/// Names one delivery of one message; its newest receipt is known to whoever renewed it last.
#[derive(Clone, Debug)]
pub struct Receipt {
    id: String,
    text: Arc<str>,
    attempt: u32,
    newest: Arc<Mutex<String>>,
}

impl Azure {
    /// Connects, and makes both queues where they are missing.
    ///
    /// # Errors
    /// There is no credential, or Azure refuses it. Where nobody answers, it is asked again with every claim.
    pub async fn open(url: &AzureUrl) -> Result<Azure, QueueError> {
        let (queue, poison) = (Link::open(url)?, Link::open(&url.poison())?);
        for link in [&queue, &poison] {
            match link.make().await {
                Err(error) if !error.passes() => return Err(error),
                _ => {}
            }
        }
        Ok(Azure { queue: queue.into(), poison: poison.into() })
    }
}

impl Queue for Azure {
    type Receipt = Receipt;

    async fn claim(&self, lease: Duration) -> Result<Claimed<Receipt>, QueueError> {
        if let Some(message) = self.queue.take(1, lease).await?.pop() {
            return Ok(Claimed::Job(job(message)));
        }
        // The count holds the invisible ones too, and may be too high but not too low.
        Ok(if self.queue.count().await? == 0 { Claimed::Empty } else { Claimed::Later(Duration::MAX) })
    }

    async fn extend(&self, receipt: &Receipt, lease: Duration) -> Result<(), QueueError> {
        let (queue, receipt) = (self.queue.clone(), receipt.clone());
        // Whoever drops the future half-way must not lose the new receipt.
        let renewal = tokio::spawn(async move {
            let mut newest = receipt.newest.lock().await;
            *newest = queue.show_in(&receipt.id, &newest, lease).await?;
            Ok(())
        });
        renewal.await.unwrap_or_else(|_| Ok(()))
    }

    async fn ack(&self, receipt: &Receipt) -> Result<(), QueueError> {
        self.queue.remove(&receipt.id, &receipt.newest.lock().await).await
    }

    async fn give_back(&self, receipt: &Receipt, delay: Duration, _trouble: Option<String>) -> Result<(), QueueError> {
        self.queue.show_in(&receipt.id, &receipt.newest.lock().await, delay).await.map(drop)
    }

    async fn push(&self, body: &[u8], _key: &str, trace: Option<&TraceParent>) -> Result<(), QueueError> {
        self.queue.send(carried::written(body, trace)).await.map(drop)
    }

    async fn bury(&self, receipt: &Receipt, reason: String) -> Result<(), QueueError> {
        // Still ours: otherwise the letter would be a second one.
        self.extend(receipt, Duration::from_secs(60)).await?;
        for text in letter::written(&receipt.id, &receipt.text, &reason, receipt.attempt) {
            self.poison.send(text).await?;
        }
        self.ack(receipt).await
    }
}

fn job(message: Message) -> Job<Receipt> {
    let receipt = Receipt {
        id: message.id.clone(),
        text: message.text.as_str().into(),
        attempt: message.handed_out,
        newest: Arc::new(Mutex::new(message.receipt)),
    };
    let (body, trace) = carried::read(message.text);
    Job { receipt, id: message.id, body, attempt: message.handed_out, trouble: None, sent: message.sent, trace }
}

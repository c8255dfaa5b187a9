//! The desk of an Azure queue. Dead letters are taken to be looked at and let go at once, so two who look at once each see a
//! part; waiting messages are counted only, since to take one would take it from the workers.

use std::time::Duration;

use tokio::runtime::Runtime;

use super::carried;
use super::letter::{self, decoded};
use super::link::{Link, Message};
use crate::queue::desk::{self, Desk, Letter, Lying};
use crate::queue::embedded::time;
use crate::queue::{AzureUrl, Entry, QueueError, State};
use crate::trace::TraceParent;

/// Messages taken at once, as many as Azure hands out.
const PAGE: i32 = 32;
/// How long a letter that is looked at may stay away if we do not come back.
const LOOK: Duration = Duration::from_secs(60);

/// An open queue.
pub struct AzureDesk {
    runtime: Runtime,
    queue: Link,
    poison: Link,
}

impl AzureDesk {
    /// Connects; `make` also makes what is missing.
    ///
    /// # Errors
    /// There is no credential, nobody answers, or Azure refuses.
    pub fn open(url: &AzureUrl, make: bool) -> Result<AzureDesk, QueueError> {
        let runtime = desk::runtime()?;
        let (queue, poison) = (Link::open(url)?, Link::open(&url.poison())?);
        if make {
            runtime.block_on(async {
                queue.make().await?;
                poison.make().await
            })?;
        }
        Ok(AzureDesk { runtime, queue, poison })
    }

    /// Takes every dead letter, does something with those that are meant, and lets the others go.
    fn each<T>(
        &self,
        ids: &[String],
        act: impl AsyncFn(&Message) -> Result<Option<T>, QueueError>,
    ) -> Result<Vec<T>, QueueError> {
        self.runtime.block_on(async {
            let mut taken = Vec::new();
            loop {
                let page = self.poison.take(PAGE, LOOK).await?;
                if page.is_empty() {
                    break;
                }
                taken.extend(page);
            }
            let missing = ids.iter().find(|id| !taken.iter().any(|message| message.id == **id));
            let mut results = Vec::new();
            for message in &taken {
                let meant = missing.is_none() && (ids.is_empty() || ids.contains(&message.id));
                if meant && let Some(result) = act(message).await? {
                    results.push(result);
                    continue;
                }
                self.poison.show_in(&message.id, &message.receipt, Duration::ZERO).await?;
            }
            match missing {
                Some(id) => Err(QueueError::NoSuchMessage(format!("{id} among the dead letters"))),
                None => Ok(results),
            }
        })
    }

    /// Looks at letters and lets them go.
    fn seen(&self, ids: &[String]) -> Result<Vec<Letter>, QueueError> {
        self.each(ids, async |message| {
            self.poison.show_in(&message.id, &message.receipt, Duration::ZERO).await?;
            Ok(Some(entry(message)))
        })
    }
}

impl Desk for AzureDesk {
    fn push(&self, body: &[u8], _replay: bool, trace: Option<&TraceParent>) -> Result<String, QueueError> {
        self.runtime.block_on(self.queue.send(carried::written(body, trace)))
    }

    fn list(&self) -> Result<Lying, QueueError> {
        let count = self.runtime.block_on(self.queue.count())?;
        let dead = self.seen(&[])?.into_iter().map(|(entry, _)| entry).collect();
        Ok(Lying { waiting: format!("{count} waiting, delayed or in work"), dead })
    }

    #[cfg(feature = "listen")]
    fn depth(&self) -> Result<crate::queue::Depth, QueueError> {
        let (waiting, dead) = self
            .runtime
            .block_on(async { Ok::<_, QueueError>((self.queue.count().await?, self.poison.count().await?)) })?;
        let count = |n: i64| u64::try_from(n).unwrap_or(0);
        Ok(crate::queue::Depth { waiting: count(waiting), dead: count(dead), ..Default::default() })
    }

    fn show(&self, ids: &[String]) -> Result<Vec<Letter>, QueueError> {
        self.seen(ids)
    }

    fn requeue(&self, ids: &[String]) -> Result<usize, QueueError> {
        let done = self.each(ids, async |message| {
            // The note of a message that follows by itself has nothing to be put back.
            let text = letter::read(&message.text).map_or(Some(message.text.clone()), |letter| letter.text);
            if let Some(text) = text {
                self.queue.send(text).await?;
            }
            self.poison.remove(&message.id, &message.receipt).await.map(Some)
        })?;
        Ok(done.len())
    }

    fn drop_messages(&self, ids: &[String]) -> Result<usize, QueueError> {
        let done = self.each(ids, async |message| self.poison.remove(&message.id, &message.receipt).await.map(Some))?;
        Ok(done.len())
    }
}

fn entry(message: &Message) -> Letter {
    let letter = letter::read(&message.text);
    let body =
        letter.as_ref().map_or_else(|| decoded(&message.text), |l| decoded(l.text.as_deref().unwrap_or_default()));
    let entry = Entry {
        id: message.id.clone(),
        state: State::Dead,
        attempts: letter.as_ref().map_or(0, |letter| letter.attempts),
        bytes: i64::try_from(body.len()).unwrap_or(i64::MAX),
        created: message.sent.map_or_else(|| "?".into(), time),
        due: letter.as_ref().map_or_else(|| "?".into(), |letter| time(letter.died)),
        reason: letter.map(|letter| letter.reason),
    };
    (entry, body)
}

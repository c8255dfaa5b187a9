//! `worker --listen`: where to listen, and whom to trust.

use std::net::SocketAddr;
use std::path::PathBuf;

/// Arguments of listening.
#[derive(clap::Args)]
pub struct EarArgs {
    /// Take events by HTTP at this address (POST /events), and say how the worker stands: /healthz, /readyz, /metrics
    #[arg(long, env = "POOLPROOF_LISTEN", value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// File with the secret that senders of events must show (else the environment's POOLPROOF_LISTEN_SECRET); without one, events
    /// are taken on a loopback address only
    #[arg(long, env = "POOLPROOF_LISTEN_SECRET_FILE", value_name = "FILE", requires = "listen")]
    listen_secret_file: Option<PathBuf>,
}

#[cfg(feature = "listen")]
mod with_ears {
    use std::sync::Arc;
    use std::time::Duration;

    use anyhow::{Context, bail};
    use tokio::sync::watch;
    use tokio::task::JoinHandle;

    use super::EarArgs;
    use crate::listen::{self, Door, Put};
    use crate::queue::embedded::{Pushed, Store};
    use crate::queue::{Depth, QueueError, QueueUrl};
    #[cfg(any(feature = "amqp", feature = "cloud"))]
    use crate::queue::{Desk, desk};
    use crate::serve::Worker;
    use crate::trace::TraceParent;

    /// How long requests in hand may take at the end.
    const END: Duration = Duration::from_secs(5);

    /// What listens, if anything does.
    pub struct Ear(Option<(JoinHandle<()>, watch::Receiver<bool>)>);

    impl EarArgs {
        /// Begins to listen, where that is asked for.
        ///
        /// # Errors
        /// The address cannot be had, or there is no secret where one is named.
        pub async fn start(
            &self,
            queue: &QueueUrl,
            worker: &Arc<Worker>,
            shutdown: watch::Receiver<bool>,
        ) -> anyhow::Result<Ear> {
            let Some(address) = self.listen else { return Ok(Ear(None)) };
            let task = listen::start(address, door(queue), worker.clone(), self.secret()?, shutdown.clone()).await?;
            Ok(Ear(Some((task, shutdown))))
        }

        fn secret(&self) -> anyhow::Result<Option<String>> {
            let secret = match &self.listen_secret_file {
                Some(file) => {
                    let text = std::fs::read_to_string(file);
                    Some(text.with_context(|| format!("could not read the secret in {}", file.display()))?)
                }
                None => std::env::var("POOLPROOF_LISTEN_SECRET").ok(),
            };
            let secret = secret.map(|text| text.trim().to_owned());
            if secret.as_ref().is_some_and(String::is_empty) {
                bail!("the secret for events is empty");
            }
            Ok(secret)
        }
    }

    impl Ear {
        /// Ends; requests in hand are finished first where the worker was asked to stop.
        pub async fn close(self) {
            let Some((mut task, shutdown)) = self.0 else { return };
            let patience = if *shutdown.borrow() { END } else { Duration::ZERO };
            if tokio::time::timeout(patience, &mut task).await.is_err() {
                task.abort();
            }
        }
    }

    fn door(queue: &QueueUrl) -> Door {
        match queue.clone() {
            QueueUrl::Sqlite(path) => Door::new(move || Ok(Box::new(Store::open(&path)?))),
            #[cfg(feature = "amqp")]
            QueueUrl::Broker(url) => {
                Door::new(move || Ok(Box::new(AtDesk(crate::queue::amqp::AmqpDesk::open(&url, true)?))))
            }
            #[cfg(not(feature = "amqp"))]
            QueueUrl::Broker(_) => Door::new(|| Err(QueueError::Door("this build knows no broker"))),
            #[cfg(feature = "cloud")]
            QueueUrl::Azure(url) => {
                Door::new(move || Ok(Box::new(AtDesk(crate::queue::azure::AzureDesk::open(&url, true)?))))
            }
        }
    }

    impl Put for Store {
        fn put(&mut self, body: &[u8], trace: Option<&TraceParent>) -> Result<String, QueueError> {
            let (Pushed::New(id) | Pushed::Already(id) | Pushed::Revived(id)) =
                self.push_traced(body, Some(&crate::pipeline::digest(body)), trace)?;
            Ok(id.to_string())
        }

        fn depth(&mut self) -> Result<Depth, QueueError> {
            self.count()
        }
    }

    #[cfg(any(feature = "amqp", feature = "cloud"))]
    struct AtDesk<D>(D);

    #[cfg(any(feature = "amqp", feature = "cloud"))]
    impl<D: Desk> Put for AtDesk<D> {
        fn put(&mut self, body: &[u8], trace: Option<&TraceParent>) -> Result<String, QueueError> {
            self.0.push(body, desk::is_replay(body), trace)
        }

        fn depth(&mut self) -> Result<Depth, QueueError> {
            self.0.depth()
        }
    }
}

#[cfg(not(feature = "listen"))]
mod without_ears {
    use std::sync::Arc;

    use anyhow::bail;
    use tokio::sync::watch;

    use super::EarArgs;
    use crate::queue::QueueUrl;
    use crate::serve::Worker;

    /// Nothing listens.
    pub struct Ear;

    impl EarArgs {
        /// Refuses to listen.
        ///
        /// # Errors
        /// Listening is asked for.
        #[allow(clippy::unused_async, reason = "the same as in a build that listens")]
        pub async fn start(&self, _: &QueueUrl, _: &Arc<Worker>, _: watch::Receiver<bool>) -> anyhow::Result<Ear> {
            match (self.listen, &self.listen_secret_file) {
                (None, None) => Ok(Ear),
                _ => bail!("--listen: this build has no ears; build with --features listen"),
            }
        }
    }

    impl Ear {
        /// Nothing is to be ended.
        #[allow(clippy::unused_async, reason = "the same as in a build that listens")]
        pub async fn close(self) {}
    }
}

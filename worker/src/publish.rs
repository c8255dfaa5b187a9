//! Where reports go. Publishing is idempotent: a report's id is a digest of all that decides its content, so a repeat
//! finds its own bytes. Returning means that the report is durable. Of several messages about one change one report
//! stands (`ledger.rs`).

#[cfg(feature = "amqp")]
mod announce;
mod directory;
mod disk;
pub mod ledger;
#[cfg(feature = "cloud")]
mod objects;
mod retention;
mod work;

use std::io;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};

#[cfg(feature = "amqp")]
pub use announce::Announcer;
pub use directory::Directory;
#[cfg(feature = "cloud")]
pub use objects::Objects;
pub use retention::Retention;

use crate::bucket::BucketUrl;
use crate::queue::BrokerUrl;
use ledger::{Known, Relation, Standing};
use reports::Report;

/// A report ready to be published.
#[derive(Clone, Debug)]
pub struct Bundle {
    /// Id of the report; names its folder.
    pub id: String,
    /// The files that are a function of the report's inputs.
    pub files: Vec<reports::File>,
    /// `run.json`: clock times, durations, host.
    pub run: Vec<u8>,
}

/// Why a report was not published.
#[derive(Debug, thiserror::Error)]
#[error("could not {doing} {}", path.display())]
pub struct PublishError {
    /// What was attempted.
    pub doing: &'static str,
    /// With which file.
    pub path: PathBuf,
    /// What the file system said.
    #[source]
    pub source: io::Error,
}

impl PublishError {
    /// Something about a report failed.
    pub fn at(doing: &'static str, id: &str, source: io::Error) -> PublishError {
        PublishError { doing, path: id.into(), source }
    }
}

/// A place for reports.
#[derive(Clone, Debug)]
pub enum Publisher {
    /// A folder with a folder per report and an index page.
    Directory(Directory),
    /// An object store, laid out like a folder.
    #[cfg(feature = "cloud")]
    Objects(Objects),
    /// A broker that tells whoever listens.
    #[cfg(feature = "amqp")]
    Announcer(Announcer),
}

impl Publisher {
    /// Publishes a report durably and returns where it lies.
    ///
    /// # Errors
    /// The place cannot be written at the moment.
    pub fn publish(&self, bundle: &Bundle) -> Result<String, PublishError> {
        match self {
            Publisher::Directory(directory) => directory.publish(bundle).map(|path| path.display().to_string()),
            #[cfg(feature = "cloud")]
            Publisher::Objects(objects) => objects.publish(bundle),
            #[cfg(feature = "amqp")]
            Publisher::Announcer(announcer) => announcer.publish(bundle),
        }
    }

    /// Publishes the report of a change durably, unless one that is further stands for it; returns where it lies and what
    /// became of it (nothing where reports are only announced).
    ///
    /// # Errors
    /// The place cannot be written at the moment.
    pub fn publish_change(
        &self,
        bundle: &Bundle,
        report: &Report,
        standing: &Standing,
    ) -> Result<(String, Option<Relation>), PublishError> {
        match self {
            Publisher::Directory(directory) => {
                let (path, relation) = directory.publish_change(bundle, report, standing)?;
                Ok((path.display().to_string(), Some(relation)))
            }
            #[cfg(feature = "cloud")]
            Publisher::Objects(objects) => {
                objects.publish_change(bundle, report, standing).map(|(place, relation)| (place, Some(relation)))
            }
            #[cfg(feature = "amqp")]
            Publisher::Announcer(announcer) => Ok((announcer.publish(bundle)?, None)),
        }
    }

    /// What the place knows of a message before it is simulated; `None` where it keeps nothing. Finishes what a worker
    /// that was killed had left to do.
    ///
    /// # Errors
    /// The place cannot be read at the moment.
    pub fn known(&self, standing: &Standing) -> Result<Option<Known>, PublishError> {
        let line = match self {
            Publisher::Directory(directory) => directory.line(&standing.change)?,
            #[cfg(feature = "cloud")]
            Publisher::Objects(objects) => objects.line(&standing.change)?,
            #[cfg(feature = "amqp")]
            Publisher::Announcer(_) => return Ok(None),
        };
        let known = standing.known(line.as_ref());
        if known != Known::No {
            match self {
                Publisher::Directory(directory) => directory.clear_replaced(&standing.change)?,
                #[cfg(feature = "cloud")]
                Publisher::Objects(objects) => objects.clear_replaced(&standing.change)?,
                #[cfg(feature = "amqp")]
                Publisher::Announcer(_) => {}
            }
        }
        Ok(Some(known))
    }

    /// The report of an id, where the place keeps it.
    pub fn report(&self, id: &str) -> Option<Report> {
        match self {
            Publisher::Directory(directory) => directory.report(id).ok(),
            #[cfg(feature = "cloud")]
            Publisher::Objects(objects) => objects.report(id),
            #[cfg(feature = "amqp")]
            Publisher::Announcer(_) => None,
        }
    }

    /// Announces a report that is kept elsewhere, where this is a place for announcements.
    ///
    /// # Errors
    /// The place cannot be reached at the moment.
    #[cfg_attr(not(feature = "amqp"), allow(unused_variables))]
    pub fn announce(&self, report: &Report) -> Result<(), PublishError> {
        match self {
            Publisher::Directory(_) => {}
            #[cfg(feature = "cloud")]
            Publisher::Objects(_) => {}
            #[cfg(feature = "amqp")]
            Publisher::Announcer(announcer) => {
                announcer.announce(report)?;
            }
        }
        Ok(())
    }

    /// Whether the place can be reached. Announcements have no place: they are tried when there is something to say.
    ///
    /// # Errors
    /// It cannot, and why.
    #[cfg(feature = "listen")]
    pub fn reachable(&self) -> Result<(), PublishError> {
        // A line of the ledger that no change has.
        const NONE: &str = "0";
        match self {
            Publisher::Directory(directory) => directory.line(NONE).map(drop),
            #[cfg(feature = "cloud")]
            Publisher::Objects(objects) => objects.line(NONE).map(drop),
            #[cfg(feature = "amqp")]
            Publisher::Announcer(_) => Ok(()),
        }
    }

    /// Puts something that no change stands behind into the place, durably, and returns where it lies; nothing where reports are
    /// only announced.
    ///
    /// # Errors
    /// The place cannot be written at the moment.
    pub fn put(&self, bundle: &Bundle) -> Result<Option<String>, PublishError> {
        match self {
            Publisher::Directory(directory) => {
                let place = directory.put(bundle)?;
                directory.look_after(false)?;
                Ok(Some(place.display().to_string()))
            }
            #[cfg(feature = "cloud")]
            Publisher::Objects(objects) => objects.publish(bundle).map(Some),
            #[cfg(feature = "amqp")]
            Publisher::Announcer(_) => Ok(None),
        }
    }

    /// True where something lies complete under this id.
    ///
    /// # Errors
    /// The place cannot be read at the moment.
    pub fn has(&self, id: &str) -> Result<bool, PublishError> {
        match self {
            Publisher::Directory(directory) => Ok(directory.path().join(id).join("run.json").is_file()),
            #[cfg(feature = "cloud")]
            Publisher::Objects(objects) => objects.has(id),
            #[cfg(feature = "amqp")]
            Publisher::Announcer(_) => Ok(false),
        }
    }

    /// Looks after what is derived from the reports (index) and what is kept of them, whatever it costs.
    ///
    /// # Errors
    /// The place cannot be written at the moment.
    pub fn look_after(&self) -> Result<(), PublishError> {
        match self {
            Publisher::Directory(directory) => directory.look_after(true),
            #[cfg(feature = "cloud")]
            Publisher::Objects(objects) => objects.look_after(true),
            #[cfg(feature = "amqp")]
            Publisher::Announcer(_) => Ok(()),
        }
    }
}

/// A place for reports as the command line names it: `dir:PATH`, an object store, or a broker to announce them on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublishUrl {
    /// A folder.
    Folder(PathBuf),
    /// An object store.
    Bucket(BucketUrl),
    /// A broker.
    Broker(BrokerUrl),
}

impl PublishUrl {
    /// True where reports are kept, not only announced.
    pub fn keeps(&self) -> bool {
        matches!(self, PublishUrl::Folder(_) | PublishUrl::Bucket(_))
    }

    /// Makes sure that the place can be used; a broker is connected to with the first report.
    ///
    /// # Errors
    /// It cannot be made or written, or is none.
    pub fn open(&self, retention: Retention) -> Result<Publisher, PublishError> {
        match self {
            PublishUrl::Folder(path) => Ok(Publisher::Directory(Directory::open(path)?.keeping(retention))),
            #[cfg(feature = "cloud")]
            PublishUrl::Bucket(url) => Objects::open(url, retention).map(Publisher::Objects),
            #[cfg(not(feature = "cloud"))]
            PublishUrl::Bucket(url) => {
                Err(PublishError::at("open", &url.to_string(), io::Error::other("a build without object stores")))
            }
            #[cfg(feature = "amqp")]
            PublishUrl::Broker(url) => Announcer::open(url).map(Publisher::Announcer),
            #[cfg(not(feature = "amqp"))]
            PublishUrl::Broker(url) => Err(PublishError {
                doing: "announce on",
                path: url.to_string().into(),
                source: io::Error::other(url.check().err().unwrap_or_default()),
            }),
        }
    }
}

impl FromStr for PublishUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("dir:") {
            Some(path) if !path.is_empty() => Ok(PublishUrl::Folder(path.into())),
            _ if BucketUrl::may_be(text) => text.parse().map(PublishUrl::Bucket),
            _ if BrokerUrl::may_be(text) => Ok(PublishUrl::Broker(BrokerUrl(text.into()))),
            _ => Err("expected dir:PATH, az://CONTAINER/PREFIX or s3://BUCKET/PREFIX, or amqp://HOST/VHOST for announcements".into()),
        }
    }
}

/// The turn to look after something: whoever need not do it now leaves it to the one who is at it.
fn turn<T>(upkeep: &Mutex<T>, now: bool) -> Option<MutexGuard<'_, T>> {
    if now { Some(upkeep.lock().unwrap_or_else(PoisonError::into_inner)) } else { upkeep.try_lock().ok() }
}

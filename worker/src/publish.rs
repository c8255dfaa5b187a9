//! Where reports go. Publishing is idempotent: a report's id is a digest of all that decides its content, so a repeat
//! finds its own bytes. Returning means that the report is durable.

#[cfg(feature = "amqp")]
mod announce;
mod directory;

use std::io;
use std::path::PathBuf;
use std::str::FromStr;

#[cfg(feature = "amqp")]
pub use announce::Announcer;
pub use directory::Directory;

use crate::queue::BrokerUrl;

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

/// A place for reports.
#[derive(Clone, Debug)]
pub enum Publisher {
    /// A folder with a folder per report and an index page.
    Directory(Directory),
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
            #[cfg(feature = "amqp")]
            Publisher::Announcer(announcer) => announcer.publish(bundle),
        }
    }
}

/// A place for reports as the command line names it: `dir:PATH`, or a broker to announce them on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublishUrl {
    /// A folder.
    Folder(PathBuf),
    /// A broker.
    Broker(BrokerUrl),
}

impl PublishUrl {
    /// True where reports are kept, not only announced.
    pub fn keeps(&self) -> bool {
        matches!(self, PublishUrl::Folder(_))
    }

    /// Makes sure that the place can be used; a broker is connected to with the first report.
    ///
    /// # Errors
    /// It cannot be made or written, or is none.
    pub fn open(&self) -> Result<Publisher, PublishError> {
        match self {
            PublishUrl::Folder(path) => Directory::open(path).map(Publisher::Directory),
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
            _ if BrokerUrl::may_be(text) => Ok(PublishUrl::Broker(BrokerUrl(text.into()))),
            _ => Err("expected dir:PATH, or amqp://HOST/VHOST for announcements".into()),
        }
    }
}

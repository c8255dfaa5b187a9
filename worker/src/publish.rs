//! Where reports go. Publishing is idempotent: a report's id is a digest of all that decides its content, so a repeat
//! finds its own bytes. Returning means that the report is durable.

mod directory;

use std::io;
use std::path::PathBuf;
use std::str::FromStr;

pub use directory::Directory;

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
}

impl Publisher {
    /// Publishes a report durably and returns where it lies.
    ///
    /// # Errors
    /// The place cannot be written at the moment.
    pub fn publish(&self, bundle: &Bundle) -> Result<String, PublishError> {
        match self {
            Publisher::Directory(directory) => directory.publish(bundle).map(|path| path.display().to_string()),
        }
    }
}

/// A place for reports as the command line names it: `dir:PATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublishUrl {
    /// A folder.
    Folder(PathBuf),
}

impl PublishUrl {
    /// Makes sure that the place can be used.
    ///
    /// # Errors
    /// It cannot be made or written.
    pub fn open(&self) -> Result<Publisher, PublishError> {
        let PublishUrl::Folder(path) = self;
        Directory::open(path).map(Publisher::Directory)
    }
}

impl FromStr for PublishUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("dir:") {
            Some(path) if !path.is_empty() => Ok(PublishUrl::Folder(path.into())),
            _ => Err("expected dir:PATH".into()),
        }
    }
}

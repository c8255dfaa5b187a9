//! Reading what the command line names. Everything wrong with all inputs is collected before anything is said.

use std::path::{Path, PathBuf};

use scenarios::cluster_source::ClusterSource;
use scenarios::snapshot::Snapshot;
use scenarios::{Complaint, Complaints};

use super::Failure;
use crate::files::{self, MAX_CHANGE};
use crate::queue::BrokerUrl;
#[cfg(feature = "amqp")]
use crate::queue::amqp::AmqpDesk;
use crate::snapshots::{self, in_file, under};

/// A file that was read.
pub struct Input {
    /// How complaints name it.
    pub name: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// Reads messages: files, or `-` for standard input. What cannot be read goes to `complaints`.
pub fn messages(paths: &[PathBuf], complaints: &mut Vec<Complaint>) -> Vec<Input> {
    paths.iter().filter_map(|path| document(path).map_err(|found| complaints.extend(found.0)).ok()).collect()
}

/// Reads a document that is a file, or `-` for standard input.
///
/// # Errors
/// It cannot be read, or is too large.
pub fn document(path: &Path) -> Result<Input, Complaints> {
    let standard = path == Path::new("-");
    let name = if standard { "standard input".into() } else { path.to_string_lossy().into_owned() };
    let read =
        if standard { files::read_from(std::io::stdin().lock(), MAX_CHANGE) } else { files::read(path, MAX_CHANGE) };
    match read {
        Ok(bytes) => Ok(Input { name, bytes }),
        Err(error) => Err(error.complaint().in_file(name).into()),
    }
}

/// The cluster of a document: what the command line names, else what the document holds or names. Paths in a document
/// are relative to it.
///
/// # Errors
/// There is none, it cannot be read, or is no snapshot.
pub fn cluster_of(
    document: &Path,
    given: Option<&Path>,
    source: Option<&ClusterSource>,
) -> Result<Snapshot, Complaints> {
    let file = document.to_string_lossy();
    match (given, source) {
        (Some(path), _) => snapshot(path),
        (None, Some(ClusterSource::Reference(path))) => {
            snapshot(&document.parent().unwrap_or(Path::new("")).join(path))
        }
        (None, Some(ClusterSource::Inline(value))) => {
            Snapshot::from_json(value.to_string().as_bytes()).map_err(|found| in_file(under("snapshot", found), &file))
        }
        (None, None) => Err(Complaint::at("snapshot", "none", "a snapshot in the document, or --cluster SNAPSHOT")
            .in_file(file)
            .into()),
    }
}

/// Complains of a broker's address that this build cannot use.
///
/// # Errors
/// It cannot; the words do not repeat what may be a password.
pub fn check_broker(option: &str, url: &BrokerUrl) -> Result<(), Failure> {
    url.check().map_err(|expected| Failure::Invalid(Complaint::at(option, url, expected).into()))
}

/// The queue on a broker, for an operator.
///
/// # Errors
/// The address is none, nobody answers, or the broker refuses.
#[cfg(feature = "amqp")]
pub fn desk(url: &BrokerUrl, make: bool) -> Result<AmqpDesk, Failure> {
    check_broker("--queue", url)?;
    Ok(AmqpDesk::open(url, make)?)
}

/// What a build without AMQP says to a broker's address.
#[cfg(not(feature = "amqp"))]
pub fn no_broker(url: &BrokerUrl) -> Failure {
    check_broker("--queue", url).err().unwrap_or_else(|| Failure::Failed(anyhow::anyhow!("no broker can be used")))
}

/// Both, or everything wrong with either.
pub fn both<A, B>(a: Result<A, Complaints>, b: Result<B, Complaints>) -> Result<(A, B), Complaints> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (a, b) => {
            let found = [a.err(), b.err()].into_iter().flatten().flat_map(|complaints| complaints.0);
            Err(Complaints(found.collect()))
        }
    }
}

/// Reads a snapshot from a file or folder.
///
/// # Errors
/// It cannot be read, or is no snapshot.
pub fn snapshot(path: &Path) -> Result<Snapshot, Complaints> {
    let name = path.to_string_lossy();
    snapshots::read(path).map_err(|error| in_file(error.into_complaints(&name), &name))
}

/// Fails with the complaints, if there are any.
pub fn check(complaints: Vec<Complaint>) -> Result<(), super::Failure> {
    if complaints.is_empty() { Ok(()) } else { Err(super::Failure::Invalid(Complaints(complaints))) }
}

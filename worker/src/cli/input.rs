//! Reading what the command line names. Everything wrong with all inputs is collected before anything is said.

use std::path::{Path, PathBuf};

use scenarios::snapshot::Snapshot;
use scenarios::{Complaint, Complaints};

use crate::files::{self, MAX_CHANGE};
use crate::snapshots::{self, in_file};

/// A file that was read.
pub struct Input {
    /// How complaints name it.
    pub name: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// Reads messages: files, or `-` for standard input. What cannot be read goes to `complaints`.
pub fn messages(paths: &[PathBuf], complaints: &mut Vec<Complaint>) -> Vec<Input> {
    let mut inputs = Vec::new();
    for path in paths {
        let standard = path == Path::new("-");
        let name = if standard {
            "standard input".into()
        } else {
            path.to_string_lossy().into_owned()
        };
        let read = if standard {
            files::read_from(std::io::stdin().lock(), MAX_CHANGE)
        } else {
            files::read(path, MAX_CHANGE)
        };
        match read {
            Ok(bytes) => inputs.push(Input { name, bytes }),
            Err(error) => complaints.push(error.complaint().in_file(name)),
        }
    }
    inputs
}

/// Reads a snapshot from a file or folder. What is wrong with it goes to `complaints`.
pub fn snapshot(path: &Path, complaints: &mut Vec<Complaint>) -> Option<Snapshot> {
    match snapshots::read(path) {
        Ok(snapshot) => Some(snapshot),
        Err(error) => {
            let name = path.to_string_lossy();
            complaints.extend(in_file(error.into_complaints(&name), &name).0);
            None
        }
    }
}

/// Fails with the complaints, if there are any.
pub fn check(complaints: Vec<Complaint>) -> Result<(), super::Failure> {
    if complaints.is_empty() {
        Ok(())
    } else {
        Err(super::Failure::Invalid(Complaints(complaints)))
    }
}

//! Which queue is meant: `sqlite:PATH`, one file on a local disk.

use std::path::PathBuf;
use std::str::FromStr;

/// A queue as the command line names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueueUrl {
    /// The embedded queue in this file.
    Sqlite(PathBuf),
}

impl FromStr for QueueUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("sqlite", path)) if !path.is_empty() => Ok(QueueUrl::Sqlite(local_path(path))),
            _ => Err("expected sqlite:PATH, such as sqlite:queue.db".into()),
        }
    }
}

/// A path as written after a scheme: `PATH`, or `///PATH` as URL libraries print it.
fn local_path(path: &str) -> PathBuf {
    PathBuf::from(path.strip_prefix("//").filter(|rest| rest.starts_with('/')).unwrap_or(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_follow_the_scheme() {
        for (url, path) in
            [("sqlite:q.db", "q.db"), ("sqlite:/var/q.db", "/var/q.db"), ("sqlite:///var/q.db", "/var/q.db")]
        {
            assert_eq!(url.parse(), Ok(QueueUrl::Sqlite(path.into())), "{url}");
        }
        for url in ["", "q.db", "sqlite:", "amqp://host/queue"] {
            assert!(url.parse::<QueueUrl>().is_err(), "{url}");
        }
    }
}

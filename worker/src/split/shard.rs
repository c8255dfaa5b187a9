//! The message of a shard, `poolproof.shard/1`: which job, and which part of it. The job is named by the id of what it comes to,
//! a digest of question, snapshot, settings and engine.

use serde::{Deserialize, Serialize};

use super::MOST;

/// Value of [`Shard::schema`].
pub const SCHEMA: &str = "poolproof.shard/1";

/// A part of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shard {
    /// `poolproof.shard/1`.
    schema: String,
    /// Id of what the job comes to.
    pub job: String,
    /// Which shard this is, from 0.
    pub shard: usize,
    /// How many there are.
    pub of: usize,
}

impl Shard {
    /// The shards of a job.
    pub fn all(job: &str, of: usize) -> impl Iterator<Item = Shard> + '_ {
        (0..of).map(move |shard| Shard { schema: SCHEMA.into(), job: job.into(), shard, of })
    }

    /// Reads a shard message; what is wrong with one that is none.
    ///
    /// # Errors
    /// It was not written by a worker.
    pub fn read(bytes: &[u8]) -> Result<Shard, String> {
        let shard: Shard = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        // The name becomes part of a path.
        let is_id = shard.job.len() == 32 && shard.job.bytes().all(|c| c.is_ascii_hexdigit());
        let is_part = shard.shard < shard.of && shard.of as u64 <= MOST;
        if shard.schema == SCHEMA && is_id && is_part { Ok(shard) } else { Err("no shard of a job".into()) }
    }

    /// The message.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// The same for the same shard.
    pub fn key(&self) -> String {
        format!("shard-{}-{}-{}", self.job, self.shard, self.of)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn shards_survive_being_written_and_name_no_paths() {
        let job = "ab".repeat(16);
        for shard in Shard::all(&job, 3) {
            assert_eq!(Shard::read(&shard.to_bytes()).unwrap(), shard);
        }
        let written = |job: &str, shard: usize, of: usize| {
            format!(r#"{{"schema":"{SCHEMA}","job":"{job}","shard":{shard},"of":{of}}}"#)
        };
        for wrong in [
            written("../../../../../../../etc/passwd0", 0, 1),
            written(&job, 3, 3),
            written(&job, 0, 1000),
            written("", 0, 1),
            written(&job, 0, 1).replace("shard/1", "shard/2"),
            "{}".into(),
        ] {
            assert!(Shard::read(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}

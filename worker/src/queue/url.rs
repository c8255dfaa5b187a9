//! Which queue is meant: `sqlite:PATH`, one file on a local disk, `amqp://` and `amqps://`, a broker, or
//! `azqueue://ACCOUNT/QUEUE`, a queue on Azure Storage.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// A queue as the command line names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueueUrl {
    /// The embedded queue in this file.
    Sqlite(PathBuf),
    /// A queue on a broker.
    Broker(BrokerUrl),
    /// A queue on Azure Storage.
    #[cfg(feature = "cloud")]
    Azure(AzureUrl),
}

/// A queue on Azure Storage. Credentials come from the environment.
#[cfg(feature = "cloud")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AzureUrl {
    /// The storage account.
    pub account: String,
    /// The queue.
    pub queue: String,
}

#[cfg(feature = "cloud")]
impl AzureUrl {
    /// Reads `ACCOUNT/QUEUE`. Names as Azure wants them; that of the queue leaves room for `-poison`.
    fn parse(text: &str) -> Option<AzureUrl> {
        let (account, queue) = text.split_once('/')?;
        let fits = |name: &str, most: usize, dashes: bool| {
            let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || (dashes && c == '-');
            (3..=most).contains(&name.len()) && name.chars().all(allowed) && !name.starts_with('-')
        };
        let dashes = !queue.ends_with('-') && !queue.contains("--");
        (fits(account, 24, false) && fits(queue, 56, true) && dashes)
            .then(|| AzureUrl { account: account.into(), queue: queue.into() })
    }

    /// The queue for its dead letters.
    pub fn poison(&self) -> AzureUrl {
        AzureUrl { queue: format!("{}-poison", self.queue), ..self.clone() }
    }
}

#[cfg(feature = "cloud")]
impl fmt::Display for AzureUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "azqueue://{}/{}", self.account, self.queue)
    }
}

#[cfg(feature = "cloud")]
fn azure(rest: &str) -> Result<QueueUrl, String> {
    let parsed = AzureUrl::parse(rest).map(QueueUrl::Azure);
    parsed
        .ok_or_else(|| "expected azqueue://ACCOUNT/QUEUE, lower-case letters, digits and dashes, no credentials".into())
}

#[cfg(not(feature = "cloud"))]
fn azure(_: &str) -> Result<QueueUrl, String> {
    Err("this build has no Azure Storage queues (cargo feature `cloud`)".into())
}

impl FromStr for QueueUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("sqlite", path)) if !path.is_empty() => Ok(QueueUrl::Sqlite(local_path(path))),
            Some(("azqueue", rest)) if rest.starts_with("//") => azure(&rest[2..]),
            _ if BrokerUrl::may_be(text) => Ok(QueueUrl::Broker(BrokerUrl(text.into()))),
            _ => {
                Err("expected sqlite:PATH, such as sqlite:queue.db, amqp://HOST/VHOST, or azqueue://ACCOUNT/QUEUE"
                    .into())
            }
        }
    }
}

/// The address of a broker. It may hold a password, so it is shown without its user part; for the same reason whatever
/// looks like an address is taken here and refused by [`BrokerUrl::check`], whose words do not repeat it.
#[derive(Clone, PartialEq, Eq)]
pub struct BrokerUrl(pub String);

impl BrokerUrl {
    /// True for a text that may hold a password, which nobody should print.
    pub fn may_be(text: &str) -> bool {
        text.contains("://") || text.contains('@')
    }

    /// The part before `://`.
    fn scheme(&self) -> &str {
        self.0.split_once("://").map_or("", |(scheme, _)| scheme)
    }

    /// Why the address cannot be used with this build.
    ///
    /// # Errors
    /// Another scheme than AMQP's, or a build without AMQP.
    pub fn check(&self) -> Result<(), String> {
        match self.scheme() {
            "amqp" | "amqps" if cfg!(feature = "amqp") => Ok(()),
            "amqp" | "amqps" => Err("another queue: this build has no AMQP (cargo feature `amqp`)".into()),
            _ => Err("sqlite:PATH, dir:PATH, amqp://HOST/VHOST or amqps://HOST/VHOST where each applies".into()),
        }
    }
}

impl fmt::Display for BrokerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let after_scheme = self.0.split_once("://").map_or(self.0.as_str(), |(_, rest)| rest);
        // The last @, for a password may hold one, or a slash, that should have been written as %40 or %2f.
        let (user, place) = match after_scheme.rsplit_once('@') {
            Some((_, place)) => ("***@", place),
            None => ("", after_scheme),
        };
        let scheme = if matches!(self.scheme(), "amqp" | "amqps") { self.scheme() } else { "***" };
        write!(f, "{scheme}://{user}{}", place.split('?').next().unwrap_or_default())
    }
}

impl fmt::Debug for BrokerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A path as written after a scheme: `PATH`, or `///PATH` as URL libraries print it.
fn local_path(path: &str) -> PathBuf {
    PathBuf::from(path.strip_prefix("//").filter(|rest| rest.starts_with('/')).unwrap_or(path))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn paths_follow_the_scheme() {
        for (url, path) in
            [("sqlite:q.db", "q.db"), ("sqlite:/var/q.db", "/var/q.db"), ("sqlite:///var/q.db", "/var/q.db")]
        {
            assert_eq!(url.parse(), Ok(QueueUrl::Sqlite(path.into())), "{url}");
        }
        for url in ["", "q.db", "sqlite:", "amqp:host"] {
            assert!(url.parse::<QueueUrl>().is_err(), "{url}");
        }
    }

    #[test]
    #[cfg(feature = "cloud")]
    fn azure_queues_have_an_account_and_a_name() {
        let Ok(QueueUrl::Azure(url)) = "azqueue://poolproof1/changes-eu".parse() else { panic!() };
        assert_eq!(
            (url.to_string().as_str(), url.poison().queue.as_str()),
            ("azqueue://poolproof1/changes-eu", "changes-eu-poison")
        );
        for url in [
            "azqueue://acc",
            "azqueue://acc/Q1x",
            "azqueue://acc/a--b",
            "azqueue://me:pw@acc/qqq",
            "azqueue://acc/../x",
        ] {
            assert!(url.parse::<QueueUrl>().is_err(), "{url}");
        }
    }

    #[test]
    fn credentials_are_never_shown() {
        for (url, shown) in [
            ("amqp://host:5672/%2f", "amqp://host:5672/%2f"),
            ("amqps://me:secret@host/pool?heartbeat=5", "amqps://***@host/pool"),
            ("amqp://me:secr/et@secret@host/pool", "amqp://***@host/pool"),
            ("secret://me:secret@host", "***://***@host"),
            ("me:secret@host", "***://***@host"),
        ] {
            let Ok(QueueUrl::Broker(url)) = url.parse() else { panic!("{url}") };
            assert_eq!(format!("{url}"), shown);
            assert_eq!(format!("{url:?}"), shown);
        }
    }

    #[test]
    fn other_schemes_are_refused_without_repeating_them() {
        let complaint = BrokerUrl("ampq://me:secret@host".into()).check().unwrap_err();
        assert!(complaint.contains("amqp://") && !complaint.contains("secret"), "{complaint}");
        assert_eq!(BrokerUrl("amqp://host/pool".into()).check().is_ok(), cfg!(feature = "amqp"));
    }
}

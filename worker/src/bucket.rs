//! Containers of Azure Blob Storage and buckets of S3 as stores: `az://CONTAINER/PREFIX`, `s3://BUCKET/PREFIX`.
//!
//! Account and credentials come from the environment alone, under the names Azure's and AWS' own tools use
//! (`AZURE_STORAGE_ACCOUNT_NAME` with `AZURE_STORAGE_SAS_TOKEN`, `AZURE_STORAGE_ACCOUNT_KEY`, or the federated token of a
//! workload identity; `AWS_ACCESS_KEY_ID`, `AWS_REGION`, ...), or from the file that `POOLPROOF_AZURE_SAS_FILE` names.

use std::fmt;
use std::str::FromStr;

/// A store as the command line names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketUrl {
    service: Service,
    /// Container or bucket.
    name: String,
    /// Without slashes at its ends; may be empty.
    prefix: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Service {
    Azure,
    Aws,
}

impl BucketUrl {
    /// True for a text that is meant to be one.
    pub fn may_be(text: &str) -> bool {
        text.starts_with("az://") || text.starts_with("s3://")
    }
}

impl FromStr for BucketUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (service, rest) = match text.split_once("://") {
            Some(("az", rest)) => (Service::Azure, rest),
            Some(("s3", rest)) => (Service::Aws, rest),
            _ => return Err("expected az://CONTAINER/PREFIX or s3://BUCKET/PREFIX".into()),
        };
        if cfg!(not(feature = "cloud")) {
            return Err("this build has no object stores (cargo feature `cloud`)".into());
        }
        let (name, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let is_name =
            (3..=63).contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphanumeric() || "-.$".contains(c));
        let prefix = prefix.trim_matches('/');
        let is_prefix = prefix.len() <= 500
            && prefix.split('/').all(|part| {
                !matches!(part, "." | "..") && !part.contains(|c: char| c.is_control() || "?#\\".contains(c))
            });
        if is_name && is_prefix {
            Ok(BucketUrl { service, name: name.into(), prefix: prefix.into() })
        } else {
            Err("expected az://CONTAINER/PREFIX or s3://BUCKET/PREFIX, without credentials or a query".into())
        }
    }
}

impl fmt::Display for BucketUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.service == Service::Azure { "az" } else { "s3" };
        write!(f, "{scheme}://{}", self.name)?;
        if self.prefix.is_empty() { Ok(()) } else { write!(f, "/{}", self.prefix) }
    }
}

#[cfg(feature = "cloud")]
pub use open::{Bucket, Found, hide};

#[cfg(feature = "cloud")]
mod open {
    use std::io;
    use std::sync::Arc;
    use std::time::Duration;

    use futures_lite::StreamExt;
    use object_store::aws::AmazonS3Builder;
    use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
    use object_store::path::Path;
    use object_store::{
        ClientOptions, Error, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions, RetryConfig, UpdateVersion,
    };

    use super::{BucketUrl, Service};

    /// Longest time of one request.
    const REQUEST: Duration = Duration::from_secs(60);
    /// How long a request is repeated before the caller hears of the trouble.
    const RETRY: Duration = Duration::from_secs(10);

    /// An open store. Its verbs wait for the answer: they are to be called on a thread that may block, within a runtime.
    #[derive(Clone, Debug)]
    pub struct Bucket {
        store: Arc<dyn ObjectStore>,
        url: BucketUrl,
    }

    /// An object, and which version of it was read.
    pub struct Found {
        /// Its content.
        pub bytes: Vec<u8>,
        version: UpdateVersion,
    }

    impl Bucket {
        /// Reads the environment; connects with the first request.
        ///
        /// # Errors
        /// Something needed is missing there.
        pub fn open(url: &BucketUrl) -> io::Result<Bucket> {
            let options = ClientOptions::new().with_timeout(REQUEST).with_connect_timeout(Duration::from_secs(5));
            let retry = RetryConfig { max_retries: 3, retry_timeout: RETRY, ..RetryConfig::default() };
            let store: Arc<dyn ObjectStore> = match url.service {
                Service::Azure => {
                    let mut builder =
                        MicrosoftAzureBuilder::from_env().with_container_name(&url.name).with_retry(retry);
                    if let Ok(file) = std::env::var("POOLPROOF_AZURE_SAS_FILE") {
                        let sas = std::fs::read_to_string(file)?;
                        builder = builder.with_config(AzureConfigKey::SasKey, sas.trim().trim_start_matches('?'));
                    }
                    let plain = allows_http("AZURE_ALLOW_HTTP");
                    Arc::new(builder.with_client_options(options.with_allow_http(plain)).build().map_err(said)?)
                }
                Service::Aws => {
                    let plain = allows_http("AWS_ALLOW_HTTP");
                    let builder = AmazonS3Builder::from_env().with_bucket_name(&url.name).with_retry(retry);
                    Arc::new(builder.with_client_options(options.with_allow_http(plain)).build().map_err(said)?)
                }
            };
            Ok(Bucket { store, url: url.clone() })
        }

        /// The same path as people see it.
        pub fn show(&self, path: &str) -> String {
            format!("{}/{path}", self.url)
        }

        fn path(&self, path: &str) -> Path {
            let parts = self.url.prefix.split('/').chain(path.split('/')).filter(|part| !part.is_empty());
            Path::from_iter(parts)
        }

        fn relative(&self, path: &Path) -> String {
            let whole = path.as_ref();
            whole.strip_prefix(&self.url.prefix).unwrap_or(whole).trim_start_matches('/').to_owned()
        }

        /// The content of an object, of at most so many bytes, or `None` where there is none.
        ///
        /// # Errors
        /// The store says so.
        pub fn get(&self, path: &str, limit: u64) -> io::Result<Option<Found>> {
            wait(async {
                let got = match self.store.get(&self.path(path)).await {
                    Ok(got) => got,
                    // A container that is missing looks the same; `check` tells it apart.
                    Err(Error::NotFound { .. }) => return Ok(None),
                    Err(error) => return Err(said(error)),
                };
                if got.meta.size > limit {
                    let why = format!("it has {} bytes; at most {limit} are read", got.meta.size);
                    return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
                }
                let version = UpdateVersion { e_tag: got.meta.e_tag.clone(), version: got.meta.version.clone() };
                Ok(Some(Found { bytes: got.bytes().await.map_err(said)?.to_vec(), version }))
            })
        }

        /// Writes an object; it is durable on return.
        ///
        /// # Errors
        /// The store says so.
        pub fn put(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
            self.put_as(path, bytes, PutMode::Overwrite).map(drop)
        }

        /// Writes an object unless there is one; true where it was written.
        ///
        /// # Errors
        /// The store says so.
        pub fn create(&self, path: &str, bytes: &[u8]) -> io::Result<bool> {
            self.put_as(path, bytes, PutMode::Create)
        }

        /// Writes an object in the place of the version that was found (or of none); false where somebody was faster.
        ///
        /// # Errors
        /// The store says so.
        pub fn swap(&self, path: &str, bytes: &[u8], found: Option<&Found>) -> io::Result<bool> {
            let mode = found.map_or(PutMode::Create, |found| PutMode::Update(found.version.clone()));
            self.put_as(path, bytes, mode)
        }

        fn put_as(&self, path: &str, bytes: &[u8], mode: PutMode) -> io::Result<bool> {
            let options = PutOptions { mode, ..PutOptions::default() };
            let put = wait(async { Ok(self.store.put_opts(&self.path(path), bytes.to_vec().into(), options).await) })?;
            match put {
                Ok(_) => Ok(true),
                Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(false),
                Err(error) => Err(said(error)),
            }
        }

        /// Removes an object, if there is one.
        ///
        /// # Errors
        /// The store says so.
        pub fn delete(&self, path: &str) -> io::Result<()> {
            let path = self.path(path);
            wait(async {
                match self.store.delete(&path).await {
                    Ok(()) => return Ok(()),
                    Err(Error::NotFound { .. }) => {}
                    Err(error) => return Err(said(error)),
                }
                // Batches name objects by paths that an emulator reads in another way unless it is told of as one.
                match self.store.head(&path).await {
                    Err(Error::NotFound { .. }) => Ok(()),
                    Ok(_) => Err(io::Error::other(
                        "it is there and cannot be found (an emulator? AZURE_STORAGE_USE_EMULATOR=true)",
                    )),
                    Err(error) => Err(said(error)),
                }
            })
        }

        /// Every object below a folder, with paths relative to the store.
        ///
        /// # Errors
        /// The store says so.
        pub fn list(&self, folder: &str) -> io::Result<Vec<(String, ObjectMeta)>> {
            wait(async {
                let prefix = self.path(folder);
                let mut objects = self.store.list(Some(&prefix));
                let mut found = Vec::new();
                while let Some(object) = objects.next().await {
                    let object = object.map_err(said)?;
                    found.push((self.relative(&object.location), object));
                }
                Ok(found)
            })
        }

        /// The names directly below the store: of folders and of objects.
        ///
        /// # Errors
        /// The store says so, or the container is missing.
        pub fn names(&self) -> io::Result<(Vec<String>, Vec<String>)> {
            wait(async {
                let found = self.store.list_with_delimiter(Some(&self.path(""))).await.map_err(said)?;
                let folders = found.common_prefixes.iter().map(|path| self.relative(path)).collect();
                Ok((folders, found.objects.iter().map(|object| self.relative(&object.location)).collect()))
            })
        }
    }

    fn allows_http(variable: &str) -> bool {
        std::env::var(variable).is_ok_and(|value| matches!(value.as_str(), "true" | "1"))
    }

    fn wait<T>(future: impl Future<Output = io::Result<T>>) -> io::Result<T> {
        tokio::runtime::Handle::try_current().map_err(io::Error::other)?.block_on(future)
    }

    fn said(error: Error) -> io::Error {
        let text = hide(&crate::job::describe(&error));
        match error {
            Error::NotFound { .. } => io::Error::new(io::ErrorKind::NotFound, text),
            Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
                io::Error::new(io::ErrorKind::PermissionDenied, text)
            }
            _ => io::Error::other(text),
        }
    }

    /// A text without the signatures of the addresses in it: whoever reads a log may not read the store.
    pub fn hide(text: &str) -> String {
        let mut parts = text.split("sig=");
        let mut shown = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let end = part.find(|c: char| !(c.is_ascii_alphanumeric() || "%+/=-_.~".contains(c))).unwrap_or(part.len());
            shown.push_str("sig=***");
            shown.push_str(&part[end..]);
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(feature = "cloud")]
    fn addresses_name_a_container_and_a_prefix() {
        for (text, shown) in [
            ("az://reports", "az://reports"),
            ("az://reports/", "az://reports"),
            ("s3://my.bucket/a/b/", "s3://my.bucket/a/b"),
        ] {
            assert_eq!(text.parse::<BucketUrl>().map(|url| url.to_string()), Ok(shown.into()), "{text}");
        }
        for text in ["az://", "az://x", "az://a/../b", "az://user:pw@host/x", "az://reports/?sig=abc", "gs://reports"] {
            assert!(text.parse::<BucketUrl>().is_err(), "{text}");
        }
    }

    #[test]
    #[cfg(not(feature = "cloud"))]
    fn without_the_feature_they_are_refused_in_words() {
        assert!("az://reports/x".parse::<BucketUrl>().is_err_and(|said| said.contains("feature `cloud`")));
        assert!(BucketUrl::may_be("s3://x") && !BucketUrl::may_be("dir:x"));
    }

    #[test]
    #[cfg(feature = "cloud")]
    fn signatures_are_hidden() {
        assert_eq!(
            hide("GET http://h/c?sv=1&sig=ab%2Bc%3D&se=2 failed (sig=x)"),
            "GET http://h/c?sv=1&sig=***&se=2 failed (sig=***)"
        );
        assert_eq!(hide("nothing"), "nothing");
    }
}

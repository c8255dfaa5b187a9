//! One queue on Azure Storage: requests with their limits, and what goes wrong in words without signatures.

use std::time::Duration;

use azure_core::http::headers::HeaderName;
use azure_core::http::{ClientOptions, ExponentialRetryOptions, RetryOptions, Url};
use azure_storage_queue::models::{
    QueueClientGetPropertiesResultHeaders, QueueClientReceiveMessagesOptions, QueueClientSendMessageOptions,
    QueueMessage,
};
use azure_storage_queue::{QueueClient, QueueClientOptions};

use super::letter::LONGEST;
use crate::bucket::hide;
use crate::job::describe;
use crate::queue::{AzureUrl, QueueError};

/// Where the service is, in place of `https://ACCOUNT.queue.core.windows.net` (an emulator's, or another cloud's).
const ENDPOINT: &str = "POOLPROOF_AZURE_QUEUE_ENDPOINT";
/// Longest wait for an answer.
const ANSWER: Duration = Duration::from_secs(30);

/// A queue.
pub struct Link {
    client: QueueClient,
}

/// A message that was taken.
pub struct Message {
    pub id: String,
    pub receipt: String,
    pub text: String,
    pub handed_out: u32,
    /// When it was sent, in milliseconds since the epoch.
    pub sent: Option<i64>,
}

impl Link {
    /// Reads the environment; connects with the first request.
    ///
    /// # Errors
    /// There is no credential, or the endpoint is no address.
    pub fn open(url: &AzureUrl) -> Result<Link, QueueError> {
        let broken = |why: &str| QueueError::Broker { doing: "open the Azure queue", why: why.into(), passes: false };
        let endpoint = std::env::var(ENDPOINT);
        let endpoint = endpoint.unwrap_or_else(|_| format!("https://{}.queue.core.windows.net", url.account));
        let mut address: Url = format!("{}/{}", endpoint.trim_end_matches('/'), url.queue)
            .parse()
            .map_err(|_| broken("the endpoint is no address"))?;
        address.set_query(Some(&signature().map_err(|why| broken(&why))?));
        // What is in trouble for longer is for the worker to wait out, who says so.
        let retry = ExponentialRetryOptions {
            initial_delay: azure_core::time::Duration::milliseconds(200),
            max_retries: 3,
            max_total_elapsed: azure_core::time::Duration::seconds(5),
            ..ExponentialRetryOptions::default()
        };
        let client_options = ClientOptions { retry: RetryOptions::exponential(retry), ..ClientOptions::default() };
        let options = QueueClientOptions { client_options, ..QueueClientOptions::default() };
        let client = QueueClient::new(address, None, Some(options)).map_err(|e| failed("open the Azure queue", &e))?;
        Ok(Link { client })
    }

    /// Makes the queue where it is missing.
    pub async fn make(&self) -> Result<(), QueueError> {
        let made = answer(self.client.create(None)).await;
        match made {
            // A signature that may not make queues may still use them.
            Err(Said::Status(409 | 403, _)) => self.count().await.map(drop),
            made => made.map(drop).map_err(|said| said.told("make the Azure queue")),
        }
    }

    /// Takes messages, which nobody else sees for the length of the lease.
    pub async fn take(&self, most: i32, lease: Duration) -> Result<Vec<Message>, QueueError> {
        const DOING: &str = "take messages";
        let options = QueueClientReceiveMessagesOptions {
            number_of_messages: Some(most),
            visibility_timeout: Some(seconds(lease).max(1)),
            ..QueueClientReceiveMessagesOptions::default()
        };
        let got = answer(self.client.receive_messages(Some(options))).await.map_err(|s| s.told(DOING))?;
        let messages = got.into_model().map_err(|e| failed(DOING, &e))?.items.unwrap_or_default();
        Ok(messages
            .into_iter()
            .filter_map(|message| {
                Some(Message {
                    id: message.message_id?,
                    receipt: message.pop_receipt?,
                    text: message.message_text.unwrap_or_default(),
                    handed_out: u32::try_from(message.dequeue_count.unwrap_or(1)).unwrap_or(u32::MAX),
                    sent: message.insertion_time.map(|time| time.unix_timestamp().saturating_mul(1000)),
                })
            })
            .collect())
    }

    /// Lets a message be seen again after a while; gives its new receipt.
    pub async fn show_in(&self, id: &str, receipt: &str, after: Duration) -> Result<String, QueueError> {
        const DOING: &str = "renew a message";
        match answer(self.client.update_message(id, receipt, seconds(after), None)).await {
            Ok(done) => {
                let header = HeaderName::from_static("x-ms-popreceipt");
                Ok(done.headers().get_optional_string(&header).unwrap_or_else(|| receipt.to_owned()))
            }
            Err(said) => Err(said.of_message(DOING, id)),
        }
    }

    /// Removes a message.
    pub async fn remove(&self, id: &str, receipt: &str) -> Result<(), QueueError> {
        const DOING: &str = "remove a message";
        let removed = answer(self.client.delete_message(id, receipt, None)).await;
        removed.map(drop).map_err(|said| said.of_message(DOING, id))
    }

    /// Adds a message that does not expire; gives its id.
    pub async fn send(&self, text: String) -> Result<String, QueueError> {
        const DOING: &str = "add a message";
        if text.len() > LONGEST {
            let why = format!("it has {} bytes; Azure takes {LONGEST}, base64 included", text.len());
            return Err(QueueError::Broker { doing: DOING, why, passes: false });
        }
        let message = QueueMessage { message_text: Some(text) };
        let content = message.try_into().map_err(|e| failed(DOING, &e))?;
        let options = QueueClientSendMessageOptions {
            message_time_to_live: Some(-1),
            ..QueueClientSendMessageOptions::default()
        };
        let sent = answer(self.client.send_message(content, Some(options))).await.map_err(|s| s.told(DOING))?;
        let sent = sent.into_model().map_err(|e| failed(DOING, &e))?.items.unwrap_or_default();
        Ok(sent.into_iter().find_map(|message| message.message_id).unwrap_or_default())
    }

    /// Messages, those that somebody works on included; at least as many as there are.
    pub async fn count(&self) -> Result<i64, QueueError> {
        const DOING: &str = "look at the queue";
        let properties = answer(self.client.get_properties(None)).await.map_err(|s| s.told(DOING))?;
        let count = properties.approximate_messages_count().map_err(|e| failed(DOING, &e))?;
        Ok(count.unwrap_or_default())
    }
}

/// The shared access signature: from a file, else from the environment.
fn signature() -> Result<String, String> {
    let read = |file: String| std::fs::read_to_string(&file).map_err(|e| format!("{file} cannot be read: {e}"));
    let given = match std::env::var("POOLPROOF_AZURE_SAS_FILE") {
        Ok(file) => read(file)?,
        Err(_) => std::env::var("POOLPROOF_AZURE_SAS").or_else(|_| std::env::var("AZURE_STORAGE_SAS_TOKEN")).map_err(
            |_| "POOLPROOF_AZURE_SAS_FILE or POOLPROOF_AZURE_SAS must give a shared access signature".to_owned(),
        )?,
    };
    Ok(given.trim().trim_start_matches('?').to_owned())
}

fn seconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis().div_ceil(1000)).unwrap_or(i32::MAX).min(7 * 86_400)
}

/// Why a request did not succeed.
enum Said {
    Status(u16, azure_core::Error),
    Other(azure_core::Error),
    Nothing,
}

impl Said {
    /// In the words of the queue: what is refused does not pass by waiting.
    fn told(self, doing: &'static str) -> QueueError {
        match self {
            Said::Status(status, error) => QueueError::Broker {
                doing,
                why: hide(&describe(&error)),
                passes: status >= 500 || matches!(status, 408 | 429),
            },
            Said::Other(error) => QueueError::Broker { doing, why: hide(&describe(&error)), passes: true },
            Said::Nothing => {
                let why = format!("no answer for {} s", ANSWER.as_secs());
                QueueError::Broker { doing, why, passes: true }
            }
        }
    }

    /// The same about one message: an old receipt, or no message, means that somebody else has it.
    fn of_message(self, doing: &'static str, id: &str) -> QueueError {
        match self {
            Said::Status(400 | 404, _) => QueueError::Lost(id.to_owned()),
            said => said.told(doing),
        }
    }
}

async fn answer<T>(request: impl Future<Output = azure_core::Result<T>>) -> Result<T, Said> {
    match tokio::time::timeout(ANSWER, request).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(match error.http_status() {
            Some(status) => Said::Status(u16::from(status), error),
            None => Said::Other(error),
        }),
        Err(_) => Err(Said::Nothing),
    }
}

fn failed(doing: &'static str, error: &azure_core::Error) -> QueueError {
    QueueError::Broker { doing, why: hide(&describe(error)), passes: false }
}

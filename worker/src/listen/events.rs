//! What comes to `/events`. Whatever it is goes on the queue as it came: whether it means anything is for the worker to say, and what does not
//! ends among the dead letters with its reason. Only the handshakes of webhooks are answered here.
//!
//! Sources: Event Grid webhook validation (learn.microsoft.com/azure/event-grid/end-point-validation-event-grid-events-schema and
//! -cloud-events-schema, 2025), CloudEvents HTTP webhooks 1.0 section 4.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, http::HeaderValue};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tracing::{info, warn};

use super::{Ear, Received};
use crate::job::describe;
use crate::queue::{MAX_MESSAGE, QueueError};
use crate::trace::{self, TraceParent};

/// How long a request may take to arrive.
const ARRIVES: Duration = Duration::from_secs(30);
/// Event Grid's mark of what a delivery is.
const KIND: HeaderName = HeaderName::from_static("aeg-event-type");
const ORIGIN: HeaderName = HeaderName::from_static("webhook-request-origin");
const RATE: HeaderName = HeaderName::from_static("webhook-request-rate");
const ALLOWED_ORIGIN: HeaderName = HeaderName::from_static("webhook-allowed-origin");
const ALLOWED_RATE: HeaderName = HeaderName::from_static("webhook-allowed-rate");

/// A delivery.
pub async fn take(State(ear): State<Arc<Ear>>, RawQuery(query): RawQuery, headers: HeaderMap, body: Body) -> Response {
    let Ok(_place) = ear.busy.try_acquire() else {
        ear.count(Received::Refused);
        return (StatusCode::TOO_MANY_REQUESTS, "too many requests at once\n").into_response();
    };
    let trusted = trusted(&ear, &headers, query.as_deref());
    // A stranger may send no more than a handshake has.
    let most = if trusted { MAX_MESSAGE as usize } else { 64 << 10 };
    let body = match tokio::time::timeout(ARRIVES, to_bytes(body, most)).await {
        Err(_) => return refused(&ear, StatusCode::REQUEST_TIMEOUT, "the message did not arrive in 30 s\n"),
        Ok(Err(_)) if !trusted => return unauthorised(&ear),
        Ok(Err(_)) => return refused(&ear, StatusCode::PAYLOAD_TOO_LARGE, "the message is too large or broken off\n"),
        Ok(Ok(body)) => body,
    };
    if headers.get(KIND).is_some_and(|kind| kind == "SubscriptionValidation")
        && let Some(code) = validation_code(&body)
    {
        ear.count(Received::Handshake);
        info!("a subscription was validated");
        return Json(json!({ "validationResponse": code })).into_response();
    }
    if !trusted {
        return unauthorised(&ear);
    }
    if headers.get(KIND).is_some_and(|kind| kind == "Unsubscribe") {
        ear.count(Received::Handshake);
        return StatusCode::OK.into_response();
    }
    if body.is_empty() {
        return refused(&ear, StatusCode::BAD_REQUEST, "an empty message\n");
    }
    let trace = headers.get(trace::NAME).and_then(|value| TraceParent::parse(value.to_str().ok()?));
    match ear.door.put(body.into(), trace.clone()).await {
        Ok(id) => {
            ear.count(Received::Queued);
            info!(id, trace = trace.as_ref().map(TraceParent::trace_id), "a message was taken");
            (StatusCode::OK, format!("{id}\n")).into_response()
        }
        Err(error @ QueueError::TooLarge(_)) => refused(&ear, StatusCode::PAYLOAD_TOO_LARGE, &format!("{error}\n")),
        Err(error) => {
            ear.count(Received::Failed);
            warn!(error = describe(&error), "a message could not be put on the queue");
            (StatusCode::SERVICE_UNAVAILABLE, "the queue cannot be reached\n").into_response()
        }
    }
}

/// The handshake of CloudEvents webhooks: whoever asks may deliver, at the rate it asks for. It is allowed to nobody by this
/// alone, since a delivery must show the secret.
pub async fn handshake(State(ear): State<Arc<Ear>>, headers: HeaderMap) -> Response {
    let Some(origin) = headers.get(ORIGIN) else {
        return refused(&ear, StatusCode::BAD_REQUEST, "no WebHook-Request-Origin\n");
    };
    ear.count(Received::Handshake);
    let mut answer = HeaderMap::new();
    answer.insert(header::ALLOW, HeaderValue::from_static("POST, OPTIONS"));
    answer.insert(ALLOWED_ORIGIN, origin.clone());
    if let Some(rate) = headers.get(RATE) {
        answer.insert(ALLOWED_RATE, rate.clone());
    }
    (StatusCode::OK, answer).into_response()
}

fn refused(ear: &Ear, status: StatusCode, why: &str) -> Response {
    ear.count(Received::Refused);
    (status, why.to_owned()).into_response()
}

fn unauthorised(ear: &Ear) -> Response {
    ear.count(Received::Unauthorised);
    let why = match ear.secret {
        Some(_) => "the secret is missing or wrong\n",
        None => "no secret is set (POOLPROOF_LISTEN_SECRET), so that events are taken from this machine only\n",
    };
    (StatusCode::UNAUTHORIZED, why).into_response()
}

/// True where the request shows the secret: as `Authorization: Bearer SECRET`, as Event Grid sends what a subscription's delivery
/// properties say, or as `?code=SECRET`, since action groups of alerts send no headers of one's own. Without a secret the machine itself is trusted.
fn trusted(ear: &Ear, headers: &HeaderMap, query: Option<&str>) -> bool {
    let Some(secret) = &ear.secret else { return ear.private };
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let shown = bearer.and_then(|value| value.strip_prefix("Bearer "));
    let code = query.into_iter().flat_map(|query| query.split('&')).find_map(|pair| pair.strip_prefix("code="));
    shown.into_iter().chain(code).any(|shown| same(shown, secret))
}

/// Compares digests, so that the time it takes tells nothing of the secret.
fn same(shown: &str, secret: &str) -> bool {
    Sha256::digest(shown.as_bytes()) == Sha256::digest(secret.as_bytes())
}

/// The code of Event Grid's validation event, which is answered with it.
fn validation_code(body: &[u8]) -> Option<String> {
    let events: Value = serde_json::from_slice(body).ok()?;
    let event = events.get(0)?;
    let kind = event.get("eventType")?.as_str()?;
    let code = event.get("data")?.get("validationCode")?.as_str()?;
    (kind == "Microsoft.EventGrid.SubscriptionValidationEvent").then(|| code.to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::Ordering;

    use super::super::{AT_ONCE, Door, Put};
    use super::*;
    use crate::queue::Depth;
    use crate::serve::Worker;
    use tokio::sync::Semaphore;

    /// Where everything ends that an ear lets through.
    struct Heap(Arc<Mutex<Vec<Vec<u8>>>>);

    impl Put for Heap {
        fn put(&mut self, body: &[u8], _: Option<&TraceParent>) -> Result<String, QueueError> {
            self.0.lock().unwrap().push(body.to_vec());
            Ok("1".to_owned())
        }

        fn depth(&mut self) -> Result<Depth, QueueError> {
            Ok(Depth::default())
        }
    }

    fn ear(secret: Option<&str>, heap: &Arc<Mutex<Vec<Vec<u8>>>>) -> Arc<Ear> {
        let heap = heap.clone();
        let worker = Worker {
            snapshots: "dir:none".parse().unwrap(),
            publishers: Vec::new(),
            memory: None,
            estimate: Default::default(),
            progress: Arc::new(|_| {}),
            meter: Default::default(),
            split_above: 0,
        };
        Arc::new(Ear {
            door: Door::new(move || Ok(Box::new(Heap(heap.clone())))),
            worker: Arc::new(worker),
            secret: secret.map(str::to_owned),
            private: true,
            busy: Semaphore::new(AT_ONCE),
            received: Default::default(),
        })
    }

    /// Bodies of webhooks of both schemas: what is not a handshake lies on the queue byte for byte, and nothing of a stranger's.
    #[test]
    fn fuzz_deliveries() {
        let seeds = [
            r#"[{"id":"1","topic":"/subscriptions/s","subject":"","eventType":"Microsoft.EventGrid.SubscriptionValidationEvent","eventTime":"2026-03-02T06:00:00Z","data":{"validationCode":"512d38b6-c7b8-40c8-89fe-f46f9e9622b6","validationUrl":"https://example.org/validate"},"dataVersion":"2"}]"#,
            r#"[{"id":"1","topic":"/subscriptions/s/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/c","subject":"c","eventType":"Microsoft.ContainerService.NodePoolRollingStarted","eventTime":"2026-03-02T06:00:00Z","data":{"nodePoolName":"np1"},"dataVersion":"1"}]"#,
            r#"{"specversion":"1.0","id":"1","source":"/subscriptions/s/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/c","type":"Microsoft.ContainerService.NodePoolRollingSucceeded","time":"2026-03-02T06:00:00Z","traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01","data":{"nodePoolName":"np1"}}"#,
        ];
        let heap = Arc::default();
        let (open, locked) = (ear(None, &heap), ear(Some("hunter2"), &heap));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let validation = || HeaderMap::from_iter([(KIND, HeaderValue::from_static("SubscriptionValidation"))]);
        let answer = |ear: &Arc<Ear>, query: Option<String>, headers: HeaderMap, body: &[u8]| {
            let body = Body::from(body.to_vec());
            runtime.block_on(take(State(ear.clone()), RawQuery(query), headers, body)).status()
        };
        crate::fuzz::fuzz("deliveries", &seeds, &|bytes| {
            let query = Some(String::from_utf8_lossy(bytes).into_owned());
            let stranger = answer(&locked, query, validation(), bytes);
            assert!(heap.lock().unwrap().is_empty(), "a stranger's");
            let was_handshake = stranger == StatusCode::OK;
            assert!(was_handshake || stranger == StatusCode::UNAUTHORIZED, "{stranger}");
            let known = answer(&open, None, HeaderMap::new(), bytes);
            assert_eq!(known, if bytes.is_empty() { StatusCode::BAD_REQUEST } else { StatusCode::OK });
            let taken = std::mem::take(&mut *heap.lock().unwrap());
            assert!(taken.iter().map(Vec::as_slice).eq([bytes].into_iter().filter(|bytes| !bytes.is_empty())));
            let _ = TraceParent::of_message(bytes);
            was_handshake
        });
        assert!(locked.received[Received::Handshake as usize].load(Ordering::Relaxed) > 0);
    }
}

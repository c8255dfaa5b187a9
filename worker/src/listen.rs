//! The worker's ear: takes events by HTTP and puts them on the queue, and says how the worker stands.
//!
//! | path | what |
//! |---|---|
//! | `POST /events` | an Event Grid delivery (either schema), an alert, a message of any other kind: answered with 200 when it lies durably on the queue |
//! | `OPTIONS /events` | the handshake of the CloudEvents webhook specification 1.0 |
//! | `GET /healthz` | 200 while the process serves |
//! | `GET /readyz` | 200 where queue, stores and memory can be reached, else 503 and why |
//! | `GET /metrics` | Prometheus' text format |
//!
//! Plain HTTP: TLS and Entra logins belong to the ingress before it.

mod door;
mod events;
mod metrics;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tracing::info;

pub use door::{Door, Put};

use crate::job::describe;
use crate::serve::Worker;

/// Requests that may be worked on at the same time; more are answered with 429.
const AT_ONCE: usize = 64;

/// What the handlers share.
pub struct Ear {
    door: Door,
    worker: Arc<Worker>,
    secret: Option<String>,
    /// Nobody but this machine can reach it.
    private: bool,
    busy: Semaphore,
    received: [AtomicU64; Received::ALL.len()],
}

/// What became of a request for `/events`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Received {
    Queued,
    Handshake,
    Unauthorised,
    Refused,
    Failed,
}

impl Received {
    const ALL: [(Received, &'static str); 5] = [
        (Received::Queued, "queued"),
        (Received::Handshake, "handshake"),
        (Received::Unauthorised, "unauthorised"),
        (Received::Refused, "refused"),
        (Received::Failed, "failed"),
    ];
}

impl Ear {
    fn count(&self, what: Received) {
        self.received[what as usize].fetch_add(1, Ordering::Relaxed);
    }
}

/// Listens until `shutdown` becomes true; requests in hand are finished. Returns once the address is bound.
///
/// # Errors
/// The address cannot be had.
pub async fn start(
    address: SocketAddr,
    door: Door,
    worker: Arc<Worker>,
    secret: Option<String>,
    mut shutdown: watch::Receiver<bool>,
) -> anyhow::Result<tokio::task::JoinHandle<()>> {
    let listener = TcpListener::bind(address).await.with_context(|| format!("could not listen on {address}"))?;
    let address = listener.local_addr()?;
    let private = address.ip().is_loopback();
    let received = Default::default();
    let ear = Arc::new(Ear { door, worker, secret, private, busy: Semaphore::new(AT_ONCE), received });
    let router = Router::new()
        .route("/events", post(events::take).options(events::handshake))
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(ear);
    info!(%address, "listens");
    Ok(tokio::spawn(async move {
        let stopped = async move { _ = shutdown.wait_for(|stop| *stop).await };
        let _ = axum::serve(listener, router).with_graceful_shutdown(stopped).await;
    }))
}

/// Whether queue and stores can be reached, and what not.
async fn troubles(ear: &Arc<Ear>) -> Vec<String> {
    let mut found: Vec<String> = ear.worker.meter.trouble().into_iter().map(|why| format!("queue: {why}")).collect();
    if let Err(error) = ear.door.depth().await {
        found.push(format!("queue: {}", describe(&error)));
    }
    let worker = ear.worker.clone();
    let stores = tokio::task::spawn_blocking(move || {
        let publishers = worker.publishers.iter().filter_map(|p| p.reachable().err().map(|e| describe(&e)));
        let snapshots = worker.snapshots.reachable().err().map(|e| describe(&e));
        let memory = worker.memory.as_ref().and_then(|m| m.reachable().err()).map(|e| describe(&e));
        publishers.chain(snapshots).chain(memory).collect::<Vec<_>>()
    });
    match stores.await {
        Ok(more) => found.extend(more.into_iter().map(|why| format!("store: {why}"))),
        Err(_) => found.push("store: the question failed".to_owned()),
    }
    found.dedup();
    found
}

async fn ready(State(ear): State<Arc<Ear>>) -> Response {
    let troubles = troubles(&ear).await;
    if troubles.is_empty() {
        return "ready\n".into_response();
    }
    // What stores say may hold anything: one line each, plain text.
    let text: String = troubles.iter().map(|why| format!("{}\n", why.replace(char::is_control, " "))).collect();
    (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
}

async fn metrics(State(ear): State<Arc<Ear>>) -> Response {
    let depth = ear.door.depth().await.ok();
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    match metrics::text(&ear, depth) {
        Ok(text) => ([(header::CONTENT_TYPE, kind)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

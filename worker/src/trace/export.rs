//! Spans of our own, sent to a collector as OTLP over HTTP (protobuf). Nothing waits for the collector: spans are sent in batches
//! by a thread of their own, and dropped where nobody takes them.

use std::time::{Duration, SystemTime};

use opentelemetry::trace::{
    Span as _, SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer,
    TracerProvider as _,
};
use opentelemetry::{Context, KeyValue, global};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::{Span, Subscriber};
use tracing_opentelemetry::{OpenTelemetryLayer, OpenTelemetrySpanExt};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

use super::TraceParent;

/// Who made a span.
const SCOPE: &str = env!("CARGO_PKG_NAME");
/// Longest wait for the collector, and at the end of the program.
const PATIENCE: Duration = Duration::from_secs(5);

/// What sends spans; sends the rest when dropped.
pub struct Exporter(SdkTracerProvider);

impl Exporter {
    /// An exporter to the collector at this address (`http://HOST:4318`). Headers, such as a login, come from
    /// `OTEL_EXPORTER_OTLP_HEADERS` alone.
    ///
    /// # Errors
    /// The address is none.
    pub fn new(address: &str) -> anyhow::Result<Exporter> {
        let client = reqwest::blocking::Client::builder().timeout(PATIENCE).connect_timeout(PATIENCE).build()?;
        let endpoint = format!("{}/v1/traces", address.trim_end_matches('/'));
        let exporter = SpanExporter::builder().with_http().with_http_client(client).with_endpoint(endpoint).build()?;
        let resource = Resource::builder().with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
        let resource = match std::env::var_os("OTEL_SERVICE_NAME") {
            Some(_) => resource,
            None => resource.with_service_name(SCOPE),
        };
        let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource.build());
        let provider = provider.build();
        // For spans that are known only after they have ended.
        global::set_tracer_provider(provider.clone());
        Ok(Exporter(provider))
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        // Whoever collects traces may be gone: that is no reason to fail.
        let _ = self.0.shutdown_with_timeout(PATIENCE);
    }
}

/// The layer that makes spans of ours spans of a trace. Those of libraries, among them the ones that send, are left out.
pub fn layer<S: Subscriber + for<'a> LookupSpan<'a>>(exporter: &Exporter) -> impl Layer<S> + use<S> {
    // Events are for the log: a trace has what took how long.
    let ours = filter_fn(|metadata| metadata.is_span() && metadata.target().starts_with(SCOPE));
    OpenTelemetryLayer::new(exporter.0.tracer(SCOPE))
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_filter(ours)
}

/// The place of the span that this thread is in, where it is one of a trace.
pub fn here() -> Option<TraceParent> {
    let context = Span::current().context();
    let span = context.span().span_context().clone();
    let text = format!("00-{}-{}-{:02x}", span.trace_id(), span.span_id(), span.trace_flags().to_u8());
    span.is_valid().then(|| TraceParent::parse(&text)).flatten()
}

/// Makes the span of a message a part of the trace it belongs to, with a span of its own for the time its queue took to hand it
/// out; gives the id of the trace, where spans are exported.
pub fn follow(span: &Span, trace: Option<&TraceParent>, asked: SystemTime) -> Option<String> {
    if let Some(parent) = trace.and_then(context) {
        // Only a span that nobody exports refuses.
        let _ = span.set_parent(parent);
    }
    let context = span.context();
    let id = context.span().span_context().trace_id();
    if id == TraceId::INVALID {
        return None;
    }
    let claim = global::tracer(SCOPE).span_builder("claim").with_kind(SpanKind::Consumer).with_start_time(asked);
    claim.start_with_context(&global::tracer(SCOPE), &context).end();
    Some(id.to_string())
}

/// Marks the span that this thread is in as failed.
pub fn failed(why: &str) {
    Span::current().set_status(Status::error(why.to_owned()));
}

fn context(trace: &TraceParent) -> Option<Context> {
    let mut parts = trace.as_str().split('-').skip(1);
    let trace = TraceId::from_hex(parts.next()?).ok()?;
    let span = SpanId::from_hex(parts.next()?).ok()?;
    let flags = TraceFlags::new(u8::from_str_radix(parts.next()?, 16).ok()?);
    let remote = SpanContext::new(trace, span, flags, true, TraceState::NONE);
    Some(Context::new().with_remote_span_context(remote))
}

//! Traces: which parts a request went through, in which processes, and how long it was in each (OpenTelemetry).
//!
//! A command begins a trace. Whoever it calls is told of it by a W3C `traceparent`, in the metadata of gRPC ([`tell`], [`of_call`]) or in a message of
//! another form ([`traceparent`], [`continued`]), and goes on with it. Spans are sent by OTLP over gRPC where
//! `OTEL_EXPORTER_OTLP_ENDPOINT` names a collector (such as Jaeger, at `http://127.0.0.1:4317`). Without it there are no traces, and
//! nothing is done for them.
#![cfg(feature = "otlp")]

pub mod collector;

use std::collections::HashMap;
use std::env;
use std::io::{IsTerminal, stderr};

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{TraceContextExt, TracerProvider};
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::runtime::Runtime;
use tonic::metadata::AsciiMetadataValue;
use tonic::{Request, Status};
use tracing::{Span, info_span, warn};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::filter::{EnvFilter, LevelFilter, Targets};
use tracing_subscriber::prelude::*;

/// The name of the header (W3C Trace Context, section 3.2).
const TRACEPARENT: &str = "traceparent";

/// Sends what is left to send when it is dropped.
#[must_use]
pub struct Tracing {
    exporter: Option<(SdkTracerProvider, Runtime)>,
}

impl Drop for Tracing {
    fn drop(&mut self) {
        if let Some((provider, runtime)) = self.exporter.take() {
            if let Err(e) = provider.shutdown() {
                warn!("some spans could not be sent: {e}");
            }
            runtime.shutdown_background();
        }
    }
}

/// Sends log lines to the standard error, those that `RUST_LOG` asks for or else `default`, and spans as `service` to where
/// `OTEL_EXPORTER_OTLP_ENDPOINT` says: those of the crate `program`, which has hyphens in its name. To be called once.
pub fn init(program: &'static str, service: &'static str, default: &str) -> Tracing {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(stderr)
        .with_ansi(stderr().is_terminal())
        .with_filter(filter);
    let wanted = env::var("OTEL_EXPORTER_OTLP_ENDPOINT").is_ok_and(|endpoint| !endpoint.is_empty());
    let exporter = wanted.then(|| exporter(service)).transpose();
    let (exporter, failed) = match exporter {
        Ok(exporter) => (exporter, None),
        Err(e) => (None, Some(e)),
    };
    let spans = exporter.as_ref().map(|(provider, _)| {
        // Those of calls are begun here.
        let ours = Targets::new()
            .with_target(program.replace('-', "_"), LevelFilter::INFO)
            .with_target("traces", LevelFilter::INFO);
        tracing_opentelemetry::layer()
            .with_tracer(provider.tracer(program))
            .with_filter(ours)
    });
    tracing_subscriber::registry()
        .with(lines)
        .with(spans)
        .init();
    if let Some(e) = failed {
        warn!("there will be no traces: OTEL_EXPORTER_OTLP_ENDPOINT: {e:#}");
    }
    Tracing { exporter }
}

fn exporter(service: &'static str) -> anyhow::Result<(SdkTracerProvider, Runtime)> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("otlp")
        .enable_all()
        .build()?;
    let inside = runtime.enter();
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(SpanExporter::builder().with_tonic().build()?)
        .with_resource(Resource::builder().with_service_name(service).build())
        .build();
    drop(inside);
    Ok((provider, runtime))
}

/// The current span as others are told of it; none where there is no trace.
pub fn traceparent() -> Option<String> {
    let context = Span::current().context();
    if !context.span().span_context().is_valid() {
        return None;
    }
    let mut carrier = HashMap::new();
    TraceContextPropagator::new().inject_context(&context, &mut carrier);
    carrier.remove(TRACEPARENT)
}

/// Makes `span` a part of the trace that `traceparent` tells of. What is no `traceparent` is passed over, as the
/// standard asks.
pub fn continued(span: Span, traceparent: &str) -> Span {
    let carrier = HashMap::from([(TRACEPARENT.to_owned(), traceparent.to_owned())]);
    let context = TraceContextPropagator::new().extract(&carrier);
    // It fails where nobody collects spans.
    let _ = span.set_parent(context);
    span
}

/// A span of the current trace; none where there is no trace.
pub fn within(span: impl FnOnce() -> Span) -> Span {
    match traceparent() {
        Some(_) => span(),
        None => Span::none(),
    }
}

/// Tells whoever is called of the current trace.
///
/// # Errors
/// None; an interceptor of tonic's may have some.
#[allow(clippy::result_large_err, reason = "tonic's type")]
pub fn tell(mut request: Request<()>) -> Result<Request<()>, Status> {
    if let Some(value) = traceparent().and_then(|value| AsciiMetadataValue::try_from(value).ok()) {
        request.metadata_mut().insert(TRACEPARENT, value);
    }
    Ok(request)
}

/// The span of a call that a server answers; none where the caller has no trace.
pub fn of_call(request: &tonic::codegen::http::Request<()>) -> Span {
    let Some(value) = request.headers().get(TRACEPARENT) else {
        return Span::none();
    };
    let method = request.uri().path().rsplit('/').next().unwrap_or_default();
    let span = info_span!("call", otel.name = method, otel.kind = "server");
    continued(span, value.to_str().unwrap_or_default())
}

//! What receives spans, for tests: an OTLP collector that remembers them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use tokio::runtime::Runtime;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

/// A span, and which service sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Who sent it.
    pub service: String,
    /// Its name.
    pub name: String,
    /// The trace that it belongs to.
    pub trace: Vec<u8>,
    /// Its id.
    pub id: Vec<u8>,
    /// The id of the span that it is a part of.
    pub parent: Vec<u8>,
    /// What is said of it, as far as that is text.
    pub attributes: BTreeMap<String, String>,
}

#[derive(Clone, Default)]
struct Spans(Arc<Mutex<Vec<Seen>>>);

/// A collector at a port of the system's choice.
pub struct Collector {
    spans: Spans,
    endpoint: String,
    _runtime: Runtime,
}

impl Collector {
    /// Begins to listen.
    ///
    /// # Errors
    /// Where that cannot be done.
    pub fn start() -> anyhow::Result<Collector> {
        let (spans, runtime) = (Spans::default(), Runtime::new()?);
        let listener = {
            let _inside = runtime.enter();
            TcpIncoming::bind("127.0.0.1:0".parse()?)?
        };
        let endpoint = format!("http://{}", listener.local_addr()?);
        let service = TraceServiceServer::new(spans.clone());
        let server = tonic::transport::Server::builder().add_service(service);
        runtime.spawn(server.serve_with_incoming(listener));
        Ok(Collector {
            spans,
            endpoint,
            _runtime: runtime,
        })
    }

    /// What makes a program send its spans here, and soon: variables of its environment.
    pub fn environment(&self) -> [(&str, &str); 2] {
        [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &self.endpoint),
            ("OTEL_BSP_SCHEDULE_DELAY", "100"),
        ]
    }

    /// The spans of the trace to which the first span belongs that is `root`; so far.
    pub fn trace_of(&self, root: impl Fn(&Seen) -> bool) -> Trace {
        let spans = self.spans.0.lock().unwrap_or_else(PoisonError::into_inner);
        let trace = spans.iter().find(|span| root(span)).map(|span| &span.trace);
        let of = spans.iter().filter(|span| Some(&span.trace) == trace);
        Trace(of.cloned().collect())
    }
}

/// The spans of a trace.
#[derive(Clone, Debug)]
pub struct Trace(pub Vec<Seen>);

impl Trace {
    /// The names of a service's spans.
    pub fn names(&self, service: &str) -> BTreeSet<&str> {
        let of = self.0.iter().filter(|span| span.service == service);
        of.map(|span| span.name.as_str()).collect()
    }

    /// Those that a span is a part of, from within.
    pub fn above<'a>(&'a self, span: &'a Seen) -> impl Iterator<Item = &'a Seen> {
        let parent = |at: &&Seen| self.0.iter().find(|other| other.id == at.parent);
        std::iter::successors(Some(span), parent).skip(1)
    }
}

#[tonic::async_trait]
impl TraceService for Spans {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        for resource in request.into_inner().resource_spans {
            let of = texts(&resource.resource.unwrap_or_default().attributes);
            let service = of.get("service.name").cloned().unwrap_or_default();
            let scopes = resource.scope_spans.into_iter();
            let spans = scopes.flat_map(|scope| scope.spans).map(|span| Seen {
                service: service.clone(),
                name: span.name,
                trace: span.trace_id,
                id: span.span_id,
                parent: span.parent_span_id,
                attributes: texts(&span.attributes),
            });
            let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            seen.extend(spans);
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

fn texts(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |pair: &KeyValue| match pair.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some((pair.key.clone(), text.clone())),
        _ => None,
    };
    attributes.iter().filter_map(text).collect()
}

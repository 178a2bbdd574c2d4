//! Traces that follow a request through all processes, as an OTLP collector receives them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

use crate::harness::{bytes, program, until};

/// A span, and which service sent it.
#[derive(Clone, Debug)]
struct Seen {
    service: String,
    name: String,
    trace: Vec<u8>,
    id: Vec<u8>,
    parent: Vec<u8>,
    attributes: BTreeMap<String, String>,
}

#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<Seen>>>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        for resource in request.into_inner().resource_spans {
            let text = |attributes: &[opentelemetry_proto::tonic::common::v1::KeyValue]| {
                let pairs = attributes.iter().filter_map(|pair| {
                    match pair.value.as_ref()?.value.as_ref()? {
                        Value::StringValue(text) => Some((pair.key.clone(), text.clone())),
                        _ => None,
                    }
                });
                pairs.collect::<BTreeMap<_, _>>()
            };
            let of = text(&resource.resource.unwrap_or_default().attributes);
            let service = of.get("service.name").cloned().unwrap_or_default();
            let spans = resource
                .scope_spans
                .into_iter()
                .flat_map(|scope| scope.spans);
            self.0.lock().unwrap().extend(spans.map(|span| Seen {
                service: service.clone(),
                name: span.name,
                trace: span.trace_id,
                id: span.span_id,
                parent: span.parent_span_id,
                attributes: text(&span.attributes),
            }));
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[test]
fn a_trace_follows_a_write_and_a_read_through_client_name_node_and_data_nodes() {
    let collector = Collector::default();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let listener = {
        let _inside = runtime.enter();
        TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap()
    };
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let service = TraceServiceServer::new(collector.clone());
    runtime.spawn(
        tonic::transport::Server::builder()
            .add_service(service)
            .serve_with_incoming(listener),
    );
    let command = |words: &[&str]| {
        let mut command = Command::new(program());
        command
            .args(words)
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)
            .env("OTEL_BSP_SCHEDULE_DELAY", "100");
        command
    };
    let mut cluster = command(&["cluster", "--datanodes", "3", "--exit-with-stdin"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(cluster.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    let name_node = line.trim_end().rsplit('=').next().unwrap().to_owned();

    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("f");
    std::fs::write(&file, bytes(1, 100_000)).unwrap();
    for words in [
        &["dfs", "-put", file.to_str().unwrap(), "/f"][..],
        &["dfs", "-cat", "/f"],
    ] {
        let mut command = command(words);
        let output = command.env("MINI_HDFS_NAMENODE", &name_node).output();
        assert!(output.as_ref().unwrap().status.success(), "{output:?}");
    }

    // Spans come in any order, and those of servers a little later.
    let spans_of = |words: &str| -> Vec<Seen> {
        let seen = collector.0.lock().unwrap();
        let root = seen.iter().find(|span| {
            let said = span.attributes.get("words");
            span.name == "command" && said.is_some_and(|said| said.starts_with(words))
        });
        let of = root.map(|root| root.trace.clone());
        let spans = seen.iter().filter(|span| Some(&span.trace) == of.as_ref());
        spans.cloned().collect()
    };
    let names = |spans: &[Seen], service: &str| -> BTreeSet<String> {
        let of = spans.iter().filter(|span| span.service == service);
        of.map(|span| span.name.clone()).collect()
    };
    let all_nodes = |spans: &[Seen], name: &str| {
        let ops = spans.iter().filter(|span| span.name == name);
        ops.filter_map(|span| span.attributes.get("datanode"))
            .collect::<BTreeSet<_>>()
            .len()
    };
    until("the write's trace is complete", || {
        let spans = spans_of("-put");
        let calls = names(&spans, "namenode");
        ["Create", "AddBlock", "Complete", "Rename", "edit_log_sync"]
            .iter()
            .all(|name| calls.contains(*name))
            && names(&spans, "client").contains("write_file")
            && all_nodes(&spans, "WriteBlock") == 3
    });
    until("the read's trace is complete", || {
        let spans = spans_of("-cat");
        names(&spans, "namenode").contains("GetBlockLocations")
            && all_nodes(&spans, "ReadBlock") == 1
    });

    // Each node of the pipeline is below the one that called it: client, first, second, third.
    let spans = spans_of("-put");
    let by_id: BTreeMap<&[u8], &Seen> = spans.iter().map(|span| (&span.id[..], span)).collect();
    let depth = |span: &Seen| {
        let mut callers = vec![];
        let mut at = span;
        while let Some(parent) = by_id.get(&at.parent[..]) {
            callers.push(parent.name.as_str());
            at = parent;
        }
        callers.iter().filter(|name| **name == "WriteBlock").count()
    };
    let mut depths: Vec<usize> = spans
        .iter()
        .filter(|span| span.name == "WriteBlock")
        .map(depth)
        .collect();
    depths.sort_unstable();
    assert_eq!(depths, [0, 1, 2], "{spans:#?}");

    drop(cluster.stdin.take());
    assert!(cluster.wait().unwrap().success());
}

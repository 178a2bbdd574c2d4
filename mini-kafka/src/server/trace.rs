//! A record's trace. Its header `traceparent` (W3C Trace Context) says to which one it belongs, as OpenTelemetry's instrumentations of
//! Kafka's clients have it: producers set it, consumers go on from it. The broker's work on a batch belongs to the trace of the first record in it that
//! names one.

use std::env;
use std::sync::OnceLock;

use tracing::{Span, info_span};

use super::client::consumer::Consumed;
use crate::record::batch::RecordBatch;

/// The header's name.
pub(super) const TRACEPARENT: &str = "traceparent";

/// Whether anybody collects spans. To look into each batch costs something.
fn is_on() -> bool {
    static IS_ON: OnceLock<bool> = OnceLock::new();
    *IS_ON.get_or_init(|| env::var("OTEL_EXPORTER_OTLP_ENDPOINT").is_ok_and(|to| !to.is_empty()))
}

/// The span of a batch that is appended; none where nobody collects spans, or no record is in a trace.
pub(super) fn of_batch(topic: &str, partition: i32, batch: &[u8]) -> Span {
    if !is_on() {
        return Span::none();
    }
    // One that is damaged is refused where it is looked at in earnest.
    let payload = RecordBatch::parse(batch).and_then(|batch| batch.payload());
    let Ok(payload) = payload else {
        return Span::none();
    };
    let mut headers = payload
        .records()
        .flatten()
        .flat_map(|record| record.headers);
    let named = headers.find(|header| header.key == TRACEPARENT);
    let value = named.and_then(|header| std::str::from_utf8(header.value?).ok());
    value.map_or_else(Span::none, |value| {
        traces::continued(info_span!("append", topic, partition), value)
    })
}

/// The span of a record that a consumer works on; none where the record is in no trace.
pub fn of_record(record: &Consumed) -> Span {
    let named = record.headers.iter().find(|(key, _)| key == TRACEPARENT);
    let value = named.and_then(|(_, value)| std::str::from_utf8(value.as_ref()?).ok());
    let (topic, partition) = &record.partition;
    value.map_or_else(Span::none, |value| {
        let span = info_span!("receive", otel.kind = "consumer", topic, partition);
        traces::continued(span, value)
    })
}

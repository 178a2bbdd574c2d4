//! A record's trace, as an OTLP collector receives it.

use std::io::Write;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use traces::collector::{Collector, Seen};

use crate::broker::{Broker, DEADLINE, kcat, output};

fn until(what: &str, good: impl Fn() -> bool) {
    let end = Instant::now() + DEADLINE;
    while !good() {
        assert!(Instant::now() < end, "{what} did not come");
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_records_trace_goes_from_its_producer_through_the_broker_to_its_consumer() {
    let collector = Collector::start().unwrap();
    let broker = Broker::start_in(&collector.environment(), &[]);
    let mut producer = broker.command(&["console-producer", "--topic", "t"]);
    producer.envs(collector.environment()).stdin(Stdio::piped());
    let mut producer = producer.spawn().unwrap();
    producer
        .stdin
        .take()
        .unwrap()
        .write_all(b"hello\n")
        .unwrap();
    assert!(producer.wait().unwrap().success());
    let consumer = [
        "console-consumer",
        "--topic",
        "t",
        "--from-beginning",
        "--max-messages",
        "1",
    ];
    let mut consumer = broker.command(&consumer);
    consumer.envs(collector.environment());
    consumer.args(["--property", "print.headers=true"]);
    let said = output(&mut consumer);
    assert!(
        said.starts_with("traceparent:00-") && said.ends_with("\thello\n"),
        "{said}"
    );

    // Spans come in any order.
    let trace = || collector.trace_of(|span| span.name == "send");
    until("the whole trace", || {
        let trace = trace();
        trace.names("broker").contains("append") && trace.names("client").contains("receive")
    });
    let trace = trace();
    for part in trace.0.iter().filter(|span| span.name != "send") {
        let above: Vec<&str> = trace.above(part).map(|span| &*span.name).collect();
        assert_eq!(above, ["send"], "{part:?}");
        assert_eq!(part.attributes["topic"], "t");
    }
}

/// Whoever made the trace need not be one of ours, and the batch may be compressed.
#[test]
fn a_trace_of_somebody_elses_goes_on_in_the_broker() {
    let Some(mut kcat) = kcat() else {
        return;
    };
    let collector = Collector::start().unwrap();
    let broker = Broker::start_in(&collector.environment(), &[]);
    let (trace, parent) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
    kcat.args(["-b", &broker.address, "-P", "-t", "t", "-z", "zstd", "-H"]);
    kcat.arg(format!("traceparent=00-{trace}-{parent}-01"));
    let mut kcat = kcat.stdin(Stdio::piped()).spawn().unwrap();
    kcat.stdin.take().unwrap().write_all(b"hello\n").unwrap();
    assert!(kcat.wait().unwrap().success());
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let is_it = |span: &Seen| span.name == "append" && hex(&span.parent) == parent;
    until("the broker's span", || {
        !collector.trace_of(is_it).0.is_empty()
    });
    let spans = collector.trace_of(is_it).0;
    assert!(
        spans.iter().all(|span| hex(&span.trace) == trace),
        "{spans:?}"
    );
}

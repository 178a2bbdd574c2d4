//! A disk that is full, and one that fails, under a running broker.

use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use mini_kafka::error::ErrorCode;
use mini_kafka::server::client::producer::{Producer, ProducerConfig};
use mini_kafka::server::client::{Client, ClientError};

use crate::broker::Broker;

/// Sends one record; the code of what came of it.
fn send(broker: &Broker, value: &[u8]) -> i16 {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let sent = runtime.block_on(async {
        let client = Client::connect(&broker.address, "test").await?;
        let config = ProducerConfig {
            idempotent: false,
            delivery_timeout: Duration::ZERO,
            ..ProducerConfig::default()
        };
        let mut producer = Producer::new(client, "t", config).await?;
        producer.send(1, None, Some(value), &[]).await?;
        producer.flush().await
    });
    match sent {
        Ok(_) => 0,
        Err(ClientError::Refused { code, .. }) => code,
        Err(error) => panic!("the broker has to answer: {error}"),
    }
}

fn read(broker: &Broker) -> String {
    let all = "console-consumer --topic t --from-beginning --timeout-ms 1000";
    broker.tool(&all.split(' ').collect::<Vec<_>>())
}

const REFUSED: i16 = ErrorCode::KafkaStorageError as i16;

#[test]
fn a_full_disk_is_the_producers_error_and_passes() {
    let mut broker = Broker::start(&["log.flush.interval.messages=1"]);
    assert_eq!(send(&broker, b"before"), 0);
    broker.order("full=200");
    assert_eq!(send(&broker, &[b'x'; 300]), REFUSED);
    assert_eq!(send(&broker, b"small"), 0, "what fits is taken");
    broker.order("full=0");
    for _ in 0..3 {
        assert_eq!(send(&broker, b"lost"), REFUSED);
    }
    // An id for an idempotent producer would not even be given out.
    let mut command = broker.command(&[
        "console-producer",
        "--topic",
        "t",
        "--producer-property",
        "enable.idempotence=false",
        "--producer-property",
        "delivery.timeout.ms=0",
    ]);
    command.stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut producer = command.spawn().unwrap();
    let mut typed = producer.stdin.take().unwrap();
    // Several batches, of which it gives up the first; it may be gone before it has read them.
    let _ = typed.write_all(&b"lost\n".repeat(20_000));
    let said = producer.wait_with_output().unwrap().stderr;
    let said = String::from_utf8(said).unwrap();
    assert!(said.contains("KafkaStorageError"), "{said}");
    assert_eq!(read(&broker), "before\nsmall\n", "reading goes on");
    broker.order("");
    assert_eq!(send(&broker, b"after"), 0);
    assert_eq!(read(&broker), "before\nsmall\nafter\n");
    broker.kill();
    broker.restart();
    assert_eq!(read(&broker), "before\nsmall\nafter\n");
}

#[test]
fn after_a_failed_sync_nothing_is_taken_before_a_restart() {
    let mut broker = Broker::start(&["log.flush.interval.messages=1"]);
    assert_eq!(send(&broker, b"before"), 0);
    broker.order("fail=syncs");
    assert_eq!(send(&broker, b"unknown"), REFUSED);
    broker.order("");
    assert_eq!(send(&broker, b"refused"), REFUSED);
    assert!(
        broker
            .said()
            .contains("offline until the broker is restarted")
    );
    assert!(broker.is_running());
    broker.kill();
    broker.restart();
    assert_eq!(send(&broker, b"after"), 0);
    // What was not acknowledged may be there, or not.
    let read = read(&broker);
    let known = ["before\nafter\n", "before\nunknown\nafter\n"];
    assert!(known.contains(&read.as_str()), "{read}");
}

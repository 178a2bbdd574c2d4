//! Our own client where something goes wrong: what it does not lose, and when it gives up.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use mini_kafka::server::client::consumer::{Assignor, Consumer, EARLIEST, GroupConfig};
use mini_kafka::server::client::producer::{Producer, ProducerConfig};
use mini_kafka::server::client::{Client, ClientError};

use crate::broker::{Broker, DEADLINE, output};

const WAIT: Duration = Duration::from_millis(50);

async fn client(broker: &Broker) -> Client {
    Client::connect(&broker.address, "test").await.unwrap()
}

async fn producer(broker: &Broker, config: ProducerConfig) -> Producer {
    let client = client(broker).await;
    Producer::new(client, "t", config).await.unwrap()
}

async fn send(producer: &mut Producer, value: &str) {
    let value = Some(value.as_bytes());
    producer.send(1, None, value, &[]).await.unwrap();
}

fn read(broker: &Broker) -> String {
    let all = "console-consumer --topic t --from-beginning --timeout-ms 1000";
    broker.tool(&all.split(' ').collect::<Vec<_>>())
}

fn group(topics: &[&str], instance_id: Option<&str>) -> GroupConfig {
    GroupConfig {
        group_id: "g".to_owned(),
        instance_id: instance_id.map(ToOwned::to_owned),
        topics: topics.iter().map(|topic| (*topic).to_owned()).collect(),
        assignor: Assignor::Range,
        session_timeout: Duration::from_secs(30),
        heartbeat_interval: Duration::from_millis(50),
        rebalance_timeout: Duration::from_secs(20),
        auto_commit: Some(Duration::ZERO),
    }
}

/// Polls until `count` values have come.
async fn poll(consumer: &mut Consumer, count: usize) -> Vec<String> {
    let (began, mut values) = (Instant::now(), Vec::new());
    while values.len() < count {
        assert!(began.elapsed() < DEADLINE, "{values:?}");
        for record in consumer.poll(WAIT).await.unwrap() {
            values.push(String::from_utf8(record.value.unwrap()).unwrap());
        }
    }
    values
}

#[tokio::test]
async fn a_flush_that_nobody_waits_for_loses_nothing() {
    let mut broker = Broker::start(&["log.flush.interval.messages=1"]);
    let mut producer = producer(&broker, ProducerConfig::default()).await;
    send(&mut producer, "a").await;
    // The broker is gone, so that there is something to wait for.
    broker.kill();
    let flushed = tokio::time::timeout(WAIT, producer.flush()).await;
    assert!(flushed.is_err(), "{flushed:?}");
    broker.restart();
    send(&mut producer, "b").await;
    assert_eq!(producer.flush().await.unwrap(), 2);
    assert_eq!(read(&broker), "a\nb\n");
}

#[tokio::test]
async fn after_it_has_given_up_a_producer_begins_anew() {
    let mut broker = Broker::start(&["log.flush.interval.messages=1"]);
    let config = ProducerConfig {
        delivery_timeout: Duration::ZERO,
        ..ProducerConfig::default()
    };
    let mut producer = producer(&broker, config).await;
    send(&mut producer, "a").await;
    producer.flush().await.unwrap();
    broker.kill();
    send(&mut producer, "given up").await;
    assert!(producer.flush().await.unwrap_err().is_retriable());
    broker.restart();
    send(&mut producer, "b").await;
    assert_eq!(producer.flush().await.unwrap(), 2);
    assert_eq!(read(&broker), "a\nb\n");
}

#[tokio::test]
async fn what_is_sent_without_acknowledgement_is_not_sent_into_a_closed_connection() {
    let broker = Broker::start(&["connections.max.idle.ms=300"]);
    let config = ProducerConfig {
        acks: 0,
        ..ProducerConfig::default()
    };
    let mut producer = producer(&broker, config).await;
    let began = Instant::now();
    while !broker.said().contains("nothing was asked") {
        assert!(began.elapsed() < DEADLINE, "it is never cut");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    send(&mut producer, "a").await;
    producer.flush().await.unwrap();
    assert_eq!(read(&broker), "a\n");
}

#[tokio::test]
async fn a_partition_whose_next_record_is_deleted_goes_on_though_others_are_busy() {
    let broker = Broker::start(&["num.partitions=2"]);
    let mut producer = producer(&broker, ProducerConfig::default()).await;
    // Without a key each batch goes to one partition, in turns.
    let record = "x".repeat(20_000);
    for _ in 0..20 {
        send(&mut producer, &record).await;
    }
    producer.flush().await.unwrap();
    let mut consumer = Consumer::new(client(&broker).await, EARLIEST);
    let partitions = [0, 1].map(|partition| (("t".to_owned(), partition), EARLIEST));
    consumer.assign(partitions).await.unwrap();
    let deleted = ("t".to_owned(), 1);
    // As if it had been away while all of partition 1 was deleted.
    consumer.seek(&deleted, 1_000_000);
    let mut came = consumer.poll(WAIT).await.unwrap();
    assert!(came.iter().all(|record| record.partition.1 == 0));
    assert!(consumer.positions()[&deleted] < 1_000_000);
    while came.len() < 20 {
        came.extend(consumer.poll(WAIT).await.unwrap());
    }
    assert_eq!(came.len(), 20);
}

#[tokio::test]
async fn a_group_reads_a_topic_that_is_made_later() {
    let broker = Broker::start(&["auto.create.topics.enable=false"]);
    broker.tool(&["topics", "--create", "--topic", "t"]);
    let mut consumer = Consumer::new(client(&broker).await, EARLIEST);
    consumer
        .subscribe(group(&["t", "later"], None))
        .await
        .unwrap();
    let mut producer = producer(&broker, ProducerConfig::default()).await;
    send(&mut producer, "a").await;
    producer.flush().await.unwrap();
    assert_eq!(poll(&mut consumer, 1).await, ["a"]);
    broker.tool(&["topics", "--create", "--topic", "later"]);
    let began = Instant::now();
    while consumer.positions().len() < 2 {
        assert!(began.elapsed() < DEADLINE, "{:?}", consumer.positions());
        consumer.poll(WAIT).await.unwrap();
    }
    consumer.close().await.unwrap();
}

#[tokio::test]
async fn a_static_member_comes_back_to_what_it_had_and_its_double_is_fenced() {
    let broker = Broker::start(&[]);
    let mut producer = producer(&broker, ProducerConfig::default()).await;
    send(&mut producer, "a").await;
    producer.flush().await.unwrap();
    let mut first = Consumer::new(client(&broker).await, EARLIEST);
    first.subscribe(group(&["t"], Some("one"))).await.unwrap();
    assert_eq!(poll(&mut first, 1).await, ["a"]);
    let generation = first.generation();
    let mut second = Consumer::new(client(&broker).await, EARLIEST);
    second.subscribe(group(&["t"], Some("one"))).await.unwrap();
    second.poll(WAIT).await.unwrap();
    assert_eq!(second.generation(), generation);
    let fenced = loop {
        match first.poll(WAIT).await {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    let ClientError::Refused { message, .. } = &fenced else {
        panic!("{fenced}");
    };
    assert!(message.contains("Fenced"), "{message}");
}

#[test]
fn ctrl_c_ends_a_producer_whose_broker_is_gone() {
    let mut broker = Broker::start(&[]);
    let mut command = broker.command(&["console-producer", "--topic", "t"]);
    command.stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut producer = command.spawn().unwrap();
    let mut typed = producer.stdin.take().unwrap();
    typed.write_all(b"there\n").unwrap();
    let began = Instant::now();
    while read(&broker) != "there\n" {
        assert!(began.elapsed() < DEADLINE, "it is never sent");
    }
    broker.kill();
    typed.write_all(b"lost\n").unwrap();
    let pid = producer.id().to_string();
    output(Command::new("kill").args(["-INT", &pid]));
    let ended = producer.wait_with_output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(!ended.status.success(), "{said}");
    // It says what it tries, and in the end what it gives up.
    for expected in ["sending again", "the last lines were not acknowledged"] {
        assert!(said.contains(expected), "{said}");
    }
}

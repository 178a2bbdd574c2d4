//! Clients that do nothing: thousands that ask nothing, and one that does not read what it asked for.

use std::fs;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::{BrokerId, FetchRequest, TopicName};
use kafka_protocol::protocol::{Encodable, StrBytes};
use mini_kafka::server::client::Client;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

use crate::broker::{Broker, DEADLINE};
use crate::hostile::{answers, connect, frame};

const IDLE: usize = 2000;
/// Of each connection: its buffer, its queue of answers, the state of its two tasks. The kernel's share is not in it.
const CONNECTION_KIB_MAX: usize = 16;

/// Raises the limit of open files to what the system allows; the broker does it by itself.
fn allow_open_files(count: usize) -> bool {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let raised = setrlimit(Resource::Nofile, raised).is_ok();
    raised && limit.maximum.is_none_or(|max| max >= count as u64)
}

/// The memory that a process has, where the system tells.
fn resident_kib(pid: u32) -> Option<usize> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[test]
fn two_thousand_idle_connections_cost_little() {
    if !allow_open_files(IDLE + 500) {
        let text = format!("fewer than {IDLE} files may be open; see `ulimit -Hn`");
        assert!(std::env::var_os("CI").is_none(), "{text}");
        eprintln!("NOT TESTED: {text}");
        return;
    }
    let mut broker = Broker::start(&[]);
    answers(&broker);
    let before = resident_kib(broker.pid());
    let idle: Vec<TcpStream> = (0..IDLE).map(|_| connect(&broker)).collect();
    // Connections are accepted in their order, so that now all are.
    answers(&broker);
    if let (Some(before), Some(after)) = (before, resident_kib(broker.pid())) {
        let grown = after.saturating_sub(before);
        assert!(
            grown <= IDLE * CONNECTION_KIB_MAX,
            "{IDLE} connections have {grown} KiB"
        );
    }
    let sent = "perf producer --topic t --num-records 1000 --record-size 1000";
    broker.tool(&sent.split(' ').collect::<Vec<_>>());
    drop(idle);
    answers(&broker);
    assert!(broker.is_running());
}

/// All of a partition.
fn fetch_request() -> FetchRequest {
    let name = TopicName(StrBytes::from_static_str("t"));
    let partition = FetchPartition::default()
        .with_partition(0)
        .with_fetch_offset(0)
        .with_partition_max_bytes(50 << 20);
    FetchRequest::default()
        .with_replica_id(BrokerId(-1))
        .with_max_wait_ms(0)
        .with_min_bytes(1)
        .with_max_bytes(50 << 20)
        .with_session_epoch(-1)
        .with_topics(vec![
            FetchTopic::default()
                .with_topic(name)
                .with_partitions(vec![partition]),
        ])
}

/// Asks for it, and again, without reading an answer.
async fn ask_and_not_read(client: &mut Client) {
    for _ in 0..4 {
        client.send(11, &fetch_request()).await.unwrap();
    }
}

/// The request as a frame.
fn fetch_all() -> Vec<u8> {
    let mut body = Vec::new();
    fetch_request().encode(&mut body, 11).unwrap();
    frame(1, 11, &body)
}

#[test]
fn who_does_not_read_is_cut_and_holds_nobody_up() {
    let mut broker = Broker::start(&["connections.max.idle.ms=2000"]);
    let sent = "perf producer --topic t --num-records 300 --record-size 100000";
    broker.tool(&sent.split(' ').collect::<Vec<_>>());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let client = runtime.block_on(async {
        let mut client = Client::connect(&broker.address, "sleeper").await.unwrap();
        ask_and_not_read(&mut client).await;
        client
    });
    let began = Instant::now();
    let read = "perf consumer --topic t --messages 300";
    broker.tool(&read.split(' ').collect::<Vec<_>>());
    while !broker.said().contains("an answer was not taken") {
        assert!(began.elapsed() < DEADLINE, "it is never cut");
        answers(&broker);
    }
    assert!(began.elapsed() >= Duration::from_millis(500));
    drop(client);
    assert!(broker.is_running());
}

#[test]
fn who_reads_by_the_spoonful_is_cut() {
    let broker = Broker::start(&["connections.max.idle.ms=1500"]);
    let sent = "perf producer --topic t --num-records 100 --record-size 100000";
    broker.tool(&sent.split(' ').collect::<Vec<_>>());
    let slow = TcpSocket::new_v4().unwrap();
    // Little fits between the two, so that the broker sees how slow the reader is.
    slow.set_recv_buffer_size(4096).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut stream = slow.connect(broker.address.parse().unwrap()).await.unwrap();
        stream.write_all(&fetch_all()).await.unwrap();
        let began = Instant::now();
        while !broker.said().contains("an answer was not taken") {
            assert!(began.elapsed() < DEADLINE, "it is never cut");
            // Far from silent, and some 25 kB a second.
            let _ = stream.read(&mut [0; 500]).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    answers(&broker);
}

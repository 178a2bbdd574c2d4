//! Our own client: two members in a group, whatever the assignor; and what it does when the broker dies.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use mini_kafka::server::client::Client;
use mini_kafka::server::client::consumer::{Assignor, Consumer, EARLIEST, GroupConfig};
use mini_kafka::server::client::producer::{Producer, ProducerConfig, partition_for_key};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use crate::broker::{Broker, DEADLINE, output};

const PARTITIONS: i32 = 4;
const ASSIGNORS: [Assignor; 4] = [
    Assignor::Range,
    Assignor::RoundRobin,
    Assignor::Sticky,
    Assignor::CooperativeSticky,
];

/// Values in the order in which they were read, by partition.
type Read = BTreeMap<i32, Vec<u32>>;

/// A member that polls until it is told to leave, and what is known of it.
struct Member {
    task: JoinHandle<()>,
    leaves: Arc<AtomicBool>,
    owned: Arc<Mutex<BTreeSet<i32>>>,
}

impl Member {
    fn start(
        broker: &Broker,
        runtime: &Runtime,
        assignor: Assignor,
        read: &Arc<Mutex<Read>>,
    ) -> Member {
        let (leaves, owned) = (Arc::<AtomicBool>::default(), Arc::default());
        let task = poll(
            broker.address.clone(),
            assignor,
            leaves.clone(),
            Arc::clone(&owned),
            Arc::clone(read),
        );
        Member {
            task: runtime.spawn(task),
            leaves,
            owned,
        }
    }

    fn owned(&self) -> BTreeSet<i32> {
        self.owned.lock().unwrap().clone()
    }

    fn leave(self, runtime: &Runtime) {
        self.leaves.store(true, Ordering::Relaxed);
        runtime.block_on(self.task).unwrap();
    }
}

async fn poll(
    address: String,
    assignor: Assignor,
    leaves: Arc<AtomicBool>,
    owned: Arc<Mutex<BTreeSet<i32>>>,
    read: Arc<Mutex<Read>>,
) {
    let client = Client::connect(&address, "test").await.unwrap();
    let mut consumer = Consumer::new(client, EARLIEST);
    let config = GroupConfig {
        group_id: assignor.name().to_owned(),
        instance_id: None,
        topics: BTreeSet::from(["t".to_owned()]),
        assignor,
        session_timeout: Duration::from_secs(10),
        heartbeat_interval: Duration::from_millis(50),
        rebalance_timeout: Duration::from_secs(20),
        // With each poll: what was read is committed before it is read on.
        auto_commit: Some(Duration::ZERO),
    };
    consumer.subscribe(config).await.unwrap();
    while !leaves.load(Ordering::Relaxed) {
        let records = consumer.poll(Duration::from_millis(50)).await.unwrap();
        let mut read = read.lock().unwrap();
        for record in records {
            let value = String::from_utf8(record.value.unwrap()).unwrap();
            let values = read.entry(record.partition.1).or_default();
            values.push(value.parse().unwrap());
        }
        let positions = consumer.positions().keys();
        *owned.lock().unwrap() = positions.map(|(_, partition)| *partition).collect();
    }
    consumer.close().await.unwrap();
}

async fn send(address: String, numbers: std::ops::Range<u32>) {
    let client = Client::connect(&address, "test").await.unwrap();
    let config = ProducerConfig {
        batch_bytes: 200,
        ..ProducerConfig::default()
    };
    let mut producer = Producer::new(client, "t", config).await.unwrap();
    for number in numbers {
        let number = number.to_string();
        let number = Some(number.as_bytes());
        producer.send(1, number, number, &[]).await.unwrap();
    }
    producer.flush().await.unwrap();
}

fn expected(count: u32) -> Read {
    let mut expected = Read::new();
    for number in 0..count {
        let partition = partition_for_key(number.to_string().as_bytes(), PARTITIONS);
        expected.entry(partition).or_default().push(number);
    }
    expected
}

fn count(read: &Mutex<Read>) -> usize {
    read.lock().unwrap().values().map(Vec::len).sum()
}

fn until(what: &str, condition: impl Fn() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < DEADLINE, "it never comes to this: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

fn start() -> Broker {
    Broker::start(&[
        &format!("num.partitions={PARTITIONS}"),
        "log.flush.interval.messages=1",
    ])
}

/// One member reads; a second one takes half; the first one leaves, and the second one has all. Every record is read once.
#[test]
fn two_members_share_what_every_assignor_gives_them() {
    let runtime = Runtime::new().unwrap();
    let all: BTreeSet<i32> = (0..PARTITIONS).collect();
    for assignor in ASSIGNORS {
        let broker = start();
        let read = Arc::default();
        let send = |numbers| runtime.block_on(send(broker.address.clone(), numbers));
        send(0..100);
        let a = Member::start(&broker, &runtime, assignor, &read);
        until("the first member has read all", || count(&read) == 100);
        assert_eq!(a.owned(), all, "{assignor:?}");
        let b = Member::start(&broker, &runtime, assignor, &read);
        until("each has two", || {
            a.owned().len() == 2 && b.owned().len() == 2
        });
        let both: BTreeSet<i32> = a.owned().union(&b.owned()).copied().collect();
        assert_eq!(both, all, "{assignor:?}");
        send(100..200);
        until("the two have read all", || count(&read) >= 200);
        a.leave(&runtime);
        until("the second one has all", || b.owned() == all);
        send(200..300);
        until("the second one has read all", || count(&read) >= 300);
        b.leave(&runtime);
        assert_eq!(*read.lock().unwrap(), expected(300), "{assignor:?}");
    }
}

#[test]
fn producer_and_group_go_on_when_the_broker_is_killed() {
    const COUNT: u32 = 6000;
    let mut broker = start();
    let runtime = Runtime::new().unwrap();
    let read = Arc::default();
    let assignor = Assignor::CooperativeSticky;
    let sending = runtime.spawn(send(broker.address.clone(), 0..COUNT));
    let members = [(); 2].map(|()| Member::start(&broker, &runtime, assignor, &read));
    for kill_at in [1000, 3000, 5000] {
        until("some records are read", || count(&read) >= kill_at);
        broker.kill();
        broker.restart();
    }
    runtime.block_on(sending).unwrap();
    // What was read and not yet committed may be read again.
    let distinct = || {
        let read = read.lock().unwrap();
        let values = read.iter().map(|(partition, values)| {
            let values: BTreeSet<u32> = values.iter().copied().collect();
            (*partition, values.into_iter().collect())
        });
        values.collect::<Read>()
    };
    until("all is read", || distinct() == expected(COUNT));
    for member in members {
        member.leave(&runtime);
    }
    // An idempotent producer's records stand in the log once each, in their order.
    let again = Arc::default();
    let reader = Member::start(&broker, &runtime, Assignor::Range, &again);
    let count_expected = usize::try_from(COUNT).unwrap();
    until("all is read once more", || count(&again) >= count_expected);
    reader.leave(&runtime);
    assert_eq!(*again.lock().unwrap(), expected(COUNT));
}

#[test]
fn a_consumer_that_is_interrupted_while_it_joins_leaves() {
    let broker = start();
    let runtime = Runtime::new().unwrap();
    let members = || {
        let args = [
            "consumer-groups",
            "--describe",
            "--members",
            "--group",
            "range",
        ];
        let mut described = broker.command(&args);
        let described = String::from_utf8(described.output().unwrap().stdout).unwrap();
        let of_group = described.lines().filter(|line| line.starts_with("range "));
        of_group.count()
    };
    runtime.block_on(send(broker.address.clone(), 0..1));
    let read = Arc::default();
    let first = Member::start(&broker, &runtime, Assignor::Range, &read);
    until("the first one is in the group", || {
        members() == 1 && count(&read) == 1
    });
    // It does not poll any more, so that the second one's joining waits for it.
    first.task.abort();
    let args = ["console-consumer", "--topic", "t", "--group", "range"];
    let mut second = broker.command(&args).spawn().unwrap();
    until("the second one joins", || members() == 2);
    let pid = second.id().to_string();
    output(std::process::Command::new("kill").args(["-INT", &pid]));
    assert!(second.wait().unwrap().success());
    // At once, rather than when its session of 45 s is over. The first one's is 10 s.
    assert!(members() <= 1);
}

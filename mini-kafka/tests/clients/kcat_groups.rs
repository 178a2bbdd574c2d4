//! Groups of two kcats: what each is assigned, it says on stderr; what it reads, on stdout.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::broker::{Broker, DEADLINE, kcat};
use crate::kcat::feed;

const PARTITIONS: u32 = 4;

/// What a member has said so far.
#[derive(Clone, Default)]
struct Seen {
    /// The partitions that it has.
    owned: BTreeSet<u32>,
    /// How often it was told.
    rebalances: usize,
    /// Records: partition and value.
    records: Vec<(u32, String)>,
}

impl Seen {
    /// `% Group g rebalanced …: assigned: t [0], t [1]`, or what a cooperative group says instead: `incremental assignment`,
    /// `incremental revoke`.
    fn stderr(&mut self, line: &str) {
        if !line.contains(" rebalanced") {
            return;
        }
        self.rebalances += 1;
        let parts = line.split('[').skip(1);
        let partitions = parts.map(|part| part.split_once(']').unwrap().0.parse::<u32>().unwrap());
        for partition in partitions {
            if line.contains("revoke") {
                self.owned.remove(&partition);
            } else {
                self.owned.insert(partition);
            }
        }
    }

    /// `0 value`
    fn stdout(&mut self, line: &str) {
        let (partition, value) = line.split_once(' ').unwrap();
        self.records
            .push((partition.parse().unwrap(), value.to_owned()));
    }
}

/// A kcat in a group. It is killed when it goes.
struct Member {
    child: Child,
    seen: Arc<Mutex<Seen>>,
}

impl Member {
    fn join(broker: &Broker, settings: &[&str]) -> Member {
        let mut command = kcat().unwrap();
        command.args(["-b", &broker.address, "-G", "g", "-u", "-f", "%p %s\n"]);
        let common = ["auto.offset.reset=earliest", "heartbeat.interval.ms=100"];
        for setting in common.iter().chain(settings) {
            command.args(["-X", setting]);
        }
        let mut child = command
            .arg("t")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let seen = Arc::default();
        follow(child.stdout.take().unwrap(), &seen, Seen::stdout);
        follow(child.stderr.take().unwrap(), &seen, Seen::stderr);
        Member { child, seen }
    }

    fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }

    /// Ctrl-C, as it were: it leaves its group, if it is no static member.
    fn stop(&mut self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if self.child.try_wait().unwrap().is_none() {
            // `timeout`, under which it runs, leads a group of processes.
            kill_process_group(Pid::from_child(&self.child), Signal::KILL).unwrap();
            self.child.wait().unwrap();
        }
    }
}

fn follow(said: impl Read + Send + 'static, seen: &Arc<Mutex<Seen>>, take: fn(&mut Seen, &str)) {
    let seen = Arc::clone(seen);
    thread::spawn(move || {
        for line in BufReader::new(said).lines().map_while(Result::ok) {
            take(&mut seen.lock().unwrap(), &line);
        }
    });
}

fn wait_until(what: &str, members: &[&Member], condition: impl Fn(&[Seen]) -> bool) {
    let end = Instant::now() + DEADLINE;
    loop {
        let seen: Vec<Seen> = members.iter().map(|member| member.seen()).collect();
        if condition(&seen) {
            return;
        }
        assert!(
            Instant::now() < end,
            "{what}: {:?}",
            seen.iter()
                .map(|s| (&s.owned, s.rebalances, &s.records))
                .collect::<Vec<_>>()
        );
        thread::sleep(Duration::from_millis(5));
    }
}

/// Every partition has one member, and members have equally many.
fn are_shared(seen: &[Seen]) -> bool {
    let all: BTreeSet<u32> = seen.iter().flat_map(|s| s.owned.clone()).collect();
    let each = PARTITIONS as usize / seen.len();
    all.len() == PARTITIONS as usize && seen.iter().all(|s| s.owned.len() == each)
}

/// A record with this value to each partition: it comes to the member that has it, and to no other.
fn assert_each_reads_its_own(broker: &Broker, value: &str, members: &[&Member]) {
    let owned: Vec<BTreeSet<u32>> = members.iter().map(|member| member.seen().owned).collect();
    for partition in 0..PARTITIONS {
        let mut send = kcat().unwrap();
        send.args([
            "-b",
            &broker.address,
            "-P",
            "-t",
            "t",
            "-p",
            &partition.to_string(),
        ]);
        feed(&mut send, &format!("{value}\n"));
    }
    let read = |seen: &Seen| -> Vec<u32> {
        let records = seen.records.iter().filter(|(_, read)| read == value);
        records.map(|(partition, _)| *partition).collect()
    };
    wait_until(value, members, |seen| {
        seen.iter().map(|s| read(s).len()).sum::<usize>() >= PARTITIONS as usize
    });
    for (member, owned) in members.iter().zip(owned) {
        let mut read = read(&member.seen());
        read.sort_unstable();
        assert_eq!(read, owned.into_iter().collect::<Vec<_>>(), "{value}");
    }
}

/// Two share; `end` ends the second, whose partitions the first then has.
fn share_and_take_over(strategy: &str, end: fn(Member)) {
    if kcat().is_none() {
        return;
    }
    let broker = Broker::start(&["num.partitions=4", "group.min.session.timeout.ms=1000"]);
    broker.tool(&["topics", "--create", "--topic", "t"]);
    let strategy = format!("partition.assignment.strategy={strategy}");
    let settings = [strategy.as_str(), "session.timeout.ms=3000"];
    let a = Member::join(&broker, &settings);
    wait_until("alone", &[&a], are_shared);
    assert_each_reads_its_own(&broker, "alone", &[&a]);
    let b = Member::join(&broker, &settings);
    wait_until("shared", &[&a, &b], are_shared);
    assert_each_reads_its_own(&broker, "shared", &[&a, &b]);
    end(b);
    wait_until("taken over", &[&a], are_shared);
    assert_each_reads_its_own(&broker, "taken over", &[&a]);
}

#[test]
fn two_kcats_share_and_one_takes_over_from_one_that_leaves() {
    share_and_take_over("range", |mut b| b.stop());
}

#[test]
fn two_kcats_share_cooperatively_and_one_takes_over_from_one_that_is_killed() {
    share_and_take_over("cooperative-sticky", drop);
}

#[test]
fn a_static_kcat_restarts_without_a_rebalance() {
    if kcat().is_none() {
        return;
    }
    let broker = Broker::start(&["num.partitions=4"]);
    broker.tool(&["topics", "--create", "--topic", "t"]);
    let join = |name: &str| Member::join(&broker, &[&format!("group.instance.id={name}")]);
    let a = join("a");
    wait_until("alone", &[&a], are_shared);
    let mut b = join("b");
    wait_until("shared", &[&a, &b], are_shared);
    assert_each_reads_its_own(&broker, "shared", &[&a, &b]);
    let before = (a.seen().rebalances, b.seen().owned);
    b.stop();
    let b = join("b");
    wait_until("shared again", &[&a, &b], are_shared);
    assert_each_reads_its_own(&broker, "shared again", &[&a, &b]);
    assert_eq!((a.seen().rebalances, b.seen().owned), before);
    let args = ["consumer-groups", "--describe", "--group", "g", "--members"];
    let described = broker.tool(&args);
    // The third column has their names.
    let rows = described.lines().filter(|row| row.starts_with("g "));
    let names: BTreeSet<&str> = rows
        .map(|row| row.split_whitespace().nth(2).unwrap())
        .collect();
    assert_eq!(names, BTreeSet::from(["a", "b"]), "{described}");
}

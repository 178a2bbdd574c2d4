//! The balancer among real DataNodes: full ones, and new ones that are empty.

use std::process::{Command, Output};
use std::time::Duration;

use mini_hdfs::protocol::DatanodeReport;
use mini_hdfs::server::balancer::{self, BalancerSettings, ExitStatus, ID_PATH};
use mini_hdfs::server::dfs_client::{CreateOptions, DfsClient};
use servers::Server;

use crate::harness::{SOON, World, bytes, fsck, get, program, put, until};

const CAPACITY: u64 = 16 << 20;
const SETTINGS: &[&str] = &[
    "dfs.replication=2",
    "dfs.heartbeat.interval=100ms",
    "dfs.namenode.redundancy.interval.seconds=100ms",
    "dfs.balancer.getBlocks.min-block-size=1",
    "dfs.datanode.balance.bandwidthPerSec=20m",
];

/// Starts another DataNode, with little room.
fn start_datanode(world: &mut World, number: usize) {
    let name = format!("dn{number}");
    let dir = world.dir.path().join(&name);
    let namenode = world.cluster.address().expect("it has started").to_owned();
    let args = [
        "datanode",
        "--exit-with-stdin",
        "--dir",
        &dir.display().to_string(),
        "--namenode",
        &namenode,
        "--rack",
        &format!("/rack{}", number % 2),
        "--hostname",
        &name,
        "--capacity",
        &CAPACITY.to_string(),
        "--http",
        "127.0.0.1:0",
    ]
    .map(str::to_owned);
    let define = SETTINGS.iter().flat_map(|setting| ["-D", setting]);
    let mut server = Server::new(program(), args)
        .with_args(define)
        .logging_to(world.dir.path().join(format!("{name}.log")))
        .listening("--listen", "address", "127.0.0.1:0");
    server.start(SOON).expect("the DataNode starts");
    world.cluster.datanodes.push(server);
    let client = world.client();
    until("it has told how much room it has", || {
        let nodes = client.datanode_report().unwrap();
        let with_room = nodes.iter().filter(|node| node.heartbeat.capacity > 0);
        with_room.count() == number
    });
}

fn run_balancer(world: &World, words: &[&str]) -> (String, Option<i32>) {
    let address = world.cluster.address().expect("it has started");
    let mut command = Command::new(program());
    command.args(["balancer", "-fs", address]);
    for setting in SETTINGS {
        command.args(["-D", setting]);
    }
    let Output {
        status,
        stdout,
        stderr,
    } = command.args(words).output().expect("the program runs");
    let text = String::from_utf8([stdout, stderr].concat()).expect("it writes text");
    (text, status.code())
}

fn used(client: &DfsClient) -> Vec<u64> {
    let mut nodes: Vec<DatanodeReport> = client.datanode_report().unwrap();
    nodes.sort_by(|a, b| a.info.hostname.cmp(&b.info.hostname));
    let percent = |node: &DatanodeReport| node.heartbeat.dfs_used * 100 / CAPACITY;
    nodes.iter().map(percent).collect()
}

#[test]
fn new_datanodes_get_their_share_and_nothing_is_lost() {
    let mut world = World::start(0, SETTINGS);
    start_datanode(&mut world, 1);
    start_datanode(&mut world, 2);
    let client = world.client();
    let contents = bytes(9, 8 << 20);
    put(&client, "/big", &contents).unwrap();
    let (said, code) = run_balancer(&world, &[]);
    assert_eq!(code, Some(0), "{said}");
    start_datanode(&mut world, 3);
    start_datanode(&mut world, 4);
    until("the full ones have told how full they are", || {
        used(&client) == [50, 50, 0, 0]
    });

    let (said, code) = run_balancer(&world, &["-threshold", "10"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.starts_with("Time Stamp               Iteration#"),
        "{said}"
    );
    assert!(
        said.contains("The cluster is balanced. Exiting..."),
        "{said}"
    );
    until("all are within ten percent of the average", || {
        used(&client).iter().all(|used| (15..=35).contains(used))
    });
    until("every block has two replicas, on two racks", || {
        fsck(&client, "/big")
            .iter()
            .all(|block| block.replicas.len() == 2 && !block.badly_distributed)
    });
    assert_eq!(get(&client, "/big"), contents);
}

#[test]
fn one_balancer_at_a_time() {
    let mut world = World::start(0, SETTINGS);
    start_datanode(&mut world, 1);
    let client = world.client();
    let held = client.create(ID_PATH, CreateOptions::default()).unwrap();
    let (said, code) = run_balancer(&world, &[]);
    assert_eq!(code, Some(255), "{said}");
    assert!(said.contains("Another Balancer is running"), "{said}");
    // It has taken nothing from the one that runs.
    held.close().unwrap();
    let (said, code) = run_balancer(&world, &[]);
    assert_eq!(code, Some(0), "what is left of one that has ended: {said}");
    let (said, code) = run_balancer(&world, &["-threshold", "0"]);
    assert_eq!(code, Some(251), "{said}");
}

#[test]
fn a_balancer_that_has_lost_its_mark_ends_and_leaves_the_others() {
    let mut world = World::start(0, SETTINGS);
    start_datanode(&mut world, 1);
    start_datanode(&mut world, 2);
    let (client, other) = (world.client(), world.client());
    put(&client, "/big", &bytes(9, 8 << 20)).unwrap();
    start_datanode(&mut world, 3);
    until("the full ones have told how full they are", || {
        used(&client) == [50, 50, 0]
    });
    let settings = BalancerSettings {
        min_block_size: 1,
        pause: Duration::ZERO,
        ..BalancerSettings::default()
    };
    let mut others = Vec::new();
    let ended = balancer::run(&client, &settings, |_| {
        assert!(others.is_empty(), "it went on");
        other.delete(ID_PATH, false).unwrap();
        others.push(other.create(ID_PATH, CreateOptions::default()).unwrap());
        Ok(())
    });
    assert_eq!(ended.unwrap(), ExitStatus::AlreadyRunning);
    let there = client.stat(ID_PATH).unwrap().expect("the other's is there");
    assert_eq!(there.inode, others[0].inode());
}

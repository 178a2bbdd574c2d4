//! What an operator does to DataNodes: takes them out of service for good, or for a while.

use std::fs;
use std::process::Command;

use mini_hdfs::protocol::{AdminState, DatanodeReport, DatanodeState};
use mini_hdfs::server::dfs_client::DfsClient;

use crate::harness::{World, bytes, fsck, get, is_healthy, program, put, until};

const QUICK: &[&str] = &["dfs.namenode.decommission.interval=200ms"];

/// Runs `mini-hdfs dfsadmin` with these words; what it wrote, and whether it succeeded.
fn dfsadmin(world: &World, words: &[&str]) -> (String, bool) {
    let address = world.cluster.address().expect("it has started");
    let ran = Command::new(program())
        .args(["dfsadmin", "-fs", address])
        .args(words)
        .output()
        .expect("the program runs");
    let text = [ran.stdout, ran.stderr].concat();
    let text = String::from_utf8(text).expect("it writes text");
    (text, ran.status.success())
}

fn node(client: &DfsClient, name: &str) -> DatanodeReport {
    let nodes = client.datanode_report().expect("the NameNode answers");
    let found = nodes.into_iter().find(|node| node.info.hostname == name);
    found.expect("it has registered")
}

#[test]
fn a_decommissioned_datanode_is_switched_off_and_nothing_is_missed() {
    let mut world = World::start(4, QUICK);
    let client = world.client();
    let contents = bytes(7, 2_000_000);
    put(&client, "/f", &contents).unwrap();

    let (said, ok) = dfsadmin(&world, &["-decommission", "nowhere"]);
    assert!(!ok && said.contains("there are: dn1"), "{said}");
    let (said, ok) = dfsadmin(&world, &["-decommission", "dn2"]);
    assert!(ok && said.contains("dn2 shall be decommissioned"), "{said}");
    // The order outlives the NameNode.
    world.restart_namenode();
    until("dn2 is decommissioned", || {
        let nodes = client.datanode_report().unwrap_or_default();
        let is_done = |node: &DatanodeReport| {
            node.info.hostname == "dn2" && node.admin == AdminState::Decommissioned
        };
        nodes.iter().any(is_done)
    });
    let (said, _) = dfsadmin(&world, &["-report"]);
    assert!(
        said.contains("Decommission Status : Decommissioned"),
        "{said}"
    );
    assert!(is_healthy(&client, "/f"), "three replicas elsewhere");

    world.cluster.datanodes[1].kill();
    until("it is dead", || {
        client.status().unwrap().dead_datanodes == 1
    });
    assert_eq!(client.status().unwrap().under_replicated, 0);
    assert_eq!(get(&client, "/f"), contents);
}

#[test]
fn a_datanode_in_maintenance_is_away_for_a_while() {
    // Nobody else may be taken for dead, however busy the machine is: what he has would be copied.
    let patient = "dfs.namenode.heartbeat.recheck-interval=2s";
    let mut world = World::start(4, &[QUICK[0], patient]);
    let client = world.client();
    let contents = bytes(8, 1_000_000);
    put(&client, "/f", &contents).unwrap();
    let replicas = |client: &DfsClient| {
        let blocks = fsck(client, "/f").into_iter();
        blocks
            .map(|block| {
                let nodes = block.replicas.iter();
                let mut names: Vec<_> = nodes.map(|(node, _)| node.hostname.clone()).collect();
                names.sort();
                names
            })
            .collect::<Vec<_>>()
    };
    let before = replicas(&client);
    let (said, ok) = dfsadmin(&world, &["-maintenance", "-for", "1h", "dn3"]);
    assert!(ok, "{said}");
    until("dn3 is in maintenance", || {
        node(&client, "dn3").admin == AdminState::InMaintenance
    });
    world.cluster.datanodes[2].kill();
    until("it is dead", || {
        client.status().unwrap().dead_datanodes == 1
    });
    let (said, _) = dfsadmin(&world, &["-report", "-inmaintenance"]);
    assert!(said.contains("In maintenance datanodes (1)"), "{said}");
    assert_eq!(client.status().unwrap().under_replicated, 0);
    assert_eq!(get(&client, "/f"), contents);

    world.cluster.datanodes[2]
        .start(crate::harness::SOON)
        .unwrap();
    // Put back while it is still taken for dead, it would be missed at once.
    until("it is heard again", || {
        node(&client, "dn3").state == DatanodeState::Live
    });
    let address = node(&client, "dn3").info.address;
    let (said, ok) = dfsadmin(&world, &["-recommission", &address]);
    assert!(!ok && said.contains("recommission dn3"), "{said}");
    let (said, ok) = dfsadmin(&world, &["-recommission", "dn3"]);
    assert!(ok, "{said}");
    until("everything is as before", || {
        replicas(&client) == before && is_healthy(&client, "/f")
    });
}

#[test]
fn lists_of_hosts_say_who_may_be_there_and_who_shall_leave() {
    let lists = tempfile::tempdir().unwrap();
    let [admitted, leaving] = ["hosts", "exclude"].map(|name| lists.path().join(name));
    fs::write(&admitted, "").unwrap();
    fs::write(&leaving, "# nobody yet\n").unwrap();
    let named = |key: &str, list: &std::path::Path| format!("{key}={}", list.display());
    let (include, exclude) = (
        named("dfs.hosts", &admitted),
        named("dfs.hosts.exclude", &leaving),
    );
    let mut world = World::start(4, &[QUICK[0], &include, &exclude]);
    let client = world.client();
    let contents = bytes(9, 1_000_000);
    put(&client, "/f", &contents).unwrap();

    // dn1 leaves in good order.
    fs::write(&leaving, "dn1 # its disk is old\n").unwrap();
    let (said, ok) = dfsadmin(&world, &["-refreshNodes"]);
    assert!(ok && said == "Refresh nodes successful\n", "{said}");
    until("dn1 is decommissioned", || {
        node(&client, "dn1").admin == AdminState::Decommissioned
    });
    let (said, ok) = dfsadmin(&world, &["-recommission", "dn1"]);
    assert!(!ok && said.contains("dfs.hosts.exclude"), "{said}");

    // Then it is struck off, and is told so. It stays out when it is started again.
    fs::write(&admitted, "dn2 dn3\ndn4\n").unwrap();
    assert!(dfsadmin(&world, &["-refreshNodes"]).1);
    until("dn1 has ended", || !world.cluster.datanodes[0].is_running());
    let log = fs::read_to_string(world.cluster.datanodes[0].log().unwrap()).unwrap();
    assert!(log.contains("DataNode dn1 (127.0.0.1:"), "{log}");
    assert!(log.contains("(dfs.hosts) does not name it"), "{log}");
    let status = client.status().unwrap();
    assert_eq!((status.live_datanodes, status.dead_datanodes), (3, 1));
    assert!(is_healthy(&client, "/f"));
    // It is ready before it is refused.
    let _ = world.cluster.datanodes[0].start(crate::harness::SOON);
    until("it has ended again", || {
        !world.cluster.datanodes[0].is_running()
    });
    world.restart_namenode();
    until("the others are back", || {
        client
            .status()
            .is_ok_and(|status| status.live_datanodes == 3 && status.safe_mode.is_none())
    });
    assert_eq!(get(&client, "/f"), contents);

    // A list that is gone changes nothing, and whoever asked is told.
    fs::remove_file(&admitted).unwrap();
    let (said, ok) = dfsadmin(&world, &["-refreshNodes"]);
    assert!(!ok && said.contains(&include), "{said}");
    assert_eq!(client.status().unwrap().live_datanodes, 3);
}

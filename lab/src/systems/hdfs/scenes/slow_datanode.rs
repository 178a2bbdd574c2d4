//! A network card falls back to a tenth of its speed. The node answers every heartbeat, so it is not dead; and it drags down each
//! pipeline that it is part of. Its peers measure each other, and notice who is slow: new blocks go elsewhere.

use std::time::Duration;

use anyhow::Result;

use crate::links::Rule;
use crate::scenes::{SOON, Scene, Stage, ensure};
use crate::systems::hdfs::{Hdfs, NAMENODE, Sample, Size};

const PATH: &str = "/after.log";
const NODE: &str = "dn3";
const DELAY_MS: u64 = 500;
/// So many files at a time, and how often at most.
const WRITERS: u64 = 4;
const ROUNDS_MAX: u64 = 8;
const LEN: u64 = 3 << 20;

/// One rack, in which every node is the last of somebody's pipeline sooner or later.
pub(crate) const SCENE: Scene<Hdfs> = Scene {
    name: "hdfs/slow-datanode",
    about: "a DataNode gets slow without dying; its peers notice, and new blocks go elsewhere",
    size: Size {
        datanodes: 5,
        racks: 1,
    },
    play,
};

fn play(stage: &Stage<Hdfs>) -> Result<()> {
    stage.say(format!(
        "The network card of {NODE} fails, but not altogether: what other DataNodes send it arrives half a second late"
    ));
    let lab = stage.lab();
    let rule = Rule {
        delay_ms: DELAY_MS,
        ..Rule::default()
    };
    for node in lab.nodes() {
        if node.role == "datanode" && node.name != NODE {
            lab.set_link(&node.name, NODE, rule)?;
        }
    }
    stage.say(
        "It answers every heartbeat, so it is not dead. Clients write, and those whose pipeline ends there wait for it",
    );
    // How much it takes until enough of its peers have measured it depends on where blocks happen to go.
    for round in 0..ROUNDS_MAX {
        write(stage, round)?;
        if stage.cluster.now().node(NODE).is_some_and(|node| node.slow) {
            break;
        }
    }
    stage.expect(
        "its peers find it slow, and tell the NameNode",
        SOON,
        |now| {
            let node = now.node(NODE).ok_or("it is not there")?;
            ensure(node.slow, || "nobody says so".to_owned())
        },
    )?;
    stage.expect(
        "the NameNode takes it, and nobody else, for slow",
        SOON,
        |now| {
            let slow = now.nodes.iter().filter(|node| node.slow);
            let slow: Vec<&String> = slow.map(|node| &node.name).collect();
            let counted = stage
                .cluster
                .metric(NAMENODE, "hdfs_namenode_slow_datanodes");
            let counted = counted.map_err(|e| format!("{e:#}"))?;
            ensure(slow == [NODE] && counted == 1, || {
                format!("{slow:?}, it counts {counted}")
            })
        },
    )?;

    stage.say(format!("A client writes {PATH}"));
    let contents = Sample::new(99, 2 * LEN, Duration::ZERO);
    let writing = stage.meanwhile(|hdfs| hdfs.put(PATH, &mut { contents }));
    stage.expect_end("the write is acknowledged", SOON, &writing)?;
    stage.expect(&format!("no block of it is on {NODE}"), SOON, |now| {
        let file = now.file(PATH).ok_or("the file is not there")?;
        let replicas = file.blocks.iter().flat_map(|block| &block.replicas);
        let there = replicas.filter(|replica| replica.node == NODE).count();
        ensure(there == 0 && !file.open, || format!("{there} are"))
    })?;
    stage.expect_state(&[NODE], "live", SOON)?;
    stage.expect_reads_back(PATH)
}

/// Several clients write a file each.
fn write(stage: &Stage<Hdfs>, round: u64) -> Result<()> {
    let writing = (0..WRITERS).map(|writer| {
        let number = round * WRITERS + writer;
        let contents = Sample::new(number, LEN, Duration::ZERO);
        stage.meanwhile(move |hdfs| hdfs.put(&format!("/log-{number}"), &mut { contents }))
    });
    let writing: Vec<_> = writing.collect();
    for one in &writing {
        stage.expect_end("a write is acknowledged", 2 * SOON, one)?;
    }
    Ok(())
}

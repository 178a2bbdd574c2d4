//! Two DataNodes were away while files were written, and come back empty. Nothing moves to them by itself; the balancer moves
//! replicas until all are about as full, and no block is on fewer racks for it.

use std::time::Duration;

use anyhow::{Result, ensure as demand};
use mini_hdfs::server::balancer::ExitStatus;

use crate::scenes::{SOON, Scene, Stage, ensure};
use crate::systems::hdfs::{Hdfs, Sample, Size};

const PATH: &str = "/harvest.bin";
/// One on each rack.
const AWAY: [&str; 2] = ["dn5", "dn6"];
/// How far from the average is even enough, in bytes: two blocks and a quarter, since at a whole sixth of a block more a node could be too
/// far away by a byte, which no block mends. In percent of a real disk that is next to nothing, so that `-threshold` would not take it.
const THRESHOLD: u64 = (2 << 20) + (256 << 10);
/// Checksums are used room too.
const SLACK: u64 = 128 << 10;

pub(crate) const SCENE: Scene<Hdfs> = Scene {
    name: "hdfs/balancer",
    about: "empty DataNodes get their share of what is there, and every block keeps its racks",
    size: Size {
        datanodes: 6,
        racks: 2,
    },
    play,
};

fn play(stage: &Stage<Hdfs>) -> Result<()> {
    stage.say("Two DataNodes are not there yet");
    for name in AWAY {
        stage.lab().kill(name)?;
    }
    stage.expect_state(&AWAY, "dead", SOON)?;

    stage.say(format!("A client writes {PATH} to the four others"));
    let contents = Sample::new(9, 24 << 20, Duration::ZERO);
    let writing = stage.meanwhile(|hdfs| hdfs.put(PATH, &mut { contents }));
    stage.expect_end("the write is acknowledged", SOON, &writing)?;
    stage.expect_replicated(SOON)?;

    stage.say("The two come, with nothing on them: every block has its replicas, so nothing moves to them");
    for name in AWAY {
        stage.lab().start(name)?;
    }
    stage.expect_state(&AWAY, "live", SOON)?;
    stage.expect("they are far emptier than the others", SOON, |now| {
        let far = now.nodes.iter().map(|node| node.used);
        let (least, most) = (far.clone().min(), far.max());
        let apart = most.unwrap_or(0) - least.unwrap_or(0);
        ensure(apart > 3 * THRESHOLD, || format!("{apart} bytes apart"))
    })?;

    stage.say("The operator runs the balancer");
    let balancing = stage.meanwhile(|hdfs| {
        let ended = hdfs.balance(THRESHOLD)?;
        demand!(ended == ExitStatus::Success, "it ended with {ended:?}");
        Ok(())
    });
    stage.expect_end("it says that the cluster is balanced", 2 * SOON, &balancing)?;
    stage.expect("every node is near the average", SOON, |now| {
        let average = now.nodes.iter().map(|node| node.used).sum::<u64>() / now.nodes.len() as u64;
        let mut nodes = now.nodes.iter();
        match nodes.find(|node| node.used.abs_diff(average) > THRESHOLD + SLACK) {
            None => Ok(()),
            Some(node) => Err(format!(
                "{} has {} bytes, the average is {average}",
                node.name, node.used
            )),
        }
    })?;
    stage.expect_nothing_too_much(SOON)?;
    stage.expect_replicated(SOON)?;
    stage.expect("every block is on two racks", SOON, |now| {
        let mut blocks = now.complete_blocks();
        match blocks.find(|block| block.badly_distributed) {
            None => Ok(()),
            Some(block) => Err(format!("{} is on one", block.id)),
        }
    })?;
    stage.expect_reads_back(PATH)
}

//! Two of three replicas die at once. One is enough to read from, and to copy from.

use std::time::Duration;

use anyhow::Result;

use crate::scenes::{SOON, Scene, Stage};
use crate::systems::hdfs::{Hdfs, Sample, Size};

const PATH: &str = "/precious.bin";

pub(crate) const SCENE: Scene<Hdfs> = Scene {
    name: "hdfs/kill-two",
    about: "two of the three DataNodes that hold a block die at once",
    size: Size {
        datanodes: 6,
        racks: 3,
    },
    play,
};

fn play(stage: &Stage<Hdfs>) -> Result<()> {
    stage.say(format!("A client writes {PATH}"));
    let contents = Sample::new(2, 4 << 20, Duration::ZERO);
    let writing = stage.meanwhile(|hdfs| hdfs.put(PATH, &mut { contents }));
    stage.expect_end("the write is acknowledged", SOON, &writing)?;
    stage.expect_replicated(SOON)?;
    let (block, victims) = stage.expect("a block has three replicas", SOON, |now| {
        let block = now.complete_blocks().next().ok_or("there is no block")?;
        let nodes = block.replicas.iter().map(|replica| replica.node.clone());
        Ok((block.id.clone(), nodes.take(2).collect::<Vec<_>>()))
    })?;

    stage.say(format!(
        "{block} lies on three nodes. Two of them, {}, are killed at once",
        victims.join(" and ")
    ));
    for victim in &victims {
        stage.lab().kill(victim)?;
    }
    stage.say("The NameNode does not know it yet; a reader finds the last replica by itself");
    stage.expect_reads_back(PATH)?;

    stage.say("What has one replica left is copied first");
    stage.expect_replicated(2 * SOON)?;
    stage.expect_reads_back(PATH)
}

//! A DataNode dies in the middle of a write. The writer goes on with the rest of its pipeline, the NameNode has the
//! lost replicas copied, and nobody who reads the file notices.

use std::time::Duration;

use anyhow::Result;

use crate::hdfs::{Health, Sample, Size};
use crate::scenes::{SOON, Scene, Stage, ensure};

const PATH: &str = "/lecture.bin";
const LEN: u64 = 6 << 20;

pub(crate) const SCENE: Scene = Scene {
    name: "hdfs/kill-datanode",
    about: "a DataNode is killed while a file is being written to it",
    size: Size {
        datanodes: 5,
        racks: 2,
    },
    play,
};

fn play(stage: &Stage) -> Result<()> {
    stage.say(format!("A client writes {PATH}, slowly enough to watch"));
    let writing = stage.meanwhile(|hdfs| {
        let mut contents = Sample::new(1, LEN, Duration::from_secs(6));
        hdfs.put(PATH, &mut contents)
    });
    let (block, generation, victim) = stage.expect(
        "a block is being written behind finished ones",
        SOON,
        |now| {
            let file = now.file(PATH).ok_or("the file is not there yet")?;
            let [.., _, block] = file.blocks.as_slice() else {
                return Err(format!("{} blocks so far", file.blocks.len()));
            };
            let writing = block.replicas.iter().find(|r| r.health == Health::Writing);
            let replica = writing.ok_or("nobody writes just now")?;
            Ok((block.id.clone(), block.generation, replica.node.clone()))
        },
    )?;

    stage.say(format!(
        "{victim} receives a part of {block} at this moment. It is killed"
    ));
    stage.hdfs.lab.kill(&victim)?;
    stage.expect_end(
        "the write goes on to its end, and is acknowledged",
        SOON,
        &writing,
    )?;
    stage.expect(
        "the broken pipeline was rebuilt, under a newer generation",
        SOON,
        |now| {
            let mut blocks = now.files.iter().flat_map(|file| &file.blocks);
            let now = blocks.find(|b| b.id == block).ok_or("the block is gone")?;
            ensure(now.generation > generation, || {
                format!("still {generation}")
            })
        },
    )?;

    stage.say("The NameNode hears nothing from it, gives it up, and has its replicas copied");
    stage.expect_state(&[&victim], "dead", SOON)?;
    stage.expect_replicated(SOON)?;
    stage.expect_reads_back(PATH)?;

    stage.say(format!(
        "{victim} is started again, with the replicas that it had"
    ));
    stage.hdfs.lab.start(&victim)?;
    stage.expect_state(&[&victim], "live", SOON)?;
    stage.expect_nothing_too_much(SOON)?;
    stage.expect_replicated(SOON)?;
    stage.expect_reads_back(PATH)
}

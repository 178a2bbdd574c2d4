//! A writer dies in the middle of a block. Its lease runs out; when another client wants the file, the DataNodes agree on
//! what was written, and the file is closed with every byte that the dead one was told is safe.

use std::time::Duration;

use anyhow::Result;
use mini_hdfs::view::Health;

use crate::scenes::{SOON, Scene, Stage, ensure};
use crate::systems::hdfs::{Hdfs, Sample, Size};

const PATH: &str = "/diary.txt";
/// A block, and most of another.
const LEN: u64 = (1 << 20) + 700_001;

pub(crate) const SCENE: Scene<Hdfs> = Scene {
    name: "hdfs/dead-writer",
    about: "a writer dies in the middle of a block, and somebody else takes its file over",
    size: Size {
        datanodes: 4,
        racks: 2,
    },
    play,
};

fn play(stage: &Stage<Hdfs>) -> Result<()> {
    stage.say(format!(
        "A client writes {PATH}, has it flushed to the DataNodes, and dies: it closes nothing, and renews nothing"
    ));
    let writing = stage.meanwhile(|hdfs| {
        let contents = Sample::new(7, LEN, Duration::from_secs(1));
        hdfs.put_and_die(PATH, &mut { contents })
    });
    stage.expect_end("what it wrote is flushed", SOON, &writing)?;
    let (block, generation) = stage.expect(
        "the file is open, and its last block is being written on three nodes",
        SOON,
        |now| {
            let file = now.file(PATH).ok_or("the file is not there")?;
            let last = file.blocks.last().ok_or("it has no block")?;
            let writing = last.replicas.iter();
            let writing = writing.filter(|replica| replica.health == Health::Writing);
            ensure(file.open && writing.count() == 3, || {
                format!("open: {}, {:?}", file.open, last.replicas)
            })?;
            Ok((last.id.clone(), last.generation))
        },
    )?;

    stage.say("Another client wants the file. It is refused until the dead one has said nothing for the soft limit");
    let taking = stage.meanwhile(|hdfs| hdfs.take_over(PATH));
    let refusals = stage.expect_end(
        "in the end it is told that the file is closed",
        SOON,
        &taking,
    )?;
    let count = refusals.len();
    stage.say(format!(
        "Until then it was refused for {count} different reasons. One DataNode had asked the others what they have, and all were cut to the \
         same length, under a new generation"
    ));
    stage.expect("the file is closed", SOON, |now| {
        let file = now.file(PATH).ok_or("the file is gone")?;
        let last = file.blocks.iter().find(|b| b.id == block);
        let last = last.ok_or("its last block is gone")?;
        ensure(!file.open && file.len == LEN, || {
            format!("open: {}, {} bytes", file.open, file.len)
        })?;
        ensure(last.generation > generation, || {
            format!("its generation is still {generation}")
        })
    })?;
    stage.expect_replicated(SOON)?;
    stage.expect_reads_back(PATH)
}

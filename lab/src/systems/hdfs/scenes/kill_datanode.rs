//! A DataNode dies in the middle of a write. The writer goes on with the rest of its pipeline, the NameNode has the
//! lost replicas copied, and nobody who reads the file notices.

use std::io::{self, Read};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::Result;
use mini_hdfs::view::Health;

use crate::scenes::{SOON, Scene, Stage, ensure};
use crate::systems::hdfs::{Hdfs, HoldUp, Sample, Size};

const PATH: &str = "/lecture.bin";
const LEN: u64 = 6 << 20;
/// Two blocks, and half of the third.
const FIRST_PART: u64 = (2 << 20) + (512 << 10);

pub(crate) const SCENE: Scene<Hdfs> = Scene {
    name: "hdfs/kill-datanode",
    about: "a DataNode is killed while a file is being written to it",
    size: Size {
        datanodes: 5,
        racks: 2,
    },
    play,
};

fn play(stage: &Stage<Hdfs>) -> Result<()> {
    stage.say(format!(
        "A client writes {PATH}, and takes a rest in the middle of a block"
    ));
    let (go_on, rest) = mpsc::channel();
    let writing = stage.meanwhile(|hdfs| {
        let part = |number, len| Sample::new(number, len, Duration::from_secs(2));
        let contents = part(1, FIRST_PART).chain(HoldUp(rest));
        hdfs.put(PATH, &mut contents.chain(part(2, LEN - FIRST_PART)))
    });
    let (block, generation, victim) = stage.expect(
        "the block in the middle has a pipeline of three",
        SOON,
        |now| {
            let file = now.file(PATH).ok_or("the file is not there yet")?;
            let [_, _, block] = file.blocks.as_slice() else {
                return Err(format!("{} blocks so far", file.blocks.len()));
            };
            let writing = block
                .replicas
                .iter()
                .filter(|r| r.health == Health::Writing);
            let nodes: Vec<&String> = writing.map(|replica| &replica.node).collect();
            let [victim, _, _] = nodes.as_slice() else {
                return Err(format!("it is being written to {nodes:?}"));
            };
            Ok((block.id.clone(), block.generation, (*victim).clone()))
        },
    )?;
    // The NameNode knows of the pipeline before it stands; one that breaks then is given up together with its block.
    let reading = stage.meanwhile(|hdfs| {
        while !is_read_beyond(hdfs, 2 << 20) {
            std::thread::sleep(Duration::from_millis(200));
        }
        Ok(())
    });
    stage.expect_end("its first bytes can be read", SOON, &reading)?;

    stage.say(format!(
        "{victim} has a part of {block}, and waits for the rest. It is killed"
    ));
    stage.lab().kill(&victim)?;
    stage.say("The client goes on");
    go_on.send(())?;
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
    stage.lab().start(&victim)?;
    stage.expect_state(&[&victim], "live", SOON)?;
    stage.expect_nothing_too_much(SOON)?;
    stage.expect_replicated(SOON)?;
    stage.expect_reads_back(PATH)
}

/// Whether more than so many bytes of the file can be read now.
fn is_read_beyond(hdfs: &Hdfs, len: u64) -> bool {
    let bytes = hdfs.open(PATH).and_then(|mut file| {
        let copied = io::copy(&mut file, &mut io::sink())?;
        Ok(copied)
    });
    bytes.is_ok_and(|bytes| bytes > len)
}

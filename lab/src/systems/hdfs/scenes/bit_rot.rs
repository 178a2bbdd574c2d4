//! A byte rots on a disk, in a file that nobody reads. The DataNode's background scan comes across it, the NameNode has
//! another replica made, and then the damaged one is deleted.

use std::fs;
use std::time::Duration;

use anyhow::Result;
use mini_hdfs::view::Health;

use crate::scenes::{SOON, Scene, Stage, ensure};
use crate::systems::hdfs::{Hdfs, Sample, Size};

const PATH: &str = "/archive.bin";
const LEN: u64 = 3 << 20;

pub(crate) const SCENE: Scene<Hdfs> = Scene {
    name: "hdfs/bit-rot",
    about: "a byte rots on a disk, in a file that nobody reads",
    size: Size {
        datanodes: 4,
        racks: 2,
    },
    play,
};

fn play(stage: &Stage<Hdfs>) -> Result<()> {
    stage.say(format!(
        "A client writes {PATH}, and nobody reads it afterwards"
    ));
    let mut contents = Sample::new(1, LEN, Duration::ZERO);
    stage.cluster.put(PATH, &mut contents)?;
    stage.expect_replicated(SOON)?;
    let (block, victim) = stage.expect("its first block is on three disks", SOON, |now| {
        let file = now.file(PATH).ok_or("the file is not there yet")?;
        let block = file.blocks.first().ok_or("it has no block yet")?;
        let good = block.replicas.iter().filter(|r| r.health == Health::Good);
        let nodes: Vec<&String> = good.map(|replica| &replica.node).collect();
        let [_, victim, _] = nodes.as_slice() else {
            return Err(format!("it is on {nodes:?}"));
        };
        Ok((block.id.clone(), (*victim).clone()))
    })?;

    stage.say(format!(
        "A byte of {block} changes on the disk of {victim}. The disk does not notice"
    ));
    let before = stage.cluster.damage_found(&victim)?;
    let file = stage.cluster.rot(&victim, &block)?;
    let rotten = fs::read(&file)?;

    stage.say(format!(
        "{victim} reads all its replicas in the background, and comes to it sooner or later: here within seconds, in earnest within \
         three weeks"
    ));
    let is_there = || fs::read(&file).is_ok_and(|bytes| bytes == rotten);
    // The lab itself reads files now and then, to see whether they are as they were, and may come to it first.
    stage.expect("the damage is found, most likely by the scan", SOON, |_| {
        let found = stage.cluster.damage_found(&victim);
        let found = found.map_err(|e| format!("{e:#}"))?;
        ensure(found > before || !is_there(), || {
            "nobody has found it".to_owned()
        })
    })?;
    stage.say("The NameNode is told, and has a good replica copied before the damaged one goes");
    stage.expect("the damaged bytes are gone from the disk", SOON, |_| {
        ensure(!is_there(), || "they are still there".to_owned())
    })?;
    stage.expect_replicated(SOON)?;
    stage.expect_nothing_too_much(SOON)?;
    stage.expect_reads_back(PATH)
}

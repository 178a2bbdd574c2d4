//! A DataNode sleeps for a while -- a long garbage collection, a frozen virtual machine -- and goes on as if nothing had been. Meanwhile
//! a block that it was being sent was finished without it, and a file was deleted: what it has is old, and it does not know.

use std::io::Read;
use std::sync::mpsc;
use std::time::Duration;

use anyhow::Result;
use mini_hdfs::view::{BlockView, Health};

use crate::scenes::{SOON, Scene, Stage, ensure};
use crate::systems::hdfs::{Hdfs, HoldUp, Sample, Size, Snapshot};

const OLD: &str = "/yesterday.log";
const PATH: &str = "/today.log";
const LEN: u64 = 3 << 20;
/// One block, and half of the next.
const FIRST_PART: u64 = (1 << 20) + (512 << 10);

pub(crate) const SCENE: Scene<Hdfs> = Scene {
    name: "hdfs/paused-datanode",
    about: "a DataNode is paused, and comes back with replicas of yesterday",
    size: Size {
        datanodes: 4,
        racks: 2,
    },
    play,
};

/// Who has a replica of `block` that is so.
fn holders(block: &BlockView, health: Health) -> impl Iterator<Item = &String> {
    let replicas = block.replicas.iter();
    replicas.filter_map(move |replica| (replica.health == health).then_some(&replica.node))
}

/// A node that is in the pipeline of the block being written and has a block of the old file; and both blocks.
fn victim(now: &Snapshot) -> Result<(String, String, BlockView), String> {
    let old = now.file(OLD).ok_or("the old file is gone")?;
    let old = old.blocks.first().ok_or("the old file has no block")?;
    let new = now.file(PATH).ok_or("the file is not there yet")?;
    let [_, new] = new.blocks.as_slice() else {
        return Err(format!("{} blocks so far", new.blocks.len()));
    };
    let pipeline: Vec<&String> = holders(new, Health::Writing).collect();
    ensure(pipeline.len() == 3, || {
        format!("it is being written to {pipeline:?}")
    })?;
    let mut both = holders(old, Health::Good).filter(|node| pipeline.contains(node));
    let victim = both.next().ok_or("nobody has both")?;
    Ok((victim.clone(), old.id.clone(), new.clone()))
}

fn play(stage: &Stage<Hdfs>) -> Result<()> {
    stage.say(format!("A client writes {OLD}"));
    let contents = Sample::new(1, 1 << 20, Duration::ZERO);
    let writing = stage.meanwhile(|hdfs| hdfs.put(OLD, &mut { contents }));
    stage.expect_end("the write is acknowledged", SOON, &writing)?;
    stage.expect_replicated(SOON)?;

    stage.say(format!(
        "It writes {PATH}, and takes a rest in the middle of a block"
    ));
    let (go_on, rest) = mpsc::channel();
    let writing = stage.meanwhile(|hdfs| {
        let part = |number, len| Sample::new(number, len, Duration::from_secs(1));
        let contents = part(2, FIRST_PART).chain(HoldUp(rest));
        hdfs.put(PATH, &mut contents.chain(part(3, LEN - FIRST_PART)))
    });
    let (victim, old, block) = stage.expect("the block has a pipeline of three", SOON, victim)?;
    let id = block.id.clone();

    stage.say(format!(
        "{victim} has a part of {id}. It is paused in mid-step: its process is there, its connections are open, and nothing comes"
    ));
    stage.lab().pause(&victim)?;
    stage.say("The client goes on, hears nothing for a while, and leaves it behind");
    go_on.send(())?;
    stage.expect_end("the write is acknowledged without it", 2 * SOON, &writing)?;
    stage.expect("the block has a newer generation", SOON, |now| {
        let now = now
            .blocks()
            .find(|b| b.id == id)
            .ok_or("the block is gone")?;
        ensure(now.generation > block.generation, || {
            format!("still {}", now.generation)
        })
    })?;
    stage.expect_state(&[&victim], "dead", SOON)?;
    stage.expect_replicated(SOON)?;

    stage.say(format!(
        "{OLD} is deleted. {victim} does not hear of that either"
    ));
    stage.cluster.delete(OLD)?;
    let on_disk = |block: &str| stage.cluster.replica_file(&victim, block).is_some();
    stage.expect("both old replicas are still on its disk", SOON, |_| {
        ensure(on_disk(&old) && on_disk(&id), || {
            format!("{old}: {}, {id}: {}", on_disk(&old), on_disk(&id))
        })
    })?;

    stage.say(format!(
        "{victim} goes on as if nothing had been. The NameNode does not know it any more: it registers again, and reports what it has"
    ));
    stage.lab().resume(&victim)?;
    stage.expect_state(&[&victim], "live", SOON)?;
    stage.expect(
        "what it has of yesterday is deleted from its disk",
        SOON,
        |now| {
            // It may have been given a new replica of the block in the meantime.
            let block = now
                .blocks()
                .find(|b| b.id == id)
                .ok_or("the block is gone")?;
            let given = holders(block, Health::Good).any(|node| *node == victim);
            ensure(!on_disk(&old) && (given || !on_disk(&id)), || {
                format!("{old} is there: {}, {id}: {}", on_disk(&old), on_disk(&id))
            })
        },
    )?;
    stage.expect_nothing_too_much(SOON)?;
    stage.expect_replicated(SOON)?;
    stage.expect_reads_back(PATH)
}

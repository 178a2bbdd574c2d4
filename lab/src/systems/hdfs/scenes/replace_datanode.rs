//! Two of the three nodes of a pipeline die in the middle of a block. One copy would be left of what is written: the writer
//! asks for another node, has the one that is left send it the beginning, and goes on with both.

use std::io::Read;
use std::sync::mpsc;
use std::time::Duration;

use anyhow::Result;
use mini_hdfs::view::Health;

use crate::scenes::{SOON, Scene, Stage, ensure};
use crate::systems::hdfs::{Hdfs, HoldUp, Sample, Size, Snapshot};

const PATH: &str = "/lecture.bin";
/// Half of the first block, a quarter more, and the rest of the file.
const PARTS: [u64; 3] = [512 << 10, 256 << 10, 3 << 20];

pub(crate) const SCENE: Scene<Hdfs> = Scene {
    name: "hdfs/replace-datanode",
    about: "two nodes of a pipeline are killed, and the writer gets another one",
    size: Size {
        datanodes: 5,
        racks: 2,
    },
    play,
};

/// The first block of the file: its generation, and the nodes that it is being written to.
fn pipeline(now: &Snapshot) -> Result<(u64, Vec<String>), String> {
    let file = now.file(PATH).ok_or("the file is not there yet")?;
    let block = file.blocks.first().ok_or("it has no block yet")?;
    let writing = block.replicas.iter();
    let writing = writing.filter(|replica| replica.health == Health::Writing);
    let nodes = writing.map(|replica| replica.node.clone()).collect();
    Ok((block.generation, nodes))
}

fn play(stage: &Stage<Hdfs>) -> Result<()> {
    stage.say(format!(
        "A client writes {PATH}, and takes a rest in the middle of its first block"
    ));
    let ((go_on, first_rest), (end, second_rest)) = (mpsc::channel(), mpsc::channel());
    let writing = stage.meanwhile(|hdfs| {
        let part = |number, len| Sample::new(number, len, Duration::from_secs(1));
        let before = part(1, PARTS[0]).chain(HoldUp(first_rest));
        let between = part(2, PARTS[1]).chain(HoldUp(second_rest));
        hdfs.put(PATH, &mut before.chain(between).chain(part(3, PARTS[2])))
    });
    let (generation, nodes) = stage.expect("its pipeline has three nodes", SOON, |now| {
        let (generation, nodes) = pipeline(now)?;
        ensure(nodes.len() == 3, || format!("it has {nodes:?}"))?;
        Ok((generation, nodes))
    })?;

    let (left, victims) = (&nodes[0], &nodes[1..]);
    stage.say(format!(
        "{} are killed; {left} is left, with half a block that is nowhere else",
        victims.join(" and ")
    ));
    for victim in victims {
        stage.lab().kill(victim)?;
    }
    stage.say("The client goes on a little. One of three is half or fewer: the policy DEFAULT asks for another node");
    go_on.send(())?;
    let joined = stage.expect(
        "another node has joined the pipeline, under a newer generation",
        SOON,
        |now| {
            let (newer, nodes) = pipeline(now)?;
            let joined = nodes.iter().find(|node| *node != left);
            let joined = joined.filter(|node| !victims.contains(node) && newer > generation);
            ensure(nodes.len() >= 2 && nodes.contains(left), || {
                format!("it has {nodes:?} in generation {newer}")
            })?;
            joined
                .cloned()
                .ok_or_else(|| format!("it has {nodes:?} in generation {newer}"))
        },
    )?;
    stage.say(format!(
        "{joined} got the beginning of the block from {left}. The client writes the rest"
    ));
    end.send(())?;
    stage.expect_end("the write is acknowledged", SOON, &writing)?;
    stage.expect_reads_back(PATH)?;

    stage.say("The two are started again. What they had of the block is out of date");
    for victim in victims {
        stage.lab().start(victim)?;
    }
    let names: Vec<&str> = victims.iter().map(String::as_str).collect();
    stage.expect_state(&names, "live", SOON)?;
    stage.expect_replicated(SOON)?;
    stage.expect_nothing_too_much(SOON)?;
    stage.expect_reads_back(PATH)
}

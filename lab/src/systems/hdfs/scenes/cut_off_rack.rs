//! A switch fails: a whole rack is cut off from the rest, while its machines run on. HDFS puts the replicas of a block
//! on two racks for this day.

use std::time::Duration;

use anyhow::Result;

use crate::lab::CLIENT;
use crate::links::Rule;
use crate::scenes::{SOON, Scene, Stage};
use crate::systems::hdfs::{Hdfs, Sample, Size};

const PATH: &str = "/archive.bin";
const RACK: &str = "/rack2";

pub(crate) const SCENE: Scene<Hdfs> = Scene {
    name: "hdfs/cut-off-rack",
    about: "a rack is cut off from the network, and comes back with replicas that nobody needs any more",
    size: Size {
        datanodes: 6,
        racks: 3,
    },
    play,
};

fn play(stage: &Stage<Hdfs>) -> Result<()> {
    stage.say(format!("A client writes {PATH}"));
    let contents = Sample::new(6, 4 << 20, Duration::ZERO);
    let writing = stage.meanwhile(|hdfs| hdfs.put(PATH, &mut { contents }));
    stage.expect_end("the write is acknowledged", SOON, &writing)?;
    stage.expect_replicated(SOON)?;

    let lab = stage.lab();
    let nodes = lab.nodes();
    let inside = |rack: &Option<String>| rack.as_deref() == Some(RACK);
    let (cut_off, rest): (Vec<_>, Vec<_>) = nodes.iter().partition(|node| inside(&node.rack));
    let outside = rest.iter().map(|node| node.name.as_str());
    let outside: Vec<&str> = outside.chain([CLIENT]).collect();
    stage.say(format!(
        "The switch of {RACK} fails: nothing gets in or out"
    ));
    for node in &cut_off {
        for other in &outside {
            let cut = Rule {
                cut: true,
                ..Rule::default()
            };
            lab.set_link(&node.name, other, cut)?;
            lab.set_link(other, &node.name, cut)?;
        }
    }
    stage.expect_reads_back(PATH)?;

    stage.say("The NameNode cannot tell a cut cable from a crash");
    let names: Vec<&str> = cut_off.iter().map(|node| node.name.as_str()).collect();
    stage.expect_state(&names, "dead", SOON)?;
    stage.expect_replicated(SOON)?;
    stage.expect_reads_back(PATH)?;

    stage.say(
        "The switch works again. Its nodes report what they have, which is more than is needed now",
    );
    lab.heal();
    stage.expect_state(&names, "live", SOON)?;
    stage.expect_nothing_too_much(SOON)?;
    stage.expect_replicated(SOON)?;
    stage.expect_reads_back(PATH)
}

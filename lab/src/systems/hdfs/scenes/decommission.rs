//! A machine is to be thrown away. It is announced first, its replicas are made elsewhere while it still serves them, and when it is
//! switched off nobody notices.

use std::time::Duration;

use anyhow::Result;
use mini_hdfs::view::Health;

use crate::scenes::{SOON, Scene, Stage, ensure};
use crate::systems::hdfs::{Hdfs, Sample, Size};

const PATH: &str = "/archive.bin";
const NODE: &str = "dn2";

pub(crate) const SCENE: Scene<Hdfs> = Scene {
    name: "hdfs/decommission",
    about: "a DataNode is taken out of service, switched off, and put back",
    size: Size {
        datanodes: 5,
        racks: 2,
    },
    play,
};

fn play(stage: &Stage<Hdfs>) -> Result<()> {
    stage.say(format!("A client writes {PATH}"));
    let contents = Sample::new(6, 6 << 20, Duration::ZERO);
    let writing = stage.meanwhile(|hdfs| hdfs.put(PATH, &mut { contents }));
    stage.expect_end("the write is acknowledged", SOON, &writing)?;
    stage.expect_replicated(SOON)?;

    stage.say(format!(
        "{NODE} is five years old and shall be thrown away. The operator says so first"
    ));
    stage.cluster.decommission(NODE, true)?;
    stage.expect(
        "its replicas do not count any more, but are still there",
        SOON,
        |now| {
            let leaving = now.complete_blocks().flat_map(|block| &block.replicas);
            let leaving = leaving.filter(|replica| replica.health == Health::Leaving);
            let count = leaving.count();
            ensure(count > 0, || "none is on its way out".to_owned())
        },
    )?;
    stage.expect_service(NODE, Some("decommissioned"), SOON)?;
    stage.expect_replicated(SOON)?;
    stage.expect_reads_back(PATH)?;

    stage.say("Everything that it holds is elsewhere too: it may be switched off");
    stage.lab().kill(NODE)?;
    stage.expect_state(&[NODE], "dead", SOON)?;
    stage.expect("nothing has to be copied", SOON, |now| {
        ensure(now.copying == 0, || {
            format!("{} blocks are being copied", now.copying)
        })
    })?;
    stage.expect_replicated(SOON)?;
    stage.expect_reads_back(PATH)?;

    stage.say("Another week it is needed after all: it is started again, and put back");
    stage.lab().start(NODE)?;
    stage.expect_state(&[NODE], "live", SOON)?;
    stage.cluster.decommission(NODE, false)?;
    stage.expect_service(NODE, None, SOON)?;
    stage.expect_nothing_too_much(SOON)?;
    stage.expect_replicated(SOON)?;
    stage.expect_reads_back(PATH)
}

//! The NameNode dies and comes back. What was acknowledged is in its edit log; where the replicas are, the DataNodes
//! tell it; until they have, it is in safe mode.

use std::time::Duration;

use anyhow::Result;

use crate::scenes::{SOON, Scene, Stage, ensure};
use crate::systems::hdfs::{Hdfs, NAMENODE, Sample, Size};

const PATHS: [&str; 3] = ["/monday.log", "/tuesday.log", "/wednesday.log"];

pub(crate) const SCENE: Scene<Hdfs> = Scene {
    name: "hdfs/restart-namenode",
    about: "the NameNode is killed, and remembers every file that it acknowledged",
    size: Size {
        datanodes: 4,
        racks: 2,
    },
    play,
};

fn play(stage: &Stage<Hdfs>) -> Result<()> {
    stage.say("A client writes three files");
    for (number, path) in (3..).zip(PATHS) {
        let contents = Sample::new(number, 1_500_000, Duration::ZERO);
        let writing = stage.meanwhile(move |hdfs| hdfs.put(path, &mut { contents }));
        stage.expect_end("the write is acknowledged", SOON, &writing)?;
    }
    stage.expect_replicated(SOON)?;

    stage.say("The NameNode is killed: not one file can be found any more");
    stage.lab().kill(NAMENODE)?;
    stage.expect("nobody answers", SOON, |now| {
        ensure(!now.answered, || "somebody answers".to_owned())
    })?;

    stage.say("It is started again, and reads its edit log. It knows the files, but not yet where their blocks are");
    stage.lab().start(NAMENODE)?;
    stage.expect("it answers, in safe mode", SOON, |now| {
        ensure(now.answered && now.safe_mode.is_some(), || {
            format!("answers: {}, safe mode: {:?}", now.answered, now.safe_mode)
        })
    })?;
    stage.expect(
        "it leaves safe mode once the blocks are reported",
        SOON,
        |now| {
            ensure(now.answered && now.safe_mode.is_none(), || {
                now.safe_mode
                    .clone()
                    .unwrap_or_else(|| "no answer".to_owned())
            })
        },
    )?;
    for path in PATHS {
        stage.expect_reads_back(path)?;
    }
    stage.expect_replicated(SOON)
}

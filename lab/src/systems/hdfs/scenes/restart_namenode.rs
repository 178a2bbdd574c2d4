//! The NameNode dies and comes back. What was acknowledged is in its edit log; where the replicas are, the DataNodes
//! tell it; until they have, it is in safe mode. All the while clients go on working, and check what they were promised.

use std::time::Duration;

use anyhow::{Context, Result};

use crate::load::Status;
use crate::scenes::{SOON, Scene, Stage, ensure};
use crate::system::Cluster;
use crate::systems::hdfs::{Hdfs, NAMENODE, Sample, Size};

const PATHS: [&str; 3] = ["/monday.log", "/tuesday.log", "/wednesday.log"];

/// Operations of the load in a second.
const RATE: u32 = 40;
/// So many more changes and reads of the load mean that it goes on: of a hundred operations 45 are reads, of files of any age.
const ENOUGH: u64 = 100;

pub(crate) const SCENE: Scene<Hdfs> = Scene {
    name: "hdfs/restart-namenode",
    about: "the NameNode is killed under load, and remembers every file that it acknowledged",
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

    stage.say(format!(
        "Others write, read, rename and delete small files, {RATE} operations in a second"
    ));
    let load = stage.cluster.load().context("there is no load")?;
    load.set_rate(RATE);
    expect_load_goes_on(stage, &Status::default())?;

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
    stage.say("The others go on, and find each file as it was acknowledged");
    expect_load_goes_on(stage, &load.status())?;
    load.set_rate(0);
    for path in PATHS {
        stage.expect_reads_back(path)?;
    }
    stage.expect_replicated(SOON)
}

/// Expects that the load does more than it had done `before`, and that nothing that it ever read was wrong.
fn expect_load_goes_on(stage: &Stage<Hdfs>, before: &Status) -> Result<()> {
    let what =
        format!("{ENOUGH} changes are acknowledged and {ENOUGH} reads right, and none wrong");
    stage.expect(&what, SOON, |_| {
        let load = stage.cluster.load().map(|load| load.status());
        let now = load.unwrap_or_default();
        let acknowledged = now.acknowledged - before.acknowledged;
        let checked = now.checked - before.checked;
        let all = acknowledged >= ENOUGH && checked >= ENOUGH && now.wrong == 0;
        ensure(all, || {
            format!(
                "{acknowledged} acknowledged, {checked} right, {} wrong; last failure: {:?}",
                now.wrong, now.reason
            )
        })
    })
}

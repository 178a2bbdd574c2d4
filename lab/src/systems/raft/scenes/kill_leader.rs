//! The leader is killed under load: the others notice by its silence, elect one of themselves, and nothing that was acknowledged is lost.

use std::time::Instant;

use anyhow::Result;

use crate::scenes::{Scene, Stage};
use crate::systems::raft::{Raft, Size};

pub(super) const SCENE: Scene<Raft> = Scene {
    name: "raft/kill-leader",
    about: "the leader is killed under load: another one is elected, and what was acknowledged is there",
    size: Size {
        members: 3,
        clients: 2,
    },
    play,
};

const RATE: u32 = 30;

fn play(stage: &Stage<Raft>) -> Result<()> {
    stage.say("Three members. Two clients write and read; after each read an order is looked for that explains all they saw");
    stage.expect_load("writes are acknowledged, and reads explained", RATE)?;
    let (leader, term) = stage.expect_leader("all follow one leader", 3, &[])?;
    stage.write("c1", "1")?;

    stage.say(format!(
        "{leader} leads: every write goes through it, and every linearizable read asks it. It is killed"
    ));
    let killed = Instant::now();
    stage.lab().kill(&leader)?;
    let (next, _) = stage.expect_leader(
        "the other two elect one of themselves, in a later term",
        2,
        &[&leader],
    )?;
    let took = killed.elapsed();
    stage.expect("the term is a later one", took, |view| {
        let now = view.members[&next].term;
        crate::scenes::ensure(now > term, || format!("it is {now}"))
    })?;

    stage.say(format!(
        "After {:.1} s {next} leads: an election timeout of silence, and one round of votes. Two of three are a majority",
        took.as_secs_f64()
    ));
    stage.read("c2", None, false, "1")?;
    stage.expect_load("writes are acknowledged again, and reads explained", RATE)?;

    stage.say(format!(
        "{leader} comes back. It hears of the later term, and follows"
    ));
    stage.lab().start(&leader)?;
    stage.expect_leader("all follow one leader again", 3, &[])?;
    stage.cluster.load.set_rate(0);
    stage.expect_alike(3)?;
    stage.expect_linearizable()
}

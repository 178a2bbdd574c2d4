//! A member is lost for good. It is taken out of the cluster and another one is put in, which gets the log and then a vote; after that the
//! cluster can lose one more.

use anyhow::Result;

use crate::scenes::{SOON, Scene, Stage, ensure};
use crate::systems::raft::{Raft, Size};

pub(super) const SCENE: Scene<Raft> = Scene {
    name: "raft/replace-member",
    about: "a member is lost for good and replaced under load: the new one votes once it has the log",
    size: Size {
        members: 3,
        clients: 2,
    },
    play,
};

const RATE: u32 = 30;

fn play(stage: &Stage<Raft>) -> Result<()> {
    stage.say("Three members, and clients that write and read");
    stage.expect_load("writes are acknowledged, and reads explained", RATE)?;
    stage.write("c1", "1")?;
    let (leader, _) = stage.expect_leader("all follow one leader", 3, &[])?;
    let lost = ["m3", "m2", "m1"].into_iter().find(|name| *name != leader);
    let lost = lost.unwrap_or("m3");

    stage.say(format!(
        "{lost} is lost for good. Two of three go on, but may not lose another one"
    ));
    stage.lab().kill(lost)?;
    stage.expect_load("writes are still acknowledged", RATE)?;

    stage.say(format!(
        "{lost} is taken out first: a cluster of two needs both. Then a new member is added, by another name and with an empty directory"
    ));
    let lost = lost.to_owned();
    let gone = lost.clone();
    let removing = stage.meanwhile(move |raft| raft.remove_member(&gone));
    stage.expect_end("it is removed", SOON, &removing)?;
    let adding = stage.meanwhile(Raft::add_member);
    let new = stage.expect_end("another one is added, and starts", SOON, &adding)?;
    stage.expect(
        "it gets the log, and then a vote: three members have one",
        SOON,
        |view| {
            let voters = view.voters().ok_or("nobody leads")?;
            let there = view.members.get(&new).ok_or(format!("{new} is silent"))?;
            ensure(voters == 3 && there.answers, || format!("{voters} vote"))?;
            let leader = view.leader().ok_or("nobody leads")?;
            let known = &view.members[leader].members;
            let votes = known.get(&there.id).is_some_and(|known| known.votes);
            ensure(votes, || format!("{new} does not vote yet"))
        },
    )?;

    stage.say(format!(
        "{leader} is killed as well. The cluster can afford that: {new} is as good as {lost} was"
    ));
    stage.lab().kill(&leader)?;
    stage.expect_leader("two of three follow a leader", 2, &[&leader])?;
    stage.read("c2", None, false, "1")?;
    stage.expect_load("writes are acknowledged, and reads explained", RATE)?;

    stage.say(format!("{leader} comes back"));
    stage.lab().start(&leader)?;
    stage.expect_leader("all follow one leader", 3, &[])?;
    stage.cluster.load.set_rate(0);
    stage.expect_alike(3)?;
    stage.expect_linearizable()
}

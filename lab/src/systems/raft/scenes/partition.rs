//! Five members are divided, the leader on the smaller side, with a client on each. Only the larger side can decide anything.

use anyhow::Result;

use crate::scenes::{SOON, Scene, Stage, ensure};
use crate::systems::raft::client::Outcome;
use crate::systems::raft::{KEY, PATIENCE, Raft, Size};

pub(super) const SCENE: Scene<Raft> = Scene {
    name: "raft/partition",
    about: "a client on each side of a partition: the side with a majority goes on, the other one cannot",
    size: Size {
        members: 5,
        clients: 2,
    },
    play,
};

fn play(stage: &Stage<Raft>) -> Result<()> {
    let raft = &stage.cluster;
    stage.say("Five members, so three of them are a majority; a client c1, and a client c2");
    stage.write("c1", "1")?;
    let (leader, term) = stage.expect_leader("all follow one leader", 5, &[])?;

    let names: Vec<String> = (1..=5).map(|n| format!("m{n}")).collect();
    let others: Vec<&String> = names.iter().filter(|name| **name != leader).collect();
    let small = [leader.as_str(), others[0], "c2"];
    let large = [others[1], others[2], others[3], "c1"];
    stage.say(format!(
        "The network is divided: {} and c2 here, {}, {}, {} and c1 there. The leader {leader} is on the smaller side",
        small[..2].join(" and "),
        large[0],
        large[1],
        large[2]
    ));
    let group = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    stage.lab().partition(&[group(&small), group(&large)])?;
    let out = [small[0], small[1]];
    let (next, _) = stage.expect_leader("the larger side elects a leader of its own", 3, &out)?;
    stage.expect("its term is a later one", SOON, |view| {
        let now = view.members[&next].term;
        ensure(now > term, || format!("it is {now}"))
    })?;

    stage.say("Both clients write. Only one of them can be told that it is done");
    let writing = stage.meanwhile(|raft| raft.put("c2", KEY, "3"));
    stage.write("c1", "2")?;
    let written = stage.expect_end("c2 is not left waiting for ever", SOON, &writing)?;
    stage.expect("c2 is not told that it is written", SOON, |_| {
        let told = matches!(written, Outcome::Done { .. });
        ensure(!told, || format!("{written:?}"))
    })?;

    stage.say("Both clients read. c2 can have what a member on its side has, if it asks for no more; what is so now, nobody there can know");
    stage.read("c1", None, false, "2")?;
    stage.read("c2", None, true, "1")?;
    let reading = stage.meanwhile(|raft| raft.get("c2", KEY, None, false, PATIENCE));
    let read = stage.expect_end("c2 is not left waiting for ever", SOON, &reading)?;
    stage.expect("a linearizable read has no answer there", SOON, |_| {
        let told = matches!(read, Outcome::Done { .. });
        ensure(!told, || format!("{read:?}"))
    })?;

    stage.say(format!(
        "The network is whole again. {leader} hears of the later term and steps down; what it could not commit gives way"
    ));
    stage.lab().heal();
    stage.expect_leader("all follow one leader", 5, &[])?;
    stage.expect_alike(5)?;
    // Nobody knows what became of 3; whichever it is, all must agree.
    let read = raft.get("c2", KEY, None, false, super::LONG)?;
    stage.expect(
        "c2 finds what c1 wrote, or its own",
        SOON,
        |_| match &read {
            Outcome::Done {
                value: Some(value), ..
            } if ["2", "3"].contains(&value.as_str()) => Ok(()),
            other => Err(format!("{other:?}")),
        },
    )?;
    stage.expect_linearizable()
}

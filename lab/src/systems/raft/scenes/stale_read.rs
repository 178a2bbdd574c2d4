//! A follower is cut off, and a client with it. Read serializably, it answers at once with what it has; linearizably, not at all. The
//! first is right by what was asked; it is what a client must not take for the present.

use anyhow::Result;

use crate::scenes::{SOON, Scene, Stage, ensure};
use crate::systems::raft::client::Outcome;
use crate::systems::raft::ledger::{Finding, Ledger};
use crate::systems::raft::{KEY, PATIENCE, Raft, Size};

pub(super) const SCENE: Scene<Raft> = Scene {
    name: "raft/stale-read",
    about: "a member that is cut off is read: serializably at once and maybe old, linearizably not at all",
    size: Size {
        members: 3,
        clients: 2,
    },
    play,
};

fn play(stage: &Stage<Raft>) -> Result<()> {
    let raft = &stage.cluster;
    stage.say("Three members. c1 writes x = 1, and each of them has it");
    stage.write("c1", "1")?;
    let (leader, _) = stage.expect_leader("all follow one leader", 3, &[])?;
    let cut_off = ["m3", "m2", "m1"].into_iter().find(|name| *name != leader);
    let cut_off = cut_off.unwrap_or("m3");
    stage.read("c2", Some(cut_off), true, "1")?;

    stage.say(format!(
        "{cut_off} is cut off from the other members, and c2 is on its side. c1 writes x = 2"
    ));
    let here = vec![cut_off.to_owned(), "c2".to_owned()];
    let rest = ["m1", "m2", "m3", "c1"]
        .into_iter()
        .filter(|name| *name != cut_off);
    let there = rest.map(str::to_owned).collect();
    stage.lab().partition(&[here, there])?;
    stage.write("c1", "2")?;
    stage.expect("its members hold different things for now", SOON, |view| {
        let value = |name: &str| Some(view.members.get(name)?.keys.get(KEY)?.0.as_str());
        let (here, there) = (value(cut_off), value(&leader));
        ensure((here, there) == (Some("1"), Some("2")), || {
            format!("{cut_off} has {here:?}, {leader} has {there:?}")
        })
    })?;

    stage.say(format!(
        "c2 reads at {cut_off}, first whatever it has (serializable), then what is so now (linearizable)"
    ));
    stage.read("c2", Some(cut_off), true, "1")?;
    let at = cut_off.to_owned();
    let reading = stage.meanwhile(move |raft| raft.get("c2", KEY, Some(&at), false, PATIENCE));
    let read = stage.expect_end("c2 is not left waiting for ever", SOON, &reading)?;
    stage.expect("the linearizable read has no answer", SOON, |_| {
        let told = matches!(read, Outcome::Done { .. });
        ensure(!told, || format!("{read:?}"))
    })?;

    stage.say("Of what was promised an order explains everything. Of all that was read none does: c2 read 1 after c1 was told that it is 2");
    stage.expect_linearizable()?;
    let proof = stage.expect(
        "no order explains the serializable read",
        SOON,
        |_| match raft.ledger(KEY, Ledger::all) {
            Finding::Violation(proof) => Ok(proof),
            other => Err(format!("{other:?}")),
        },
    )?;
    stage.lab().recorder.event(
        sim::Level::Change,
        None,
        format!("the proof: {}", proof.words),
    );
    raft.show_proof(proof);

    stage.say(format!(
        "The network is whole again. Now {cut_off} can ask the leader from which index on a read is fresh, and waits until it has that"
    ));
    stage.lab().heal();
    stage.read("c2", Some(cut_off), false, "2")?;
    stage.expect_alike(3)?;
    stage.expect_linearizable()
}

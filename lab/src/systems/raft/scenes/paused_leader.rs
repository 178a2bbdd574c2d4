//! The leader is paused for longer than it takes to elect another one. When it comes back it still takes itself for the leader, with a read in
//! its inbox: what it answers must not be what it knew then.

use anyhow::Result;

use crate::scenes::{SOON, Scene, Stage, ensure};
use crate::systems::raft::client::Outcome;
use crate::systems::raft::{KEY, Raft, Size};

pub(super) const SCENE: Scene<Raft> = Scene {
    name: "raft/paused-leader",
    about: "a paused leader comes back and takes itself for the leader still: it asks before it answers",
    size: Size {
        members: 3,
        clients: 2,
    },
    play,
};

fn play(stage: &Stage<Raft>) -> Result<()> {
    stage.say("Three members. c1 writes x = 1");
    stage.write("c1", "1")?;
    let (leader, term) = stage.expect_leader("all follow one leader", 3, &[])?;
    stage.read("c2", Some(&leader), false, "1")?;

    stage.say(format!(
        "{leader} is paused, as by a long garbage collection. It does not notice that time passes"
    ));
    stage.lab().pause(&leader)?;
    stage.expect_leader("the others elect one of themselves", 2, &[&leader])?;
    stage.write("c1", "2")?;

    stage.say(format!(
        "c2 asks {leader} what x is, linearizably. The question waits at its door, and then {leader} goes on: it knows x = 1, and of no \
         other leader"
    ));
    let before = questions(stage);
    let at = leader.clone();
    let reading = stage.meanwhile(move |raft| raft.get("c2", KEY, Some(&at), false, super::LONG));
    stage.expect("the question is on its way", SOON, |_| {
        ensure(questions(stage) > before, || "it is not".to_owned())
    })?;
    stage.lab().resume(&leader)?;
    let read = stage.expect_end("c2 has an answer", SOON, &reading)?;
    stage.expect(
        "c2 is told 2, or nothing: before it answers, the leader asks a majority whether it still leads",
        SOON,
        |_| match &read {
            Outcome::Done { value, .. } => ensure(value.as_deref() == Some("2"), || {
                format!("it is told {value:?}")
            }),
            Outcome::Refused(_) | Outcome::Unknown(_) => Ok(()),
        },
    )?;
    stage.expect_leader("all follow one leader again, in a later term", 3, &[])?;
    stage.expect("the term is a later one", SOON, |view| {
        let now = view.term();
        ensure(now > term, || format!("it is {now}"))
    })?;
    stage.read("c2", Some(&leader), false, "2")?;
    stage.expect_alike(3)?;
    stage.expect_linearizable()
}

/// How many reads have entered a link.
fn questions(stage: &Stage<Raft>) -> usize {
    let (lines, _) = stage.lab().recorder.trace();
    let asks = |line: &&std::sync::Arc<str>| line.contains(r#""label":"get""#);
    lines.iter().filter(asks).count()
}

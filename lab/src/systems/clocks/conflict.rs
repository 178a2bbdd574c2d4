//! Two writers in conflict: neither of two writes is lost, and none that was replaced comes back.

use std::collections::BTreeSet;

use super::{Counts, Register, Seen, Size, replica};
use crate::links::Rule;
use crate::scenes::{SOON, Scene, Stage, ensure};

/// The values that a replica holds.
fn values(seen: &Seen, replica: &str) -> BTreeSet<String> {
    let held = seen.get(replica).into_iter();
    held.flat_map(|held| held.values.values().cloned())
        .collect()
}

/// Expects that these replicas hold these values and no others.
fn expect(
    stage: &Stage<Register>,
    what: &str,
    replicas: &[&str],
    expected: &[&str],
) -> anyhow::Result<()> {
    let expected: BTreeSet<String> = expected.iter().map(|value| (*value).to_owned()).collect();
    stage.expect(what, SOON, |seen| {
        let others = replicas
            .iter()
            .find(|replica| values(seen, replica) != expected);
        ensure(others.is_none(), || format!("{others:?}: {seen:?}"))
    })
}

const ALL: [&str; 3] = ["r1", "r2", "r3"];

pub(super) const SCENE: Scene<Register> = Scene {
    name: "clocks/conflict",
    about: "two people write on both sides of a partition: both values stay, as siblings, until somebody who has read both writes",
    size: Size { replicas: 3 },
    play: |stage| {
        let register = &stage.cluster;
        stage.say("Ada writes a shopping list");
        register.write("Ada", "r1", "milk", &Counts::new())?;
        expect(stage, "all three replicas have it", &ALL, &["milk"])?;

        stage.say("The network is cut between r1 and the other two; Ada and Bob have both read the list, and each adds something");
        let (ada, bob) = (register.read("r1")?, register.read("r2")?);
        let cut = Rule {
            cut: true,
            ..Rule::default()
        };
        for other in ["r2", "r3"] {
            stage.lab().set_link("r1", other, cut)?;
            stage.lab().set_link(other, "r1", cut)?;
        }
        register.write("Ada", "r1", "milk, eggs", &ada.context)?;
        register.write("Bob", "r2", "milk, bread", &bob.context)?;
        expect(stage, "r1 has Ada's list alone", &["r1"], &["milk, eggs"])?;
        expect(
            stage,
            "r2 and r3 have Bob's alone",
            &["r2", "r3"],
            &["milk, bread"],
        )?;

        stage.say("The network is whole again");
        stage.lab().heal();
        expect(
            stage,
            "everywhere both lists stand side by side: neither writer had read the other's",
            &ALL,
            &["milk, eggs", "milk, bread"],
        )?;
        stage.expect(
            "where the last writer wins, one of them is lost, and nobody was told",
            SOON,
            |seen| {
                let left: BTreeSet<_> = seen.values().map(|held| held.last.clone()).collect();
                ensure(left.len() == 1 && !left.contains(&None), || {
                    format!("{left:?}")
                })
            },
        )?;

        stage.say("Somebody reads both at r3, and writes one list that has everything, in place of what was read");
        let read = register.read("r3")?;
        let of = replica::shown(&read.context);
        stage.expect(
            "the reader is given both, and a context that knows both writes",
            SOON,
            |_| {
                let both = read.values.len() == 2
                    && read.context.get("r1") == Some(&2)
                    && read.context.get("r2") == Some(&1);
                ensure(both, || format!("{:?} with {of}", read.values))
            },
        )?;
        register.write("The reader", "r3", "milk, eggs, bread", &read.context)?;
        expect(
            stage,
            "one list is left everywhere, and nothing comes back",
            &ALL,
            &["milk, eggs, bread"],
        )
    },
};

//! One more node: what moves is what has to, and all of it to the new one. Beside it, nearly everything moves.

use std::collections::BTreeMap;

use super::{Rule, Seen, Size, Stores, check, lock, places};
use crate::scenes::{SOON, Scene, ensure};

const KEYS: u32 = 240;

/// Who has each key.
fn holders(seen: &Seen, rule: Rule) -> BTreeMap<String, u32> {
    places(seen, rule)
        .map(|(key, id)| (key.clone(), id))
        .collect()
}

pub(super) const SCENE: Scene<Stores> = Scene {
    name: "hash/add-node",
    about: "a fifth store joins: on the ring only its own part moves, by the remainder nearly everything",
    size: Size {
        nodes: 4,
        keys: KEYS,
    },
    play: |stage| {
        stage.say("Four stores hold 240 keys; each key is placed twice, once on the ring and once by the remainder of its hash");
        let placed = |seen: &Seen| {
            let members = lock(&stage.cluster.members).clone();
            check(&members, seen, Rule::Ring, KEYS)?;
            check(&members, seen, Rule::Modulo, KEYS)?;
            Ok((holders(seen, Rule::Ring), holders(seen, Rule::Modulo)))
        };
        let (ring, modulo) =
            stage.expect("each key is with its owner, by either rule", SOON, placed)?;
        let before = lock(&stage.cluster.members).clone();
        stage.say("A fifth store joins: the ranges that the ring names are handed over to it; then everybody takes the remainder by five");
        let joining = stage.meanwhile(Stores::join);
        stage.expect_end("everything is handed over", SOON, &joining)?;
        let (ring_after, modulo_after) = stage.expect(
            "each key is with its new owner, by either rule",
            SOON,
            placed,
        )?;
        let after = lock(&stage.cluster.members).clone();
        stage.expect(
            "on the ring those keys moved whose owner has changed, all of them to the new store",
            SOON,
            |_| {
                let moved: Vec<&String> = ring
                    .keys()
                    .filter(|key| ring[*key] != ring_after[*key])
                    .collect();
                let due = ring
                    .keys()
                    .filter(|key| before.locate(Rule::Ring, key) != after.locate(Rule::Ring, key));
                let astray = moved.iter().find(|key| ring_after[**key] != 5);
                ensure(astray.is_none(), || {
                    format!("{astray:?} moved between two old stores")
                })?;
                ensure(moved.iter().copied().eq(due) && !moved.is_empty(), || {
                    format!("{} keys moved: {moved:?}", moved.len())
                })?;
                // One in five is to be expected; with twelve virtual nodes each, anything up to twice that is no surprise.
                ensure(moved.len() < KEYS as usize * 2 / 5, || {
                    format!("{} of {KEYS} moved", moved.len())
                })
            },
        )?;
        stage.expect(
            "by the remainder more than half of all keys moved",
            SOON,
            |_| {
                let moved = modulo
                    .keys()
                    .filter(|key| modulo[*key] != modulo_after[*key])
                    .count();
                ensure(moved > KEYS as usize / 2, || {
                    format!("{moved} of {KEYS} moved")
                })
            },
        )
    },
};

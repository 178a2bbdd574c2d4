//! Each slot keeps a list of all members, ranked by weighted rendezvous with logarithms, which grows and shrinks with the
//! membership; who holds it is read off the list when it is asked for. A plan has a move for each slot and does not join them.
//! replaces: src/capstone/router.rs

use std::collections::BTreeMap;

use super::{COPIES, Change, Move, Router};
use crate::hash;
use crate::partitioner::{MembershipError, Node, NodeId};

/// A router without any members yet.
pub fn router() -> Box<dyn Router> {
    Box::new(Lists {
        zones: BTreeMap::new(),
        lists: vec![Vec::new(); 1 << BITS],
    })
}

/// 4096 slots.
const BITS: u32 = 12;

/// A node's rank in a slot; the lowest comes first.
type Ranked = (f64, NodeId);

#[derive(Debug)]
struct Lists {
    zones: BTreeMap<NodeId, Option<u32>>,
    lists: Vec<Vec<Ranked>>,
}

fn rank(slot: usize, node: &Node) -> f64 {
    let draw = hash::nth(hash::point(1, node.id, 0), slot as u64 + 1);
    let uniform = ((draw >> 11) as f64 + 0.5) / (1u64 << 53) as f64;
    -uniform.ln() / f64::from(node.weight)
}

impl Lists {
    fn holders(&self, slot: usize) -> Vec<NodeId> {
        let list = &self.lists[slot];
        let mut held: Vec<NodeId> = Vec::new();
        for alike_allowed in [false, true] {
            for (_, id) in list {
                let zone = self.zones.get(id);
                let alike = held.iter().any(|other| self.zones.get(other) == zone);
                if held.len() < COPIES && !held.contains(id) && (alike_allowed || !alike) {
                    held.push(*id);
                }
            }
        }
        held
    }
}

impl Router for Lists {
    fn change(&mut self, change: Change) -> Result<Vec<Move>, MembershipError> {
        let known = |id: &NodeId| self.zones.contains_key(id);
        match change {
            Change::Join(node) if known(&node.id) => {
                return Err(MembershipError::AlreadyMember(node.id));
            }
            Change::Leave(id) | Change::Fail(id) if !known(&id) => {
                return Err(MembershipError::NotMember(id));
            }
            _ => {}
        }
        let before: Vec<Vec<NodeId>> = (0..self.lists.len()).map(|s| self.holders(s)).collect();
        match change {
            Change::Join(node) => {
                self.zones.insert(node.id, node.zone);
                for (slot, list) in self.lists.iter_mut().enumerate() {
                    let entry = (rank(slot, &node), node.id);
                    let at = list.partition_point(|other| *other < entry);
                    list.insert(at, entry);
                }
            }
            Change::Leave(id) | Change::Fail(id) => {
                self.zones.remove(&id);
                for list in &mut self.lists {
                    list.retain(|(_, other)| *other != id);
                }
            }
        }
        let mut moves = Vec::new();
        for (slot, had) in before.iter().enumerate() {
            let first = (slot as u64) << (64 - BITS);
            let gone = |id: &NodeId| change == Change::Fail(*id);
            let Some(from) = had.iter().copied().filter(|id| !gone(id)).next_back() else {
                continue;
            };
            for to in self.holders(slot) {
                if !had.contains(&to) {
                    moves.push(Move {
                        first,
                        last: first | (u64::MAX >> BITS),
                        from,
                        to,
                    });
                }
            }
        }
        Ok(moves)
    }

    fn replicas(&self, position: u64) -> Vec<NodeId> {
        self.holders((position >> (64 - BITS)) as usize)
    }
}

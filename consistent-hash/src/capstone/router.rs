//! A router: who holds what, and what to copy when a node comes or goes. The rules are in [`capstone`](crate::capstone).

// BEGIN SOLUTION
use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::{COPIES, Change, Move};
use crate::hash;
use crate::partitioner::{MembershipError, Node, NodeId};

// END SOLUTION
use super::Router;

/// A router without any members yet.
pub fn router() -> Box<dyn Router> {
    // EXERCISE(hash/capstone): a router of your own: choose its state, and implement the trait for it.
    Box::new(Slots::default())
}
// BEGIN SOLUTION

/// The positions are cut into so many slots of equal size, as Redis Cluster does it. More of them balance better, and
/// take longer to compute.
const SLOTS: usize = 2048;

/// How many positions a slot has.
const WIDTH: u64 = u64::MAX / SLOTS as u64 + 1;

/// Rendezvous hashing of slots: each slot ranks all nodes, and goes to the best ones in distinct zones.
#[derive(Debug, Default)]
struct Slots {
    members: BTreeMap<NodeId, Member>,
    /// The holders of each slot; empty before the first node has joined.
    holders: Vec<Vec<NodeId>>,
}

#[derive(Debug)]
struct Member {
    zone: Option<u32>,
    /// How well each slot likes it.
    scores: Vec<u64>,
}

impl Member {
    /// A node of weight `w` draws `w` tickets for each slot, and its best one counts: then it wins against others in proportion to its
    /// weight, and no logarithm is needed.
    fn new(node: &Node) -> Member {
        let score = |slot: usize| {
            let ticket = |number: u32| {
                let ticket = hash::point(0, node.id, number);
                hash::nth(ticket, slot as u64 + 1)
            };
            (0..node.weight).map(ticket).max().unwrap_or(0)
        };
        Member {
            zone: node.zone,
            scores: (0..SLOTS).map(score).collect(),
        }
    }
}

impl Router for Slots {
    fn change(&mut self, change: Change) -> Result<Vec<Move>, MembershipError> {
        let lost = match change {
            Change::Join(node) => {
                if self.members.contains_key(&node.id) {
                    return Err(MembershipError::AlreadyMember(node.id));
                }
                self.members.insert(node.id, Member::new(&node));
                None
            }
            Change::Leave(id) | Change::Fail(id) => {
                let left = self.members.remove(&id);
                left.ok_or(MembershipError::NotMember(id))?;
                matches!(change, Change::Fail(_)).then_some(id)
            }
        };
        let after = (0..SLOTS).map(|slot| self.choose(slot)).collect();
        let before = std::mem::replace(&mut self.holders, after);
        Ok(plan(&before, &self.holders, lost))
    }

    fn replicas(&self, position: u64) -> Vec<NodeId> {
        let slot = usize::try_from(position / WIDTH);
        let holders = slot.ok().and_then(|slot| self.holders.get(slot));
        holders.cloned().unwrap_or_default()
    }
}

impl Slots {
    /// The best nodes of a slot, one in each zone; then the best of the others, if there are not zones enough.
    fn choose(&self, slot: usize) -> Vec<NodeId> {
        let score = |member: &Member| Reverse(member.scores.get(slot).copied());
        let members = self.members.iter();
        let mut ranked: Vec<_> = members.map(|(id, m)| (score(m), *id, m.zone)).collect();
        ranked.sort_unstable();
        let (mut zones, mut best, mut rest) = (Vec::new(), Vec::new(), Vec::new());
        for (_, id, zone) in ranked {
            if zones.contains(&zone) {
                rest.push(id);
            } else {
                zones.push(zone);
                best.push(id);
            }
        }
        best.extend(rest);
        best.truncate(COPIES);
        best
    }
}

/// What has to be copied. Slots side by side with the same source and target make one move.
fn plan(before: &[Vec<NodeId>], after: &[Vec<NodeId>], lost: Option<NodeId>) -> Vec<Move> {
    let mut open: BTreeMap<(NodeId, NodeId), Move> = BTreeMap::new();
    let mut plan = Vec::new();
    for ((had, has), slot) in before.iter().zip(after).zip(0..) {
        let first = slot * WIDTH;
        let last = first + (WIDTH - 1);
        let Some(from) = had.iter().copied().find(|id| Some(*id) != lost) else {
            continue;
        };
        for to in has.iter().copied().filter(|id| !had.contains(id)) {
            let fresh = Move {
                first,
                last,
                from,
                to,
            };
            let current = open.entry((from, to)).or_insert(fresh);
            if first != 0 && current.last == first - 1 {
                current.last = last;
            } else if *current != fresh {
                plan.push(std::mem::replace(current, fresh));
            }
        }
    }
    plan.extend(open.into_values());
    plan
}
// END SOLUTION

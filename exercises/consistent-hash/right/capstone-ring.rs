//! A ring of virtual nodes: a position is held by the first nodes clockwise in distinct zones. A plan goes along all arcs between the points
//! of the ring before and those of the ring after.
//! replaces: src/capstone/router.rs

use std::collections::{BTreeMap, BTreeSet};

use super::{COPIES, Change, Move, Router};
use crate::hash;
use crate::partitioner::{MembershipError, Node, NodeId};

/// A router without any members yet.
pub fn router() -> Box<dyn Router> {
    Box::new(Circle::default())
}

/// Points for each unit of weight.
const POINTS: u32 = 250;

#[derive(Clone, Debug, Default)]
struct Circle {
    members: BTreeMap<NodeId, Node>,
    points: BTreeMap<u64, NodeId>,
}

impl Circle {
    fn holders(&self, position: u64) -> Vec<NodeId> {
        let zones: BTreeSet<Option<u32>> = self.members.values().map(|node| node.zone).collect();
        let (zones, copies) = (zones.len().min(COPIES), self.members.len().min(COPIES));
        let mut held: Vec<NodeId> = Vec::new();
        let mut used: Vec<Option<u32>> = Vec::new();
        let walk = || {
            self.points
                .range(position..)
                .chain(self.points.range(..position))
        };
        // In the first round one of each zone, in the second one whoever comes.
        for round in [zones, copies] {
            for (_, id) in walk() {
                if held.len() >= round {
                    break;
                }
                let zone = self.members.get(id).and_then(|node| node.zone);
                let taken = held.contains(id) || round == zones && used.contains(&zone);
                if !taken {
                    held.push(*id);
                    used.push(zone);
                }
            }
        }
        held
    }
}

impl Router for Circle {
    fn change(&mut self, change: Change) -> Result<Vec<Move>, MembershipError> {
        let mut after = self.clone();
        let mut lost = None;
        match change {
            Change::Join(node) => {
                for number in 0..node.weight * POINTS {
                    after
                        .points
                        .insert(hash::point(9, node.id, number), node.id);
                }
                if after.members.insert(node.id, node).is_some() {
                    return Err(MembershipError::AlreadyMember(node.id));
                }
            }
            Change::Leave(id) | Change::Fail(id) => {
                if after.members.remove(&id).is_none() {
                    return Err(MembershipError::NotMember(id));
                }
                after.points.retain(|_, node| *node != id);
                if change == Change::Fail(id) {
                    lost = Some(id);
                }
            }
        }
        let mut ends: BTreeSet<u64> = self.points.keys().copied().collect();
        ends.extend(after.points.keys());
        ends.insert(u64::MAX);
        let mut first = 0;
        let mut moves = Vec::new();
        for last in ends {
            // All positions up to a point, that one too, meet the same points next.
            let (had, has) = (self.holders(last), after.holders(last));
            let source = had.iter().rev().find(|id| Some(**id) != lost);
            for to in has.iter().filter(|id| !had.contains(id)) {
                moves.extend(source.map(|from| Move {
                    first,
                    last,
                    from: *from,
                    to: *to,
                }));
            }
            first = last.wrapping_add(1);
        }
        *self = after;
        Ok(moves)
    }

    fn replicas(&self, position: u64) -> Vec<NodeId> {
        self.holders(position)
    }
}

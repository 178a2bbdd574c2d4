//! AnchorHash (Mendelson, Vargaftik, Barabash, Lorenz, Orda, Keslassy 2020, arXiv:1812.09674): as even as jump hashing,
//! and any node may go.
//!
//! There is a fixed set of buckets, the *anchor*, larger than the cluster will ever be. Some of them work, each for a
//! node; the others are removed. A key is hashed to a bucket of the anchor. If that one works, it is the answer. If it
//! was removed, the key is hashed again, to one of those buckets that worked right after that removal, and so on until
//! it comes to one that works. So the keys of a removed bucket are spread evenly over what was left, and all others
//! never notice. The last bucket that was removed is the first to be used again: an addition undoes a removal, and
//! moves exactly what that one moved.
//!
//! To remember which buckets worked after each removal would take a list for each. The trick of the paper: at a removal
//! the bucket in the last place of the list of working ones moves to the place that becomes free. `successor` (the
//! paper's K) remembers that for each removed bucket, and with it the list can be read as it was at any time.
//!
//! - Costs: 24 bytes for each bucket of the anchor; a look-up takes 1 + ln(anchor / working) hashes on average. With an
//!   anchor twice as large as the cluster that is 1.7.
//! - Moves: exactly what must.
//! - Weights: a node of weight w has w buckets.
//! - Cannot: grow beyond the anchor; name ranges; forget: two clients agree only if they saw the same additions and
//!   removals in the same order, or copy the table.

use crate::hash;
use crate::members::{Members, redrawn};
use crate::partitioner::{MembershipError, Node, NodeId, Partitioner};

/// What a look-up reads of a bucket.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// 0 while it works; otherwise how many worked right after it was removed (the paper's A).
    left: u32,
    /// Which bucket took its place in the list of working ones (K); itself while it works.
    successor: u32,
}

/// Anchor hashing.
#[derive(Clone, Debug)]
pub struct Anchor {
    seed: u64,
    members: Members,
    buckets: Vec<Bucket>,
    /// The list of working buckets in its first places (W), and the place of each bucket in it (L).
    working: Vec<u32>,
    place: Vec<u32>,
    /// The removed ones; the last is used again first (R).
    removed: Vec<u32>,
    /// Whose each bucket is; of no meaning for a removed one.
    names: Vec<NodeId>,
}

impl Anchor {
    /// Without nodes, with room for so many of weight 1: at least 1, at most [`crate::members::ENTRIES_MAX`].
    pub fn new(room: u32, seed: u64) -> Anchor {
        let all = 0..room.clamp(1, 1 << 24);
        Anchor {
            seed,
            members: Members::default(),
            // As if all had worked and been removed from the last to the first: b worked until b were left.
            buckets: all
                .clone()
                .map(|b| Bucket {
                    left: b,
                    successor: b,
                })
                .collect(),
            working: all.clone().collect(),
            place: all.clone().collect(),
            removed: all.clone().rev().collect(),
            names: all.map(|_| NodeId(0)).collect(),
        }
    }

    /// How many buckets work.
    fn count(&self) -> usize {
        self.buckets.len() - self.removed.len()
    }

    /// The working bucket of a key, if any works: the paper's GETBUCKET.
    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "an anchor has at most ENTRIES_MAX buckets"
    )]
    fn bucket(&self, key: u64) -> usize {
        let mut at = hash::scale(key, self.buckets.len() as u32);
        loop {
            let bucket = self.buckets[at as usize];
            if bucket.left == 0 {
                return at as usize;
            }
            // One of the places that were filled right after `at` was removed …
            let mut to = hash::scale(hash::nth(key, u64::from(at) + 1), bucket.left);
            // … and the bucket that stood there then: one that was removed earlier than `at` had been replaced already.
            while self.buckets[to as usize].left >= bucket.left {
                to = self.buckets[to as usize].successor;
            }
            at = to;
        }
    }

    fn draw(&self, key: u64) -> Option<NodeId> {
        (!self.members.is_empty()).then(|| self.names[self.bucket(key)])
    }

    /// The bucket that was removed last works again, for this node: ADDBUCKET.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "an anchor has at most ENTRIES_MAX buckets"
    )]
    fn restore(&mut self, node: NodeId) {
        let count = self.count();
        let Some(b) = self.removed.pop() else {
            return;
        };
        // Whoever took its place goes back to the end of the list.
        self.place[self.working[count] as usize] = count as u32;
        self.working[self.place[b as usize] as usize] = b;
        self.buckets[b as usize] = Bucket {
            left: 0,
            successor: b,
        };
        self.names[b as usize] = node;
    }

    /// A bucket works no longer: REMOVEBUCKET.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "an anchor has at most ENTRIES_MAX buckets"
    )]
    fn retire(&mut self, b: u32) {
        self.removed.push(b);
        let count = self.count();
        let last = self.working[count];
        self.working[self.place[b as usize] as usize] = last;
        self.place[last as usize] = self.place[b as usize];
        self.buckets[b as usize] = Bucket {
            left: count as u32,
            successor: last,
        };
    }
}

impl Partitioner for Anchor {
    fn name(&self) -> &'static str {
        "anchor"
    }

    fn nodes(&self) -> Vec<Node> {
        self.members.nodes().to_vec()
    }

    fn locate(&self, key: &[u8]) -> Option<NodeId> {
        self.draw(hash::key(self.seed, key))
    }

    fn replicas(&self, key: &[u8], n: usize) -> Vec<NodeId> {
        // What `nth` makes of the first hash differs from what the chain of one look-up makes, which counts from 1.
        const OTHER: u64 = 1 << 32;
        let hash = hash::key(self.seed, key);
        redrawn(&self.members, n, |i| match i {
            0 => self.draw(hash),
            _ => self.draw(hash::nth(hash, OTHER + i)),
        })
    }

    /// # Errors
    /// Also when the anchor has no room for them.
    fn add_all(&mut self, nodes: &[Node]) -> Result<(), MembershipError> {
        let wanted: u64 = nodes.iter().map(|node| u64::from(node.weight)).sum();
        let free = self.removed.len();
        if wanted > free as u64 {
            return Err(MembershipError::Unsupported(format!(
                "the anchor has {free} of {} buckets left, and {wanted} are wanted: its size is fixed when it is made, so make a \
                 larger one",
                self.buckets.len()
            )));
        }
        self.members.add_all(nodes, 1)?;
        for node in nodes {
            for _ in 0..node.weight {
                self.restore(node.id);
            }
        }
        Ok(())
    }

    fn remove(&mut self, id: NodeId) -> Result<(), MembershipError> {
        self.members.remove(id)?;
        let working = &self.working[..self.count()];
        let mut own: Vec<u32> = (working.iter().copied())
            .filter(|b| self.names[*b as usize] == id)
            .collect();
        // The order in which they stand is an accident of earlier removals; by number, the last first.
        own.sort_unstable_by(|a, b| b.cmp(a));
        for b in own {
            self.retire(b);
        }
        Ok(())
    }

    fn memory_bytes(&self) -> usize {
        let lists = self.working.capacity() + self.place.capacity() + self.removed.capacity();
        self.members.memory_bytes()
            + self.buckets.capacity() * size_of::<Bucket>()
            + lists * size_of::<u32>()
            + self.names.capacity() * size_of::<NodeId>()
    }
}

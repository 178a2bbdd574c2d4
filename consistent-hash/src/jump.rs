//! Jump consistent hash (Lamping & Veach 2014, arXiv:1406.2294): no table at all, and the best balance there is.
//!
//! Think of a key while the cluster grows from 1 bucket to n. At each step from j to j + 1 buckets it should move with
//! the probability 1/(j + 1), and if it moves, then to the new bucket. A generator that is seeded with the key could
//! decide at each step; that takes n steps. The paper's idea is to draw the *next* step at which the key moves, and to
//! jump there: with r uniform in (0, 1], from bucket b the next one is ⌊(b + 1) / r⌋. So a key jumps about ln n + 0.58
//! times.
//!
//! - Costs: no memory but the list of names; a look-up takes a division for each jump, 8 of them at 1,000 buckets.
//! - Moves: exactly 1/(n + 1) of the keys when a bucket is added, all of them to it.
//! - Cannot: remove any bucket but the last. Buckets are numbers, and a hole in the middle has no place in the argument
//!   above. So it fits shards of a store, each replicated in its own way, and not servers that fail; see
//!   [`crate::anchor`] for those.
//!
//! Only multiplication and division of `f64` are used, which IEEE 754 rounds the same everywhere.

use crate::hash;
use crate::members::{Members, redrawn};
use crate::partitioner::{MembershipError, Node, NodeId, Partitioner};

/// The bucket of a key among `buckets`, from 0 on; 0 where `buckets` is 0.
///
/// As in the paper's figure 1: `state` begins as the key's `hash`, and the bucket b as 0. One step of the generator is
/// `state ← state × 2862933555777941757 + 1` (mod 2^64). After it the next bucket is
/// ⌊(b + 1) × (2^31 / ((`state` >> 33) + 1))⌋, the division and the product in `f64`, in this order. The key stays in the
/// last bucket that is below `buckets`.
#[allow(
    clippy::cast_possible_truncation,
    reason = "the next bucket is at most 2^32 × 2^31"
)]
pub fn jump(hash: u64, buckets: u32) -> u32 {
    // EXERCISE(hash/jump): jump to the next bucket in which the key would land, while there is such a bucket.
    // Signed, since processors convert those to and from `f64` in one instruction.
    let (mut state, mut bucket, mut next) = (hash, 0_i64, 0);
    while next < i64::from(buckets) {
        bucket = next;
        state = state
            .wrapping_mul(2_862_933_555_777_941_757)
            .wrapping_add(1);
        let r = (1_i64 << 31) as f64 / ((state >> 33) as i64 + 1) as f64;
        next = ((bucket + 1) as f64 * r) as i64;
    }
    u32::try_from(bucket).expect("a bucket is below `buckets`, which is a u32")
}

/// Jump consistent hash over named buckets, in the order in which they joined. A node of weight w has w of them.
#[derive(Clone, Debug)]
pub struct Jump {
    seed: u64,
    members: Members,
    buckets: Vec<NodeId>,
}

impl Jump {
    /// Without nodes.
    pub fn new(seed: u64) -> Jump {
        Jump {
            seed,
            members: Members::default(),
            buckets: Vec::new(),
        }
    }

    #[inline]
    fn draw(&self, hash: u64) -> Option<NodeId> {
        let count = u32::try_from(self.buckets.len()).ok()?;
        self.buckets.get(jump(hash, count) as usize).copied()
    }
}

impl Partitioner for Jump {
    fn name(&self) -> &'static str {
        "jump"
    }

    fn nodes(&self) -> Vec<Node> {
        self.members.nodes().to_vec()
    }

    fn locate(&self, key: &[u8]) -> Option<NodeId> {
        self.draw(hash::key(self.seed, key))
    }

    fn replicas(&self, key: &[u8], n: usize) -> Vec<NodeId> {
        let hash = hash::key(self.seed, key);
        redrawn(&self.members, n, |i| self.draw(hash::nth(hash, i)))
    }

    fn add_all(&mut self, nodes: &[Node]) -> Result<(), MembershipError> {
        self.members.add_all(nodes, 1)?;
        for node in nodes {
            (self.buckets).extend(std::iter::repeat_n(node.id, node.weight as usize));
        }
        Ok(())
    }

    /// # Errors
    /// When it is no member, or not the one that joined last.
    fn remove(&mut self, id: NodeId) -> Result<(), MembershipError> {
        let last = self.buckets.last().copied();
        if self.members.get(id).is_some() && last != Some(id) {
            let last = last.map_or(String::new(), |last| format!(", {last},"));
            return Err(MembershipError::Unsupported(format!(
                "jump hashing can only do without the node that joined last{last} and not without {id}: let another node take over \
                 its bucket, or use anchor"
            )));
        }
        let node = self.members.remove(id)?;
        let left = self.buckets.len() - node.weight as usize;
        self.buckets.truncate(left);
        Ok(())
    }

    fn memory_bytes(&self) -> usize {
        self.members.memory_bytes() + self.buckets.capacity() * size_of::<NodeId>()
    }
}

//! Consistent hashing with bounded loads (Mirrokni, Thorup, Zadimoghaddam, SODA 2018, arXiv:1608.01350): no node has
//! more than its share and a little.
//!
//! Hashing is only even on average. Here it is known how many keys there are, m, and each of the n nodes has a capacity
//! such that none holds more than ⌈(1 + ε) m / n⌉. A key goes to the first node clockwise from its position that is not
//! full. The smaller ε, the more even, and the farther a key has to go: 1/ε² nodes for small ε (the paper's theorem 2).
//!
//! Placing keys is the easy half. When a key is removed, its node has room, and a key that has passed by because the
//! node was full should be there: a look-up that stops at the first node with room would not find it any more. So the
//! rule is an invariant, to be restored after each change: **a key passes full nodes only**. A hole is filled by a key
//! from farther on that has passed it; that leaves a hole there, and so on.
//!
//! Capacities change with m, too. If all rose at once, keys would move everywhere at once; so the whole capacity ⌈(1 +
//! ε) m⌉ is dealt out as evenly as it goes, and one key more changes one or two nodes' by one.
//!
//! - Costs: it has to know every key (or connection, or request under way: what is balanced), and whoever looks a key
//!   up has to know the same. It is for a load balancer rather than for a client's library; Vimeo's use in HAProxy
//!   counts requests under way, and so forgets soon.
//! - Moves: for each key that comes or goes, and for each node, O(1/ε²) of them times the minimum.
//! - Weights: left out; all nodes are alike. One point for each node, as in the paper: the capacities see to the
//!   balance.

use std::collections::BTreeSet;

use crate::hash;
use crate::members::Members;
use crate::partitioner::{MembershipError, Node, NodeId, Partitioner};

/// A key that is to be placed, or is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Placed {
    /// Its position on the circle.
    pub position: u64,
    /// The key itself.
    pub key: Vec<u8>,
}

/// A node, with what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bin {
    /// Its position on the circle.
    pub position: u64,
    /// Its node.
    pub node: NodeId,
    /// How many keys it may hold.
    pub capacity: usize,
    /// What it holds.
    pub keys: BTreeSet<Placed>,
}

impl Bin {
    /// Whether it holds as many keys as it may.
    pub fn is_full(&self) -> bool {
        self.keys.len() >= self.capacity
    }

    /// Of its keys the one that has come the longest way, clockwise, to this bin.
    pub fn farthest(&self) -> Option<&Placed> {
        // The first position behind the bin's own: nearly once around. If there is none, the first of all.
        let behind = |placed: &&Placed| placed.position > self.position;
        let next = Placed {
            position: self.position.saturating_add(1),
            key: Vec::new(),
        };
        (self.keys.range(next..).next().filter(behind)).or(self.keys.first())
    }
}

/// The index of the bin at which a key of this position begins to look for room: the first at the position or behind
/// it, clockwise. 0 where there are none.
pub fn home(bins: &[Bin], position: u64) -> usize {
    match bins.partition_point(|bin| bin.position < position) {
        behind_all if behind_all == bins.len() => 0,
        at => at,
    }
}

/// Whether a key of this position, on its way to `bins[to]`, has passed `bins[by]`. `by` and `to` differ.
pub fn passed(bins: &[Bin], position: u64, by: usize, to: usize) -> bool {
    let way = |to: usize| bins[to].position.wrapping_sub(position);
    way(by) < way(to)
}

/// Puts a key into the first bin that is not full, from `bins[from]` on, clockwise, once around. Returns the index of
/// that bin; none, and nothing is done, where all are full.
///
/// `bins` stand by position.
pub fn place(bins: &mut [Bin], from: usize, key: &Placed) -> Option<usize> {
    // EXERCISE(hash/bounded): into the first bin with room, clockwise from `from`.
    let at = (from..bins.len())
        .chain(0..from)
        .find(|&at| !bins[at].is_full())?;
    bins[at].keys.insert(key.clone());
    Some(at)
}

/// `bins[hole]` has room for a key again. Moves back what should not have had to pass it, so that again every key has
/// passed full bins only. Returns how many keys were moved.
///
/// Before the hole came to be, every key had passed full bins only; so a key that has passed `hole` is in one of the
/// bins behind it, up to and with the first that is not full. One such key moves into the hole, whichever; then there
/// is a hole where it was.
///
/// `bins` stand by position. See [`passed`] and [`Bin::farthest`].
pub fn refill(bins: &mut [Bin], hole: usize) -> usize {
    // EXERCISE(hash/bounded): find a key behind the hole that has passed it, move it there, go on with the hole that it leaves.
    let (mut hole, mut moved) = (hole, 0);
    'holes: loop {
        for at in (hole + 1..bins.len()).chain(0..hole) {
            // If any key of this bin has passed the hole, then the one that has come farthest.
            let key = (bins[at].farthest()).filter(|key| passed(bins, key.position, hole, at));
            if let Some(key) = key.cloned() {
                bins[at].keys.remove(&key);
                bins[hole].keys.insert(key);
                (hole, moved) = (at, moved + 1);
                continue 'holes;
            }
            if !bins[at].is_full() {
                break;
            }
        }
        return moved;
    }
}

/// Consistent hashing with bounded loads. It holds keys: see [`Bounded::insert`].
#[derive(Clone, Debug)]
pub struct Bounded {
    seed: u64,
    /// ε in percent.
    slack_percent: u32,
    members: Members,
    /// By position.
    bins: Vec<Bin>,
    keys: usize,
    moved: u64,
}

impl Bounded {
    /// Without nodes and keys. ε is `slack_percent` / 100: with 25, no node has more than 1.25 times the mean, rounded
    /// up.
    pub fn new(slack_percent: u32, seed: u64) -> Bounded {
        Bounded {
            seed,
            slack_percent,
            members: Members::default(),
            bins: Vec::new(),
            keys: 0,
            moved: 0,
        }
    }

    /// The nodes with what they hold, by position.
    pub fn bins(&self) -> &[Bin] {
        &self.bins
    }

    /// How many keys it holds.
    pub fn len(&self) -> usize {
        self.keys
    }

    /// Whether it holds no keys.
    pub fn is_empty(&self) -> bool {
        self.keys == 0
    }

    /// How many times a key has been moved so far from one node to another.
    pub fn moved(&self) -> u64 {
        self.moved
    }

    /// The bound: the most keys that a node may hold, ⌈(1 + ε) m / n⌉. 0 where there are no nodes.
    pub fn bound(&self) -> usize {
        let nodes = self.bins.len();
        self.whole_capacity()
            .checked_div(nodes)
            .map_or(0, |_| self.whole_capacity().div_ceil(nodes))
    }

    /// A key comes. Returns its node; none where there are no nodes, and then the key is not held. A key that is held
    /// already stays where it is.
    pub fn insert(&mut self, key: &[u8]) -> Option<NodeId> {
        let placed = self.placed(key);
        if let Some(at) = self.find(&placed) {
            return Some(self.bins[at].node);
        }
        if self.bins.is_empty() {
            return None;
        }
        self.keys += 1;
        self.deal_out();
        self.put(home(&self.bins, placed.position), &placed)
    }

    /// A key goes. Returns the node that held it; none where it is not held.
    pub fn remove_key(&mut self, key: &[u8]) -> Option<NodeId> {
        let placed = self.placed(key);
        let at = self.find(&placed)?;
        let node = self.bins[at].node;
        self.bins[at].keys.remove(&placed);
        self.keys -= 1;
        self.moved += refill(&mut self.bins, at) as u64;
        self.deal_out();
        Some(node)
    }

    fn placed(&self, key: &[u8]) -> Placed {
        Placed {
            position: hash::key(self.seed, key),
            key: key.to_vec(),
        }
    }

    /// The bin that holds a key: on its way, and no farther than the first that has room.
    fn find(&self, key: &Placed) -> Option<usize> {
        let home = home(&self.bins, key.position);
        let way = (home..self.bins.len()).chain(0..home);
        for at in way {
            if self.bins[at].keys.contains(key) {
                return Some(at);
            }
            if !self.bins[at].is_full() {
                return None;
            }
        }
        None
    }

    /// Puts a key where there is room, which there is: the capacities add up to the number of keys at least.
    fn put(&mut self, from: usize, key: &Placed) -> Option<NodeId> {
        place(&mut self.bins, from, key).map(|at| self.bins[at].node)
    }

    /// ⌈(1 + ε) m⌉.
    fn whole_capacity(&self) -> usize {
        let percent = 100 + u128::from(self.slack_percent);
        let whole = (self.keys as u128 * percent).div_ceil(100);
        usize::try_from(whole).unwrap_or(usize::MAX)
    }

    /// Gives each bin its capacity for the number of keys and nodes that there are, and restores the invariant. First
    /// those that grow, so that there is room for what those that shrink have too much.
    fn deal_out(&mut self) {
        let (whole, nodes) = (self.whole_capacity(), self.bins.len());
        let Some(each) = whole.checked_div(nodes) else {
            return;
        };
        // At least 1: a node that may hold nothing would only be in the way.
        let capacity = |at: usize| (each + usize::from(at < whole % nodes)).max(1);
        for at in 0..nodes {
            // One after the other: `refill` counts on it that all other bins are as they should be.
            if self.bins[at].capacity < capacity(at) {
                self.bins[at].capacity = capacity(at);
                self.fill(at);
            }
        }
        for at in 0..nodes {
            self.bins[at].capacity = capacity(at);
            while self.bins[at].keys.len() > self.bins[at].capacity {
                // Any key may go: it passes this bin, which is full. The one nearest to home has the shortest way so far.
                let Some(key) = self.bins[at].keys.pop_last() else {
                    break;
                };
                self.put(at, &key);
                self.moved += 1;
            }
        }
    }

    /// Moves back to a bin, while it has room, what has passed it.
    fn fill(&mut self, at: usize) {
        while !self.bins[at].is_full() {
            match refill(&mut self.bins, at) {
                0 => break,
                moved => self.moved += moved as u64,
            }
        }
    }
}

impl Partitioner for Bounded {
    fn name(&self) -> &'static str {
        "bounded"
    }

    fn nodes(&self) -> Vec<Node> {
        self.members.nodes().to_vec()
    }

    /// The node that holds the key; of one that is not held, the first on its way that has room.
    fn locate(&self, key: &[u8]) -> Option<NodeId> {
        self.replicas(key, 1).first().copied()
    }

    /// The key's node, and those that follow on the circle, whether or not they have room: only the first copy counts
    /// for the bound.
    fn replicas(&self, key: &[u8], n: usize) -> Vec<NodeId> {
        let placed = self.placed(key);
        let home = home(&self.bins, placed.position);
        let room = || {
            let mut way = (home..self.bins.len()).chain(0..home);
            way.find(|&at| !self.bins[at].is_full())
        };
        let at = self.find(&placed).or_else(room).unwrap_or(home);
        let (before, from) = self.bins.split_at(at);
        let walk = from.iter().chain(before);
        walk.take(n).map(|bin| bin.node).collect()
    }

    /// # Errors
    /// Also when one of them has another weight than 1.
    fn add_all(&mut self, nodes: &[Node]) -> Result<(), MembershipError> {
        if let Some(node) = nodes.iter().find(|node| node.weight > 1) {
            return Err(MembershipError::Unsupported(format!(
                "{} has the weight {}, and with bounded loads all nodes have the same capacity: give it the weight 1",
                node.id, node.weight
            )));
        }
        self.members.add_all(nodes, 1)?;
        for node in nodes {
            let bin = Bin {
                position: hash::point(self.seed, node.id, 0),
                node: node.id,
                // Until it has its part: a bin that may hold nothing is full, so what has passed it is where it should be.
                capacity: 0,
                keys: BTreeSet::new(),
            };
            let at = (self.bins)
                .partition_point(|known| (known.position, known.node) < (bin.position, bin.node));
            self.bins.insert(at, bin);
        }
        self.deal_out();
        Ok(())
    }

    /// # Errors
    /// Also when it is the last node, and there are keys.
    fn remove(&mut self, id: NodeId) -> Result<(), MembershipError> {
        if self.members.len() == 1 && self.members.get(id).is_some() && !self.is_empty() {
            return Err(MembershipError::Unsupported(format!(
                "{id} is the last node, and holds {} keys, which would have no place: add another node first, or remove the keys",
                self.keys
            )));
        }
        self.members.remove(id)?;
        let homeless: Vec<Placed> = (self.bins.iter())
            .filter(|bin| bin.node == id)
            .flat_map(|bin| bin.keys.iter().cloned())
            .collect();
        self.bins.retain(|bin| bin.node != id);
        self.deal_out();
        for key in homeless {
            self.put(home(&self.bins, key.position), &key);
            self.moved += 1;
        }
        Ok(())
    }

    /// Without what the keys themselves take: they are the caller's.
    fn memory_bytes(&self) -> usize {
        let keys = self.keys * size_of::<Placed>();
        self.members.memory_bytes() + self.bins.capacity() * size_of::<Bin>() + keys
    }
}

//! Maglev's table (Eisenbud et al., NSDI 2016, §3.4): even to one entry, and a look-up that is a single read.
//!
//! Google's load balancer keeps no state that its replicas share, so all of them must send a connection to the same
//! backend, and to the same one as far as possible when backends come and go. But balance comes first for it: a backend
//! with 20 % more than the others is 20 % of all machines wasted. So the paper turns it around: a table of fixed prime
//! size, filled by the nodes in turns, so that each gets as many entries as any other; each takes at its turn the next
//! entry of its own permutation that is still free.
//!
//! - Costs: 4 bytes for each entry, and the paper wants a hundred entries for each node (65,537 by default, or
//!   655,373); a look-up is one read. Any change of the membership fills the table anew: milliseconds.
//! - Balance: without weights, numbers of entries differ by at most 1.
//! - Moves: what must, and some more: a node that leaves also shifts other nodes' turns. The larger the table, the
//!   fewer (§5.3). With the small table and a hundred nodes, half as much again; Envoy's documentation says twice the
//!   minimum.
//! - Cannot: say that a key stays unless its node leaves. For connections that is made up for by a table of those that
//!   are open; a store would have to move data for nothing.

use crate::hash;
use crate::members::{Members, distinct};
use crate::partitioner::{MembershipError, Node, NodeId, Partitioner};

/// The paper's small table: good for some 650 nodes.
pub const SMALL: u32 = 65_537;

/// The paper's large table.
pub const LARGE: u32 = 655_373;

/// The order in which a node wants the entries of the table: `offset`, `offset + skip`, `offset + 2 skip`, …, modulo
/// the table's size. As the size is prime, and `skip` neither 0 nor a multiple of it, every entry comes once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preference {
    /// The entry that it wants most: below the size.
    pub offset: usize,
    /// The step to the next one: at least 1, below the size.
    pub skip: usize,
}

/// Fills a table of `size` entries, a prime. Each entry of the result is the index in `preferences` of the node whose
/// it is. Empty where there are no turns.
///
/// The nodes take turns: `turns` names them, as indices in `preferences`, and begins again at its end, until the table
/// is full. At its turn a node takes the one entry that it wants most of those that are free.
pub fn fill(preferences: &[Preference], turns: &[usize], size: usize) -> Vec<usize> {
    // EXERCISE(hash/maglev): turn by turn, each node takes the next free entry of its own order.
    if turns.is_empty() {
        return Vec::new();
    }
    let mut table = vec![None; size];
    // What each node will look at next.
    let mut next: Vec<usize> = preferences.iter().map(|wants| wants.offset).collect();
    for &node in turns.iter().cycle().take(size) {
        loop {
            let entry = next[node];
            next[node] = (entry + preferences[node].skip) % size;
            if table[entry].is_none() {
                table[entry] = Some(node);
                break;
            }
        }
    }
    table.into_iter().flatten().collect()
}

/// Maglev hashing.
#[derive(Clone, Debug)]
pub struct Maglev {
    seed: u64,
    size: u32,
    members: Members,
    /// `size` entries, or none where there are no nodes.
    table: Vec<NodeId>,
}

impl Maglev {
    /// Without nodes, and with a table of `size` entries or, where that is no prime, the next one: [`SMALL`],
    /// [`LARGE`]. At most [`crate::members::ENTRIES_MAX`].
    pub fn new(size: u32, seed: u64) -> Maglev {
        // The largest prime below 2^24.
        const LARGEST: u32 = (1 << 24) - 3;
        let size = (size.clamp(2, LARGEST)..=LARGEST).find(|&n| is_prime(n));
        Maglev {
            seed,
            size: size.unwrap_or(LARGEST),
            members: Members::default(),
            table: Vec::new(),
        }
    }

    /// The table's size.
    pub fn size(&self) -> u32 {
        self.size
    }

    /// Whose each entry is; empty where there are no nodes.
    pub fn table(&self) -> &[NodeId] {
        &self.table
    }

    fn make_table(&mut self) {
        let nodes = self.members.nodes();
        let preference = |node: &Node| Preference {
            offset: hash::scale(hash::point(self.seed, node.id, 0), self.size) as usize,
            skip: 1 + hash::scale(hash::point(self.seed, node.id, 1), self.size - 1) as usize,
        };
        let preferences: Vec<Preference> = nodes.iter().map(preference).collect();
        let turns = turns(nodes, self.size as usize);
        let table = fill(&preferences, &turns, self.size as usize);
        self.table = table.into_iter().map(|node| nodes[node].id).collect();
    }
}

/// How the nodes take turns: each once where all have the same weight; otherwise each as often as its weight says.
/// Everybody has a turn, and there are no more turns than entries: weights that are too large for it are scaled down.
fn turns(nodes: &[Node], size: usize) -> Vec<usize> {
    let heaviest = nodes.iter().map(|node| node.weight).max().unwrap_or(1);
    if nodes.iter().all(|node| node.weight == heaviest) {
        return (0..nodes.len()).collect();
    }
    let sum: u64 = nodes.iter().map(|node| u64::from(node.weight)).sum();
    let room = (size.saturating_sub(nodes.len()) as u64).min(sum);
    let mut turns = Vec::new();
    for (i, node) in nodes.iter().enumerate() {
        // Below 2^32 × 2^24.
        let count = (u64::from(node.weight) * room / sum).max(1);
        turns.extend((0..count).map(|round| (round, i)));
    }
    // Round by round: first all who have a turn, then those who have a second one.
    turns.sort_unstable();
    turns.into_iter().map(|(_, i)| i).collect()
}

fn is_prime(n: u32) -> bool {
    n >= 2
        && (2..)
            .take_while(|d| d * d <= n)
            .all(|d| !n.is_multiple_of(d))
}

impl Partitioner for Maglev {
    fn name(&self) -> &'static str {
        "maglev"
    }

    fn nodes(&self) -> Vec<Node> {
        self.members.nodes().to_vec()
    }

    fn locate(&self, key: &[u8]) -> Option<NodeId> {
        let entry = hash::scale(hash::key(self.seed, key), self.size);
        self.table.get(entry as usize).copied()
    }

    /// The key's entry, and those that follow.
    fn replicas(&self, key: &[u8], n: usize) -> Vec<NodeId> {
        let entry = hash::scale(hash::key(self.seed, key), self.size) as usize;
        let (before, from) = self.table.split_at(entry.min(self.table.len()));
        distinct(from.iter().chain(before).copied(), self.members.len(), n)
    }

    /// # Errors
    /// Also when there would be more nodes than entries.
    fn add_all(&mut self, nodes: &[Node]) -> Result<(), MembershipError> {
        let count = self.members.len() + nodes.len();
        if count > self.size as usize {
            return Err(MembershipError::Unsupported(format!(
                "{count} nodes cannot share a table of {} entries: make a larger one, of a hundred entries for each node or more",
                self.size
            )));
        }
        self.members.add_all(nodes, 0)?;
        self.make_table();
        Ok(())
    }

    fn remove(&mut self, id: NodeId) -> Result<(), MembershipError> {
        self.members.remove(id)?;
        self.make_table();
        Ok(())
    }

    fn memory_bytes(&self) -> usize {
        self.members.memory_bytes() + self.table.capacity() * size_of::<NodeId>()
    }
}

//! Range partitioning: split points in the order of the keys (Bigtable's tablets, HBase's regions, CockroachDB's
//! ranges).
//!
//! All others in this crate scatter keys, so that neighbours land anywhere and "all keys from a to b" has to ask every
//! node. Here a node has whole stretches of the order, and a scan reads one tablet after the other. The price is that
//! the keys decide the balance, not a hash: names crowd at S, and whoever writes with the time as the key writes to the
//! last tablet only. So a range-partitioned store is never finished: it *splits* a tablet that has become too large or
//! too hot, and moves one half away; it *merges* neighbours that have become small.
//!
//! - Costs: a table of split points that somebody has to keep and hand out (Bigtable's METADATA tablets, HBase's
//!   `hbase:meta`); a look-up is a binary search of it.
//! - Moves: exactly what is decided: a split hands over one half at most.
//! - Cannot: balance itself. A new node has nothing until a tablet is given to it; see [`Ranges::split`] and
//!   [`Ranges::distribute`].

use thiserror::Error;

use crate::members::{Members, distinct};
use crate::partitioner::{MembershipError, Node, NodeId, Partitioner};

/// A stretch of keys, with its node: from `start`, which belongs to it, up to the start of the next one, which does
/// not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tablet {
    /// Its first key. That of the first tablet is empty: nothing comes before it.
    pub start: Vec<u8>,
    /// Who has it.
    pub node: NodeId,
}

/// Keys that change hands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handover {
    /// The first of them.
    pub start: Vec<u8>,
    /// The first key that is none of them; none where they are the last of all.
    pub end: Option<Vec<u8>>,
    /// Who has them before.
    pub from: NodeId,
    /// Who has them after. It may be the same one.
    pub to: NodeId,
}

/// Why a table was not changed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RangeError {
    /// To be split where a tablet begins.
    #[error("a tablet begins at {} already: choose a key within one", at.escape_ascii())]
    AlreadySplit {
        /// The key.
        at: Vec<u8>,
    },
    /// To be merged where no tablet begins, or at the first one's beginning, before which there is none.
    #[error("no two tablets meet at {}: only what a split has cut can be merged", at.escape_ascii())]
    NoSplit {
        /// The key.
        at: Vec<u8>,
    },
    /// The table is empty.
    #[error("there are no tablets, since there are no nodes: add one first")]
    Empty,
    /// The node is no member.
    #[error("{0} is no member: add it first")]
    NotMember(NodeId),
}

/// Which tablets there are: by their starts, no two alike, the first empty. So every key is in exactly one; unless
/// there are none at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// The tablets, by `start`.
    pub tablets: Vec<Tablet>,
}

impl Table {
    /// The index of the tablet that a key is in; none where there are no tablets.
    pub fn find(&self, key: &[u8]) -> Option<usize> {
        let _ = key;
        todo!("hash/ranges: the last tablet that starts at the key or before it.")
    }

    /// Cuts the tablet that `at` is in: the keys before `at` stay where they are, `at` and those behind it go to
    /// `node`. Returns what is handed over.
    ///
    /// # Errors
    /// [`RangeError::AlreadySplit`] where a tablet begins at `at`, [`RangeError::Empty`] where there are no tablets.
    /// Then nothing changes.
    pub fn split(&mut self, at: &[u8], node: NodeId) -> Result<Handover, RangeError> {
        let _ = (at, node);
        todo!("hash/ranges: a new tablet that begins at `at` and ends where the old one did.")
    }

    /// Joins the tablet that begins at `at` to the one before it, whose node takes it over. Returns what is handed
    /// over.
    ///
    /// # Errors
    /// [`RangeError::NoSplit`] where no tablet begins at `at`, or it is the first. Then nothing changes.
    pub fn merge(&mut self, at: &[u8]) -> Result<Handover, RangeError> {
        let _ = at;
        todo!(
            "hash/ranges: the tablet that begins at `at` ceases; the one before it now ends where that one did."
        )
    }
}

/// Range partitioning over members.
#[derive(Clone, Debug, Default)]
pub struct Ranges {
    members: Members,
    table: Table,
}

impl Ranges {
    /// Without nodes. The first to join gets all keys.
    pub fn new() -> Ranges {
        Ranges::default()
    }

    /// The tablets.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Cuts a tablet in two, and gives the upper part to a member. See [`Table::split`].
    ///
    /// # Errors
    /// As [`Table::split`], and when the node is no member.
    pub fn split(&mut self, at: &[u8], node: NodeId) -> Result<Handover, RangeError> {
        if self.members.get(node).is_none() {
            return Err(RangeError::NotMember(node));
        }
        self.table.split(at, node)
    }

    /// Joins two neighbours. See [`Table::merge`].
    ///
    /// # Errors
    /// As [`Table::merge`].
    pub fn merge(&mut self, at: &[u8]) -> Result<Handover, RangeError> {
        self.table.merge(at)
    }

    /// Begins anew: one tablet for each member, by number, cut so that each has a part of the `sample` in proportion to
    /// its weight. What a store does when it is filled for the first time ("pre-splitting" in HBase). Where many keys
    /// of the sample are the same, some members get nothing.
    pub fn distribute(&mut self, sample: &[Vec<u8>]) {
        let mut sample = sample.to_vec();
        sample.sort_unstable();
        let whole = self.members.weight().max(1);
        let mut before = 0;
        self.table.tablets.clear();
        for node in self.members.nodes() {
            let rank = sample.len() as u128 * u128::from(before) / u128::from(whole);
            before += u64::from(node.weight);
            let start = usize::try_from(rank).ok().and_then(|rank| sample.get(rank));
            let start = match &self.table.tablets[..] {
                [] => Vec::new(),
                [.., last] => match start {
                    Some(start) if *start > last.start => start.clone(),
                    _ => continue,
                },
            };
            let node = node.id;
            self.table.tablets.push(Tablet { start, node });
        }
    }
}

impl Partitioner for Ranges {
    fn name(&self) -> &'static str {
        "range"
    }

    fn nodes(&self) -> Vec<Node> {
        self.members.nodes().to_vec()
    }

    fn locate(&self, key: &[u8]) -> Option<NodeId> {
        Some(self.table.tablets[self.table.find(key)?].node)
    }

    /// The tablet's node, those of the tablets behind it, around the end, and the members that have no tablet. (Real
    /// stores write down the replicas of each tablet by themselves.)
    fn replicas(&self, key: &[u8], n: usize) -> Vec<NodeId> {
        let at = self.table.find(key).unwrap_or(0);
        let (before, from) = self.table.tablets.split_at(at);
        let with = from.iter().chain(before).map(|tablet| tablet.node);
        let without = self.members.nodes().iter().map(|node| node.id);
        distinct(with.chain(without), self.members.len(), n)
    }

    /// They have no keys until they are given some, except for the first one of all.
    fn add_all(&mut self, nodes: &[Node]) -> Result<(), MembershipError> {
        self.members.add_all(nodes, 0)?;
        if let (true, Some(first)) = (self.table.tablets.is_empty(), nodes.first()) {
            let (start, node) = (Vec::new(), first.id);
            self.table.tablets.push(Tablet { start, node });
        }
        Ok(())
    }

    /// Each of its tablets is taken over by the node of the one before; the first by that of the one behind; if it had
    /// all of them, by the member with the lowest number.
    fn remove(&mut self, id: NodeId) -> Result<(), MembershipError> {
        self.members.remove(id)?;
        let tablets = &mut self.table.tablets;
        let heir = (tablets.iter().map(|tablet| tablet.node))
            .chain(self.members.nodes().iter().map(|node| node.id))
            .find(|node| *node != id);
        let Some(mut heir) = heir else {
            tablets.clear();
            return Ok(());
        };
        for tablet in tablets.iter_mut() {
            if tablet.node == id {
                tablet.node = heir;
            }
            heir = tablet.node;
        }
        Ok(())
    }

    fn memory_bytes(&self) -> usize {
        let starts: usize = (self.table.tablets.iter())
            .map(|tablet| tablet.start.capacity())
            .sum();
        let tablets = self.table.tablets.capacity() * size_of::<Tablet>();
        self.members.memory_bytes() + tablets + starts
    }
}

//! What a leader must know before it answers a read: the ReadIndex of Raft (Ongaro, "Consensus: Bridging Theory and Practice", 2014, section 6.4).
//!
//! A leader's own state is not enough. While it was cut off, the others may have elected a new one and gone on, and it would
//! answer with what was true a minute ago. To append each read to the log would do, at the price of a write. ReadIndex is cheaper:
//!
//! 1. A leader knows what is committed only once an entry of its own term is (section 5.4.2 of the paper); until then it does not answer.
//! 2. It notes its commit index: what was acknowledged to anybody before the read came is not above it.
//! 3. It makes sure that it was still the leader *after* the read had come: a majority answers a heartbeat that was sent since.
//! 4. It waits until its state machine has applied up to the noted index, and answers.
//!
//! One round of heartbeats serves all reads that wait for it. `openraft`, which runs behind `consensus`, does the same inside.

use std::collections::{BTreeMap, BTreeSet};

/// A member's number.
pub type MemberId = u64;

/// What a leader knows of its term and of the reads that wait; told of what happens, it says which reads may be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadIndex {
    /// This member, which leads.
    pub me: MemberId,
    /// Who votes, this member usually among them. Learners are not.
    pub voters: BTreeSet<MemberId>,
    /// The index of the first entry of its term, which it appended when it was elected.
    pub term_start: u64,
    /// The number of the last round of heartbeats that was sent.
    pub round: u64,
    /// Of each other member: the last round that it has answered, in this term.
    pub answered: BTreeMap<MemberId, u64>,
    /// Those that wait, in the order in which they came.
    pub waiting: Vec<Read>,
}

/// A read that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    /// The caller's number for it.
    pub id: u64,
    /// What must be applied before it is answered.
    pub index: u64,
    /// The first round of heartbeats that was sent after it came.
    pub round: u64,
}

impl ReadIndex {
    /// A member is elected, and has appended its term's first entry at `term_start`.
    pub fn new(me: MemberId, voters: impl IntoIterator<Item = MemberId>, term_start: u64) -> Self {
        ReadIndex {
            me,
            voters: voters.into_iter().collect(),
            term_start,
            round: 0,
            answered: BTreeMap::new(),
            waiting: Vec::new(),
        }
    }

    /// A read comes while everything up to `committed` is committed. Whether it waits; if not, it has to be tried again later, since
    /// the leader does not know yet what was committed before its term. Nothing is sent: the next round may serve more of them.
    pub fn ask(&mut self, id: u64, committed: u64) -> bool {
        let _ = (id, committed);
        todo!(
            "raft/read-index: does the leader know what is committed? Then: which index, which round?"
        )
    }

    /// Begins a round; its number goes along with the heartbeats, and comes back with their answers.
    pub fn send_round(&mut self) -> u64 {
        self.round += 1;
        self.round
    }

    /// A member has answered the heartbeat of a round, in this leader's term. (An answer of a later term ends the leadership, and with
    /// it this value.) Answers may come late, and out of order.
    pub fn answer(&mut self, from: MemberId, round: u64) {
        let _ = (from, round);
        todo!("raft/read-index: the latest round counts, whatever order answers come in.")
    }

    /// Takes out the reads that may be answered now that everything up to `applied` is applied, in the order in which they came.
    pub fn ready(&mut self, applied: u64) -> Vec<u64> {
        let _ = applied;
        todo!(
            "raft/read-index: a majority of the voters has answered a round that was sent after the read came, and its index is applied."
        )
    }
}

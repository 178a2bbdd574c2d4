//! A picture of a whole system while it runs: Chandy and Lamport's snapshot.
//!
//! Nobody can photograph all processes at one moment, since there is no such moment. But if each process records its state at a
//! well-chosen time, and what was under way between them is recorded too, the pieces make a *consistent cut*: a state in which the
//! system could have been. No message in it has been received that was not sent. Then the sum of all accounts is right, a deadlock
//! that is seen is one, and a stream processor that is set back to the picture (Flink's checkpoints) has counted every record once.
//!
//! The well-chosen time is told by *markers*. Whoever begins records his state and sends a marker on each outgoing channel, before
//! anything else. A process that gets its first marker records its state at once, and sends markers likewise. From then on it
//! records what each of its other incoming channels brings, until the marker comes there: that was under way. All of it rests on
//! channels that lose nothing and keep their order (TCP, or a numbering as in `tests/sim/link.rs`).
//!
//! Chandy, Lamport: *Distributed Snapshots: Determining Global States of Distributed Systems*, ACM TOCS 3(1), 1985. The rules
//! of section 3.1 are [`Snapshots::start`], [`Snapshots::marker`] and [`Snapshots::message`]. Several snapshots may run at a time, each
//! by its id. Left out on purpose: who collects the pieces, and alignment (Flink holds back channels whose marker has come, so
//! that it need not record them).

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Names a snapshot. Whoever begins one chooses an id that was not used before.
pub type SnapshotId = u64;

/// What one process contributes to a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece<P, S, M> {
    /// What the process was when it recorded itself.
    pub state: S,
    /// What was under way to it, by the process that sent it, in order. Every incoming channel has an entry.
    pub channels: BTreeMap<P, Vec<M>>,
}

/// A piece that is not complete yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording<P, S, M> {
    /// What is known of the piece. Of the channels in `open` it holds what has come so far.
    pub piece: Piece<P, S, M>,
    /// The incoming channels whose marker has not come yet.
    pub open: BTreeSet<P>,
}

/// The part of one process in all snapshots: `P` names processes, `S` is a process's state, `M` a message.
///
/// It does no I/O: the process tells it of each message and marker *before* it acts on it, and sends markers where a method says so.
/// A channel is one direction between two processes; a marker travels in it like a message, and overtakes none.
#[derive(Clone, Debug)]
pub struct Snapshots<P, S, M> {
    /// The processes that have a channel to this one.
    pub incoming: BTreeSet<P>,
    /// The snapshots in which this process has recorded its state and waits for markers.
    pub running: BTreeMap<SnapshotId, Recording<P, S, M>>,
    /// The ids in which its part is done: eight bytes for each, so that a late call does not begin one anew.
    pub done: BTreeSet<SnapshotId>,
    /// Complete pieces that nobody has taken yet.
    pub complete: VecDeque<(SnapshotId, Piece<P, S, M>)>,
}

impl<P: Ord + Clone, S: Clone, M: Clone> Snapshots<P, S, M> {
    /// The part of a process that gets messages from `incoming`.
    pub fn new(incoming: impl IntoIterator<Item = P>) -> Snapshots<P, S, M> {
        Snapshots {
            incoming: incoming.into_iter().collect(),
            running: BTreeMap::new(),
            done: BTreeSet::new(),
            complete: VecDeque::new(),
        }
    }

    /// Begins snapshot `id` at this process, whose state is `state` now.
    ///
    /// Returns whether the process must now send the marker `id` on each of its outgoing channels, before it sends anything else:
    /// true if the id is new here. If it is running or done nothing happens.
    ///
    /// The state is recorded, and every incoming channel is open, with nothing in it so far. A process that has no incoming channels
    /// is complete at once.
    pub fn start(&mut self, id: SnapshotId, state: &S) -> bool {
        let _ = (id, state);
        todo!("clocks/snapshot: record the state, and open all incoming channels.")
    }

    /// The marker `id` has come from `from`; this process's state is `state`, without anything that came after the marker.
    ///
    /// Returns whether the process must now send the marker on, as in [`Snapshots::start`]: true for the first marker of an id of
    /// which it had not heard. The channel that brought it is closed: what was under way there has all come. When the last one is
    /// closed the piece is complete. A marker that comes a second time, or from a process that has no channel to this one, closes
    /// nothing.
    pub fn marker(&mut self, from: &P, id: SnapshotId, state: &S) -> bool {
        let _ = (from, id, state);
        todo!(
            "clocks/snapshot: the first marker starts the snapshot here; each closes its channel."
        )
    }

    /// A message has come from `from`, and the process has not acted on it yet.
    ///
    /// It belongs to every snapshot that runs here and has this channel open: it was sent before the sender recorded its state,
    /// and comes after this process recorded its own.
    pub fn message(&mut self, from: &P, message: &M) {
        let _ = (from, message);
        todo!("clocks/snapshot: write it down in each snapshot in which it was under way.")
    }

    /// Moves the piece of snapshot `id` to the complete ones, if no channel is open any more.
    pub fn finish_if_complete(&mut self, id: SnapshotId) {
        if let Some(recording) = self.running.get(&id)
            && recording.open.is_empty()
            && let Some(recording) = self.running.remove(&id)
        {
            self.done.insert(id);
            self.complete.push_back((id, recording.piece));
        }
    }

    /// Takes a complete piece, the oldest first.
    pub fn take_complete(&mut self) -> Option<(SnapshotId, Piece<P, S, M>)> {
        self.complete.pop_front()
    }

    /// From whom the marker of a running snapshot is still to come; empty if it does not run here.
    pub fn waits_for(&self, id: SnapshotId) -> Vec<P> {
        let recording = self.running.get(&id);
        recording.map_or(Vec::new(), |recording| {
            recording.open.iter().cloned().collect()
        })
    }
}

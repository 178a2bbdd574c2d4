//! What a cluster agrees on: commands, and a machine that carries them out one after the other (the paper's section 2).
//!
//! If every member begins with the same state and applies the same commands in the same order, all have the same state. So a machine is
//! deterministic: it looks at no clock and draws nothing. What a command needs of the world stands in the command.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A replicated state machine. It is behind one lock, which those that read share with [`apply`](StateMachine::apply).
pub trait StateMachine: Send + Sync + 'static {
    /// What is replicated. It is encoded once, by whom it is proposed to.
    type Command: Serialize + DeserializeOwned + Send + Sync + 'static;
    /// What the proposer gets. It does not leave the member.
    type Response: Send + Sync + 'static;
    /// A snapshot that is being read.
    type Snapshot: Send + Sync + 'static;

    /// Carries out a command, which stands at this index of the log. Indexes rise, with gaps: not every entry is a command.
    fn apply(&mut self, index: u64, command: Self::Command) -> Self::Response;

    /// Begins a snapshot of the state as it is now.
    fn begin_snapshot(&self) -> Self::Snapshot;

    /// The next chunk of a snapshot, some 100 kB; none behind the last one. Commands are applied between two calls, and the snapshot is still
    /// that of the state as it was when it was begun. It is dropped when it has been read, or is not wanted any more.
    fn next_chunk(&self, snapshot: &mut Self::Snapshot) -> Option<Vec<u8>>;

    /// Replaces the whole state by that of a snapshot.
    ///
    /// # Errors
    /// Why the chunks are no snapshot, or the error of one of them. The state may be anything then; the member ends.
    fn restore(
        &mut self,
        chunks: &mut dyn Iterator<Item = Result<Vec<u8>, String>>,
    ) -> Result<(), String>;
}

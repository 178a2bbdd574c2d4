//! The capstone: a replica of a store that always takes writes, from an empty file ([`replica`]).
//!
//! Some replicas hold the same keys. Clients read and write at any of them, also while they cannot hear each other; now and then
//! a replica sends another one all that it knows. It is the heart of Dynamo and Riak, without what makes them large: no ring, no
//! quorums, no disks. You choose the state; it is judged by what clients read alone.
//!
//! # What it may count on
//!
//! - All replicas are known from the beginning. They do not crash.
//! - A client that writes hands back the [`Context`] of a read of the same key, at any replica, or an empty one if it has read
//!   nothing. It may be an old one, handed back more than once. A client cannot look into it.
//! - A message of [`Replica::gossip`] may get lost, arrive twice, late, and after ones that were sent later. One that arrives is whole.
//!
//! # What counts
//!
//! A write *overwrites* those that its client had read: all writes of the key that were known to the replica that he read from, when
//! he read. A delete overwrites as a write does, but leaves no value. Two writes of which neither overwrites the other are *concurrent*.
//!
//! A replica *knows* a write once it has taken it from a client, once it has received a message from a replica that knew it when it
//! sent the message, and once it has taken a write that overwrites it.
//!
//! # The rules
//!
//! 1. A write that was taken is read at once at that replica.
//! 2. A write takes away nothing that it does not overwrite: what the client had not read stays, as a sibling.
//! 3. A write takes away what it overwrites. Two clients that replace their own values in turn leave two values and not hundreds.
//! 4. A message takes away nothing that no write known to its sender overwrites.
//! 5. A message takes away what its sender knows to be overwritten.
//! 6. A message brings all values that its sender had, but for those known here to be overwritten.
//! 7. A message brings nothing back that is known here to be overwritten, or to be deleted.
//! 8. A read has each value once, and none that nobody has written.
//! 9. A context has at most as many numbers as there are replicas, and two more, whatever was written by whomever.
//! 10. A message has, for each key that was ever written, at most 2·(r + 1) numbers for r replicas, and as many again for each
//!     value that is read there; and it has no text but keys and values.
//! 11. Once messages arrive again, all replicas read the same: exactly the writes that no other one overwrites.
//!
//! 1 to 8 together say that a replica reads exactly the writes it knows that no write it knows overwrites.

pub mod replica;

/// The name of a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplicaId(pub u32);

/// What a client has read, as the replica says it to itself. Clients only keep it and hand it back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context(pub Vec<u64>);

/// A piece of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    /// A counter, a replica, how many pieces follow: what you like.
    Number(u64),
    /// A key or a value.
    Text(String),
}

/// What one replica sends to another one. You choose what stands where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message(pub Vec<Field>);

// ANCHOR: trait
/// What you write; [`replica::replica`] returns it.
pub trait Replica {
    /// The values of a key, in any order, and the context to hand back with the write that replaces them. Also a key without
    /// values has a context: it may have been deleted.
    fn read(&self, key: &str) -> (Vec<String>, Context);

    /// A client writes a value, or deletes (`None`), having read `context`.
    fn write(&mut self, key: &str, context: &Context, value: Option<&str>);

    /// All that it knows, for another replica.
    fn gossip(&self) -> Message;

    /// A message has arrived. One that makes no sense is to be ignored, and must not panic.
    fn receive(&mut self, message: &Message);
}
// ANCHOR_END: trait

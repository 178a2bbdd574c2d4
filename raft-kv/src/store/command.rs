//! What is asked of the store, and what it answers: etcd's messages (`etcdserverpb`) as plain types. [`Command`] is what is replicated.
//!
//! A command holds all that its effect depends on, ids that were drawn included, so that every member that applies it comes to the same state.

use serde::{Deserialize, Serialize};

use super::bytes::Bytes;
use super::error::StoreError;
use super::key_range::KeyRange;

/// A lease's id; 0 is none.
pub type LeaseId = i64;

/// A change of the store, as it stands in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Writes a key.
    Put(PutRequest),
    /// Deletes keys.
    DeleteRange(DeleteRangeRequest),
    /// Does several things at once, or none.
    Txn(TxnRequest),
    /// Forgets what was before a revision.
    Compact(i64),
    /// Grants a lease.
    LeaseGrant {
        /// Drawn by the proposer where the client gave none.
        id: LeaseId,
        /// Seconds.
        ttl: i64,
    },
    /// Ends a lease, and deletes its keys: a client asked, or the leader found it expired.
    LeaseRevoke(LeaseId),
    /// Turns an alarm of a member on or off.
    Alarm {
        /// Whose.
        member: u64,
        /// Which.
        alarm: AlarmType,
        /// On or off. `AlarmType::None` turns all of the member's off; etcd has no name for all members, so the shell proposes one command for each.
        on: bool,
    },
}

/// What the proposer of a [`Command`] gets.
pub type Response = Result<Reply, StoreError>;

/// The answer to each kind of [`Command`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// To [`Command::Put`].
    Put(PutResponse),
    /// To [`Command::DeleteRange`].
    DeleteRange(DeleteRangeResponse),
    /// To [`Command::Txn`].
    Txn(TxnResponse),
    /// To the others: the store's revision behind it.
    Done {
        /// For the header.
        revision: i64,
    },
    /// To [`Command::Alarm`]: the alarm that was turned on or off, if one was.
    Alarm(Option<(u64, AlarmType)>),
}

/// A key with its value, and its place in history (`mvccpb.KeyValue`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyValue {
    /// The key.
    pub key: Bytes,
    /// The revision that made the key, after it was last deleted.
    pub create_revision: i64,
    /// The revision of this version.
    pub mod_revision: i64,
    /// How many times it was written since it was made, from 1.
    pub version: i64,
    /// The value.
    pub value: Bytes,
    /// The lease that the key goes with; 0 is none.
    pub lease: LeaseId,
}

/// What a range is sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SortTarget {
    /// The key.
    #[default]
    Key,
    /// [`KeyValue::version`].
    Version,
    /// [`KeyValue::create_revision`].
    Create,
    /// [`KeyValue::mod_revision`].
    Mod,
    /// The value.
    Value,
}

/// In which order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SortOrder {
    /// By key; ascending where the target is another one.
    #[default]
    None,
    /// The least first.
    Ascend,
    /// The greatest first.
    Descend,
}

/// Reads keys. All numbers: 0 is no limit, and the current revision.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RangeRequest {
    /// Which.
    pub range: KeyRange,
    /// At most so many.
    pub limit: i64,
    /// As of this revision.
    pub revision: i64,
    /// The order; a limit comes after it.
    pub sort_order: SortOrder,
    /// By what.
    pub sort_target: SortTarget,
    /// Without values.
    pub keys_only: bool,
    /// How many there are, and nothing else.
    pub count_only: bool,
    /// Only versions from this revision on.
    pub min_mod_revision: i64,
    /// Only versions up to this revision.
    pub max_mod_revision: i64,
    /// Only keys made from this revision on.
    pub min_create_revision: i64,
    /// Only keys made up to this revision.
    pub max_create_revision: i64,
}

/// What a range found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RangeResponse {
    /// The store's revision.
    pub revision: i64,
    /// What was asked for.
    pub kvs: Vec<KeyValue>,
    /// Whether the limit left some out.
    pub more: bool,
    /// How many keys there are in the range, whatever the limit and the filters.
    pub count: i64,
}

/// Writes a key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutRequest {
    /// Which.
    pub key: Bytes,
    /// What.
    pub value: Bytes,
    /// The lease that it goes with; 0 is none.
    pub lease: LeaseId,
    /// Answer with what was there.
    pub prev_kv: bool,
    /// Keep the value that is there.
    pub ignore_value: bool,
    /// Keep the lease that is there.
    pub ignore_lease: bool,
}

/// What a put did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutResponse {
    /// The revision that it made.
    pub revision: i64,
    /// What was there, if that was asked for.
    pub prev_kv: Option<KeyValue>,
}

/// Deletes keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteRangeRequest {
    /// Which.
    pub range: KeyRange,
    /// Answer with what was there.
    pub prev_kv: bool,
}

/// What a deletion did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteRangeResponse {
    /// The revision that it made, or the store's where there was nothing to delete.
    pub revision: i64,
    /// How many keys were there.
    pub deleted: i64,
    /// What was there, if that was asked for.
    pub prev_kvs: Vec<KeyValue>,
}

/// If all comparisons hold, do these operations, else those. All see what those before them did; comparisons see what was there before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TxnRequest {
    /// What has to hold.
    pub compare: Vec<Compare>,
    /// What is done then.
    pub success: Vec<Op>,
    /// What is done otherwise.
    pub failure: Vec<Op>,
}

/// An operation of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Op {
    /// Reads.
    Range(RangeRequest),
    /// Writes.
    Put(PutRequest),
    /// Deletes.
    DeleteRange(DeleteRangeRequest),
    /// Decides again. Its comparisons, too, see what was there before the whole transaction.
    Txn(TxnRequest),
}

/// What a transaction did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TxnResponse {
    /// The store's revision behind it.
    pub revision: i64,
    /// Whether the comparisons held.
    pub succeeded: bool,
    /// An answer to each operation that was done.
    pub responses: Vec<OpResponse>,
}

/// The answer to an [`Op`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OpResponse {
    /// To [`Op::Range`].
    Range(RangeResponse),
    /// To [`Op::Put`].
    Put(PutResponse),
    /// To [`Op::DeleteRange`].
    DeleteRange(DeleteRangeResponse),
    /// To [`Op::Txn`].
    Txn(TxnResponse),
}

/// A condition on a key, or on each key of a range.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compare {
    /// Which keys.
    pub range: KeyRange,
    /// What of them is compared, with what.
    pub target: CompareTarget,
    /// How.
    pub result: CompareResult,
}

/// What of a key is compared, and what it is compared with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CompareTarget {
    /// [`KeyValue::version`]; 0 of a key that is not there.
    Version(i64),
    /// [`KeyValue::create_revision`]; 0 of a key that is not there.
    Create(i64),
    /// [`KeyValue::mod_revision`]; 0 of a key that is not there.
    Mod(i64),
    /// The value. No comparison with the value of a key that is not there holds.
    Value(Bytes),
    /// [`KeyValue::lease`]; 0 of a key that is not there.
    Lease(LeaseId),
}

/// How what is there has to compare with what is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CompareResult {
    /// `=`.
    Equal,
    /// `>`: what is there is greater.
    Greater,
    /// `<`: what is there is less.
    Less,
    /// `≠`.
    NotEqual,
}

/// What may be wrong with a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum AlarmType {
    /// Any.
    None,
    /// Its quota is used up: nothing that needs room is taken.
    NoSpace,
    /// Its data is not what the others have: nothing is read or written.
    Corrupt,
}

/// What happened to a key (`mvccpb.Event`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Whether it was written or deleted.
    pub kind: EventKind,
    /// What is there now. Of a deleted key: the key, and the revision of its deletion.
    pub kv: KeyValue,
    /// What was there before the revision; none if nothing was, or if it has been compacted.
    pub prev_kv: Option<KeyValue>,
}

/// A put or a deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// A put.
    Put,
    /// A deletion, also one with a lease.
    Delete,
}

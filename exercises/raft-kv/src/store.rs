//! The store: what the cluster agrees on. Commands come out of the log one after the other, and every member that applies the same ones holds the
//! same, hash for hash (etcd's `applierV3`, `mvcc` and the replicated part of its `lessor`).
//!
//! Everything is in memory. What makes it durable is the log in front of it, and the snapshots that it writes of itself.
//!
//! Reading order: [`command`], what is asked and answered; [`history`], the versions of one key; [`mvcc`], all keys, reads at a revision,
//! compaction; [`range`], [`txn`]; [`snapshot`]; [`hash`]. Leases expire in [`crate::lease`], watchers hear in [`crate::watch`].
//!
//! A read that is long should not stop writers: [`Store::begin_range`], [`Store::begin_hash`] and [`Store::begin_snapshot`] go in steps, each under the lock for a
//! short while, and come to what one step at the beginning would have.

pub mod bytes;
mod check;
pub mod command;
pub mod error;
pub mod hash;
pub mod history;
pub mod key_range;
mod leases;
pub mod mvcc;
mod pins;
pub mod range;
pub mod snapshot;
pub mod txn;

use std::collections::BTreeSet;

pub use bytes::Bytes;
pub use command::{
    AlarmType, Command, Compare, CompareResult, CompareTarget, DeleteRangeRequest,
    DeleteRangeResponse, Event, EventKind, KeyValue, LeaseId, Op, OpResponse, PutRequest,
    PutResponse, RangeRequest, RangeResponse, Reply, Response, SortOrder, SortTarget, TxnRequest,
    TxnResponse,
};
pub use error::StoreError;
pub use hash::{HashKv, HashScan};
pub use key_range::KeyRange;
pub use leases::Lease;
pub use range::RangeScan;
pub use snapshot::{Snapshot, SnapshotError};

use leases::Leases;
use mvcc::Mvcc;

/// etcd's default for `--quota-backend-bytes`.
pub const QUOTA_BYTES_DEFAULT: u64 = 2 << 30;

/// The replicated state: keys, leases, alarms.
#[derive(Debug)]
pub struct Store {
    mvcc: Mvcc,
    leases: Leases,
    alarms: BTreeSet<(u64, AlarmType)>,
    /// The index of the last command that was applied.
    applied: u64,
    /// What happened since [`Store::take_events`].
    events: Vec<Event>,
    /// This member's own setting: not replicated.
    quota_bytes: u64,
}

impl Default for Store {
    fn default() -> Store {
        Store::new(QUOTA_BYTES_DEFAULT)
    }
}

impl Store {
    /// An empty store at revision 1, with a quota in bytes.
    pub fn new(quota_bytes: u64) -> Store {
        Store {
            mvcc: Mvcc::default(),
            leases: Leases::default(),
            alarms: BTreeSet::new(),
            applied: 0,
            events: Vec::new(),
            quota_bytes,
        }
    }

    /// Applies the command with this index of the log. Indexes ascend, with gaps where the log holds other things.
    ///
    /// # Errors
    /// What the command comes to; then it changed nothing. `AppliedBefore` where the index is not behind the last one.
    pub fn apply(&mut self, index: u64, command: Command) -> Response {
        let _ = (index, command);
        todo!("raft/apply: each index once, whether it comes to something or to an error.")
    }

    /// Does what a command says, alarms or no alarms.
    #[allow(dead_code, reason = "nobody calls it before the exercise is done")]
    fn execute(&mut self, command: Command) -> Response {
        command.check_again()?;
        match command {
            Command::Put(request) => {
                self.leases.check(request.lease)?;
                let mut write = self.mvcc.write(&mut self.leases);
                let response = write.put_request(&request)?;
                self.events.extend(write.end());
                Ok(Reply::Put(response))
            }
            Command::DeleteRange(request) => {
                let mut write = self.mvcc.write(&mut self.leases);
                let response = write.delete_request(&request);
                self.events.extend(write.end());
                Ok(Reply::DeleteRange(response))
            }
            Command::Txn(request) => {
                let (response, events) = txn::apply(&mut self.mvcc, &mut self.leases, &request);
                self.events.extend(events);
                Ok(Reply::Txn(response?))
            }
            Command::Compact(revision) => {
                self.mvcc.compact(revision)?;
                Ok(self.done())
            }
            Command::LeaseGrant { id, ttl } => {
                self.leases.grant(id, ttl)?;
                Ok(self.done())
            }
            Command::LeaseRevoke(id) => {
                let keys = self.leases.revoke(id)?;
                let mut write = self.mvcc.write(&mut self.leases);
                for key in keys {
                    write.delete_range(&KeyRange::single(key));
                }
                self.events.extend(write.end());
                Ok(self.done())
            }
            Command::Alarm { member, alarm, on } => {
                let changed = if on {
                    self.alarms.insert((member, alarm))
                } else {
                    self.alarms.remove(&(member, alarm))
                };
                Ok(Reply::Alarm((on || changed).then_some((member, alarm))))
            }
        }
    }

    fn done(&self) -> Reply {
        let revision = self.mvcc.revision();
        Reply::Done { revision }
    }

    /// What an alarm forbids. It is replicated, so all members refuse the same commands.
    #[allow(dead_code, reason = "nobody calls it before the exercise is done")]
    fn check_alarms(&self, command: &Command) -> Result<(), StoreError> {
        let is_on = |alarm| self.alarms.iter().any(|(_, on)| *on == alarm);
        match command {
            Command::Alarm { .. } => Ok(()),
            _ if is_on(AlarmType::Corrupt) => Err(StoreError::Corrupt),
            _ if command.cost() > 0 && is_on(AlarmType::NoSpace) => Err(StoreError::NoSpace),
            _ => Ok(()),
        }
    }

    /// Whether there is room for a command. A member asks before it proposes, and where there is none raises the alarm
    /// (`Command::Alarm`); members need not agree on this.
    ///
    /// # Errors
    /// `NoSpace`.
    pub fn check_quota(&self, command: &Command) -> Result<(), StoreError> {
        let cost = command.cost();
        let fits = cost == 0 || self.mvcc.bytes() + cost < self.quota_bytes;
        fits.then_some(()).ok_or(StoreError::NoSpace)
    }

    /// What was changed since this was last called, in order: for [`crate::watch::WatchHub::notify`].
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// The index of the last command that was applied.
    pub fn applied(&self) -> u64 {
        self.applied
    }

    /// The last revision; 1 before the first write.
    pub fn revision(&self) -> i64 {
        self.mvcc.revision()
    }

    /// The revision of the last compaction; −1 before the first.
    pub fn compacted(&self) -> i64 {
        self.mvcc.compacted()
    }

    /// How many keys there are, those included of which only old versions are left (etcd counts them alike).
    pub fn keys(&self) -> usize {
        self.mvcc.keys.len()
    }

    /// What keys and values take of the quota, in bytes.
    pub fn bytes(&self) -> u64 {
        self.mvcc.bytes()
    }

    /// All versions: for reads that this type has no method for.
    pub fn mvcc(&self) -> &Mvcc {
        &self.mvcc
    }

    /// Reads in one step.
    ///
    /// # Errors
    /// `EmptyKey`, `Compacted`, `FutureRevision`, `Corrupt`.
    pub fn range(&self, request: &RangeRequest) -> Result<RangeResponse, StoreError> {
        self.check_readable()?;
        request.check()?;
        self.mvcc.range(request)
    }

    /// Begins a range that may be long; [`Store::step`] goes on with it.
    ///
    /// # Errors
    /// As [`Store::range`].
    pub fn begin_range(&self, request: &RangeRequest) -> Result<RangeScan, StoreError> {
        self.check_readable()?;
        request.check()?;
        let (revision, compacted) = (self.mvcc.revision(), self.mvcc.compacted());
        let mut scan = RangeScan::begin(request.clone(), revision, compacted)?;
        scan.pin = Some(self.mvcc.pin(scan.at()));
        Ok(scan)
    }

    /// Looks at up to `keys_max` keys more; says whether those were all, so that [`RangeScan::finish`] has the answer.
    ///
    /// # Errors
    /// `Compacted` where the store was restored meanwhile, and what is being read is not in it any more: begin again.
    pub fn step(&self, scan: &mut RangeScan, keys_max: usize) -> Result<bool, StoreError> {
        let is_kept = scan.pin.as_ref().is_some_and(|pin| self.mvcc.holds(pin));
        if !is_kept && scan.at() < self.mvcc.compacted() {
            return Err(StoreError::Compacted);
        }
        Ok(scan.step(&self.mvcc, keys_max.max(1)))
    }

    /// Does a transaction that only reads ([`TxnRequest::is_read_only`]).
    ///
    /// # Errors
    /// As [`Store::range`].
    pub fn read_txn(&self, request: &TxnRequest) -> Result<TxnResponse, StoreError> {
        self.check_readable()?;
        self.mvcc.read_txn(request)
    }

    fn check_readable(&self) -> Result<(), StoreError> {
        let corrupt = (self.alarms.iter()).any(|(_, alarm)| *alarm == AlarmType::Corrupt);
        (!corrupt).then_some(()).ok_or(StoreError::Corrupt)
    }

    /// etcd's `HashKV`, in one step: see [`hash`].
    ///
    /// # Errors
    /// `Compacted`, `FutureRevision`.
    pub fn hash_kv(&self, revision: i64) -> Result<HashKv, StoreError> {
        let mut scan = self.begin_hash(revision)?;
        while !self.step_hash(&mut scan, usize::MAX)? {}
        Ok(scan.finish())
    }

    /// Begins a hash that may take long; [`Store::step_hash`] goes on with it.
    ///
    /// # Errors
    /// As [`Store::hash_kv`].
    pub fn begin_hash(&self, revision: i64) -> Result<HashScan, StoreError> {
        HashScan::begin(&self.mvcc, revision)
    }

    /// Looks at up to `keys_max` keys more; says whether those were all, so that [`HashScan::finish`] has the answer.
    ///
    /// # Errors
    /// `Compacted` where the store was restored meanwhile, with another compaction: begin again.
    pub fn step_hash(&self, scan: &mut HashScan, keys_max: usize) -> Result<bool, StoreError> {
        if !scan.can_go_on(&self.mvcc) {
            return Err(StoreError::Compacted);
        }
        Ok(scan.step(&self.mvcc, keys_max.max(1)))
    }

    /// A hash over everything that is replicated (etcd's `Hash`, which is over its file, so the numbers differ).
    pub fn hash(&self) -> u32 {
        let kv = self.hash_kv(0).map_or(0, |kv| kv.hash);
        let rest = (
            kv,
            self.mvcc.compacted(),
            self.leases.iter().collect::<Vec<_>>(),
            &self.alarms,
        );
        crc32c::crc32c(&postcard::to_stdvec(&rest).unwrap_or_default())
    }

    /// Gives back some of what compactions made obsolete; says whether more is left. For the shell to call again and again after a
    /// compaction, with others in between.
    pub fn scrub(&mut self, changes_max: usize) -> bool {
        self.mvcc.scrub(changes_max)
    }

    /// A granted lease.
    pub fn lease(&self, id: LeaseId) -> Option<&Lease> {
        self.leases.get(id)
    }

    /// All granted leases and their TTLs in seconds, by id.
    pub fn leases(&self) -> impl Iterator<Item = (LeaseId, i64)> + '_ {
        self.leases.iter()
    }

    /// All alarms that are on, and of which member.
    pub fn alarms(&self) -> impl Iterator<Item = (u64, AlarmType)> + '_ {
        self.alarms.iter().copied()
    }
}

//! Who is writing which file, and how long that counts (`LeaseManager`).
//!
//! A file has one writer. A writer that dies says nothing, so his right to write is a *lease* (Gray and Cheriton, "Leases: An
//! Efficient Fault-Tolerant Mechanism for Distributed File Cache Consistency", SOSP 1989): it counts while he renews
//! it. One lease covers all files of a client, so that one small call renews them all, however many he is writing. Two
//! limits end it:
//!
//! - after the *soft limit* another client that wants the file may have it closed, and then take it over;
//! - after the *hard limit* the NameNode itself has it closed, even if nobody wants it.
//!
//! Leases name files by inode, so a rename needs nothing here. They are not durable: which files are open, and who writes
//! each, is in the namespace. After a restart every lease counts as renewed just then, since nobody could renew
//! anything while the NameNode was away.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use node::Time;

use crate::block::InodeId;

/// The holder of files whose writer is gone, until they are closed (`NAMENODE_LEASE_HOLDER`). No client may bear the name.
pub const NAMENODE_HOLDER: &str = "HDFS_NameNode";

/// What one client writes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lease {
    /// When it was last renewed.
    pub renewed: Time,
    /// The files that it covers; at least one.
    pub files: BTreeSet<InodeId>,
}

/// What a client may do with a file that he wants to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Nobody is writing it.
    Free,
    /// He is writing it himself.
    Own,
    /// Another one is, and within his soft limit.
    Held {
        /// Who.
        holder: String,
    },
    /// Another one is, but has not renewed his lease within the soft limit: the file may be taken from him.
    Expired {
        /// Who.
        holder: String,
    },
}

/// All leases.
#[derive(Clone, Debug)]
pub struct LeaseManager {
    soft_limit: Duration,
    hard_limit: Duration,
    /// By holder. A lease without files is dropped.
    leases: BTreeMap<String, Lease>,
    /// Who holds each open file: the other side of `leases`.
    holders: BTreeMap<InodeId, String>,
}

impl LeaseManager {
    /// No lease yet. The soft limit is a minute in HDFS, the hard limit twenty.
    pub fn new(soft_limit: Duration, hard_limit: Duration) -> LeaseManager {
        LeaseManager {
            soft_limit,
            hard_limit,
            leases: BTreeMap::new(),
            holders: BTreeMap::new(),
        }
    }

    /// `holder` writes `file` from now on, and nobody else does: if another one held it, it is taken from his lease, and the
    /// rest of his files stay as they are. It counts as a renewal of all that `holder` writes (`addLease`, `reassignLease`).
    pub fn add(&mut self, holder: &str, file: InodeId, now: Time) {
        // EXERCISE(hdfs/leases): take the file from whoever had it, then both sides must know of it.
        self.remove(file);
        let lease = self.leases.entry(holder.to_owned()).or_default();
        lease.renewed = now;
        lease.files.insert(file);
        self.holders.insert(file, holder.to_owned());
    }

    /// `holder` lives: all his files count as renewed now. Nothing happens if he has none (`renewLease`).
    pub fn renew(&mut self, holder: &str, now: Time) {
        // EXERCISE(hdfs/leases): one call for all files of a client, and no lease for those who write nothing.
        if let Some(lease) = self.leases.get_mut(holder) {
            lease.renewed = now;
        }
    }

    /// Nobody writes `file` any more: it was closed or deleted. A lease that covers no other file is dropped. Nothing
    /// happens if nobody wrote it (`removeLease`).
    pub fn remove(&mut self, file: InodeId) {
        // EXERCISE(hdfs/leases): out of the lease, out of the index, and nothing empty stays.
        let Some(holder) = self.holders.remove(&file) else {
            return;
        };
        if let Some(lease) = self.leases.get_mut(&holder) {
            lease.files.remove(&file);
            if lease.files.is_empty() {
                self.leases.remove(&holder);
            }
        }
    }

    /// What `client` may do with `file`. A lease that was last renewed exactly one soft limit ago still counts.
    pub fn claim(&self, file: InodeId, client: &str, now: Time) -> Claim {
        // EXERCISE(hdfs/leases): whose is it, and since when has he been silent?
        let Some(holder) = self.holders.get(&file) else {
            return Claim::Free;
        };
        if holder == client {
            return Claim::Own;
        }
        let renewed = self.leases.get(holder).map(|lease| lease.renewed);
        let silent = renewed.is_none_or(|at| now.since(at) > self.soft_limit);
        let holder = holder.clone();
        if silent {
            Claim::Expired { holder }
        } else {
            Claim::Held { holder }
        }
    }

    /// The files of all leases that were last renewed longer than one hard limit ago: those of the client that has been silent
    /// the longest first, each client's in the order of their ids. They stay where they are (`checkLeases`).
    pub fn over_hard_limit(&self, now: Time) -> Vec<InodeId> {
        // EXERCISE(hdfs/leases): which leases are over the limit, and in which order do their files come?
        let silent = |lease: &&Lease| now.since(lease.renewed) > self.hard_limit;
        let mut over: Vec<&Lease> = self.leases.values().filter(silent).collect();
        over.sort_by_key(|lease| lease.renewed);
        let files = over.into_iter().flat_map(|lease| &lease.files);
        files.copied().collect()
    }

    /// Who writes `file`.
    pub fn holder(&self, file: InodeId) -> Option<&str> {
        self.holders.get(&file).map(String::as_str)
    }

    /// What `holder` writes; none if he writes nothing.
    pub fn lease(&self, holder: &str) -> Option<&Lease> {
        self.leases.get(holder)
    }

    /// The soft and the hard limit.
    pub fn limits(&self) -> (Duration, Duration) {
        (self.soft_limit, self.hard_limit)
    }

    /// How many clients write something, the NameNode included.
    pub fn len(&self) -> usize {
        self.leases.len()
    }

    /// Whether nobody writes anything.
    pub fn is_empty(&self) -> bool {
        self.leases.is_empty()
    }
}

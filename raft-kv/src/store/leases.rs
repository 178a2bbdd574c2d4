//! Which leases there are, and which keys go with them: the part of leases that is replicated (etcd's `lessor` without its clock).
//! When a lease is over, the leader alone decides: [`crate::lease`].

use std::collections::{BTreeMap, BTreeSet};

use super::bytes::Bytes;
use super::command::LeaseId;
use super::error::StoreError;
use crate::lease::TTL_SECONDS_MAX;

/// A granted lease.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lease {
    /// How long it lasts without a keep-alive, in seconds.
    pub ttl: i64,
    /// The keys that are deleted with it.
    pub keys: BTreeSet<Bytes>,
}

/// All granted leases.
#[derive(Debug, Default)]
pub(super) struct Leases {
    granted: BTreeMap<LeaseId, Lease>,
}

impl Leases {
    pub(super) fn grant(&mut self, id: LeaseId, ttl: i64) -> Result<(), StoreError> {
        if id == 0 {
            return Err(StoreError::LeaseNotFound);
        }
        if ttl > TTL_SECONDS_MAX {
            return Err(StoreError::LeaseTtlTooLarge);
        }
        if self.granted.contains_key(&id) {
            return Err(StoreError::LeaseExists);
        }
        let keys = BTreeSet::new();
        self.granted.insert(id, Lease { ttl, keys });
        Ok(())
    }

    /// The lease's keys, in order, for the caller to delete.
    pub(super) fn revoke(&mut self, id: LeaseId) -> Result<BTreeSet<Bytes>, StoreError> {
        let lease = self.granted.remove(&id).ok_or(StoreError::LeaseNotFound)?;
        Ok(lease.keys)
    }

    /// Whether a key may go with `id`: it is granted, or none.
    pub(super) fn check(&self, id: LeaseId) -> Result<(), StoreError> {
        let known = id == 0 || self.granted.contains_key(&id);
        known.then_some(()).ok_or(StoreError::LeaseNotFound)
    }

    /// The key goes with another lease now; 0 is none.
    pub(super) fn attach(&mut self, key: &Bytes, from: LeaseId, to: LeaseId) {
        if from != to
            && let Some(lease) = self.granted.get_mut(&from)
        {
            lease.keys.remove(key);
        }
        if let Some(lease) = self.granted.get_mut(&to) {
            lease.keys.insert(key.clone());
        }
    }

    pub(super) fn get(&self, id: LeaseId) -> Option<&Lease> {
        self.granted.get(&id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (LeaseId, i64)> + '_ {
        self.granted.iter().map(|(id, lease)| (*id, lease.ttl))
    }
}

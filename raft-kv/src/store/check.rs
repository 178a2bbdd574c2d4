//! What is refused before it is replicated, since it makes no sense whatever the store holds (etcd's `v3rpc/key.go`).

use std::collections::BTreeSet;

use super::command::{Command, Op, PutRequest, RangeRequest, TxnRequest};
use super::error::StoreError;
use super::key_range::KeyRange;

impl RangeRequest {
    /// # Errors
    /// `EmptyKey`.
    pub fn check(&self) -> Result<(), StoreError> {
        has_key(&self.range.key)
    }
}

impl TxnRequest {
    /// # Errors
    /// Of each of its parts, `TooManyOps`, `DuplicateKey`.
    pub fn check(&self, ops_max: usize) -> Result<(), StoreError> {
        self.check_parts(ops_max)?;
        // Behind the limit on their number, since it compares each with each.
        self.check_overlaps()
    }

    fn check_parts(&self, ops_max: usize) -> Result<(), StoreError> {
        let count = self.compare.len().max(self.success.len());
        let count = count.max(self.failure.len());
        let left = ops_max.checked_sub(count).ok_or(StoreError::TooManyOps)?;
        for compare in &self.compare {
            has_key(&compare.range.key)?;
        }
        for op in self.success.iter().chain(&self.failure) {
            match op {
                Op::Range(range) => range.check()?,
                Op::Put(put) => put.check()?,
                Op::DeleteRange(delete) => has_key(&delete.range.key)?,
                Op::Txn(txn) => txn.check_parts(left)?,
            }
        }
        Ok(())
    }

    /// No way through the transaction writes a key twice.
    fn check_overlaps(&self) -> Result<(), StoreError> {
        Written::by(&self.success)?;
        Written::by(&self.failure)?;
        Ok(())
    }
}

impl PutRequest {
    fn check(&self) -> Result<(), StoreError> {
        has_key(&self.key)?;
        if self.ignore_value && !self.value.is_empty() {
            return Err(StoreError::ValueProvided);
        }
        if self.ignore_lease && self.lease != 0 {
            return Err(StoreError::LeaseProvided);
        }
        Ok(())
    }
}

impl Command {
    /// What can be said of a command before it is proposed. `ops_max` is `--max-txn-ops`.
    ///
    /// # Errors
    /// Those of the request, with etcd's names.
    pub fn check(&self, ops_max: usize) -> Result<(), StoreError> {
        match self {
            Command::Put(put) => put.check(),
            Command::DeleteRange(delete) => has_key(&delete.range.key),
            Command::Txn(txn) => txn.check(ops_max),
            _ => Ok(()),
        }
    }

    /// What would spoil the store: that a revision changes a key twice, or makes one without a name.
    pub(super) fn check_again(&self) -> Result<(), StoreError> {
        match self {
            Command::Txn(txn) => txn.check(usize::MAX),
            other => other.check(usize::MAX),
        }
    }
}

fn has_key(key: &[u8]) -> Result<(), StoreError> {
    (!key.is_empty()).then_some(()).ok_or(StoreError::EmptyKey)
}

/// What some operations may write.
#[derive(Default)]
struct Written<'a> {
    puts: BTreeSet<&'a [u8]>,
    deletes: Vec<&'a KeyRange>,
}

impl<'a> Written<'a> {
    /// The operations of one branch: their own deletions first, then nested transactions in their order, then their own puts.
    fn by(ops: &'a [Op]) -> Result<Written<'a>, StoreError> {
        let mut written = Written::default();
        for op in ops {
            if let Op::DeleteRange(delete) = op {
                written.deletes.push(&delete.range);
            }
        }
        for op in ops {
            if let Op::Txn(txn) = op {
                let (success, failure) = (Written::by(&txn.success)?, Written::by(&txn.failure)?);
                // One of the two branches is taken, so a key may be in both.
                let either: BTreeSet<&[u8]> = success.puts.union(&failure.puts).copied().collect();
                for key in either {
                    written.put(key)?;
                }
                written.deletes.extend(success.deletes);
                written.deletes.extend(failure.deletes);
            }
        }
        for op in ops {
            if let Op::Put(put) = op {
                written.put(&put.key)?;
            }
        }
        Ok(written)
    }

    fn put(&mut self, key: &'a [u8]) -> Result<(), StoreError> {
        let deleted = self.deletes.iter().any(|range| range.contains(key));
        if deleted || !self.puts.insert(key) {
            return Err(StoreError::DuplicateKey);
        }
        Ok(())
    }
}

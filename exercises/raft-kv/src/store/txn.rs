//! Transactions: if all comparisons hold, these operations, else those; all of it at one revision (etcd's `applierV3backend.Txn`).
//!
//! First every comparison is decided, those of nested transactions too, on what was there before: the *path*. Then what the path
//! comes to is checked as a whole. Then it is done, and nothing in it can fail.

use super::command::{
    Command, Compare, DeleteRangeRequest, DeleteRangeResponse, Event, KeyValue, Op, OpResponse,
    PutRequest, PutResponse, TxnRequest, TxnResponse,
};
use super::error::StoreError;
use super::leases::Leases;
use super::mvcc::{Mvcc, Write};

/// Whether a comparison holds for what was found in its range.
///
/// It has to hold for each key. A range without keys compares as one key would that has 0 for all its numbers; but no comparison
/// with its value holds.
pub fn holds(compare: &Compare, found: &[KeyValue]) -> bool {
    let _ = (compare, found);
    todo!(
        "raft/txn: compare what is there with what is given, in this order, for each key or for none."
    )
}

impl TxnRequest {
    /// Whether it only reads, whichever way it goes; then it need not be replicated.
    pub fn is_read_only(&self) -> bool {
        let mut ops = self.success.iter().chain(&self.failure);
        ops.all(|op| match op {
            Op::Range(_) => true,
            Op::Put(_) | Op::DeleteRange(_) => false,
            Op::Txn(txn) => txn.is_read_only(),
        })
    }

    fn ops(&self, succeeded: bool) -> &[Op] {
        if succeeded {
            &self.success
        } else {
            &self.failure
        }
    }
}

impl Mvcc {
    /// Does a transaction that only reads.
    ///
    /// # Errors
    /// Those of its ranges. A write in it is refused as `KeyNotFound`, as an empty operation is.
    pub fn read_txn(&self, request: &TxnRequest) -> Result<TxnResponse, StoreError> {
        let path = self.path(request);
        let mut response = run(request, &mut path.into_iter(), &mut |op| match op {
            Op::Range(range) => Ok(OpResponse::Range(self.range(range)?)),
            _ => Err(StoreError::KeyNotFound),
        })?;
        response.revision = self.revision();
        Ok(response)
    }

    /// Which way the transaction goes, then each nested one on that way, in their order.
    fn path(&self, request: &TxnRequest) -> Vec<bool> {
        let succeeded = request.compare.iter().all(|compare| {
            let found: Vec<KeyValue> = self.at(&compare.range, self.revision()).collect();
            holds(compare, &found)
        });
        let mut path = vec![succeeded];
        for op in request.ops(succeeded) {
            if let Op::Txn(nested) = op {
                path.extend(self.path(nested));
            }
        }
        path
    }

    /// Whether the operations on the path can all be done.
    fn check(
        &self,
        request: &TxnRequest,
        path: &mut impl Iterator<Item = bool>,
        leases: &Leases,
    ) -> Result<(), StoreError> {
        for op in request.ops(path.next().unwrap_or(false)) {
            match op {
                Op::Range(range) if range.revision > self.revision() => {
                    return Err(StoreError::FutureRevision);
                }
                Op::Range(range) if range.revision > 0 && range.revision < self.compacted() => {
                    return Err(StoreError::Compacted);
                }
                Op::Put(put) => {
                    let keeps = put.ignore_value || put.ignore_lease;
                    let history = self.keys.get(&put.key);
                    if keeps && history.is_none_or(|history| history.at(self.revision()).is_none())
                    {
                        return Err(StoreError::KeyNotFound);
                    }
                    leases.check(put.lease)?;
                }
                Op::Txn(nested) => self.check(nested, path, leases)?,
                Op::Range(_) | Op::DeleteRange(_) => {}
            }
        }
        Ok(())
    }
}

/// Does what is on the path; `leaf` does what is not a transaction.
fn run(
    request: &TxnRequest,
    path: &mut impl Iterator<Item = bool>,
    leaf: &mut impl FnMut(&Op) -> Result<OpResponse, StoreError>,
) -> Result<TxnResponse, StoreError> {
    let succeeded = path.next().unwrap_or(false);
    let mut responses = Vec::new();
    for op in request.ops(succeeded) {
        responses.push(match op {
            Op::Txn(nested) => OpResponse::Txn(run(nested, path, leaf)?),
            other => leaf(other)?,
        });
    }
    Ok(TxnResponse {
        revision: 0,
        succeeded,
        responses,
    })
}

impl Write<'_> {
    pub(super) fn put_request(&mut self, request: &PutRequest) -> Result<PutResponse, StoreError> {
        let prev_kv = if request.prev_kv || request.ignore_value || request.ignore_lease {
            self.get(&request.key)
        } else {
            None
        };
        let (mut value, mut lease) = (&request.value, request.lease);
        if request.ignore_value || request.ignore_lease {
            let kv = prev_kv.as_ref().ok_or(StoreError::KeyNotFound)?;
            if request.ignore_value {
                value = &kv.value;
            }
            if request.ignore_lease {
                lease = kv.lease;
            }
        }
        self.put(&request.key, value, lease);
        Ok(PutResponse {
            revision: self.revision(),
            prev_kv: prev_kv.filter(|_| request.prev_kv),
        })
    }

    pub(super) fn delete_request(&mut self, request: &DeleteRangeRequest) -> DeleteRangeResponse {
        let mut prev_kvs = self.delete_range(&request.range);
        let deleted = i64::try_from(prev_kvs.len()).unwrap_or(i64::MAX);
        if !request.prev_kv {
            prev_kvs.clear();
        }
        DeleteRangeResponse {
            revision: self.revision(),
            deleted,
            prev_kvs,
        }
    }

    fn op(&mut self, op: &Op) -> Result<OpResponse, StoreError> {
        Ok(match op {
            Op::Range(range) => OpResponse::Range(self.range(range)?),
            Op::Put(put) => OpResponse::Put(self.put_request(put)?),
            Op::DeleteRange(delete) => OpResponse::DeleteRange(self.delete_request(delete)),
            Op::Txn(_) => return Err(StoreError::KeyNotFound),
        })
    }
}

/// Does a transaction; says what it changed.
pub(super) fn apply(
    mvcc: &mut Mvcc,
    leases: &mut Leases,
    request: &TxnRequest,
) -> (Result<TxnResponse, StoreError>, Vec<Event>) {
    let path = mvcc.path(request);
    if let Err(error) = mvcc.check(request, &mut path.iter().copied(), leases) {
        return (Err(error), Vec::new());
    }
    let mut write = mvcc.write(leases);
    let answer = run(request, &mut path.into_iter(), &mut |op| write.op(op));
    let revision = write.revision();
    let response = answer.map(|answer| TxnResponse { revision, ..answer });
    (response, write.end())
}

/// What `kvOverhead` and `leaseOverhead` are in etcd: what a key and a lease are taken to need besides their bytes.
const KEY_OVERHEAD_BYTES: u64 = 256;
const LEASE_OVERHEAD_BYTES: u64 = 64;

impl Command {
    /// How much room the command may need, in bytes; 0 of one that needs none.
    pub fn cost(&self) -> u64 {
        match self {
            Command::Put(put) => put_cost(put),
            Command::Txn(txn) => {
                let cost = |ops: &[Op]| ops.iter().map(op_cost).sum::<u64>();
                cost(&txn.success).max(cost(&txn.failure))
            }
            Command::LeaseGrant { .. } => LEASE_OVERHEAD_BYTES,
            _ => 0,
        }
    }
}

fn put_cost(put: &PutRequest) -> u64 {
    KEY_OVERHEAD_BYTES + (put.key.len() + put.value.len()) as u64
}

/// A nested transaction may hold puts too, which etcd does not count.
fn op_cost(op: &Op) -> u64 {
    match op {
        Op::Put(put) => put_cost(put),
        Op::Txn(txn) => Command::cost(&Command::Txn(txn.clone())),
        Op::Range(_) | Op::DeleteRange(_) => 0,
    }
}

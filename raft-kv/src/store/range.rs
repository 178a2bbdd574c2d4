//! A range: read, filtered, sorted, cut. In one step, or in several with writes between, which changes nothing of what it finds: it reads
//! as of its revision.

use std::cmp::Ordering;
use std::ops::Bound;

use super::bytes::Bytes;
use super::command::{KeyValue, RangeRequest, RangeResponse, SortOrder, SortTarget};
use super::error::StoreError;
use super::history::Version;
use super::mvcc::Mvcc;
use super::pins::Pin;

/// A range that is being read.
#[derive(Debug)]
pub struct RangeScan {
    request: RangeRequest,
    /// The revision that is read.
    at: i64,
    /// The last key that was looked at.
    cursor: Option<Bytes>,
    found: RangeResponse,
    /// Keeps what it will read, where others write between its steps.
    pub(super) pin: Option<Pin>,
}

impl RangeScan {
    /// A range in a store whose last revision is `current`.
    pub(super) fn begin(
        request: RangeRequest,
        current: i64,
        compacted: i64,
    ) -> Result<RangeScan, StoreError> {
        if request.revision > current {
            return Err(StoreError::FutureRevision);
        }
        let at = if request.revision > 0 {
            request.revision
        } else {
            current
        };
        if at < compacted {
            return Err(StoreError::Compacted);
        }
        Ok(RangeScan {
            request,
            at,
            cursor: None,
            found: RangeResponse {
                revision: current,
                ..RangeResponse::default()
            },
            pin: None,
        })
    }

    /// The revision that is read.
    pub(super) fn at(&self) -> i64 {
        self.at
    }

    /// Looks at up to `keys_max` keys; says whether those were all.
    pub(super) fn step(&mut self, mvcc: &Mvcc, keys_max: usize) -> bool {
        let range = self.request.range.clone();
        let (start, end) = range.bounds();
        let cursor = self.cursor.take();
        let start = cursor.as_deref().map_or(start, Bound::Excluded);
        let mut looked_at = 0;
        for (key, history) in mvcc.keys.range::<[u8], _>((start, end)) {
            if looked_at == keys_max {
                return false;
            }
            looked_at += 1;
            if let Some(version) = history.at(self.at) {
                self.take(key, version);
            }
            if looked_at == keys_max {
                self.cursor = Some(key.clone());
            }
        }
        self.cursor = None;
        true
    }

    fn take(&mut self, key: &Bytes, version: &Version) {
        self.found.count += 1;
        let request = &self.request;
        if request.count_only || !self.passes(version) {
            return;
        }
        // Without an order of its own, a range is complete when it has as many as were asked for.
        let enough = usize::try_from(request.limit)
            .ok()
            .filter(|limit| *limit > 0);
        if self.in_key_order() && enough.is_some_and(|limit| self.found.kvs.len() >= limit) {
            self.found.more = true;
            return;
        }
        if self.is_cut_first() && enough.is_some_and(|limit| self.found.kvs.len() > limit) {
            return;
        }
        self.found.kvs.extend(version.key_value(key));
    }

    fn in_key_order(&self) -> bool {
        let request = &self.request;
        request.sort_target == SortTarget::Key && request.sort_order != SortOrder::Descend
    }

    /// Where an order is neither asked for nor needed by filters, etcd sorts what it has by the target all the same, but has read no more than the
    /// limit, and one.
    fn is_cut_first(&self) -> bool {
        let request = &self.request;
        let filters = [
            request.min_mod_revision,
            request.max_mod_revision,
            request.min_create_revision,
            request.max_create_revision,
        ];
        request.sort_order == SortOrder::None && filters == [0; 4]
    }

    /// Whether the filters let a version through; 0 is no limit.
    fn passes(&self, version: &Version) -> bool {
        let request = &self.request;
        let within = |number, min, max| number >= min && (max == 0 || number <= max);
        let (modified, created) = (version.modified.main, version.create_revision);
        within(modified, request.min_mod_revision, request.max_mod_revision)
            && within(
                created,
                request.min_create_revision,
                request.max_create_revision,
            )
    }

    /// What was found, sorted, then cut.
    pub fn finish(self) -> RangeResponse {
        let in_key_order = self.in_key_order();
        let (request, mut found) = (self.request, self.found);
        if !in_key_order {
            let by: fn(&KeyValue, &KeyValue) -> Ordering = match request.sort_target {
                SortTarget::Key => |a, b| a.key.cmp(&b.key),
                SortTarget::Version => |a, b| a.version.cmp(&b.version),
                SortTarget::Create => |a, b| a.create_revision.cmp(&b.create_revision),
                SortTarget::Mod => |a, b| a.mod_revision.cmp(&b.mod_revision),
                SortTarget::Value => |a, b| a.value.cmp(&b.value),
            };
            match request.sort_order {
                SortOrder::Descend => found.kvs.sort_by(|a, b| by(b, a)),
                SortOrder::None | SortOrder::Ascend => found.kvs.sort_by(by),
            }
            let limit = usize::try_from(request.limit).unwrap_or(0);
            if limit > 0 && found.kvs.len() > limit {
                found.kvs.truncate(limit);
                found.more = true;
            }
        }
        if request.keys_only {
            for kv in &mut found.kvs {
                kv.value = Bytes::default();
            }
        }
        found
    }
}

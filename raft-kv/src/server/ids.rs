//! Names of members, clusters, requests and leases: numbers, made as etcd makes them, so that a cluster of the same addresses
//! has the same.

use std::sync::atomic::{AtomicU64, Ordering};

use node::Time;
use sha1::{Digest, Sha1};

use super::urls::Url;

/// Below the prefix of a request's id: 5 bytes of milliseconds, a byte that counts.
const SUFFIX_BITS: u32 = 48;
const COUNT_BITS: u32 = 8;

fn first_eight(hash: Sha1) -> u64 {
    let hash = hash.finalize();
    hash.iter()
        .take(8)
        .fold(0, |id, byte| id << 8 | u64::from(*byte))
}

/// A member's id. `added_at` (seconds since the epoch) is that of a member added to a running cluster: its id is new, even
/// if one with the same URLs was there before.
pub fn member_id(peer_urls: &[Url], token: &str, added_at: Option<u64>) -> u64 {
    let mut urls: Vec<String> = peer_urls.iter().map(Url::to_string).collect();
    urls.sort();
    let mut hash = Sha1::new();
    hash.update(urls.concat());
    hash.update(token);
    if let Some(seconds) = added_at {
        hash.update(seconds.to_string());
    }
    first_eight(hash)
}

/// A cluster's id: of the members that it begins with.
pub fn cluster_id(members: impl IntoIterator<Item = u64>) -> u64 {
    let mut members: Vec<u64> = members.into_iter().collect();
    members.sort_unstable();
    let mut hash = Sha1::new();
    for member in members {
        hash.update(member.to_be_bytes());
    }
    first_eight(hash)
}

/// Gives each request an id that no other has, of this member or another, before a restart or after.
#[derive(Debug)]
pub struct RequestIds {
    prefix: u64,
    suffix: AtomicU64,
}

impl RequestIds {
    /// Ids of a member that starts now.
    pub fn new(member: u64, now: Time) -> RequestIds {
        let now_ms = now.as_micros() / 1000;
        RequestIds {
            prefix: (member & 0xffff) << SUFFIX_BITS,
            suffix: AtomicU64::new(now_ms << COUNT_BITS),
        }
    }

    /// The next one.
    pub fn next(&self) -> u64 {
        let suffix = self.suffix.fetch_add(1, Ordering::Relaxed) + 1;
        self.prefix | suffix & ((1 << SUFFIX_BITS) - 1)
    }

    /// An id for a lease: a positive number.
    pub fn next_lease(&self) -> i64 {
        i64::try_from(self.next() & i64::MAX.unsigned_abs())
            .unwrap_or(1)
            .max(1)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_cluster_has_the_ids_that_etcd_gives_it() {
        let urls = Url::list("http://localhost:2380").unwrap();
        let member = member_id(&urls, "etcd-cluster", None);
        assert_eq!(format!("{member:x}"), "8e9e05c52164694d");
        assert_eq!(format!("{:x}", cluster_id([member])), "cdf818194e3a8c32");
        assert_ne!(member_id(&urls, "", Some(1)), member_id(&urls, "", Some(2)));
    }

    #[test]
    fn request_ids_differ() {
        let ids = [1, 2].map(|member| RequestIds::new(member, Time::ZERO));
        let all: BTreeSet<u64> = ids
            .iter()
            .flat_map(|ids| (0..1000).map(|_| ids.next()))
            .collect();
        assert_eq!(all.len(), 2000);
        assert!(ids[0].next_lease() > 0);
    }
}

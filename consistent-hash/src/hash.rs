//! The one hash of this crate: seeded, stable, the same on every platform and in every release.
//!
//! Where a key belongs is written down nowhere: every client computes it anew. So all of them must compute the same,
//! the one that was built last year and the one on another processor. The standard library's hasher promises neither,
//! and is seeded differently in each process. Here it is XXH3 (64 bits, Yann Collet), whose output is part of its
//! specification, and bytes are put together in little-endian order. Golden values in the tests hold it to that.
//!
//! XXH3 is quick, and it is no cryptographic hash: who knows the seed can choose keys that all land on one node. Where
//! keys come from strangers, keep the seed secret.
//!
//! Three things are hashed, each under a seed of its own, so that no key falls onto a point only because both have the
//! same bytes:
//!
//! - a key: [`key`], once for each look-up, whatever the strategy then does with it;
//! - the `i`-th virtual node of a node: [`point`];
//! - what of a key's hash and something else there is to be drawn anew: [`mix`], which takes no bytes and is cheaper
//!   still.

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::partitioner::NodeId;

/// Sets the points' seed apart from the keys'.
const OF_POINTS: u64 = 0x706f_696e_7473; // "points"

/// The hash of a key: its position on the ring, its draw for everything else.
#[inline]
pub fn key(seed: u64, key: &[u8]) -> u64 {
    xxh3_64_with_seed(key, seed)
}

/// The hash of a node's `i`-th virtual node, counted from 0: its position on the ring.
pub fn point(seed: u64, node: NodeId, i: u32) -> u64 {
    let bytes = (u64::from(node.0) | u64::from(i) << 32).to_le_bytes();
    xxh3_64_with_seed(&bytes, seed ^ OF_POINTS)
}

/// A new draw out of two: every bit of both changes every bit of the result with probability one half. `mix(a, b)` is
/// `mix(b, a)`.
///
/// It is the finalizer of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014; the constants are David Stafford's "Mix13").
#[inline]
pub fn mix(a: u64, b: u64) -> u64 {
    let mut z = a ^ b;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The `i`-th draw for a key, of as many as are wanted. The 0th is `hash` itself.
#[inline]
pub fn nth(hash: u64, i: u64) -> u64 {
    // 2^64 divided by the golden ratio: consecutive `i` differ in many bits before they are mixed.
    const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
    match i {
        0 => hash,
        _ => mix(hash, i.wrapping_mul(STEP)),
    }
}

/// A number below `n`, in proportion to the hash: the high bits choose. 0 where `n` is 0.
///
/// A multiplication instead of `hash % n`: cheaper than a division, and as even (Lemire 2019, "Fast random integer
/// generation in an interval").
#[inline]
#[expect(
    clippy::cast_possible_truncation,
    reason = "the product's high half is below n"
)]
pub fn scale(hash: u64, n: u32) -> u32 {
    ((u128::from(hash) * u128::from(n)) >> 64) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// XXH3's own test vectors: the hash of nothing with the seed 0, and of "a".
    #[test]
    fn xxh3_is_the_published_one() {
        assert_eq!(key(0, b""), 0x2d06_8005_38d3_94c2);
        assert_eq!(key(0, b"a"), 0xe6c6_32b6_1e96_4e1f);
    }

    #[test]
    fn golden_values_hold_on_every_platform_and_in_every_release() {
        let point = |node, i| point(7, NodeId(node), i);
        assert_eq!(
            [
                key(7, b"user:42"),
                key(8, b"user:42"),
                point(1, 0),
                point(1, 1),
                point(2, 0)
            ],
            [
                13_673_394_691_902_785_090,
                7_493_211_386_216_825_974,
                2_789_024_633_549_451_123,
                1_611_220_335_814_358_355,
                6_317_203_617_708_121_061,
            ]
        );
        // What SplitMix64 gives for the seed 0.
        assert_eq!(
            [nth(0, 1), nth(0, 2)],
            [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4]
        );
        assert_eq!(nth(5, 0), 5);
    }

    #[test]
    fn a_hash_is_scaled_in_order_and_in_proportion() {
        assert_eq!(scale(0, 10), 0);
        assert_eq!(scale(u64::MAX, 10), 9);
        assert_eq!(scale(u64::MAX / 2 + 1, 10), 5);
        assert_eq!(
            scale(u64::MAX, 0),
            0,
            "of nothing there is nothing to choose"
        );
        assert_eq!(scale(u64::MAX, u32::MAX), u32::MAX - 1);
    }
}

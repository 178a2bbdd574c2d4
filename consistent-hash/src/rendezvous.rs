//! Rendezvous, or highest random weight (Thaler & Ravishankar 1998): every node draws a number for the key, the highest
//! wins.
//!
//! No table, no ring, nothing to keep in step: whoever knows the list of nodes and the key knows the answer. The order
//! of the draws is a ranking of all nodes, so the replicas are its first n, and when a node leaves, each of its keys
//! goes to its own second: what a dead node had is spread over all others.
//!
//! Weights (Schindelhauer & Schomaker 2005; Resch 2015): with u uniform in (0, 1), −w / ln u is the higher the larger
//! w, and the probability that node i has the highest is exactly w_i / Σw. (−ln u / w is exponentially distributed with
//! the rate w, and the least of exponentials is the i-th with the probability of its part of the rates.)
//!
//! - Costs: nothing to keep but the nodes; a look-up asks all of them. Good for tens, poor for thousands.
//! - Moves: exactly what must. When a weight grows keys move only to that node, when it shrinks only away from it.
//! - Cannot: answer quickly for many nodes (a tree of clusters helps: Wang & Ravishankar 2009, as in Ceph's CRUSH);
//!   name the ranges of a node, since it has none.
//!
//! # The logarithm
//!
//! `f64::ln` is not the same everywhere: IEEE 754 does not say how it is to be rounded, each platform's mathematical
//! library has its own. Two clients that disagree in the last bit disagree about one key in 10^15. So [`ln`] is made of
//! `+ − × ÷` alone, which IEEE 754 does define. Among nodes of equal weight no logarithm is needed, since −w / ln u
//! grows with u: the draws are compared.

use crate::hash;
use crate::members::Members;
use crate::partitioner::{MembershipError, Node, NodeId, Partitioner};

/// A node, as the choice sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Which one.
    pub id: NodeId,
    /// How many times the keys of a node of weight 1 it should get. At least 1.
    pub weight: u32,
    /// What its draws are made of: the hash of its number.
    pub hash: u64,
}

impl Candidate {
    /// Its draw for the key of this hash, uniform in 0 to 2^64 − 1.
    #[inline]
    pub fn draw(&self, key: u64) -> u64 {
        hash::mix(key, self.hash)
    }
}

/// The natural logarithm of a draw as a fraction of 2^64: of a number above 0 and below 1, so it is below 0. The same
/// on every platform, to the last bit.
pub fn ln(draw: u64) -> f64 {
    // 52 bits and a half: every such number is an f64, none is 0 or 1.
    let u = ((draw >> 12) as f64 + 0.5) / (1u64 << 52) as f64;
    // u = m × 2^e with m between √½ and √2.
    let exponent = (u.to_bits() >> 52) as i64 - 1023;
    let mantissa = f64::from_bits(u.to_bits() & ((1 << 52) - 1) | 1023 << 52);
    let (m, e) = if mantissa > std::f64::consts::SQRT_2 {
        (mantissa / 2.0, exponent + 1)
    } else {
        (mantissa, exponent)
    };
    // ln m = 2 artanh((m − 1) / (m + 1)) = 2 (s + s³/3 + s⁵/5 + …), and s is below 0.172: 11 terms are exact to 53 bits.
    let s = (m - 1.0) / (m + 1.0);
    let mut sum = 0.0;
    for k in (0..11).rev() {
        sum = sum * (s * s) + 1.0 / f64::from(2 * k + 1);
    }
    2.0 * s * sum + e as f64 * std::f64::consts::LN_2
}

/// The `n` candidates with the highest scores for the key of this hash, the highest first; all of them where there are
/// fewer.
///
/// A candidate's score is −weight / ln(draw), where [`Candidate::draw`] is its draw for the key and [`ln`] its
/// logarithm. Of two with the same score the one with the higher draw comes first, then the one with the lower number.
/// The answer does not depend on the order of `candidates`.
pub fn choose(candidates: &[Candidate], key: u64, n: usize) -> Vec<NodeId> {
    // EXERCISE(hash/rendezvous): score every candidate for this key, and name the n highest.
    let score = |candidate: &Candidate| {
        let draw = candidate.draw(key);
        (
            -f64::from(candidate.weight) / ln(draw),
            draw,
            std::cmp::Reverse(candidate.id),
        )
    };
    let mut scored: Vec<_> = candidates.iter().map(score).collect();
    scored.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then((b.1, b.2).cmp(&(a.1, a.2))));
    scored.iter().take(n).map(|(_, _, id)| id.0).collect()
}

/// Rendezvous hashing, weighted.
#[derive(Clone, Debug)]
pub struct Rendezvous {
    seed: u64,
    members: Members,
    /// By weight, then by number.
    candidates: Vec<Candidate>,
}

impl Rendezvous {
    /// Without nodes.
    pub fn new(seed: u64) -> Rendezvous {
        Rendezvous {
            seed,
            members: Members::default(),
            candidates: Vec::new(),
        }
    }

    fn list(&mut self) {
        let candidate = |node: &Node| Candidate {
            id: node.id,
            weight: node.weight,
            hash: hash::point(self.seed, node.id, 0),
        };
        self.candidates = self.members.nodes().iter().map(candidate).collect();
        self.candidates.sort_by_key(|candidate| candidate.weight);
    }
}

impl Partitioner for Rendezvous {
    fn name(&self) -> &'static str {
        "rendezvous"
    }

    fn nodes(&self) -> Vec<Node> {
        self.members.nodes().to_vec()
    }

    /// The first of [`choose`], found without a logarithm for each node: within one weight the highest draw has the
    /// highest score, so only the best of each weight is scored.
    fn locate(&self, key: &[u8]) -> Option<NodeId> {
        let key = hash::key(self.seed, key);
        let mut finalists = Vec::new();
        for same in self.candidates.chunk_by(|a, b| a.weight == b.weight) {
            // `max_by_key` would take the last of equal ones; the lowest number stands first.
            let best = same
                .iter()
                .rev()
                .max_by_key(|candidate| candidate.draw(key))?;
            if same.len() == self.candidates.len() {
                return Some(best.id);
            }
            finalists.push(*best);
        }
        choose(&finalists, key, 1).first().copied()
    }

    fn replicas(&self, key: &[u8], n: usize) -> Vec<NodeId> {
        choose(&self.candidates, hash::key(self.seed, key), n)
    }

    fn add_all(&mut self, nodes: &[Node]) -> Result<(), MembershipError> {
        self.members.add_all(nodes, 0)?;
        self.list();
        Ok(())
    }

    fn remove(&mut self, id: NodeId) -> Result<(), MembershipError> {
        self.members.remove(id)?;
        self.list();
        Ok(())
    }

    fn memory_bytes(&self) -> usize {
        self.members.memory_bytes() + self.candidates.capacity() * size_of::<Candidate>()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_logarithm_is_the_same_to_the_last_bit() {
        let bits = [0, 1 << 63, u64::MAX, 0x9e37_79b9_7f4a_7c15].map(|draw| ln(draw).to_bits());
        let golden = [
            0xc042_5e4f_7b27_37fa,
            0xbfe6_2e42_fefa_39ed,
            0xbca0_0000_0000_0000,
            0xbfde_cc2c_aec5_160b,
        ];
        assert_eq!(bits, golden);
    }

    proptest! {
        #[test]
        fn the_logarithm_is_one(draw in prop_oneof![any::<u64>(), 0..1u64 << 20, u64::MAX - (1 << 20)..u64::MAX]) {
            let u = ((draw >> 12) as f64 + 0.5) / (1u64 << 52) as f64;
            let exact = u.ln();
            prop_assert!(ln(draw) < 0.0);
            prop_assert!(((ln(draw) - exact) / exact).abs() < 5e-16, "{} {}", ln(draw), exact);
        }
    }
}

//! Keys that are asked for as in life: the first one most often, the second half as often, the third a third of it (Zipf's law, with
//! exponent 1; web pages, words, customers). YCSB and most papers on caches draw their keys so.
//!
//! By a table: the sums of the first weights, and a binary search for a random number in it. That takes 8 bytes a key, where
//! rejection-inversion (Hörmann, Derflinger 1996) takes none; but that one calls `exp` and `ln`, whose last bit is different from one
//! platform to the next, and here a seed shall mean the same keys everywhere. Powers are made of multiplications, divisions and
//! square roots, which IEEE 754 rounds the same way on every machine.

use thiserror::Error;

use crate::hash;

/// As many keys a table may have.
pub const KEYS_MAX: usize = 1 << 24;
/// The steepest exponent: the second key comes once in 256 times.
pub const EXPONENT_MAX: f64 = 8.0;

/// Why there is no such distribution.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
pub enum ZipfError {
    /// The number of keys.
    #[error("{0} different keys: it must be 1 to {KEYS_MAX}")]
    Keys(usize),
    /// The exponent.
    #[error("exponent {0}: it must be 0 (all keys are alike) to {EXPONENT_MAX}")]
    Exponent(f64),
}

/// A distribution of the ranks 0, 1, 2 …
#[derive(Clone, Debug)]
pub struct Zipf {
    /// The sum of the weights up to each rank.
    sums: Vec<f64>,
}

impl Zipf {
    /// Of `keys` ranks: rank `r` has weight `(r + 1)^-exponent`. The exponent counts in steps of 2⁻²⁰.
    ///
    /// # Errors
    /// When one of the two is out of its range.
    pub fn new(keys: usize, exponent: f64) -> Result<Zipf, ZipfError> {
        if !(1..=KEYS_MAX).contains(&keys) {
            return Err(ZipfError::Keys(keys));
        }
        if !(0.0..=EXPONENT_MAX).contains(&exponent) {
            return Err(ZipfError::Exponent(exponent));
        }
        let mut sum = 0.0;
        let sums = (1..=keys).map(|i| {
            sum += 1.0 / power(i as f64, exponent);
            sum
        });
        Ok(Zipf {
            sums: sums.collect(),
        })
    }

    /// The rank that a random number, uniform over all `u64`, stands for.
    pub fn rank(&self, random: u64) -> usize {
        let all = self.sums.last().copied().unwrap_or(0.0);
        // 53 bits are what an f64 holds exactly.
        let point = (random >> 11) as f64 / (1u64 << 53) as f64 * all;
        let rank = self.sums.partition_point(|sum| *sum <= point);
        rank.min(self.sums.len() - 1)
    }

    /// The ranks of an endless stream. The same seed means the same ones on every platform.
    pub fn ranks(&self, seed: u64) -> impl Iterator<Item = usize> + '_ {
        (1u64..).map(move |i| self.rank(hash::nth(seed, i)))
    }
}

/// The key of a rank, as the command line and the benches write it.
pub fn key(rank: usize) -> String {
    format!("key-{rank:06}")
}

/// `base` to the power of `exponent`: the whole part by multiplying, 20 bits of the rest by square roots.
fn power(base: f64, exponent: f64) -> f64 {
    let (mut power, mut root, mut rest) = (1.0, base, exponent);
    while rest >= 1.0 {
        power *= base;
        rest -= 1.0;
    }
    for _ in 0..20 {
        root = root.sqrt();
        rest *= 2.0;
        if rest >= 1.0 {
            power *= root;
            rest -= 1.0;
        }
    }
    power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_are_those_of_the_library() {
        for base in [1.0, 2.0, 3.0, 17.0, 1e6] {
            for exponent in [0.0, 0.5, 0.75, 1.0, 1.125, 2.0, 7.984_375] {
                let (ours, theirs) = (power(base, exponent), base.powf(exponent));
                assert!(
                    (ours / theirs - 1.0).abs() < 1e-12,
                    "{base}^{exponent}: {ours}, {theirs}"
                );
            }
        }
    }

    #[test]
    fn ranks_come_as_often_as_the_law_says() {
        let zipf = Zipf::new(1000, 1.0).unwrap();
        let harmonic: f64 = (1..=1000).map(|i| 1.0 / f64::from(i)).sum();
        let mut counts = [0u32; 1000];
        const DRAWN: u32 = 200_000;
        for rank in zipf.ranks(7).take(DRAWN as usize) {
            counts[rank] += 1;
        }
        for rank in [0, 1, 2, 9, 99] {
            let share = 1.0 / (rank + 1) as f64 / harmonic;
            let expected = share * f64::from(DRAWN);
            let deviation =
                (f64::from(counts[rank]) - expected) / (expected * (1.0 - share)).sqrt();
            assert!(
                deviation.abs() < 4.0,
                "rank {rank}: {} instead of {expected:.0}",
                counts[rank]
            );
        }
    }

    #[test]
    fn a_seed_means_the_same_keys_everywhere() {
        let zipf = Zipf::new(1 << 16, 0.99).unwrap();
        let ranks: Vec<usize> = zipf.ranks(42).take(10).collect();
        assert_eq!(ranks, [3650, 12274, 51, 35, 8, 9494, 29, 2380, 6980, 0]);
        assert_eq!(zipf.sums[65_535].to_bits(), 4_623_116_843_612_807_394);
    }

    #[test]
    fn ends_of_the_range() {
        let one = Zipf::new(1, 0.0).unwrap();
        assert_eq!((one.rank(0), one.rank(u64::MAX)), (0, 0));
        let alike = Zipf::new(4, 0.0).unwrap();
        let quarters = [0, u64::MAX / 4 + 1, u64::MAX / 2 + 1, u64::MAX];
        assert_eq!(quarters.map(|u| alike.rank(u)), [0, 1, 2, 3]);
        let steep = Zipf::new(3, EXPONENT_MAX).unwrap();
        assert_eq!(steep.rank(u64::MAX), 2);
        assert_eq!(Zipf::new(0, 1.0).unwrap_err(), ZipfError::Keys(0));
        assert!(Zipf::new(9, f64::NAN).is_err() && Zipf::new(9, -0.5).is_err());
    }
}

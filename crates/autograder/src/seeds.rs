//! Where random inputs come from: the same ones in each run, more of them on demand, one of them again.

use std::cell::Cell;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

use proptest::test_runner::{Config, RngSeed};

use crate::options::Options;
use crate::panics;

/// The seed of a property's cases in an ordinary run.
const FIXED: u64 = 0x5eed;

/// Which inputs a test gets when it asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pass {
    /// Always the same ones.
    Fixed,
    /// So many others, which follow from `seed`.
    More { count: u32, seed: u64 },
    /// Those of the run that failed.
    Again { count: u32, seed: u64 },
}

thread_local! {
    static PASS: Cell<Pass> = const { Cell::new(Pass::Fixed) };
}

/// Makes `pass` the one of this thread's test.
pub(crate) fn begin(pass: Pass) {
    PASS.set(pass);
}

/// The first pass of each test, and the second one, which those get that draw random inputs.
pub(crate) fn passes(options: &Options) -> (Pass, Option<Pass>) {
    let count = options.more_seeds;
    if let Some(seed) = options.seed {
        return (Pass::Again { count, seed }, None);
    }
    let random = || RandomState::new().build_hasher().finish();
    let seed = short(options.seeds_from.unwrap_or_else(random));
    let more = (count > 0).then_some(Pass::More { count, seed });
    (Pass::Fixed, more)
}

/// Short enough to be read aloud.
fn short(seed: u64) -> u64 {
    seed & 0xffff_ffff
}

/// What has to stand on the command line for the same inputs again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Replay {
    /// The test's name alone.
    Name,
    /// And this seed.
    Seed(u64),
    /// And this seed, and how many cases there were.
    Cases { seed: u64, count: u32 },
}

/// How proptest is to run a property: as many cases as said, the same ones in each run; with `--seeds N`, then up to N
/// others. To be used as `#![proptest_config(autograder::property(64))]`.
pub fn property(cases: u32) -> Config {
    let (seed, cases, replay) = match PASS.get() {
        Pass::Fixed => (FIXED, cases, Replay::Name),
        Pass::More { count, seed } => (seed, count, Replay::Cases { seed, count }),
        Pass::Again { count, seed } => (seed, cases.max(count), Replay::Cases { seed, count }),
    };
    panics::drew(Some(replay));
    Config {
        cases,
        rng_seed: RngSeed::Fixed(seed),
        // A file of failures beside the sources would follow a student's every commit.
        failure_persistence: None,
        ..Config::default()
    }
}

/// Seeds for a loop over simulated runs: 0 up to `fixed`; with `--seeds N`, then N random ones. The failure of a test
/// names the seed that its loop had come to.
pub fn seeds(fixed: u64) -> Seeds {
    let pass = PASS.get();
    let left = match pass {
        Pass::Fixed => fixed,
        Pass::More { count, .. } => u64::from(count),
        Pass::Again { .. } => 1,
    };
    Seeds {
        pass,
        done: 0,
        left,
    }
}

/// The iterator that [`seeds`] returns.
#[derive(Clone, Debug)]
pub struct Seeds {
    pass: Pass,
    done: u64,
    left: u64,
}

impl Iterator for Seeds {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        if self.left == 0 {
            panics::drew(None);
            return None;
        }
        let seed = match self.pass {
            Pass::Fixed => self.done,
            // Neighbours of a random number are as good as random ones to a generator that begins by mixing its seed.
            Pass::More { seed, .. } => short(seed + self.done),
            Pass::Again { seed, .. } => seed,
        };
        self.done += 1;
        self.left -= 1;
        panics::drew(Some(Replay::Seed(seed)));
        Some(seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_decides_which_seeds_there_are() {
        assert_eq!(seeds(3).collect::<Vec<_>>(), [0, 1, 2]);
        begin(Pass::More { count: 2, seed: 70 });
        assert_eq!(seeds(3).collect::<Vec<_>>(), [70, 71]);
        assert_eq!(property(64).cases, 2);
        begin(Pass::Again { count: 0, seed: 71 });
        assert_eq!(seeds(3).collect::<Vec<_>>(), [71]);
        assert_eq!(property(64).rng_seed, RngSeed::Fixed(71));
    }
}

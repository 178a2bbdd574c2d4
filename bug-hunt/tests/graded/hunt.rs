//! The invariant is run on many seeds of each NameNode. One that accuses everybody gains nothing, nor does one that
//! accuses nobody.

use std::hash::{BuildHasher, Hasher, RandomState};

use autograder::{Test, tests};
use bug_hunt::suspects::Suspect;
use bug_hunt::{Hunt, invariants};
use sim::{Trace, Violation};

pub(crate) const TESTS: &[Test] = tests![
    the_honest_namenode_is_never_accused,
    suspect_a_is_caught,
    suspect_b_is_caught,
    suspect_c_is_caught,
];

/// In so many runs each suspect has to be caught once.
const SEEDS: u64 = 200;
/// So many runs of the honest one are looked at before a catch counts.
const SPARED: usize = 40;
/// So often a catch is looked at again.
const AGAIN: u32 = 16;

fn the_honest_namenode_is_never_accused() {
    for seed in autograder::seeds(SEEDS) {
        spare(seed);
    }
    let base = base();
    let broken = [Suspect::A, Suspect::B, Suspect::C];
    let is_caught = |suspect: &Suspect| catch(*suspect, base).is_some();
    assert!(
        broken.iter().any(is_caught),
        "your invariant accuses nobody at all: not the honest NameNode, but in {SEEDS} seeds none of the suspects either"
    );
}

fn suspect_a_is_caught() {
    must_catch(Suspect::A);
}

fn suspect_b_is_caught() {
    must_catch(Suspect::B);
}

fn suspect_c_is_caught() {
    must_catch(Suspect::C);
}

fn must_catch(suspect: Suspect) {
    let base = base();
    // Who accuses the innocent too has caught nobody.
    for seed in (base..).take(SPARED) {
        spare(seed);
    }
    let name = suspect.name();
    let Some((seed, violation)) = catch(suspect, base) else {
        panic!(
            "suspect {name} was not caught in any of {SEEDS} seeds, and in some of them it does what no honest NameNode \
             does. Read the stories of a few: {} {base}",
            suspect.replay_command(),
        );
    };
    judge_again(suspect, seed, &violation);
}

/// The same run, and that of the honest one, a few times more, in an order that nobody can know: an invariant that counts
/// its calls has no way to tell whose turn it is.
fn judge_again(suspect: Suspect, seed: u64, violation: &Violation) {
    let order = RandomState::new().build_hasher().finish();
    for turn in 0..AGAIN {
        if order >> turn & 1 == 0 {
            spare(seed);
            continue;
        }
        let again = judge(suspect, seed);
        assert!(
            again.as_ref() == Some(violation),
            "the same run of suspect {}, seed {seed}, was judged twice, first {violation:?}, then {again:?}: an invariant \
             is a function of the view alone",
            suspect.name(),
        );
    }
}

/// Where to begin: at 0, with `--seeds` elsewhere too.
fn base() -> u64 {
    autograder::seeds(1).next().unwrap()
}

/// The first of the seeds in which a suspect is accused.
fn catch(suspect: Suspect, base: u64) -> Option<(u64, Violation)> {
    (base..base + SEEDS).find_map(|seed| Some((seed, judge(suspect, seed)?)))
}

fn spare(seed: u64) {
    if let Some(Violation { text, at, .. }) = judge(Suspect::Honest, seed) {
        panic!(
            "your invariant accuses the honest NameNode, at {at} of seed {seed}: {text}. Either all is well there, or it \
             could not know better. See what happened: {} {seed}",
            Suspect::Honest.replay_command(),
        );
    }
}

/// What the invariant says of one run.
fn judge(suspect: Suspect, seed: u64) -> Option<Violation> {
    let check = invariants::check;
    let violation = Hunt { suspect, check }.run(seed, &Trace::off()).err()?;
    match violation.invariant.as_str() {
        "panic" if violation.text.starts_with("not yet implemented") => {
            panic!("{}", violation.text)
        }
        "panic" => panic!(
            "it panicked at {} of seed {seed}: {}. See what happened: {} {seed}",
            violation.at,
            violation.text,
            suspect.replay_command(),
        ),
        _ => Some(violation),
    }
}

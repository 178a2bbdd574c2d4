//! The few operations that prove a violation.
//!
//! To leave an operation out is no proof: without a write, each read of it is wrong. What may be done to a history is to ask less of it:
//! drop a read, and let a write be unanswered, so that it may take effect at any time after its call, or never. If there is no order
//! even then, there was none before; and what still asks for something is all that the proof needs. It is a violation by
//! itself, and the others cannot mend it.

use crate::search::{Found, relevant, search};
use crate::{Model, Operation};

/// At least so many weaker histories are tried.
const TRIALS_MIN: u64 = 100;

/// The operations of `part`, a violation, that cannot be asked less of; the fewest, in the sense that none of them can be spared alone.
/// A weaker history that takes too long to search counts as one that is none, and after `steps_max` steps it is content with what it has.
pub(crate) fn minimise<M: Model>(
    model: &M,
    part: &[&Operation<M::Input, M::Output>],
    steps_max: u64,
) -> Vec<usize> {
    let all: Vec<usize> = (0..part.len()).collect();
    let mut steps = 0;
    let is_violation = |kept: &[usize]| {
        if steps >= steps_max {
            return false;
        }
        let mut is_kept = vec![false; part.len()];
        kept.iter().for_each(|number| is_kept[*number] = true);
        let weaker: Vec<_> = part
            .iter()
            .zip(is_kept)
            .map(|(operation, is_kept)| Operation {
                returned: operation.returned.filter(|_| is_kept),
                ..(*operation).clone()
            })
            .collect();
        let weaker: Vec<_> = weaker.iter().collect();
        let relevant: Vec<_> = relevant(model, &weaker)
            .into_iter()
            .map(|place| weaker[place])
            .collect();
        let trial_max = steps_max.min(steps + steps_max / TRIALS_MIN);
        matches!(
            search(model, &relevant, &mut steps, trial_max),
            Found::Nothing { .. }
        )
    };
    sim::minimise(&all, is_violation)
}

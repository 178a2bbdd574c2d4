//! What is to be said of a history.

use std::collections::BTreeMap;
use std::fmt;

use crate::minimise::minimise;
use crate::search::{Found, relevant, search};
use crate::{History, Model, Operation};

/// What is to be said of a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict<I, O> {
    /// There is an order that explains it.
    Linearizable {
        /// For each part such an order, as places in [`History::operations`]. Unanswered operations that it does not need are missing.
        orders: Vec<Vec<usize>>,
        /// How many operations the search let take effect, to see what comes.
        steps: u64,
    },
    /// There is none.
    Violation(Box<Violation<I, O>>),
    /// The search gave up. Nothing is known, and nothing should pass for it.
    Unknown {
        /// As in [`Verdict::Linearizable`].
        steps: u64,
    },
}

/// The proof that a history is not linearizable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation<I, O> {
    /// The part that it is about; None where the history was searched as a whole.
    pub part: Option<String>,
    /// As few operations as prove it, by their calls: they are a violation by themselves, and none of them can be spared.
    pub operations: Vec<Operation<I, O>>,
    /// Each of them in words ([`Model::describe`]).
    pub texts: Vec<String>,
    /// So many other operations of the part were called meanwhile. They are no part of the proof: whichever of them took effect,
    /// at whatever time after their calls, nothing is explained by it.
    pub others: usize,
    /// The longest order that can be explained, as places in `operations`.
    pub order: Vec<usize>,
    /// The operation whose answer is due then, and does not fit wherever it is put.
    pub stuck: usize,
}

impl<I, O> Verdict<I, O> {
    /// Whether there is an order. An unknown verdict is none.
    pub fn is_linearizable(&self) -> bool {
        matches!(self, Verdict::Linearizable { .. })
    }

    /// The proof against it, if there is one.
    pub fn violation(&self) -> Option<&Violation<I, O>> {
        match self {
            Verdict::Violation(violation) => Some(violation),
            _ => None,
        }
    }
}

/// Says whether `history` is linearizable, as `model` would have it. The search may take `steps_max` steps, and ten times as many to
/// find the smallest proof of a violation; a million takes about a second.
pub fn check<M: Model>(
    model: &M,
    history: &History<M::Input, M::Output>,
    steps_max: u64,
) -> Verdict<M::Input, M::Output> {
    let mut parts: BTreeMap<Option<String>, Vec<(usize, &Operation<_, _>)>> = BTreeMap::new();
    let is_whole = (history.operations()).any(|operation| model.part(&operation.input).is_none());
    for (place, operation) in history.operations().enumerate() {
        let part = model.part(&operation.input).filter(|_| !is_whole);
        parts.entry(part).or_default().push((place, operation));
    }
    let (mut orders, mut steps, mut gave_up) = (Vec::new(), 0, false);
    for (part, places) in parts {
        let all: Vec<_> = places.iter().map(|(_, operation)| *operation).collect();
        let kept = relevant(model, &all);
        let operations: Vec<_> = kept.iter().map(|place| all[*place]).collect();
        match search(model, &operations, &mut steps, steps_max) {
            Found::Order(order) => {
                orders.push(order.iter().map(|number| places[kept[*number]].0).collect());
            }
            // A violation elsewhere would still be one.
            Found::GaveUp => gave_up = true,
            Found::Nothing { stuck, .. } => {
                let due = operations[stuck].returned;
                let violation = prove(model, part, &all, due, steps_max);
                return Verdict::Violation(Box::new(violation));
            }
        }
    }
    if gave_up {
        Verdict::Unknown { steps }
    } else {
        Verdict::Linearizable { orders, steps }
    }
}

/// The proof that `operations` are a violation, of which nothing is needed that happened after the answer that is stuck.
fn prove<M: Model>(
    model: &M,
    part: Option<String>,
    operations: &[&Operation<M::Input, M::Output>],
    due: Option<u64>,
    steps_max: u64,
) -> Violation<M::Input, M::Output> {
    let called_by_then = operations
        .iter()
        .filter(|operation| Some(operation.called) <= due);
    let known_then: Vec<_> = called_by_then
        .map(|operation| Operation {
            returned: operation.returned.filter(|returned| Some(*returned) <= due),
            ..(*operation).clone()
        })
        .collect();
    let known_then: Vec<_> = known_then.iter().collect();
    let kept = minimise(model, &known_then, steps_max.saturating_mul(10));
    let proof: Vec<_> = kept.iter().map(|place| known_then[*place]).collect();
    let (order, stuck) = match search(model, &proof, &mut 0, u64::MAX) {
        Found::Nothing { order, stuck } => (order, stuck),
        Found::Order(_) | Found::GaveUp => unreachable!("what was minimised is still a violation"),
    };
    Violation {
        part,
        texts: proof
            .iter()
            .map(|operation| model.describe(&operation.input, operation.output.as_ref()))
            .collect(),
        others: known_then.len() - proof.len(),
        operations: proof.into_iter().cloned().collect(),
        order,
        stuck,
    }
}

impl<I, O> fmt::Display for Violation<I, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.part {
            Some(part) => writeln!(f, "not linearizable, by what happened to {part}:")?,
            None => writeln!(f, "not linearizable:")?,
        }
        for (operation, text) in self.operations.iter().zip(&self.texts) {
            let Operation { client, called, .. } = operation;
            let returned = operation
                .returned
                .map_or("never".to_owned(), |at| at.to_string());
            writeln!(f, "  client {client}, {called} to {returned}: {text}")?;
        }
        let order: Vec<&str> = self
            .order
            .iter()
            .map(|place| self.texts[*place].as_str())
            .collect();
        let stuck = &self.texts[self.stuck];
        match order.as_slice() {
            [] => write!(
                f,
                "`{stuck}` cannot be explained by anything before its answer"
            ),
            order => write!(
                f,
                "after `{}`, `{stuck}` cannot be explained",
                order.join("`, `")
            ),
        }?;
        match self.others {
            0 => Ok(()),
            others => write!(f, "; whichever of {others} other operations took effect"),
        }
    }
}

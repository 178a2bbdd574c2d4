//! What a system would do if it did one operation after the other: [`Model`], and some of them.

mod keyed;
mod register;
mod store;

use std::fmt::Debug;

use crate::Operation;

pub use keyed::{Keyed, Kv};
pub use register::{Register, RegisterInput, RegisterOutput};
pub use store::{
    Action, Answer, Compare, Entry, Range, Relation, State, Store, Target, Txn, TxnOutput,
};

/// What an operation does to a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step<S> {
    /// In this state the answer would have been another one.
    Impossible,
    /// The answer fits, and nothing changes.
    Unchanged,
    /// The answer fits, and this is the state then.
    To(S),
}

/// A system that does one operation after the other.
pub trait Model {
    /// All that later answers depend on.
    type State: Clone + Ord + Debug;
    /// What can be asked for.
    type Input: Clone + Ord + Debug;
    /// What can be answered.
    type Output: Clone + Ord + Debug;

    /// The state before the first operation (of one part, see [`Model::part`]).
    fn initial(&self) -> Self::State;

    /// What `input` does to `state`, if it is answered with `output`; None stands for any answer. With an answer with which it changes
    /// nothing in one state ([`Step::Unchanged`]) it must change nothing in any.
    fn step(
        &self,
        state: &Self::State,
        input: &Self::Input,
        output: Option<&Self::Output>,
    ) -> Step<Self::State>;

    /// Whether it changes nothing, whatever the state is.
    fn is_read(&self, input: &Self::Input) -> bool;

    /// The part of the system that alone decides on the answer, and alone is changed: a key. Parts are searched one by one. None:
    /// it may depend on all of them; if a history has one such operation, it is searched as a whole.
    fn part(&self, input: &Self::Input) -> Option<String> {
        let _ = input;
        None
    }

    /// Which of a part's operations could explain some answer; it may spare the search many choices. Only an unanswered one may be
    /// left out, and only if the history is as good, or as bad, without it. (Unanswered reads have been left out already.)
    fn relevant(&self, operations: &[Operation<&Self::Input, &Self::Output>]) -> Vec<bool> {
        vec![true; operations.len()]
    }

    /// The operation in a few words, for pictures: `read → 1`.
    fn describe(&self, input: &Self::Input, output: Option<&Self::Output>) -> String {
        let output = output.map_or("?".to_owned(), |output| format!("{output:?}"));
        format!("{input:?} → {output}")
    }
}

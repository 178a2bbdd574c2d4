//! Many of one model, each under a key, that know nothing of each other.

use super::{Model, Register, Step};
use crate::Operation;

/// Many of one model, each under a key. What a client asks for is a key, and what it asks of that key.
#[derive(Clone, Copy, Debug, Default)]
pub struct Keyed<M>(pub M);

/// A key-value store without operations on several keys.
pub type Kv = Keyed<Register>;

impl<M: Model> Model for Keyed<M> {
    /// Of one key: operations on others are in other parts.
    type State = M::State;
    type Input = (String, M::Input);
    type Output = M::Output;

    fn initial(&self) -> M::State {
        self.0.initial()
    }

    fn step(
        &self,
        state: &M::State,
        (_, input): &Self::Input,
        output: Option<&M::Output>,
    ) -> Step<M::State> {
        self.0.step(state, input, output)
    }

    fn is_read(&self, (_, input): &Self::Input) -> bool {
        self.0.is_read(input)
    }

    fn part(&self, (key, _): &Self::Input) -> Option<String> {
        Some(key.clone())
    }

    fn relevant(&self, operations: &[Operation<&Self::Input, &M::Output>]) -> Vec<bool> {
        let without_key = operations.iter().map(|operation| Operation {
            client: operation.client,
            input: &operation.input.1,
            called: operation.called,
            returned: operation.returned,
            output: operation.output,
        });
        self.0.relevant(&without_key.collect::<Vec<_>>())
    }

    fn describe(&self, (key, input): &Self::Input, output: Option<&M::Output>) -> String {
        format!("{key}: {}", self.0.describe(input, output))
    }
}

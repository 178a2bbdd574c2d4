//! Histories as a store would make them that does one thing after the other, for clients that do not.

use history::{History, Model, OperationId, Step};

/// A small generator of numbers; the same seed gives the same ones.
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Rng {
        Rng(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }
}

/// Where an operation has got to.
enum Progress<I, O> {
    Called(OperationId, I),
    Effective(OperationId, O),
    /// Its client has given up; it may still take effect.
    Lost(I),
}

/// How a history is made.
pub(crate) struct Plan {
    pub(crate) clients: u64,
    pub(crate) operations: usize,
    /// Of 1,000 operations, so many are never answered.
    pub(crate) lost_per_mille: u64,
}

/// A linearizable history: each operation takes effect, all at once, at some time between its call and its answer. `ask` draws what
/// is asked for, `does` is the system: the answer, and the state then.
pub(crate) fn linearizable<M: Model>(
    model: &M,
    plan: &Plan,
    rng: &mut Rng,
    mut ask: impl FnMut(&mut Rng) -> M::Input,
    does: impl Fn(&M::State, &M::Input) -> (M::Output, Option<M::State>),
) -> History<M::Input, M::Output> {
    let mut history = History::new();
    let mut state = model.initial();
    let mut clients: Vec<Option<Progress<M::Input, M::Output>>> =
        (0..plan.clients).map(|_| None).collect();
    let mut lost = Vec::new();
    while history.len() < plan.operations || clients.iter().any(Option::is_some) {
        let number = rng.below(plan.clients);
        let client = &mut clients[usize::try_from(number).unwrap()];
        let mut take_effect = |input: &M::Input| {
            let (output, next) = does(&state, input);
            assert_ne!(
                model.step(&state, input, Some(&output)),
                Step::Impossible,
                "{input:?}"
            );
            state = next.unwrap_or(state.clone());
            output
        };
        *client = match client.take() {
            None if history.len() < plan.operations => {
                let input = ask(rng);
                Some(Progress::Called(history.call(number, input.clone()), input))
            }
            None => None,
            Some(Progress::Called(_, input)) if rng.below(1000) < plan.lost_per_mille => {
                lost.push(Progress::<_, M::Output>::Lost(input));
                None
            }
            Some(Progress::Called(id, input)) => Some(Progress::Effective(id, take_effect(&input))),
            Some(Progress::Effective(id, output)) => {
                history.returned(id, output);
                None
            }
            Some(Progress::Lost(_)) => unreachable!("no client waits for what it has given up"),
        };
        if !lost.is_empty() && rng.below(50) == 0 {
            let place = usize::try_from(rng.below(lost.len() as u64)).unwrap();
            if let Progress::Lost(input) = lost.swap_remove(place) {
                take_effect(&input);
            }
        }
    }
    history
}

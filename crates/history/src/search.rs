//! The search for an order: Wing and Gong's (1993), with Lowe's improvements (2017).
//!
//! The answers are gone through by time. Before one can be given, its operation must have taken effect; so at each answer the
//! search may let any of the operations that are open then take effect, one after the other, until the one that is due has. Nothing
//! takes effect earlier than it must ("just in time"), which loses no order and tries fewer. Where it gets stuck, it goes back to
//! the last choice.
//!
//! A configuration is how far it has got, the state, and which open operations have taken effect already. One that was
//! searched in vain is never searched again. Of two that differ only in unanswered operations, which nobody has to use, the one that
//! has used fewer can do all that the other can; so it is as if the other had been searched, too.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::bits::Bits;
use crate::{Model, Operation, Step};

type OperationOf<M> = Operation<<M as Model>::Input, <M as Model>::Output>;

/// What a search came to. Numbers are places in the list of operations that was searched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// An order that explains all answers.
    Order(Vec<usize>),
    /// There is none. No order explains more answers, by time, than `order` does; `stuck` has the next one.
    Nothing { order: Vec<usize>, stuck: usize },
    /// It has done as many steps as it may.
    GaveUp,
}

/// An answer, and what may take effect before it is given.
struct Due {
    operation: usize,
    /// Those called before it, and answered no earlier, by their answers.
    open: Vec<usize>,
    /// So many of the unanswered ones were called before it.
    unanswered: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Config {
    /// Which answer is due.
    due: usize,
    /// A number in `Search::states`.
    state: usize,
    /// Slots of open operations that have taken effect.
    done: Bits,
    /// Unanswered operations that have.
    used: Bits,
    /// Where in `Search::path` it was reached.
    path: usize,
}

struct Search<'a, M: Model> {
    model: &'a M,
    operations: &'a [&'a OperationOf<M>],
    dues: Vec<Due>,
    /// By their calls.
    unanswered: Vec<usize>,
    /// Of each unanswered operation: the one before it that asks for the same.
    twins: Vec<Option<usize>>,
    /// Of each answered operation: a number that no other one has that is open at the same time.
    slots: Vec<usize>,
    states: Vec<Rc<M::State>>,
    numbers: BTreeMap<Rc<M::State>, usize>,
    /// Configurations, and the fewest unanswered operations with which each was reached.
    seen: BTreeMap<(usize, usize, Bits), Vec<Bits>>,
    /// Operations that have taken effect, each with the place of the one before.
    path: Vec<(usize, usize)>,
}

/// The places of the operations that say something.
pub(crate) fn relevant<M: Model>(model: &M, operations: &[&OperationOf<M>]) -> Vec<usize> {
    let is_answered = |place: &usize| operations[*place].returned.is_some();
    let is_read = |place: &usize| model.is_read(&operations[*place].input);
    let mut places: Vec<usize> = (0..operations.len())
        .filter(|place| is_answered(place) || !is_read(place))
        .collect();
    let refs: Vec<_> = places
        .iter()
        .map(|place| operations[*place].as_refs())
        .collect();
    let mut is_relevant = model.relevant(&refs).into_iter();
    places.retain(|place| is_relevant.next() != Some(false) || is_answered(place));
    places
}

/// Searches `operations`, which must not hold unanswered reads. Adds to `steps` how many it took, and gives up at `steps_max`.
pub(crate) fn search<M: Model>(
    model: &M,
    operations: &[&OperationOf<M>],
    steps: &mut u64,
    steps_max: u64,
) -> Found {
    let mut search = Search::new(model, operations);
    let start = search.start();
    let mut longest = start.clone();
    search.is_new(&start);
    let mut stack = vec![(start, 0)];
    while let Some((config, next)) = stack.last_mut() {
        if config.due > longest.due {
            longest.clone_from(config);
        }
        let Some(due) = search.dues.get(config.due) else {
            return Found::Order(search.order(config.path));
        };
        let choices = due.open.len() + due.unanswered;
        let Some(choice) = (*next..choices).find(|choice| search.is_open(config, *choice)) else {
            stack.pop();
            continue;
        };
        *next = choice + 1;
        if *steps >= steps_max {
            return Found::GaveUp;
        }
        *steps += 1;
        let mut config = config.clone();
        if search.take_effect(&mut config, choice) {
            search.go_on(&mut config, steps);
            if search.is_new(&config) {
                stack.push((config, 0));
            }
        }
    }
    Found::Nothing {
        order: search.order(longest.path),
        stuck: search.dues[longest.due].operation,
    }
}

impl<'a, M: Model> Search<'a, M> {
    fn new(model: &'a M, operations: &'a [&'a OperationOf<M>]) -> Self {
        let mut search = Search {
            model,
            operations,
            dues: Vec::new(),
            unanswered: Vec::new(),
            twins: Vec::new(),
            slots: vec![0; operations.len()],
            states: Vec::new(),
            numbers: BTreeMap::new(),
            seen: BTreeMap::new(),
            path: vec![(0, 0)],
        };
        // A call and an answer of the same time overlap, so calls come first.
        let mut events: Vec<(u64, bool, usize)> = Vec::new();
        for (number, operation) in operations.iter().enumerate() {
            events.push((operation.called, false, number));
            events.extend(operation.returned.map(|at| (at, true, number)));
        }
        events.sort_unstable();
        let mut open: BTreeMap<(u64, usize), usize> = BTreeMap::new();
        let mut free: BTreeSet<usize> = (0..operations.len()).collect();
        let mut latest = BTreeMap::new();
        for (at, is_answer, number) in events {
            let operation = operations[number];
            match (is_answer, operation.returned) {
                (true, _) => {
                    search.dues.push(Due {
                        operation: number,
                        open: open.values().copied().collect(),
                        unanswered: search.unanswered.len(),
                    });
                    open.remove(&(at, number));
                    free.insert(search.slots[number]);
                }
                (false, Some(returned)) => {
                    open.insert((returned, number), number);
                    search.slots[number] = free.pop_first().expect("as many slots as operations");
                }
                (false, None) => {
                    let asks = (&operation.input, &operation.output);
                    search
                        .twins
                        .push(latest.insert(asks, search.unanswered.len()));
                    search.unanswered.push(number);
                }
            }
        }
        search
    }

    fn start(&mut self) -> Config {
        let state = self.number(self.model.initial());
        let mut config = Config {
            due: 0,
            state,
            done: Bits::default(),
            used: Bits::default(),
            path: 0,
        };
        self.go_on(&mut config, &mut 0);
        config
    }

    /// Whether what the choice stands for has not taken effect yet. Of two unanswered operations that ask for the same, the one
    /// called first goes first.
    fn is_open(&self, config: &Config, choice: usize) -> bool {
        let open = &self.dues[config.due].open;
        match open.get(choice) {
            Some(operation) => !config.done.has(self.slots[*operation]),
            None => {
                let place = choice - open.len();
                let is_first = self.twins[place].is_none_or(|twin| config.used.has(twin));
                is_first && !config.used.has(place)
            }
        }
    }

    /// Lets an operation take effect, if its answer fits and it can be of use; else, whatever it has changed of the configuration
    /// means nothing.
    fn take_effect(&mut self, config: &mut Config, choice: usize) -> bool {
        let open = &self.dues[config.due].open;
        let number = match open.get(choice) {
            Some(operation) => *operation,
            None => self.unanswered[choice - open.len()],
        };
        if choice < open.len() {
            config.done.add(self.slots[number]);
        } else {
            config.used.add(choice - open.len());
        }
        let operation = self.operations[number];
        let state = &self.states[config.state];
        match (self.model).step(state, &operation.input, operation.output.as_ref()) {
            Step::Impossible => return false,
            Step::Unchanged if choice >= open.len() => return false,
            Step::Unchanged => {}
            Step::To(state) => config.state = self.number(state),
        }
        self.path.push((config.path, number));
        config.path = self.path.len() - 1;
        true
    }

    /// Goes on as far as there is nothing to choose: to the next answer whose operation has not taken effect; and what fits and
    /// changes nothing takes effect at once, since that leaves all that was possible possible.
    fn go_on(&mut self, config: &mut Config, steps: &mut u64) {
        while let Some(due) = self.dues.get(config.due) {
            for number in &due.open {
                if !config.done.has(self.slots[*number]) && self.changes_nothing(config, *number) {
                    *steps += 1;
                    config.done.add(self.slots[*number]);
                    self.path.push((config.path, *number));
                    config.path = self.path.len() - 1;
                }
            }
            if !config.done.has(self.slots[due.operation]) {
                return;
            }
            config.done.remove(self.slots[due.operation]);
            config.due += 1;
        }
    }

    fn changes_nothing(&self, config: &Config, number: usize) -> bool {
        let Operation { input, output, .. } = self.operations[number];
        let is_told = output.is_some() || self.model.is_read(input);
        let state = &self.states[config.state];
        is_told && self.model.step(state, input, output.as_ref()) == Step::Unchanged
    }

    /// Whether it could come to something that what was seen could not.
    fn is_new(&mut self, config: &Config) -> bool {
        let key = (config.due, config.state, config.done.clone());
        let seen = self.seen.entry(key).or_default();
        if seen.iter().any(|used| used.is_subset(&config.used)) {
            return false;
        }
        seen.retain(|used| !config.used.is_subset(used));
        seen.push(config.used.clone());
        true
    }

    fn number(&mut self, state: M::State) -> usize {
        if let Some(number) = self.numbers.get(&state) {
            return *number;
        }
        let state = Rc::new(state);
        self.numbers.insert(state.clone(), self.states.len());
        self.states.push(state);
        self.states.len() - 1
    }

    /// What took effect up to a place in the path.
    fn order(&self, mut place: usize) -> Vec<usize> {
        let mut order = Vec::new();
        while place > 0 {
            let (before, number) = self.path[place];
            order.push(number);
            place = before;
        }
        order.reverse();
        order
    }
}

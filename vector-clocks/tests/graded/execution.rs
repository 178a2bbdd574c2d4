//! Random executions: events of some processes, and messages between them that get lost, come twice, and overtake each other.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::Index;

/// Something that happens at a process. Whatever happens may be the sending of a message as well.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event {
    pub(crate) process: usize,
    /// The event at which the message was sent that arrives here, by its place in the execution.
    pub(crate) sent_at: Option<usize>,
}

/// Events in an order in which they may have happened.
pub(crate) fn executions() -> impl Strategy<Value = Vec<Event>> {
    let event = (0..4usize, any::<Option<Index>>());
    proptest::collection::vec(event, 0..30).prop_map(|drawn| {
        let event = |(i, (process, from)): (usize, (usize, Option<Index>))| Event {
            process,
            sent_at: from.filter(|_| i > 0).map(|from| from.index(i)),
        };
        drawn.into_iter().enumerate().map(event).collect()
    })
}

/// For each event all those that happened before it, by the paths of processes and messages.
pub(crate) fn happened_before(events: &[Event]) -> Vec<BTreeSet<usize>> {
    let mut before: Vec<BTreeSet<usize>> = Vec::new();
    for (i, event) in events.iter().enumerate() {
        let same = |e: &Event| e.process == event.process;
        let previous = events[..i].iter().rposition(same);
        let mut known = BTreeSet::new();
        for from in previous.into_iter().chain(event.sent_at) {
            known.extend(&before[from]);
            known.insert(from);
        }
        before.push(known);
    }
    before
}

//! Vector clocks for the events of a log, from its messages alone.

use super::{EventId, Log, ProcessId, Run};
use crate::vector_clock::VectorClock;

/// The vector clock of every event, by its id. The log's own clocks are not looked at, save where it has no message ids
/// (see [`Log::run`]).
///
/// # Errors
/// A circle of events, as [`Run::causal_order`] finds it: something was received before it was sent.
pub fn stamp(log: &Log) -> Result<Vec<VectorClock<ProcessId>>, Vec<EventId>> {
    let run = log.run();
    let order = run.causal_order()?;
    let mut clocks = vec![VectorClock::new(); log.events.len()];
    let before = before(log, &run);
    for id in order {
        let mut clock = VectorClock::new();
        for earlier in &before[id.0] {
            clock.merge(&clocks[earlier.0]);
        }
        clock.tick(&log.events[id.0].process);
        clocks[id.0] = clock;
    }
    Ok(clocks)
}

/// Of each event those right before it.
pub(super) fn before(log: &Log, run: &Run) -> Vec<Vec<EventId>> {
    let mut before = vec![Vec::new(); log.events.len()];
    for pair in run.processes.iter().flat_map(|events| events.windows(2)) {
        before[pair[1].0].push(pair[0]);
    }
    for message in &run.messages {
        before[message.receive.0].push(message.send);
    }
    before
}

/// All pairs of events of which neither happened before the other, the first with the lower id, given the clocks of all events.
pub fn concurrent<'a>(
    log: &'a Log,
    clocks: &'a [VectorClock<ProcessId>],
) -> impl Iterator<Item = (EventId, EventId)> + 'a {
    log.ids().flat_map(move |a| {
        let later = log.ids().skip(a.0 + 1);
        later
            .filter(move |b| is_concurrent(log, clocks, a, *b))
            .map(move |b| (a, b))
    })
}

/// The events that are concurrent with this one, by their ids.
pub fn concurrent_with<'a>(
    log: &'a Log,
    clocks: &'a [VectorClock<ProcessId>],
    event: EventId,
) -> impl Iterator<Item = EventId> + 'a {
    let others = log.ids().filter(move |other| *other != event);
    others.filter(move |other| is_concurrent(log, clocks, event, *other))
}

/// How many pairs [`concurrent`] would go through, given the clocks that [`stamp`] makes: each counts the events that happened
/// before its own, and that one. All the other pairs are concurrent.
pub fn count_concurrent(clocks: &[VectorClock<ProcessId>]) -> usize {
    let known = clocks
        .iter()
        .flat_map(|clock| clock.iter().map(|(_, count)| count));
    let ordered = usize::try_from(known.sum::<u64>()).unwrap_or(usize::MAX);
    let pairs = clocks.len() * (clocks.len() + 1) / 2;
    pairs.saturating_sub(ordered)
}

/// Of an event its own entry is enough: whoever knows that much of its process knows of it.
fn is_concurrent(log: &Log, clocks: &[VectorClock<ProcessId>], a: EventId, b: EventId) -> bool {
    let knows = |of: EventId, by: EventId| {
        let process = log.events[of.0].process;
        clocks[by.0].get(&process) >= clocks[of.0].get(&process)
    };
    !knows(a, b) && !knows(b, a)
}

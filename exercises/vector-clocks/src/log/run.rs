//! A run, bare: events in order, messages between them. "Happened before" is what can be reached along these two.
//!
//! Lamport 1978, section "The Partial Ordering": `a` happened before `b` if they are of one process and `a` comes first, or `a`
//! sends a message and `b` receives it, or by a chain of such steps. It is not about time: if there is no chain, nothing that was known
//! at `a` can have been known at `b`, and the two are concurrent, even if they were years apart.

use std::collections::BTreeMap;

use super::{EventId, Kind, Log, ProcessId};

/// A message that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Message {
    /// The event that sends it.
    pub send: EventId,
    /// The event that receives it. One that comes twice has two such pairs.
    pub receive: EventId,
}

/// The events of some processes, and the messages between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// Of each process its events, in order.
    pub processes: Vec<Vec<EventId>>,
    /// All messages that arrived.
    pub messages: Vec<Message>,
}

impl Run {
    /// How it came that `from` happened before `to`: a chain of events that begins with `from` and ends with `to`, in which each one is the next
    /// event of the same process or the receipt of a message that the one before it sent. Any such chain is right.
    ///
    /// None if `from` did not happen before `to`: they are concurrent, or the same event, or it is the other way round. None too if
    /// there is no such event. In a log that is wrong there may be circles; that must not hold it up.
    pub fn chain(&self, from: EventId, to: EventId) -> Option<Vec<EventId>> {
        let _ = (from, to);
        todo!(
            "clocks/happened-before: search from `from`, along processes and messages, and remember how you came."
        )
    }

    /// All events in an order in which each comes behind those that happened before it; of several that could come next the one
    /// with the lowest id.
    ///
    /// # Errors
    /// A circle: events each of which would have happened before the next, and the last before the first.
    pub fn causal_order(&self) -> Result<Vec<EventId>, Vec<EventId>> {
        let mut before: BTreeMap<EventId, Vec<EventId>> = BTreeMap::new();
        let mut after: BTreeMap<EventId, Vec<EventId>> = BTreeMap::new();
        for event in self.processes.iter().flatten() {
            before.entry(*event).or_default();
        }
        let steps = (self.processes.iter())
            .flat_map(|events| events.windows(2).map(|pair| (pair[0], pair[1])))
            .chain(
                self.messages
                    .iter()
                    .map(|message| (message.send, message.receive)),
            );
        for (first, second) in steps {
            before.entry(second).or_default().push(first);
            after.entry(first).or_default().push(second);
        }
        let mut open: BTreeMap<EventId, usize> = before
            .iter()
            .map(|(event, list)| (*event, list.len()))
            .collect();
        let mut ready: Vec<EventId> = (open.iter().rev())
            .filter(|(_, count)| **count == 0)
            .map(|(event, _)| *event)
            .collect();
        let mut order = Vec::new();
        while let Some(event) = ready.pop() {
            open.remove(&event);
            order.push(event);
            for next in after.get(&event).into_iter().flatten() {
                if let Some(count) = open.get_mut(next) {
                    *count -= 1;
                    if *count == 0 {
                        let at = ready.partition_point(|other| other > next);
                        ready.insert(at, *next);
                    }
                }
            }
        }
        match open.keys().next() {
            None => Ok(order),
            Some(first) => Err(circle(*first, &before, &open)),
        }
    }
}

/// Every event that is open has one before it that is open too: going backwards leads into a circle.
fn circle(
    start: EventId,
    before: &BTreeMap<EventId, Vec<EventId>>,
    open: &BTreeMap<EventId, usize>,
) -> Vec<EventId> {
    let mut way = vec![start];
    loop {
        let last = way[way.len() - 1];
        let earlier = before.get(&last).into_iter().flatten();
        let Some(earlier) = earlier.copied().find(|event| open.contains_key(event)) else {
            return way;
        };
        if let Some(at) = way.iter().position(|event| *event == earlier) {
            way.drain(..at);
            way.reverse();
            return way;
        }
        way.push(earlier);
    }
}

impl Log {
    /// The run that the log tells of: messages by their ids, or, in a log that has none, by what clocks have learned.
    pub fn run(&self) -> Run {
        let mut processes = vec![Vec::new(); self.processes.len()];
        for id in self.ids() {
            processes[self.events[id.0].process.0].push(id);
        }
        let by_id = self.events.iter().any(|event| event.kind != Kind::Inner);
        let messages = if by_id {
            self.messages_by_id()
        } else {
            self.messages_by_clocks(&processes)
        };
        Run {
            processes,
            messages,
        }
    }

    fn messages_by_id(&self) -> Vec<Message> {
        let mut sends: BTreeMap<&str, EventId> = BTreeMap::new();
        for id in self.ids() {
            if let Kind::Send(message) = &self.events[id.0].kind {
                sends.entry(message).or_insert(id);
            }
        }
        let receipts = self
            .ids()
            .filter_map(|receive| match &self.events[receive.0].kind {
                Kind::Receive(message) => {
                    let send = *sends.get(message.as_str())?;
                    Some(Message { send, receive })
                }
                _ => None,
            });
        receipts.collect()
    }

    /// Where a clock has a higher count of another process than the event before it, a message has come from that process; not
    /// where another of these messages brought that knowledge along.
    fn messages_by_clocks(&self, processes: &[Vec<EventId>]) -> Vec<Message> {
        let mut messages = Vec::new();
        let clock = |id: EventId| self.events[id.0].clock.as_ref();
        for (process, events) in processes.iter().enumerate() {
            for (at, receive) in events.iter().enumerate() {
                let known = at.checked_sub(1).and_then(|before| clock(events[before]));
                let learned = |(other, count): (&ProcessId, u64)| {
                    let is_new =
                        other.0 != process && known.is_none_or(|known| known.get(other) < count);
                    let index = usize::try_from(count).ok()?.checked_sub(1)?;
                    let send = processes.get(other.0)?.get(index).copied()?;
                    is_new.then_some((*other, count, send))
                };
                let news: Vec<(ProcessId, u64, EventId)> = clock(*receive)
                    .into_iter()
                    .flat_map(|clock| clock.iter())
                    .filter_map(learned)
                    .collect();
                let is_direct = |(other, count, send): &&(ProcessId, u64, EventId)| {
                    let mut brought = news.iter().filter(|(_, _, by)| by != send);
                    !brought.any(|(_, _, by)| {
                        clock(*by).is_some_and(|clock| clock.get(other) >= *count)
                    })
                };
                let direct = news.iter().filter(is_direct);
                messages.extend(direct.map(|(_, _, send)| Message {
                    send: *send,
                    receive: *receive,
                }));
            }
        }
        messages
    }
}

//! What in a log cannot have happened.
//!
//! Messages: each receipt needs one send, and none may come before it, not even on a detour over other processes. Clocks: each is
//! compared with what it should be, given the log's own clocks of the events right before it, so that a mistake is told where it
//! is made and not at everything behind it.

use std::collections::BTreeMap;

use super::stamp::before;
use super::{EventId, Kind, Log, ProcessId};
use crate::vector_clock::VectorClock;

/// In which way a log is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wrong {
    /// A message is received that nobody sent.
    NeverSent,
    /// Two events send a message of the same id.
    SentTwice,
    /// Events form a circle: something was received before it was sent.
    ReceivedBeforeSent,
    /// A clock does not count its own event.
    NotCounted,
    /// A process's count of its own events does not go up.
    GoesBack,
    /// A process's count of its own events jumps: events are missing, or counted that are not logged.
    Gap,
    /// A clock has lost what the process knew before.
    Forgets,
    /// A clock lacks what a message brought.
    KnowsTooLittle,
    /// A clock has what no message can have brought.
    KnowsTooMuch,
    /// Nothing is wrong with the order, but the machines' own clocks show the receipt before the sending.
    TimeDisagrees,
}

impl Wrong {
    /// Whether the log cannot be true. Times that disagree are no violation: machines' clocks may be apart.
    pub fn is_violation(self) -> bool {
        self != Wrong::TimeDisagrees
    }
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Where.
    pub event: EventId,
    /// In which way.
    pub wrong: Wrong,
    /// A sentence for people.
    pub text: String,
}

/// All that is wrong with a log, by events; nothing if all is well.
pub fn check(log: &Log) -> Vec<Finding> {
    let mut findings = Vec::new();
    check_ids(log, &mut findings);
    let run = log.run();
    let order = run.causal_order();
    if let Err(circle) = &order {
        let labels: Vec<String> = circle
            .iter()
            .chain(circle.first())
            .map(|id| log.label(*id))
            .collect();
        let event = circle
            .iter()
            .copied()
            .find(|id| matches!(log.events[id.0].kind, Kind::Receive(_)));
        findings.push(Finding {
            event: event.or(circle.first().copied()).unwrap_or(EventId(0)),
            wrong: Wrong::ReceivedBeforeSent,
            text: format!(
                "each of these would have happened before the next: {}; a message is received before it is sent",
                labels.join(", ")
            ),
        });
    }
    let is_circle = order.is_err();
    let order = order.unwrap_or_else(|_| log.ids().collect());
    check_clocks(log, &order, &before(log, &run), is_circle, &mut findings);
    for message in &run.messages {
        let (send, receive) = (&log.events[message.send.0], &log.events[message.receive.0]);
        if let (Some(sent), Some(received)) = (send.time_us, receive.time_us)
            && received < sent
        {
            findings.push(Finding {
                event: message.receive,
                wrong: Wrong::TimeDisagrees,
                text: format!(
                    "received at {received} µs by the clock of {}, and sent at {sent} µs by that of {}: their clocks are at least {} µs apart",
                    log.name(receive.process),
                    log.name(send.process),
                    sent - received
                ),
            });
        }
    }
    findings.sort_by_key(|finding| (finding.event, finding.wrong));
    findings
}

fn check_ids(log: &Log, findings: &mut Vec<Finding>) {
    let mut sends: BTreeMap<&str, EventId> = BTreeMap::new();
    for event in log.ids() {
        if let Kind::Send(message) = &log.events[event.0].kind {
            if let Some(first) = sends.get(message.as_str()) {
                let text = format!(
                    "message `{message}` was sent already, by {}; give each message an id of its own",
                    log.label(*first)
                );
                findings.push(Finding {
                    event,
                    wrong: Wrong::SentTwice,
                    text,
                });
            } else {
                sends.insert(message, event);
            }
        }
    }
    for event in log.ids() {
        if let Kind::Receive(message) = &log.events[event.0].kind
            && !sends.contains_key(message.as_str())
        {
            let text = format!(
                "message `{message}` is received, and no event sends it; is the log of its sender missing?"
            );
            findings.push(Finding {
                event,
                wrong: Wrong::NeverSent,
                text,
            });
        }
    }
}

/// Compares the clocks with those expected. In a log with a circle there is no order in which to expect anything of others.
fn check_clocks(
    log: &Log,
    order: &[EventId],
    before: &[Vec<EventId>],
    is_circle: bool,
    findings: &mut Vec<Finding>,
) {
    let mut clocks: Vec<VectorClock<ProcessId>> = vec![VectorClock::new(); log.events.len()];
    for event in order.iter().copied() {
        let own = log.events[event.0].process;
        let mut expected = VectorClock::new();
        let mut previous = VectorClock::new();
        for earlier in &before[event.0] {
            expected.merge(&clocks[earlier.0]);
            if log.events[earlier.0].process == own {
                previous.merge(&clocks[earlier.0]);
            }
        }
        let count_before = previous.get(&own);
        expected.tick(&own);
        let Some(clock) = &log.events[event.0].clock else {
            clocks[event.0] = expected;
            continue;
        };
        clocks[event.0] = clock.clone();
        let mut add = |wrong, text| findings.push(Finding { event, wrong, text });
        if let Some((wrong, text)) = own_entry(log.name(own), count_before, clock.get(&own)) {
            add(wrong, text);
        }
        let processes = expected
            .iter()
            .chain(clock.iter())
            .map(|(process, _)| *process);
        let mut others: Vec<ProcessId> = processes.filter(|process| *process != own).collect();
        others.sort_unstable();
        others.dedup();
        for other in others.into_iter().filter(|_| !is_circle) {
            let counts = (
                previous.get(&other),
                expected.get(&other),
                clock.get(&other),
            );
            if let Some((wrong, text)) = other_entry(log.name(other), counts) {
                add(wrong, text);
            }
        }
    }
}

/// What is wrong with the count that a process has of its own events.
fn own_entry(name: &str, before: u64, count: u64) -> Option<(Wrong, String)> {
    let expected = before.saturating_add(1);
    if count == expected {
        return None;
    }
    Some(if count == 0 {
        (
            Wrong::NotCounted,
            format!("the clock has no entry for {name}, whose event it is; expected {expected}"),
        )
    } else if count <= before {
        (
            Wrong::GoesBack,
            format!("the clock of {name} goes from {before} to {count}; expected {expected}"),
        )
    } else {
        (
            Wrong::Gap,
            format!(
                "the clock of {name} goes from {before} to {count}; expected {expected}: events are missing from the log"
            ),
        )
    })
}

/// What is wrong with the count that a clock has of another process, given what the process had before, what is expected, and
/// what the clock says.
fn other_entry(name: &str, (before, expected, count): (u64, u64, u64)) -> Option<(Wrong, String)> {
    if count == expected {
        return None;
    }
    Some(if count < before {
        (
            Wrong::Forgets,
            format!("the clock knows {count} events of {name}, and knew {before} before"),
        )
    } else if count < expected {
        (
            Wrong::KnowsTooLittle,
            format!("the clock knows {count} events of {name}; a message has brought {expected}"),
        )
    } else {
        (
            Wrong::KnowsTooMuch,
            format!(
                "the clock knows {count} events of {name}; no message can have told it of more than {expected}"
            ),
        )
    })
}

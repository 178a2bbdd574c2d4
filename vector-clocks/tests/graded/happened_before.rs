//! A chain of events is found where one event happened before another, and none where it did not.

use autograder::{Test, tests};
use proptest::prelude::*;
use vector_clocks::log::{EventId, Message, Run};

use crate::execution::{Event, executions, happened_before};

pub(crate) const TESTS: &[Test] = tests![
    of_one_process_the_earlier_comes_first,
    a_message_leads_from_its_send_to_its_receipt,
    a_chain_leads_over_several_processes,
    nothing_leads_backwards,
    no_event_happened_before_itself,
    events_without_a_chain_are_concurrent,
    a_message_may_be_received_more_than_once,
    what_is_not_in_the_run_did_not_happen,
    a_circle_holds_nobody_up,
    a_long_log_is_no_problem,
    in_any_run_the_chains_are_those_that_there_are,
];

/// A run of processes with these events, and messages between them.
fn run(processes: &[&[usize]], messages: &[(usize, usize)]) -> Run {
    let message = |(send, receive): &(usize, usize)| Message {
        send: EventId(*send),
        receive: EventId(*receive),
    };
    Run {
        processes: processes
            .iter()
            .map(|events| events.iter().copied().map(EventId).collect())
            .collect(),
        messages: messages.iter().map(message).collect(),
    }
}

/// What is wrong with a chain from `from` to `to`, if anything is.
fn fault(run: &Run, from: usize, to: usize, chain: &[EventId]) -> Option<String> {
    if chain.first() != Some(&EventId(from)) || chain.last() != Some(&EventId(to)) {
        return Some(format!("it should begin with {from} and end with {to}"));
    }
    let is_step = |a: EventId, b: EventId| {
        let mut pairs = run.processes.iter().flat_map(|events| events.windows(2));
        run.messages.contains(&Message {
            send: a,
            receive: b,
        }) || pairs.any(|pair| pair == [a, b])
    };
    let pair = chain.windows(2).find(|pair| !is_step(pair[0], pair[1]))?;
    Some(format!(
        "{:?} is neither the next of its process after {:?} nor the receipt of what it sent",
        pair[1], pair[0]
    ))
}

#[track_caller]
fn leads(run: &Run, from: usize, to: usize) {
    let Some(chain) = run.chain(EventId(from), EventId(to)) else {
        panic!("event {from} happened before event {to}, and no chain is found in {run:?}");
    };
    if let Some(fault) = fault(run, from, to, &chain) {
        panic!("the chain {chain:?} is none: {fault}");
    }
}

#[track_caller]
fn leads_not(run: &Run, from: usize, to: usize) {
    let chain = run.chain(EventId(from), EventId(to));
    assert_eq!(chain, None, "event {from} did not happen before event {to}");
}

fn of_one_process_the_earlier_comes_first() {
    // The ids say nothing about the order.
    let run = run(&[&[7, 3, 5, 1]], &[]);
    leads(&run, 7, 3);
    leads(&run, 7, 1);
    leads(&run, 3, 1);
}

fn a_message_leads_from_its_send_to_its_receipt() {
    let run = run(&[&[0, 1], &[2, 3]], &[(0, 3)]);
    leads(&run, 0, 3);
}

fn a_chain_leads_over_several_processes() {
    let run = run(
        &[&[0, 1, 2], &[3, 4, 5], &[6, 7, 8]],
        &[(1, 4), (4, 7), (5, 0)],
    );
    leads(&run, 1, 7);
    leads(&run, 1, 8);
    leads(&run, 3, 8);
    leads(&run, 3, 0);
}

fn nothing_leads_backwards() {
    let run = run(&[&[0, 1], &[2, 3]], &[(1, 2)]);
    leads_not(&run, 1, 0);
    leads_not(&run, 2, 1);
    leads_not(&run, 3, 0);
}

fn no_event_happened_before_itself() {
    let run = run(&[&[0, 1], &[2]], &[(0, 2)]);
    for event in 0..3 {
        leads_not(&run, event, event);
    }
}

fn events_without_a_chain_are_concurrent() {
    // 1 is sent and received after 0 and 3 had happened.
    let run = run(&[&[0, 1], &[2, 3, 4]], &[(1, 4)]);
    for (a, b) in [(0, 2), (0, 3), (1, 2), (1, 3)] {
        leads_not(&run, a, b);
        leads_not(&run, b, a);
    }
}

fn a_message_may_be_received_more_than_once() {
    let run = run(&[&[0], &[1, 2], &[3]], &[(0, 2), (0, 1), (0, 3)]);
    for receipt in [1, 2, 3] {
        leads(&run, 0, receipt);
    }
    leads_not(&run, 1, 3);
}

fn what_is_not_in_the_run_did_not_happen() {
    let run = run(&[&[0, 1]], &[]);
    leads_not(&run, 0, 9);
    leads_not(&run, 9, 0);
    leads_not(&run, 9, 9);
    assert_eq!(Run::default().chain(EventId(0), EventId(1)), None);
}

fn a_circle_holds_nobody_up() {
    // A wrong log: 0 is received from 3, and 3 is behind 0.
    let run = run(&[&[0, 1], &[2, 3], &[4]], &[(1, 2), (3, 0)]);
    leads(&run, 0, 3);
    leads(&run, 3, 1);
    leads_not(&run, 0, 4);
    leads_not(&run, 4, 0);
}

fn a_long_log_is_no_problem() {
    // Two processes that send to each other all the time: there are more ways than anybody can count.
    let count = 3000;
    let (even, odd): (Vec<usize>, Vec<usize>) = (0..2 * count).partition(|event| event % 2 == 0);
    let messages: Vec<(usize, usize)> = (0..count - 1)
        .flat_map(|i| [(2 * i, 2 * i + 3), (2 * i + 1, 2 * i + 2)])
        .collect();
    let run = run(&[&even, &odd, &[2 * count]], &messages);
    leads(&run, 0, 2 * count - 1);
    leads_not(&run, 0, 2 * count);
}

/// The run that an execution is.
fn run_of(events: &[Event]) -> Run {
    let of = |process| {
        let all = events.iter().enumerate();
        all.filter(move |(_, event)| event.process == process)
            .map(|(id, _)| EventId(id))
            .collect()
    };
    let message = |(id, event): (usize, &Event)| {
        Some(Message {
            send: EventId(event.sent_at?),
            receive: EventId(id),
        })
    };
    Run {
        processes: (0..4).map(of).collect(),
        messages: events.iter().enumerate().filter_map(message).collect(),
    }
}

proptest! {
    #![proptest_config(autograder::property(128))]

    fn in_any_run_the_chains_are_those_that_there_are(events in executions()) {
        let run = run_of(&events);
        for (to, before) in happened_before(&events).iter().enumerate() {
            for from in 0..events.len() {
                let chain = run.chain(EventId(from), EventId(to));
                prop_assert_eq!(
                    chain.is_some(),
                    before.contains(&from),
                    "whether event {} happened before event {}", from, to
                );
                if let Some(chain) = chain {
                    let fault = fault(&run, from, to, &chain);
                    prop_assert_eq!(fault, None, "the chain {:?} from {} to {}", chain, from, to);
                }
            }
        }
    }
}

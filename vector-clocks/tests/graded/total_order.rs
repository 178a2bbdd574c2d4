//! Everybody delivers the same in the same order, as soon as nothing earlier can come, and not before.

use autograder::{Test, tests};
use vector_clocks::total_order::{Packet, Place, TotalOrder};

use crate::{replicas, scenario};

pub(crate) const TESTS: &[Test] = tests![
    a_message_takes_its_place_in_the_queue,
    a_message_is_acknowledged_later_than_it_was_sent,
    whoever_answers_is_later_than_what_he_heard,
    an_acknowledgement_is_noted_and_not_acknowledged,
    a_copy_changes_nothing,
    a_stranger_changes_nothing,
    nothing_is_delivered_while_somebody_is_silent,
    the_first_is_delivered_when_everybody_was_heard_beyond_it,
    all_that_are_due_are_delivered_in_order,
    of_two_at_the_same_time_the_lower_name_is_first,
    ones_own_message_waits_like_any_other,
    who_is_alone_waits_for_nobody,
    on_a_bad_network_all_replicas_do_the_same,
];

type Core = TotalOrder<&'static str, &'static str>;

/// Bob, in a group with ada and cy, whose clock shows this time.
fn bob(time: u64) -> Core {
    let mut bob = TotalOrder::new("bob", ["ada", "bob", "cy"]);
    bob.time = time;
    bob
}

fn place(time: u64, sender: &'static str) -> Place<&'static str> {
    Place { time, sender }
}

fn message(time: u64, sender: &'static str) -> Packet<&'static str, &'static str> {
    let (place, payload) = (place(time, sender), "x");
    Packet::Message { place, payload }
}

fn queued(core: &Core) -> Vec<(u64, &'static str)> {
    core.queue
        .keys()
        .map(|place| (place.time, place.sender))
        .collect()
}

fn delivered(core: &mut Core) -> Vec<(u64, &'static str)> {
    let delivered = core.deliver().into_iter();
    delivered
        .map(|(place, _)| (place.time, place.sender))
        .collect()
}

/// Bob with these in his queue, who has heard ada and cy at these times.
fn waiting(queue: &[(u64, &'static str)], ada: u64, cy: u64) -> Core {
    let mut bob = bob(20);
    for (time, sender) in queue {
        bob.queue.insert(place(*time, sender), "x");
    }
    bob.heard.insert("ada", ada);
    bob.heard.insert("cy", cy);
    bob
}

fn a_message_takes_its_place_in_the_queue() {
    let mut bob = bob(0);
    bob.receive(&"cy", message(5, "cy"));
    bob.receive(&"ada", message(4, "ada"));
    assert_eq!(
        queued(&bob),
        [(4, "ada"), (5, "cy")],
        "both wait in the queue, by their places"
    );
    assert_eq!(bob.heard["ada"], 4, "ada was heard at 4");
    assert_eq!(bob.heard["cy"], 5, "cy was heard at 5");
}

#[track_caller]
fn ack_time(answer: Option<Packet<&'static str, &'static str>>) -> u64 {
    match answer {
        Some(Packet::Ack { time }) => time,
        other => panic!(
            "a message should be answered with an acknowledgement, and what comes is {other:?}"
        ),
    }
}

fn a_message_is_acknowledged_later_than_it_was_sent() {
    let time = ack_time(bob(0).receive(&"ada", message(7, "ada")));
    assert!(
        time > 7,
        "the message was sent at 7, and is acknowledged at {time}: receiving comes after sending"
    );
    let time = ack_time(bob(30).receive(&"ada", message(7, "ada")));
    assert!(
        time > 30,
        "bob's clock showed 30 before, and he acknowledges at {time}"
    );
}

fn whoever_answers_is_later_than_what_he_heard() {
    let mut bob = bob(0);
    let first = ack_time(bob.receive(&"ada", message(7, "ada")));
    let Packet::Message { place, .. } = bob.broadcast("answer") else {
        panic!("a broadcast is a message");
    };
    assert!(
        place.time > first,
        "bob acknowledged at {first}, and sends his answer at {}",
        place.time
    );
    bob.receive(&"cy", Packet::Ack { time: 50 });
    let Packet::Message { place, .. } = bob.broadcast("another") else {
        panic!("a broadcast is a message");
    };
    assert!(
        place.time > 50,
        "bob has heard of time 50, and sends at {}",
        place.time
    );
}

fn an_acknowledgement_is_noted_and_not_acknowledged() {
    let mut bob = bob(0);
    let answer = bob.receive(&"ada", Packet::Ack { time: 9 });
    assert_eq!(
        answer, None,
        "acknowledgements of acknowledgements would never end"
    );
    assert_eq!(bob.heard["ada"], 9, "ada was heard at 9");
    assert_eq!(queued(&bob), [], "there is nothing in it to be delivered");
}

fn a_copy_changes_nothing() {
    let mut bob = bob(0);
    bob.receive(&"ada", message(4, "ada"));
    bob.receive(&"cy", Packet::Ack { time: 6 });
    bob.receive(&"ada", Packet::Ack { time: 8 });
    assert_eq!(
        delivered(&mut bob),
        [(4, "ada")],
        "ada and cy were heard beyond it"
    );
    let answer = bob.receive(&"ada", message(4, "ada"));
    assert_eq!(
        answer, None,
        "ada was heard at 8 already: what comes from 4 is a copy"
    );
    assert_eq!(
        queued(&bob),
        [],
        "it has been delivered, and should not wait again"
    );
    assert_eq!(bob.heard["ada"], 8, "that ada was heard at 8 should stay");
}

fn a_stranger_changes_nothing() {
    let mut bob = bob(0);
    let answer = bob.receive(&"dee", message(4, "dee"));
    assert_eq!(answer, None, "dee does not belong to the group");
    assert_eq!(queued(&bob), [], "what dee sends is not delivered");
    assert!(!bob.heard.contains_key("dee"), "and nobody waits for dee");
}

fn nothing_is_delivered_while_somebody_is_silent() {
    let mut silent = waiting(&[(5, "ada")], 9, 3);
    assert_eq!(
        delivered(&mut silent),
        [],
        "cy was heard at 3, and may still send something at 4"
    );
    assert_eq!(queued(&silent), [(5, "ada")], "it stays in the queue");
    let mut never = waiting(&[(5, "ada")], 9, 0);
    assert_eq!(delivered(&mut never), [], "cy was never heard");
    let mut other = waiting(&[(5, "cy")], 3, 9);
    assert_eq!(delivered(&mut other), [], "ada was heard at 3");
}

fn the_first_is_delivered_when_everybody_was_heard_beyond_it() {
    let mut bob = waiting(&[(5, "ada")], 5, 6);
    assert_eq!(
        delivered(&mut bob),
        [(5, "ada")],
        "ada herself at 5, and cy at 6: nothing earlier can come"
    );
    assert_eq!(
        queued(&bob),
        [],
        "what is delivered is in the queue no more"
    );
}

fn all_that_are_due_are_delivered_in_order() {
    let mut bob = waiting(
        &[(2, "cy"), (3, "ada"), (4, "bob"), (9, "ada"), (12, "cy")],
        9,
        12,
    );
    let first = delivered(&mut bob);
    assert!(
        first.starts_with(&[(2, "cy"), (3, "ada"), (4, "bob")]),
        "ada was heard at 9 and cy at 12, so all up to there are due: {first:?}"
    );
    bob.heard.insert("ada", 10);
    let all = [first, delivered(&mut bob)].concat();
    assert_eq!(
        all,
        [(2, "cy"), (3, "ada"), (4, "bob"), (9, "ada")],
        "ada was heard at 10 and may still send something at 11, so the one at 12 waits"
    );
}

fn of_two_at_the_same_time_the_lower_name_is_first() {
    let mut bob = waiting(&[(5, "cy"), (5, "ada"), (5, "bob")], 8, 8);
    let expected = [(5, "ada"), (5, "bob"), (5, "cy")];
    assert_eq!(
        delivered(&mut bob),
        expected,
        "the name decides where the time does not, for everybody in the same way"
    );
}

fn ones_own_message_waits_like_any_other() {
    let mut bob = bob(6);
    let packet = bob.broadcast("mine");
    assert_eq!(
        packet,
        Packet::Message {
            place: place(7, "bob"),
            payload: "mine"
        }
    );
    assert_eq!(
        delivered(&mut bob),
        [],
        "ada or cy may have sent something earlier that is under way"
    );
    bob.receive(&"ada", Packet::Ack { time: 9 });
    assert_eq!(delivered(&mut bob), [], "cy may have");
    bob.receive(&"cy", Packet::Ack { time: 9 });
    assert_eq!(
        delivered(&mut bob),
        [(7, "bob")],
        "both were heard beyond it"
    );
}

fn who_is_alone_waits_for_nobody() {
    let mut alone: Core = TotalOrder::new("bob", ["bob"]);
    alone.broadcast("one");
    alone.broadcast("two");
    assert_eq!(
        delivered(&mut alone),
        [(1, "bob"), (2, "bob")],
        "there is nobody else to be heard"
    );
}

fn on_a_bad_network_all_replicas_do_the_same() {
    for seed in autograder::seeds(60) {
        scenario::check(&replicas::Replicas, seed);
    }
}

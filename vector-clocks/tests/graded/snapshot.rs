//! A piece holds the state as it was, and of each channel exactly what was under way.

use std::collections::BTreeMap;

use autograder::{Test, tests};
use vector_clocks::snapshot::{Piece, Snapshots};

use crate::{bank, scenario};

pub(crate) const TESTS: &[Test] = tests![
    who_begins_records_its_state_and_sends_markers,
    a_snapshot_is_begun_once,
    the_first_marker_begins_it_here,
    the_channel_of_the_first_marker_is_empty,
    what_comes_before_the_marker_was_under_way,
    what_came_before_the_beginning_was_not,
    a_piece_is_complete_with_the_last_marker,
    the_state_is_that_of_the_beginning,
    without_incoming_channels_it_is_complete_at_once,
    two_snapshots_do_not_mix,
    a_marker_that_comes_again_changes_nothing,
    a_marker_of_a_stranger_closes_nothing,
    on_a_bad_network_no_money_is_lost_or_made,
];

type Core = Snapshots<&'static str, u32, &'static str>;
type Channels = BTreeMap<&'static str, Vec<&'static str>>;

/// Bob, to whom ada and cy have channels.
fn bob() -> Core {
    Snapshots::new(["ada", "cy"])
}

fn channels(ada: &[&'static str], cy: &[&'static str]) -> Channels {
    BTreeMap::from([("ada", ada.to_vec()), ("cy", cy.to_vec())])
}

/// The one piece that is complete.
#[track_caller]
fn complete(bob: &mut Core, id: u64) -> Piece<&'static str, u32, &'static str> {
    let Some((of, piece)) = bob.take_complete() else {
        panic!(
            "snapshot {id} should be complete; what runs is {:?}",
            bob.running
        );
    };
    assert_eq!(of, id, "the complete piece is of another snapshot");
    piece
}

#[track_caller]
fn nothing_complete(bob: &mut Core, why: &str) {
    assert_eq!(bob.take_complete(), None, "{why}");
}

fn who_begins_records_its_state_and_sends_markers() {
    let mut bob = bob();
    assert!(bob.start(1, &100), "whoever begins should send markers");
    assert_eq!(
        bob.waits_for(1),
        ["ada", "cy"],
        "of both incoming channels the marker is still to come"
    );
    nothing_complete(&mut bob, "no marker has come");
    assert_eq!(
        bob.running[&1].piece.state, 100,
        "the state should be recorded"
    );
}

fn a_snapshot_is_begun_once() {
    let mut bob = bob();
    bob.start(1, &100);
    assert!(
        !bob.start(1, &200),
        "it runs: no markers are to be sent a second time"
    );
    assert_eq!(
        bob.running[&1].piece.state, 100,
        "the state of the beginning should stay"
    );
    bob.marker(&"ada", 1, &300);
    bob.marker(&"cy", 1, &300);
    complete(&mut bob, 1);
    assert!(
        !bob.start(1, &400),
        "its part is done: the same id should not begin anew"
    );
    assert!(
        bob.running.is_empty(),
        "nothing runs any more: {:?}",
        bob.running
    );
}

fn the_first_marker_begins_it_here() {
    let mut bob = bob();
    assert!(
        bob.marker(&"ada", 1, &100),
        "the first marker: it should be sent on"
    );
    assert!(
        !bob.marker(&"cy", 1, &100),
        "the second one: it was sent on already"
    );
}

fn the_channel_of_the_first_marker_is_empty() {
    let mut bob = bob();
    bob.message(&"ada", &"before");
    bob.marker(&"ada", 1, &100);
    assert_eq!(
        bob.waits_for(1),
        ["cy"],
        "ada's marker has come, so only cy's is still to come"
    );
    bob.message(&"ada", &"behind the marker");
    bob.marker(&"cy", 1, &100);
    let piece = complete(&mut bob, 1);
    assert_eq!(
        piece.channels,
        channels(&[], &[]),
        "nothing was under way from ada when she had recorded her state"
    );
}

fn what_comes_before_the_marker_was_under_way() {
    let mut bob = bob();
    bob.start(1, &100);
    bob.message(&"ada", &"one");
    bob.message(&"cy", &"two");
    bob.message(&"ada", &"three");
    bob.marker(&"ada", 1, &100);
    bob.message(&"ada", &"behind ada's marker");
    bob.message(&"cy", &"four");
    bob.marker(&"cy", 1, &100);
    let piece = complete(&mut bob, 1);
    let expected = channels(&["one", "three"], &["two", "four"]);
    assert_eq!(
        piece.channels, expected,
        "of each channel what came up to its marker, in order"
    );
}

fn what_came_before_the_beginning_was_not() {
    let mut bob = bob();
    bob.message(&"ada", &"early");
    bob.start(1, &100);
    bob.marker(&"ada", 1, &100);
    bob.marker(&"cy", 1, &100);
    let piece = complete(&mut bob, 1);
    assert_eq!(
        piece.channels,
        channels(&[], &[]),
        "what came early is in the state already"
    );
}

fn a_piece_is_complete_with_the_last_marker() {
    let mut bob = bob();
    bob.start(1, &100);
    bob.marker(&"cy", 1, &100);
    nothing_complete(&mut bob, "ada's marker has not come");
    bob.marker(&"ada", 1, &100);
    let piece = complete(&mut bob, 1);
    assert_eq!(
        piece,
        Piece {
            state: 100,
            channels: channels(&[], &[])
        },
        "every channel has its entry, empty or not"
    );
    nothing_complete(&mut bob, "a piece is taken once");
    assert!(bob.running.is_empty(), "it runs no more: {:?}", bob.running);
}

fn the_state_is_that_of_the_beginning() {
    let mut bob = bob();
    bob.marker(&"ada", 1, &100);
    bob.message(&"cy", &"plus 50");
    bob.marker(&"cy", 1, &150);
    let piece = complete(&mut bob, 1);
    assert_eq!(
        piece.state, 100,
        "the message that was under way would count twice in a later state"
    );
    assert_eq!(piece.channels, channels(&[], &["plus 50"]));
}

fn without_incoming_channels_it_is_complete_at_once() {
    let mut source: Core = Snapshots::new([]);
    assert!(
        source.start(1, &100),
        "its outgoing channels should get markers"
    );
    let piece = complete(&mut source, 1);
    assert_eq!(
        piece,
        Piece {
            state: 100,
            channels: BTreeMap::new()
        }
    );
}

fn two_snapshots_do_not_mix() {
    let mut bob = bob();
    bob.start(1, &100);
    bob.message(&"ada", &"one");
    bob.marker(&"ada", 2, &110);
    bob.message(&"ada", &"two");
    bob.message(&"cy", &"three");
    bob.marker(&"cy", 2, &120);
    let second = complete(&mut bob, 2);
    assert_eq!(
        second,
        Piece {
            state: 110,
            channels: channels(&[], &["three"])
        },
        "the second: from ada's marker 2 to cy's"
    );
    bob.message(&"cy", &"four");
    bob.marker(&"cy", 1, &130);
    bob.marker(&"ada", 1, &130);
    let first = complete(&mut bob, 1);
    let expected = channels(&["one", "two"], &["three", "four"]);
    assert_eq!(
        first,
        Piece {
            state: 100,
            channels: expected
        },
        "the first: from its beginning to its own markers"
    );
}

fn a_marker_that_comes_again_changes_nothing() {
    let mut bob = bob();
    bob.marker(&"ada", 1, &100);
    assert!(!bob.marker(&"ada", 1, &200), "it was sent on already");
    nothing_complete(&mut bob, "the same marker twice is not the marker of cy");
    bob.marker(&"cy", 1, &100);
    complete(&mut bob, 1);
    assert!(
        !bob.marker(&"cy", 1, &300),
        "this snapshot is done here, and should not begin anew"
    );
    assert!(bob.running.is_empty(), "nothing runs: {:?}", bob.running);
}

fn a_marker_of_a_stranger_closes_nothing() {
    let mut bob = bob();
    bob.start(1, &100);
    bob.marker(&"dee", 1, &100);
    assert_eq!(bob.waits_for(1), ["ada", "cy"], "dee has no channel to bob");
    bob.message(&"dee", &"hello");
    bob.marker(&"ada", 1, &100);
    bob.marker(&"cy", 1, &100);
    let piece = complete(&mut bob, 1);
    assert_eq!(
        piece.channels,
        channels(&[], &[]),
        "dee has no channel to bob"
    );
}

fn on_a_bad_network_no_money_is_lost_or_made() {
    for seed in autograder::seeds(60) {
        scenario::check(&bank::Bank, seed);
    }
}

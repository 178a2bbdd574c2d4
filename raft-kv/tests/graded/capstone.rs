//! The capstone: whatever a lock service does, these are the rules that it keeps. First a few short stories; then three members, with restarts, changes
//! of leader, and a judge that knows who should hold what.

mod world;

use autograder::{Test, seeds, tests};
use node::Rng;

use world::World;

pub(crate) const TESTS: &[Test] = tests![
    a_free_lock_is_granted,
    a_held_lock_is_waited_for,
    who_waits_gets_it_in_turn,
    who_waits_may_give_up,
    asking_again_changes_nothing,
    each_grant_has_a_higher_token,
    a_session_that_is_over_holds_nothing,
    nobody_is_granted_a_lock_after_its_end,
    the_unknown_get_nothing,
    a_command_that_comes_again_does_nothing,
    a_silent_session_is_named,
    a_session_that_is_heard_of_stays,
    a_new_leader_gives_everybody_time,
    a_follower_names_nobody,
    a_restored_member_goes_on_as_the_others,
    a_token_is_never_used_again,
    whatever_happens_the_rules_hold,
];

fn a_free_lock_is_granted() {
    let mut world = World::new(1, 1);
    world.open(1, 10);
    world.acquire(1, "a");
    world.acquire(1, "b");
}

fn a_held_lock_is_waited_for() {
    let mut world = World::new(1, 1);
    world.open(1, 10);
    world.open(2, 10);
    world.acquire(1, "a");
    world.acquire(2, "a");
    world.acquire(2, "b");
}

/// Sessions 1 to 4, which all want `a`, in this order.
fn four() -> World {
    let mut world = World::new(1, 1);
    for session in 1..=4 {
        world.open(session, 10);
        world.acquire(session, "a");
    }
    world
}

fn who_waits_gets_it_in_turn() {
    let mut world = four();
    for session in 1..=4 {
        world.release(session, "a");
    }
    world.acquire(3, "a");
}

fn who_waits_may_give_up() {
    let mut world = four();
    world.release(2, "a");
    world.release(2, "a");
    world.release(1, "a");
    world.release(3, "a");
}

fn asking_again_changes_nothing() {
    let mut world = four();
    world.acquire(2, "a");
    world.acquire(1, "a");
    world.acquire(3, "a");
    world.acquire(2, "a");
    for session in 1..=4 {
        world.release(session, "a");
    }
}

fn each_grant_has_a_higher_token() {
    let mut world = World::new(1, 1);
    world.open(1, 10);
    for _ in 0..5 {
        world.acquire(1, "a");
        world.acquire(1, "a");
        world.release(1, "a");
        world.release(1, "a");
    }
}

fn a_session_that_is_over_holds_nothing() {
    let mut world = four();
    world.acquire(1, "b");
    world.acquire(1, "c");
    world.acquire(4, "c");
    world.expire(1);
    world.acquire(3, "b");
}

fn nobody_is_granted_a_lock_after_its_end() {
    let mut world = four();
    world.expire(2);
    world.expire(3);
    world.release(1, "a");
}

fn the_unknown_get_nothing() {
    let mut world = four();
    world.acquire(9, "a");
    world.acquire(9, "free");
    world.release(9, "a");
    world.expire(9);
    world.expire(1);
    world.acquire(1, "a");
    world.release(1, "a");
}

fn a_command_that_comes_again_does_nothing() {
    let mut world = four();
    world.release(1, "a");
    world.expire(2);
    world.again(4);
    world.release(3, "a");
}

fn a_silent_session_is_named() {
    let mut world = World::new(1, 1);
    world.lead(0);
    world.open(1, 10);
    world.wait(4);
    world.open(2, 10);
    for _ in 0..14 {
        world.wait(1);
        world.look_for_the_expired();
    }
    world.expire(1);
    world.look_for_the_expired();
}

fn a_session_that_is_heard_of_stays() {
    let mut world = World::new(1, 1);
    world.lead(0);
    world.open(1, 10);
    for _ in 0..5 {
        world.wait(9);
        world.heard_of(1);
        world.look_for_the_expired();
    }
    world.heard_of(2);
    world.wait(10);
    world.look_for_the_expired();
}

fn a_new_leader_gives_everybody_time() {
    let mut world = World::new(1, 2);
    world.lead(0);
    world.open(1, 10);
    world.wait(9);
    world.lead(1);
    world.wait(9);
    world.look_for_the_expired();
    // And back: what the first leader knew of its first time is too old to count.
    world.lead(0);
    world.look_for_the_expired();
    world.wait(9);
    world.look_for_the_expired();
    world.wait(1);
    world.look_for_the_expired();
}

fn a_follower_names_nobody() {
    let mut world = World::new(1, 2);
    world.open(1, 10);
    world.wait(50);
    world.look_for_the_expired();
    world.heard_of(1);
    world.lead(0);
    world.lead(1);
    world.wait(50);
    world.look_for_the_expired();
    world.heard_of(1);
}

fn a_restored_member_goes_on_as_the_others() {
    for back in 0..6 {
        let mut world = World::new(1, 2);
        for session in 1..=4 {
            world.open(session, 10);
            world.acquire(session, "a");
        }
        world.acquire(2, "b");
        world.restart(1, 0, back);
        world.release(1, "a");
        world.acquire(3, "b");
        world.expire(2);
        world.release(3, "a");
    }
}

fn a_token_is_never_used_again() {
    let mut world = World::new(1, 2);
    world.open(1, 10);
    for _ in 0..3 {
        world.acquire(1, "a");
        world.release(1, "a");
    }
    world.restart(1, 0, 0);
    world.restart(0, 1, 2);
    world.open(2, 10);
    world.acquire(2, "a");
}

fn whatever_happens_the_rules_hold() {
    for seed in seeds(200) {
        let (mut world, mut rng) = (World::new(seed, 3), Rng::new(seed ^ 0x10c5));
        for _ in 0..120 {
            let session = 1 + rng.below(6);
            let mut third = || usize::try_from(rng.below(3)).unwrap();
            let (lock, member) = (["a", "b", "c"][third()], third());
            match rng.below(20) {
                0..=1 => world.open_next(1 + rng.below(12)),
                2..=7 => world.acquire(session, lock),
                8..=10 => world.release(session, lock),
                11..=13 => world.heard_of(session),
                14..=15 => world.wait(rng.below(4)),
                16..=17 => {
                    for session in world.look_for_the_expired() {
                        world.expire(session);
                    }
                }
                18 => world.lead(member),
                _ => world.restart(member, (member + 1) % 3, rng.below(9)),
            }
        }
    }
}

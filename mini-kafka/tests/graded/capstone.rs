//! The capstone: whatever a cleaner does, these are the rules that its directory keeps. First a few short stories; then a crash at every
//! call of the disk, and histories at random, with a judge that looks at what is there after each recovery.

mod world;

use autograder::{Test, tests};
use node::Rng;

use world::{SETTINGS, World};

pub(crate) const TESTS: &[Test] = tests![
    an_empty_directory_is_clean,
    the_last_entry_of_each_key_stays,
    offsets_stay,
    small_segments_become_one,
    large_segments_stay_apart,
    a_tombstone_stays_for_its_time,
    a_tombstone_goes_when_its_time_is_over,
    a_restart_does_not_make_a_tombstone_young,
    a_crash_at_any_call_leaves_a_log,
    a_crash_in_the_middle_of_recovery_does_too,
    no_deleted_key_comes_back,
    a_full_disk_is_an_error_and_no_loss,
    whatever_happens_the_rules_hold,
];

/// A log of these segments: each word an entry, `a1` a value, `a-` a tombstone.
fn log(segments: &[&str]) -> World {
    let mut world = World::new(1);
    for segment in segments {
        world.append(segment);
    }
    world
}

fn an_empty_directory_is_clean() {
    let mut world = log(&[]);
    world.clean_and_judge();
    assert_eq!(world.told(), "", "there is nothing");
}

fn the_last_entry_of_each_key_stays() {
    let mut world = log(&["a1 b1 a2", "c1 a3", "c2 d1"]);
    world.clean_and_judge();
    assert_eq!(
        world.told(),
        "1:b1 4:a3 5:c2 6:d1",
        "of each key its last entry, at its offset"
    );
}

fn offsets_stay() {
    let mut world = log(&["a1 a2 a3", "a4"]);
    world.clean_and_judge();
    world.append("a5 b1");
    world.clean_and_judge();
    assert_eq!(
        world.told(),
        "4:a5 5:b1",
        "an offset is for ever, whatever was before it"
    );
}

fn small_segments_become_one() {
    let mut world = log(&["a1", "b1", "c1", "d1", "e1"]);
    world.clean_and_judge();
    assert_eq!(
        world.segments().len(),
        1,
        "five segments of one entry each fit into one of {} bytes",
        SETTINGS.segment_bytes
    );
}

fn large_segments_stay_apart() {
    let long = |key: &str| format!("{key}{}", "x".repeat(250));
    let segments = ["a", "b", "c", "d"].map(long);
    let mut world = log(&segments.each_ref().map(String::as_str));
    world.clean_and_judge();
    assert!(
        world.segments().len() == 4,
        "of four entries of 250 bytes no two fit into a segment of {} bytes",
        SETTINGS.segment_bytes
    );
}

fn a_tombstone_stays_for_its_time() {
    let mut world = log(&["a1 b1", "a-"]);
    for ms in [0, 50, 49] {
        world.pass_time(ms);
        world.clean_and_judge();
        assert_eq!(
            world.told(),
            "1:b1 2:a-",
            "whoever saw a has 100 ms to see that it is gone"
        );
    }
}

fn a_tombstone_goes_when_its_time_is_over() {
    let mut world = log(&["a1 b1", "a-"]);
    world.clean_and_judge();
    world.pass_time(100);
    world.clean_and_judge();
    assert_eq!(world.told(), "1:b1", "its 100 ms are over");
}

fn a_restart_does_not_make_a_tombstone_young() {
    let mut world = log(&["a1 b1", "a-"]);
    world.clean_and_judge();
    for _ in 0..4 {
        world.pass_time(25);
        world.restart();
        world.clean_and_judge();
    }
    assert_eq!(
        world.told(),
        "1:b1",
        "its time counts from the first pass, also where another life of the program did that"
    );
}

/// Four segments, of which the first two are compacted already, with a tombstone whose time is about to be over.
fn busy(seed: u64) -> World {
    let mut world = World::new(seed);
    world.append("a1 b1 c1 d1");
    world.append("a- e1 c2");
    world.clean_and_judge();
    world.append("b2 f1 d-");
    world.append("e2 a9 f-");
    world
}

/// How many calls that change the disk a pass takes.
fn calls(world: &World) -> u32 {
    (1..1000)
        .find(|fuse| world.clone_world().clean_until(*fuse))
        .unwrap_or(1000)
}

fn a_crash_at_any_call_leaves_a_log() {
    let calls = calls(&busy(1));
    assert!(
        calls < 1000,
        "a pass over four small segments makes more than a thousand calls"
    );
    for seed in autograder::seeds(4) {
        for fuse in 0..calls {
            let mut world = busy(seed);
            world.pass_time(100);
            world.clean_until(fuse);
            world.restart();
            world.judge(&format!("after a crash at call {fuse} of {calls}"));
            world.clean_and_judge();
        }
    }
}

fn a_crash_in_the_middle_of_recovery_does_too() {
    let calls = calls(&busy(1));
    for seed in autograder::seeds(2) {
        for fuse in 0..calls {
            for second in 0..12 {
                let mut world = busy(seed);
                world.clean_until(fuse);
                world.crash_while_recovering(second);
                world.restart();
                world.judge(&format!(
                    "after a crash at call {fuse} of {calls}, and at call {second} of the recovery"
                ));
            }
        }
    }
}

fn no_deleted_key_comes_back() {
    for seed in autograder::seeds(60) {
        let mut world = World::new(seed);
        let mut rng = Rng::new(seed);
        // Between the deleted and their tombstones there is so much that they cannot come into one segment.
        world.append("a1 b1");
        for key in ["d", "e", "f"] {
            world.append(&format!("{key}{}", "x".repeat(250)));
        }
        world.append("a- b-");
        for round in 0..8 {
            // Cut off somewhere, again and again, and never soon enough for the next one.
            let fuse = u32::try_from(rng.below(20)).unwrap();
            world.clean_until(fuse);
            world.restart();
            world.judge(&format!(
                "seed {seed:#x}, after {} passes that were cut off",
                round + 1
            ));
            world.pass_time(120);
        }
    }
}

fn a_full_disk_is_an_error_and_no_loss() {
    for room in (0..300).step_by(10) {
        let mut world = busy(1);
        world.pass_time(100);
        world.clean_with_room(room);
        world.judge_readers(&format!("after a pass for which there were {room} bytes"));
        world.restart();
        world.judge(&format!(
            "after a restart behind a pass for which there were {room} bytes"
        ));
        world.clean_and_judge();
    }
}

fn whatever_happens_the_rules_hold() {
    for seed in autograder::seeds(150) {
        let (mut world, mut rng) = (World::new(seed), Rng::new(seed ^ 0xc0de));
        for step in 0..25 {
            match rng.below(10) {
                0..=3 => world.append_any(&mut rng),
                4 => world.pass_time(i64::try_from(rng.below(150)).unwrap()),
                5..=7 => world.clean_and_judge(),
                _ => {
                    world.clean_until(u32::try_from(rng.below(30)).unwrap());
                    world.restart();
                    world.judge(&format!("seed {seed:#x}, after the crash of step {step}"));
                }
            }
        }
        world.clean_and_judge();
    }
}

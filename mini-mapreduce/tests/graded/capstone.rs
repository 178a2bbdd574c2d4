//! The capstone: whatever a job tracker is like inside, these are the rules that its answers keep. First a few short stories; then workers that crash, are
//! cut off and come back, reports that come late or twice, and a judge that knows whose work counts.

mod judge;
mod world;

use autograder::{Test, seeds, tests};
use mini_mapreduce::capstone::State;
use mini_mapreduce::protocol::TaskKind;

use world::World;

pub(crate) const TESTS: &[Test] = tests![
    a_worker_gets_what_it_has_slots_for,
    each_task_is_given_to_one_worker,
    what_is_done_is_accepted,
    reduces_follow_the_maps,
    an_answer_that_was_lost_is_given_again,
    a_report_that_comes_again_changes_nothing,
    an_attempt_that_was_never_begun_is_lost,
    a_silent_worker_loses_its_tasks,
    who_comes_back_is_too_late,
    a_lost_worker_s_maps_are_run_again,
    a_committed_output_outlives_its_worker,
    the_fourth_failure_ends_the_job,
    what_is_lost_is_no_failure,
    what_cannot_be_fetched_is_made_anew,
    complaints_of_what_is_gone_are_void,
    nothing_is_run_when_the_job_is_over,
    whatever_happens_the_rules_hold,
];

fn a_worker_gets_what_it_has_slots_for() {
    let mut world = World::new(5, 2);
    world.beat(1);
    world.beat(1);
    world.wait(1);
    world.beat(1);
}

fn each_task_is_given_to_one_worker() {
    let mut world = World::new(5, 1);
    for worker in [1, 2, 3, 4] {
        world.beat(worker);
    }
    for worker in [4, 3, 2, 1] {
        world.beat(worker);
    }
}

fn what_is_done_is_accepted() {
    let mut world = World::new(5, 1);
    world.beat(1);
    world.beat(2);
    world.end(1, State::Done);
    world.beat(1);
    world.wait(1);
    world.end(2, State::Done);
    world.beat(2);
}

fn reduces_follow_the_maps() {
    let mut world = World::new(5, 3);
    world.finish(&[1, 2]);
    let mut world = World::new(1, 1);
    world.finish(&[1]);
}

fn an_answer_that_was_lost_is_given_again() {
    let mut world = World::new(2, 1);
    world.beat(1);
    world.end(1, State::Done);
    world.beat_unheard(1);
    world.wait(1);
    world.beat_unheard(1);
    world.wait(1);
    world.finish(&[1]);
}

fn a_report_that_comes_again_changes_nothing() {
    let mut world = World::new(6, 1);
    world.beat(1);
    world.again(1);
    world.end(1, State::Done);
    world.beat(1);
    world.again(1);
    // Not even when its worker was heard of: the last word is from the beginning.
    for _ in 0..12 {
        world.wait(1);
        world.again(1);
    }
    world.beat(2);
    // Nor after the worker was lost.
    world.again(1);
    world.finish(&[1, 2]);
}

fn an_attempt_that_was_never_begun_is_lost() {
    let mut world = World::new(2, 1);
    world.beat_unheard(1);
    for _ in 0..10 {
        world.wait(1);
        world.beat_unheard(1);
        world.beat_unheard(2);
    }
    world.wait(1);
    world.beat(2);
    world.finish(&[1, 2]);
}

fn a_silent_worker_loses_its_tasks() {
    let mut world = World::new(2, 1);
    world.beat(1);
    world.wait(3);
    world.beat(1);
    world.wait(10);
    world.beat(2);
    world.wait(1);
    world.beat(2);
    world.finish(&[2]);
}

fn who_comes_back_is_too_late() {
    let mut world = World::new(2, 1);
    world.beat(1);
    world.wait(11);
    world.end(1, State::Done);
    world.beat(1);
    world.finish(&[1]);

    let mut world = World::new(2, 1);
    world.beat(1);
    world.wait(11);
    world.beat(2);
    world.end(2, State::Done);
    world.beat(2);
    world.end(1, State::Done);
    world.beat(1);
    world.finish(&[1, 2]);
}

/// All maps are done, half of them on worker 1; reduces run on 1 and 2.
fn reducing() -> World {
    let mut world = World::new(4, 2);
    world.beat(1);
    world.beat(2);
    world.end(1, State::Done);
    world.end(2, State::Done);
    for worker in [1, 2, 1, 2] {
        world.beat(worker);
    }
    world
}

fn a_lost_worker_s_maps_are_run_again() {
    let mut world = reducing();
    for _ in 0..11 {
        world.wait(1);
        world.beat(2);
    }
    world.beat(1);
    world.finish(&[1, 2]);
}

fn a_committed_output_outlives_its_worker() {
    let mut world = reducing();
    world.end(1, State::Done);
    world.beat(1);
    for _ in 0..11 {
        world.wait(1);
        world.beat(2);
    }
    world.finish(&[2]);
}

fn the_fourth_failure_ends_the_job() {
    let mut world = World::new(1, 1);
    world.beat(1);
    for _ in 0..4 {
        world.end(1, State::Failed);
        world.beat(1);
    }
    world.beat(2);

    let mut world = World::new(3, 1);
    world.beat(1);
    for _ in 0..3 {
        world.end(1, State::Failed);
        world.beat(1);
    }
    world.finish(&[1]);
}

fn what_is_lost_is_no_failure() {
    let mut world = World::new(1, 1);
    for worker in 1..7 {
        world.beat(worker);
        world.wait(11);
    }
    // One that failed after its time is no failure either.
    world.end(1, State::Failed);
    world.beat(1);
    for worker in 2..7 {
        world.end(worker, State::Failed);
        world.beat(worker);
    }
    world.finish(&[9]);
}

fn what_cannot_be_fetched_is_made_anew() {
    // Said twice, it is not more.
    let mut world = reducing();
    world.cannot_fetch(1, 0, 1);
    world.beat(1);
    world.beat(1);
    world.beat(1);
    world.cannot_fetch(2, 0, 1);
    world.beat(2);
    world.beat(2);
    world.cannot_fetch(2, 0, 2);
    world.beat(2);
    world.beat(1);
    world.finish(&[1, 2]);
}

fn complaints_of_what_is_gone_are_void() {
    let mut world = reducing();
    world.cannot_fetch(1, 0, 3);
    world.beat(1);
    world.end_kind(TaskKind::Map, State::Done);
    world.beat(1);
    world.beat(2);
    // The worker still names what it could not fetch then, and one more of what is there now.
    world.cannot_fetch(1, 0, 2);
    world.beat(1);
    // Another reduce's attempt: the first one counts no more, and what it said does not either.
    world.end_kind(TaskKind::Reduce, State::Failed);
    world.beat(1);
    world.beat(2);
    world.cannot_fetch(2, 0, 1);
    world.beat(2);
    world.finish(&[1, 2]);
}

fn nothing_is_run_when_the_job_is_over() {
    let mut world = reducing();
    // A map is run again for a reduce that is done without it.
    world.cannot_fetch(1, 0, 3);
    world.beat(1);
    world.end_kind(TaskKind::Reduce, State::Done);
    world.beat(2);
    world.beat_unheard(1);
    world.beat(1);
    world.beat(2);
    world.beat(3);
    world.wait(20);
    world.beat(3);
    world.finish(&[3]);
}

fn whatever_happens_the_rules_hold() {
    for seed in seeds(100) {
        World::run(seed);
    }
}

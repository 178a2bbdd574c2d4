//! Which task is worth a second attempt.

use std::collections::BTreeMap;
use std::time::Duration;

use autograder::{Test, tests};
use mini_mapreduce::coordinator::late::{LateConfig, Running, choose};
use mini_mapreduce::protocol::WorkerId;
use node::Time;

pub(crate) const TESTS: &[Test] = tests![
    the_task_that_will_end_last_is_chosen_and_not_the_slowest_one,
    a_task_that_does_not_move_will_never_end,
    only_a_slow_task_is_worth_it,
    never_more_second_attempts_than_may_be,
    never_on_a_slow_node,
    never_beside_the_first_attempt_nor_a_third_one,
    nobody_judges_a_task_that_has_just_begun,
];

const NOW: Time = Time::from_millis(100_000);

/// Workers that have nothing to do with the tasks.
const IDLE: WorkerId = WorkerId(99);

fn config() -> LateConfig {
    LateConfig {
        runtime_min: Duration::from_secs(5),
        ..LateConfig::default()
    }
}

/// Task `i` on worker `i`, from the seconds that it has run and its progress.
fn tasks(list: &[(u64, f64)]) -> Vec<Running> {
    let task = |(index, (seconds, progress)): (u32, &(u64, f64))| Running {
        task: index,
        worker: WorkerId(u64::from(index)),
        started: Time::from_millis(100_000 - seconds * 1000),
        progress: *progress,
        speculated: false,
    };
    (0..).zip(list).map(task).collect()
}

fn speeds() -> BTreeMap<WorkerId, f64> {
    let speeds = [0.01, 0.05, 0.05, 0.05];
    (0..).map(WorkerId).zip(speeds).collect()
}

fn choice(running: &[Running], asking: WorkerId, slots: u32) -> Option<u32> {
    choose(running, &speeds(), asking, slots, &config(), NOW)
}

/// Task 0 is the slowest, and nearly done; task 1 is a little quicker, and has just begun.
fn scene() -> Vec<Running> {
    tasks(&[(100, 0.9), (10, 0.1), (10, 0.5), (10, 0.6)])
}

fn the_task_that_will_end_last_is_chosen_and_not_the_slowest_one() {
    let chosen = choice(&scene(), IDLE, 10);
    assert_eq!(chosen, Some(1), "task 0 ends in 11 seconds, task 1 in 90");
    let twins = tasks(&[(10, 0.1), (10, 0.1), (10, 0.5), (10, 0.5)]);
    assert_eq!(choice(&twins, IDLE, 10), Some(0), "of equal ones the first");
}

fn a_task_that_does_not_move_will_never_end() {
    let running = tasks(&[(20, 0.0), (10, 0.01), (10, 0.5), (10, 0.5)]);
    assert_eq!(choice(&running, IDLE, 10), Some(0), "its rate is nothing");
}

fn only_a_slow_task_is_worth_it() {
    // Task 2 will end last, but it is as quick as the others: it has only begun later.
    let running = tasks(&[(60, 0.5), (60, 0.5), (6, 0.06), (60, 0.6), (60, 0.6)]);
    let chosen = choice(&running, IDLE, 10);
    assert_eq!(
        chosen,
        Some(0),
        "a quarter of all have a rate of at most 0.0084"
    );
}

fn never_more_second_attempts_than_may_be() {
    let mut running = scene();
    running[0].speculated = true;
    assert_eq!(
        choice(&running, IDLE, 10),
        None,
        "one of ten slots is all that may be"
    );
    assert_eq!(choice(&running, IDLE, 19), None, "a tenth of 19 is 1");
    assert_eq!(choice(&running, IDLE, 20), Some(1), "of twenty two may be");
    running[0].speculated = false;
    assert_eq!(choice(&running, IDLE, 3), Some(1), "one always may be");
}

fn never_on_a_slow_node() {
    let mut running = scene();
    for task in &mut running {
        task.worker = WorkerId(3);
    }
    assert_eq!(
        choice(&running, WorkerId(0), 10),
        None,
        "it would be the next straggler"
    );
    assert_eq!(
        choice(&running, WorkerId(1), 10),
        Some(1),
        "a quarter are slower"
    );
    assert_eq!(
        choice(&running, IDLE, 10),
        Some(1),
        "nobody says that it is slow"
    );
    let nothing_known = BTreeMap::new();
    assert_eq!(
        choose(&running, &nothing_known, WorkerId(0), 10, &config(), NOW),
        Some(1),
        "of no node is any speed known, so none of them is slow"
    );
}

fn never_beside_the_first_attempt_nor_a_third_one() {
    let mut running = scene();
    let chosen = choice(&running, WorkerId(1), 10);
    assert_eq!(
        chosen,
        Some(0),
        "what is slow on a worker would be so twice"
    );
    running[1].speculated = true;
    assert_eq!(
        choice(&running, IDLE, 20),
        Some(0),
        "two attempts are enough"
    );
}

fn nobody_judges_a_task_that_has_just_begun() {
    let running = tasks(&[(4, 0.0), (4, 0.0), (10, 0.5), (10, 0.5)]);
    assert_eq!(
        choice(&running, IDLE, 10),
        None,
        "it may have been starting up"
    );
    let running = tasks(&[(5, 0.0), (4, 0.0), (10, 0.5), (10, 0.5)]);
    assert_eq!(
        choice(&running, IDLE, 10),
        Some(0),
        "five seconds are enough"
    );
    assert_eq!(choice(&[], IDLE, 10), None, "nothing runs");
}

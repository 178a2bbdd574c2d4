//! Whose work counts, and whose fault it is where none does.

use std::time::Duration;

use autograder::{Test, seeds, tests};
use mini_mapreduce::coordinator::task::{Failure, Limits, Lost, Task, Winner};
use mini_mapreduce::protocol::WorkerId;
use node::{Rng, Time};

pub(crate) const TESTS: &[Test] = tests![
    who_is_done_first_wins,
    who_is_late_changes_nothing,
    the_winner_may_say_it_again,
    an_attempt_counts_on_its_own_worker_alone,
    who_counts_no_more_cannot_win,
    the_fourth_failure_is_one_too_many,
    a_failure_counts_once,
    who_is_killed_is_not_to_blame,
    a_lost_worker_takes_its_attempts_along,
    a_done_map_is_lost_with_its_worker,
    a_task_whose_output_is_gone_is_done_again,
    whatever_comes_in_whatever_order,
];

const LIMITS: Limits = Limits {
    lease: Duration::from_secs(10),
    stuck: Duration::from_secs(60),
    attempts_max: 4,
};

fn worker(id: u64) -> WorkerId {
    WorkerId(id)
}

/// A task with attempts 0, 1, … on these workers.
fn running(workers: &[u64]) -> Task {
    let mut task = Task::new(0);
    for id in workers {
        task.launch(worker(*id), Time::ZERO);
    }
    task
}

fn winner(number: u64, id: u64) -> Option<Winner> {
    let worker = worker(id);
    Some(Winner { number, worker })
}

fn who_is_done_first_wins() {
    let mut task = running(&[11, 22]);
    assert!(
        task.finish(1, worker(22)),
        "nobody was done before: its work counts"
    );
    assert_eq!(task.winner, winner(1, 22), "whose work counts");
    assert!(
        task.attempts.is_empty(),
        "from then on no attempt counts; these do: {:?}",
        task.attempts
    );
    assert!(!task.is_pending(), "nothing is to be done any more");
}

fn who_is_late_changes_nothing() {
    let mut task = running(&[11, 22]);
    task.finish(1, worker(22));
    let before = task.clone();
    assert!(
        !task.finish(0, worker(11)),
        "1 has won, and 0 is done too: one of them counts"
    );
    assert_eq!(task, before, "who wins has won");
    assert_eq!(task.fail(0, &LIMITS), Failure::Late, "nobody waits for 0");
    assert_eq!(task.fail(1, &LIMITS), Failure::Late, "1 has been done");
    assert!(!task.kill(0), "there is nothing to kill");
    assert_eq!(task, before, "late words change nothing");
}

fn the_winner_may_say_it_again() {
    let mut task = running(&[11, 22]);
    task.finish(1, worker(22));
    let before = task.clone();
    assert!(
        task.finish(1, worker(22)),
        "it has not heard the answer, and asks again"
    );
    assert!(
        !task.finish(1, worker(11)),
        "attempt 1 ran on 22, and 11 claims it"
    );
    assert_eq!(task, before, "all that was known before");
}

fn an_attempt_counts_on_its_own_worker_alone() {
    let mut task = running(&[11, 22]);
    let before = task.clone();
    assert!(
        !task.finish(0, worker(22)),
        "attempt 0 runs on 11, and 22 claims it"
    );
    assert!(!task.finish(9, worker(11)), "there is no attempt 9");
    assert_eq!(task, before, "and nothing changes");
}

fn who_counts_no_more_cannot_win() {
    let mut task = running(&[11]);
    assert!(task.kill(0), "it counted until now");
    assert!(task.is_pending(), "another worker may have the task");
    assert!(
        !task.finish(0, worker(11)),
        "nobody else has won, but it was told to nobody that 0 still counts"
    );
    assert!(task.is_pending(), "the task is still to be done");
    let second = task.launch(worker(22), Time::ZERO);
    assert!(!task.finish(0, worker(11)), "the task is 22's now");
    assert!(task.finish(second, worker(22)), "and 22 has done it");
}

fn the_fourth_failure_is_one_too_many() {
    let mut task = running(&[]);
    for count in 1..=4_u32 {
        let number = task.launch(worker(11), Time::ZERO);
        let other = task.launch(worker(22), Time::ZERO);
        let expected = if count < 4 {
            Failure::Retry
        } else {
            Failure::TooMany
        };
        assert_eq!(
            task.fail(number, &LIMITS),
            expected,
            "failure {count} of a task that may fail 4 times"
        );
        assert_eq!(task.failures, count, "how many attempts have failed");
        let left = task.attempts.contains_key(&other);
        assert_eq!(
            left,
            count < 4,
            "whether the attempt on 22 counts after failure {count}: until the task itself has failed"
        );
        task.attempts.clear();
    }
    let mut task = running(&[11]);
    let once = Limits {
        attempts_max: 1,
        ..LIMITS
    };
    assert_eq!(
        task.fail(0, &once),
        Failure::TooMany,
        "the first failure of a task that may fail once"
    );
}

fn a_failure_counts_once() {
    let mut task = running(&[11, 22]);
    assert_eq!(task.fail(0, &LIMITS), Failure::Retry, "it has failed");
    for _ in 0..5 {
        assert_eq!(
            task.fail(0, &LIMITS),
            Failure::Late,
            "the same report once more"
        );
    }
    assert_eq!(
        task.failures, 1,
        "one attempt has failed, however often it says so"
    );
    assert!(
        task.attempts.contains_key(&1),
        "the other one goes on: it may still succeed"
    );
}

fn who_is_killed_is_not_to_blame() {
    let mut task = running(&[]);
    for _ in 0..50 {
        let number = task.launch(worker(11), Time::ZERO);
        assert!(task.kill(number), "it counted until now");
        assert!(!task.kill(number), "it does not any more");
    }
    assert_eq!(
        (task.failures, task.is_pending()),
        (0, true),
        "fifty workers were lost, and none of the attempts failed: its failures, and whether it is tried again"
    );
}

fn a_lost_worker_takes_its_attempts_along() {
    let task = running(&[22, 11, 22, 33]);
    let before = task.clone();
    let expected = Lost {
        attempts: vec![0, 2],
        output: None,
    };
    for on_its_worker in [false, true] {
        assert_eq!(
            task.lost_with(worker(22), on_its_worker),
            expected,
            "attempts 0 and 2 run on 22; nothing is done yet"
        );
        assert_eq!(
            task.lost_with(worker(44), on_its_worker),
            Lost::default(),
            "nothing of it is on 44"
        );
    }
    assert_eq!(task, before, "it is a question, and changes nothing");
}

fn a_done_map_is_lost_with_its_worker() {
    let mut task = running(&[11, 22]);
    task.winner = winner(1, 22);
    task.attempts.clear();
    assert_eq!(
        task.lost_with(worker(22), true).output,
        Some(1),
        "what 1 made is on 22's disk, and reduces want it"
    );
    assert_eq!(
        task.lost_with(worker(22), false).output,
        None,
        "what 1 made is where all can read it, or nobody wants it any more"
    );
    assert_eq!(
        task.lost_with(worker(11), true).output,
        None,
        "what 1 made is on 22, and 11 is lost"
    );
}

fn a_task_whose_output_is_gone_is_done_again() {
    let mut task = running(&[11]);
    (task.winner, task.failures) = (winner(0, 11), 2);
    task.attempts.clear();
    assert!(!task.lose_output(5), "nobody counts on what 5 made");
    assert_eq!(task.winner, winner(0, 11), "0 counts still");
    assert!(task.lose_output(0), "what 0 made is gone");
    assert!(task.is_pending(), "somebody has to do it again");
    assert_eq!(
        task.failures, 2,
        "what failed before has failed; no more has"
    );
    assert!(!task.lose_output(0), "it was gone before");
    assert!(
        !task.finish(0, worker(11)),
        "its worker is back, and says that it is done: the task was taken from it"
    );
    let second = task.launch(worker(11), Time::ZERO);
    assert_eq!(second, 1, "a number that no other attempt has had");
    assert!(task.finish(second, worker(11)), "the new attempt is done");
}

/// What should be known of a task after a story.
#[derive(Default)]
struct Expected {
    /// Those that count, with their workers.
    attempts: Vec<(u64, u64)>,
    winner: Option<(u64, u64)>,
    failures: u32,
    launched: u64,
}

fn whatever_comes_in_whatever_order() {
    for seed in seeds(200) {
        let mut rng = Rng::new(seed);
        let (mut task, mut expected) = (Task::new(0), Expected::default());
        let mut told = Vec::new();
        for _ in 0..30 {
            let (line, came, asked) = step(&mut rng, &mut task, &mut expected);
            told.push(line);
            let story = format!("seed {seed:#x}:\n  {}", told.join("\n  "));
            assert_eq!(came, asked, "what the last call returns; {story}");
            let known = (
                task.attempts
                    .iter()
                    .map(|(n, a)| (*n, a.worker.0))
                    .collect(),
                task.winner.map(|winner| (winner.number, winner.worker.0)),
                task.failures,
            );
            let Expected {
                attempts,
                winner,
                failures,
                ..
            } = &expected;
            assert_eq!(
                known,
                (attempts.clone(), *winner, *failures),
                "attempts that count, with their workers; who has won; failures; {story}"
            );
        }
    }
}

/// Something happens: what, what the call returned, and what it should have.
fn step(rng: &mut Rng, task: &mut Task, expected: &mut Expected) -> (String, String, String) {
    let (number, id) = (rng.below(expected.launched + 1), rng.below(3));
    let here = expected.attempts.iter().position(|one| one.0 == number);
    match rng.below(6) {
        0 if expected.winner.is_none() => {
            let came = task.launch(worker(id), Time::ZERO);
            let asked = expected.launched;
            expected.launched += 1;
            expected.attempts.push((asked, id));
            (
                format!("launch on {id}"),
                came.to_string(),
                asked.to_string(),
            )
        }
        0 | 1 => {
            let counts = here.is_some_and(|at| expected.attempts[at].1 == id);
            let wins = counts || expected.winner == Some((number, id));
            if counts {
                expected.winner = Some((number, id));
                expected.attempts.clear();
            }
            let came = task.finish(number, worker(id));
            (
                format!("finish {number} of worker {id}"),
                came.to_string(),
                wins.to_string(),
            )
        }
        2 => {
            let mut asked = Failure::Late;
            if let Some(at) = here {
                expected.attempts.remove(at);
                expected.failures += 1;
                asked = Failure::Retry;
                if expected.failures >= 4 {
                    expected.attempts.clear();
                    asked = Failure::TooMany;
                }
            }
            let came = task.fail(number, &LIMITS);
            (
                format!("fail {number}"),
                format!("{came:?}"),
                format!("{asked:?}"),
            )
        }
        3 => {
            if let Some(at) = here {
                expected.attempts.remove(at);
            }
            let came = task.kill(number);
            (
                format!("kill {number}"),
                came.to_string(),
                here.is_some().to_string(),
            )
        }
        4 => {
            let asked = expected.winner.is_some_and(|winner| winner.0 == number);
            if asked {
                expected.winner = None;
            }
            let came = task.lose_output(number);
            (
                format!("lose the output of {number}"),
                came.to_string(),
                asked.to_string(),
            )
        }
        _ => {
            let there = expected.attempts.iter().filter(|one| one.1 == id);
            let output = expected.winner.filter(|winner| winner.1 == id);
            let asked = Lost {
                attempts: there.map(|one| one.0).collect(),
                output: output.map(|winner| winner.0),
            };
            let came = task.lost_with(worker(id), true);
            (
                format!("what is lost with worker {id}?"),
                format!("{came:?}"),
                format!("{asked:?}"),
            )
        }
    }
}

//! How the output of one attempt of each task becomes visible.

use std::collections::BTreeSet;

use autograder::{Test, tests};
use mini_mapreduce::coordinator::commit::{Step, part_name, plan, temporary_name};
use mini_mapreduce::output::{SUCCESS, TEMPORARY};
use mini_mapreduce::protocol::{AttemptId, JobId, TaskId, TaskKind};

pub(crate) const TESTS: &[Test] = tests![
    each_winner_s_part_gets_its_name_and_success_comes_last,
    what_losers_left_is_removed_and_never_renamed,
    a_commit_that_was_cut_off_anywhere_goes_on_from_there,
    a_part_that_is_nowhere_stops_all_of_it,
    a_job_without_parts_is_whole_too,
];

fn attempt(partition: u32, number: u64) -> AttemptId {
    let (job, kind) = (JobId(1), TaskKind::Reduce);
    AttemptId {
        task: TaskId {
            job,
            kind,
            index: partition,
        },
        number,
    }
}

fn files(names: impl IntoIterator<Item = String>) -> BTreeSet<String> {
    names.into_iter().collect()
}

fn rename(winner: AttemptId) -> Step {
    Step::Rename {
        from: temporary_name(winner),
        to: part_name(winner),
    }
}

/// What is there once a step is done.
fn carry_out(files: &mut BTreeSet<String>, step: &Step) {
    match step {
        Step::Rename { from, to } => {
            assert!(files.remove(from), "{from} is renamed, and is not there");
            assert!(
                files.insert(to.clone()),
                "{to} was there already: whose was it?"
            );
        }
        Step::RemoveTemporary => files.retain(|name| !name.starts_with(TEMPORARY)),
        Step::WriteSuccess => {
            files.insert(SUCCESS.to_owned());
        }
    }
}

/// Three winners, and two losers: one wrote before the winner of its task, one after.
fn scene() -> (Vec<AttemptId>, BTreeSet<String>) {
    let winners = vec![attempt(0, 0), attempt(1, 3), attempt(2, 0)];
    let losers = [attempt(1, 2), attempt(2, 1)];
    let all = winners.iter().chain(&losers);
    let files = files(all.map(|attempt| temporary_name(*attempt)));
    (winners, files)
}

fn each_winner_s_part_gets_its_name_and_success_comes_last() {
    let winners = [attempt(0, 0), attempt(1, 0)];
    let there = files(winners.map(temporary_name));
    let mut steps = plan(&winners, &there).unwrap();
    // The directory may go, though no file is left in it.
    steps.retain(|step| *step != Step::RemoveTemporary);
    let expected = [rename(winners[0]), rename(winners[1]), Step::WriteSuccess];
    assert_eq!(
        steps, expected,
        "whoever sees {SUCCESS} reads the parts at once"
    );
}

fn what_losers_left_is_removed_and_never_renamed() {
    let (winners, mut there) = scene();
    let steps = plan(&winners, &there).unwrap();
    let mut expected: Vec<Step> = winners.iter().map(|winner| rename(*winner)).collect();
    expected.extend([Step::RemoveTemporary, Step::WriteSuccess]);
    assert_eq!(
        steps, expected,
        "winners' files and no others, then what is left goes, then {SUCCESS}"
    );
    for step in &steps {
        carry_out(&mut there, step);
    }
    let mut expected = files(winners.iter().map(|winner| part_name(*winner)));
    expected.insert(SUCCESS.to_owned());
    assert_eq!(there, expected, "the parts and {SUCCESS}, and nothing else");
}

fn a_commit_that_was_cut_off_anywhere_goes_on_from_there() {
    let (winners, mut there) = scene();
    let whole = plan(&winners, &there).unwrap();
    for done in 0..whole.len() {
        let rest = plan(&winners, &there);
        let expected = Ok(whole[done..].to_vec());
        assert_eq!(rest, expected, "the coordinator died after {done} steps");
        carry_out(&mut there, &whole[done]);
    }
    let rest = plan(&winners, &there);
    assert_eq!(
        rest,
        Ok(Vec::new()),
        "all was done, only nobody had heard of it"
    );
}

fn a_part_that_is_nowhere_stops_all_of_it() {
    let (winners, mut there) = scene();
    there.remove(&temporary_name(winners[1]));
    let error = plan(&winners, &there).expect_err("half an output would be called whole");
    assert_eq!(error.part, part_name(winners[1]), "which part is missing");
    assert_eq!(error.attempt, winners[1], "whose it was");
}

fn a_job_without_parts_is_whole_too() {
    let steps = plan(&[], &BTreeSet::new());
    assert_eq!(
        steps,
        Ok(vec![Step::WriteSuccess]),
        "nothing is what it had to make"
    );
}

//! What must hold in every run. Each is a function of plain values, with a test on values made bad by hand.
//!
//! | invariant | in a sentence |
//! | --- | --- |
//! | [`promoted_once`] | The parts of an output are those of one attempt each, and were put there once. |
//! | [`output`] | An output that says it is whole is what a sequential program makes of the input; another shows no part, unless it is being committed. |
//! | [`accepted`] | A part that was accepted is its task's for ever: a late attempt, or a restart, changes nothing. |
//! | [`blamed`] | A reduce has failed no more often than its attempts failed or hung: to wait for maps, however long, is no failure. |
//! | [`events`] | What workers know of a job's map outputs is a beginning of what the coordinator knows, restarts included. |
//! | [`never_lost`] | Where no worker fails, no map output is given up, and so no map that is done is run again. |
//! | [`Progress`] | Once all is mended, every job succeeds, whatever map outputs were lost and commits failed; but for one of whose parts somebody has removed one: of its output nothing is left. |

use std::collections::{BTreeMap, BTreeSet};

use mini_mapreduce::coordinator::Coordinator;
use mini_mapreduce::coordinator::job::JobState;
use mini_mapreduce::output::SUCCESS;
use mini_mapreduce::protocol::{AttemptId, JobId, MapEvent, TaskId, TaskKind};
use sim::{Invariant, World};

use crate::cluster::Member;
use crate::history::{Output, Shared};
use crate::text::Counts;
use crate::wire::{CLIENT, COORDINATOR};

/// Of the renames to parts' names.
fn promoted_once(promoted: &[(String, AttemptId)]) -> Result<(), String> {
    let mut parts = BTreeMap::new();
    for (part, attempt) in promoted {
        if let Some(before) = parts.insert(part, attempt) {
            return Err(format!("{part} was {before}'s, and then {attempt}'s"));
        }
    }
    Ok(())
}

/// Of an output whose job is in that state, as far as the coordinator is up and says.
fn output(
    output: &Output,
    oracle: &BTreeMap<String, Counts>,
    state: Option<&JobState>,
) -> Result<(), String> {
    let visible = output.visible();
    if output.files.contains_key(SUCCESS) {
        for (part, counts) in oracle {
            if visible.get(part) != Some(counts) {
                let found = visible.get(part);
                return Err(format!("{part} should be {counts:?}, and is {found:?}"));
            }
        }
        let extra = visible.keys().find(|part| !oracle.contains_key(*part));
        return extra.map_or(Ok(()), |part| Err(format!("{part} is too much")));
    }
    let early = matches!(state, Some(JobState::Running | JobState::Failed { .. }));
    match visible.keys().next() {
        Some(part) if early => Err(format!("{part} is visible, and the job is {state:?}")),
        _ if state == Some(&JobState::Succeeded) => Err("nothing says that it is whole".into()),
        _ => Ok(()),
    }
}

/// Of an attempt of which a worker was told that it counts for ever, and the winner that the coordinator knows.
fn accepted(accepted: AttemptId, winner: Option<&AttemptId>) -> Result<(), String> {
    match winner {
        Some(winner) if *winner == accepted => Ok(()),
        _ => Err(format!(
            "{accepted} was accepted, and the winner is {winner:?}"
        )),
    }
}

/// Of a reduce that has failed so many times, of whose attempts so many failed or hung.
fn blamed(reduce: TaskId, failures: u32, unlucky: usize) -> Result<(), String> {
    match usize::try_from(failures).unwrap() <= unlucky {
        true => Ok(()),
        false => Err(format!(
            "{reduce} is said to have failed {failures} times, and did {unlucky} times"
        )),
    }
}

/// Of what a worker knows, and what the coordinator does.
fn events(known: &[MapEvent], all: &[MapEvent]) -> Result<(), String> {
    match all.starts_with(known) {
        true => Ok(()),
        false => Err(format!("a worker knows {known:?} where there is {all:?}")),
    }
}

/// Of a job's events.
fn never_lost(events: &[MapEvent]) -> Result<(), String> {
    let lost = events.iter().find(|e| matches!(e, MapEvent::Lost { .. }));
    lost.map_or(Ok(()), |lost| {
        Err(format!("{lost:?}, and its worker lives"))
    })
}

fn coordinator(world: &World<Member>) -> Option<&Coordinator> {
    match world.node(COORDINATOR)? {
        Member::Coordinator(process) => process.core(),
        _ => None,
    }
}

fn check_promoted_once(_: &World<Member>, history: &Shared) -> Result<(), String> {
    let history = history.borrow();
    let mut outputs = history.outputs.values();
    outputs.try_for_each(|output| promoted_once(&output.promoted))
}

fn check_output(world: &World<Member>, history: &Shared) -> Result<(), String> {
    let history = history.borrow();
    let core = coordinator(world);
    history.outputs.iter().try_for_each(|(name, files)| {
        let oracle = history.texts[&name.parse().unwrap()].oracle();
        let mut jobs = core.iter().flat_map(|core| core.jobs());
        let state = jobs
            .find(|job| job.spec.output == *name)
            .map(|job| &job.state);
        output(files, &oracle, state).map_err(|text| format!("output {name}: {text}"))
    })
}

fn check_accepted(world: &World<Member>, history: &Shared) -> Result<(), String> {
    let Some(core) = coordinator(world) else {
        return Ok(());
    };
    for job in core.jobs().filter(|job| !job.state.is_over()) {
        let kind = job.output_kind();
        let winners: BTreeMap<TaskId, AttemptId> =
            job.winners(kind).map(|(id, _)| (id.task, id)).collect();
        let history = history.borrow();
        let told = history.accepted.iter();
        let told = told.filter(|id| id.task.job == job.id && id.task.kind == kind);
        for id in told {
            accepted(*id, winners.get(&id.task))?;
        }
    }
    Ok(())
}

fn check_blamed(world: &World<Member>, history: &Shared) -> Result<(), String> {
    let history = history.borrow();
    let unlucky = |task| history.unlucky.iter().filter(|id| id.task == task).count();
    let mut jobs = coordinator(world).into_iter().flat_map(Coordinator::jobs);
    jobs.try_for_each(|job| {
        let mut reduces = job.reduces.iter().enumerate();
        reduces.try_for_each(|(index, task)| {
            let id = job.task_id(TaskKind::Reduce, index);
            blamed(id, task.failures, unlucky(id))
        })
    })
}

fn check_events(world: &World<Member>, _: &Shared) -> Result<(), String> {
    let Some(core) = coordinator(world) else {
        return Ok(());
    };
    for (_, member) in world.nodes() {
        let Member::Worker(worker) = member else {
            continue;
        };
        for job in core.jobs().filter(|job| !job.state.is_over()) {
            events(worker.core().events(job.id), job.events())?;
        }
    }
    Ok(())
}

fn check_never_lost(world: &World<Member>, _: &Shared) -> Result<(), String> {
    let mut jobs = coordinator(world).into_iter().flat_map(Coordinator::jobs);
    jobs.try_for_each(|job| never_lost(job.events()))
}

type Check = fn(&World<Member>, &Shared) -> Result<(), String>;

struct Checked {
    name: &'static str,
    sentence: &'static str,
    check: Check,
    history: Shared,
}

impl Invariant<Member> for Checked {
    fn name(&self) -> &'static str {
        self.name
    }

    fn sentence(&self) -> &'static str {
        self.sentence
    }

    fn check(&mut self, world: &World<Member>) -> Result<(), String> {
        (self.check)(world, &self.history)
    }
}

/// All that must hold all along.
pub(crate) fn all(history: &Shared, no_worker_fails: bool) -> Vec<Box<dyn Invariant<Member>>> {
    let mut checks: Vec<(&str, &str, Check)> = vec![
        (
            "promoted-once",
            "The parts of an output are those of one attempt each",
            check_promoted_once,
        ),
        (
            "output",
            "An output that says it is whole is what a sequential program makes of the input",
            check_output,
        ),
        (
            "accepted",
            "A part that was accepted is its task's for ever",
            check_accepted,
        ),
        (
            "blamed",
            "A reduce that waits for maps does not fail of it",
            check_blamed,
        ),
        (
            "events",
            "What workers know of map outputs is a beginning of what the coordinator knows",
            check_events,
        ),
    ];
    if no_worker_fails {
        checks.push((
            "never-lost",
            "No map that is done is run again while its worker lives",
            check_never_lost,
        ));
    }
    let boxed = |(name, sentence, check)| -> Box<dyn Invariant<Member>> {
        Box::new(Checked {
            name,
            sentence,
            check,
            history: history.clone(),
        })
    };
    checks.into_iter().map(boxed).collect()
}

/// What must come to hold in the end.
pub(crate) struct Progress {
    pub(crate) history: Shared,
}

/// Of what became of the client's jobs.
fn succeeded(
    over: &BTreeMap<JobId, Result<(), String>>,
    sabotaged: &BTreeSet<JobId>,
) -> Result<(), String> {
    over.iter().try_for_each(|(job, result)| match result {
        Ok(()) if sabotaged.contains(job) => Err(format!("{job} succeeded, and a part is gone")),
        Err(reason) if !sabotaged.contains(job) => Err(format!("{job} failed: {reason}")),
        _ => Ok(()),
    })
}

impl Invariant<Member> for Progress {
    fn name(&self) -> &'static str {
        "progress"
    }

    fn sentence(&self) -> &'static str {
        "Once all is mended, every job succeeds"
    }

    fn check(&mut self, world: &World<Member>) -> Result<(), String> {
        let Some(Member::Client(client)) = world.node(CLIENT) else {
            return Err("the client is down".to_owned());
        };
        if let Some(waiting) = client.is_waiting() {
            return Err(waiting);
        }
        let history = self.history.borrow();
        let jobs: Vec<_> = coordinator(world)
            .into_iter()
            .flat_map(Coordinator::jobs)
            .collect();
        for name in history.texts.keys().map(u64::to_string) {
            let job = jobs.iter().find(|job| job.spec.output == name);
            let is_sabotaged = job.is_some_and(|job| history.sabotaged.contains(&job.id));
            let files = history.outputs.get(&name);
            let is_whole = files.is_some_and(|output| output.files.contains_key(SUCCESS));
            if is_whole == is_sabotaged {
                return Err(format!("output {name} is there: {is_whole}"));
            }
            if let Some(left) = files.filter(|files| is_sabotaged && !files.files.is_empty()) {
                return Err(format!("of output {name} are left {:?}", left.names()));
            }
        }
        succeeded(&history.over, &history.sabotaged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::File;

    fn attempt(kind: TaskKind, number: u64) -> AttemptId {
        let (job, index) = (JobId(1), 0);
        AttemptId {
            task: TaskId { job, kind, index },
            number,
        }
    }

    fn reduce(number: u64) -> AttemptId {
        attempt(TaskKind::Reduce, number)
    }

    fn with(names: &[(&str, u64)]) -> Output {
        let file = |(name, count): &(&str, u64)| {
            let counts = Counts::from([(b'a', *count)]);
            (name.to_string(), File { by: None, counts })
        };
        Output {
            files: names.iter().map(file).collect(),
            promoted: Vec::new(),
            is_there: true,
        }
    }

    #[test]
    fn two_attempts_of_a_part_are_seen() {
        let part = |n| ("part-r-00000".to_owned(), reduce(n));
        assert_eq!(promoted_once(&[part(0)]), Ok(()));
        assert!(promoted_once(&[part(0), part(1)]).is_err());
        assert!(promoted_once(&[part(0), part(0)]).is_err());
    }

    #[test]
    fn wrong_missing_needless_and_early_parts_are_seen() {
        let part = "part-r-00000";
        let oracle = BTreeMap::from([(part.to_owned(), Counts::from([(b'a', 2)]))]);
        let check = |names: &[(&str, u64)], state| output(&with(names), &oracle, state);
        let (running, done) = (JobState::Running, JobState::Succeeded);
        let reason = String::new();
        let failed = JobState::Failed { reason };
        assert_eq!(check(&[(part, 2), (SUCCESS, 0)], Some(&done)), Ok(()));
        assert_eq!(check(&[("_temporary/x", 9)], Some(&running)), Ok(()));
        assert_eq!(check(&[(part, 2)], Some(&JobState::Committing)), Ok(()));
        assert!(check(&[(part, 3), (SUCCESS, 0)], None).is_err());
        assert!(check(&[(SUCCESS, 0)], None).is_err());
        assert!(check(&[(part, 2), ("part-r-00001", 2), (SUCCESS, 0)], None).is_err());
        assert!(check(&[(part, 2)], Some(&running)).is_err());
        assert!(check(&[(part, 2)], Some(&failed)).is_err());
        assert!(check(&[(part, 2)], Some(&done)).is_err());
    }

    #[test]
    fn an_accepted_part_that_is_another_s_or_nobody_s_is_seen() {
        assert_eq!(accepted(reduce(1), Some(&reduce(1))), Ok(()));
        assert!(accepted(reduce(1), Some(&reduce(2))).is_err());
        assert!(accepted(reduce(1), None).is_err());
    }

    #[test]
    fn a_reduce_that_is_blamed_for_nothing_is_seen() {
        let reduce = reduce(0).task;
        assert_eq!(blamed(reduce, 2, 2), Ok(()));
        assert_eq!(blamed(reduce, 0, 2), Ok(()));
        assert!(blamed(reduce, 1, 0).is_err());
    }

    #[test]
    fn events_that_were_taken_back_are_seen() {
        let lost = |number| MapEvent::Lost {
            attempt: attempt(TaskKind::Map, number),
        };
        assert_eq!(events(&[lost(1)], &[lost(1), lost(2)]), Ok(()));
        assert!(events(&[lost(1), lost(2)], &[lost(1)]).is_err());
        assert!(events(&[lost(2)], &[lost(1), lost(2)]).is_err());
    }

    #[test]
    fn an_output_that_was_given_up_is_seen() {
        let attempt = attempt(TaskKind::Map, 0);
        let address = "n2".to_owned();
        let done = MapEvent::Done { attempt, address };
        assert_eq!(never_lost(std::slice::from_ref(&done)), Ok(()));
        assert!(never_lost(&[done, MapEvent::Lost { attempt }]).is_err());
    }

    #[test]
    fn a_job_that_failed_is_no_progress() {
        let of = |result| BTreeMap::from([(JobId(1), result)]);
        let (none, it) = (BTreeSet::new(), BTreeSet::from([JobId(1)]));
        let failed = || of(Err("why not".to_owned()));
        assert_eq!(succeeded(&of(Ok(())), &none), Ok(()));
        assert!(succeeded(&failed(), &none).is_err());
        assert_eq!(succeeded(&failed(), &it), Ok(()));
        assert!(succeeded(&of(Ok(())), &it).is_err());
    }
}

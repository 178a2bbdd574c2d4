//! A coordinator with real files, and workers that only say what they do.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mini_mapreduce::coordinator::commit::temporary_name;
use mini_mapreduce::coordinator::job::JobState;
use mini_mapreduce::coordinator::{Config, status::Status};
use mini_mapreduce::counters::Counters;
use mini_mapreduce::job::{JobSpec, Settings};
use mini_mapreduce::protocol::{AttemptState, JobId, Registration, WorkerId};
use mini_mapreduce::server::files::FileSystems;
use mini_mapreduce::server::host::Host;
use mini_mapreduce::worker::{Action, Worker};
use node::{Disk, DiskFault, DiskFaults, Failing, FileDisk, MemDisk};
use tempfile::TempDir;

/// How long anything may take on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

fn host(disk: Box<dyn Disk + Send>) -> Arc<Host> {
    Host::open(Config::default(), disk, FileSystems::default()).unwrap()
}

/// Two maps without input and without reduces.
fn spec(output: &Path) -> JobSpec {
    JobSpec {
        program: "teragen".to_owned(),
        args: ["2", "1"].map(str::to_owned).to_vec(),
        inputs: Vec::new(),
        output: output.to_str().unwrap().to_owned(),
        reduces: 0,
        settings: Settings::default(),
    }
}

fn state(host: &Host, job: JobId) -> JobState {
    host.look(|core| Status::of(core.job(job).unwrap()).state)
        .unwrap()
}

/// Has both maps done, by a worker that writes their parts.
fn do_maps(host: &Host, output: &Path) -> Worker {
    let mut worker = Worker::new(WorkerId(1));
    let registered = host.register(Registration {
        worker: worker.id(),
        address: "nowhere:1".to_owned(),
        host: String::new(),
        rack: String::new(),
        map_slots: 2,
        reduce_slots: 0,
        outputs: Vec::new(),
    });
    registered.unwrap();
    let reply = host.heartbeat(&worker.report()).unwrap().unwrap();
    let actions = worker.hear(reply);
    assert_eq!(actions.len(), 2);
    for action in actions {
        let Action::RunMap { attempt, .. } = action else {
            panic!("{action:?}");
        };
        let part = output.join(temporary_name(attempt));
        fs::create_dir_all(part.parent().unwrap()).unwrap();
        fs::write(part, "row").unwrap();
        let counters = Counters::default();
        worker.ended(attempt, AttemptState::Done { counters });
    }
    let reply = host.heartbeat(&worker.report()).unwrap().unwrap();
    worker.hear(reply);
    worker
}

fn until(host: &Host, what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < DEADLINE, "not after {DEADLINE:?}: {what}");
        host.tick().unwrap();
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

#[test]
fn a_commit_that_fails_is_tried_again_and_nobody_waits_for_it() {
    let dir = TempDir::new().unwrap();
    let output = dir.path().join("out");
    let host = host(Box::new(MemDisk::default()));
    let job = host.submit(1, spec(&output)).unwrap();
    // A file cannot take a directory's place. The first part is promoted, and the second one is not.
    let obstacle = output.join("part-m-00001");
    fs::create_dir(&obstacle).unwrap();
    let mut worker = do_maps(&host, &output);
    until(&host, "a part is visible", || {
        output.join("part-m-00000").is_file()
    });
    let reply = host.heartbeat(&worker.report()).unwrap().unwrap();
    worker.hear(reply);
    assert_eq!(state(&host, job), JobState::Committing);
    fs::remove_dir(&obstacle).unwrap();
    until(&host, "it is committed", || {
        state(&host, job) == JobState::Succeeded
    });
    assert_eq!(names(&output), ["_SUCCESS", "part-m-00000", "part-m-00001"]);
}

#[test]
fn a_commit_that_is_given_up_leaves_nothing_visible() {
    let dir = TempDir::new().unwrap();
    let output = dir.path().join("out");
    let host = host(Box::new(MemDisk::default()));
    let job = host.submit(1, spec(&output)).unwrap();
    let obstacle = output.join("part-m-00001");
    fs::create_dir(&obstacle).unwrap();
    do_maps(&host, &output);
    until(&host, "a part is visible", || {
        output.join("part-m-00000").is_file()
    });
    // Between two tries; while one is at work it says no.
    until(&host, "it is killed", || {
        host.kill(job, "killed by its owner").unwrap()
    });
    until(&host, "it is over", || {
        matches!(state(&host, job), JobState::Failed { .. })
    });
    let reason = "killed by its owner".to_owned();
    assert_eq!(state(&host, job), JobState::Failed { reason });
    assert_eq!(names(&output), ["part-m-00001"], "which is no part");
}

#[test]
fn what_is_not_durable_is_not_shown() {
    let dir = TempDir::new().unwrap();
    let faults = DiskFaults::default();
    let disk = FileDisk::open(dir.path().join("journal")).unwrap();
    let host = host(Box::new(disk.with_faults(faults.clone())));
    let job = host.submit(1, spec(&dir.path().join("out"))).unwrap();
    assert_eq!(state(&host, job), JobState::Running);
    faults.set(DiskFault {
        failing: Failing::Syncs,
        ..DiskFault::default()
    });
    assert!(host.kill(job, "killed by its owner").is_err());
    let seen = host.look(|core| core.job(job).map(|job| job.state.clone()));
    assert!(seen.is_err(), "{seen:?}");
    drop(host);
    faults.set(DiskFault::default());
    let disk = FileDisk::open(dir.path().join("journal")).unwrap();
    let host = self::host(Box::new(disk.with_faults(faults)));
    assert!(host.look(|_| ()).is_ok());
}

#[test]
fn a_client_that_asks_again_gets_the_same_job_whatever_happened_between() {
    let dir = TempDir::new().unwrap();
    let (journal, output) = (dir.path().join("journal"), dir.path().join("out"));
    let open = || host(Box::new(FileDisk::open(&journal).unwrap()));
    let taken = open().submit(7, spec(&output)).unwrap();
    assert!(output.is_dir());
    assert_eq!(open().submit(7, spec(&output)).unwrap(), taken);
    let refused = open().submit(8, spec(&output)).unwrap_err().to_string();
    assert!(refused.contains("is there already"), "{refused}");
    // It died after the job was written down, and before its output was made.
    fs::remove_dir(&output).unwrap();
    let host = open();
    host.tick().unwrap();
    assert_eq!(host.submit(7, spec(&output)).unwrap(), taken);
    assert!(output.is_dir());
}

#[test]
fn a_job_of_too_many_tasks_is_refused_and_the_error_says_what_to_set() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("in"), "x".repeat(200_000)).unwrap();
    let host = host(Box::new(MemDisk::default()));
    let refused = |change: &dyn Fn(&mut JobSpec)| {
        let mut spec = spec(&dir.path().join("out"));
        change(&mut spec);
        host.submit(1, spec).unwrap_err().to_string()
    };
    let set = |spec: &mut JobSpec, name: &str, value: &str| {
        spec.settings.0.insert(name.to_owned(), value.to_owned());
    };
    let text = refused(&|spec| spec.reduces = 4_000_000_000);
    assert!(
        text.contains("4000000000 reduces") && text.contains("-r"),
        "{text}"
    );
    let text = refused(&|spec| set(spec, "mapreduce.job.maps", "1000000000000"));
    assert!(text.contains("set mapreduce.job.maps to fewer"), "{text}");
    let text = refused(&|spec| {
        spec.program = "wordcount".to_owned();
        spec.args.clear();
        spec.inputs = vec![dir.path().join("in").to_str().unwrap().to_owned()];
        set(spec, "mapreduce.input.fileinputformat.split.maxsize", "1");
    });
    assert!(
        text.contains("200000 splits") && text.contains("split.minsize"),
        "{text}"
    );
    let text = refused(&|spec| set(spec, "mapreduce.task.timeout", "10m"));
    assert!(text.contains("mapreduce.task.timeout=10m"), "{text}");
    assert!(!dir.path().join("out").exists());
}

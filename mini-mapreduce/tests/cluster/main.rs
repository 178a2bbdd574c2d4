//! Real processes, killed for real. Each test runs a cluster of its own; nothing here waits for a fixed time, only until something is the case.

#![allow(
    clippy::unwrap_used,
    reason = "these are tests, which clippy knows by an attribute that they lack"
)]

mod faults;
mod full;
mod page;
mod slow;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use mini_mapreduce::coordinator::job::JobState;
use mini_mapreduce::coordinator::status::Status;
use mini_mapreduce::job::{JobSpec, Settings};
use mini_mapreduce::protocol::JobId;
use mini_mapreduce::server::client::Client;
use mini_mapreduce::server::cluster::{Cluster, Options};
use servers::Server;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// How long anything may take on a busy machine.
const DEADLINE: Duration = Duration::from_secs(100);
const START_MAX: Duration = Duration::from_secs(60);

const PROGRAM: &str = env!("CARGO_BIN_EXE_mini-mapreduce");

/// A cluster, a text of many splits, and how often each word is in it.
struct Scene {
    dir: TempDir,
    cluster: Cluster,
    runtime: Runtime,
    client: Client,
    expected: BTreeMap<String, u64>,
    /// Of the last job.
    reduces: u32,
}

impl Scene {
    fn new(workers: u16) -> Scene {
        let dir = TempDir::new().unwrap();
        let expected = write_text(&dir.path().join("text"), 60_000);
        let options = Options {
            workers,
            slots: 1,
            racks: 1,
            hosts: "worker".to_owned(),
            dir: None,
            listen: "127.0.0.1:0".to_owned(),
            http: "127.0.0.1:0".to_owned(),
            worker_timeout: 3.0,
            exit_with_stdin: true,
        };
        let cluster = Cluster::start(Path::new(PROGRAM), &options, &dir.path().join("cluster"));
        let cluster = cluster.unwrap();
        let runtime = Runtime::new().unwrap();
        let client = runtime.block_on(async { Client::new(cluster.address().unwrap()) });
        Scene {
            client: client.unwrap(),
            dir,
            cluster,
            runtime,
            expected,
            reduces: 0,
        }
    }

    /// With another coordinator, and no workers yet.
    fn of_coordinator(args: &[&str]) -> Scene {
        let mut scene = Scene::new(0);
        let coordinator = scene.server("coordinator", "another", args);
        let coordinator = coordinator.with_args(["--http", "127.0.0.1:0"]);
        scene.cluster.coordinator = coordinator.listening("--listen", "rpc", "127.0.0.1:0");
        scene.cluster.coordinator.start(START_MAX).unwrap();
        let address = scene.cluster.address().unwrap();
        let client = scene.runtime.block_on(async { Client::new(address) });
        scene.client = client.unwrap();
        scene
    }

    /// Another worker, started.
    fn one_more(&self, name: &str, args: &[&str]) -> Server {
        let worker = self.server("worker", name, args);
        let mut worker = worker.with_args(["--coordinator", self.cluster.address().unwrap()]);
        worker.start(START_MAX).unwrap();
        worker
    }

    fn server(&self, command: &str, name: &str, args: &[&str]) -> Server {
        let own = self.dir.path().join(name);
        let fixed = [command, "--exit-with-stdin", "--dir", own.to_str().unwrap()];
        let args = fixed.iter().chain(args).map(|arg| (*arg).to_owned());
        Server::new(PROGRAM, args).logging_to(own.with_extension("log"))
    }

    fn submit(&mut self) -> JobId {
        self.submit_with(2, &[])
    }

    /// A job that counts the text's words.
    fn submit_with(&mut self, reduces: u32, settings: &[(&str, &str)]) -> JobId {
        let path = |name: &str| self.dir.path().join(name).to_str().unwrap().to_owned();
        let size = ("mapreduce.input.fileinputformat.split.maxsize", "20000");
        let all = std::iter::once(&size).chain(settings);
        let all = all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let spec = JobSpec {
            program: "wordcount".to_owned(),
            args: Vec::new(),
            inputs: vec![path("text")],
            output: path("out"),
            reduces,
            settings: Settings(all.collect()),
        };
        self.reduces = reduces;
        self.runtime.block_on(self.client.submit(spec)).unwrap()
    }

    fn status(&mut self, job: JobId) -> Option<Status> {
        self.runtime.block_on(self.client.job(job)).ok()
    }

    /// Waits until it is so; the status in which it was.
    fn until(&mut self, job: JobId, what: &str, is_so: impl Fn(&Status) -> bool) -> Status {
        let begun = Instant::now();
        let mut last = None;
        while begun.elapsed() < DEADLINE {
            if let Some(status) = self.status(job) {
                if is_so(&status) {
                    return status;
                }
                assert!(
                    !status.state.is_over(),
                    "it was never so: {what}: {status:?}"
                );
                last = Some(status);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("not after {DEADLINE:?}: {what}: {last:?}");
    }

    /// In the middle of the maps, while reduces fetch what there is.
    fn until_half(&mut self, job: JobId) -> Status {
        self.until(
            job,
            "some maps are done, some not, reduces fetch",
            |status| {
                let (maps, done) = status.maps;
                done * 4 >= maps && done * 4 <= maps * 3 && status.shuffle > 0.0
            },
        )
    }

    /// The job ends well, and its output is right.
    fn succeeds(&mut self, job: JobId) {
        let begun = Instant::now();
        loop {
            match self.status(job).map(|status| status.state) {
                Some(JobState::Succeeded) => break,
                Some(JobState::Failed { reason }) => panic!("it failed: {reason}"),
                _ => assert!(
                    begun.elapsed() < DEADLINE,
                    "it is not over: {:?}",
                    self.status(job)
                ),
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let out = self.dir.path().join("out");
        let mut names: Vec<_> = fs::read_dir(&out)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        let parts = (0..self.reduces).map(|number| format!("part-r-{number:05}"));
        let expected: Vec<String> = ["_SUCCESS".to_owned()].into_iter().chain(parts).collect();
        assert_eq!(names, expected);
        let mut counts = BTreeMap::new();
        for part in &names[1..] {
            for line in fs::read_to_string(out.join(part)).unwrap().lines() {
                let (word, count) = line.split_once('\t').unwrap();
                let before = counts.insert(word.to_owned(), count.parse().unwrap());
                assert_eq!(before, None, "{word} is in two lines");
            }
        }
        assert!(counts == self.expected, "the counts are wrong");
        let counters = self.status(job).unwrap().counters;
        assert_eq!(counters.get_task("MAP_INPUT_RECORDS"), 60_000);
    }
}

/// Lines of words; how often each is there.
fn write_text(path: &Path, lines: u32) -> BTreeMap<String, u64> {
    let (mut text, mut counts) = (String::new(), BTreeMap::new());
    for number in 0..lines {
        for word in [number % 7, number % 1009, number % 13, number % 4001] {
            let word = format!("word{word}");
            text += &word;
            text.push(' ');
            *counts.entry(word).or_default() += 1;
        }
        text.push('\n');
    }
    fs::write(path, text).unwrap();
    counts
}

/// Between two heartbeats is a minute.
#[test]
fn what_is_decided_is_heard_at_once() {
    let mut scene = Scene::of_coordinator(&["--worker-timeout", "3600"]);
    let rare = ["--heartbeat", "60000", "--map-slots", "1"];
    let workers = ["one", "two"].map(|name| scene.one_more(name, &rare));
    scene.cluster.workers.extend(workers);
    let begun = Instant::now();
    let job = scene.submit();
    scene.succeeds(job);
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(50), "it waited: {took:?}");
}

#[test]
fn a_worker_that_is_killed_in_mid_shuffle_costs_time_alone() {
    let mut scene = Scene::new(3);
    let job = scene.submit();
    scene.until_half(job);
    scene.cluster.workers[0].kill();
    scene.succeeds(job);
}

#[test]
fn a_worker_that_is_killed_with_all_maps_done_has_them_run_again() {
    let mut scene = Scene::new(2);
    let job = scene.submit();
    scene.until_half(job);
    // Stopped, so that reduces cannot fetch from it what they still miss, and then gone for good.
    scene.cluster.workers[0].pause().unwrap();
    scene.until(job, "a worker is alone with what is left", |status| {
        status.maps.1 * 10 > status.maps.0 * 6
    });
    scene.cluster.workers[0].kill();
    scene.succeeds(job);
}

#[test]
fn a_worker_that_was_taken_for_dead_comes_back_and_changes_nothing() {
    let mut scene = Scene::new(2);
    let job = scene.submit();
    let before = scene.until_half(job).maps.1;
    scene.cluster.workers[0].pause().unwrap();
    // Its outputs are given up: fewer maps are done than were.
    scene.until(job, "the worker is taken for dead", |status| {
        status.maps.1 < before || status.maps.1 == status.maps.0
    });
    scene.cluster.workers[0].resume().unwrap();
    scene.succeeds(job);
}

#[test]
fn a_coordinator_that_is_killed_goes_on_where_it_was() {
    let mut scene = Scene::new(2);
    let job = scene.submit();
    let before = scene.until_half(job).maps.1;
    scene.cluster.coordinator.kill();
    scene.cluster.coordinator.start(START_MAX).unwrap();
    let after = scene.until(job, "it answers again", |_| true).maps.1;
    assert!(after >= before, "{before} maps were done, and then {after}");
    scene.succeeds(job);
}

#[test]
fn the_command_line_runs_a_job_on_a_cluster_and_tells_what_is_wrong() {
    let scene = Scene::new(1);
    let address = scene.cluster.address().unwrap();
    let run = |args: &[&str]| {
        let mut command = Command::new(PROGRAM);
        command
            .args(args)
            .env("MINI_MAPREDUCE_COORDINATOR", address);
        let output = command.current_dir(scene.dir.path()).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(text).unwrap())
    };
    fs::write(scene.dir.path().join("small"), "b a\na\n").unwrap();
    let (done, text) = run(&["run", "wordcount", "small", "counts"]);
    assert!(done && text.contains("MAP_INPUT_RECORDS=2"), "{text}");
    let part = fs::read_to_string(scene.dir.path().join("counts/part-r-00000")).unwrap();
    assert_eq!(part, "a\t2\nb\t1\n");
    let (done, text) = run(&["run", "wordcount", "small", "counts"]);
    assert!(!done && text.contains("is there already"), "{text}");
    let (done, text) = run(&["run", "wordcount", "nothing", "other"]);
    assert!(!done && text.contains("nothing: No such file"), "{text}");
    let (done, text) = run(&["jobs"]);
    assert!(
        done && text.contains("job_0001 wordcount") && text.contains("succeeded"),
        "{text}"
    );
    let (done, text) = run(&["jobs", "job_0001", "--attempts"]);
    let told = [
        "2 succeeded, 0 failed",
        "attempt_0001_m_000000_0 on worker1: succeeded",
        "REDUCE_SHUFFLE_BYTES=",
    ];
    assert!(
        done && told.iter().all(|part| text.contains(part)),
        "{text}"
    );
    let (done, text) = run(&["jobs", "job_0007"]);
    assert!(!done && text.contains("there is no job_0007"), "{text}");
    let (done, text) = run(&["jobs", "--kill", "job_0001"]);
    assert!(!done && text.contains("it is over"), "{text}");
}

//! Processes that die in any phase of a job.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use servers::Server;

use super::*;

/// Merges of two segments at a time: so that there is a while between fetching and reducing.
const LONG_MERGES: &[(&str, &str)] = &[("mapreduce.task.io.sort.factor", "2")];

impl Scene {
    /// All is fetched by some reduce, which merges; and some reduces are still to come.
    fn until_merging(&mut self, job: JobId) {
        self.until(job, "all maps are done, and reduces merge", |status| {
            status.maps.1 == status.maps.0 && status.shuffle > 0.3 && status.reduces.1 <= 2
        });
    }

    /// Something that stands where a part is to go, so that the commit fails and is tried again while it is there.
    fn obstruct(&self) -> std::path::PathBuf {
        let obstacle = self.dir.path().join("out/part-r-00001");
        fs::create_dir(&obstacle).unwrap();
        obstacle
    }

    fn until_committing(&mut self, job: JobId) {
        self.until(job, "it is committed, and a part is visible", |status| {
            status.state == JobState::Committing
        });
        let part = self.dir.path().join("out/part-r-00000");
        let begun = Instant::now();
        while !part.is_file() {
            assert!(begun.elapsed() < DEADLINE, "no part is visible");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Another worker, with a way to start it.
    pub(super) fn worker(&self, name: &str, shell: &str, args: &[&str]) -> Server {
        let dir = self.dir.path().join(name);
        let own = dir.to_str().unwrap();
        let fixed = ["worker", "--exit-with-stdin", "--dir", own, "--coordinator"];
        let address = self.cluster.address().unwrap();
        let args = [&["-c", shell, PROGRAM][..], &fixed, &[address], args].concat();
        let server = Server::new("sh", args.into_iter().map(str::to_owned));
        server.logging_to(dir.with_extension("log"))
    }
}

#[test]
fn a_worker_that_is_killed_while_it_maps() {
    let mut scene = Scene::new(2);
    let job = scene.submit();
    scene.until(job, "maps run", |status| {
        status.maps.1 > 0 && status.maps.1 * 2 < status.maps.0
    });
    scene.cluster.workers[1].kill();
    scene.succeeds(job);
}

#[test]
fn a_worker_that_is_killed_while_it_merges() {
    let mut scene = Scene::new(3);
    let job = scene.submit_with(4, LONG_MERGES);
    scene.until_merging(job);
    scene.cluster.workers[0].kill();
    scene.succeeds(job);
}

#[test]
fn a_coordinator_that_is_killed_while_workers_merge() {
    let mut scene = Scene::new(2);
    let job = scene.submit_with(4, LONG_MERGES);
    scene.until_merging(job);
    scene.cluster.coordinator.kill();
    scene.cluster.coordinator.start(START_MAX).unwrap();
    scene.succeeds(job);
}

#[test]
fn everybody_is_killed_during_the_commit() {
    let mut scene = Scene::new(2);
    let job = scene.submit();
    let obstacle = scene.obstruct();
    scene.until_committing(job);
    for worker in &mut scene.cluster.workers {
        worker.kill();
    }
    scene.cluster.coordinator.kill();
    scene.cluster.coordinator.start(START_MAX).unwrap();
    scene.until_committing(job);
    fs::remove_dir(obstacle).unwrap();
    scene.succeeds(job);
}

/// `mini-mapreduce run`, and what it says.
fn run(dir: &Path, coordinator: &str) -> (Child, impl Iterator<Item = String> + use<>) {
    let mut command = Command::new(PROGRAM);
    command.args(["run", "--coordinator", coordinator, "wordcount", "-D"]);
    command.args([
        "mapreduce.input.fileinputformat.split.maxsize=20000",
        "-r",
        "2",
    ]);
    command.args(["text", "out"]).current_dir(dir);
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    (child, lines.map(Result::unwrap))
}

#[test]
fn a_client_lasts_through_restarts_of_the_coordinator() {
    let mut scene = Scene::new(2);
    scene.reduces = 2;
    let address = scene.cluster.address().unwrap().to_owned();
    // While it submits.
    scene.cluster.coordinator.kill();
    let (mut child, mut lines) = run(scene.dir.path(), &address);
    let first = lines.next().unwrap();
    assert!(
        first.contains("does not answer") && first.contains("trying again for 120 s"),
        "{first}"
    );
    scene.cluster.coordinator.start(START_MAX).unwrap();
    // And while it waits.
    let begun = Instant::now();
    while scene
        .status(JobId(1))
        .is_none_or(|status| status.maps.1 < 2)
    {
        assert!(begun.elapsed() < DEADLINE, "the job never runs");
        std::thread::sleep(Duration::from_millis(5));
    }
    scene.cluster.coordinator.kill();
    scene.cluster.coordinator.start(START_MAX).unwrap();
    let rest: Vec<String> = lines.collect();
    assert!(child.wait().unwrap().success(), "{rest:?}");
    scene.succeeds(JobId(1));
}

#[test]
fn a_client_whose_coordinator_stays_away_says_so() {
    let scene = Scene::new(1);
    let mut command = Command::new(PROGRAM);
    command.args(["run", "--coordinator", "127.0.0.1:9", "--patience", "0"]);
    let output = command.args(["wordcount", "text", "out"]);
    let output = output.current_dir(scene.dir.path()).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(
        text.contains("the coordinator at 127.0.0.1:9 does not answer"),
        "{text}"
    );
}

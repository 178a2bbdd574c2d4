//! A worker that is twenty times slower than the other one, with speculative execution and without.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use mini_mapreduce::coordinator::job::JOB_COUNTERS;

use super::*;

const MAPS: u32 = 4;

/// A process that gets one part in twenty of the time, until it is told otherwise.
struct Slowed {
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<Server>>,
}

impl Slowed {
    fn new(mut server: Server) -> Slowed {
        let is_over = Arc::new(AtomicBool::new(false));
        let until = is_over.clone();
        let thread = std::thread::spawn(move || {
            while !until.load(Ordering::Relaxed) {
                server.pause().unwrap();
                std::thread::sleep(Duration::from_millis(95));
                server.resume().unwrap();
                std::thread::sleep(Duration::from_millis(5));
            }
            server
        });
        Slowed {
            is_over,
            thread: Some(thread),
        }
    }

    /// From now on it is as fast as others.
    fn end(&mut self) -> Option<Server> {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.take().map(|thread| thread.join().unwrap())
    }
}

impl Drop for Slowed {
    fn drop(&mut self) {
        self.end();
    }
}

/// A coordinator that thinks of second attempts after a second, a fast worker and a slow one; and a job whose first map the slow one has.
fn scene(is_speculative: bool) -> (Scene, Slowed, JobId) {
    let mut scene = Scene::of_coordinator(&["--speculative-after", "1"]);
    let spec = JobSpec {
        program: "teragen".to_owned(),
        args: ["800000", "1"].map(str::to_owned).to_vec(),
        inputs: Vec::new(),
        output: scene.dir.path().join("rows").to_str().unwrap().to_owned(),
        reduces: 0,
        settings: Settings(BTreeMap::from([
            ("mapreduce.job.maps".to_owned(), MAPS.to_string()),
            (
                "mapreduce.map.speculative".to_owned(),
                is_speculative.to_string(),
            ),
        ])),
    };
    let job = scene.runtime.block_on(scene.client.submit(spec)).unwrap();
    let slow = scene.one_more("slow", &["--map-slots", "1"]);
    scene.until(job, "the slow worker has a map", |status| {
        launched(status) == 1
    });
    let slow = Slowed::new(slow);
    let fast = scene.one_more("fast", &["--map-slots", "1"]);
    scene.cluster.workers.push(fast);
    (scene, slow, job)
}

fn launched(status: &Status) -> u64 {
    status.counters.get(JOB_COUNTERS, "TOTAL_LAUNCHED_MAPS")
}

fn killed(status: &Status) -> u64 {
    status.counters.get(JOB_COUNTERS, "NUM_KILLED_MAPS")
}

#[test]
fn with_speculation_a_job_ends_while_its_slow_worker_is_still_at_work() {
    let (mut scene, mut slow, job) = scene(true);
    let status = scene.until(job, "it is over", |status| {
        status.state == JobState::Succeeded
    });
    assert_eq!(launched(&status), u64::from(MAPS) + 1);
    assert_eq!(killed(&status), 1, "the slow worker's attempt");
    slow.end();
}

#[test]
fn without_speculation_a_job_waits_for_its_slow_worker() {
    let (mut scene, mut slow, job) = scene(false);
    scene.until(job, "all but the slow worker's map is done", |status| {
        status.maps.1 == MAPS - 1
    });
    // The fast worker has nothing to do; with speculation it would have.
    let before = scene.status(job).unwrap();
    assert_eq!(launched(&before), u64::from(MAPS));
    let _slow = slow.end();
    let status = scene.until(job, "it is over", |status| {
        status.state == JobState::Succeeded
    });
    assert_eq!(launched(&status), u64::from(MAPS));
    assert_eq!(killed(&status), 0);
}

//! The same on a cluster of real processes.

use std::time::{Duration, Instant};

use mini_mapreduce::coordinator::job::JobState;
use mini_mapreduce::coordinator::status::Status;
use mini_mapreduce::protocol::JobId;
use mini_mapreduce::server::client::Client;
use mini_mapreduce::server::cluster::{Cluster, Options};
use mini_mapreduce::server::streaming;
use tokio::runtime::Runtime;

use super::failures::until_gone;
use super::*;

const DEADLINE: Duration = Duration::from_secs(100);

struct Scene {
    place: Place,
    cluster: Cluster,
    runtime: Runtime,
    client: Client,
}

impl Scene {
    fn new(workers: u16) -> Scene {
        let place = Place::new();
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
        let cluster = Cluster::start(Path::new(PROGRAM), &options, &place.path("cluster")).unwrap();
        let runtime = Runtime::new().unwrap();
        let client = runtime.block_on(async { Client::new(cluster.address().unwrap()) });
        Scene {
            place,
            cluster,
            runtime,
            client: client.unwrap(),
        }
    }

    fn submit(&mut self, options: &[&str]) -> JobId {
        let words: Vec<String> = options.iter().map(|&word| word.to_owned()).collect();
        let spec = streaming::Options::parse(&words).unwrap().job().unwrap();
        self.runtime.block_on(self.client.submit(spec)).unwrap()
    }

    fn status(&mut self, job: JobId) -> Status {
        self.runtime.block_on(self.client.job(job)).unwrap()
    }

    fn until(&mut self, job: JobId, what: &str, is_so: impl Fn(&Status) -> bool) {
        let begun = Instant::now();
        loop {
            let status = self.status(job);
            if is_so(&status) {
                return;
            }
            assert!(
                begun.elapsed() < DEADLINE,
                "it was never so: {what}: {status:?}"
            );
            assert!(
                !matches!(status.state, JobState::Failed { .. }),
                "{status:?}"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

#[test]
fn a_worker_that_is_killed_with_its_commands_costs_time_alone() {
    let mut scene = Scene::new(3);
    let (text, counts) = text(20_000);
    scene.place.write("in", text);
    let path = |name: &str| scene.place.path(name).to_str().unwrap().to_owned();
    let (input, output) = (path("in"), path("out"));
    scene
        .place
        .write("reduce.sh", "#!/bin/sh\nawk -F '\\t' '{sum[$1] += $2} END {for (word in sum) print word \"\\t\" sum[word]}'\n");
    let reduce = path("reduce.sh");
    let size = "mapreduce.input.fileinputformat.split.maxsize=10000";
    let common = [
        "-input",
        &input,
        "-output",
        &output,
        "-D",
        size,
        "-numReduceTasks",
        "2",
    ];
    let own = [
        "-file",
        &reduce,
        "-reducer",
        "reduce.sh",
        WORDS[0],
        WORDS[1],
    ];
    let job = scene.submit(&[&common[..], &own].concat());
    scene.until(job, "some maps are done, and some not", |status| {
        let (maps, done) = status.maps;
        done * 4 >= maps && done < maps
    });
    scene.cluster.workers[0].kill();
    scene.until(job, "it is done", |status| {
        status.state == JobState::Succeeded
    });
    let mut text = String::new();
    for part in ["part-r-00000", "part-r-00001"] {
        text += &fs::read_to_string(Path::new(&output).join(part)).unwrap();
    }
    assert!(numbers(&text) == counts, "the counts are wrong");
}

impl Scene {
    /// Has a mapper run that says which process it is, and goes on as told; the job, and the process.
    fn run_endless(&mut self, name: &str, goes_on: &str) -> (JobId, String) {
        self.place.write("in", "x\n");
        let script = format!("#!/bin/sh\necho $$ > $PID.new\nmv $PID.new $PID\nexec {goes_on}\n");
        self.place.write(&format!("{name}.sh"), script);
        let path = |name: &str| self.place.path(name).to_str().unwrap().to_owned();
        let (input, output, script) = (
            path("in"),
            path(&format!("out-{name}")),
            path(&format!("{name}.sh")),
        );
        let pid = path(&format!("{name}.pid"));
        let mapper = format!("{name}.sh");
        let environment = format!("PID={pid}");
        let job = self.submit(&[
            "-input",
            &input,
            "-output",
            &output,
            "-file",
            &script,
            "-mapper",
            &mapper,
            "-cmdenv",
            &environment,
        ]);
        let begun = Instant::now();
        while !Path::new(&pid).exists() {
            assert!(
                begun.elapsed() < DEADLINE,
                "it never ran: {:?}",
                self.status(job)
            );
            std::thread::sleep(Duration::from_millis(5));
        }
        (job, fs::read_to_string(&pid).unwrap().trim().to_owned())
    }
}

#[test]
fn a_job_that_is_ended_ends_its_commands() {
    let mut scene = Scene::new(1);
    // One that says nothing, and one that never stops to.
    for (name, goes_on) in [("silent", "sleep 1234"), ("endless", "yes")] {
        let (job, pid) = scene.run_endless(name, goes_on);
        scene
            .runtime
            .block_on(scene.client.kill(job, "a test"))
            .unwrap();
        until_gone(&pid);
    }
}

#[test]
fn a_worker_that_is_asked_to_end_ends_its_commands() {
    let mut scene = Scene::new(1);
    let (_, pid) = scene.run_endless("silent", "sleep 1234");
    scene.cluster.stop();
    until_gone(&pid);
}

#[test]
fn the_command_line_runs_it_where_it_is_told_to() {
    let mut scene = Scene::new(1);
    scene.place.write("in", "b a\na\n");
    let address = scene.cluster.address().unwrap().to_owned();
    let options = [&WORDS[..], &["-coordinator", &address]].concat();
    let ran = scene.place.run(&options);
    assert_eq!(
        numbers(&String::from_utf8(ran.bytes()).unwrap()),
        numbers("a\t2\nb\t1\n")
    );
    let error = scene
        .place
        .error(&["-mapper", "no-such-command", "--coordinator", &address]);
    assert!(
        error.contains("there is no program no-such-command"),
        "{error}"
    );
}

//! A mini-hdfs of three DataNodes, and how jobs are run on it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use mini_hdfs::server::cluster as hdfs;
use mini_hdfs::server::dfs_client::{ClientSettings, CreateOptions, DfsClient};
use mini_mapreduce::coordinator::job::JobState;
use mini_mapreduce::coordinator::status::Status;
use mini_mapreduce::job::{JobSpec, Settings};
use mini_mapreduce::protocol::JobId;
use mini_mapreduce::server::client::Client;
use mini_mapreduce::server::cluster::{Cluster, Options};
use mini_mapreduce::server::local;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// How long anything may take on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(100);

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_mini-mapreduce");

/// So many bytes has a block.
pub(crate) const BLOCK_BYTES: usize = 64 << 10;

/// A dead DataNode is known soon.
const SETTINGS: [&str; 6] = [
    "dfs.heartbeat.interval=100ms",
    "dfs.namenode.stale.datanode.interval=600ms",
    "dfs.namenode.heartbeat.recheck-interval=200ms",
    "dfs.namenode.redundancy.interval.seconds=100ms",
    "dfs.namenode.fs-limits.min-block-size=64k",
    "dfs.blocksize=64k",
];

pub(crate) struct World {
    pub(crate) hdfs: hdfs::Cluster,
    pub(crate) client: DfsClient,
    pub(crate) dir: TempDir,
    /// How many directories were given out.
    made: u32,
}

impl World {
    pub(crate) fn start() -> World {
        let dir = TempDir::new().unwrap();
        let options = hdfs::Options {
            datanodes: 3,
            volumes: 1,
            capacity: None,
            racks: 2,
            dir: None,
            listen: "127.0.0.1:0".to_owned(),
            http: "127.0.0.1:0".to_owned(),
            chaos: false,
            define: SETTINGS.map(str::to_owned).to_vec(),
            exit_with_stdin: true,
        };
        let program = std::env::current_exe().unwrap();
        let hdfs = hdfs::Cluster::start(&program, &options, &dir.path().join("hdfs")).unwrap();
        let runtime = Runtime::new().unwrap();
        runtime.block_on(hdfs.ready(DEADLINE)).unwrap();
        let settings = ClientSettings::new(hdfs.address().unwrap(), "tester");
        World {
            client: DfsClient::connect(settings).unwrap(),
            hdfs,
            dir,
            made: 0,
        }
    }

    /// The NameNode, as the beginning of a path.
    pub(crate) fn name_node(&self) -> String {
        format!("hdfs://{}", self.hdfs.address().unwrap())
    }

    /// A directory of mini-hdfs that is not there yet.
    pub(crate) fn new_dir(&mut self) -> String {
        self.made += 1;
        format!("/d{}", self.made)
    }

    /// A local path of which nothing is there yet.
    pub(crate) fn new_path(&mut self) -> String {
        self.made += 1;
        let path = self.dir.path().join(format!("p{}", self.made));
        path.to_str().unwrap().to_owned()
    }

    pub(crate) fn put(&self, path: &str, bytes: &[u8]) {
        let mut out = self.client.create(path, CreateOptions::default()).unwrap();
        out.write_all(bytes).unwrap();
        out.close().unwrap();
    }

    pub(crate) fn get(&self, path: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.client
            .open(path)
            .unwrap()
            .read_to_end(&mut bytes)
            .unwrap();
        bytes
    }

    /// The names of a directory's entries.
    pub(crate) fn names(&self, dir: &str) -> Vec<String> {
        let entries = self.client.list(dir).unwrap();
        let name = |path: String| path.rsplit('/').next().unwrap().to_owned();
        entries.map(|entry| name(entry.unwrap().path)).collect()
    }

    /// The parts of an output, by name, which has to be whole.
    pub(crate) fn output(&self, dir: &str) -> BTreeMap<String, Vec<u8>> {
        let mut names = self.names(dir);
        assert_eq!(names.remove(0), "_SUCCESS", "{names:?}");
        let read = |name: String| (name.clone(), self.get(&format!("{dir}/{name}")));
        names.into_iter().map(read).collect()
    }
}

/// The same of a local directory.
pub(crate) fn local_output(dir: &str) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    let mut parts: BTreeMap<String, Vec<u8>> = entries
        .map(|entry| {
            (
                entry.file_name().into_string().unwrap(),
                fs::read(entry.path()).unwrap(),
            )
        })
        .collect();
    assert!(parts.remove("_SUCCESS").is_some(), "{:?}", parts.keys());
    parts
}

/// All parts in their order, as one.
pub(crate) fn whole(parts: BTreeMap<String, Vec<u8>>) -> Vec<u8> {
    parts.into_values().flatten().collect()
}

pub(crate) fn spec(program: &str, args: &[&str], inputs: &[&str], output: &str) -> JobSpec {
    JobSpec {
        program: program.to_owned(),
        args: args.iter().map(|&arg| arg.to_owned()).collect(),
        inputs: inputs.iter().map(|&input| input.to_owned()).collect(),
        output: output.to_owned(),
        reduces: 2,
        settings: Settings::default(),
    }
}

/// In this process, on the local disk or not.
pub(crate) fn run(spec: &JobSpec) {
    local::run(spec, 2, |_| {}).unwrap();
}

/// Lines of words.
pub(crate) fn text(lines: u32) -> Vec<u8> {
    let mut text = String::new();
    for n in 0..lines {
        text += &format!("w{} w{} w{} w{}\n", n % 7, n % 1009, n % 13, n % 4001);
    }
    text.into_bytes()
}

/// A coordinator and workers that stand beside the DataNodes.
pub(crate) struct Jobs {
    pub(crate) cluster: Cluster,
    runtime: Runtime,
    client: Client,
    _dir: TempDir,
}

impl Jobs {
    pub(crate) fn start(workers: u16) -> Jobs {
        let dir = TempDir::new().unwrap();
        let options = Options {
            workers,
            slots: 1,
            racks: 1,
            hosts: "dn".to_owned(),
            dir: None,
            listen: "127.0.0.1:0".to_owned(),
            http: "127.0.0.1:0".to_owned(),
            worker_timeout: 3.0,
            exit_with_stdin: true,
        };
        let cluster = Cluster::start(Path::new(PROGRAM), &options, dir.path()).unwrap();
        let runtime = Runtime::new().unwrap();
        let client = runtime.block_on(async { Client::new(cluster.address().unwrap()) });
        Jobs {
            client: client.unwrap(),
            cluster,
            runtime,
            _dir: dir,
        }
    }

    /// With splits so small that there is a middle.
    pub(crate) fn submit(&mut self, mut spec: JobSpec) -> JobId {
        let size = "mapreduce.input.fileinputformat.split.maxsize";
        spec.settings.0.insert(size.to_owned(), "20000".to_owned());
        self.runtime.block_on(self.client.submit(spec)).unwrap()
    }

    pub(crate) fn status(&mut self, job: JobId) -> Option<Status> {
        self.runtime.block_on(self.client.job(job)).ok()
    }

    /// Waits until it is so.
    pub(crate) fn until(&mut self, job: JobId, what: &str, is_so: impl Fn(&Status) -> bool) {
        let begun = Instant::now();
        let mut last = None;
        while begun.elapsed() < DEADLINE {
            if let Some(status) = self.status(job) {
                if is_so(&status) {
                    return;
                }
                let failed = matches!(status.state, JobState::Failed { .. });
                assert!(!failed, "{what}: {status:?}");
                last = Some(status);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("not after {DEADLINE:?}: {what}: {last:?}");
    }

    pub(crate) fn succeeds(&mut self, job: JobId) {
        self.until(job, "it succeeds", |status| {
            status.state == JobState::Succeeded
        });
    }
}

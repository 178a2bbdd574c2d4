//! Who does the work: ours in one process and on clusters of worker processes, Python's three engines, and what every Unix has.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use benches::processes::cpu_of;
use mini_mapreduce::job::{JobSpec, Settings};
use mini_mapreduce::server::cluster::{self, Cluster};

use super::cost::{self, Cost};
use super::tables::Tables;
use super::{Work, tables};

const PACKAGES: [&str; 3] = ["pyspark==3.5.7", "duckdb", "polars"];
const PEERS: &str = include_str!("peers.py");

/// Where everybody works.
pub(super) struct Bed {
    pub(super) dir: PathBuf,
    /// Where Python's engines are, if they are anywhere.
    peers: Option<PathBuf>,
    has_mawk: bool,
}

impl Bed {
    pub(super) fn new(dir: &Path, peers: Option<&Path>) -> Result<Bed> {
        fs::write(dir.join("peers.py"), PEERS)?;
        let peers = match peers {
            None => {
                eprintln!(
                    "PySpark, DuckDB and Polars are left out: neither --peers DIR nor FAULTLINE_PEERS says where they are, or may be put by pip"
                );
                None
            }
            Some(peers) => {
                let found = find_or_install(peers);
                found
                    .map_err(|error| eprintln!("Python's engines are left out: {error:#}"))
                    .ok()
            }
        };
        let has_mawk = Command::new("mawk")
            .arg("-W")
            .arg("version")
            .output()
            .is_ok();
        Ok(Bed {
            dir: dir.to_owned(),
            peers,
            has_mawk,
        })
    }

    pub(super) fn contestants(&self, work: Work) -> Vec<Contestant> {
        let ours = [
            Contestant::InProcess,
            Contestant::Cluster(1),
            Contestant::Cluster(2),
        ];
        let mut all = ours.to_vec();
        if self.peers.is_some() {
            all.extend(["spark", "duckdb", "polars"].map(Contestant::Python));
        }
        all.push(Contestant::Coreutils);
        if work == Work::WordCount && self.has_mawk {
            all.push(Contestant::Mawk);
        }
        all
    }
}

fn find_or_install(dir: &Path) -> Result<PathBuf> {
    let python = dir.join("bin/python");
    let import = ["-c", "import pyspark, duckdb, polars"];
    let is_there = || {
        Command::new(&python)
            .args(import)
            .status()
            .is_ok_and(|s| s.success())
    };
    if !is_there() {
        let made = Command::new("python3")
            .args(["-m", "venv"])
            .arg(dir)
            .status();
        ensure!(
            made.context("no python3")?.success(),
            "cannot make {}",
            dir.display()
        );
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", "install", "--quiet"]).args(PACKAGES);
        ensure!(
            pip.status()?.success() && is_there(),
            "pip does not get {PACKAGES:?}"
        );
    }
    std::path::absolute(dir).context("no working directory")
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Contestant {
    /// `run` without a coordinator, two tasks at once.
    InProcess,
    /// A coordinator and so many workers of one task at once.
    Cluster(u16),
    /// One of `peers.py`.
    Python(&'static str),
    Coreutils,
    Mawk,
}

impl Contestant {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Contestant::InProcess => "ours, one process",
            Contestant::Cluster(1) => "ours, one worker",
            Contestant::Cluster(_) => "ours, two workers",
            Contestant::Python("spark") => "PySpark, local[2]",
            Contestant::Python("duckdb") => "DuckDB",
            Contestant::Python(_) => "Polars",
            Contestant::Coreutils => "coreutils",
            Contestant::Mawk => "mawk",
        }
    }

    /// Does the work, from files to files.
    pub(super) fn run(
        &self,
        bed: &Bed,
        work: Work,
        tables: &Tables,
        output: &Path,
    ) -> Result<Cost> {
        let inputs: Vec<String> = tables.paths().collect();
        let output = output.display().to_string();
        match *self {
            Contestant::InProcess => {
                let job = job(bed, work, &inputs, &output)?;
                cost::of(&job, &bed.dir, &[])
            }
            Contestant::Cluster(workers) => {
                on_cluster(bed, workers, job(bed, work, &inputs, &output)?)
            }
            Contestant::Python(engine) => {
                let bin = bed.peers.as_deref().context("no Python")?.join("bin");
                let python = bin.join("python").display().to_string();
                let script = bed.dir.join("peers.py").display().to_string();
                let mut command = match engine {
                    // The launcher becomes the JVM, which waits for Python: so all of their time is counted.
                    "spark" => vec![
                        "env".to_owned(),
                        format!("PYSPARK_PYTHON={python}"),
                        bin.join("spark-submit").display().to_string(),
                        "--master=local[2]".to_owned(),
                        "--driver-memory=4g".to_owned(),
                        format!("--conf=spark.local.dir={}", bed.dir.display()),
                        script,
                    ],
                    _ => vec![python, script],
                };
                command.extend([engine.to_owned(), work.name().to_owned(), output]);
                command.extend(inputs);
                cost::of(&command, &bed.dir, &[])
            }
            Contestant::Coreutils | Contestant::Mawk => {
                let script = self.script(work).replace("OUT", &output);
                let mut command = ["sh", "-c", &script, "sh"].map(str::to_owned).to_vec();
                command.extend(inputs);
                cost::of(&command, &bed.dir, &[])
            }
        }
    }

    fn script(&self, work: Work) -> &'static str {
        match (self, work) {
            (Contestant::Mawk, _) => {
                r#"mawk '{ for (i = 1; i <= NF; i++) n[$i]++ } END { for (w in n) printf "%s\t%d\n", w, n[w] }' "$1" > OUT"#
            }
            (_, Work::WordCount) => {
                r#"export LC_ALL=C; tr -s ' ' '\n' < "$1" | sort -S 512M --parallel=2 | uniq -c | sed 's/^ *\([0-9]*\) \(.*\)$/\2\t\1/' > OUT"#
            }
            (_, Work::Sort) => r#"LC_ALL=C sort -S 512M --parallel=2 -o OUT "$1""#,
            (_, Work::Join) => {
                r#"export LC_ALL=C; t=$(printf '\t'); sort -S 256M --parallel=2 -t "$t" -k 1,1 -o OUT.left "$1"; sort -S 256M --parallel=2 -t "$t" -k 1,1 -o OUT.right "$2"; join -t "$t" OUT.left OUT.right > OUT; rm OUT.left OUT.right"#
            }
        }
    }
}

/// This program as somebody who has our job run.
fn job(bed: &Bed, work: Work, inputs: &[String], output: &str) -> Result<Vec<String>> {
    let program = match work {
        Work::WordCount => "wordcount",
        Work::Sort => "terasort",
        Work::Join => "join",
    };
    let spec = JobSpec {
        program: program.to_owned(),
        args: Vec::new(),
        inputs: inputs.to_vec(),
        output: output.to_owned(),
        reduces: 2,
        settings: Settings::default(),
    };
    let file = bed.dir.join("job.json");
    fs::write(&file, serde_json::to_vec(&spec)?)?;
    let program = env::current_exe()?.display().to_string();
    Ok(vec![program, "job".to_owned(), file.display().to_string()])
}

fn on_cluster(bed: &Bed, workers: u16, mut job: Vec<String>) -> Result<Cost> {
    let dir = bed.dir.join("cluster");
    let options = cluster::Options {
        workers,
        slots: 1,
        racks: 1,
        dir: None,
        listen: "127.0.0.1:0".to_owned(),
        http: "127.0.0.1:0".to_owned(),
        hosts: "worker".to_owned(),
        worker_timeout: 10.0,
        exit_with_stdin: true,
    };
    let mut cluster = Cluster::start(&env::current_exe()?, &options, &dir)?;
    let servers = cluster.workers.iter().chain([&cluster.coordinator]);
    let processes: Vec<u32> = servers.filter_map(servers::Server::id).collect();
    job.extend(["--coordinator".to_owned(), cluster.address()?.to_owned()]);
    let before = cpu_of(&processes);
    let mut cost = cost::of(&job, &bed.dir, &processes)?;
    let after = cpu_of(&processes);
    // With the client's own time, where that is known.
    cost.cpu = match (before, after, cost.cpu) {
        (Some(before), Some(after), Some(client)) => Some(after - before + client),
        _ => None,
    };
    cluster.stop();
    tables::remove(&dir)?;
    Ok(cost)
}

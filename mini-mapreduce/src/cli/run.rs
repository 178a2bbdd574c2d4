//! `mini-mapreduce run PROGRAM …`: a job from its description to its counters.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use mini_mapreduce::coordinator::status::Status;
use mini_mapreduce::counters::Counters;
use mini_mapreduce::job::{JobSpec, Settings};
use mini_mapreduce::server::client::{self, Client};
use mini_mapreduce::server::http;
use mini_mapreduce::server::local::Local;
use tracing::Instrument;

use super::progress::Progress;

/// A job.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// What to run; `mini-mapreduce programs` lists what there is
    program: String,
    /// The input -- files, directories or globs, local or hdfs://HOST:PORT/path -- and last the output, a directory that is not there yet
    #[arg(value_name = "INPUT… OUTPUT", required = true)]
    paths: Vec<String>,
    /// An argument of the program's own; may be given several times, in order
    #[arg(
        short = 'a',
        long = "arg",
        value_name = "ARGUMENT",
        allow_hyphen_values = true
    )]
    arguments: Vec<String>,
    /// A setting under Hadoop's name, mapreduce.task.io.sort.mb=64; may be given several times
    #[arg(short = 'D', value_name = "NAME=VALUE")]
    settings: Vec<String>,
    /// How many reduces, and so parts of the output; without reduces, what maps emit is the output
    #[arg(short = 'r', long, default_value_t = 1)]
    reduces: u32,
    /// How many tasks at once in this process; as many as there are cores, if not given
    #[arg(long, conflicts_with = "coordinator")]
    slots: Option<u32>,
    /// Run it on the cluster of this coordinator, which sees the same files
    #[arg(long, value_name = "HOST:PORT", env = "MINI_MAPREDUCE_COORDINATOR")]
    coordinator: Option<String>,
    /// Show the job's page at this address while it runs; port 0 lets the system choose. On a cluster, the coordinator has the page
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "coordinator")]
    http: Option<String>,
    /// How long the coordinator may be away, while it is started again, before nobody waits for it any more
    #[arg(long, value_name = "SECONDS", default_value_t = client::PATIENCE.as_secs(), requires = "coordinator")]
    patience: u64,
    /// Say nothing but errors
    #[arg(short, long)]
    quiet: bool,
}

impl Options {
    fn spec(&self) -> Result<JobSpec> {
        let (output, inputs) = self.paths.split_last().context("no output is named")?;
        let mut settings = BTreeMap::new();
        for setting in &self.settings {
            let (name, value) = setting
                .split_once('=')
                .with_context(|| format!("-D {setting}: it has to be NAME=VALUE"))?;
            settings.insert(name.trim().to_owned(), value.to_owned());
        }
        Ok(JobSpec {
            program: self.program.clone(),
            args: self.arguments.clone(),
            inputs: inputs.to_vec(),
            output: output.trim_end_matches('/').to_owned(),
            reduces: self.reduces,
            settings: Settings(settings),
        })
    }
}

/// Runs it.
pub(crate) fn run(options: &Options) -> Result<()> {
    let coordinator = options.coordinator.as_deref();
    let patience = Duration::from_secs(options.patience);
    let (slots, page) = (options.slots, options.http.as_deref());
    let spec = options.spec()?;
    run_job(&spec, coordinator, patience, slots, page, options.quiet)
}

/// Runs a job, on a cluster whose coordinator may be away for so long, or in this process with so many slots and perhaps a page.
pub(crate) fn run_job(
    spec: &JobSpec,
    coordinator: Option<&str>,
    patience: Duration,
    slots: Option<u32>,
    page: Option<&str>,
    is_quiet: bool,
) -> Result<()> {
    let begun = Instant::now();
    let mut progress = Progress::new(is_quiet);
    // The beginning of a trace, where there are any.
    let span = tracing::info_span!(target: "mini_mapreduce", "command", program = spec.program);
    let counters = span.in_scope(|| match coordinator {
        Some(address) => on_cluster(address, patience, spec, &mut progress),
        None => here(slots, page, spec, &mut progress),
    });
    drop(span);
    progress.end();
    let counters = counters?;
    if !is_quiet {
        say(&counters);
        let seconds = begun.elapsed().as_secs_f64();
        eprintln!("{} is there after {seconds:.1} s", spec.output);
    }
    Ok(())
}

fn here(
    slots: Option<u32>,
    page: Option<&str>,
    spec: &JobSpec,
    progress: &mut Progress,
) -> Result<Counters> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let slots = slots.unwrap_or(u32::try_from(cores).unwrap_or(1));
    ensure!(slots > 0, "--slots 0: nothing would ever run");
    let local = Local::new(slots)?;
    let pages = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    if let Some(address) = page {
        let at = pages.block_on(http::serve(address, local.host.clone()))?;
        eprintln!("the job's page is at http://{at}");
    }
    Ok(local.run(spec, |job| progress.show(&Status::of(job)))?)
}

fn on_cluster(
    address: &str,
    patience: Duration,
    spec: &JobSpec,
    progress: &mut Progress,
) -> Result<Counters> {
    let run = async {
        let client = Client::new(address)?.with_patience(patience);
        let mut client = client.telling(|text| eprintln!("mini-mapreduce: {text}"));
        client.run(spec, |status| progress.show(status)).await
    };
    super::block_on(run.in_current_span())
}

/// The counters, by group, as Hadoop's `job` command shows them.
fn say(counters: &Counters) {
    let mut last = "";
    let mut out = std::io::stderr().lock();
    for (group, name, value) in counters.iter() {
        // Nobody reads standard error: then there is nobody to tell.
        if group != last {
            let _ = writeln!(out, "{group}");
            last = group;
        }
        let _ = writeln!(out, "    {name}={value}");
    }
}

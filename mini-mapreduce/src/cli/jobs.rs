//! `mini-mapreduce jobs`: what a coordinator has to do, and has done.

use std::io::Write;

use anyhow::{Context, Result};
use mini_mapreduce::coordinator::history::{AttemptRecord, Outcome};
use mini_mapreduce::coordinator::job::JobState;
use mini_mapreduce::coordinator::status::Status;
use mini_mapreduce::protocol::{AttemptId, JobId};
use mini_mapreduce::server::client::Client;

/// Which jobs.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Show this job, job_0001 or 1, with its counters and the attempts that did not go well, rather than list all
    job: Option<String>,
    /// With all of its attempts
    #[arg(long, requires = "job")]
    attempts: bool,
    /// Where the coordinator is called
    #[arg(
        long,
        value_name = "HOST:PORT",
        env = "MINI_MAPREDUCE_COORDINATOR",
        default_value = "127.0.0.1:8032"
    )]
    coordinator: String,
    /// End this job
    #[arg(long, value_name = "JOB", conflicts_with = "job")]
    kill: Option<String>,
}

/// Lists jobs, shows one, or ends one.
pub(crate) async fn run(options: Options) -> Result<()> {
    let mut client = Client::new(&options.coordinator)?;
    if let Some(name) = &options.kill {
        return client.kill(number(name)?, "killed by a user").await;
    }
    let mut text = Vec::new();
    if let Some(name) = &options.job {
        let job = number(name)?;
        let (attempts, forgotten) = client.attempts(job).await?;
        let status = client.job(job).await;
        let status = status.map_err(|refusal| anyhow::anyhow!("{}", refusal.message()))?;
        show(&mut text, &status, &attempts, forgotten, options.attempts)?;
    } else {
        for job in client.jobs().await? {
            writeln!(text, "{}", line(&job))?;
        }
    }
    // Whoever reads may have gone (`| head`).
    let _ = std::io::stdout().write_all(&text);
    Ok(())
}

fn number(name: &str) -> Result<JobId> {
    let number = name.trim_start_matches("job_").parse();
    let number = number.with_context(|| format!("{name} is no job: job_0001 would be one"))?;
    Ok(JobId(number))
}

fn line(job: &Status) -> String {
    let state = match &job.state {
        JobState::Running => "running".to_owned(),
        JobState::Committing => "committing".to_owned(),
        JobState::Succeeded => "succeeded".to_owned(),
        JobState::Failed { reason } => format!("failed: {reason}"),
    };
    let ((maps, maps_done), (reduces, reduces_done)) = (job.maps, job.reduces);
    let (id, program, output) = (job.job, &job.program, &job.output);
    match job.state.is_over() {
        true => format!("{id} {program} {output} {state}"),
        false => format!(
            "{id} {program} {output} {state}, {maps_done} of {maps} maps and {reduces_done} of {reduces} reduces are done"
        ),
    }
}

fn show(
    out: &mut impl Write,
    job: &Status,
    attempts: &[(AttemptId, AttemptRecord)],
    forgotten: u64,
    all: bool,
) -> std::io::Result<()> {
    writeln!(out, "{}", line(job))?;
    let of = |name: &str| {
        let of = attempts
            .iter()
            .filter(|(_, record)| record.outcome.name() == name);
        of.count()
    };
    let second = attempts.iter().filter(|(_, record)| record.speculative);
    let names = ["RUNNING", "SUCCEEDED", "FAILED", "KILLED"];
    let counts = names.map(|name| format!("{} {}", of(name), name.to_lowercase()));
    let (counts, second) = (counts.join(", "), second.count());
    writeln!(
        out,
        "attempts: {counts}; {second} of them second attempts; {forgotten} more are not remembered"
    )?;
    for (id, record) in attempts {
        if all || record.outcome != Outcome::Succeeded {
            writeln!(out, "    {}", attempt(*id, record))?;
        }
    }
    let mut last = "";
    for (group, name, value) in job.counters.iter() {
        if group != last {
            writeln!(out, "{group}")?;
            last = group;
        }
        writeln!(out, "    {name}={value}")?;
    }
    Ok(())
}

fn attempt(id: AttemptId, record: &AttemptRecord) -> String {
    let state = record.outcome.name().to_lowercase();
    let (host, records) = (&record.host, record.input_records);
    let mut text = format!("{id} on {host}: {state}");
    match record.ended {
        Some(ended) => {
            let seconds = ended.since(record.started).as_secs_f64();
            text += &format!(" after {seconds:.1} s, {records} records");
        }
        None => text += &format!(", {:.0} %, {records} records", record.progress * 100.0),
    }
    if record.speculative {
        text += ", a second attempt";
    }
    if let Some(reason) = record.outcome.reason() {
        text += &format!(": {reason}");
    }
    text
}

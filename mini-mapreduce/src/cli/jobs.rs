//! `mini-mapreduce jobs`: what a coordinator has to do, and has done.

use std::io::Write;

use anyhow::{Context, Result};
use mini_mapreduce::coordinator::job::JobState;
use mini_mapreduce::coordinator::status::Status;
use mini_mapreduce::protocol::JobId;
use mini_mapreduce::server::client::Client;

/// Which jobs.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Where the coordinator is called
    #[arg(
        long,
        value_name = "HOST:PORT",
        env = "MINI_MAPREDUCE_COORDINATOR",
        default_value = "127.0.0.1:8032"
    )]
    coordinator: String,
    /// End this job, job_0001 or 1, rather than list all
    #[arg(long, value_name = "JOB")]
    kill: Option<String>,
}

/// Lists jobs, or ends one.
pub(crate) async fn run(options: Options) -> Result<()> {
    let mut client = Client::new(&options.coordinator)?;
    if let Some(name) = &options.kill {
        let number = name.trim_start_matches("job_").parse();
        let number = number.with_context(|| format!("{name} is no job: job_0001 would be one"))?;
        return client.kill(JobId(number), "killed by a user").await;
    }
    for job in client.jobs().await? {
        // Whoever reads may have gone (`| head`).
        let _ = writeln!(std::io::stdout(), "{}", line(&job));
    }
    Ok(())
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

//! `mini-hdfs dfsadmin`: what operators ask of a cluster.

use std::io::Write;
use std::thread;
use std::time::Duration;

use mini_hdfs::protocol::{DatanodeReport, DatanodeState};
use mini_hdfs::server::dfs_client::DfsClient;

use super::format::{Utc, human, percent};
use super::{Failure, Generic};

const USAGE: &str = "Usage: mini-hdfs dfsadmin [generic options]\n\t\
                     [-report [-live] [-dead]]\n\t[-safemode <enter | leave | get | wait>]";

/// How often `-safemode wait` asks.
const POLL: Duration = Duration::from_millis(500);

/// Runs `dfsadmin` with the words behind it.
pub(crate) fn run(words: &[String], out: &mut dyn Write) -> Result<(), Failure> {
    let (Generic { client }, words) = Generic::parse(words)?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["-report", which @ ..] => report(&client, which, out),
        ["-safemode", what] => safe_mode(&client, what, out),
        ["-help" | "--help" | "-h", ..] => Ok(writeln!(out, "{USAGE}")?),
        _ => Err(Failure::Usage(USAGE.to_owned())),
    }
}

fn safe_mode(client: &DfsClient, what: &str, out: &mut dyn Write) -> Result<(), Failure> {
    match what {
        "enter" => client.set_safe_mode(true)?,
        "leave" => client.set_safe_mode(false)?,
        "get" => {}
        "wait" => {
            while client.safe_mode()?.is_some() {
                thread::sleep(POLL);
            }
        }
        _ => return Err(Failure::Usage(USAGE.to_owned())),
    }
    match client.safe_mode()? {
        Some(why) if what == "get" => writeln!(out, "Safe mode is ON\n{why}")?,
        Some(_) => writeln!(out, "Safe mode is ON")?,
        None => writeln!(out, "Safe mode is OFF")?,
    }
    Ok(())
}

fn in_units(bytes: u64) -> String {
    format!(
        "{bytes} ({}B)",
        human(bytes) + if bytes < 1024 { " " } else { "" }
    )
}

fn report(client: &DfsClient, which: &[&str], out: &mut dyn Write) -> Result<(), Failure> {
    if which.iter().any(|word| !["-live", "-dead"].contains(word)) {
        return Err(Failure::Usage(USAGE.to_owned()));
    }
    let status = client.status()?;
    let datanodes = client.datanode_report()?;
    if let Some(why) = &status.safe_mode {
        writeln!(out, "Safe mode is ON\n{why}")?;
    }
    let present = status.dfs_used + status.remaining;
    writeln!(out, "Configured Capacity: {}", in_units(status.capacity))?;
    writeln!(out, "Present Capacity: {}", in_units(present))?;
    writeln!(out, "DFS Remaining: {}", in_units(status.remaining))?;
    writeln!(out, "DFS Used: {}", in_units(status.dfs_used))?;
    writeln!(out, "DFS Used%: {}", percent(status.dfs_used, present))?;
    writeln!(out, "Replicated Blocks:")?;
    writeln!(
        out,
        "\tUnder replicated blocks: {}",
        status.under_replicated
    )?;
    writeln!(out, "\tBlocks with corrupt replicas: {}", status.corrupt)?;
    writeln!(out, "\tMissing blocks: {}", status.missing)?;
    writeln!(
        out,
        "\tPending deletion blocks: {}",
        status.pending_deletion
    )?;
    writeln!(out, "\n-------------------------------------------------")?;
    for (title, flag, dead) in [("Live", "-live", false), ("Dead", "-dead", true)] {
        if !which.is_empty() && !which.contains(&flag) {
            continue;
        }
        let of_these = |node: &&DatanodeReport| (node.state == DatanodeState::Dead) == dead;
        let nodes: Vec<_> = datanodes.iter().filter(of_these).collect();
        if nodes.is_empty() && dead {
            continue;
        }
        writeln!(out, "{title} datanodes ({}):\n", nodes.len())?;
        for node in nodes {
            describe(node, out)?;
        }
    }
    Ok(())
}

fn describe(node: &DatanodeReport, out: &mut dyn Write) -> Result<(), Failure> {
    let (info, figures) = (&node.info, &node.heartbeat);
    let contact = Utc::from_millis(node.last_contact_ms).seconds();
    let stale = if node.state == DatanodeState::Stale {
        " (stale)"
    } else {
        ""
    };
    writeln!(out, "Name: {} ({})", info.address, info.hostname)?;
    writeln!(out, "Hostname: {}", info.hostname)?;
    writeln!(out, "Rack: {}", info.rack)?;
    writeln!(out, "Decommission Status : Normal")?;
    writeln!(out, "Configured Capacity: {}", in_units(figures.capacity))?;
    writeln!(out, "DFS Used: {}", in_units(figures.dfs_used))?;
    writeln!(out, "DFS Remaining: {}", in_units(figures.remaining))?;
    writeln!(
        out,
        "DFS Used%: {}",
        percent(figures.dfs_used, figures.capacity)
    )?;
    writeln!(out, "Xceivers: {}", figures.xceivers)?;
    for volume in &node.details.failed_volumes {
        writeln!(out, "Failed volume: {}: {}", volume.dir, volume.reason)?;
    }
    if node.slow_reports > 0 {
        writeln!(out, "Slow, as reported by: {} peers", node.slow_reports)?;
    }
    writeln!(out, "Last contact: {contact} UTC{stale}")?;
    writeln!(out, "Num of Blocks: {}\n\n", node.blocks)?;
    Ok(())
}

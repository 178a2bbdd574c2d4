//! `mini-hdfs dfsadmin`: what operators ask of a cluster.

use std::io::Write;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mini_hdfs::namenode::hosts::Wish;
use mini_hdfs::protocol::{AdminState, DatanodeReport, DatanodeState, LeavingStatus};
use mini_hdfs::server::dfs_client::DfsClient;
use mini_hdfs::server::settings;

use super::format::{Utc, human, percent};
use super::{Failure, Generic};

const USAGE: &str = "Usage: mini-hdfs dfsadmin [generic options]\n\t\
                     [-report [-live] [-dead] [-decommissioning] [-enteringmaintenance] [-inmaintenance]]\n\t\
                     [-safemode <enter | leave | get | wait>]\n\t\
                     [-refreshNodes]\n\t\
                     [-decommission <host[:port]> ...]\n\t\
                     [-maintenance [-for <time>] <host[:port]> ...]\n\t\
                     [-recommission <host[:port]> ...]";

/// How often `-safemode wait` asks.
const POLL: Duration = Duration::from_millis(500);

/// Runs `dfsadmin` with the words behind it.
pub(crate) fn run(words: &[String], out: &mut dyn Write) -> Result<(), Failure> {
    let (Generic { client, .. }, words) = Generic::parse(words)?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["-report", which @ ..] => report(&client, which, out),
        ["-safemode", what] => safe_mode(&client, what, out),
        ["-refreshNodes"] => {
            client.refresh_nodes()?;
            Ok(writeln!(out, "Refresh nodes successful")?)
        }
        ["-decommission", hosts @ ..] => {
            set_admin_state(&client, hosts, Some(Wish::Decommission), out)
        }
        ["-recommission", hosts @ ..] => set_admin_state(&client, hosts, None, out),
        ["-maintenance", "-for", time, hosts @ ..] => {
            let until_ms = Some(now_ms() + time_in_ms(time)?);
            set_admin_state(&client, hosts, Some(Wish::Maintenance { until_ms }), out)
        }
        ["-maintenance", hosts @ ..] => {
            let wish = Wish::Maintenance { until_ms: None };
            set_admin_state(&client, hosts, Some(wish), out)
        }
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

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| u64::try_from(now.as_millis()).unwrap_or(u64::MAX))
}

fn time_in_ms(time: &str) -> Result<u64, Failure> {
    let parsed = settings::parse_time(time);
    let usage = || {
        Failure::Usage(format!(
            "-for {time}: expected a time, such as 90s, 30m or 6h"
        ))
    };
    let parsed = parsed.ok_or_else(usage)?;
    Ok(u64::try_from(parsed.as_millis()).unwrap_or(u64::MAX))
}

fn set_admin_state(
    client: &DfsClient,
    hosts: &[&str],
    wish: Option<Wish>,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    if hosts.is_empty() || hosts.iter().any(|host| host.starts_with('-')) {
        return Err(Failure::Usage(USAGE.to_owned()));
    }
    let hosts: Vec<String> = hosts.iter().map(|&host| host.to_owned()).collect();
    client.set_admin_state(&hosts, wish)?;
    let what = match wish {
        None => "shall be in service",
        Some(Wish::Decommission) => "shall be decommissioned; -report shows how far it has got",
        Some(Wish::Maintenance { .. }) => "shall be in maintenance; -report shows when it is",
    };
    for host in hosts {
        writeln!(out, "{host} {what}")?;
    }
    Ok(())
}

fn in_units(bytes: u64) -> String {
    format!(
        "{bytes} ({}B)",
        human(bytes) + if bytes < 1024 { " " } else { "" }
    )
}

/// A part of the report.
struct Section {
    title: &'static str,
    flag: &'static str,
    of_these: fn(&DatanodeReport) -> bool,
}

const SECTIONS: &[Section] = &[
    Section {
        title: "Live",
        flag: "-live",
        of_these: |node| node.state != DatanodeState::Dead,
    },
    Section {
        title: "Dead",
        flag: "-dead",
        of_these: |node| node.state == DatanodeState::Dead,
    },
    Section {
        title: "Decommissioning",
        flag: "-decommissioning",
        of_these: |node| node.admin == AdminState::DecommissionInProgress,
    },
    Section {
        title: "Entering maintenance",
        flag: "-enteringmaintenance",
        of_these: |node| node.admin == AdminState::EnteringMaintenance,
    },
    Section {
        title: "In maintenance",
        flag: "-inmaintenance",
        of_these: |node| node.admin == AdminState::InMaintenance,
    },
];

fn report(client: &DfsClient, which: &[&str], out: &mut dyn Write) -> Result<(), Failure> {
    if which
        .iter()
        .any(|word| SECTIONS.iter().all(|section| section.flag != *word))
    {
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
    for Section {
        title,
        flag,
        of_these,
    } in SECTIONS
    {
        if !which.is_empty() && !which.contains(flag) {
            continue;
        }
        let nodes: Vec<_> = datanodes.iter().filter(|node| of_these(node)).collect();
        if nodes.is_empty() && *title != "Live" {
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
    let admin = match node.admin {
        AdminState::Normal => "Normal",
        AdminState::DecommissionInProgress => "Decommission in progress",
        AdminState::Decommissioned => "Decommissioned",
        AdminState::EnteringMaintenance => "Entering Maintenance",
        AdminState::InMaintenance => "In Maintenance",
    };
    writeln!(out, "Decommission Status : {admin}")?;
    if [
        AdminState::DecommissionInProgress,
        AdminState::EnteringMaintenance,
    ]
    .contains(&node.admin)
    {
        let LeavingStatus {
            under_replicated,
            only_here,
            in_open_files,
        } = node.leaving;
        writeln!(out, "\tUnder Replicated Blocks: {under_replicated}")?;
        writeln!(out, "\tBlocks With No Live Replicas: {only_here}")?;
        writeln!(
            out,
            "\tUnder Replicated Blocks In Files Under Construction: {in_open_files}"
        )?;
    }
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
    for volume in &node.details.storages {
        if let Some(us) = volume.slow_us {
            writeln!(
                out,
                "Slow disk: {}: {} ms an operation",
                volume.storage,
                us / 1000
            )?;
        }
    }
    if node.slow_reports > 0 {
        writeln!(out, "Slow, as reported by: {} peers", node.slow_reports)?;
    }
    writeln!(out, "Last contact: {contact} UTC{stale}")?;
    writeln!(out, "Num of Blocks: {}\n\n", node.blocks)?;
    Ok(())
}

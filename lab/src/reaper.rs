//! The reaper: a process that does nothing until the lab is gone, and then sees to it that nothing of it stays.
//!
//! Nodes end by themselves when their standard input closes, which it does however the lab ends. A stopped process
//! (`kill -STOP`) cannot notice. So all nodes are put into one process group, which the reaper leads; when the
//! reaper's own standard input closes, it kills the group, itself included. No list of process ids is kept that
//! could be out of date: a group's id stays taken for as long as the reaper is in it.

use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::Context;
use rustix::process::{Signal, getpgrp, getpid, kill_current_process_group, kill_process_group};
use tokio::signal::unix::{SignalKind, signal};

/// How long nodes that saw their input close may take to end by themselves.
const ENDING_MAX: Duration = Duration::from_millis(300);

/// The lab's handle on its reaper.
#[derive(Debug)]
pub(crate) struct Reaper {
    child: Child,
}

impl Reaper {
    /// Starts a reaper that also removes the directory `scratch`, if there is one, once the lab is gone.
    pub(crate) fn start(scratch: Option<&Path>) -> anyhow::Result<Reaper> {
        let program = std::env::current_exe().context("cannot find the lab's own program")?;
        let child = Command::new(program)
            .arg("reaper")
            .args(scratch)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .process_group(0)
            .spawn()
            .context("cannot start the reaper")?;
        Ok(Reaper { child })
    }

    /// The process group for nodes to be started in.
    pub(crate) fn group(&self) -> anyhow::Result<i32> {
        i32::try_from(self.child.id()).context("a process id out of range")
    }
}

impl Drop for Reaper {
    /// Lets the reaper do its work now, and waits until it has.
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// What the reaper's process does.
pub(crate) fn run(scratch: Option<PathBuf>) -> anyhow::Result<()> {
    let group = getpgrp();
    anyhow::ensure!(
        group == getpid(),
        "only the lab starts a reaper, as the leader of a process group"
    );
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let _entered = runtime.enter();
    // Signals meant for the lab's terminal reach this process too; it must outlive them. (Listening is what
    // replaces their default effect.)
    let listened = [
        SignalKind::hangup(),
        SignalKind::interrupt(),
        SignalKind::terminate(),
    ]
    .map(signal);
    io::stdin().read_to_end(&mut Vec::new())?;
    drop(listened);
    // Stopped ones first learn that they may go on, and all that they should end; killing comes after.
    let _ = kill_process_group(group, Signal::TERM);
    let _ = kill_process_group(group, Signal::CONT);
    std::thread::sleep(ENDING_MAX);
    if let Some(scratch) = scratch {
        let _ = std::fs::remove_dir_all(scratch);
    }
    kill_current_process_group(Signal::KILL).context("cannot kill the lab's process group")?;
    Ok(())
}

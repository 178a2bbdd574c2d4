//! A server process from start to end: a directory of its own, a seed, saying that it is ready, learning that it shall end.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::Path;
use std::thread;

use anyhow::{Context, Result, bail};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tracing::warn;

/// Held by the one process that uses a directory (Kafka's name for it).
const LOCK_FILE: &str = ".lock";

/// Makes this process the only one that uses `dir`, for as long as the file is held.
///
/// # Errors
/// When another process does, or the directory cannot be made.
pub(super) fn lock(dir: &Path) -> Result<File> {
    let locked = || -> io::Result<Option<File>> {
        fs::create_dir_all(dir)?;
        let file = File::create(dir.join(LOCK_FILE))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(e)) => Err(e),
        }
    };
    match locked().with_context(|| format!("cannot lock {}", dir.display()))? {
        Some(file) => Ok(file),
        None => bail!(
            "{} is in use by another process; give each broker a log.dirs of its own",
            dir.display()
        ),
    }
}

/// Lets this process have as many files open as the system allows it, as the Java machine does: a partition has several, a
/// connection is one.
pub(super) fn allow_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        warn!("the limit of open files cannot be raised: {error}");
    }
}

/// Different in each process.
pub(super) fn random_seed() -> u64 {
    getrandom::u64().unwrap_or_else(|_| u64::from(std::process::id()))
}

/// Prints the one line of JSON that a server has for its standard output: whoever started it waits for that line, and
/// finds the addresses in it.
///
/// # Errors
/// When nobody reads it.
pub(super) fn announce(ready: &Value) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{ready}")?;
    stdout.flush()
}

/// Waits until the process is asked to end: by Ctrl-C, by SIGTERM, and, if `exit_with_stdin` says so, by the end of its
/// standard input, which comes when its parent ends in whatever way. To be called once.
pub(super) async fn end_requested(exit_with_stdin: bool) {
    tokio::select! {
        () = stdin_ended(), if exit_with_stdin => {}
        () = signalled(SignalKind::interrupt()) => {}
        () = signalled(SignalKind::terminate()) => {}
    }
}

async fn stdin_ended() {
    let (sender, ended) = oneshot::channel();
    // A thread of its own, since a pending read of standard input cannot be given up.
    thread::spawn(move || {
        let mut read = [0; 256];
        while io::stdin().read(&mut read).is_ok_and(|read| read > 0) {}
        sender.send(())
    });
    // It ends one way or the other.
    let _ = ended.await;
}

async fn signalled(kind: SignalKind) {
    // Where the signal cannot be caught, it ends the process by itself.
    match signal(kind) {
        Ok(mut signal) => {
            signal.recv().await;
        }
        Err(_) => std::future::pending().await,
    }
}

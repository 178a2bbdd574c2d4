//! What server processes have in common from start to end: a directory of their own, a seed, saying that they are ready,
//! learning that they shall end.

use std::fs::{self, File, TryLockError};
use std::hash::{BuildHasher, Hasher};
use std::io::{self, Read, Write};
use std::path::Path;
use std::thread;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tokio::sync::oneshot;

/// Held by the one process that uses a directory.
const LOCK_FILE: &str = "in_use.lock";

/// Makes this process the only one that uses `dir`, for as long as the file is held.
///
/// # Errors
/// When another process does, or the directory cannot be made.
pub(super) fn lock(dir: &Path) -> Result<File> {
    let locked = try_lock(dir).with_context(|| format!("cannot lock {}", dir.display()))?;
    match locked {
        Some(file) => Ok(file),
        None => bail!("{} is in use by another process", dir.display()),
    }
}

/// The same, with nothing where another process uses the directory: that is no fault of the disk.
///
/// # Errors
/// When the directory cannot be made, or nothing written to it.
pub(super) fn try_lock(dir: &Path) -> io::Result<Option<File>> {
    fs::create_dir_all(dir)?;
    let file = File::create(dir.join(LOCK_FILE))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(e)) => Err(e),
    }
}

/// Different in each process; the standard library seeds its hash maps so.
pub(super) fn random_seed() -> u64 {
    std::hash::RandomState::new().build_hasher().finish()
}

/// Prints the one line of JSON that a server has for its standard output: whoever started it waits for
/// that line, and finds the addresses in it.
///
/// # Errors
/// When nobody reads it.
pub fn announce(ready: &Value) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{ready}")?;
    stdout.flush()
}

/// Waits until the process is asked to end: by Ctrl-C, by SIGTERM, and, if `exit_with_stdin` says so, by
/// the end of its standard input, which comes when its parent ends in whatever way. To be called once.
pub async fn end_requested(exit_with_stdin: bool) {
    tokio::select! {
        () = stdin_ended(), if exit_with_stdin => {}
        () = interrupted() => {}
        () = terminated() => {}
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

async fn interrupted() {
    // Where the signal cannot be caught, it ends the process by itself.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

#[cfg(unix)]
async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut signal) => {
            signal.recv().await;
        }
        Err(_) => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn terminated() {
    std::future::pending().await
}

//! The child's side: what a server process does from its start to its end, so that whoever started it finds what [`Server`](crate::Server)
//! waits for. It has a directory of its own and a seed, says that it is ready, and learns that it shall end.

use std::fs::{self, File, TryLockError};
use std::hash::{BuildHasher, Hasher};
use std::io::{self, Read, Write};
use std::path::Path;
use std::thread;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tokio::sync::oneshot;

/// Makes this process the only one that uses `dir`, for as long as the file in it, which is called `name`, is held.
///
/// # Errors
/// When another process does, with `advice` what to do then, or the directory cannot be made.
pub fn lock(dir: &Path, name: &str, advice: &str) -> Result<File> {
    let locked = try_lock(dir, name).with_context(|| format!("cannot lock {}", dir.display()))?;
    match locked {
        Some(file) => Ok(file),
        None => bail!("{} is in use by another process; {advice}", dir.display()),
    }
}

/// The same, with nothing where another process uses the directory: that is no fault of the disk.
///
/// # Errors
/// When the directory cannot be made, or nothing written to it.
pub fn try_lock(dir: &Path, name: &str) -> io::Result<Option<File>> {
    fs::create_dir_all(dir)?;
    let file = File::create(dir.join(name))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(e)) => Err(e),
    }
}

/// Different in each process; the standard library seeds its hash maps so.
pub fn random_seed() -> u64 {
    std::hash::RandomState::new().build_hasher().finish()
}

/// Lets this process have as many files open as the system allows it, as the Java machine and Go do: a connection is one.
///
/// # Errors
/// When the system does not; the process can go on with those that it may have.
#[cfg(unix)]
pub fn allow_open_files() -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    Ok(setrlimit(Resource::Nofile, raised)?)
}

/// There is no such limit here.
///
/// # Errors
/// Never.
#[cfg(not(unix))]
pub fn allow_open_files() -> io::Result<()> {
    Ok(())
}

/// Prints the one line of JSON that a server has for its standard output: whoever started it waits for that line, and
/// finds the addresses in it.
///
/// # Errors
/// When nobody reads it.
pub fn announce(ready: &Value) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{ready}")?;
    stdout.flush()
}

/// Waits until the process is asked to end: by Ctrl-C, by SIGTERM, and, if `exit_with_stdin` says so, by the end of its
/// standard input, which comes when its parent ends in whatever way. To be called once.
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

//! How a server process says that it is ready, and learns that it shall end.

use std::io::{self, Read, Write};
use std::thread;

use serde_json::Value;
use tokio::sync::oneshot;

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

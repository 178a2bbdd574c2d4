//! Servers as child processes: started, waited for, killed, paused and started again where they were. The `cluster`
//! command, the tests with real processes and the lab use it; it knows nothing of HDFS.
//!
//! A child is told to end with its standard input (`--exit-with-stdin`), whose other end is held here: so it
//! ends when this process does, however this process ends.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use serde_json::Value;

/// A server program with its arguments, and its process while it runs. Dropping it kills the process.
#[derive(Debug)]
pub struct Server {
    program: PathBuf,
    args: Vec<String>,
}

impl Server {
    /// A server that is not started yet. The program must print one line of JSON when it is ready, and
    /// must end when its standard input does.
    pub fn new(program: impl Into<PathBuf>, args: impl IntoIterator<Item = String>) -> Server {
        let _ = (&program, &args);
        todo!()
    }

    /// Makes the server listen at `address`, which is passed behind `flag`. Where its port is 0, the
    /// system chooses one; the ready line tells it under `key`, and later starts ask for it again.
    pub fn listening(self, flag: &str, key: &str, address: &str) -> Server {
        todo!("{flag} {key} {address}")
    }

    /// Appends the server's standard error to `file`, rather than to that of this process.
    pub fn logging_to(self, file: impl Into<PathBuf>) -> Server {
        let _ = file.into();
        todo!()
    }

    /// Starts it and waits until it is ready.
    ///
    /// # Errors
    /// When it runs already, cannot be started, ends at once, or is not ready within `deadline`.
    pub fn start(&mut self, deadline: Duration) -> Result<()> {
        todo!("{deadline:?}")
    }

    /// The process's id, while it runs.
    pub fn id(&self) -> Option<u32> {
        todo!()
    }

    /// What the server printed when it was last ready; null before the first start.
    pub fn ready(&self) -> &Value {
        todo!()
    }

    /// The address that the server announced under `key`, once it has been started.
    pub fn address(&self, key: &str) -> Option<&str> {
        todo!("{key}")
    }

    /// Where its standard error goes, if not to ours.
    pub fn log(&self) -> Option<&Path> {
        todo!()
    }

    /// Whether the process is there; paused counts.
    pub fn is_running(&mut self) -> bool {
        todo!()
    }

    /// Ends it at once, as a crash would (`kill -9`), and waits for its end. Nothing happens if it does not run.
    pub fn kill(&mut self) {
        todo!()
    }

    /// Stops it in mid-step, as a long garbage collection would (`SIGSTOP`).
    ///
    /// # Errors
    /// When it does not run, or the system knows no such signal.
    pub fn pause(&mut self) -> Result<()> {
        todo!()
    }

    /// Lets it go on after [`Server::pause`].
    ///
    /// # Errors
    /// As for [`Server::pause`].
    pub fn resume(&mut self) -> Result<()> {
        todo!()
    }

    /// Asks it to end by closing its standard input, and kills it if it has not within `deadline`.
    pub fn stop(&mut self, deadline: Duration) {
        todo!("{deadline:?}")
    }
}

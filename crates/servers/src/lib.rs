//! Server programs as child processes: started, waited for, killed, paused, and started again where they were. The lab, the
//! `cluster` commands of systems and their tests with real processes use it; it knows nothing of what they serve.
//!
//! A child must end when its standard input does (`--exit-with-stdin`). The other end of that pipe is held
//! here, so a child ends with this process, however this process ends.

#[cfg(feature = "lifetime")]
pub mod lifetime;

use std::fs::{self, OpenOptions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, BufRead, BufReader, Read};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

/// How often a process is asked whether it has ended.
const POLL: Duration = Duration::from_millis(5);
/// Where ports for servers are looked for.
const PORTS_BEGIN: u64 = 15_000;
const PORTS: u64 = 17_000;
/// As much of the end of a log is quoted when its server does not start.
const LOG_QUOTED_MAX: usize = 2_000;

/// Different ports of this machine at which nobody listens, for servers that must know each other's before they start. They are below those that
/// systems give to outgoing connections, so that none of these takes one before its server does; and no process is given one twice, so that a server
/// that is killed finds its own free when it is started again.
///
/// # Errors
/// When there are not as many.
pub fn free_ports(count: usize) -> io::Result<Vec<u16>> {
    static NEXT: LazyLock<AtomicU64> =
        LazyLock::new(|| AtomicU64::new(RandomState::new().build_hasher().finish() % PORTS));
    let (mut ports, mut held) = (Vec::new(), Vec::new());
    for _ in 0..PORTS {
        if ports.len() == count {
            break;
        }
        let port = PORTS_BEGIN + NEXT.fetch_add(1, Ordering::Relaxed) % PORTS;
        let port = u16::try_from(port).map_err(io::Error::other)?;
        // Held until all are found, so that they differ.
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            ports.push(port);
            held.push(listener);
        }
    }
    if ports.len() < count {
        return Err(io::Error::other("no port is free"));
    }
    Ok(ports)
}

/// A server program with its arguments, and its process while it runs. Dropping it kills the process.
#[derive(Debug)]
pub struct Server {
    program: PathBuf,
    args: Vec<String>,
    addresses: Vec<Listening>,
    log: Option<PathBuf>,
    /// The process group that it joins; 0 for one of its own.
    group: i32,
    ready: Value,
    child: Option<Child>,
}

/// An address that a server listens at.
#[derive(Debug)]
struct Listening {
    flag: String,
    key: String,
    address: String,
}

impl Server {
    /// A server that is not started yet. The program must print one line of JSON when it is ready, and
    /// must end when its standard input does.
    pub fn new(program: impl Into<PathBuf>, args: impl IntoIterator<Item = String>) -> Server {
        Server {
            program: program.into(),
            args: args.into_iter().collect(),
            addresses: Vec::new(),
            log: None,
            group: 0,
            ready: Value::Null,
            child: None,
        }
    }

    /// The same with further arguments.
    #[must_use]
    pub fn with_args<'a>(mut self, args: impl IntoIterator<Item = &'a str>) -> Server {
        self.args.extend(args.into_iter().map(str::to_owned));
        self
    }

    /// Makes the server listen at `address`, which is passed behind `flag`. Where its port is 0, the
    /// system chooses one; the ready line tells it under `key`, and later starts ask for it again.
    #[must_use]
    pub fn listening(mut self, flag: &str, key: &str, address: &str) -> Server {
        self.addresses.push(Listening {
            flag: flag.to_owned(),
            key: key.to_owned(),
            address: address.to_owned(),
        });
        self
    }

    /// Appends the server's standard error to `file`, rather than to that of this process.
    #[must_use]
    pub fn logging_to(mut self, file: impl Into<PathBuf>) -> Server {
        self.log = Some(file.into());
        self
    }

    /// Puts it into the process group `leader` of the same session, rather than into one of its own, so that
    /// all of a group can be ended at once even when this process no longer can do it.
    #[must_use]
    pub fn in_group(mut self, leader: i32) -> Server {
        self.group = leader;
        self
    }

    /// Starts it and waits until it is ready.
    ///
    /// # Errors
    /// When it runs already, cannot be started, ends at once, or is not ready within `deadline`.
    pub fn start(&mut self, deadline: Duration) -> Result<()> {
        ensure!(!self.is_running(), "{} runs already", self.name());
        let line = self.spawn()?;
        match self.wait_ready(&line, deadline) {
            Ok(ready) => {
                for listening in &mut self.addresses {
                    if let Some(Value::String(address)) = ready.get(&listening.key) {
                        listening.address.clone_from(address);
                    }
                }
                self.ready = ready;
                Ok(())
            }
            Err(e) => {
                self.kill();
                Err(e.context(format!("{} did not start{}", self.name(), self.log_end())))
            }
        }
    }

    fn spawn(&mut self) -> Result<Receiver<String>> {
        let mut command = Command::new(&self.program);
        command.args(&self.args);
        for listening in &self.addresses {
            command.args([&listening.flag, &listening.address]);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        if let Some(log) = &self.log {
            let opened = OpenOptions::new().create(true).append(true).open(log);
            command.stderr(opened.with_context(|| format!("cannot open {}", log.display()))?);
        }
        // Not our group: Ctrl-C in the terminal reaches this process alone, which ends its children in order.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, self.group);
        let mut child = command
            .spawn()
            .with_context(|| format!("cannot run {}", self.program.display()))?;
        let stdout = child.stdout.take().context("no standard output")?;
        self.child = Some(child);
        Ok(first_line(stdout))
    }

    fn wait_ready(&mut self, line: &Receiver<String>, deadline: Duration) -> Result<Value> {
        match line.recv_timeout(deadline) {
            Ok(line) => serde_json::from_str(&line)
                .with_context(|| format!("expected a line of JSON, got {line:?}")),
            Err(mpsc::RecvTimeoutError::Timeout) => bail!("not ready within {deadline:?}"),
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                self.wait_until(Instant::now() + deadline);
                bail!("it ended before it was ready")
            }
        }
    }

    /// The process's id, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// What the server printed when it was last ready; null before the first start.
    pub fn ready(&self) -> &Value {
        &self.ready
    }

    /// The address that the server announced under `key`, once it has been started; until then what was
    /// asked for.
    pub fn address(&self, key: &str) -> Option<&str> {
        let listening = self.addresses.iter().find(|a| a.key == key)?;
        Some(&listening.address)
    }

    /// Where its standard error goes, if not to ours.
    pub fn log(&self) -> Option<&Path> {
        self.log.as_deref()
    }

    /// Whether the process is there; paused counts.
    pub fn is_running(&mut self) -> bool {
        match &mut self.child {
            Some(child) => match child.try_wait() {
                Ok(None) => true,
                Ok(Some(_)) | Err(_) => {
                    self.child = None;
                    false
                }
            },
            None => false,
        }
    }

    /// Ends it at once, as a crash would (`kill -9`), and waits for its end. Nothing happens if it does not run.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Both fail only for a process that has ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Stops it in mid-step, as a long garbage collection would (`SIGSTOP`).
    ///
    /// # Errors
    /// When it does not run, or the system knows no such signal.
    pub fn pause(&mut self) -> Result<()> {
        self.signal(Signal::Pause)
    }

    /// Lets it go on after [`Server::pause`].
    ///
    /// # Errors
    /// As for [`Server::pause`].
    pub fn resume(&mut self) -> Result<()> {
        self.signal(Signal::Resume)
    }

    /// Asks it to end by closing its standard input, and kills it if it has not within `deadline`. A paused
    /// one goes on first.
    pub fn stop(&mut self, deadline: Duration) {
        self.ask_to_stop();
        self.wait_until(Instant::now() + deadline);
        self.kill();
    }

    /// Closes its standard input, and waits for nothing: so that many can end side by side.
    pub fn ask_to_stop(&mut self) {
        // It fails only for a process that has ended already.
        let _ = self.resume();
        if let Some(child) = &mut self.child {
            drop(child.stdin.take());
        }
    }

    fn wait_until(&mut self, end: Instant) {
        while self.is_running() && Instant::now() < end {
            thread::sleep(POLL);
        }
    }

    fn signal(&mut self, signal: Signal) -> Result<()> {
        ensure!(self.is_running(), "{} does not run", self.name());
        let id = self.id().context("it has no process")?;
        send(id, signal).with_context(|| format!("cannot {signal:?} process {id}"))
    }

    fn name(&self) -> String {
        let program = self.program.file_name().unwrap_or_default();
        let command = self.args.first().map_or("", String::as_str);
        format!("{} {command}", program.to_string_lossy())
    }

    fn log_end(&self) -> String {
        let Some(log) = &self.log else {
            return String::new();
        };
        let text = fs::read(log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text[text.len().saturating_sub(LOG_QUOTED_MAX)..]);
        format!("; its log {} ends:\n{}\n", log.display(), text.trim_end())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Receives the first line of `stdout`; what follows is read and dropped, so that the child never waits
/// for a reader.
fn first_line(stdout: ChildStdout) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut stdout = BufReader::new(stdout);
        let mut line = String::new();
        if stdout.read_line(&mut line).is_ok_and(|read| read > 0) {
            // Nobody waits any more after the deadline.
            let _ = sender.send(line);
        }
        drop(sender);
        let mut rest = [0; 4096];
        while stdout.read(&mut rest).is_ok_and(|read| read > 0) {}
    });
    receiver
}

#[derive(Clone, Copy, Debug)]
enum Signal {
    Pause,
    Resume,
}

#[cfg(unix)]
fn send(id: u32, signal: Signal) -> std::io::Result<()> {
    use rustix::process::{Pid, Signal as Unix, kill_process};
    let id = i32::try_from(id).ok().and_then(Pid::from_raw);
    let id = id.ok_or(std::io::ErrorKind::InvalidInput)?;
    let signal = match signal {
        Signal::Pause => Unix::STOP,
        Signal::Resume => Unix::CONT,
    };
    Ok(kill_process(id, signal)?)
}

#[cfg(not(unix))]
fn send(_id: u32, _signal: Signal) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(10);

    fn shell(script: &str) -> Server {
        let args = ["-c", script, "server"].map(str::to_owned);
        Server::new("/bin/sh", args)
    }

    #[test]
    fn an_address_is_asked_for_again_after_a_kill() {
        let script =
            r#"a=$2; [ "$a" = h:0 ] && a=h:7; echo "{\"rpc\":\"$a\",\"asked\":\"$2\"}"; cat"#;
        let mut server = shell(script).listening("--listen", "rpc", "h:0");
        server.start(SOON).unwrap();
        assert_eq!(server.ready()["asked"], "h:0");
        assert!(server.start(SOON).is_err());
        server.kill();
        assert!(!server.is_running());
        server.start(SOON).unwrap();
        assert_eq!(server.ready()["asked"], "h:7");
        assert_eq!(server.address("rpc"), Some("h:7"));
    }

    #[test]
    fn a_paused_server_ends_when_it_is_stopped() {
        let mut server = shell("echo {}; cat");
        server.start(SOON).unwrap();
        server.pause().unwrap();
        server.stop(SOON);
        assert!(!server.is_running());
        assert!(server.resume().is_err());
    }

    #[test]
    fn a_server_that_fails_is_quoted() {
        let dir = tempfile::tempdir().unwrap();
        let mut server = shell("echo out of cheese >&2; exit 1").logging_to(dir.path().join("log"));
        let error = format!("{:#}", server.start(SOON).unwrap_err());
        assert!(error.contains("out of cheese"), "{error}");
        assert!(error.contains("ended before"), "{error}");
    }
}

//! A student's code as a process: limited in time, memory and output, alone in a directory of its own, with an empty
//! environment, and as a user who may do nothing where we are root.
//!
//! That is a fence around code which has passed `scan.rs` already, not a sandbox for code that means harm to the
//! machine: it still shares the machine's network and file system. Grade strangers in a container.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// As much is kept of the beginning, and as much of the end, of what a process writes to a stream.
const KEPT: usize = 16 << 10;
/// How often a process is asked whether it has ended.
const POLL: Duration = Duration::from_millis(5);
/// How long the end of a dead process's output may take to arrive. More, and somebody else holds its other end.
const DRAIN: Duration = Duration::from_millis(500);
/// `nobody`, on every Unix that we know.
#[cfg(unix)]
const NOBODY: u32 = 65534;

/// What a process may use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) time: Duration,
    /// Of address space; none where the program reserves much and uses little.
    pub(crate) memory_bytes: Option<u64>,
    /// Of each file that it writes.
    pub(crate) file_bytes: u64,
}

/// How a process ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// None when its time was over and it was killed.
    pub(crate) status: Option<ExitStatus>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) took: Duration,
}

/// Makes `dir` a place that only the processes of [`run`] write to.
pub(crate) fn make_scratch(dir: &Path) -> Result<()> {
    let make = || {
        fs::create_dir(dir)?;
        #[cfg(unix)]
        if is_root() {
            std::os::unix::fs::chown(dir, Some(NOBODY), Some(NOBODY))?;
        }
        Ok::<_, std::io::Error>(())
    };
    make().with_context(|| format!("cannot make {}", dir.display()))
}

/// Makes `path` readable, and executable, by those processes.
pub(crate) fn make_public(path: &Path) -> Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o755))
            .with_context(|| format!("cannot change the permissions of {}", path.display()))?;
    }
    let _ = path;
    Ok(())
}

/// Runs `program` in `scratch`, which [`make_scratch`] made, with these environment variables and no others, hands it
/// `input`, and waits for it. Whatever it has started
/// in its process group is dead afterwards.
///
/// # Errors
/// When it cannot be started or waited for.
pub(crate) fn run(
    program: &Path,
    args: &[&str],
    scratch: &Path,
    variables: &[(&str, String)],
    input: &str,
    limits: Limits,
) -> Result<Ended> {
    let mut command = limited(program, limits);
    command
        .args(args)
        .current_dir(scratch)
        .env_clear()
        .envs([("HOME", scratch), ("TMPDIR", scratch)])
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    confine(&mut command);
    let started = Instant::now();
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot run {}", program.display()))?;
    let stdout = collect(child.stdout.take());
    let stderr = collect(child.stderr.take());
    if let Some(mut stdin) = child.stdin.take() {
        // Who has gone already does not read it.
        let _ = stdin.write_all(input.as_bytes());
    }
    let status = wait(&mut child, started + limits.time)?;
    let took = started.elapsed();
    kill(&mut child);
    Ok(Ended {
        status,
        stdout: stdout.recv_timeout(DRAIN).unwrap_or_default(),
        stderr: stderr.recv_timeout(DRAIN).unwrap_or_default(),
        took,
    })
}

/// Waits for a process until `deadline`.
fn wait(child: &mut Child, deadline: Instant) -> Result<Option<ExitStatus>> {
    loop {
        if let Some(status) = child.try_wait().context("cannot wait for a process")? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            return Ok(None);
        }
        thread::sleep(POLL);
    }
}

/// Reads a stream to its end, and sends what is to be kept of it.
fn collect(stream: Option<impl Read + Send + 'static>) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let (mut head, mut tail, mut dropped) = (Vec::new(), Vec::new(), 0);
        if let Some(mut stream) = stream {
            let mut buffer = [0; 8192];
            while let Ok(n @ 1..) = stream.read(&mut buffer) {
                let (first, rest) = buffer[..n].split_at(n.min(KEPT - head.len()));
                head.extend_from_slice(first);
                tail.extend_from_slice(rest);
                if tail.len() > 2 * KEPT {
                    dropped += tail.len() - KEPT;
                    tail.drain(..tail.len() - KEPT);
                }
            }
        }
        let mut text = String::from_utf8_lossy(&head).into_owned();
        if dropped > 0 {
            text += &format!("\n[… {dropped} bytes left out …]\n");
        }
        text += &String::from_utf8_lossy(&tail);
        // Nobody waits any more once the time is over.
        let _ = sender.send(text);
    });
    receiver
}

#[cfg(unix)]
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The program, begun by a shell that limits itself before it turns into it: what it starts has the same limits.
#[cfg(unix)]
fn limited(program: &Path, limits: Limits) -> Command {
    let (kib, blocks) = (1024, 512);
    let mut script = format!("ulimit -c 0; ulimit -f {}; ", limits.file_bytes / blocks);
    if let Some(bytes) = limits.memory_bytes {
        // Not every system has this one.
        script += &format!("ulimit -v {} 2>/dev/null; ", bytes / kib);
    }
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", &(script + "exec \"$0\" \"$@\"")])
        .arg(program);
    command
}

#[cfg(not(unix))]
fn limited(program: &Path, _: Limits) -> Command {
    Command::new(program)
}

/// A process group of its own, so that all of it can be killed; and `nobody`, where that is ours to choose.
#[cfg(unix)]
fn confine(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    command.process_group(0);
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
}

#[cfg(not(unix))]
fn confine(_: &mut Command) {}

/// Kills a process with all of its group, and lets the system forget it.
fn kill(child: &mut Child) {
    #[cfg(unix)]
    if let Some(group) = i32::try_from(child.id())
        .ok()
        .and_then(rustix::process::Pid::from_raw)
    {
        // It may be empty by now.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        time: Duration::from_secs(20),
        memory_bytes: None,
        file_bytes: 1 << 20,
    };

    fn shell(script: &str, input: &str, limits: Limits) -> Ended {
        let dir = tempfile::tempdir().unwrap();
        make_public(dir.path()).unwrap();
        let scratch = dir.path().join("scratch");
        make_scratch(&scratch).unwrap();
        run(
            Path::new("/bin/sh"),
            &["-c", script],
            &scratch,
            &[],
            input,
            limits,
        )
        .unwrap()
    }

    #[test]
    fn input_output_and_the_directory_are_the_process_s_own() {
        let ended = shell(
            "cat; echo err >&2; touch here && ls; echo \"$PATH|$CARGO\"",
            "in\n",
            LIMITS,
        );
        assert!(ended.status.unwrap().success());
        let lines: Vec<&str> = ended.stdout.lines().collect();
        assert_eq!(lines[..2], ["in", "here"]);
        assert!(!ended.stdout.contains("cargo"), "{}", ended.stdout);
        assert_eq!(ended.stderr, "err\n");
    }

    #[test]
    fn one_that_does_not_end_is_killed_with_its_children() {
        let limits = Limits {
            time: Duration::from_millis(300),
            ..LIMITS
        };
        let ended = shell("sleep 1000 & echo begun; sleep 1000", "", limits);
        assert!(ended.status.is_none());
        assert_eq!(ended.stdout, "begun\n");
        assert!(ended.took < Duration::from_secs(10));
    }

    #[test]
    fn of_much_output_the_ends_are_kept() {
        let ended = shell(
            "echo first; head -c 3000000 /dev/zero | tr '\\0' x; echo; echo last",
            "",
            LIMITS,
        );
        assert!(ended.stdout.starts_with("first\n") && ended.stdout.ends_with("\nlast\n"));
        assert!(ended.stdout.contains("bytes left out"));
        assert!(ended.stdout.len() < 5 * KEPT);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn root_hands_its_rights_down_to_nobody() {
        if is_root() {
            let ended = shell("id -u; id -G; cat /etc/shadow", "", LIMITS);
            assert_eq!(ended.stdout, "65534\n65534\n");
        }
    }
}

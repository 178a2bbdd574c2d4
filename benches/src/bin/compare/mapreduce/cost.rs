//! What a command takes: time, the processor's time of all of its processes, and the memory that they have at the same time.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use benches::processes::{CpuSeconds, resident};

/// How often memory is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

#[derive(Clone, Copy, Debug)]
pub(super) struct Cost {
    pub(super) seconds: f64,
    pub(super) cpu: Option<CpuSeconds>,
    /// Bytes.
    pub(super) memory: Option<u64>,
}

/// Runs a command to its end. `beside` are processes that work for it; their memory counts, too.
pub(super) fn of(command: &[String], dir: &Path, beside: &[u32]) -> Result<Cost> {
    let (times, log) = (dir.join("times"), dir.join("log"));
    // The shell's own `times` tells what all of its descendants took that somebody has waited for.
    let script = r#""$@"; code=$?; times > "$0"; exit $code"#;
    let begun = Instant::now();
    let mut child = Command::new("sh")
        .args(["-c", script])
        .arg(&times)
        .args(command)
        .stdin(Stdio::null())
        .stdout(fs::File::create(&log)?)
        .stderr(fs::File::options().append(true).open(&log)?)
        .process_group(0)
        .spawn()
        .context("cannot run sh")?;
    let memory = watch(&mut child, beside)?;
    let seconds = begun.elapsed().as_secs_f64();
    let status = child.wait()?;
    ensure!(
        status.success(),
        "{} ended with {status}: {}",
        command.join(" "),
        last_lines(&log)
    );
    let cpu = fs::read_to_string(&times).ok();
    let cpu = cpu.as_deref().and_then(children_time);
    Ok(Cost {
        seconds,
        cpu,
        memory,
    })
}

/// Waits for the end, and returns the most memory that was seen.
fn watch(child: &mut Child, beside: &[u32]) -> Result<Option<u64>> {
    let mut most = None;
    while child.try_wait()?.is_none() {
        let processes = group(child.id());
        let bytes = processes
            .iter()
            .chain(beside)
            .filter_map(|id| resident(*id));
        most = most.max(Some(bytes.sum()));
        thread::sleep(LOOK_EVERY);
    }
    Ok(most.filter(|bytes| *bytes > 0))
}

/// The processes of a group. None where the system does not say: this reads Linux's `/proc`.
fn group(leader: u32) -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let ids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    ids.filter(|id: &u32| group_of(*id) == Some(leader))
        .collect()
}

/// Field 5 of proc(5)'s `stat`.
fn group_of(process: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    fields.nth(2)?.parse().ok()
}

/// The second line of `times`, `0m1.230000s 0m0.040000s`: of the children, in and outside of the kernel.
fn children_time(times: &str) -> Option<CpuSeconds> {
    let seconds = |time: &str| -> Option<f64> {
        let (minutes, seconds) = time.strip_suffix('s')?.split_once('m')?;
        Some(minutes.parse::<f64>().ok()? * 60.0 + seconds.replace(',', ".").parse::<f64>().ok()?)
    };
    let children = times.lines().nth(1)?.split_whitespace();
    children
        .map(seconds)
        .try_fold(CpuSeconds::default(), |sum, time| {
            Some(sum + CpuSeconds(time?))
        })
}

fn last_lines(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(15)..].join("\n")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn times_of_children() {
        let text = "0m0.010000s 0m0.020000s\n2m1.500000s 0m0.250000s\n";
        assert_eq!(children_time(text), Some(CpuSeconds(121.75)));
        assert_eq!(children_time("nothing"), None);
    }

    #[test]
    fn a_command_that_fails_shows_what_it_said() {
        let dir = tempfile::tempdir().unwrap();
        let command = ["sh", "-c", "echo no; exit 3"].map(str::to_owned);
        let error = of(&command, dir.path(), &[]).unwrap_err().to_string();
        assert!(
            error.contains("exit status: 3") && error.contains("no"),
            "{error}"
        );
    }
}

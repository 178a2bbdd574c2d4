//! Memory is bounded by what is set, whatever the input: the peak of a process that sorts much more than its buffers hold.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

const MIB: u64 = 1 << 20;

/// Records of 100 bytes with keys in no order.
fn write_rows(path: &Path, bytes: u64) {
    let mut out = BufWriter::new(File::create(path).unwrap());
    let (mut state, mut row) = (1_u64, [b'x'; 100]);
    for _ in 0..bytes / 100 {
        for byte in &mut row[..96].chunks_exact_mut(8) {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            byte.copy_from_slice(&(state ^ state >> 29).to_be_bytes());
        }
        out.write_all(&row).unwrap();
    }
    out.flush().unwrap();
}

/// The largest resident set of a process so far, in bytes; none once it has ended.
fn peak(child: &Child) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib << 10)
}

/// Sorts so many bytes on two threads with a buffer of so many MiB for each; the peak of the process, in bytes. It is looked at all the time, and only grows:
/// what it becomes after the last look is what a few milliseconds make.
fn sorts(bytes: u64, sort_mb: u64) -> u64 {
    let dir = TempDir::new().unwrap();
    write_rows(&dir.path().join("rows"), bytes);
    let mut child = Command::new(env!("CARGO_BIN_EXE_mini-mapreduce"))
        .args(["run", "--quiet", "--slots", "2", "-r", "2", "-D"])
        .arg(format!("mapreduce.task.io.sort.mb={sort_mb}"))
        .args(["-D", "mapreduce.task.io.sort.factor=10"])
        .args(["terasort", "rows", "sorted"])
        .current_dir(dir.path())
        .env("TMPDIR", dir.path())
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let mut most = 0;
    let status = loop {
        most = most.max(peak(&child).unwrap_or(0));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    assert!(status.success());
    let parts = ["part-r-00000", "part-r-00001"].map(|part| dir.path().join("sorted").join(part));
    let sorted: u64 = parts
        .iter()
        .map(|part| fs::metadata(part).unwrap().len())
        .sum();
    assert_eq!(sorted, bytes / 100 * 100);
    eprintln!("{bytes} bytes with {sort_mb} MiB for each of two maps: {most} bytes");
    most
}

#[test]
#[cfg(target_os = "linux")]
fn a_buffer_of_four_mebibytes_sorts_sixty_four() {
    let (small, large) = (sorts(8 * MIB, 4), sorts(64 * MIB, 4));
    assert!(large < 48 * MIB, "{large} bytes");
    // What there is of it does not grow with the input.
    assert!(large < small + 16 * MIB, "{small} and {large} bytes");
}

/// `cargo test -p mini-mapreduce --test local -- --ignored --nocapture gibibyte`
#[test]
#[cfg(target_os = "linux")]
#[ignore = "a gibibyte takes some minutes where nothing is optimised"]
fn a_gibibyte_is_sorted_within_128_mebibytes() {
    let peak = sorts(1 << 30, 48);
    assert!(peak < 128 * MIB, "{peak} bytes");
}

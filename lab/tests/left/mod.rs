//! What is left of a lab that has ended.

use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

const DEADLINE: Duration = Duration::from_secs(60);

/// Waits for the end of a lab that keeps everything below `dir`, and then until neither a process nor a file of it is there
/// any more.
pub(crate) fn expect_nothing(lab: &mut Child, dir: &Path) {
    lab.wait().unwrap();
    let name = dir.display().to_string();
    let end = Instant::now() + DEADLINE;
    loop {
        let listed = Command::new("ps")
            .args(["-A", "-o", "args"])
            .output()
            .unwrap();
        let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
        let processes: Vec<&str> = listed.lines().filter(|args| args.contains(&name)).collect();
        let files = std::fs::read_dir(dir).unwrap().count();
        if processes.is_empty() && files == 0 {
            return;
        }
        let left = format!("left behind: {processes:#?}, {files} directories");
        assert!(Instant::now() < end, "{left}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

//! Full disks: a limit of how long a file may be, which every Unix has; and where Linux lets a user have a file system of his own, a small one in memory, of
//! which the kernel itself says that no space is left.

use mini_mapreduce::coordinator::job::JOB_COUNTERS;

use super::*;

/// No file may be longer than a few KiB: to whoever writes, that is a full disk.
const LIMIT: &str = r#"trap "" XFSZ; ulimit -f 8; exec "$0" "$@""#;

/// The directory is a file system of a few KiB. What it is called stands where `DIR` does.
const SMALL_DIR: &str = r#"mkdir -p "DIR" && exec unshare --user --map-root-user --mount sh -c 'mount -t tmpfs -o size=8k none "DIR" && exec "$0" "$@"' "$0" "$@""#;

/// Whether there can be such directories here.
fn can_mount() -> bool {
    let there = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c"])
        .args(["mount -t tmpfs -o size=8k none /tmp"])
        .output();
    let can = there.is_ok_and(|output| output.status.success());
    if !can {
        eprintln!("skipped: `unshare --user --mount` gives no file system of one's own here");
    }
    can
}

#[test]
fn a_reduce_that_may_write_no_more_fails_itself_and_no_map() {
    a_reduce_whose_disk_is_full(LIMIT);
}

#[test]
fn a_reduce_for_which_no_space_is_left_fails_itself_and_no_map() {
    if can_mount() {
        let reason = a_reduce_whose_disk_is_full(SMALL_DIR);
        assert!(reason.contains("No space left on device"), "{reason}");
    }
}

/// `full` is how a worker is started that has no room. Why a job failed that had no other.
fn a_reduce_whose_disk_is_full(full: &str) -> String {
    let size = "mapreduce.input.fileinputformat.split.maxsize";
    let shell = |scene: &Scene| {
        let dir = scene.dir.path().join("full");
        full.replace("DIR", dir.to_str().unwrap())
    };
    let mut scene = Scene::new(1);
    let mut full = scene.worker(
        "full",
        &shell(&scene),
        &["--map-slots", "0", "--reduce-slots", "2"],
    );
    full.start(START_MAX).unwrap();
    let job = scene.submit_with(2, &[(size, "400000")]);
    scene.succeeds(job);
    let status = scene.status(job).unwrap();
    let count = |name| status.counters.get(JOB_COUNTERS, name);
    assert!(count("NUM_FAILED_REDUCES") > 0, "{status:?}");
    assert_eq!(count("NUM_FAILED_MAPS"), 0);
    assert_eq!(count("TOTAL_LAUNCHED_MAPS"), u64::from(status.maps.0));

    // Where there is no other place, the job's end says why.
    let mut scene = Scene::new(0);
    let mut maps = scene.worker("maps", r#"exec "$0" "$@""#, &["--reduce-slots", "0"]);
    let mut full = scene.worker("full", &shell(&scene), &["--map-slots", "0"]);
    maps.start(START_MAX).unwrap();
    full.start(START_MAX).unwrap();
    let job = scene.submit_with(1, &[(size, "400000")]);
    let begun = Instant::now();
    let reason = loop {
        match scene.status(job).map(|status| status.state) {
            Some(JobState::Failed { reason }) => break reason,
            state => assert!(begun.elapsed() < DEADLINE, "{state:?}"),
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    assert!(
        reason.contains("cannot write") && reason.contains("look at the disk"),
        "{reason}"
    );
    reason
}

/// Runs `job` with two MiB of a file system in memory at `disk`; what it said, and what was left there.
fn with_small_disk(dir: &Path, job: &[&str]) -> (String, String) {
    let shell =
        r#"mount -t tmpfs -o size=2m none disk && TMPDIR="$PWD/$0" "$@" && exit 9; ls -A disk"#;
    fs::create_dir_all(dir.join("disk")).unwrap();
    let ran = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", shell])
        .args(job)
        .current_dir(dir)
        .output()
        .unwrap();
    assert!(ran.status.success(), "the job was done");
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(ran.stderr), text(ran.stdout))
}

#[test]
fn a_job_for_whose_spills_or_output_no_space_is_left_says_so_and_leaves_nothing() {
    if !can_mount() {
        return;
    }
    let dir = TempDir::new().unwrap();
    write_text(&dir.path().join("text"), 200_000);
    let run = |temporary, job: &[&str]| {
        let job = [&[temporary, PROGRAM], job].concat();
        let (said, left) = with_small_disk(dir.path(), &job);
        assert_eq!(left, "", "{said}");
        assert!(said.contains("No space left on device"), "{said}");
        said
    };
    let (small, plain) = (
        "mapreduce.task.io.sort.mb=1",
        "mapreduce.map.output.compress=false",
    );
    let spills = [
        "streaming",
        "-D",
        small,
        "-D",
        plain,
        "-mapper",
        "cat",
        "-reducer",
        "cat",
    ];
    let said = run(
        "disk",
        &[&spills[..], &["-input", "text", "-output", "out"]].concat(),
    );
    assert!(
        said.contains("look at the disk of the task's directory"),
        "{said}"
    );
    assert!(!dir.path().join("out").exists());
    let lines = [
        "zipftext", "-r", "0", "-a", "200000", "-a", "1000", "-a", "7",
    ];
    let said = run(".", &[&["run"], &lines[..], &["disk/out"]].concat());
    assert!(said.contains("cannot write the output"), "{said}");
}

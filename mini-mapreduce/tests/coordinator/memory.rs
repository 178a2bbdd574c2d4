//! What a coordinator remembers, and for how long.

use mini_mapreduce::coordinator::journal::FILE;
use node::{Disk, DiskError, DiskErrorKind};

use super::*;

fn to(output: &str) -> JobSpec {
    JobSpec {
        output: output.to_owned(),
        ..spec(0)
    }
}

impl Story {
    fn with_config(config: Config) -> Story {
        let mut story = Story::new();
        story.core = Coordinator::open(config, &mut story.disk, story.now).unwrap();
        story
    }

    /// A job of so many maps from its beginning to its end.
    pub(super) fn one_more(&mut self, token: u64, maps: usize) -> JobId {
        let job = self.submit(token, to(&token.to_string()), splits(&vec![&[][..]; maps]));
        let mut worker = Worker::new(WorkerId(token));
        self.register(&worker, "host", 100);
        self.beat(&mut worker);
        self.all_end(&mut worker, &done());
        self.core.take_actions();
        self.core.committed(job, Ok(()), self.now);
        self.core.flush(&mut self.disk).unwrap();
        self.core.take_actions();
        job
    }
}

#[test]
fn of_jobs_that_are_over_the_newest_are_remembered_without_their_splits() {
    let config = Config {
        jobs_kept: 2,
        ..Config::default()
    };
    let mut story = Story::with_config(config.clone());
    let jobs: Vec<JobId> = (1..=4).map(|token| story.one_more(token, 3)).collect();
    let check = |core: &Coordinator| {
        let known: Vec<JobId> = core.jobs().map(|job| job.id).collect();
        assert_eq!(known, jobs[2..]);
        for job in core.jobs() {
            assert!(job.splits.is_empty() && job.events().is_empty());
            assert_eq!(job.counts(), [(3, 3), (0, 0)]);
            assert_eq!(job.counters().get_task("TASKS"), 3);
        }
    };
    check(&story.core);
    for _ in 0..2 {
        story.core = Coordinator::open(config.clone(), &mut story.disk, story.now).unwrap();
        check(&story.core);
    }
    assert_eq!(story.one_more(5, 1), JobId(5), "no number is used twice");
}

#[test]
fn the_journal_does_not_grow_for_ever() {
    let config = Config {
        jobs_kept: 3,
        journal_slack: 1000,
        ..Config::default()
    };
    let mut story = Story::with_config(config.clone());
    let mut longest = 0;
    for token in 1..=100 {
        story.one_more(token, 5);
        longest = longest.max(story.disk.read(FILE).unwrap().len());
    }
    assert!(longest < 6000, "{longest} bytes");
    let running = story.submit(1000, to("running"), splits(&[&["a"], &["b"]]));
    story.one_more(101, 5);
    story.core = Coordinator::open(config, &mut story.disk, story.now).unwrap();
    let job = story.core.job(running).unwrap();
    assert_eq!(job.splits, splits(&[&["a"], &["b"]]));
    assert_eq!(story.core.jobs().count(), 4);
}

#[test]
fn a_journal_for_whose_copy_there_is_no_room_goes_on() {
    let config = Config {
        jobs_kept: 3,
        journal_slack: 1000,
        ..Config::default()
    };
    let mut story = Story::with_config(config.clone());
    let mut disk = Crowded(std::mem::take(&mut story.disk));
    for token in 1..=20 {
        story
            .core
            .submit(token, to(&token.to_string()), splits(&[&[], &[]]))
            .unwrap();
        story.core.flush(&mut disk).unwrap();
    }
    story.core = Coordinator::open(config, &mut disk.0, story.now).unwrap();
    assert_eq!(story.core.jobs().count(), 20);
}

#[test]
fn a_job_that_the_journal_could_not_give_back_is_refused() {
    let config = Config {
        job_bytes_max: 1000,
        ..Config::default()
    };
    let mut story = Story::with_config(config);
    let many = splits(&vec![&["host"][..]; 100]);
    let refused = story.core.submit(1, spec(1), many).unwrap_err().to_string();
    assert!(
        refused.contains("100 splits") && refused.contains("split.minsize"),
        "{refused}"
    );
    assert_eq!(story.core.jobs().count(), 0);
    story.submit(1, spec(1), splits(&[&["host"]]));
}

/// A disk with room for the journal, and for nothing else.
struct Crowded(MemDisk);

impl Disk for Crowded {
    fn write_at(&mut self, file: &str, offset: u64, bytes: &[u8]) -> Result<(), DiskError> {
        match file == FILE {
            true => self.0.write_at(file, offset, bytes),
            false => Err(DiskError::new("write", file, DiskErrorKind::Full)),
        }
    }

    fn truncate(&mut self, file: &str, len: u64) -> Result<(), DiskError> {
        self.0.truncate(file, len)
    }

    fn read_at(&self, file: &str, offset: u64, len: usize) -> Result<Vec<u8>, DiskError> {
        self.0.read_at(file, offset, len)
    }

    fn len(&self, file: &str) -> Result<u64, DiskError> {
        self.0.len(file)
    }

    fn sync(&mut self, file: &str) -> Result<(), DiskError> {
        self.0.sync(file)
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), DiskError> {
        self.0.rename(from, to)
    }

    fn remove(&mut self, file: &str) -> Result<(), DiskError> {
        self.0.remove(file)
    }

    fn list(&self, dir: &str) -> Result<Vec<String>, DiskError> {
        self.0.list(dir)
    }

    fn sync_dir(&mut self, dir: &str) -> Result<(), DiskError> {
        self.0.sync_dir(dir)
    }
}

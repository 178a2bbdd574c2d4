//! Random histories with a crash at any call of the disk. After each recovery the log is a state that it was in: not before what had been
//! durable, not behind what had been asked for, and nothing in between is mixed.

use node::{DiskErrorKind, Rng};
use raft_kv::wal::{Position, Vote, Wal, WalError};
use sim::SimDisk;

use crate::{at, entries};

/// The log as it should be after a record.
#[derive(Clone, Debug, Default, PartialEq)]
struct State {
    vote: Option<Vote>,
    purged: Option<Position>,
    entries: Vec<(Position, Vec<u8>)>,
}

struct World {
    rng: Rng,
    disk: SimDisk,
    wal: Wal,
    now: State,
    committed: Option<Position>,
    /// The state after each record that may be the last one on the disk, by its number.
    states: Vec<(u64, State)>,
    segment_bytes: u64,
    crashes: usize,
    torn: usize,
}

impl World {
    fn new(seed: u64) -> World {
        let (mut rng, mut disk) = (Rng::new(seed), SimDisk::default());
        let segment_bytes = 200 + rng.below(2000);
        let (wal, _) = Wal::open(&mut disk, segment_bytes).unwrap();
        World {
            rng,
            disk,
            wal,
            now: State::default(),
            committed: None,
            states: vec![(0, State::default())],
            segment_bytes,
            crashes: 0,
            torn: 0,
        }
    }

    fn last(&self) -> Option<Position> {
        self.now
            .entries
            .last()
            .map(|(position, _)| *position)
            .or(self.now.purged)
    }

    fn record(&mut self, number: u64) {
        self.states.push((number, self.now.clone()));
    }

    fn append(&mut self) {
        let term = self.now.vote.map_or(1, |vote| vote.term);
        let term = self.last().map_or(term, |last| last.term.max(term));
        let index = self.last().map_or(1, |last| last.index + 1);
        let payload = vec![u8::try_from(self.rng.below(256)).unwrap(); self.rng.index(80)];
        let number = self.wal.append(at(term, index), &payload).unwrap();
        self.now.entries.push((at(term, index), payload));
        self.record(number);
    }

    fn vote(&mut self) {
        let term = self.now.vote.map_or(1, |vote| vote.term + 1);
        let vote = Vote {
            term,
            candidate: self.rng.below(5),
            elected: self.rng.percent(50),
        };
        let number = self.wal.save_vote(vote).unwrap();
        self.now.vote = Some(vote);
        self.record(number);
    }

    fn truncate(&mut self) {
        let first = self
            .committed
            .max(self.now.purged)
            .map_or(0, |kept| kept.index);
        let Some(last) = self.last().filter(|last| last.index > first) else {
            return;
        };
        let after = first + self.rng.below(last.index - first + 1);
        let number = self.wal.truncate_after(Some(after)).unwrap();
        self.now
            .entries
            .retain(|(position, _)| position.index <= after);
        self.record(number);
    }

    fn purge(&mut self) {
        let Some(last) = self.last() else { return };
        let upto = if self.rng.percent(10) {
            // A snapshot came that is ahead of the log.
            at(last.term + 1, last.index + 1 + self.rng.below(5))
        } else {
            let Some((position, _)) = self
                .now
                .entries
                .get(self.rng.index(self.now.entries.len().max(1)))
            else {
                return;
            };
            *position
        };
        self.committed = self.committed.max(Some(upto));
        self.wal.save_committed(upto);
        let number = self.wal.purge(upto);
        self.now.purged = Some(upto);
        self.now
            .entries
            .retain(|(position, _)| position.index > upto.index);
        self.record(number);
    }

    /// Returns none where the crash comes.
    fn flush(&mut self) -> Option<()> {
        let Some(flush) = self.wal.begin_flush() else {
            return Some(());
        };
        // Others go on meanwhile.
        for _ in 0..self.rng.below(3) {
            self.append();
        }
        match flush.write(&mut self.disk) {
            Ok(()) => {}
            Err(error) if error.kind == DiskErrorKind::Crashed => return None,
            Err(error) => panic!("{error}"),
        }
        self.wal.end_flush(&flush);
        // What is before it cannot come back.
        let durable = self.wal.durable();
        let kept = self
            .states
            .partition_point(|(number, _)| *number <= durable);
        self.states.drain(..kept - 1);
        Some(())
    }

    fn step(&mut self) -> Option<()> {
        match self.rng.below(100) {
            0..55 => self.append(),
            55..62 => self.vote(),
            62..68 => self.truncate(),
            68..73 => self.purge(),
            73..78 => {
                let some = self.rng.index(self.now.entries.len().max(1));
                if let Some((position, _)) = self.now.entries.get(some) {
                    self.wal.save_committed(*position);
                    self.committed = self.committed.max(Some(*position));
                }
            }
            _ => return self.flush(),
        }
        Some(())
    }

    fn crash(&mut self) {
        loop {
            self.disk.crash(&mut self.rng);
            self.crashes += 1;
            if self.rng.percent(30) {
                self.disk
                    .set_fuse(Some(u32::try_from(self.rng.below(4)).unwrap()));
            }
            let opened = Wal::open(&mut self.disk, self.segment_bytes);
            self.disk.set_fuse(None);
            match opened {
                Ok((wal, report)) => {
                    self.torn += usize::from(report.torn.is_some());
                    self.wal = wal;
                    self.check();
                    return;
                }
                Err(WalError::Disk(error)) => assert_eq!(error.kind, DiskErrorKind::Crashed),
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn check(&mut self) {
        let found = State {
            vote: self.wal.vote(),
            purged: self.wal.purged(),
            entries: entries(&self.wal, &self.disk),
        };
        let known = self.states.iter().any(|(_, state)| *state == found);
        assert!(known, "it was never so: {found:?}, but {:?}", self.states);
        let last = self.wal.last();
        assert!(self.wal.committed() <= self.committed);
        self.now = found;
        assert_eq!(self.last(), last);
        self.committed = self.wal.committed();
        self.states = vec![(self.wal.durable(), self.now.clone())];
    }
}

#[test]
fn after_every_crash_the_log_is_a_state_that_it_was_in() {
    let (mut crashes, mut torn) = (0, 0);
    for seed in autograder::seeds(150) {
        let run = std::panic::catch_unwind(|| {
            let mut world = World::new(seed);
            for _ in 0..15 {
                world
                    .disk
                    .set_fuse(Some(u32::try_from(world.rng.below(60)).unwrap()));
                while world.step().is_some() {}
                world.crash();
            }
            (world.crashes, world.torn)
        });
        match run {
            Ok((crashed, cut)) => {
                crashes += crashed;
                torn += cut;
            }
            Err(panic) => {
                eprintln!("with seed {seed:#x}");
                std::panic::resume_unwind(panic);
            }
        }
    }
    assert!(
        crashes > 1000 && torn > 100,
        "{crashes} crashes left {torn} torn tails only"
    );
}

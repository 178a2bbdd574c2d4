//! Which votes may be given, and when they may be told.

use autograder::{Test, tests};
use node::MemDisk;
use raft_kv::wal::{Vote, Wal, WalError};

pub(crate) const TESTS: &[Test] = tests![
    a_vote_is_remembered,
    a_term_has_one_vote,
    terms_do_not_go_back,
    an_election_is_not_taken_back,
    whom_others_elected_is_followed,
    what_is_refused_leaves_no_trace,
    a_vote_counts_when_it_is_durable,
    a_vote_outlives_its_segment,
    a_vote_is_there_after_a_restart,
];

fn vote(term: u64, candidate: u64) -> Vote {
    Vote {
        term,
        candidate,
        elected: false,
    }
}

fn won(term: u64, candidate: u64) -> Vote {
    Vote {
        term,
        candidate,
        elected: true,
    }
}

fn open(disk: &mut MemDisk) -> Wal {
    Wal::open(disk, 300).unwrap().0
}

fn flush(wal: &mut Wal, disk: &mut MemDisk) {
    while let Some(flush) = wal.begin_flush() {
        flush.write(disk).unwrap();
        wal.end_flush(&flush);
    }
}

/// Whether the second vote may follow the first. Where not, the error says what both are.
fn follows(first: Vote, second: Vote) -> bool {
    let mut wal = open(&mut MemDisk::default());
    wal.save_vote(first).expect("the first vote of all");
    let saved = match wal.save_vote(second) {
        Ok(_) => true,
        Err(error) => {
            let (old, new) = (first, second);
            assert_eq!(
                error,
                WalError::VoteTaken { old, new },
                "{second:?} after {first:?} is refused: the vote that is there, and the one that is not taken"
            );
            false
        }
    };
    let expected = if saved { second } else { first };
    assert_eq!(wal.vote(), Some(expected), "{second:?} after {first:?}");
    saved
}

fn a_vote_is_remembered() {
    let mut wal = open(&mut MemDisk::default());
    assert_eq!(wal.vote(), None, "nobody has asked yet");
    wal.save_vote(vote(1, 3)).unwrap();
    assert_eq!(wal.vote(), Some(vote(1, 3)), "the vote that was given");
    assert!(follows(vote(1, 3), vote(1, 3)), "the same once more");
}

fn a_term_has_one_vote() {
    assert!(
        !follows(vote(4, 1), vote(4, 2)),
        "2 would have a vote that 1 has had"
    );
    assert!(!follows(won(4, 1), vote(4, 2)), "1 has been elected");
    assert!(!follows(won(4, 1), won(4, 2)), "a term has one leader");
}

fn terms_do_not_go_back() {
    assert!(follows(won(4, 1), vote(5, 2)), "a later term");
    assert!(!follows(vote(5, 1), vote(4, 1)), "an older term");
    assert!(
        !follows(vote(5, 1), won(4, 2)),
        "an older term, whoever won in it"
    );
}

fn an_election_is_not_taken_back() {
    assert!(follows(vote(4, 1), won(4, 1)), "the candidate has won");
    assert!(!follows(won(4, 1), vote(4, 1)), "the candidate had won");
}

fn whom_others_elected_is_followed() {
    assert!(
        follows(vote(4, 1), won(4, 2)),
        "a majority of others has elected 2"
    );
}

fn what_is_refused_leaves_no_trace() {
    let mut disk = MemDisk::default();
    let mut wal = open(&mut disk);
    wal.save_vote(vote(4, 1)).unwrap();
    flush(&mut wal, &mut disk);
    assert_eq!(
        wal.save_vote(vote(4, 2)),
        Err(WalError::VoteTaken {
            old: vote(4, 1),
            new: vote(4, 2)
        }),
        "the vote of term 4 is given"
    );
    assert_eq!(wal.vote(), Some(vote(4, 1)), "the vote that was given");
    assert!(!wal.has_pending(), "a refused vote is not written down");
}

fn a_vote_counts_when_it_is_durable() {
    let mut disk = MemDisk::default();
    let mut wal = open(&mut disk);
    let first = wal.save_vote(vote(1, 1)).unwrap();
    assert!(wal.durable() < first, "nothing has been written yet");
    let under_way = wal.begin_flush().expect("there is something to be written");
    let second = wal.save_vote(vote(2, 1)).unwrap();
    under_way.write(&mut disk).unwrap();
    wal.end_flush(&under_way);
    assert!(wal.durable() >= first, "the first vote is on the disk");
    assert!(
        wal.durable() < second,
        "the second one came when that flush was under way"
    );
    flush(&mut wal, &mut disk);
    assert!(wal.durable() >= second, "the second vote is on the disk");
}

fn a_vote_outlives_its_segment() {
    let mut disk = MemDisk::default();
    let mut wal = open(&mut disk);
    for term in 1..40 {
        wal.save_vote(vote(term, 1)).unwrap();
        flush(&mut wal, &mut disk);
    }
    let again = open(&mut disk);
    assert_eq!(
        again.vote(),
        Some(vote(39, 1)),
        "the last of many votes, in many segments"
    );
}

fn a_vote_is_there_after_a_restart() {
    let mut disk = MemDisk::default();
    let mut wal = open(&mut disk);
    wal.save_vote(vote(3, 2)).unwrap();
    wal.save_vote(won(3, 2)).unwrap();
    flush(&mut wal, &mut disk);
    assert_eq!(
        open(&mut disk).vote(),
        Some(won(3, 2)),
        "the vote before the restart"
    );
}

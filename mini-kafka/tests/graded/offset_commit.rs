//! Offset commits: who may, what is taken, and when it counts.

use autograder::{Test, tests};
use mini_kafka::error::ErrorCode;
use mini_kafka::group::{MemberRef, State};

use crate::desk::{Desk, NOW, by, group, member, seconds, static_member};

pub(crate) const TESTS: &[Test] = tests![
    a_member_of_this_generation_may_commit,
    a_member_that_was_away_may_not,
    between_a_generation_and_its_assignment_nobody_may,
    without_members_anybody_may,
    of_a_group_that_is_being_removed_nothing_is_kept,
    it_is_committed_once_it_is_in_the_log,
    what_could_not_be_stored_is_not_committed,
    each_partition_is_taken_or_refused_by_itself,
    the_last_commit_counts,
    what_is_kept_with_an_offset,
    any_order_of_commits,
];

/// Who assigns partitions to himself, in no generation.
fn nobody() -> MemberRef {
    MemberRef {
        generation: -1,
        ..by("")
    }
}

/// The code of a commit of one partition, once whatever is on its way is stored.
fn commit(desk: &mut Desk, who: MemberRef) -> ErrorCode {
    let asked = desk.commit(who, &[(0, 7, 0)]);
    if desk.records_on_their_way() > 0 {
        desk.store(Ok(()));
    }
    desk.committed(asked).expect("the commit is answered")[0]
}

fn stable() -> Desk {
    let members = vec![member("a"), static_member("s")];
    Desk::new(group(State::Stable, members))
}

fn a_member_of_this_generation_may_commit() {
    assert_eq!(commit(&mut stable(), by("a")), ErrorCode::None, "a is one");
    let mut desk = Desk::new(group(State::PreparingRebalance, vec![member("a")]));
    assert_eq!(
        commit(&mut desk, by("a")),
        ErrorCode::None,
        "before it joins again, it commits what it has read"
    );
}

fn a_member_that_was_away_may_not() {
    let late = MemberRef {
        generation: 4,
        ..by("a")
    };
    let twin = MemberRef {
        instance_id: Some("name of s".to_owned()),
        ..by("a")
    };
    for (who, expected, why) in [
        (late, ErrorCode::IllegalGeneration, "others own it by now"),
        (by("x"), ErrorCode::UnknownMemberId, "it is out"),
        (twin, ErrorCode::FencedInstanceId, "another has its name"),
        (nobody(), ErrorCode::UnknownMemberId, "there are members"),
    ] {
        let mut desk = stable();
        assert_eq!(commit(&mut desk, who), expected, "{why}");
        assert_eq!(desk.offset(0), None, "so nothing is committed");
    }
}

fn between_a_generation_and_its_assignment_nobody_may() {
    let mut desk = Desk::new(group(State::CompletingRebalance, vec![member("a")]));
    assert_eq!(
        commit(&mut desk, by("a")),
        ErrorCode::RebalanceInProgress,
        "in this generation a cannot have read anything yet"
    );
}

fn without_members_anybody_may() {
    let mut desk = Desk::new(group(State::Empty, Vec::new()));
    assert_eq!(
        commit(&mut desk, nobody()),
        ErrorCode::None,
        "a client that assigns partitions to itself"
    );
    assert_eq!(
        commit(&mut desk, by("a")),
        ErrorCode::UnknownMemberId,
        "who says that he is a member of an empty group is wrong"
    );
}

fn of_a_group_that_is_being_removed_nothing_is_kept() {
    let mut desk = Desk::new(group(State::Dead, Vec::new()));
    assert_eq!(
        commit(&mut desk, nobody()),
        ErrorCode::CoordinatorNotAvailable,
        "he has to look for the coordinator again"
    );
}

fn it_is_committed_once_it_is_in_the_log() {
    let mut desk = stable();
    let asked = desk.commit(by("a"), &[(0, 7, 0), (1, 9, 0)]);
    assert_eq!(desk.committed(asked), None, "a crash could take it back");
    assert_eq!(desk.offset(0), None, "so nobody may read on from there");
    desk.store(Ok(()));
    assert_eq!(
        desk.committed(asked),
        Some(vec![ErrorCode::None; 2]),
        "now it is there for ever"
    );
    assert_eq!((desk.offset(0), desk.offset(1)), (Some(7), Some(9)), "both");
}

fn what_could_not_be_stored_is_not_committed() {
    let mut desk = stable();
    commit(&mut desk, by("a"));
    let asked = desk.commit(by("a"), &[(0, 8, 0), (1, 9, 0)]);
    desk.store(Err(ErrorCode::CoordinatorNotAvailable));
    assert_eq!(
        desk.committed(asked),
        Some(vec![ErrorCode::CoordinatorNotAvailable; 2]),
        "the client hears that it has to try again"
    );
    assert_eq!(
        (desk.offset(0), desk.offset(1)),
        (Some(7), None),
        "what was committed before still is"
    );
}

fn each_partition_is_taken_or_refused_by_itself() {
    let mut desk = stable();
    let offsets = [(0, 7, 4097), (1, 8, 4096), (2, 9, 5000), (3, 10, 0)];
    let too_large = ErrorCode::OffsetMetadataTooLarge;
    let asked = desk.commit(by("a"), &offsets);
    assert_eq!(desk.records_on_their_way(), 2, "two of them are stored");
    desk.store(Ok(()));
    let codes = vec![too_large, ErrorCode::None, too_large, ErrorCode::None];
    assert_eq!(desk.committed(asked), Some(codes), "in the order asked for");
    assert_eq!(
        [0, 1, 2, 3].map(|n| desk.offset(n)),
        [None, Some(8), None, Some(10)],
        "offset.metadata.max.bytes is 4096"
    );
    let asked = desk.commit(by("a"), &offsets);
    let failed = ErrorCode::CoordinatorNotAvailable;
    desk.store(Err(failed));
    assert_eq!(
        desk.committed(asked),
        Some(vec![too_large, failed, too_large, failed]),
        "what was refused before was refused for another reason"
    );
}

fn the_last_commit_counts() {
    let mut desk = stable();
    desk.commit(by("a"), &[(0, 7, 0)]);
    desk.commit(by("a"), &[(0, 3, 0)]);
    desk.store(Ok(()));
    assert_eq!(desk.offset(0), Some(7), "the first one is in the log");
    desk.store(Ok(()));
    assert_eq!(
        desk.offset(0),
        Some(3),
        "a consumer may want to read something again"
    );
}

fn what_is_kept_with_an_offset() {
    let mut desk = stable();
    desk.wait(seconds(5));
    desk.commit_for(by("a"), &[(0, 7, 3)], Some(seconds(60)));
    desk.commit_for(by("a"), &[(1, 7, 0)], None);
    desk.store(Ok(()));
    desk.store(Ok(()));
    let at = |partition| desk.coordinator.committed("g", "t", partition).unwrap();
    let now_ms = i64::try_from((NOW + seconds(5)).as_millis()).unwrap();
    assert_eq!(at(0).metadata, "mmm", "what the client wants to remember");
    assert_eq!(at(0).leader_epoch, 2, "the epoch of the last record read");
    assert_eq!(at(0).commit_timestamp_ms, now_ms, "when it was committed");
    assert_eq!(
        at(0).expire_timestamp_ms,
        Some(now_ms + 60_000),
        "an old client says how long it is to be kept"
    );
    assert_eq!(at(1).expire_timestamp_ms, None, "a new one does not");
}

fn any_order_of_commits() {
    for seed in autograder::seeds(30) {
        let mut rng = node::Rng::new(seed);
        let mut desk = stable();
        let mut under_way = Vec::new();
        let mut expected = [None; 4];
        for n in 0..100 {
            if rng.percent(50) {
                let partition = i32::try_from(rng.below(4)).unwrap();
                let asked = desk.commit(by("a"), &[(partition, n, 0)]);
                under_way.push((asked, partition, n));
            } else if !under_way.is_empty() {
                let (asked, partition, n) = under_way.remove(0);
                let result = if rng.percent(70) {
                    expected[usize::try_from(partition).unwrap()] = Some(n);
                    Ok(())
                } else {
                    Err(ErrorCode::CoordinatorNotAvailable)
                };
                desk.store(result);
                let code = result.err().unwrap_or(ErrorCode::None);
                assert_eq!(desk.committed(asked), Some(vec![code]), "seed {seed}");
            }
            let found = [0, 1, 2, 3].map(|partition| desk.offset(partition));
            assert_eq!(found, expected, "seed {seed}: what is committed");
        }
    }
}

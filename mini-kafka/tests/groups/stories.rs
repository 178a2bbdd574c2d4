//! What clients live through, one story a test. `UPDATE_EXPECT=1` writes down what happens now.

use std::time::Duration;

use expect_test::{Expect, expect};
use mini_kafka::group::{Config, partition_for};

use crate::script::{tell, tell_with};

#[allow(clippy::needless_pass_by_value)]
fn check(script: &str, told: Expect) {
    told.assert_eq(&tell(script));
}

#[test]
fn a_first_member_waits_for_others_and_then_owns_everything() {
    check(
        "join a
         join a
         wait 3s
         sync a a=0,1
         heartbeat a
         describe",
        expect![[r#"
            join a
                a: MemberIdRequired
            join a
            wait 3s
                a: generation 1, range, leads a group of 1
            sync a a=0,1
                a: owns [0,1]
            heartbeat a
                a: ok
            describe
                Stable, generation 1, a has [0,1]
        "#]],
    );
}

#[test]
fn a_second_member_makes_the_first_join_again() {
    check(
        "join a
         join a
         wait 3s
         sync a a=0,1
         join b
         join b
         heartbeat a
         commit a 0=17
         join a
         sync b
         sync a a=0 b=1
         heartbeat a
         heartbeat b
         describe
         fetch 0",
        expect![[r#"
            join a
                a: MemberIdRequired
            join a
            wait 3s
                a: generation 1, range, leads a group of 1
            sync a a=0,1
                a: owns [0,1]
            join b
                b: MemberIdRequired
            join b
            heartbeat a
                a: RebalanceInProgress
            commit a 0=17
                a: committed [None]
            join a
                a: generation 2, range, leads a group of 2
                b: generation 2, range, led by a
            sync b
            sync a a=0 b=1
                a: owns [0]
                b: owns [1]
            heartbeat a
                a: ok
            heartbeat b
                b: ok
            describe
                Stable, generation 2, a has [0], b has [1]
            fetch 0
                t-0: 17
        "#]],
    );
}

#[test]
fn many_that_start_together_make_one_generation() {
    check(
        "join a old
         wait 2s
         join b old
         wait 1s
         wait 2s
         join c old
         wait 1s
         wait 3s
         describe",
        expect![[r#"
            join a old
            wait 2s
            join b old
            wait 1s
            wait 2s
            join c old
            wait 1s
            wait 3s
                a: generation 1, range, leads a group of 3
                b: generation 1, range, led by a
                c: generation 1, range, led by a
            describe
                CompletingRebalance, generation 1, a has [], b has [], c has []
        "#]],
    );
}

#[test]
fn who_does_not_come_back_in_time_is_out() {
    check(
        "join a old session=30s rebalance=20s
         join b old session=30s rebalance=20s
         wait 6s
         sync a a=0 b=1
         sync b
         join c old session=30s rebalance=20s
         heartbeat a
         join a
         wait 20s
         heartbeat b
         sync a a=0 c=1
         sync c
         describe",
        expect![[r#"
            join a old session=30s rebalance=20s
            join b old session=30s rebalance=20s
            wait 6s
                a: generation 1, range, leads a group of 2
                b: generation 1, range, led by a
            sync a a=0 b=1
                a: owns [0]
            sync b
                b: owns [1]
            join c old session=30s rebalance=20s
            heartbeat a
                a: RebalanceInProgress
            join a
            wait 20s
                a: generation 2, range, leads a group of 2
                c: generation 2, range, led by a
            heartbeat b
                b: UnknownMemberId
            sync a a=0 c=1
                a: owns [0]
            sync c
                c: owns [1]
            describe
                Stable, generation 2, a has [0], c has [1]
        "#]],
    );
}

#[test]
fn a_silent_member_is_dead_after_its_session() {
    check(
        "join a old
         join b old
         wait 6s
         sync a a=0 b=1
         sync b
         wait 6s
         heartbeat a
         wait 6s
         heartbeat a
         join a old
         sync a a=0,1
         heartbeat b
         commit b 1=5
         describe",
        expect![[r#"
            join a old
            join b old
            wait 6s
                a: generation 1, range, leads a group of 2
                b: generation 1, range, led by a
            sync a a=0 b=1
                a: owns [0]
            sync b
                b: owns [1]
            wait 6s
            heartbeat a
                a: ok
            wait 6s
            heartbeat a
                a: RebalanceInProgress
            join a old
                a: generation 2, range, leads a group of 1
            sync a a=0,1
                a: owns [0,1]
            heartbeat b
                b: UnknownMemberId
            commit b 1=5
                b: committed [UnknownMemberId]
            describe
                Stable, generation 2, a has [0,1]
        "#]],
    );
}

#[test]
fn a_leader_that_dies_before_it_assigns() {
    check(
        "join a old session=6s
         join b old session=30s
         wait 6s
         sync b
         wait 6s
         join b session=30s
         sync b b=0,1
         describe",
        expect![[r#"
            join a old session=6s
            join b old session=30s
            wait 6s
                a: generation 1, range, leads a group of 2
                b: generation 1, range, led by a
            sync b
            wait 6s
                b: RebalanceInProgress
            join b session=30s
                b: generation 2, range, leads a group of 1
            sync b b=0,1
                b: owns [0,1]
            describe
                Stable, generation 2, b has [0,1]
        "#]],
    );
}

#[test]
fn who_never_syncs_holds_the_others_up_no_longer_than_the_rebalance_timeout() {
    check(
        "join a old session=60s rebalance=10s
         join b old session=60s rebalance=10s
         wait 6s
         sync b
         wait 10s
         describe
         heartbeat a",
        expect![[r#"
            join a old session=60s rebalance=10s
            join b old session=60s rebalance=10s
            wait 6s
                a: generation 1, range, leads a group of 2
                b: generation 1, range, led by a
            sync b
            wait 10s
                b: RebalanceInProgress
            describe
                PreparingRebalance, generation 1, b has []
            heartbeat a
                a: UnknownMemberId
        "#]],
    );
}

#[test]
fn leaving_is_quicker_than_dying() {
    check(
        "join a old
         join b old
         wait 6s
         sync a a=0 b=1
         sync b
         leave b
         heartbeat a
         join a
         sync a a=0,1
         leave a
         describe
         heartbeat a",
        expect![[r#"
            join a old
            join b old
            wait 6s
                a: generation 1, range, leads a group of 2
                b: generation 1, range, led by a
            sync a a=0 b=1
                a: owns [0]
            sync b
                b: owns [1]
            leave b
                b: ok
            heartbeat a
                a: RebalanceInProgress
            join a
                a: generation 2, range, leads a group of 1
            sync a a=0,1
                a: owns [0,1]
            leave a
                a: ok
            describe
                Empty, generation 3
            heartbeat a
                a: UnknownMemberId
        "#]],
    );
}

#[test]
fn a_static_member_comes_back_without_a_rebalance() {
    check(
        "join a instance=one
         join b instance=two
         wait 6s
         sync a a=0 b=1
         sync b
         forget a
         join a instance=one
         sync a
         heartbeat b
         forget b
         join b instance=two
         sync b
         describe
         leave-instance two
         heartbeat a",
        expect![[r#"
            join a instance=one
            join b instance=two
            wait 6s
                a: generation 1, range, leads a group of 2
                b: generation 1, range, led by a
            sync a a=0 b=1
                a: owns [0]
            sync b
                b: owns [1]
            forget a
            join a instance=one
                a: generation 1, range, led by somebody unknown
            sync a
                a: owns [0]
            heartbeat b
                b: ok
            forget b
            join b instance=two
                b: generation 1, range, led by a
            sync b
                b: owns [1]
            describe
                Stable, generation 1, a has [0], b has [1]
            leave-instance two
                two: ok
            heartbeat a
                a: RebalanceInProgress
        "#]],
    );
}

#[test]
fn the_later_of_two_with_one_name_wins() {
    check(
        "join a instance=one
         wait 3s
         sync a a=0,1
         join b instance=one
         heartbeat a
         commit a 0=3
         sync b
         commit b 0=4
         fetch 0",
        expect![[r#"
            join a instance=one
            wait 3s
                a: generation 1, range, leads a group of 1
            sync a a=0,1
                a: owns [0,1]
            join b instance=one
                b: generation 1, range, led by a
            heartbeat a
                a: FencedInstanceId
            commit a 0=3
                a: committed [FencedInstanceId]
            sync b
                b: owns [0,1]
            commit b 0=4
                b: committed [None]
            fetch 0
                t-0: 4
        "#]],
    );
}

#[test]
fn members_agree_on_a_protocol_or_are_refused() {
    check(
        "join a old protocols=cooperative-sticky,range
         join b old protocols=range,cooperative-sticky
         join c old protocols=range
         join d old protocols=roundrobin
         join e old protocols=range type=connect
         wait 9s",
        expect![[r#"
            join a old protocols=cooperative-sticky,range
            join b old protocols=range,cooperative-sticky
            join c old protocols=range
            join d old protocols=roundrobin
                d: InconsistentGroupProtocol
            join e old protocols=range type=connect
                e: InconsistentGroupProtocol
            wait 9s
                a: generation 1, range, leads a group of 3
                b: generation 1, range, led by a
                c: generation 1, range, led by a
        "#]],
    );
}

#[test]
fn an_old_generation_commits_nothing() {
    check(
        "join a old
         wait 3s
         commit a 0=1
         sync a a=0,1
         commit a 0=2 1=3
         join b old
         commit a 0=4
         join a
         commit a 0=5
         fetch 0
         fetch 1
         commit nobody 0=9",
        expect![[r#"
            join a old
            wait 3s
                a: generation 1, range, leads a group of 1
            commit a 0=1
                a: committed [RebalanceInProgress]
            sync a a=0,1
                a: owns [0,1]
            commit a 0=2 1=3
                a: committed [None, None]
            join b old
            commit a 0=4
                a: committed [None]
            join a
                a: generation 2, range, leads a group of 2
                b: generation 2, range, led by a
            commit a 0=5
                a: committed [RebalanceInProgress]
            fetch 0
                t-0: 4
            fetch 1
                t-1: 3
            commit nobody 0=9
                nobody: committed [UnknownMemberId]
        "#]],
    );
}

#[test]
fn a_client_that_assigns_to_itself_only_keeps_offsets_here() {
    check(
        "commit nobody 0=7
         describe
         fetch 0
         restart
         fetch 0
         wait 604799s
         expire
         fetch 0
         wait 1s
         expire
         fetch 0
         describe",
        expect![[r#"
            commit nobody 0=7
                nobody: committed [None]
            describe
                Empty, generation 0
            fetch 0
                t-0: 7
            restart
            fetch 0
                t-0: 7
            wait 604799s
            expire
            fetch 0
                t-0: 7
            wait 1s
            expire
            fetch 0
                t-0: nothing
            describe
                Dead
        "#]],
    );
}

#[test]
fn everything_is_there_after_a_restart() {
    check(
        "join a old
         join b instance=two
         wait 6s
         sync a a=0 b=1
         sync b
         commit a 0=10
         commit b 1=20
         restart
         describe
         fetch 0
         fetch 1
         heartbeat a
         wait 9s
         heartbeat a
         wait 2s
         describe
         heartbeat a",
        expect![[r#"
            join a old
            join b instance=two
            wait 6s
                a: generation 1, range, leads a group of 2
                b: generation 1, range, led by a
            sync a a=0 b=1
                a: owns [0]
            sync b
                b: owns [1]
            commit a 0=10
                a: committed [None]
            commit b 1=20
                b: committed [None]
            restart
            describe
                Stable, generation 1, a has [0], b has [1]
            fetch 0
                t-0: 10
            fetch 1
                t-1: 20
            heartbeat a
                a: ok
            wait 9s
            heartbeat a
                a: ok
            wait 2s
            describe
                PreparingRebalance, generation 1, a has []
            heartbeat a
                a: RebalanceInProgress
        "#]],
    );
}

#[test]
fn what_cannot_be_stored_was_not_done() {
    check(
        "join a old
         wait 3s
         disk fails
         sync a a=0
         join a
         disk works
         sync a a=0
         disk fails
         commit a 0=5
         fetch 0
         disk works
         commit a 0=6
         fetch 0",
        expect![[r#"
            join a old
            wait 3s
                a: generation 1, range, leads a group of 1
            disk fails
            sync a a=0
                the disk fails
                a: CoordinatorNotAvailable
            join a
                a: generation 2, range, leads a group of 1
            disk works
            sync a a=0
                a: owns [0]
            disk fails
            commit a 0=5
                the disk fails
                a: committed [CoordinatorNotAvailable]
            fetch 0
                t-0: nothing
            disk works
            commit a 0=6
                a: committed [None]
            fetch 0
                t-0: 6
        "#]],
    );
}

#[test]
fn what_is_too_large_for_the_log_need_not_be_tried_again() {
    check(
        "join a old
         wait 3s
         records too-large
         sync a a=0
         disk works
         join a
         sync a a=0
         records too-large
         commit a 0=5",
        expect![[r#"
            join a old
            wait 3s
                a: generation 1, range, leads a group of 1
            records too-large
            sync a a=0
                they are too large
                a: UnknownServerError
            disk works
            join a
                a: generation 2, range, leads a group of 1
            sync a a=0
                a: owns [0]
            records too-large
            commit a 0=5
                they are too large
                a: committed [InvalidCommitOffsetSize]
        "#]],
    );
}

#[test]
fn a_group_whose_end_could_not_be_written_can_be_deleted_again() {
    check(
        "join a old
         wait 3s
         sync a a=0
         commit a 0=5
         leave a
         disk fails
         delete
         describe
         fetch 0
         disk works
         delete
         describe",
        expect![[r#"
            join a old
            wait 3s
                a: generation 1, range, leads a group of 1
            sync a a=0
                a: owns [0]
            commit a 0=5
                a: committed [None]
            leave a
                a: ok
            disk fails
            delete
                the disk fails
                admin: CoordinatorNotAvailable
            describe
                Empty, generation 2
            fetch 0
                t-0: 5
            disk works
            delete
                admin: None
            describe
                Dead
        "#]],
    );
}

#[test]
fn deleting_a_group_that_somebody_is_about_to_join_is_answered() {
    check(
        "join a
         delete
         join a
         wait 3s
         describe",
        expect![[r#"
            join a
                a: MemberIdRequired
            delete
                admin: None
            join a
            wait 3s
                a: generation 1, range, leads a group of 1
            describe
                CompletingRebalance, generation 1, a has []
        "#]],
    );
}

#[test]
fn a_static_member_without_time_to_come_back_does_not_keep_the_coordinator_busy() {
    check(
        "join a instance=i rebalance=0s
         wait 1s
         sync a a=0
         join b old rebalance=0s
         wait 1s
         leave b
         wait 5s
         describe",
        expect![[r#"
            join a instance=i rebalance=0s
            wait 1s
                a: generation 1, range, leads a group of 1
            sync a a=0
                a: owns [0]
            join b old rebalance=0s
            wait 1s
                b: generation 2, range, leads a group of 2
            leave b
                b: ok
            wait 5s
            describe
                PreparingRebalance, generation 2, a has []
        "#]],
    );
}

#[test]
fn a_group_is_deleted_once_it_is_empty() {
    check(
        "join a old
         wait 3s
         sync a a=0
         commit a 0=5 1=6
         delete
         delete-offset 0
         leave a
         delete-offset 0
         fetch 0
         fetch 1
         delete
         delete
         restart
         describe",
        expect![[r#"
            join a old
            wait 3s
                a: generation 1, range, leads a group of 1
            sync a a=0
                a: owns [0]
            commit a 0=5 1=6
                a: committed [None, None]
            delete
                admin: NonEmptyGroup
            delete-offset 0
                [GroupSubscribedToTopic]
                admin: None
            leave a
                a: ok
            delete-offset 0
                [None]
                admin: None
            fetch 0
                t-0: nothing
            fetch 1
                t-1: 6
            delete
                admin: None
            delete
                admin: GroupIdNotFound
            restart
            describe
                Dead
        "#]],
    );
}

#[test]
fn an_empty_group_keeps_its_offsets_for_the_time_of_retention() {
    let config = Config {
        offsets_retention: Duration::from_secs(60),
        ..Config::default()
    };
    let told = tell_with(
        config,
        "join a old
         wait 3s
         sync a a=0
         commit a 0=5
         wait 9s
         heartbeat a
         leave a
         wait 59s
         expire
         fetch 0
         wait 1s
         expire
         fetch 0
         describe",
    );
    expect![[r#"
        join a old
        wait 3s
            a: generation 1, range, leads a group of 1
        sync a a=0
            a: owns [0]
        commit a 0=5
            a: committed [None]
        wait 9s
        heartbeat a
            a: ok
        leave a
            a: ok
        wait 59s
        expire
        fetch 0
            t-0: 5
        wait 1s
        expire
        fetch 0
            t-0: nothing
        describe
            Dead
    "#]]
    .assert_eq(&told);
}

#[test]
fn a_full_group_takes_nobody_more() {
    let config = Config {
        size_max: 1,
        ..Config::default()
    };
    let told = tell_with(
        config,
        "join a old
         join b old
         wait 3s
         sync a a=0
         join b old",
    );
    expect![[r#"
        join a old
        join b old
            b: GroupMaxSizeReached
        wait 3s
            a: generation 1, range, leads a group of 1
        sync a a=0
            a: owns [0]
        join b old
            b: GroupMaxSizeReached
    "#]]
    .assert_eq(&told);
}

#[test]
fn the_partition_of_a_group_is_that_of_javas_hash() {
    // "polygenelubricants".hashCode() is the smallest integer, which has no positive counterpart.
    assert_eq!(partition_for("polygenelubricants", 50), 0);
    assert_eq!(partition_for("my-group", 50), 12);
    assert_eq!(partition_for("", 50), 0);
}

//! How groups end, and what a group may not become.

use std::time::Duration;

use expect_test::expect;
use mini_kafka::group::Config;

use super::check;
use crate::script::tell_with;

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

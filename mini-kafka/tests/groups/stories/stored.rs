//! What is committed, and what has to be in the log before anybody hears of it.

use expect_test::expect;

use super::check;

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

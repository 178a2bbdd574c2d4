//! Who joins, leaves, dies or comes back, and what the others see of it.

use expect_test::expect;

use super::check;

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
fn a_leader_that_comes_back_is_told_of_all_and_not_to_assign() {
    check(
        "join a instance=one
         join b instance=two
         wait 6s
         sync a a=0 b=1
         sync b
         forget a
         join a instance=one new
         sync a
         forget b
         join b instance=two new
         join a instance=one new
         heartbeat b",
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
            join a instance=one new
                a: generation 1, range, leads a group of 2, and is not to assign
            sync a
                a: owns [0]
            forget b
            join b instance=two new
                b: generation 1, range, led by a
            join a instance=one new
            heartbeat b
                b: RebalanceInProgress
        "#]],
    );
}

#[test]
fn a_member_that_is_wrong_about_its_groups_protocol_hears_so() {
    check(
        "join a
         join a
         wait 6s
         sync a a=0 protocol=roundrobin
         sync a a=0 type=connect
         sync a a=0 type=consumer protocol=range",
        expect![[r#"
            join a
                a: MemberIdRequired
            join a
            wait 6s
                a: generation 1, range, leads a group of 1
            sync a a=0 protocol=roundrobin
                a: InconsistentGroupProtocol
            sync a a=0 type=connect
                a: InconsistentGroupProtocol
            sync a a=0 type=consumer protocol=range
                a: owns [0]
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

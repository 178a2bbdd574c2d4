//! Leases: late is allowed, early is not, whoever leads.

use std::collections::BTreeMap;
use std::time::Duration;

use autograder::{Test, seeds, tests};
use node::{Rng, Time};
use raft_kv::lease::{Lessor, LessorError};

pub(crate) const TESTS: &[Test] = tests![
    a_lease_is_over_after_its_ttl,
    a_renewed_lease_lasts_from_then_on,
    what_is_over_is_not_renewed,
    only_the_leader_renews,
    a_new_leader_gives_every_lease_its_full_ttl,
    who_leads_again_begins_anew,
    the_earliest_come_first,
    a_lost_revocation_is_proposed_again,
    no_lease_ends_early_whoever_leads,
];

fn at(seconds: u64) -> Time {
    Time::from_millis(1000 * seconds)
}

/// The clock of a member that leads since 100 s; its leases, with their TTLs in seconds.
fn leading(leases: &[(i64, i64)]) -> Lessor {
    let mut lessor = Lessor::default();
    lessor.promote(leases.iter().copied(), at(100));
    lessor
}

fn a_lease_is_over_after_its_ttl() {
    let mut lessor = leading(&[(1, 10)]);
    assert!(lessor.is_primary(), "it was told to lead");
    let almost = Time::from_millis(109_999);
    assert_eq!(
        lessor.expired(almost, 9),
        [0i64; 0],
        "a millisecond is left"
    );
    assert_eq!(lessor.expired(at(110), 9), [1], "ten seconds are over");
}

fn a_renewed_lease_lasts_from_then_on() {
    let mut lessor = leading(&[(1, 10)]);
    assert_eq!(lessor.renew(1, at(103)), Ok(10), "its TTL in seconds");
    assert_eq!(
        lessor.remaining(1, at(103)),
        Some(Duration::from_secs(10)),
        "not 17"
    );
    assert_eq!(
        lessor.expired(at(112), 9),
        [0i64; 0],
        "renewed at 103, it lasts until 113"
    );
    assert_eq!(
        lessor.expired(at(113), 9),
        [1],
        "ten seconds after it was renewed"
    );
}

fn what_is_over_is_not_renewed() {
    let mut lessor = leading(&[(1, 10)]);
    assert_eq!(
        lessor.renew(1, at(110)),
        Err(LessorError::NotFound),
        "it is over, and its revocation may be under way already"
    );
    assert_eq!(lessor.expired(at(110), 9), [1], "it is still to be revoked");
    assert_eq!(
        lessor.renew(2, at(100)),
        Err(LessorError::NotFound),
        "there is no such lease"
    );
}

fn only_the_leader_renews() {
    let mut lessor = Lessor::default();
    assert_eq!(
        lessor.renew(1, at(1)),
        Err(LessorError::NotPrimary),
        "it does not lead"
    );
    let mut lessor = leading(&[(1, 10)]);
    lessor.demote();
    assert_eq!(
        lessor.renew(1, at(101)),
        Err(LessorError::NotPrimary),
        "it leads no longer"
    );
    assert_eq!(
        lessor.expired(at(999), 9),
        [0i64; 0],
        "another one decides now"
    );
}

fn a_new_leader_gives_every_lease_its_full_ttl() {
    let mut lessor = leading(&[(1, 10), (2, 20), (3, 30)]);
    for (second, over) in [
        (109, vec![]),
        (110, vec![1]),
        (119, vec![]),
        (120, vec![2]),
        (130, vec![3]),
    ] {
        let expired = lessor.expired(at(second), 9);
        assert_eq!(expired, over, "leads since 100, and the time is {second}");
        expired.into_iter().for_each(|id| lessor.revoked(id));
    }
}

fn who_leads_again_begins_anew() {
    let mut lessor = leading(&[(1, 10), (2, 10)]);
    lessor.demote();
    // Meanwhile another one led: lease 2 was revoked, lease 3 granted; and nobody here knows when 1 was renewed.
    lessor.promote([(1, 10), (3, 10)].into_iter(), at(105));
    assert_eq!(
        lessor.expired(at(114), 9),
        [0i64; 0],
        "leads again since 105"
    );
    assert_eq!(
        lessor.expired(at(115), 9),
        [1, 3],
        "ten seconds after it began to lead again"
    );
    let mut lessor = leading(&[(1, 10), (2, 10)]);
    lessor.promote([(1, 10)].into_iter(), at(105));
    assert_eq!(
        lessor.expired(at(114), 9),
        [0i64; 0],
        "it was deposed and elected again, and heard only of the second"
    );
    assert_eq!(lessor.expired(at(115), 9), [1], "and lease 2 is no more");
}

fn the_earliest_come_first() {
    let mut lessor = leading(&[(1, 30), (2, 10), (3, 20)]);
    assert_eq!(
        lessor.next_expiry(),
        Some(at(110)),
        "lease 2 is the first that may be over"
    );
    assert_eq!(
        lessor.expired(at(200), 2),
        [2, 3],
        "not more than two at a time"
    );
    assert_eq!(lessor.expired(at(200), 2), [1], "then the rest");
}

fn a_lost_revocation_is_proposed_again() {
    let mut lessor = leading(&[(1, 10)]);
    assert_eq!(lessor.expired(at(110), 9), [1], "it is over");
    assert_eq!(
        lessor.expired(at(111), 9),
        [0i64; 0],
        "that is being proposed; not at once again"
    );
    assert_eq!(lessor.expired(at(120), 9), [1], "nothing came of it");
    lessor.revoked(1);
    assert_eq!(lessor.expired(at(140), 9), [0i64; 0], "it is revoked");
    assert_eq!(lessor.next_expiry(), None, "there is nothing to wait for");
}

fn no_lease_ends_early_whoever_leads() {
    for seed in seeds(100) {
        let mut rng = Rng::new(seed);
        // Three members with clocks of their own; what is replicated; until when, in true time, each holder may count on its lease.
        let clocks: Vec<u64> = (0..3).map(|_| rng.below(500)).collect();
        let mut lessors: Vec<Lessor> = (0..3).map(|_| Lessor::default()).collect();
        let (mut leader, mut now) = (0, 1000);
        let mut granted = BTreeMap::<i64, i64>::new();
        let mut promised = BTreeMap::<i64, u64>::new();
        lessors[0].promote([].into_iter(), at(now + clocks[0]));
        for id in 1..60 {
            now += rng.below(6);
            let local = at(now + clocks[leader]);
            match rng.below(5) {
                0 | 1 => {
                    let ttl = 1 + rng.below(15);
                    let seconds = i64::try_from(ttl).unwrap();
                    granted.insert(id, seconds);
                    lessors[leader].granted(id, seconds, local);
                    promised.insert(id, now + ttl);
                }
                2 => {
                    for (id, ttl) in &granted {
                        if rng.below(2) == 0 && lessors[leader].renew(*id, local).is_ok() {
                            promised.insert(*id, now + ttl.unsigned_abs());
                        }
                    }
                }
                3 => {
                    for id in lessors[leader].expired(local, 3) {
                        assert!(
                            promised[&id] <= now,
                            "seed {seed:#x}: member {leader} ends lease {id} {} s before its time",
                            promised[&id] - now
                        );
                        granted.remove(&id);
                        lessors[leader].revoked(id);
                    }
                }
                _ => {
                    leader = usize::try_from(rng.below(3)).unwrap();
                    let leases = granted.iter().map(|(id, ttl)| (*id, *ttl));
                    // The old leader may not know yet that it is deposed.
                    lessors[leader].promote(leases, at(now + clocks[leader]));
                }
            }
        }
        let local = at(now + 100 + clocks[leader]);
        let mut over = lessors[leader].expired(local, usize::MAX);
        over.sort_unstable();
        let left: Vec<i64> = granted.into_keys().collect();
        assert_eq!(
            over, left,
            "seed {seed:#x}: nobody has been heard of for 100 s"
        );
    }
}

//! The clock of leases: never too early, whoever leads; and not much too late.

use std::collections::BTreeMap;
use std::time::Duration;

use node::Time;
use proptest::prelude::*;
use raft_kv::lease::{Lessor, LessorError};

const SECOND: Duration = Duration::from_secs(1);

fn at(seconds: u64) -> Time {
    Time::from_millis(1000 * seconds)
}

#[test]
fn a_lease_lasts_from_its_last_renewal() {
    let mut lessor = Lessor::default();
    lessor.promote([(1, 10)].into_iter(), at(100));
    assert_eq!(lessor.next_expiry(), Some(at(110)));
    assert_eq!(lessor.renew(1, at(109)), Ok(10));
    assert_eq!(lessor.remaining(1, at(110)), Some(9 * SECOND));
    assert_eq!(lessor.expired(at(118), 9), [0i64; 0]);
    assert_eq!(lessor.expired(at(119), 9), [1]);
    assert_eq!(
        lessor.renew(1, at(119)),
        Err(LessorError::NotFound),
        "its revocation is under way"
    );
    assert_eq!(
        lessor.expired(at(121), 9),
        [0i64; 0],
        "no need to say it at once again"
    );
    assert_eq!(lessor.expired(at(122), 9), [1], "the proposal may be lost");
    lessor.revoked(1);
    assert_eq!(lessor.next_expiry(), None);
    assert_eq!(lessor.remaining(1, at(122)), None);
}

#[test]
fn only_the_leader_keeps_the_clock() {
    let mut lessor = Lessor::default();
    lessor.granted(1, 10, at(0));
    assert_eq!(lessor.renew(1, at(1)), Err(LessorError::NotPrimary));
    assert_eq!(lessor.expired(at(99), 9), [0i64; 0]);
    lessor.promote([(1, 10), (2, 20)].into_iter(), at(100));
    lessor.demote();
    assert_eq!(
        (lessor.expired(at(999), 9), lessor.next_expiry()),
        (vec![], None)
    );
}

#[test]
fn no_number_overflows() {
    let mut lessor = Lessor::default();
    lessor.promote([(1, i64::MAX), (2, -5)].into_iter(), at(0));
    assert_eq!(lessor.expired(at(0), 9), [2]);
    assert_eq!(lessor.renew(1, at(5)), Ok(i64::MAX));
}

#[derive(Clone, Debug)]
enum Step {
    Wait(u64),
    Grant(i64, u64),
    Renew(i64),
    Expire(usize),
    /// Another member takes over.
    Fail,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (1u64..8).prop_map(Step::Wait),
        3 => (1i64..6, 1u64..20).prop_map(|(id, ttl)| Step::Grant(id, ttl)),
        3 => (1i64..6).prop_map(Step::Renew),
        4 => (1usize..3).prop_map(Step::Expire),
        1 => Just(Step::Fail),
    ]
}

proptest! {
    /// From the holder's side: from each answer that it got, its lease lasts at least its TTL.
    #[test]
    fn no_lease_ends_before_its_time(steps in prop::collection::vec(step(), 0..200)) {
        let (mut lessor, mut now) = (Lessor::default(), at(1000));
        // What is replicated: TTLs; and until when each holder may rely on its lease.
        let (mut granted, mut promised) = (BTreeMap::<i64, i64>::new(), BTreeMap::new());
        lessor.promote([].into_iter(), now);
        for step in steps {
            match step {
                Step::Wait(seconds) => now = now + u32::try_from(seconds).unwrap() * SECOND,
                Step::Grant(id, ttl) => {
                    granted.entry(id).or_insert_with(|| {
                        lessor.granted(id, ttl as i64, now);
                        promised.insert(id, now + Duration::from_secs(ttl));
                        ttl as i64
                    });
                }
                Step::Renew(id) => {
                    if let Ok(ttl) = lessor.renew(id, now) {
                        prop_assert_eq!(Some(&ttl), granted.get(&id));
                        promised.insert(id, now + Duration::from_secs(ttl as u64));
                    }
                }
                Step::Expire(count) => {
                    let expired = lessor.expired(now, count);
                    prop_assert!(expired.len() <= count);
                    for id in expired {
                        prop_assert!(promised[&id] <= now, "lease {} ends {:?} early", id, promised[&id].since(now));
                        granted.remove(&id);
                        lessor.revoked(id);
                    }
                }
                Step::Fail => {
                    lessor = Lessor::default();
                    lessor.promote(granted.iter().map(|(id, ttl)| (*id, *ttl)), now);
                }
            }
        }
        // Whoever is not heard of goes in the end.
        now = now + 60 * SECOND;
        let mut left: Vec<i64> = granted.into_keys().collect();
        let mut over = lessor.expired(now, usize::MAX);
        over.sort_unstable();
        left.sort_unstable();
        prop_assert_eq!(over, left);
    }
}

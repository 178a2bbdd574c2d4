//! Each command of the log once, and the same everywhere.

use autograder::{Test, seeds, tests};
use node::Rng;
use raft_kv::store::{AlarmType, Command, Reply, Store, StoreError};

pub(crate) const TESTS: &[Test] = tests![
    a_command_is_applied,
    a_command_that_comes_again_does_nothing,
    there_may_be_gaps,
    a_command_that_fails_is_applied_too,
    a_command_that_is_refused_is_applied_too,
    an_alarm_refuses_what_needs_room,
    a_log_that_is_read_again_changes_nothing,
];

fn grant(id: i64) -> Command {
    Command::LeaseGrant { id, ttl: 60 }
}

fn alarm(on: bool) -> Command {
    Command::Alarm {
        member: 1,
        alarm: AlarmType::NoSpace,
        on,
    }
}

fn a_command_is_applied() {
    let mut store = Store::default();
    assert_eq!(
        store.apply(1, grant(7)),
        Ok(Reply::Done { revision: 1 }),
        "a lease is granted"
    );
    assert!(store.lease(7).is_some(), "the lease is there");
    assert_eq!(store.applied(), 1, "the index of the last command");
}

fn a_command_that_comes_again_does_nothing() {
    let mut store = Store::default();
    store.apply(5, grant(7)).unwrap();
    store.apply(6, Command::LeaseRevoke(7)).unwrap();
    for index in [6, 5, 1] {
        assert_eq!(
            store.apply(index, grant(7)),
            Err(StoreError::AppliedBefore),
            "6 is the last command that was applied, and here comes {index}"
        );
    }
    assert!(
        store.lease(7).is_none(),
        "the lease was revoked, and stays so"
    );
    assert_eq!(store.applied(), 6, "it never goes back");
}

fn there_may_be_gaps() {
    let mut store = Store::default();
    for index in [3, 4, 9, 1000] {
        let id = i64::try_from(index).unwrap();
        assert!(
            store.apply(index, grant(id)).is_ok(),
            "index {index}: the log holds other things too, such as changes of membership"
        );
    }
}

fn a_command_that_fails_is_applied_too() {
    let mut store = Store::default();
    assert_eq!(
        store.apply(8, Command::LeaseRevoke(7)),
        Err(StoreError::LeaseNotFound),
        "there is no such lease yet"
    );
    assert_eq!(store.applied(), 8, "its turn is over, whatever came of it");
    assert_eq!(
        store.apply(8, grant(7)),
        Err(StoreError::AppliedBefore),
        "the index has been used"
    );
}

fn a_command_that_is_refused_is_applied_too() {
    let mut store = Store::default();
    store.apply(1, alarm(true)).unwrap();
    assert_eq!(
        store.apply(2, grant(7)),
        Err(StoreError::NoSpace),
        "the alarm is on"
    );
    assert_eq!(store.applied(), 2, "its turn is over, whatever came of it");
    store.apply(3, alarm(false)).unwrap();
    assert_eq!(
        store.apply(2, grant(7)),
        Err(StoreError::AppliedBefore),
        "read again after a restart, it comes to what it came to before: nothing"
    );
}

fn an_alarm_refuses_what_needs_room() {
    let mut store = Store::default();
    store.apply(1, grant(7)).unwrap();
    store.apply(2, alarm(true)).unwrap();
    assert_eq!(
        store.apply(3, grant(8)),
        Err(StoreError::NoSpace),
        "a lease needs room"
    );
    assert!(
        store.apply(4, Command::LeaseRevoke(7)).is_ok(),
        "what gives room back is done"
    );
    store.apply(5, alarm(false)).unwrap();
    assert!(store.apply(6, grant(8)).is_ok(), "the alarm is off");
}

fn command(rng: &mut Rng) -> Command {
    let id = 1 + i64::try_from(rng.below(4)).unwrap();
    match rng.below(5) {
        0 | 1 => grant(id),
        2 | 3 => Command::LeaseRevoke(id),
        _ => alarm(rng.below(2) == 0),
    }
}

fn a_log_that_is_read_again_changes_nothing() {
    for seed in seeds(100) {
        let mut rng = Rng::new(seed);
        let log: Vec<Command> = (0..40).map(|_| command(&mut rng)).collect();
        let (mut steady, mut restarting) = (Store::default(), Store::default());
        for (index, command) in (1u64..).zip(&log) {
            let expected = steady.apply(index, command.clone());
            if rng.below(6) == 0 {
                // It does not know exactly how far it was, and reads the log again from somewhere before.
                for again in (index - rng.below(index))..index {
                    let at = usize::try_from(again).unwrap() - 1;
                    let _ = restarting.apply(again, log[at].clone());
                }
            }
            assert_eq!(
                restarting.apply(index, command.clone()),
                expected,
                "seed {seed:#x}, command {index}, {command:?}, on a member that has read some of the log twice"
            );
        }
        assert_eq!(
            restarting.leases().collect::<Vec<_>>(),
            steady.leases().collect::<Vec<_>>(),
            "seed {seed:#x}: two members with the same log"
        );
    }
}

//! Who writes which file, until when, and what may be done about it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use autograder::{Test, tests};
use mini_hdfs::block::InodeId;
use mini_hdfs::namenode::leases::{Claim, LeaseManager};
use node::Time;
use proptest::prelude::*;

pub(crate) const TESTS: &[Test] = tests![
    leases_are_held_by_whoever_was_given_the_file,
    leases_may_be_taken_from_those_who_are_silent_for_longer_than_the_soft_limit,
    leases_are_renewed_for_all_files_of_a_client_at_once,
    leases_are_not_made_by_renewing,
    leases_end_with_their_last_file,
    leases_pass_to_another_holder_one_file_at_a_time,
    leases_over_the_hard_limit_are_told_the_longest_silent_first,
    leases_agree_with_a_simple_model,
];

const SOFT: Duration = Duration::from_secs(60);
const HARD: Duration = Duration::from_secs(1200);

fn at(seconds: u64) -> Time {
    Time::from_millis(seconds * 1000)
}

fn file(id: u64) -> InodeId {
    InodeId(16_386 + id)
}

fn manager() -> LeaseManager {
    LeaseManager::new(SOFT, HARD)
}

fn held(holder: &str) -> Claim {
    Claim::Held {
        holder: holder.into(),
    }
}

fn expired(holder: &str) -> Claim {
    Claim::Expired {
        holder: holder.into(),
    }
}

fn leases_are_held_by_whoever_was_given_the_file() {
    let mut leases = manager();
    assert_eq!(
        leases.claim(file(1), "ada", at(0)),
        Claim::Free,
        "nobody is writing it"
    );
    leases.add("ada", file(1), at(0));
    assert_eq!(leases.holder(file(1)), Some("ada"), "who writes file 1");
    assert_eq!(
        leases.claim(file(1), "ada", at(5)),
        Claim::Own,
        "it is her own"
    );
    assert_eq!(
        leases.claim(file(1), "bob", at(5)),
        held("ada"),
        "somebody else wants it"
    );
    assert_eq!(
        leases.claim(file(2), "bob", at(5)),
        Claim::Free,
        "another file, which nobody writes"
    );
    let lease = leases.lease("ada").expect("ada holds a lease");
    assert_eq!(
        lease.files,
        BTreeSet::from([file(1)]),
        "the files that it covers"
    );
}

fn leases_may_be_taken_from_those_who_are_silent_for_longer_than_the_soft_limit() {
    let mut leases = manager();
    leases.add("ada", file(1), at(100));
    assert_eq!(
        leases.claim(file(1), "bob", at(160)),
        held("ada"),
        "exactly one soft limit ago: it still counts"
    );
    assert_eq!(
        leases.claim(file(1), "bob", at(161)),
        expired("ada"),
        "longer than the soft limit ago"
    );
    assert_eq!(
        leases.claim(file(1), "ada", at(5000)),
        Claim::Own,
        "it is hers as long as nobody has taken it"
    );
    assert_eq!(
        leases.holder(file(1)),
        Some("ada"),
        "to ask takes nothing away"
    );
}

fn leases_are_renewed_for_all_files_of_a_client_at_once() {
    let mut leases = manager();
    leases.add("ada", file(1), at(0));
    leases.add("ada", file(2), at(0));
    leases.add("bob", file(3), at(0));
    leases.renew("ada", at(50));
    for id in [1, 2] {
        assert_eq!(
            leases.claim(file(id), "eve", at(110)),
            held("ada"),
            "file {id}: one call renews all that ada writes"
        );
    }
    assert_eq!(
        leases.claim(file(3), "eve", at(110)),
        expired("bob"),
        "bob did not call"
    );
    leases.add("ada", file(4), at(100));
    assert_eq!(
        leases.claim(file(1), "eve", at(160)),
        held("ada"),
        "whoever opens another file lives: that renews the lease too"
    );
}

fn leases_are_not_made_by_renewing() {
    let mut leases = manager();
    leases.renew("ada", at(0));
    assert!(
        leases.is_empty() && leases.lease("ada").is_none(),
        "a client that writes nothing has no lease, however often it calls"
    );
    leases.add("ada", file(1), at(10));
    leases.remove(file(1));
    leases.renew("ada", at(20));
    assert!(leases.is_empty(), "ada writes nothing any more");
}

fn leases_end_with_their_last_file() {
    let mut leases = manager();
    leases.add("ada", file(1), at(0));
    leases.add("ada", file(2), at(0));
    leases.remove(file(1));
    assert_eq!(leases.holder(file(1)), None, "file 1 is closed");
    assert_eq!(leases.len(), 1, "ada still writes file 2");
    leases.remove(file(1));
    assert_eq!(
        leases.holder(file(2)),
        Some("ada"),
        "closing file 1 once more changes nothing"
    );
    leases.remove(file(2));
    assert_eq!(leases.len(), 0, "a lease without a file is dropped");
    assert_eq!(
        leases.over_hard_limit(at(100_000)),
        [],
        "nothing is left to be closed"
    );
}

fn leases_pass_to_another_holder_one_file_at_a_time() {
    let mut leases = manager();
    leases.add("ada", file(1), at(0));
    leases.add("ada", file(2), at(0));
    leases.add("HDFS_NameNode", file(1), at(90));
    assert_eq!(
        leases.claim(file(1), "ada", at(90)),
        held("HDFS_NameNode"),
        "file 1 was taken from her"
    );
    assert_eq!(
        leases.claim(file(2), "ada", at(90)),
        Claim::Own,
        "file 2 was not"
    );
    assert_eq!(
        leases.claim(file(2), "bob", at(90)),
        expired("ada"),
        "that a file was taken from her is no renewal of ada's lease"
    );
    let files = leases.lease("ada").map(|lease| lease.files.len());
    assert_eq!(files, Some(1), "ada's lease covers file 2 alone");
    leases.add("HDFS_NameNode", file(2), at(95));
    assert_eq!(leases.len(), 1, "ada has nothing left");
}

fn leases_over_the_hard_limit_are_told_the_longest_silent_first() {
    let mut leases = manager();
    leases.add("ada", file(3), at(0));
    leases.add("eve", file(4), at(0));
    leases.add("bob", file(2), at(10));
    leases.add("bob", file(1), at(10));
    leases.renew("ada", at(20));
    assert_eq!(
        leases.over_hard_limit(at(1200)),
        [],
        "eve is exactly at the hard limit: her lease still counts"
    );
    assert_eq!(
        leases.over_hard_limit(at(1221)),
        [4, 1, 2, 3].map(file),
        "eve has been silent the longest, then bob, whose files come by their ids, then ada"
    );
    assert_eq!(
        leases.over_hard_limit(at(1215)),
        [4, 1, 2].map(file),
        "ada is not over the limit"
    );
    assert_eq!(
        leases.holder(file(4)),
        Some("eve"),
        "they are told of, not taken away"
    );
}

/// One call: what, by whom, on which file, how many seconds after the one before.
type Step = (u8, usize, u64, u64);

fn any_steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0..4u8, 0..3usize, 0..5u64, 0..80u64);
    prop::collection::vec(step, 1..40)
}

proptest! {
    #![proptest_config(autograder::property(128))]

    fn leases_agree_with_a_simple_model(steps in any_steps()) {
        let clients = ["ada", "bob", "eve"];
        let mut leases = manager();
        // Who writes each file, and when each client was last heard while he wrote something.
        let mut writers: BTreeMap<InodeId, &str> = BTreeMap::new();
        let mut heard: BTreeMap<&str, u64> = BTreeMap::new();
        let mut now = 0;
        for (kind, client, id, pause) in steps {
            now += pause;
            let (client, id) = (clients[client], file(id));
            match kind {
                0 | 1 => {
                    leases.add(client, id, at(now));
                    writers.insert(id, client);
                    heard.insert(client, now);
                }
                2 => {
                    leases.remove(id);
                    writers.remove(&id);
                }
                _ => {
                    leases.renew(client, at(now));
                    if writers.values().any(|writer| *writer == client) {
                        heard.insert(client, now);
                    }
                }
            }
            let busy: BTreeSet<&str> = writers.values().copied().collect();
            prop_assert_eq!(leases.len(), busy.len(), "leases of those who write something: {:?}", busy);
            for id in (0..5).map(file) {
                let expected = match writers.get(&id) {
                    None => Claim::Free,
                    Some(&"ada") => Claim::Own,
                    Some(writer) if now - heard[writer] > 60 => expired(writer),
                    Some(writer) => held(writer),
                };
                prop_assert_eq!(leases.claim(id, "ada", at(now)), expected, "what ada may do with {} at {} s", id, now);
            }
            let later = now + 1170;
            let over: BTreeSet<InodeId> = leases.over_hard_limit(at(later)).into_iter().collect();
            let expected = writers.iter().filter(|(_, writer)| later - heard[*writer] > 1200);
            let expected: BTreeSet<InodeId> = expected.map(|(id, _)| *id).collect();
            prop_assert_eq!(over, expected, "over the hard limit at {} s", later);
        }
    }
}

//! What every assignor promises, on random groups, and what each promises besides.

use proptest::prelude::*;

use super::*;

type Assignor = fn(&[Subscriber], &Topics) -> Assignment;

const ALL: [Assignor; 4] = [range, round_robin, sticky, cooperative_sticky];

fn member(id: &str, topics: &[&str]) -> Subscriber {
    Subscriber {
        member_id: id.to_owned(),
        topics: topics.iter().map(|t| (*t).to_owned()).collect(),
        ..Subscriber::default()
    }
}

fn topics(counts: &[(&str, i32)]) -> Topics {
    counts.iter().map(|(t, n)| ((*t).to_owned(), *n)).collect()
}

/// `a: t-0 t-1 | b: u-0`
fn show(assignment: &Assignment) -> String {
    let members = assignment.iter().map(|(member, share)| {
        let share = share.iter().map(|(topic, n)| format!(" {topic}-{n}"));
        format!("{member}:{}", share.collect::<String>())
    });
    members.collect::<Vec<_>>().join(" | ")
}

#[test]
fn range_cuts_each_topic_by_itself() {
    let members = [member("a", &["t", "u"]), member("b", &["t", "u"])];
    let assignment = range(&members, &topics(&[("t", 3), ("u", 3)]));
    assert_eq!(show(&assignment), "a: t-0 t-1 u-0 u-1 | b: t-2 u-2");
}

#[test]
fn round_robin_goes_on_with_the_next_topic() {
    let members = [member("a", &["t", "u"]), member("b", &["t", "u"])];
    let assignment = round_robin(&members, &topics(&[("t", 3), ("u", 3)]));
    assert_eq!(show(&assignment), "a: t-0 t-2 u-1 | b: t-1 u-0 u-2");
    let members = [member("a", &["t"]), member("b", &["t", "u"])];
    let assignment = round_robin(&members, &topics(&[("t", 2), ("u", 2)]));
    assert_eq!(show(&assignment), "a: t-0 | b: t-1 u-0 u-1");
}

#[test]
fn a_static_member_has_its_place_by_its_name() {
    let named = |id: &str, instance: &str| Subscriber {
        instance_id: Some(instance.to_owned()),
        ..member(id, &["t"])
    };
    let members = [member("a", &["t"]), named("z", "1"), named("y", "2")];
    let assignment = range(&members, &topics(&[("t", 4)]));
    assert_eq!(show(&assignment), "a: t-3 | y: t-2 | z: t-0 t-1");
}

#[test]
fn cooperative_takes_before_it_gives() {
    let all = topics(&[("t", 4)]);
    let mut a = member("a", &["t"]);
    a.owned = partitions(&all).collect();
    let b = member("b", &["t"]);
    let first = cooperative_sticky(&[a.clone(), b.clone()], &all);
    assert_eq!(show(&first), "a: t-0 t-1 | b:");
    a.owned.clone_from(&first["a"]);
    let second = cooperative_sticky(&[a, b], &all);
    assert_eq!(show(&second), "a: t-0 t-1 | b: t-2 t-3");
}

#[test]
fn the_later_of_two_owners_is_right() {
    let owned = vec![("t".to_owned(), 0)];
    let of = |id: &str, generation| Subscriber {
        owned: owned.clone(),
        generation,
        ..member(id, &["t"])
    };
    let all = topics(&[("t", 1)]);
    assert_eq!(
        show(&sticky(&[of("a", 1), of("b", 2)], &all)),
        "a: | b: t-0"
    );
    assert_eq!(
        show(&sticky(&[of("a", 2), of("b", 1)], &all)),
        "a: t-0 | b:"
    );
}

fn groups() -> impl Strategy<Value = (Vec<Subscriber>, Topics)> {
    let topics = prop::collection::btree_map("[tuv]", 0..7i32, 1..4);
    let member = (prop::collection::btree_set("[tuv]", 1..4), 0..3i32);
    (prop::collection::vec(member, 1..6), topics).prop_map(|(members, topics)| {
        let members = (0..)
            .zip(members)
            .map(|(n, (topics, generation))| Subscriber {
                member_id: format!("m{n}"),
                topics,
                generation,
                ..Subscriber::default()
            });
        (members.collect(), topics)
    })
}

proptest! {
    #[test]
    fn every_partition_has_one_owner_who_wants_it((members, topics) in groups()) {
        for assign in ALL {
            let assignment = assign(&members, &topics);
            prop_assert_eq!(assignment.len(), members.len());
            let mut seen = BTreeSet::new();
            for member in &members {
                for partition in &assignment[&member.member_id] {
                    prop_assert!(member.topics.contains(&partition.0));
                    prop_assert!(seen.insert(partition.clone()), "{:?} twice", partition);
                }
            }
            let wanted = |(topic, _): &TopicPartition| members.iter().any(|m| m.topics.contains(topic));
            let all: BTreeSet<_> = partitions(&topics).filter(wanted).collect();
            prop_assert_eq!(seen, all);
        }
    }

    #[test]
    fn sticky_is_even_and_moves_nothing_without_need((members, topics) in groups()) {
        let first = sticky(&members, &topics);
        for from in &members {
            for to in &members {
                let (more, less) = (&first[&from.member_id], &first[&to.member_id]);
                let could_move = more.iter().any(|(topic, _)| to.topics.contains(topic));
                prop_assert!(!could_move || more.len() < less.len() + 2);
            }
        }
        let owning: Vec<_> = members.iter().map(|member| Subscriber {
            owned: first[&member.member_id].clone(),
            ..member.clone()
        }).collect();
        prop_assert_eq!(&sticky(&owning, &topics), &first);
        prop_assert_eq!(&cooperative_sticky(&owning, &topics), &first);
    }

    #[test]
    fn cooperative_comes_to_rest_in_two_rounds((members, topics) in groups(), gone in any::<prop::sample::Index>()) {
        let first = sticky(&members, &topics);
        let mut owning: Vec<_> = members.iter().map(|member| Subscriber {
            owned: first[&member.member_id].clone(),
            ..member.clone()
        }).collect();
        // One member starts anew: it owns nothing, and another has taken what it had.
        let gone = gone.index(owning.len());
        let lost = std::mem::take(&mut owning[gone].owned);
        let heir = (gone + 1) % owning.len();
        let topics_of_heir = owning[heir].topics.clone();
        owning[heir].owned.extend(lost.into_iter().filter(|(t, _)| topics_of_heir.contains(t)));
        for round in 0..2 {
            let next = cooperative_sticky(&owning, &topics);
            for member in &mut owning {
                let share = &next[&member.member_id];
                let given = share.iter().filter(|p| !member.owned.contains(p));
                let taken = member.owned.iter().any(|p| !share.contains(p));
                prop_assert!(round == 0 || !taken);
                let _ = given;
                member.owned.clone_from(share);
            }
        }
        let rest = cooperative_sticky(&owning, &topics);
        for member in &owning {
            prop_assert_eq!(&rest[&member.member_id], &member.owned);
        }
    }
}

//! Compaction: what stays, and when it is due.

use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use mini_kafka::log::cleaner::{Cleaned, clean_batch};
use mini_kafka::log::offset_map::OffsetMap;
use mini_kafka::partition::Partition;
use mini_kafka::record::batch::RecordBatch;
use mini_kafka::record::builder::BatchBuilder;
use mini_kafka::record::compression::Compression;
use node::MemDisk;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::written::{Seen, at_ms, batch, config, one, read_all, sync};

const SMALL: [(&str, &str); 3] = [
    ("segment.bytes", "150"),
    ("cleanup.policy", "compact"),
    ("min.cleanable.dirty.ratio", "0.01"),
];

fn open(disk: &mut MemDisk, settings: &[(&str, &str)]) -> Partition {
    Partition::open(disk, "t-0", config(settings), at_ms(0))
        .unwrap()
        .0
}

fn clean(partition: &mut Partition, disk: &mut MemDisk, now_ms: u64) -> bool {
    let Some(plan) = partition.plan_cleaning(at_ms(now_ms)) else {
        return false;
    };
    let result = plan.run(disk, at_ms(now_ms)).unwrap();
    partition.finish_cleaning(disk, result).unwrap();
    true
}

/// Offsets, keys and values, a record a word.
fn told(seen: &[Seen]) -> String {
    let words = seen.iter().map(|record| {
        let value = record.value.as_deref().unwrap_or("-");
        format!(
            "{}:{}={value}",
            record.offset,
            record.key.as_deref().unwrap_or("-")
        )
    });
    words.collect::<Vec<_>>().join(" ")
}

fn check(partition: &Partition, disk: &MemDisk, expected: &Expect) {
    expected.assert_eq(&told(&read_all(partition, disk)));
}

#[test]
fn a_damaged_batch_is_not_made_anew() {
    let mut disk = MemDisk::default();
    let mut partition = open(&mut disk, &SMALL);
    for (n, key) in "abacabca".chars().enumerate() {
        let mut bytes = one(0, &key.to_string(), &n.to_string());
        partition.append(&mut disk, &mut bytes, at_ms(0)).unwrap();
    }
    sync(&mut partition, &mut disk);
    let file = "t-0/00000000000000000000.log";
    // The key of the second record.
    let key = 70 + 61 + 5;
    assert_eq!(disk.files[file][key], b'b');
    disk.files.get_mut(file).unwrap()[key] = b'a';
    let plan = partition.plan_cleaning(at_ms(9)).unwrap();
    let refused = plan.run(&mut disk, at_ms(9)).unwrap_err().to_string();
    let expected = format!("{file} is damaged at byte 70: ");
    assert!(refused.starts_with(&expected), "{refused}");
}

#[test]
fn the_last_of_each_key_stays_at_its_offset() {
    let mut disk = MemDisk::default();
    let mut partition = open(&mut disk, &SMALL);
    for (n, key) in "abacabcabaab".chars().enumerate() {
        let mut batch = one(1, &key.to_string(), &n.to_string());
        partition.append(&mut disk, &mut batch, at_ms(1)).unwrap();
    }
    assert!(
        !clean(&mut partition, &mut disk, 1),
        "nothing is durable yet"
    );
    sync(&mut partition, &mut disk);
    assert!(clean(&mut partition, &mut disk, 1));
    check(
        &partition,
        &disk,
        &expect!["6:c=6 8:b=8 9:a=9 10:a=10 11:b=11"],
    );
    assert!(!clean(&mut partition, &mut disk, 1), "nothing new is dirty");
    assert_eq!(partition.log_start_offset(), 0);
    let names: Vec<&str> = disk.files.keys().map(String::as_str).collect();
    assert!(
        names
            .iter()
            .all(|name| !name.contains("cleaned") && !name.contains("swap")),
        "{names:?}"
    );
    let (again, report) = Partition::open(&mut disk, "t-0", config(&SMALL), at_ms(2)).unwrap();
    check(&again, &disk, &expect!["6:c=6 8:b=8 9:a=9 10:a=10 11:b=11"]);
    assert_eq!(report.cut, None);
}

#[test]
fn a_tombstone_stays_for_its_time_and_then_goes() {
    let mut disk = MemDisk::default();
    let settings = [&SMALL[..], &[("delete.retention.ms", "100")]].concat();
    let mut partition = open(&mut disk, &settings);
    let filler = |partition: &mut Partition, disk: &mut MemDisk| {
        for _ in 0..3 {
            partition
                .append(disk, &mut one(1, "z", "z"), at_ms(1))
                .unwrap();
        }
        sync(partition, disk);
    };
    partition
        .append(&mut disk, &mut one(1, "a", "1"), at_ms(1))
        .unwrap();
    partition
        .append(&mut disk, &mut batch(1, &[(Some("a"), None)]), at_ms(1))
        .unwrap();
    filler(&mut partition, &mut disk);
    assert!(clean(&mut partition, &mut disk, 1000));
    check(&partition, &disk, &expect!["1:a=- 3:z=z 4:z=z"]);
    filler(&mut partition, &mut disk);
    assert!(clean(&mut partition, &mut disk, 1099));
    check(&partition, &disk, &expect!["1:a=- 5:z=z 6:z=z 7:z=z"]);
    assert_eq!(
        read_all(&partition, &disk)[0].timestamp,
        1,
        "the horizon is no timestamp"
    );
    filler(&mut partition, &mut disk);
    assert!(clean(&mut partition, &mut disk, 1100));
    check(&partition, &disk, &expect!["9:z=z 10:z=z"]);
}

#[test]
fn compaction_waits_for_the_ratio_the_lag_and_the_active_segment() {
    let mut disk = MemDisk::default();
    let settings = [
        ("segment.bytes", "150"),
        ("cleanup.policy", "compact"),
        ("min.cleanable.dirty.ratio", "0.5"),
        ("min.compaction.lag.ms", "100"),
        ("max.compaction.lag.ms", "10000"),
    ];
    let mut partition = open(&mut disk, &settings);
    let append = |partition: &mut Partition, disk: &mut MemDisk, key: &str, ms: i64| {
        let now = at_ms(ms.cast_unsigned());
        partition.append(disk, &mut one(ms, key, "v"), now).unwrap();
        sync(partition, disk);
    };
    for n in 0..9 {
        append(&mut partition, &mut disk, &format!("k{n}"), 1);
    }
    assert!(partition.plan_cleaning(at_ms(101)).is_none(), "too young");
    assert!(clean(&mut partition, &mut disk, 102));
    append(&mut partition, &mut disk, "k1", 200);
    append(&mut partition, &mut disk, "k1", 200);
    append(&mut partition, &mut disk, "k1", 200);
    assert!(
        partition.plan_cleaning(at_ms(1000)).is_none(),
        "too little is dirty"
    );
    assert!(partition.plan_cleaning(at_ms(20_000)).is_some(), "overdue");
}

#[test]
fn the_last_sequence_of_a_producer_survives_its_records() {
    let mut disk = MemDisk::default();
    let mut partition = open(&mut disk, &SMALL);
    let mut builder = BatchBuilder::new(Compression::None).producer(5, 0, 0);
    builder.push(1, Some(b"a"), Some(b"1"), &[]);
    partition
        .append(&mut disk, &mut builder.clone().build().unwrap(), at_ms(1))
        .unwrap();
    for _ in 0..5 {
        partition
            .append(&mut disk, &mut one(1, "a", "2"), at_ms(1))
            .unwrap();
    }
    sync(&mut partition, &mut disk);
    assert!(clean(&mut partition, &mut disk, 1));
    check(&partition, &disk, &expect!["3:a=2 4:a=2 5:a=2"]);
    // Without snapshots, the log alone tells of the producer.
    disk.files.retain(|name, _| !name.ends_with(".snapshot"));
    let (mut again, _) = Partition::open(&mut disk, "t-0", config(&SMALL), at_ms(2)).unwrap();
    let info = again
        .append(&mut disk, &mut builder.build().unwrap(), at_ms(2))
        .unwrap();
    assert!(info.duplicate);
    assert_eq!(info.base_offset, 0);
}

#[test]
fn a_segment_deleted_meanwhile_is_not_brought_back() {
    let mut disk = MemDisk::default();
    let settings = [
        &SMALL[..2],
        &[("cleanup.policy", "compact,delete")],
        &SMALL[2..],
    ]
    .concat();
    let mut partition = open(&mut disk, &settings);
    for n in 0..12 {
        partition
            .append(&mut disk, &mut one(1, "a", &n.to_string()), at_ms(1))
            .unwrap();
    }
    sync(&mut partition, &mut disk);
    let plan = partition.plan_cleaning(at_ms(1)).unwrap();
    let result = plan.run(&mut disk, at_ms(1)).unwrap();
    partition.delete_records(&mut disk, 3, at_ms(1)).unwrap();
    partition.finish_cleaning(&mut disk, result).unwrap();
    assert_eq!(partition.log_start_offset(), 3);
    assert!(
        disk.files.keys().all(|name| !name.contains("cleaned")),
        "{:?}",
        disk.files.keys()
    );
    assert_eq!(
        read_all(&partition, &disk)
            .first()
            .map(|record| record.offset),
        Some(9)
    );
}

#[test]
fn a_deleted_key_stays_deleted_where_the_pass_was_overtaken() {
    let mut disk = MemDisk::default();
    let mut settings = [&SMALL[..], &[("delete.retention.ms", "100")]].concat();
    let mut partition = open(&mut disk, &settings);
    // Two a segment, of which two are one group.
    let records = [
        ("x", Some("0")),
        ("x", Some("1")),
        ("k", Some("2")),
        ("x", Some("3")),
        ("k", None),
        ("x", Some("5")),
        ("x", Some("6")),
        ("x", Some("7")),
        ("x", Some("8")),
    ];
    for (key, value) in records {
        let mut bytes = batch(1, &[(Some(key), value)]);
        partition.append(&mut disk, &mut bytes, at_ms(1)).unwrap();
    }
    sync(&mut partition, &mut disk);
    settings[0] = ("segment.bytes", "290");
    partition.set_config(config(&settings));
    let plan = partition.plan_cleaning(at_ms(1)).unwrap();
    let result = plan.run(&mut disk, at_ms(1)).unwrap();
    // The first half of the first group goes meanwhile. In the second half k still has a value.
    partition.delete_records(&mut disk, 2, at_ms(1)).unwrap();
    partition.finish_cleaning(&mut disk, result).unwrap();
    assert!(disk.files.keys().all(|name| !name.contains("cleaned")));
    check(
        &partition,
        &disk,
        &expect!["2:k=2 3:x=3 4:k=- 5:x=5 6:x=6 7:x=7 8:x=8"],
    );
    assert!(clean(&mut partition, &mut disk, 1000));
    check(&partition, &disk, &expect!["4:k=- 7:x=7 8:x=8"]);
    for at in [1099, 1100] {
        for _ in 0..4 {
            partition
                .append(&mut disk, &mut one(1, "z", "z"), at_ms(1))
                .unwrap();
        }
        sync(&mut partition, &mut disk);
        assert!(clean(&mut partition, &mut disk, at));
    }
    assert!(
        read_all(&partition, &disk)
            .iter()
            .all(|record| record.key.as_deref() != Some("k"))
    );
}

#[test]
fn what_does_not_fit_into_the_map_is_not_touched() {
    let mut disk = MemDisk::default();
    let settings = [
        ("segment.bytes", "290"),
        ("cleanup.policy", "compact"),
        ("min.cleanable.dirty.ratio", "0.01"),
        ("delete.retention.ms", "100"),
    ];
    let mut partition = open(&mut disk, &settings);
    for (key, value) in [
        ("k", Some("0")),
        ("x", Some("1")),
        ("k", None),
        ("y", Some("3")),
        ("x", Some("4")),
    ] {
        let mut bytes = batch(1, &[(Some(key), value)]);
        partition.append(&mut disk, &mut bytes, at_ms(1)).unwrap();
    }
    sync(&mut partition, &mut disk);
    // One batch a pass. Were the tombstone met before its turn, its time would be over before k's value has gone.
    let mut told_of = Vec::new();
    for at in [1, 1000, 2000, 2099, 2100] {
        if let Some(plan) = partition.plan_cleaning(at_ms(at)) {
            let result = plan
                .with_map_bytes_max(0)
                .run(&mut disk, at_ms(at))
                .unwrap();
            partition.finish_cleaning(&mut disk, result).unwrap();
        }
        told_of.push(told(&read_all(&partition, &disk)));
    }
    expect![[r#"
        0:k=0 1:x=1 2:k=- 3:y=3 4:x=4
        0:k=0 1:x=1 2:k=- 3:y=3 4:x=4
        1:x=1 2:k=- 3:y=3 4:x=4
        1:x=1 2:k=- 3:y=3 4:x=4
        1:x=1 2:k=- 3:y=3 4:x=4"#]]
    .assert_eq(&told_of.join("\n"));
}

proptest! {
    #[test]
    fn of_a_batch_stays_what_is_not_obsolete(
        records in vec((0u8..4, option_of_value()), 1..8),
        later in vec(0u8..4, 0..3),
        retention in 0i64..3,
    ) {
        let mut builder = BatchBuilder::new(Compression::None);
        let mut map = OffsetMap::default();
        let mut last = BTreeMap::new();
        for (at, (key, value)) in (0i64..).zip(&records) {
            builder.push(at, Some(&[*key]), value.as_deref().map(str::as_bytes), &[]);
            map.note(&[*key], at);
            last.insert(*key, at);
        }
        for key in later {
            map.note(&[key], 100);
            last.insert(key, 100);
        }
        let bytes = builder.build().unwrap();
        let batch = RecordBatch::parse(&bytes).unwrap();
        let expected: Vec<i64> = (0..).zip(&records).filter(|(at, (key, _))| last[key] == *at).map(|(at, _)| at).collect();
        let cleaned = clean_batch(&batch, &map, true, 10, retention).unwrap();
        let bytes = match cleaned {
            Cleaned::Kept => bytes.clone(),
            Cleaned::Rewritten(bytes) => bytes,
            Cleaned::Dropped => unreachable!("it keeps empty batches"),
        };
        let new = RecordBatch::parse(&bytes).unwrap();
        new.check_crc().unwrap();
        prop_assert_eq!(new.header.last_offset(), batch.header.last_offset());
        let payload = new.payload().unwrap();
        let kept: Vec<(i64, i64)> = payload.records().map(|record| {
            let record = record.unwrap();
            (new.header.offset_of(&record), new.header.timestamp_of(&record))
        }).collect();
        prop_assert_eq!(kept, expected.iter().map(|at| (*at, *at)).collect::<Vec<_>>());
        let has_tombstone = expected.iter().any(|at| records[usize::try_from(*at).unwrap()].1.is_none());
        prop_assert_eq!(new.header.delete_horizon(), has_tombstone.then_some(10 + retention));
    }
}

fn option_of_value() -> impl Strategy<Value = Option<String>> {
    proptest::option::of("[a-z]{0,4}")
}

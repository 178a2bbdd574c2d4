//! A log that keeps the last record of each key. Offsets stay, records go; what was deleted goes last of all.

use anyhow::Result;

use crate::scenes::{SOON, Scene, Stage, ensure};
use crate::systems::kafka::segments::Held;
use crate::systems::kafka::{Kafka, Size, View};

const ACCOUNTS: &str = "accounts";
/// Small and soon, so that it can be watched.
const SETTINGS: &[(&str, &str)] = &[
    ("cleanup.policy", "compact"),
    ("segment.bytes", "2048"),
    ("min.cleanable.dirty.ratio", "0.1"),
    ("delete.retention.ms", "3000"),
];
const WRITTEN: i64 = 150;
const LEFT_MAX: i64 = 100;

pub(super) const SCENE: Scene<Kafka> = Scene {
    name: "kafka/compaction",
    about: "the last record of each key is kept, the others go, and so in the end does what was deleted",
    size: Size {
        partitions: 1,
        producers: 0,
        consumers: 0,
    },
    play,
};

/// The records that are there.
fn records(view: &View) -> impl Iterator<Item = &(i64, Held)> {
    let partition = view.partition(ACCOUNTS, 0).into_iter();
    partition.flat_map(|p| p.segments.iter().flat_map(|segment| &segment.records))
}

/// What the log says of a key, the oldest first.
fn of(view: &View, key: &str) -> Vec<Option<String>> {
    let records = records(view).filter(|(_, held)| held.key == key);
    records.map(|(_, held)| held.value.clone()).collect()
}

fn play(stage: &Stage<Kafka>) -> Result<()> {
    let kafka = &stage.cluster;
    stage.say("Ada's balance is written to the topic accounts, which is compacted, then the balances of five others, again and again");
    kafka.create_topic(ACCOUNTS, 1, SETTINGS)?;
    let options = [
        "--topic",
        ACCOUNTS,
        "--idempotent",
        "--rate",
        "0",
        "--keys",
        "5",
    ];
    kafka.add_producer("p1", &options)?;
    kafka.send("p1", "ada", Some("ada has 10"))?;
    kafka.send("p1", "ada", Some("ada has 20"))?;
    stage.expect_records(ACCOUNTS, 2)?;
    kafka.set_rate("p1", 40.0)?;
    stage.expect_records(ACCOUNTS, WRITTEN)?;
    stage.expect(
        "the cleaner keeps far fewer records than there are offsets",
        SOON,
        |view| {
            let (left, end) = (records(view).count() as i64, view.len(ACCOUNTS));
            ensure(left < LEFT_MAX.min(end / 2), || {
                format!("{left} of {end} are there")
            })
        },
    )?;
    stage.expect(
        "of Ada the last balance is there, and the one before is not",
        SOON,
        |view| {
            let ada = of(view, "ada");
            ensure(ada == [Some("ada has 20".to_owned())], || {
                format!("{ada:?}")
            })
        },
    )?;
    stage.expect_nothing_lost()?;

    stage.say("Ada closes her account: a record without a value, a tombstone, is written behind all others");
    kafka.send("p1", "ada", None)?;
    stage.expect(
        "her balance is gone, and the tombstone tells every reader so",
        SOON,
        |view| {
            let ada = of(view, "ada");
            ensure(ada == [None], || format!("{ada:?}"))
        },
    )?;
    stage.say("Whoever reads from the beginning has had time to see it: the tombstone goes too");
    stage.expect("nothing is left of Ada", 2 * SOON, |view| {
        let ada = of(view, "ada");
        ensure(ada.is_empty(), || format!("{ada:?}"))
    })?;
    stage.expect("every other key still has its last value", SOON, |view| {
        super::nothing_lost(view)?;
        let keys: std::collections::BTreeSet<&str> =
            records(view).map(|(_, held)| held.key.as_str()).collect();
        ensure(keys.len() == 5, || format!("{keys:?}"))
    })
}

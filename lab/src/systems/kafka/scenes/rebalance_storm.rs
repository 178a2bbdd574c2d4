//! A rolling restart. Each member that goes and comes makes the group share everything out anew, and nobody reads meanwhile; members
//! that keep their names come back to what they had.

use anyhow::Result;

use crate::scenes::{SOON, Scene, Stage, ensure};
use crate::systems::kafka::{GROUP, Kafka, Size, TOPIC};

const PARTITIONS: u32 = 6;
const DYNAMIC: [&str; 3] = ["c1", "c2", "c3"];
const STATIC: [&str; 3] = ["c4", "c5", "c6"];
/// The group of those that keep their names.
const OTHER: &str = "shipping";
/// Further behind than that nobody stays who reads at all.
const BEHIND_MAX: i64 = 60;

pub(super) const SCENE: Scene<Kafka> = Scene {
    name: "kafka/rebalance-storm",
    about: "consumers are restarted one after the other: a rebalance for each that goes or comes, and none with static members",
    size: Size {
        partitions: PARTITIONS,
        producers: 1,
        consumers: 0,
    },
    play,
};

fn play(stage: &Stage<Kafka>) -> Result<()> {
    let kafka = &stage.cluster;
    stage.say("Three consumers share six partitions. Whenever one of them comes or goes, all stop, and share everything out anew");
    for name in DYNAMIC {
        kafka.add_consumer(
            name,
            &["--topic", TOPIC, "--group", GROUP, "--session-ms", "3000"],
        )?;
    }
    let first = stage.expect_shared(GROUP, &DYNAMIC, PARTITIONS as usize)?;

    stage.say("A new version is rolled out: each is killed and started, one after the other");
    for name in DYNAMIC {
        stage.lab().kill(name)?;
        stage.lab().start(name)?;
        stage.expect_shared(GROUP, &DYNAMIC, PARTITIONS as usize)?;
    }
    stage.expect("the group was shared out anew for each", SOON, |view| {
        let generation = view.generation(GROUP).unwrap_or(0);
        let rebalances = generation - first;
        ensure(rebalances >= 3, || format!("{rebalances} times"))
    })?;
    stage.expect_kept_up(GROUP, BEHIND_MAX)?;

    stage.say("Another group reads the same. Its members have names of their own (`group.instance.id`), by which the broker knows them again");
    for name in STATIC {
        let options = [
            "--topic",
            TOPIC,
            "--group",
            OTHER,
            "--static",
            "--session-ms",
            "10000",
        ];
        kafka.add_consumer(name, &options)?;
    }
    let calm = stage.expect_shared(OTHER, &STATIC, PARTITIONS as usize)?;

    stage.say("The same roll-out: whoever comes back within its session timeout has what it had");
    for name in STATIC {
        stage.lab().kill(name)?;
        stage.lab().start(name)?;
        stage.expect_shared(OTHER, &STATIC, PARTITIONS as usize)?;
    }
    stage.expect("there was no rebalance", SOON, |view| {
        let generation = view.generation(OTHER);
        ensure(generation == Some(calm), || {
            format!("{generation:?} after {calm}")
        })
    })?;
    stage.expect_kept_up(OTHER, BEHIND_MAX)?;
    stage.expect_nothing_lost()
}

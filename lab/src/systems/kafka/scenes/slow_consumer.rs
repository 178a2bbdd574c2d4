//! A consumer that is too slow for its partitions. The log holds what it has not read; another member takes a part of it over.

use anyhow::Result;

use crate::scenes::{SOON, Scene, Stage, ensure};
use crate::systems::kafka::{GROUP, Kafka, Size, TOPIC};

/// Records a second.
const RATE: f64 = 50.0;
const SLOW: f64 = 5.0;
/// What is read and not committed yet is not far behind.
const BEHIND_MAX: i64 = 100;
const FAR_BEHIND: i64 = 250;

pub(super) const SCENE: Scene<Kafka> = Scene {
    name: "kafka/slow-consumer",
    about: "a consumer works off less than is written: its lag grows, and a second one takes over a partition",
    size: Size {
        partitions: 2,
        producers: 1,
        consumers: 1,
    },
    play,
};

fn play(stage: &Stage<Kafka>) -> Result<()> {
    let kafka = &stage.cluster;
    stage.say("50 records a second are written to two partitions, and one consumer reads both");
    kafka.set_rate("p1", RATE)?;
    stage.expect_records(TOPIC, 100)?;
    stage.expect_kept_up(GROUP, BEHIND_MAX)?;

    stage.say("Whatever the consumer does with a record takes longer from now on: it works off 5 in a second");
    kafka.set_speed("c1", SLOW)?;
    stage.expect(
        "it falls behind, and the producer does not notice",
        SOON,
        |view| {
            let lag = view.groups.get(GROUP).map_or(0, |group| view.lag(group));
            ensure(lag > FAR_BEHIND, || format!("it is {lag} records behind"))?;
            let again = view.producers.get("p1").map_or(1, |p1| p1.again);
            ensure(again == 0, || "the producer had to send again".to_owned())
        },
    )?;

    stage.say("A second consumer joins the group, and is given one of the two partitions");
    kafka.add_consumer("c2", &["--topic", TOPIC, "--group", GROUP])?;
    stage.expect_shared(GROUP, &["c1", "c2"], 2)?;
    let lags = |view: &crate::systems::kafka::View| {
        let group = view.groups.get(GROUP).ok_or("there is no group")?;
        let of = |name: &str| {
            let member = view.consumers.get(name).ok_or("a consumer is not there")?;
            let lags = member
                .owned
                .iter()
                .map(|partition| view.lag_in(group, partition));
            Ok::<i64, String>(lags.sum())
        };
        Ok::<_, String>((of("c1")?, of("c2")?))
    };
    stage.expect(
        "the partition of the new one is worked off, the other one is not",
        SOON,
        |view| {
            let (slow, quick) = lags(view)?;
            let parted = quick <= BEHIND_MAX && slow > quick;
            ensure(parted, || format!("c1 is {slow} behind, and c2 {quick}"))
        },
    )?;

    stage.say("The first one is quick again");
    kafka.set_speed("c1", 0.0)?;
    stage.expect_kept_up(GROUP, BEHIND_MAX)?;
    stage.expect_nothing_lost()
}

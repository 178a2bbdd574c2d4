//! A power cut in the middle of a write. What was synced is there, half a batch is cut off; what was not synced was a promise of the
//! operating system alone.

use anyhow::Result;

use crate::scenes::{SOON, Scene, Stage, ensure};
use crate::systems::kafka::{BROKER, Kafka, Size, TOPIC};

/// A topic whose records are synced when the operating system likes, which is Kafka's default.
const LAZY: &str = "clicks";
const ENOUGH: i64 = 20;

pub(super) const SCENE: Scene<Kafka> = Scene {
    name: "kafka/torn-write",
    about: "the power fails in the middle of a write: recovery cuts half a batch off, and what was acknowledged without a sync is gone",
    size: Size {
        partitions: 1,
        producers: 1,
        consumers: 0,
    },
    play,
};

fn play(stage: &Stage<Kafka>) -> Result<()> {
    let kafka = &stage.cluster;
    stage.say("Two producers: p1 writes to orders, where a record is synced before it is acknowledged, p2 to clicks, where the operating system may take its time");
    kafka.create_topic(LAZY, 1, &[])?;
    kafka.add_producer("p2", &["--topic", LAZY, "--idempotent", "--rate", "20"])?;
    stage.expect_records(TOPIC, ENOUGH)?;
    stage.expect_records(LAZY, ENOUGH)?;
    kafka.set_rate("p2", 0.0)?;
    let (orders, clicks) = stage.expect("p2 waits for no acknowledgement", SOON, |view| {
        let waits = view
            .producers
            .get("p2")
            .is_none_or(|p2| p2.waits || p2.rate > 0.0);
        ensure(!waits, || "it does".to_owned())?;
        Ok((view.len(TOPIC), view.len(LAZY)))
    })?;
    stage.expect_nothing_lost()?;

    stage.say("The power fails. Of a batch that was being written to orders, half is there; of the last one of clicks, half is not there any more");
    stage.lab().kill(BROKER)?;
    let torn = kafka.tear(&(TOPIC.to_owned(), 0))?;
    let lost = kafka.tear(&(LAZY.to_owned(), 0))?;

    stage.say("The broker starts, and reads both logs up to the last batch that is whole");
    stage.lab().start(BROKER)?;
    stage.expect(
        "orders has all that it had, and goes on behind it",
        SOON,
        |view| {
            let len = view.len(TOPIC);
            let whole = len > orders && len > torn.offset;
            ensure(view.answers && whole, || format!("it has {len} records"))
        },
    )?;
    stage.expect("the broker says what it has cut off both", SOON, |_| {
        let log = stage.lab().root().join(format!("{BROKER}.log"));
        let said = std::fs::read_to_string(&log).map_err(|e| e.to_string())?;
        for topic in [TOPIC, LAZY] {
            let cut = |line: &str| line.contains("cut off") && line.contains(topic);
            ensure(said.lines().any(cut), || {
                format!("it says nothing of {topic}")
            })?;
        }
        Ok(())
    })?;
    stage.expect(
        "of what was acknowledged, one record is gone: the last of clicks",
        SOON,
        |view| {
            let one = matches!(&view.lost[..], [one] if one.contains(LAZY));
            ensure(one, || format!("{:?}", view.lost))?;
            ensure(view.len(LAZY) == clicks - 1, || {
                format!("{} are there", view.len(LAZY))
            })
        },
    )?;

    stage.say("p2 sends again, and the offset is given a second time, to another record");
    kafka.set_rate("p2", 20.0)?;
    let offset = lost.offset;
    stage.expect("clicks is longer than it was", SOON, |view| {
        let part = view.partition(LAZY, 0).ok_or("it is gone")?;
        ensure(part.end > offset + 1, || format!("it ends at {}", part.end))
    })?;
    stage.expect("nothing else is lost", SOON, |view| {
        ensure(view.answers && view.lost.len() == 1, || {
            view.lost.join("; ")
        })
    })
}

//! An acknowledgement gets lost, and the producer sends again. Without idempotence the record is there twice; with it, the broker knows
//! the number.

use anyhow::Result;

use crate::links::Rule;
use crate::scenes::{SOON, Scene, Stage, ensure};
use crate::systems::kafka::{BROKER, Kafka, Size, TOPIC};

pub(super) const SCENE: Scene<Kafka> = Scene {
    name: "kafka/duplicate",
    about: "an acknowledgement is lost and the record is sent again: there twice, unless the producer is idempotent",
    size: Size {
        partitions: 1,
        producers: 0,
        consumers: 0,
    },
    play,
};

const RECORDS: [(&str, &str, &str); 2] =
    [("p1", "ada", "ada pays 10"), ("p2", "bob", "bob pays 20")];

fn play(stage: &Stage<Kafka>) -> Result<()> {
    let kafka = &stage.cluster;
    stage.say("Two producers. p2 is idempotent: the broker has given it a number, and it numbers its batches");
    let common = ["--topic", TOPIC, "--rate", "0", "--timeout-ms", "1500"];
    kafka.add_producer("p1", &common)?;
    kafka.add_producer("p2", &[&common[..], &["--idempotent"]].concat())?;
    for (producer, key, _) in RECORDS {
        kafka.send(producer, key, Some(&format!("{key} opens an account")))?;
    }
    expect_acknowledged(stage, 1)?;
    let before = stage.expect_records(TOPIC, 2)?;

    stage.say(
        "Nothing gets through from the broker to the producers any more, and each sends a record",
    );
    let cut = Rule {
        cut: true,
        ..Rule::default()
    };
    for (producer, key, value) in RECORDS {
        stage.lab().set_link(BROKER, producer, cut)?;
        kafka.send(producer, key, Some(value))?;
    }
    stage.expect("both records are in the log", SOON, |view| {
        let len = view.len(TOPIC);
        ensure(len == before + 2, || format!("it has {len} records"))
    })?;
    stage.expect(
        "neither producer knows: both have given the connection up, and try again",
        SOON,
        |view| {
            for (producer, ..) in RECORDS {
                let shown = view
                    .producers
                    .get(producer)
                    .ok_or("a producer does not answer")?;
                let tries = shown.again > 0 && shown.waits && shown.acknowledged == 1;
                ensure(tries, || format!("{producer}: {shown:?}"))?;
            }
            Ok(())
        },
    )?;

    stage.say("The network is whole again, and what was sent is sent a second time");
    stage.lab().heal();
    expect_acknowledged(stage, 2)?;
    // Should the second acknowledgement be late too, there is a third payment.
    stage.expect("Ada has paid again, and Bob once", SOON, |view| {
        let only_ada = view.twice.iter().all(|one| one.starts_with("ada pays 10"));
        ensure(!view.twice.is_empty() && only_ada, || {
            format!("{:?}", view.twice)
        })
    })?;
    stage.expect_nothing_lost()
}

/// Expects that each of the producers knows of so many records that they are safe.
fn expect_acknowledged(stage: &Stage<Kafka>, number: u64) -> Result<()> {
    let what = match number {
        1 => "each has an acknowledgement".to_owned(),
        number => format!("each has {number} acknowledgements"),
    };
    stage.expect(&what, SOON, |view| {
        let all = view
            .producers
            .values()
            .filter(|p| p.acknowledged == number)
            .count();
        ensure(all == RECORDS.len(), || format!("{all} of them"))
    })
}

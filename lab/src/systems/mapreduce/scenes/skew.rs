//! Of the rows of a join three in four have the same key. So one reduce does three quarters of the work; salted, all of them do as much.

use anyhow::Result;

use super::plain;
use crate::scenes::{SOON, Scene, Stage, ensure};
use crate::systems::mapreduce::work::{self, Work};
use crate::systems::mapreduce::{MapReduce, Size};

pub(super) const SCENE: Scene<MapReduce> = Scene {
    name: "mapreduce/skew",
    about: "a join in which three rows in four have the same key: without salting, and with it",
    size: Size {
        workers: 4,
        racks: 2,
    },
    play,
};

const MAPS: usize = 4;
const ROWS: usize = 25_000;
const KEYS: u64 = 500;
const HOT_PERCENT: u32 = 75;
const REDUCES: u32 = 4;
const SALT: &str = "16";
const BYTES_PER_SECOND: u64 = 256 << 10;

fn play(stage: &Stage<MapReduce>) -> Result<()> {
    let map_reduce = &stage.cluster;
    stage.say(format!(
        "{} rows are to be joined with a table of {KEYS} keys. {HOT_PERCENT} rows in a hundred have the same key, and no combiner can fold them: each of them is in the result",
        MAPS * ROWS
    ));
    stage.slow_network(BYTES_PER_SECOND)?;
    let mut tables = Vec::new();
    let dir = map_reduce.new_dir("tables");
    std::fs::create_dir_all(dir.join("left"))?;
    for n in 0..MAPS {
        let table = work::left(n as u64, ROWS, KEYS, HOT_PERCENT);
        std::fs::write(dir.join("left").join(format!("rows-{n}")), &table)?;
        tables.push(table);
    }
    let right = work::right(KEYS);
    std::fs::write(dir.join("right"), &right)?;
    let expected = work::joined(&tables, &right);
    let work = |args: &[&str]| {
        let output = map_reduce.new_dir("joined");
        let inputs = ["left", "right"].map(|name| dir.join(name).display().to_string());
        let spec = plain(work::spec("join", args, inputs.to_vec(), &output, REDUCES));
        let expected = expected.clone();
        Work { spec, expected }
    };
    let all = (MAPS * ROWS) as u64;
    let most = |parts: &[u64]| parts.iter().copied().max().unwrap_or(0) * 100 / all;

    stage.say(format!(
        "First as it is: the hash of its key says which of {REDUCES} reduces gets a row"
    ));
    let as_is = stage.run("as it is", &work(&[]))?;
    stage.expect("one reduce had more than three rows in four", SOON, |_| {
        let most = most(&as_is.parts);
        ensure(most >= 75, || format!("of a hundred it had {most}"))
    })?;

    stage.say(format!(
        "{:.1} s, and of a hundred rows one reduce had {}: the others were done long before. More reduces would not help, since a key is with one of them. So a salt is put in front of each key, drawn from the value, 0 to 15; each row of the small table goes to all sixteen",
        as_is.seconds,
        most(&as_is.parts)
    ));
    let salted = stage.run("salted", &work(&[SALT]))?;
    stage.expect("no reduce had more than half of the rows", SOON, |_| {
        let most = most(&salted.parts);
        ensure(most <= 50, || format!("of a hundred one had {most}"))
    })?;

    stage.say(format!(
        "{:.1} s instead of {:.1} s, and of a hundred rows no reduce had more than {}. The result is the same; the small table was copied sixteen times",
        salted.seconds,
        as_is.seconds,
        most(&salted.parts)
    ));
    stage.lab().heal();
    Ok(())
}

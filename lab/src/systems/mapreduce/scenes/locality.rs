//! The same text is counted twice. Whoever does not know where it lies has most of it cross the network; whoever does has next to nothing.

use anyhow::Result;

use super::{mib, plain};
use crate::scenes::{SOON, Scene, Stage, ensure};
use crate::systems::mapreduce::work::{self, Work};
use crate::systems::mapreduce::{MapReduce, Size};

pub(super) const SCENE: Scene<MapReduce> = Scene {
    name: "mapreduce/locality",
    about: "the same job without knowing where its input lies, and with it: the bytes that cross the network",
    size: Size {
        workers: 4,
        racks: 2,
    },
    play,
};

const FILES_EACH: usize = 4;
const FILE_BYTES: usize = 512 << 10;
const REDUCES: u32 = 2;
const BYTES_PER_SECOND: u64 = 256 << 10;

fn play(stage: &Stage<MapReduce>) -> Result<()> {
    let map_reduce = &stage.cluster;
    let workers = map_reduce.workers();
    let maps = FILES_EACH * workers.len();
    let bytes = (maps * FILE_BYTES) as u64;
    stage.say(format!(
        "{} of text: {FILES_EACH} files on each machine's own disk. From one machine to another no more than {} gets through in a second",
        mib(bytes),
        mib(BYTES_PER_SECOND)
    ));
    stage.slow_network(BYTES_PER_SECOND)?;
    let (mut files, mut known, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
    for n in 0..maps {
        let text = work::text(n as u64, FILE_BYTES, 200);
        // All of a machine's files behind each other: who takes the next one gets it from another machine mostly.
        let host = [workers[n / FILES_EACH].as_str()];
        let name = format!("text-{n}");
        unknown.push(map_reduce.put("store", &host, &name, &text)?);
        known.push(map_reduce.put("disk", &host, &name, &text)?);
        files.push(text);
    }
    let expected = work::counted(&files);
    let work = |paths: &[String]| {
        let output = map_reduce.new_dir("counts");
        Work {
            spec: plain(work::spec(
                "wordcount",
                &[],
                paths.to_vec(),
                &output,
                REDUCES,
            )),
            expected: expected.clone(),
        }
    };

    stage.say("First nobody tells the coordinator where a file lies, as with an object store: a worker that is free gets the next one");
    let without = stage.run("places unknown", &work(&unknown))?;
    stage.expect(
        "more than half of the input crossed the network",
        SOON,
        |_| {
            ensure(without.between_nodes > bytes / 2, || {
                format!("{} did", mib(without.between_nodes))
            })
        },
    )?;

    stage.say(format!(
        "{} crossed the network, {} of it from one rack to another, and it took {:.1} s. Now the coordinator knows where each file lies; a job rather waits a little than read from afar (delay scheduling)",
        mib(without.between_nodes),
        mib(without.between_racks),
        without.seconds
    ));
    let work = work(&known);
    let with = stage.run("places known", &work)?;
    stage.expect(
        "less than a quarter of that crossed it this time",
        SOON,
        |_| {
            ensure(with.between_nodes < without.between_nodes / 4, || {
                format!("{} did", mib(with.between_nodes))
            })
        },
    )?;
    stage.expect(
        "nearly all maps were run where their input lies",
        SOON,
        |view| {
            let job = view.job_of(&work.spec.output).ok_or("the job is gone")?;
            let near = job.maps.iter().filter(|map| map.near == Some(true)).count();
            ensure(near * 8 >= maps * 7, || format!("{near} of {maps} were"))
        },
    )?;

    stage.say(format!(
        "{} instead of {}, {:.1} s instead of {:.1} s: it is the program that goes to the data. What crosses now are the counts, on their way to the reduces",
        mib(with.between_nodes),
        mib(without.between_nodes),
        with.seconds,
        without.seconds
    ));
    stage.lab().heal();
    Ok(())
}

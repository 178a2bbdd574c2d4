//! One disk is twenty times slower than the others. The same job twice: without second attempts it waits for that disk, with them it does not.

use std::fs;

use anyhow::{Context, Result};

use super::JOB_MAX;
use crate::scenes::{SOON, Scene, Stage, ensure};
use crate::system::{Cluster, Order};
use crate::systems::mapreduce::work::{self, Work};
use crate::systems::mapreduce::{MapReduce, Size};

pub(super) const SCENE: Scene<MapReduce> = Scene {
    name: "mapreduce/straggler",
    about: "one disk is twenty times slower: the same job without second attempts, and with them",
    size: Size {
        workers: 4,
        racks: 2,
    },
    play,
};

const MAPS: usize = 8;
const FILE_BYTES: usize = 1 << 20;
const REDUCES: u32 = 2;
const SLOW: &str = "w4";
/// By how many milliseconds each read of a disk takes longer.
const USUAL_MS: f64 = 100.0;
const SLOW_MS: f64 = 2000.0;
const SPECULATIVE: &str = "mapreduce.map.speculative";

fn play(stage: &Stage<MapReduce>) -> Result<()> {
    let map_reduce = &stage.cluster;
    stage.say(format!(
        "Text in {MAPS} files that all workers see, and whose words are to be counted. Each disk takes {USUAL_MS} ms for a read; that of {SLOW} is dying, and takes {SLOW_MS}"
    ));
    let dir = map_reduce.new_dir("text");
    fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let mut files = Vec::new();
    for n in 0..MAPS {
        let text = work::text(n as u64, FILE_BYTES, 2000);
        fs::write(dir.join(format!("text-{n}")), &text)?;
        files.push(text);
    }
    for worker in map_reduce.workers() {
        let ms = if worker == SLOW { SLOW_MS } else { USUAL_MS };
        let order = Order {
            node: Some(worker.clone()),
            value: Some(ms),
        };
        map_reduce.perform("slow-disk", &order)?;
    }
    let expected = work::counted(&files);
    let work = |speculative: bool| {
        let output = map_reduce.new_dir("counts");
        let input = vec![dir.display().to_string()];
        let mut spec = work::spec("wordcount", &[], input, &output, REDUCES);
        // Reduces wait for that disk's map, and are none the faster for a second attempt.
        let reduces = (
            "mapreduce.reduce.speculative".to_owned(),
            "false".to_owned(),
        );
        let maps = (SPECULATIVE.to_owned(), speculative.to_string());
        spec.settings.0.extend([maps, reduces]);
        let expected = expected.clone();
        Work { spec, expected }
    };

    stage.say(format!(
        "First with {SPECULATIVE}=false: whoever has a task keeps it, and the others have nothing to do in the end"
    ));
    let alone = work(false);
    let running = stage.begin("without second attempts", &alone);
    stage.expect(
        &format!("all maps are done but one, on {SLOW}"),
        JOB_MAX,
        |view| {
            let job = view
                .job_of(&alone.spec.output)
                .ok_or("the job is not there yet")?;
            let (maps, _) = job.done();
            ensure(maps + 1 == MAPS, || format!("{maps} are done"))?;
            let left = job.maps.iter().filter(|map| map.done.is_none());
            let hosts: Vec<&str> = left
                .flat_map(|map| &map.attempts)
                .map(|attempt| attempt.host.as_str())
                .collect();
            ensure(hosts == [SLOW], || format!("{hosts:?} are at work"))
        },
    )?;
    let without = stage.expect_done("the job is done", &running)?;

    stage.say(format!(
        "That took {:.1} s. Now with {SPECULATIVE}=true: when nothing else waits, the task that will end last gets a second attempt, on a worker that is not slow (LATE)",
        without.seconds
    ));
    let twice = work(true);
    let running = stage.begin("with second attempts", &twice);
    stage.expect(
        &format!("a second attempt runs beside the one on {SLOW}"),
        JOB_MAX,
        |view| {
            let job = view
                .job_of(&twice.spec.output)
                .ok_or("the job is not there yet")?;
            let second = job.maps.iter().filter(|map| map.tries > 1).count();
            ensure(second > 0, || "there is none".to_owned())
        },
    )?;
    let with = stage.expect_done("the job is done", &running)?;
    stage.expect("it took less time", SOON, |_| {
        ensure(with.seconds < without.seconds, || {
            format!("{:.1} s, and {:.1} s before", with.seconds, without.seconds)
        })
    })?;

    stage.say(format!(
        "{:.1} s without second attempts, {:.1} s with {} of them. Of two attempts the first one to be done counts; the other is stopped, and what it has made is nobody's",
        without.seconds, with.seconds, with.again
    ));
    map_reduce.undo()
}

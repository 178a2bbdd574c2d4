//! A worker is killed while reduces fetch. With it go map outputs that only it had: those maps are run again, and no others.

use anyhow::Result;

use super::{mib, plain};
use crate::scenes::{SOON, Scene, Stage, ensure};
use crate::systems::mapreduce::work::{self, Work};
use crate::systems::mapreduce::{MapReduce, Size};

pub(super) const SCENE: Scene<MapReduce> = Scene {
    name: "mapreduce/kill-worker",
    about: "a worker is killed in the middle of the shuffle: the maps whose output only it had are run again",
    size: Size {
        workers: 4,
        racks: 2,
    },
    play,
};

const MAPS: usize = 8;
const ROWS: usize = 15_000;
const REDUCES: u32 = 4;
/// Slow enough that the shuffle takes some seconds.
const BYTES_PER_SECOND: u64 = 256 << 10;

fn play(stage: &Stage<MapReduce>) -> Result<()> {
    let map_reduce = &stage.cluster;
    stage.say("Records are to be sorted: two files on each machine's disk, and a replica of each on another one. All of them will cross the network, which is slow today");
    let (mut files, mut paths) = (Vec::new(), Vec::new());
    for n in 0..MAPS {
        let rows = work::rows(n as u64, ROWS);
        let places = map_reduce.places(n, 2);
        paths.push(map_reduce.put("disk", &places, &format!("rows-{n}"), &rows)?);
        files.push(rows);
    }
    let output = map_reduce.new_dir("sorted");
    let spec = plain(work::spec("terasort", &[], paths, &output, REDUCES));
    let output = spec.output.clone();
    let expected = work::sorted(&files);
    stage.slow_network(BYTES_PER_SECOND)?;
    let running = stage.begin("a worker is killed", &Work { spec, expected });
    let (victim, held) = stage.expect("all maps are done, and reduces fetch", SOON, |view| {
        let job = view.job_of(&output).ok_or("the job is not there yet")?;
        let (maps, _) = job.done();
        ensure(maps == MAPS, || format!("{maps} maps are done"))?;
        ensure(job.shuffle > 0.0 && job.shuffle < 0.9, || {
            format!("{:.0} % are fetched", job.shuffle * 100.0)
        })?;
        // Whoever holds most.
        let held = |worker: &str| -> Vec<usize> {
            let done = job.maps.iter().enumerate();
            let here = done.filter(|(_, map)| map.done.as_ref().is_some_and(|on| on == worker));
            here.map(|(n, _)| n).collect()
        };
        let victim = map_reduce
            .workers()
            .iter()
            .max_by_key(|name| held(name).len());
        let victim = victim.ok_or("there is no worker")?;
        Ok((victim.clone(), held(victim)))
    })?;

    let names: Vec<String> = held.iter().map(|n| format!("m{n}")).collect();
    stage.say(format!(
        "{victim} holds the output of {}, which no reduce has wholly. It is killed: what maps leave is on the disk of their worker alone",
        names.join(", ")
    ));
    stage.lab().kill(&victim)?;
    stage.expect(
        "after some seconds of silence it is lost, and its maps are to be done again",
        SOON,
        |view| {
            let known = view.report.workers.contains(&victim);
            ensure(!known, || format!("{victim} is waited for"))?;
            let job = view.job_of(&output).ok_or("the job is gone")?;
            let again = |n: &usize| job.maps[*n].tries > 1 || job.maps[*n].done.is_none();
            let count = held.iter().filter(|n| again(n)).count();
            ensure(count == held.len(), || {
                format!("{count} of {} are", held.len())
            })
        },
    )?;

    stage.say("Reduces keep what they have fetched, and wait for the rest. What the other workers' maps had made is as good as before");
    let run = stage.expect_done("the job is done", &running)?;
    stage.expect("no map but those was run a second time", SOON, |view| {
        let job = view.job_of(&output).ok_or("the job is gone")?;
        let others = job.maps.iter().enumerate();
        let others = others.filter(|(n, map)| map.tries > 1 && !held.contains(n));
        let others: Vec<usize> = others.map(|(n, _)| n).collect();
        ensure(others.is_empty(), || format!("{others:?} were"))
    })?;

    stage.say(format!(
        "After {:.1} s all is sorted; {} crossed the network, and {} attempts were made beside the first ones. {victim} comes back, as a new worker with nothing",
        run.seconds,
        mib(run.between_nodes),
        run.again
    ));
    stage.lab().heal();
    stage.lab().start(&victim)?;
    stage.expect("all workers are registered again", SOON, |view| {
        let there = view.report.workers.len();
        ensure(there == map_reduce.workers().len(), || {
            format!("{there} are")
        })
    })
}

//! Processes that die in the middle of a job.

use crate::world::{Jobs, World, local_output, run, spec, text, whole};

pub(crate) fn a_worker_dies_while_it_sorts(world: &mut World) {
    let (rows, sorted) = (world.new_path(), world.new_path());
    run(&spec("teragen", &["20000", "11"], &[], &rows));
    run(&spec("terasort", &[], &[&rows], &sorted));
    let (input, out) = (world.new_dir(), world.new_dir());
    for (name, bytes) in local_output(&rows) {
        world.put(&format!("{input}/{name}"), &bytes);
    }
    let mut jobs = Jobs::start(3);
    let node = world.name_node();
    let job = jobs.submit(spec(
        "terasort",
        &[],
        &[&format!("{node}{input}")],
        &format!("{node}{out}"),
    ));
    jobs.until(job, "half of the maps are done", |status| {
        let (maps, done) = status.maps;
        done * 2 >= maps
    });
    jobs.cluster.workers[1].kill();
    jobs.succeeds(job);
    // Where one part ends and the next begins depends on what was sampled.
    let [here, there] = [local_output(&sorted), world.output(&out)].map(whole);
    assert!(here == there, "the output is another one");
}

/// The last test, since the DataNode stays dead.
pub(crate) fn a_datanode_dies_while_words_are_counted(world: &mut World) {
    let (local, counts) = (world.new_path(), world.new_path());
    std::fs::write(&local, text(60_000)).unwrap();
    run(&spec("wordcount", &[], &[&local], &counts));
    let (input, out) = (world.new_dir(), world.new_dir());
    world.put(&input, &text(60_000));
    let mut jobs = Jobs::start(3);
    let node = world.name_node();
    let job = jobs.submit(spec(
        "wordcount",
        &[],
        &[&format!("{node}{input}")],
        &format!("{node}{out}"),
    ));
    jobs.until(job, "a third of the maps is done", |status| {
        let (maps, done) = status.maps;
        done * 3 >= maps
    });
    world.hdfs.datanodes[0].kill();
    jobs.succeeds(job);
    assert!(
        world.output(&out) == local_output(&counts),
        "the output is another one"
    );
}

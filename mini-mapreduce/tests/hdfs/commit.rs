//! Exactly one attempt of each part becomes visible, `_SUCCESS` last, whoever dies in between.

use std::io::Write;
use std::time::{Duration, Instant};

use mini_mapreduce::protocol::{AttemptId, JobId, TaskId, TaskKind};
use mini_mapreduce::server::files::FileSystems;
use mini_mapreduce::server::output::OutputDir;

use crate::world::{DEADLINE, Jobs, World, local_output, run, spec, text};

fn attempt(index: u32, number: u64) -> AttemptId {
    let (job, kind) = (JobId(1), TaskKind::Reduce);
    let task = TaskId { job, kind, index };
    AttemptId { task, number }
}

fn write(output: &OutputDir, attempt: AttemptId, text: &str) {
    let mut file = output.begin(attempt).unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file.close().unwrap();
}

pub(crate) fn one_attempt_of_a_part_is_visible(world: &mut World) {
    let dir = format!("{}/below/out", world.new_dir());
    let path = world.name_node() + &dir;
    let files = FileSystems::default();
    let output = OutputDir::create(&files, &path).unwrap();
    let error = OutputDir::create(&files, &path).err().unwrap().to_string();
    assert!(error.contains("is there already; remove it"), "{error}");

    write(&output, attempt(0, 0), "first");
    write(&output, attempt(0, 1), "second");
    // One that died in the middle, and one that still writes.
    let mut late = output.begin(attempt(0, 2)).unwrap();
    late.write_all(b"third").unwrap();
    late.flush().unwrap();
    assert_eq!(
        world.names(&dir),
        ["_temporary"],
        "nothing is visible before it is committed"
    );
    output.commit(&[attempt(0, 1)]).unwrap();
    output.commit(&[attempt(0, 1)]).unwrap();
    // What it says now changes nothing.
    let _ = late.write_all(b" and more").and_then(|()| late.close());
    output.abort_task(attempt(0, 2)).unwrap();
    output.abort_task(attempt(0, 9)).unwrap();
    assert_eq!(world.names(&dir), ["_SUCCESS", "part-r-00000"]);
    assert_eq!(world.get(&format!("{dir}/part-r-00000")), b"second");

    let failed = world.new_dir();
    let output = OutputDir::create(&files, &(world.name_node() + &failed)).unwrap();
    write(&output, attempt(3, 0), "in vain");
    output.abort(&[]).unwrap();
    assert_eq!(world.client.stat(&failed).unwrap(), None);
    output.abort(&[]).unwrap();
    // Where the output is gone, no late attempt makes it anew.
    assert!(output.begin(attempt(3, 1)).is_err());
    assert_eq!(world.client.stat(&failed).unwrap(), None);
}

/// What a commit of three parts does, step by step; after each of them the coordinator may have died.
pub(crate) fn a_commit_that_was_cut_off_anywhere_is_finished(world: &mut World) {
    let winners = [attempt(0, 1), attempt(1, 0), attempt(2, 4)];
    for done in 0..=winners.len() + 2 {
        let dir = world.new_dir();
        let output =
            OutputDir::create(&FileSystems::default(), &(world.name_node() + &dir)).unwrap();
        write(&output, attempt(0, 0), "a loser");
        for winner in winners {
            write(&output, winner, &winner.to_string());
        }
        for (number, winner) in winners.iter().enumerate().take(done) {
            let from = format!("{dir}/_temporary/{winner}/part-r-{number:05}");
            world
                .client
                .rename(&from, &format!("{dir}/part-r-{number:05}"))
                .unwrap();
        }
        if done > winners.len() {
            world
                .client
                .delete(&format!("{dir}/_temporary"), true)
                .unwrap();
        }
        if done > winners.len() + 1 {
            world.put(&format!("{dir}/_SUCCESS"), b"");
        }
        output.commit(&winners).unwrap();
        let parts = world.output(&dir);
        let expected = winners.map(|winner| winner.to_string().into_bytes());
        assert!(parts.into_values().eq(expected), "after {done} steps");
    }
}

pub(crate) fn a_coordinator_that_dies_while_it_commits_goes_on(world: &mut World) {
    const REDUCES: u32 = 40;
    let (words, local) = (world.new_path(), world.new_path());
    std::fs::write(&words, text(2_000)).unwrap();
    let mut here = spec("wordcount", &[], &[&words], &local);
    here.reduces = REDUCES;
    run(&here);
    let mut jobs = Jobs::start(2);
    // Whether it is caught in the middle is luck, but not for long.
    for _ in 0..20 {
        let dir = world.new_dir();
        let job = jobs.submit({
            let mut there = here.clone();
            there.output = world.name_node() + &dir;
            there
        });
        let begun = Instant::now();
        while world.names(&dir).iter().all(|name| name != "part-r-00000") {
            assert!(begun.elapsed() < DEADLINE, "{:?}", jobs.status(job));
        }
        jobs.cluster.coordinator.kill();
        let names = world.names(&dir);
        jobs.cluster
            .coordinator
            .start(Duration::from_secs(60))
            .unwrap();
        jobs.succeeds(job);
        assert!(
            world.output(&dir) == local_output(&local),
            "the output is another one"
        );
        if !names.contains(&"_SUCCESS".to_owned()) {
            return;
        }
    }
    panic!("each time the commit was over before the coordinator was killed");
}

//! mini-hdfs as input and output: real NameNodes, DataNodes, coordinators and workers, killed. What a job leaves there is compared with what it leaves on
//! the local disk. Nothing waits for a fixed time, only until something is the case.

#![allow(missing_docs)]
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod commit;
mod faults;
mod files;
mod world;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use mini_hdfs::server::{datanode, namenode};

use world::World;

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    node: Node,
}

#[derive(Subcommand)]
enum Node {
    Namenode(namenode::Options),
    Datanode(datanode::Options),
}

type Test = (&'static str, fn(&mut World));

const TESTS: &[Test] = &[
    (
        "splits_are_blocks_with_their_hosts",
        files::splits_are_blocks_with_their_hosts,
    ),
    (
        "a_job_says_how_its_output_is_laid_out",
        files::a_job_says_how_its_output_is_laid_out,
    ),
    (
        "files_are_read_from_any_byte",
        files::files_are_read_from_any_byte,
    ),
    (
        "directories_globs_and_compressed_files_are_input",
        files::directories_globs_and_compressed_files_are_input,
    ),
    (
        "jobs_leave_what_they_leave_on_a_local_disk",
        files::jobs_leave_what_they_leave_on_a_local_disk,
    ),
    #[cfg(feature = "parquet")]
    (
        "tables_are_input_and_output",
        files::tables_are_input_and_output,
    ),
    (
        "steps_in_between_are_in_mini_hdfs_and_go",
        files::steps_in_between_are_in_mini_hdfs_and_go,
    ),
    (
        "the_command_line_says_what_is_wrong",
        files::the_command_line_says_what_is_wrong,
    ),
    (
        "one_attempt_of_a_part_is_visible",
        commit::one_attempt_of_a_part_is_visible,
    ),
    (
        "a_commit_that_was_cut_off_anywhere_is_finished",
        commit::a_commit_that_was_cut_off_anywhere_is_finished,
    ),
    (
        "a_coordinator_that_dies_while_it_commits_goes_on",
        commit::a_coordinator_that_dies_while_it_commits_goes_on,
    ),
    (
        "a_worker_dies_while_it_sorts",
        faults::a_worker_dies_while_it_sorts,
    ),
    (
        "a_datanode_dies_while_words_are_counted",
        faults::a_datanode_dies_while_words_are_counted,
    ),
];

/// The processes of the cluster are this program again. Without such arguments it tests; with another one, what has that in its name.
fn main() -> ExitCode {
    let first = std::env::args().nth(1).unwrap_or_default();
    if first == "namenode" || first == "datanode" {
        let ran = match Arguments::parse().node {
            Node::Namenode(options) => namenode::run(&options),
            Node::Datanode(options) => datanode::run(&options),
        };
        return ran.map_or_else(
            |error| {
                eprintln!("{error:#}");
                ExitCode::FAILURE
            },
            |()| ExitCode::SUCCESS,
        );
    }
    let mut world = World::start();
    let chosen = TESTS
        .iter()
        .filter(|(name, _)| first.starts_with('-') || name.contains(&first));
    let mut passed = 0;
    for (name, test) in chosen {
        test(&mut world);
        println!("test {name} ... ok");
        passed += 1;
    }
    println!("test result: ok. {passed} passed; 0 failed; 0 ignored");
    ExitCode::SUCCESS
}

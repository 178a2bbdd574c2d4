//! Input and output, and what is said of them.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::process::Command;

use mini_mapreduce::input::{File, Files};
use mini_mapreduce::server::files::FileSystems;
use mini_mapreduce::server::local;

use crate::world::{BLOCK_BYTES, PROGRAM, World, local_output, run, spec, text, whole};

fn list(path: &str) -> Vec<File> {
    FileSystems::default().list(path).unwrap()
}

fn read(path: &str, offset: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut file = FileSystems::default().open(path, offset).unwrap();
    file.read_to_end(&mut bytes).unwrap();
    bytes
}

pub(crate) fn splits_are_blocks_with_their_hosts(world: &mut World) {
    let path = world.new_dir();
    world.put(&path, &text(10_000));
    let file = list(&(world.name_node() + &path)).remove(0);
    let located = world.client.block_locations(&path, 0, u64::MAX).unwrap();
    assert_eq!((file.length, file.block), (located.len, BLOCK_BYTES as u64));
    assert!(file.blocks.len() > 2, "{file:?}");
    for (place, block) in file.blocks.iter().zip(&located.blocks) {
        let mut names: Vec<&str> = block
            .locations
            .iter()
            .map(|node| node.hostname.as_str())
            .collect();
        let mut hosts: Vec<&str> = place.hosts.iter().map(String::as_str).collect();
        names.sort_unstable();
        hosts.sort_unstable();
        assert_eq!(hosts, names);
        assert_eq!(hosts, ["dn1", "dn2", "dn3"]);
        assert_eq!(place.racks, ["/rack1", "/rack2"]);
    }
}

pub(crate) fn a_job_says_how_its_output_is_laid_out(world: &mut World) {
    let (input, output) = (world.new_dir(), world.new_dir());
    world.put(&input, &text(20_000));
    let node = world.name_node();
    let mut job = spec("wordcount", &[], &[&format!("{node}{input}")], "");
    job.output = format!("{node}{output}");
    for (name, value) in [("dfs.replication", "2"), ("dfs.blocksize", "128k")] {
        job.settings.0.insert(name.to_owned(), value.to_owned());
    }
    run(&job);
    let part = world
        .client
        .stat(&format!("{output}/part-r-00000"))
        .unwrap();
    let part = part.unwrap();
    assert_eq!((part.replication, part.block_size), (2, 128 << 10));
    job.settings
        .0
        .insert("dfs.blocksize".to_owned(), "2x".to_owned());
    job.output += "2";
    let error = local::run(&job, 1, |_| {}).unwrap_err().to_string();
    assert!(
        error.contains("dfs.blocksize=2x has to be a number of bytes"),
        "{error}"
    );
}

pub(crate) fn files_are_read_from_any_byte(world: &mut World) {
    let (path, bytes) = (world.new_dir(), text(10_000));
    world.put(&path, &bytes);
    let path = world.name_node() + &path;
    for offset in [
        0,
        1,
        BLOCK_BYTES - 1,
        BLOCK_BYTES,
        BLOCK_BYTES + 1,
        bytes.len(),
    ] {
        assert!(
            read(&path, offset as u64) == bytes[offset..],
            "from {offset}"
        );
    }
}

pub(crate) fn directories_globs_and_compressed_files_are_input(world: &mut World) {
    let dir = world.new_dir();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(b"packed\n").unwrap();
    world.put(&format!("{dir}/c.gz"), &encoder.finish().unwrap());
    for name in ["b.txt", "a.txt", "_SUCCESS", ".hidden", "below/d.txt"] {
        world.put(&format!("{dir}/{name}"), b"x\n");
    }
    let dir = world.name_node() + &dir;
    let names = |path: &str| {
        let files = list(&(dir.clone() + path)).into_iter();
        let names = files.map(|file| file.path.strip_prefix(&dir).unwrap().to_owned());
        names.collect::<Vec<_>>()
    };
    assert_eq!(names("/*.txt"), ["/a.txt", "/b.txt"]);
    assert_eq!(names("/[bc]*.*"), ["/b.txt", "/c.gz"]);
    assert_eq!(names("/below"), ["/below/d.txt"]);
    assert_eq!(names("/*/?.txt"), ["/below/d.txt"]);
    assert_eq!(names("/none*"), [""; 0]);
    assert_eq!(read(&format!("{dir}/c.gz"), 3), b"packed\n");
    let error = FileSystems::default().list(&dir).unwrap_err().to_string();
    assert!(
        error.contains("/below is a directory within a directory"),
        "{error}"
    );
    let error = FileSystems::default()
        .list(&format!("{dir}/none"))
        .unwrap_err()
        .to_string();
    assert!(error.contains("/none is not there"), "{error}");
}

pub(crate) fn jobs_leave_what_they_leave_on_a_local_disk(world: &mut World) {
    let (words, rows) = (text(20_000), world.new_path());
    let (local, out) = (world.new_path(), world.new_path());
    fs::write(&local, &words).unwrap();
    run(&spec("wordcount", &[], &[&local], &out));
    let remote = world.new_dir();
    world.put(&remote, &words);
    let counts = world.new_dir();
    let node = world.name_node();
    run(&spec(
        "wordcount",
        &[],
        &[&format!("{node}{remote}")],
        &format!("{node}{counts}"),
    ));
    assert!(
        world.output(&counts) == local_output(&out),
        "word count differs"
    );

    // From there to here, sorted by bounds that were sampled there; and of both places.
    run(&spec("teragen", &["3000", "7"], &[], &rows));
    let sorted = world.new_path();
    run(&spec("terasort", &[], &[&rows], &sorted));
    let there = world.new_dir();
    for (name, bytes) in local_output(&rows) {
        world.put(&format!("{there}/{name}"), &bytes);
    }
    let from = format!("{node}{there}");
    let (here, back) = (world.new_path(), world.new_dir());
    run(&spec("terasort", &[], &[&from], &here));
    run(&spec("terasort", &[], &[&from], &format!("{node}{back}")));
    let sorted = whole(local_output(&sorted));
    assert!(whole(local_output(&here)) == sorted, "terasort differs");
    assert!(whole(world.output(&back)) == sorted, "terasort differs");

    let both = world.new_dir();
    run(&spec(
        "wordcount",
        &[],
        &[&format!("{node}{remote}"), &local],
        &format!("{node}{both}"),
    ));
    let count = |parts: BTreeMap<String, Vec<u8>>| -> u64 {
        let text = String::from_utf8(whole(parts)).unwrap();
        text.lines()
            .map(|line| line.split_once('\t').unwrap().1.parse::<u64>().unwrap())
            .sum()
    };
    assert_eq!(count(world.output(&both)), 2 * 4 * 20_000);
}

#[cfg(feature = "parquet")]
pub(crate) fn tables_are_input_and_output(world: &mut World) {
    let table = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/parquet/data/words.parquet"
    );
    let (dir, node) = (world.new_dir(), world.name_node());
    let (there, counts) = (
        format!("{dir}/words.parquet"),
        format!("{dir}/counts.parquet"),
    );
    world.put(&there, &fs::read(table).unwrap());
    let there = format!("{node}{there}#word+half");
    let files = list(&there);
    assert_eq!(files.len(), 3, "row groups");
    for file in &files {
        assert_eq!(file.blocks[0].hosts.len(), 3, "they have hosts: {file:?}");
        let here = file
            .path
            .replace(&format!("{node}{dir}/words.parquet"), table);
        assert!(read(&file.path, 0) == read(&here, 0), "{}", file.path);
    }
    let counts = format!("{node}{counts}");
    run(&spec("wordcount", &[], &[&there], &counts));
    let local = world.new_path() + ".parquet";
    run(&spec(
        "wordcount",
        &[],
        &[&format!("{table}#word+half")],
        &local,
    ));
    let lines = |dir: &str| {
        let files = list(dir).into_iter();
        files.map(|file| read(&file.path, 0)).collect::<Vec<_>>()
    };
    assert!(lines(&counts) == lines(&local) && lines(&counts).len() == 2);
}

pub(crate) fn steps_in_between_are_in_mini_hdfs_and_go(world: &mut World) {
    let (input, dir, local, out) = (
        world.new_dir(),
        world.new_dir(),
        world.new_path(),
        world.new_path(),
    );
    world.put(&input, &text(5_000));
    fs::write(&local, text(5_000)).unwrap();
    run(&spec("grep", &["w1[0-9]*"], &[&local], &out));
    // As users say it: the NameNode once, and paths.
    let default = ["-D", &format!("fs.defaultFS={}", world.name_node())].map(str::to_owned);
    let output = format!("hdfs://{dir}/deeper/out");
    let ran = Command::new(PROGRAM)
        .args(["run", "grep", "-q", "-r", "2", "-a", "w1[0-9]*"])
        .args(default)
        .args([&input, &output])
        .output()
        .unwrap();
    assert!(
        ran.status.success(),
        "{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    assert!(
        world.output(&format!("{dir}/deeper/out")) == local_output(&out),
        "grep differs"
    );
    assert_eq!(
        world.names(&format!("{dir}/deeper")),
        ["out"],
        "nothing is left in between"
    );
}

pub(crate) fn the_command_line_says_what_is_wrong(world: &mut World) {
    let (input, node, out) = (world.new_dir(), world.name_node(), world.new_path());
    world.put(&input, b"a b\n");
    let there = format!("{node}{input}");
    for (input, output, expected) in [
        (
            "hdfs:///a",
            &*out,
            "it names no NameNode; write hdfs://HOST:PORT/",
        ),
        ("s3://a/b", &out, "there is no file system s3:"),
        (&format!("{node}/none"), &out, "/none is not there"),
        (
            &there,
            &there,
            "is there already; remove it, or name another",
        ),
        (
            "hdfs://127.0.0.1:1/a",
            &out,
            "cannot reach the NameNode at 127.0.0.1:1: ",
        ),
    ] {
        let mut command = Command::new(PROGRAM);
        let ran = command
            .args(["run", "-q", "wordcount", input, output])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&ran.stderr);
        assert!(
            !ran.status.success() && said.contains(expected),
            "{input} {output}: {said}"
        );
    }
    assert!(
        !fs::exists(&out).unwrap(),
        "a job that was not taken leaves nothing"
    );
}

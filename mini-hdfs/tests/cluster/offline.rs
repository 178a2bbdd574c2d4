//! What `oev` and `oiv` make of a NameNode's files, and `fsck` of files that have lost a block.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use expect_test::expect;

use crate::harness::{World, blocks, bytes, get, program, put, until};
use crate::shell::check;

fn run(dir: &Path, words: &str) -> Output {
    let mut command = Command::new(program());
    command.args(words.split(' ')).current_dir(dir);
    command.output().unwrap()
}

/// The NameNode's files whose names begin so.
fn files(world: &World, start: &str) -> Vec<PathBuf> {
    let current = world.dir.path().join("namenode/current");
    let entries = fs::read_dir(&current).unwrap_or_else(|e| panic!("{}: {e}", current.display()));
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = paths
        .filter(|path| {
            path.file_name()
                .unwrap()
                .to_string_lossy()
                .starts_with(start)
        })
        .collect();
    paths.sort();
    paths
}

#[test]
fn edits_and_images_become_json_and_back() {
    let settings = ["dfs.replication=1", "dfs.namenode.checkpoint.txns=20"];
    let mut world = World::start(1, &settings);
    let (client, dir) = (world.client(), tempfile::tempdir().unwrap());
    let dir = dir.path();
    for i in 0..10 {
        put(&client, &format!("/d{i}/f"), &bytes(i, 100)).unwrap();
    }
    until("there is an image", || {
        files(&world, "fsimage_").iter().any(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            name.trim_start_matches("fsimage_")
                .parse::<u64>()
                .is_ok_and(|txid| txid > 0)
        })
    });
    // So that it does not remove what we look at.
    world.cluster.namenode.kill();
    for (kind, start) in [("oev", "edits_"), ("oiv", "fsimage_")] {
        let files = files(&world, start).into_iter();
        let file = files.max_by_key(|file| fs::metadata(file).map_or(0, |found| found.len()));
        let file = file.expect("there is one");
        fs::copy(&file, dir.join("binary")).unwrap();
        let json = run(dir, &format!("{kind} -i binary -o json"));
        assert!(json.status.success(), "{json:?}");
        let again = dir.join("again");
        let binary = run(dir, &format!("{kind} -p binary -i json -o again"));
        assert!(binary.status.success(), "{binary:?}");
        assert_eq!(
            fs::read(&again).unwrap(),
            fs::read(&file).unwrap(),
            "{kind}"
        );
        fs::remove_file(&again).unwrap();
        let onto_itself = run(dir, &format!("{kind} -i binary -o ./binary"));
        assert_eq!(onto_itself.status.code(), Some(1), "{onto_itself:?}");
        let left = fs::read(dir.join("binary")).unwrap();
        assert_eq!(left, fs::read(&file).unwrap(), "the input is still there");
        let stats = run(dir, &format!("{kind} -p stats -i binary"));
        let stats = String::from_utf8(stats.stdout).unwrap();
        let kinds: Vec<&str> = stats
            .lines()
            .map(|line| line.trim_start().split_once(' ').unwrap().1)
            .collect();
        match kind {
            "oev" => assert!(kinds.contains(&"AddBlock"), "{stats}"),
            _ => assert_eq!(kinds, ["Directory", "File", "in all"], "{stats}"),
        }

        // What is no such file is told of.
        let mut bytes = fs::read(&file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(dir.join("binary"), bytes).unwrap();
        let damaged = run(dir, &format!("{kind} -i binary -o json"));
        let said = String::from_utf8(damaged.stderr).unwrap();
        assert!(said.contains("is damaged at byte"), "{said}");
        assert_eq!(damaged.status.code(), Some(1));
        fs::write(dir.join("json"), "{\"x\": 1}\n").unwrap();
        let wrong = run(dir, &format!("{kind} -p binary -i json -o again"));
        let said = String::from_utf8(wrong.stderr).unwrap();
        assert!(said.contains("json, line 1"), "{said}");
        fs::remove_file(&again).ok();

        for (words, said) in [
            ("-i no/such", "cannot read no/such: No such file"),
            ("-i .", "cannot read .: "),
            ("-i json -p binary -o no/such", "no"),
        ] {
            let failed = run(dir, &format!("{kind} {words}"));
            assert_eq!(failed.status.code(), Some(1), "{failed:?}");
            let told = String::from_utf8(failed.stderr).unwrap();
            assert!(told.contains(said), "{told}");
        }
        #[cfg(target_os = "linux")]
        {
            fs::copy(&file, dir.join("binary")).unwrap();
            let full = run(dir, &format!("{kind} -i binary -o /dev/full"));
            let told = String::from_utf8(full.stderr).unwrap();
            assert!(told.contains("cannot write /dev/full: No space"), "{told}");
        }
    }
}

#[test]
fn what_is_left_of_files_with_lost_blocks_is_saved_and_the_rest_removed() {
    let mut world = World::start(1, &["dfs.replication=1", "dfs.blocksize=64k"]);
    let (client, dir) = (world.client(), tempfile::tempdir().unwrap());
    let contents = bytes(3, 5 * 65_536);
    put(&client, "/d/five", &contents).unwrap();
    put(&client, "/whole", b"whole").unwrap();
    let lost = blocks(&client, "/d/five")[2].block;
    let file = world.block_file("dn1", lost).expect("the DataNode has it");
    world.cluster.datanodes[0].kill();
    fs::remove_file(file).unwrap();
    world.cluster.datanodes[0]
        .start(crate::harness::SOON)
        .unwrap();
    until("the loss is known", || {
        let status = client.status().unwrap();
        status.missing == 1
            && blocks(&client, "/d/five")
                .iter()
                .filter(|b| !b.locations.is_empty())
                .count()
                == 4
    });
    check(
        &world,
        dir.path(),
        "fsck / -list-corruptfileblocks
         fsck /d -move -delete
         fsck / -list-corruptfileblocks
         dfs -ls -R /lost+found",
        &expect![[r#"
            $ fsck / -list-corruptfileblocks
            The list of corrupt files under path '/' are:
            blk_1073741827	/d/five
            The filesystem under path '/' has 1 CORRUPT files
            ? 1
            $ fsck /d -move -delete
            FSCK started by alice for path /d
            /d/five 327680 bytes, replicated: replication=1, 5 block(s):
             blk_1073741827_1003: MISSING: no live DataNode has a replica.
             - copied the remaining blocks of /d/five to /lost+found/d/five
             - deleted corrupt file /d/five

            Status: CORRUPT
             Number of data-nodes:	1
             Number of racks:		1
             Total dirs:			1

            Replicated Blocks:
             Total size:	327680 B
             Total files:	1
             Total blocks (validated):	5 (avg. block size 65536 B)
             Minimally replicated blocks:	4 (80.0 %)
             Over-replicated blocks:	0 (0.0 %)
             Under-replicated blocks:	0 (0.0 %)
             Mis-replicated blocks:		0 (0.0 %)
             Average block replication:	0.8
             Missing blocks:		1
             Corrupt blocks:		0
             Missing replicas:		1 (20.0 %)


            The filesystem under path '/d' is CORRUPT
            ? 1
            $ fsck / -list-corruptfileblocks
            The filesystem under path '/' has 0 CORRUPT files
            $ dfs -ls -R /lost+found
            drwxr-xr-x   - alice supergroup          0 DATE TIME /lost+found/d
            drwxr-xr-x   - alice supergroup          0 DATE TIME /lost+found/d/five
            -rw-r--r--   1 alice supergroup     131072 DATE TIME /lost+found/d/five/0
            -rw-r--r--   1 alice supergroup     131072 DATE TIME /lost+found/d/five/1
        "#]],
    );
    assert_eq!(get(&client, "/lost+found/d/five/0"), contents[..2 * 65_536]);
    assert_eq!(get(&client, "/lost+found/d/five/1"), contents[3 * 65_536..]);
}

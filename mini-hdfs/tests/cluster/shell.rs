//! The shell commands, as their users see them: what they print, on which stream, and how they end.

use std::fmt::Write as _;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use expect_test::{Expect, expect};

use crate::harness::{World, bytes, is_healthy, program, until};

/// Runs each line and compares all that is printed. Standard error is marked by `! `, an exit code other than 0 by `?`.
pub(crate) fn check(world: &World, dir: &Path, lines: &str, expected: &Expect) {
    let mut transcript = String::new();
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (stdin, words) = line.split_once(" | ").unwrap_or(("", line));
        let _ = writeln!(transcript, "$ {line}");
        let mut child = Command::new(program())
            .args(words.split(' '))
            .env("MINI_HDFS_NAMENODE", world.cluster.address().unwrap())
            .env("HADOOP_USER_NAME", "alice")
            .current_dir(dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(stdin.as_bytes())
            .unwrap();
        let output = child.wait_with_output().unwrap();
        transcript += &String::from_utf8(output.stdout).unwrap();
        if !transcript.ends_with('\n') {
            transcript += "\n";
        }
        for line in String::from_utf8(output.stderr).unwrap().lines() {
            let _ = writeln!(transcript, "! {line}");
        }
        if !output.status.success() {
            let _ = writeln!(transcript, "? {}", output.status.code().unwrap());
        }
    }
    expected.assert_eq(&normalised(world, &transcript));
}

/// Without what differs from run to run: addresses, times, the size of this machine's disks.
fn normalised(world: &World, transcript: &str) -> String {
    let mut text = transcript.to_owned();
    for (i, node) in world.cluster.datanodes.iter().enumerate() {
        text = text.replace(
            node.address("address").unwrap(),
            &format!("dn{}:9866", i + 1),
        );
    }
    let digits = |word: &str, shape: &str| {
        let digit = |c: char| if c.is_ascii_digit() { '0' } else { c };
        word.chars().map(digit).eq(shape.chars())
    };
    let mut lines = Vec::new();
    for line in text.lines() {
        let of_disk = [
            "Configured Capacity:",
            "Present Capacity:",
            "DFS Remaining:",
            "DFS Used%:",
        ];
        let line = match of_disk.iter().find(|title| line.starts_with(**title)) {
            Some(title) => format!("{title} ..."),
            None => line.to_owned(),
        };
        let words: Vec<&str> = line
            .split(' ')
            .map(|word| match word {
                word if digits(word, "0000-00-00") => "DATE",
                word if digits(word, "00:00") || digits(word, "00:00:00") => "TIME",
                word => word,
            })
            .collect();
        let mut line = words.join(" ");
        while line.contains("....") {
            line = line.replace("....", "..."); // A dot for each time that -setrep looked.
        }
        lines.push(line);
    }
    lines.join("\n") + "\n"
}

#[test]
fn files_are_put_shown_and_fetched() {
    let world = World::start(3, &[]);
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("big"), bytes(1, 600_000)).unwrap();
    fs::create_dir_all(dir.path().join("tree/empty")).unwrap();
    fs::write(dir.path().join("tree/leaf"), "green").unwrap();
    check(
        &world,
        dir.path(),
        "dfs -ls /
         dfs -mkdir a
         dfs -mkdir -p a/b
         dfs -mkdir a /x/y
         hello | dfs -put - a/hello
         dfs -cat a/hello
         dfs -put big tree hdfs:///user/alice/a
         dfs -put big a
         dfs -put -f big a
         dfs -D dfs.replication=2 -D dfs.blocksize=128k -put big a/small-blocks
         dfs -put none big nowhere
         dfs -put none a
         dfs -ls a
         dfs -ls -h -R /user
         dfs -ls -d a a/none
         dfs -stat %b,%n,%o,%r,%u,%g,%a,%A,%F,%x%% a/small-blocks a/b
         dfs -du a
         dfs -du -s -h a /user/alice/a/big
         dfs -get a/none a/tree fetched
         dfs -get a/tree fetched
         dfs -get a/big a/hello fetched
         dfs -get a/hello fetched
         dfs -get a/hello no/where",
        &expect![[r#"
            $ dfs -ls /
            $ dfs -mkdir a
            ! mkdir: `a': No such file or directory
            ? 1
            $ dfs -mkdir -p a/b
            $ dfs -mkdir a /x/y
            ! mkdir: `a': File exists
            ! mkdir: `/x/y': No such file or directory
            ? 1
            $ hello | dfs -put - a/hello
            $ dfs -cat a/hello
            hello
            $ dfs -put big tree hdfs:///user/alice/a
            $ dfs -put big a
            ! put: `/user/alice/a/big': File exists
            ? 1
            $ dfs -put -f big a
            $ dfs -D dfs.replication=2 -D dfs.blocksize=128k -put big a/small-blocks
            $ dfs -put none big nowhere
            ! put: `nowhere': No such file or directory
            ? 1
            $ dfs -put none a
            ! put: `none': No such file or directory
            ? 1
            $ dfs -ls a
            Found 5 items
            drwxr-xr-x   - alice supergroup          0 DATE TIME /user/alice/a/b
            -rw-r--r--   3 alice supergroup     600000 DATE TIME /user/alice/a/big
            -rw-r--r--   3 alice supergroup          5 DATE TIME /user/alice/a/hello
            -rw-r--r--   2 alice supergroup     600000 DATE TIME /user/alice/a/small-blocks
            drwxr-xr-x   - alice supergroup          0 DATE TIME /user/alice/a/tree
            $ dfs -ls -h -R /user
            drwxr-xr-x   - alice supergroup          0 DATE TIME /user/alice
            drwxr-xr-x   - alice supergroup          0 DATE TIME /user/alice/a
            drwxr-xr-x   - alice supergroup          0 DATE TIME /user/alice/a/b
            -rw-r--r--   3 alice supergroup    585.9 K DATE TIME /user/alice/a/big
            -rw-r--r--   3 alice supergroup          5 DATE TIME /user/alice/a/hello
            -rw-r--r--   2 alice supergroup    585.9 K DATE TIME /user/alice/a/small-blocks
            drwxr-xr-x   - alice supergroup          0 DATE TIME /user/alice/a/tree
            drwxr-xr-x   - alice supergroup          0 DATE TIME /user/alice/a/tree/empty
            -rw-r--r--   3 alice supergroup          5 DATE TIME /user/alice/a/tree/leaf
            $ dfs -ls -d a a/none
            drwxr-xr-x   - alice supergroup          0 DATE TIME /user/alice/a
            ! ls: `a/none': No such file or directory
            ? 1
            $ dfs -stat %b,%n,%o,%r,%u,%g,%a,%A,%F,%x%% a/small-blocks a/b
            600000,small-blocks,131072,2,alice,supergroup,644,rw-r--r--,regular file,x%
            0,b,0,0,alice,supergroup,755,rwxr-xr-x,directory,x%
            $ dfs -du a
            0       0        /user/alice/a/b
            600000  1800000  /user/alice/a/big
            5       15       /user/alice/a/hello
            600000  1200000  /user/alice/a/small-blocks
            5       15       /user/alice/a/tree
            $ dfs -du -s -h a /user/alice/a/big
            1.1 M  2.9 M  /user/alice/a
            585.9 K  1.7 M  /user/alice/a/big
            $ dfs -get a/none a/tree fetched
            ! get: `fetched': No such file or directory
            ? 1
            $ dfs -get a/tree fetched
            $ dfs -get a/big a/hello fetched
            $ dfs -get a/hello fetched
            ! get: `fetched/hello': File exists
            ? 1
            $ dfs -get a/hello no/where
            ! get: `no/where': No such file or directory
            ? 1
        "#]],
    );
    let fetched = fs::read(dir.path().join("fetched/big")).unwrap();
    assert!(fetched == bytes(1, 600_000));
    assert_eq!(fs::read(dir.path().join("fetched/leaf")).unwrap(), b"green");
    let left = fs::read_dir(dir.path()).unwrap().count();
    assert_eq!(left, 3, "nothing half-copied is left");
}

#[test]
fn trees_are_moved_and_removed() {
    let world = World::start(3, &[]);
    let dir = tempfile::tempdir().unwrap();
    check(
        &world,
        dir.path(),
        "dfs -mkdir -p /a/b /c
         1 | dfs -put - /a/one
         22 | dfs -put - /a/two
         dfs -mv /a/one /a/two
         dfs -mv /a/one /a/uno
         dfs -mv /a/uno /a/two /c
         dfs -mv /a /a/b
         dfs -mv /none /c
         dfs -mv /c/uno /c/two /d
         dfs -cat /c/* /c
         dfs -setrep -w 2 /c
         dfs -setrep none /c
         dfs -rm /c /c/uno /none
         dfs -rm -f /none
         dfs -rm -r -skipTrash /c /a
         dfs -ls /
         dfs -rm -r /
         dfs -help rm
         dfs -rm
         dfs -rm -x /a
         dfs -frobnicate
         dfs -D dfs.blocksze=1 -ls /",
        &expect![[r#"
            $ dfs -mkdir -p /a/b /c
            $ 1 | dfs -put - /a/one
            $ 22 | dfs -put - /a/two
            $ dfs -mv /a/one /a/two
            ! mv: `/a/two': File exists
            ? 1
            $ dfs -mv /a/one /a/uno
            $ dfs -mv /a/uno /a/two /c
            $ dfs -mv /a /a/b
            ! mv: cannot rename /a to /a/b: a directory cannot be moved into itself
            ? 1
            $ dfs -mv /none /c
            ! mv: `/none': No such file or directory
            ? 1
            $ dfs -mv /c/uno /c/two /d
            ! mv: `/d': No such file or directory
            ? 1
            $ dfs -cat /c/* /c
            221
            ! cat: `/c': Is a directory
            ? 1
            $ dfs -setrep -w 2 /c
            Replication 2 set: /c/two
            Replication 2 set: /c/uno
            Waiting for /c/two ... done
            Waiting for /c/uno ... done
            $ dfs -setrep none /c
            ! -setrep: Illegal replication, a positive integer expected
            ! Usage: mini-hdfs dfs [generic options] -setrep [-R] [-w] <rep> <path> ...
            ? 255
            $ dfs -rm /c /c/uno /none
            Deleted /c/uno
            ! rm: `/c': Is a directory
            ! rm: `/none': No such file or directory
            ? 1
            $ dfs -rm -f /none
            $ dfs -rm -r -skipTrash /c /a
            Deleted /c
            Deleted /a
            $ dfs -ls /
            $ dfs -rm -r /
            ! rm: invalid argument: the root cannot be deleted
            ? 1
            $ dfs -help rm
            -rm [-f] [-r|-R] [-skipTrash] <src> ...:
              Delete files, for good. -r: directories too. -f: what is not there is no error.
            $ dfs -rm
            ! -rm: Not enough arguments: expected 1 but got 0
            ! Usage: mini-hdfs dfs [generic options] -rm [-f] [-r|-R] [-skipTrash] <src> ...
            ? 255
            $ dfs -rm -x /a
            ! -rm: Illegal option -x
            ! Usage: mini-hdfs dfs [generic options] -rm [-f] [-r|-R] [-skipTrash] <src> ...
            ? 255
            $ dfs -frobnicate
            ! -frobnicate: Unknown command
            ! Usage: mini-hdfs dfs [generic options]
            ! 	[-cat <src> ...]
            ! 	[-checksum <src> ...]
            ! 	[-chgrp [-R] GROUP <path> ...]
            ! 	[-chmod [-R] <MODE[,MODE]... | OCTALMODE> <path> ...]
            ! 	[-chown [-R] [OWNER][:[GROUP]] <path> ...]
            ! 	[-count [-h] [-v] <path> ...]
            ! 	[-cp [-f] [-p] <src> ... <dst>]
            ! 	[-df [-h] [<path> ...]]
            ! 	[-du [-s] [-h] <path> ...]
            ! 	[-get [-f] <src> ... <localdst>]
            ! 	[-ls [-d] [-h] [-R] [<path> ...]]
            ! 	[-mkdir [-p] <path> ...]
            ! 	[-mv <src> ... <dst>]
            ! 	[-put [-f] <localsrc> ... <dst>]
            ! 	[-rm [-f] [-r|-R] [-skipTrash] <src> ...]
            ! 	[-setrep [-R] [-w] <rep> <path> ...]
            ! 	[-stat [format] <path> ...]
            ! 	[-tail [-f] <file>]
            ! 	[-test -[defrswz] <path>]
            ! 	[-touchz <path> ...]
            ! 	[-help [cmd ...]]
            ! 
            ! Generic options:
            ! -fs hdfs://HOST:PORT  the NameNode [default: MINI_HDFS_NAMENODE, or 127.0.0.1:8020]
            ! -D KEY=VALUE          a setting, such as dfs.replication=2 or dfs.blocksize=64m
            ? 255
            $ dfs -D dfs.blocksze=1 -ls /
            ! -D dfs.blocksze: no such setting; did you mean dfs.blocksize?
            ? 255
        "#]],
    );
}

#[test]
fn operators_see_the_cluster() {
    let world = World::start(3, &[]);
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("big"), bytes(1, 300_000)).unwrap();
    check(
        &world,
        dir.path(),
        "dfs -put big /big
         dfsadmin -safemode get
         dfsadmin -safemode enter
         dfs -rm /big
         dfs -put big /b
         dfsadmin -safemode leave
         dfsadmin -safemode wait
         dfsadmin -safemode
         fsck /none
         fsck
         fsck / -x",
        &expect![[r#"
            $ dfs -put big /big
            $ dfsadmin -safemode get
            Safe mode is OFF
            $ dfsadmin -safemode enter
            Safe mode is ON
            $ dfs -rm /big
            ! rm: cannot delete /big: the NameNode is in safe mode. It was turned on by hand; `dfsadmin -safemode leave` turns it off.
            ? 1
            $ dfs -put big /b
            ! put: cannot create /b._COPYING_: the NameNode is in safe mode. It was turned on by hand; `dfsadmin -safemode leave` turns it off.
            ? 1
            $ dfsadmin -safemode leave
            Safe mode is OFF
            $ dfsadmin -safemode wait
            Safe mode is OFF
            $ dfsadmin -safemode
            ! Usage: mini-hdfs dfsadmin [generic options]
            ! 	[-report [-live] [-dead] [-decommissioning] [-enteringmaintenance] [-inmaintenance]]
            ! 	[-safemode <enter | leave | get | wait>]
            ! 	[-refreshNodes]
            ! 	[-decommission <host[:port]> ...]
            ! 	[-maintenance [-for <time>] <host[:port]> ...]
            ! 	[-recommission <host[:port]> ...]
            ? 255
            $ fsck /none
            FSCK started by alice for path /none
            ! fsck: `/none': No such file or directory
            ? 1
            $ fsck
            ! Usage: mini-hdfs fsck [generic options] <path> [-list-corruptfileblocks | [-move | -delete] [-files [-blocks [-locations | -racks]]]]
            ? 255
            $ fsck / -x
            ! fsck: Illegal option -x
            ! Usage: mini-hdfs fsck [generic options] <path> [-list-corruptfileblocks | [-move | -delete] [-files [-blocks [-locations | -racks]]]]
            ? 255
        "#]],
    );
    let client = world.client();
    until("all replicas are reported", || is_healthy(&client, "/big"));
    check(
        &world,
        dir.path(),
        "fsck / -files -blocks",
        &expect![[r#"
        $ fsck / -files -blocks
        FSCK started by alice for path /
        /big 300000 bytes, replicated: replication=3, 2 block(s):  OK
        0. blk_1073741825_1001 len=262144 Live_repl=3
        1. blk_1073741826_1002 len=37856 Live_repl=3


        Status: HEALTHY
         Number of data-nodes:	3
         Number of racks:		1
         Total dirs:			1

        Replicated Blocks:
         Total size:	300000 B
         Total files:	1
         Total blocks (validated):	2 (avg. block size 150000 B)
         Minimally replicated blocks:	2 (100.0 %)
         Over-replicated blocks:	0 (0.0 %)
         Under-replicated blocks:	0 (0.0 %)
         Mis-replicated blocks:		0 (0.0 %)
         Average block replication:	3.0
         Missing blocks:		0
         Corrupt blocks:		0
         Missing replicas:		0 (0.0 %)


        The filesystem under path '/' is HEALTHY
    "#]],
    );
}

//! The shell commands that copy, compare and describe: `-cp`, `-checksum`, `-chmod`, `-count` and their like.

use std::fs;

use expect_test::expect;

use crate::harness::{World, bytes};
use crate::shell::check;

#[test]
fn owners_groups_and_modes_are_changed_and_survive_a_restart() {
    let mut world = World::start(1, &["dfs.replication=1"]);
    let dir = tempfile::tempdir().unwrap();
    check(
        &world,
        dir.path(),
        "dfs -mkdir -p /t/d
         1 | dfs -put - /t/f
         dfs -chmod -R u=rwX,go= /t
         dfs -stat %n,%a /t /t/d /t/f
         dfs -chmod 1777 /t
         dfs -chmod 999 /t
         dfs -chmod u+x /t/f /none
         dfs -chown -R bob:staff /t
         dfs -chown :wheel /t/f
         dfs -chown eve: /t/d
         dfs -chgrp users /t
         dfs -chown : /t
         dfs -chown a,b /t",
        &expect![[r#"
            $ dfs -mkdir -p /t/d
            $ 1 | dfs -put - /t/f
            $ dfs -chmod -R u=rwX,go= /t
            $ dfs -stat %n,%a /t /t/d /t/f
            t,700
            d,700
            f,600
            $ dfs -chmod 1777 /t
            $ dfs -chmod 999 /t
            ! -chmod: chmod : mode '999' does not match the expected pattern.
            ! Usage: mini-hdfs dfs [generic options] -chmod [-R] <MODE[,MODE]... | OCTALMODE> <path> ...
            ? 255
            $ dfs -chmod u+x /t/f /none
            ! chmod: `/none': No such file or directory
            ? 1
            $ dfs -chown -R bob:staff /t
            $ dfs -chown :wheel /t/f
            $ dfs -chown eve: /t/d
            $ dfs -chgrp users /t
            $ dfs -chown : /t
            ! -chown: ':' does not match the expected pattern for [owner][:group].
            ! Usage: mini-hdfs dfs [generic options] -chown [-R] [OWNER][:[GROUP]] <path> ...
            ? 255
            $ dfs -chown a,b /t
            ! -chown: 'a,b' does not match the expected pattern for [owner][:group].
            ! Usage: mini-hdfs dfs [generic options] -chown [-R] [OWNER][:[GROUP]] <path> ...
            ? 255
        "#]],
    );
    world.restart_namenode();
    check(
        &world,
        dir.path(),
        "dfs -stat %n,%u,%g,%A /t /t/d /t/f",
        &expect![[r#"
            $ dfs -stat %n,%u,%g,%A /t /t/d /t/f
            t,bob,users,rwxrwxrwt
            d,eve,staff,rwx------
            f,bob,wheel,rwx------
        "#]],
    );
}

#[test]
fn files_are_copied_compared_and_counted() {
    let world = World::start(2, &["dfs.replication=2"]);
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("big"), bytes(1, 600_000)).unwrap();
    check(
        &world,
        dir.path(),
        "dfs -mkdir -p /a/b /to
         dfs -put big /a/big
         short | dfs -put - /a/b/short
         dfs -touchz /a/empty
         dfs -touchz /a/empty
         dfs -touchz /a/big /a/b /none/x
         dfs -cp /a /to
         dfs -cp /a/big /a/none/big
         dfs -cp /a/big /to/a
         dfs -cp -f /a/big /a/empty /to/a
         dfs -chmod 700 /a/b
         dfs -chown bob:staff /a/b
         dfs -cp -p /a/b /kept
         dfs -stat %n,%u,%g,%a /kept /kept/short
         dfs -cp /a /a/b
         dfs -cp /a/big /a/big
         dfs -ls -R /to
         dfs -checksum /a/big /to/a/big /a/empty
         dfs -D dfs.blocksize=1m -cp /a/big /other
         dfs -checksum /other /a
         dfs -count /a /to/a/b
         dfs -count -h -v /a
         dfs -tail /a/b/short
         dfs -tail /a
         dfs -df /none",
        &expect![[r#"
            $ dfs -mkdir -p /a/b /to
            $ dfs -put big /a/big
            $ short | dfs -put - /a/b/short
            $ dfs -touchz /a/empty
            $ dfs -touchz /a/empty
            $ dfs -touchz /a/big /a/b /none/x
            ! touchz: `/a/big': Not a zero-length file
            ! touchz: `/a/b': Is a directory
            ! touchz: `/none': No such file or directory
            ? 1
            $ dfs -cp /a /to
            $ dfs -cp /a/big /a/none/big
            ! cp: `/a/none': No such file or directory
            ? 1
            $ dfs -cp /a/big /to/a
            ! cp: `/to/a/big': File exists
            ? 1
            $ dfs -cp -f /a/big /a/empty /to/a
            $ dfs -chmod 700 /a/b
            $ dfs -chown bob:staff /a/b
            $ dfs -cp -p /a/b /kept
            $ dfs -stat %n,%u,%g,%a /kept /kept/short
            kept,bob,staff,700
            short,alice,supergroup,644
            $ dfs -cp /a /a/b
            ! cp: `/a/b/a': is a subdirectory of `/a'
            ? 1
            $ dfs -cp /a/big /a/big
            ! cp: `/a/big': and `/a/big' are the same file
            ? 1
            $ dfs -ls -R /to
            drwxr-xr-x   - alice supergroup          0 DATE TIME /to/a
            drwxr-xr-x   - alice supergroup          0 DATE TIME /to/a/b
            -rw-r--r--   2 alice supergroup          5 DATE TIME /to/a/b/short
            -rw-r--r--   2 alice supergroup     600000 DATE TIME /to/a/big
            -rw-r--r--   2 alice supergroup          0 DATE TIME /to/a/empty
            $ dfs -checksum /a/big /to/a/big /a/empty
            /a/big	MD5-of-512MD5-of-512CRC32C	00000200000000000000020073098331280a9ecebe182201ba9e5b75
            /to/a/big	MD5-of-512MD5-of-512CRC32C	00000200000000000000020073098331280a9ecebe182201ba9e5b75
            /a/empty	MD5-of-0MD5-of-0CRC32	00000000000000000000000070bc8f4b72a86921468bf8e8441dce51
            $ dfs -D dfs.blocksize=1m -cp /a/big /other
            $ dfs -checksum /other /a
            /other	MD5-of-0MD5-of-512CRC32C	00000200000000000000000038f6bbc5334f2ec19bc5a86db13383af
            ! checksum: `/a': Is a directory
            ? 1
            $ dfs -count /a /to/a/b
                       2            3             600005 /a
                       1            1                  5 /to/a/b
            $ dfs -count -h -v /a
               DIR_COUNT   FILE_COUNT       CONTENT_SIZE PATHNAME
                       2            3            585.9 K /a
            $ dfs -tail /a/b/short
            short
            $ dfs -tail /a
            ! tail: `/a': Is a directory
            ? 1
            $ dfs -df /none
            ! df: `/none': No such file or directory
            ? 1
        "#]],
    );
    let tail = std::process::Command::new(crate::harness::program())
        .args(["dfs", "-tail", "/a/big"])
        .env("MINI_HDFS_NAMENODE", world.cluster.address().unwrap())
        .output()
        .unwrap();
    assert_eq!(tail.stdout, bytes(1, 600_000)[600_000 - 1024..]);
}

#[test]
fn test_answers_by_its_exit_code() {
    let world = World::start(1, &["dfs.replication=1"]);
    let dir = tempfile::tempdir().unwrap();
    check(
        &world,
        dir.path(),
        "dfs -mkdir /d
         1 | dfs -put - /f
         dfs -touchz /z
         dfs -test -e /f
         dfs -test -e /none
         dfs -test -d /d
         dfs -test -d /f
         dfs -test -f /f
         dfs -test -s /f
         dfs -test -s /z
         dfs -test -z /z
         dfs -test -z /f
         dfs -test -w /f
         dfs -test /f",
        &expect![[r#"
            $ dfs -mkdir /d
            $ 1 | dfs -put - /f
            $ dfs -touchz /z
            $ dfs -test -e /f
            $ dfs -test -e /none
            ? 1
            $ dfs -test -d /d
            $ dfs -test -d /f
            ? 1
            $ dfs -test -f /f
            $ dfs -test -s /f
            $ dfs -test -s /z
            ? 1
            $ dfs -test -z /z
            $ dfs -test -z /f
            ? 1
            $ dfs -test -w /f
            $ dfs -test /f
            ! -test: exactly one of the options is needed
            ! Usage: mini-hdfs dfs [generic options] -test -[defrswz] <path>
            ? 255
        "#]],
    );
}

//! The scenes, each played to its end by the lab's own program.

#![allow(clippy::unwrap_used)] // Also in the helpers of tests.

use std::process::Command;

#[cfg_attr(
    not(any(
        feature = "clocks",
        feature = "hash",
        feature = "hdfs",
        feature = "kafka",
        feature = "mapreduce",
        feature = "raft"
    )),
    expect(dead_code, reason = "this lab has none of them")
)]
fn play(scene: &str) {
    let dir = tempfile::tempdir().unwrap();
    let played = Command::new(env!("CARGO_BIN_EXE_lab"))
        .args(["scene", scene, "--dir"])
        .arg(dir.path())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&played.stdout);
    let failed = String::from_utf8_lossy(&played.stderr);
    assert!(played.status.success(), "{told}\n{failed}");
    assert!(told.contains("every expectation was met"), "{told}");
}

#[cfg(feature = "hash")]
#[test]
fn a_store_joins() {
    play("hash/add-node");
}

#[cfg(feature = "clocks")]
#[test]
fn two_writers_are_in_conflict() {
    play("clocks/conflict");
}

#[cfg(feature = "hdfs")]
mod hdfs {
    use super::play;

    #[test]
    fn kill_datanode() {
        play("hdfs/kill-datanode");
    }

    #[test]
    fn kill_two() {
        play("hdfs/kill-two");
    }

    #[test]
    fn replace_datanode() {
        play("hdfs/replace-datanode");
    }

    #[test]
    fn restart_namenode() {
        play("hdfs/restart-namenode");
    }

    #[test]
    fn balancer() {
        play("hdfs/balancer");
    }

    #[test]
    fn cut_off_rack() {
        play("hdfs/cut-off-rack");
    }

    #[test]
    fn bit_rot() {
        play("hdfs/bit-rot");
    }

    #[test]
    fn dead_writer() {
        play("hdfs/dead-writer");
    }

    #[test]
    fn decommission() {
        play("hdfs/decommission");
    }

    #[test]
    fn paused_datanode() {
        play("hdfs/paused-datanode");
    }

    #[test]
    fn slow_datanode() {
        play("hdfs/slow-datanode");
    }
}

#[cfg(feature = "kafka")]
mod kafka {
    use super::play;

    #[test]
    fn torn_write() {
        play("kafka/torn-write");
    }

    #[test]
    fn duplicate() {
        play("kafka/duplicate");
    }

    #[test]
    fn rebalance_storm() {
        play("kafka/rebalance-storm");
    }

    #[test]
    fn slow_consumer() {
        play("kafka/slow-consumer");
    }

    #[test]
    fn compaction() {
        play("kafka/compaction");
    }
}

#[cfg(feature = "mapreduce")]
mod mapreduce {
    use super::play;

    #[test]
    fn kill_worker() {
        play("mapreduce/kill-worker");
    }

    #[test]
    fn straggler() {
        play("mapreduce/straggler");
    }

    #[test]
    fn locality() {
        play("mapreduce/locality");
    }

    #[test]
    fn skew() {
        play("mapreduce/skew");
    }
}

#[cfg(feature = "raft")]
mod raft {
    use super::play;

    #[test]
    fn kill_leader() {
        play("raft/kill-leader");
    }

    #[test]
    fn partition() {
        play("raft/partition");
    }

    #[test]
    fn paused_leader() {
        play("raft/paused-leader");
    }

    #[test]
    fn stale_read() {
        play("raft/stale-read");
    }

    #[test]
    fn replace_member() {
        play("raft/replace-member");
    }
}

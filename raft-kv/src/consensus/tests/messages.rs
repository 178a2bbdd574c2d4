//! Messages of other members: snapshots in parts, and what is not meant for whoever gets it.

use super::*;
use crate::consensus::types::{RaftVote, StoredMembership};
use crate::wal::snapshot;

/// Member 2 sends the first part of a snapshot to member 1, which may be all of it.
async fn send(engine: &Engine, file: &str, bytes: Vec<u8>, is_last: bool) -> peer::Response {
    let part = peer::SnapshotPart {
        vote: RaftVote::new_committed(1, 2),
        file: file.to_owned(),
        offset: 0,
        bytes,
        is_last,
    };
    send_part(engine, part).await
}

/// The leader that a part names sends it to member 1.
async fn send_part(engine: &Engine, part: peer::SnapshotPart) -> peer::Response {
    let message = peer::encode(&peer::Envelope {
        cluster: 7,
        from: part.vote.leader_id.voted_for,
        to: 1,
        request: peer::Request::Snapshot(part),
    });
    let answer = peer::decode(&engine.handle(&message).await);
    answer.unwrap()
}

/// Writes a snapshot of the sum 7.
fn build(disk: &mut SharedDisk, position: Option<Position>) -> snapshot::Writer {
    let meta = snapshot::Meta {
        position,
        membership: postcard::to_stdvec(&StoredMembership::default()).unwrap(),
    };
    let mut writer = snapshot::Writer::create(disk, &meta).unwrap();
    writer.chunk(disk, &7_u64.to_be_bytes()).unwrap();
    writer
}

fn snapshots(disk: &SharedDisk) -> Vec<String> {
    let mut files = disk.list(snapshot::DIR).unwrap();
    files.sort_unstable();
    files
}

/// A transfer once removed the file of the snapshot that was being built, which ended the member.
#[tokio::test(start_paused = true)]
async fn a_transfer_leaves_the_snapshot_alone_that_is_being_built() {
    let mut cluster = Cluster::new();
    let engine = cluster.start(1).await;
    let mut disk = cluster.disks[&1].clone();
    let building = build(&mut disk, None);
    for file in ["one", "the next, when the first was cut off"] {
        let answer = send(&engine, file, vec![1; 10], false).await;
        assert!(matches!(answer, peer::Response::SnapshotPart(true)));
    }
    building.finish(&mut disk).unwrap();
    let files = snapshots(&disk);
    assert_eq!(files.len(), 2, "{files:?}");
    assert_eq!(files[1], "received-2.tmp", "what was cut off is gone");
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_that_got_damaged_on_its_way_is_refused_and_removed() {
    let mut cluster = Cluster::new();
    let engine = cluster.start(1).await;
    let mut leaders = SharedDisk::default();
    let position = Some(Position { term: 1, index: 9 });
    let meta = build(&mut leaders, position).finish(&mut leaders).unwrap();
    let good = leaders.read(&meta.file()).unwrap();
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        let answer = send(&engine, &meta.file(), bad, true).await;
        let peer::Response::Refused(reason) = answer else {
            panic!("damage at {at} was not noticed");
        };
        assert!(reason.contains("not kept"), "{reason}");
        assert_eq!(snapshots(&cluster.disks[&1]), [""; 0], "damage at {at}");
    }
    let answer = send(&engine, &meta.file(), good, true).await;
    assert!(matches!(answer, peer::Response::SnapshotInstalled(_)));
    let installed = snapshots(&cluster.disks[&1]);
    assert_eq!(installed, ["0000000000000001-0000000000000009.snap"]);
    assert_eq!(cluster.sum(1), 7);
}

/// Two leaders, one of which does not know yet that its term is over, once ended each other's transfers for as long as both tried.
#[tokio::test(start_paused = true)]
async fn an_old_leader_does_not_end_the_transfer_of_a_new_one() {
    let mut cluster = Cluster::new();
    let engine = cluster.start(1).await;
    let mut leaders = SharedDisk::default();
    let position = Some(Position { term: 1, index: 9 });
    let meta = build(&mut leaders, position).finish(&mut leaders).unwrap();
    let whole = leaders.read(&meta.file()).unwrap();
    let (begin, end) = whole.split_at(20);
    let part = |(term, leader), offset: usize, bytes: &[u8]| peer::SnapshotPart {
        vote: RaftVote::new_committed(term, leader),
        file: meta.file(),
        offset: offset as u64,
        bytes: bytes.to_vec(),
        is_last: offset + bytes.len() == whole.len(),
    };
    let (old, new) = ((1, 2), (2, 3));
    let answer = send_part(&engine, part(old, 0, begin)).await;
    assert!(matches!(answer, peer::Response::SnapshotPart(true)));
    let answer = send_part(&engine, part(new, 0, begin)).await;
    assert!(matches!(answer, peer::Response::SnapshotPart(true)));
    for late in [part(old, 20, end), part(old, 0, &whole)] {
        let answer = send_part(&engine, late).await;
        let peer::Response::Refused(reason) = answer else {
            panic!("the old leader goes on");
        };
        assert!(reason.contains("term 1 comes too late"), "{reason}");
    }
    let answer = send_part(&engine, part(new, 20, end)).await;
    assert!(matches!(answer, peer::Response::SnapshotInstalled(_)));
    assert_eq!(cluster.sum(1), 7);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_meant_for_a_member_is_refused() {
    let mut cluster = Cluster::new();
    let engine = cluster.start(1).await;
    let envelope = |cluster, to| {
        peer::encode(&peer::Envelope {
            cluster,
            from: 2,
            to,
            request: peer::Request::ReadIndex,
        })
    };
    for (message, reason) in [
        (envelope(8, 1), "the message is for cluster 8, this is 7"),
        (envelope(7, 3), "the message is for member 3, this is 1"),
        (
            Bytes::from_static(b"\xff\xff"),
            "a message is not understood",
        ),
        (Bytes::new(), "a message is not understood"),
    ] {
        let answer = engine.handle(&message).await;
        let Ok(peer::Response::Refused(said)) = peer::decode(&answer) else {
            panic!("{message:?} was not refused");
        };
        assert!(said.starts_with(reason), "{said}");
    }
}

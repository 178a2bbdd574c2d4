//! The writer's calls on a NameNode with three DataNodes, and what of them survives a crash.

mod invalid_paths;
mod leases;
mod pipelines;
mod random;

use node::{MemDisk, Rng, Time};

use super::blocks::BlockState;
use super::{Config, NameNode, checkpoint};
use crate::block::{Block, DatanodeId, DatanodeInfo, GenerationStamp, InodeId, LocatedBlock};
use crate::error::FsError;
use crate::protocol::{
    AddBlockRequest, BlockEvent, CreateRequest, Heartbeat, Permission, RegistrationId,
};

const NOW: Time = Time::from_millis(1_000_000);
const BLOCK_SIZE: u64 = 1 << 20;

struct Rig {
    namenode: NameNode,
    disk: MemDisk,
    rng: Rng,
    registrations: Vec<RegistrationId>,
}

fn permission() -> Permission {
    Permission {
        owner: "ada".into(),
        group: "staff".into(),
        mode: 0o644,
    }
}

fn request(path: &str, client: &str, overwrite: bool) -> CreateRequest {
    CreateRequest {
        path: path.into(),
        client: client.into(),
        overwrite,
        create_parent: true,
        replication: 0,
        block_size: BLOCK_SIZE,
        permission: permission(),
    }
}

impl Rig {
    fn new() -> Rig {
        let (mut disk, mut rng) = (MemDisk::default(), Rng::new(1));
        NameNode::format(&mut disk, &mut rng).unwrap();
        Rig::load(disk)
    }

    fn load(mut disk: MemDisk) -> Rig {
        let namenode = NameNode::load(Config::default(), &mut disk, NOW).unwrap();
        let mut rig = Rig {
            namenode,
            disk,
            rng: Rng::new(2),
            registrations: Vec::new(),
        };
        for id in 1..=3 {
            rig.register(DatanodeId(id));
        }
        rig
    }

    fn register(&mut self, id: DatanodeId) {
        let info = DatanodeInfo {
            id,
            hostname: format!("host{}", id.0),
            address: format!("10.0.0.{}:9866", id.0),
            rack: "/default-rack".into(),
        };
        let registered = self
            .namenode
            .register_datanode(info, None, NOW, &mut self.rng);
        let registration = registered.unwrap().id;
        let heartbeat = Heartbeat {
            wants_report_lease: false,
            id,
            registration,
            capacity: 1 << 40,
            dfs_used: 0,
            remaining: 1 << 40,
            xceivers: 0,
        };
        self.namenode.heartbeat(&heartbeat, NOW);
        self.namenode
            .block_report(id, registration, &[], NOW)
            .unwrap();
        self.registrations.push(registration);
    }

    fn sync(&mut self) {
        while let Some(batch) = self.namenode.begin_sync() {
            batch.write(&mut self.disk).unwrap();
            self.namenode.end_sync(&batch);
            if batch.roll.is_some() {
                let image = checkpoint(&Config::default(), &mut self.disk).ok();
                self.namenode.end_checkpoint(image, NOW);
            }
        }
    }

    fn create(&mut self, path: &str, client: &str) -> InodeId {
        let created = self.namenode.create(&request(path, client, false), NOW);
        created.unwrap().inode
    }

    fn add(&mut self, inode: InodeId, previous: Option<Block>) -> Result<LocatedBlock, FsError> {
        let request = AddBlockRequest {
            inode,
            client: "ada".into(),
            previous,
            exclude: Vec::new(),
            client_host: None,
        };
        self.namenode.add_block(&request, NOW, &mut self.rng)
    }

    /// The first DataNode has finalised its replica.
    fn received(&mut self, block: Block) {
        let events = [BlockEvent::Received(block)];
        let registration = self.registrations[0];
        self.namenode
            .incremental_block_report(DatanodeId(1), registration, &events, NOW)
            .unwrap();
    }

    fn complete(&mut self, inode: InodeId, last: Option<Block>) -> Result<bool, FsError> {
        self.namenode.complete(inode, "ada", last, NOW)
    }

    fn state(&self, block: Block) -> BlockState {
        self.namenode.blocks().blocks().get(block.id).unwrap().state
    }

    /// What a crash now leaves, after everything was synced.
    fn restart(&mut self) -> Rig {
        self.sync();
        Rig::load(self.disk.clone())
    }
}

fn long(block: Block, len: u64) -> Block {
    Block { len, ..block }
}

#[test]
fn a_file_is_written_block_by_block() {
    let mut rig = Rig::new();
    let inode = rig.create("/dir/f", "ada");
    let first = rig.add(inode, None).unwrap();
    assert_eq!((first.offset, first.locations.len()), (0, 3));
    let first = long(first.block, BLOCK_SIZE);
    let second = rig.add(inode, Some(first)).unwrap();
    assert_eq!(second.offset, BLOCK_SIZE);
    assert_eq!(rig.state(first), BlockState::Committed);
    let second = long(second.block, 7);
    // The first one is not complete, so there can be no third one yet …
    assert!(matches!(
        rig.add(inode, Some(second)),
        Err(FsError::NotReplicatedYet(_))
    ));
    // … nor can the file be closed, but what was said of the second one is kept.
    assert_eq!(rig.complete(inode, Some(second)), Ok(false));
    assert_eq!(rig.state(second), BlockState::Committed);
    rig.received(first);
    assert_eq!(rig.complete(inode, Some(second)), Ok(false));
    rig.received(second);
    assert_eq!(rig.complete(inode, Some(second)), Ok(true));
    assert_eq!(
        rig.complete(inode, Some(second)),
        Ok(true),
        "asked again, since the answer was lost"
    );
    let status = rig.namenode.get_file_info("/dir/f").unwrap().unwrap();
    assert_eq!(
        (status.len, status.under_construction),
        (BLOCK_SIZE + 7, false)
    );
    let mut rng = Rng::new(3);
    let located = rig
        .namenode
        .get_block_locations("/dir/f", BLOCK_SIZE + 1, 1, None, NOW, &mut rng)
        .unwrap();
    assert_eq!(
        (located.blocks.len(), located.blocks[0].offset),
        (1, BLOCK_SIZE)
    );
}

#[test]
fn what_was_synced_is_there_after_a_crash() {
    let mut rig = Rig::new();
    let inode = rig.create("/f", "ada");
    let first = rig.add(inode, None).unwrap().block;
    rig.received(long(first, 5));
    let second = rig.add(inode, Some(long(first, 5))).unwrap().block;
    rig.namenode.set_replication("/f", 2).unwrap();
    rig.namenode
        .mkdirs("/x/y", true, &permission(), NOW)
        .unwrap();
    rig.namenode.rename("/f", "/x", NOW).unwrap();
    let mut again = rig.restart();
    assert_eq!(again.namenode.namespace(), rig.namenode.namespace());
    assert_eq!(again.namenode.last_txid(), rig.namenode.last_txid());
    assert_eq!(
        again.namenode.get_file_info("/x/f"),
        rig.namenode.get_file_info("/x/f")
    );
    // The writer goes on. Its pipeline is forgotten, so the same empty block gets a new one.
    let retried = again.add(inode, Some(long(first, 5))).unwrap();
    assert_eq!((retried.block, retried.locations.len()), (second, 2));
    again.received(long(first, 5));
    again.received(long(second, 9));
    assert_eq!(again.complete(inode, Some(long(second, 9))), Ok(true));
}

#[test]
fn a_lost_answer_of_add_block_leads_to_the_same_block() {
    let mut rig = Rig::new();
    let inode = rig.create("/f", "ada");
    let first = rig.add(inode, None).unwrap();
    let last_txid = rig.namenode.last_txid();
    assert_eq!(rig.add(inode, None), Ok(first.clone()));
    assert_eq!(
        rig.namenode.last_txid(),
        last_txid,
        "nothing has changed, so nothing is logged"
    );
    let previous = long(first.block, 9);
    let second = rig.add(inode, Some(previous)).unwrap();
    assert_eq!(rig.add(inode, Some(previous)), Ok(second.clone()));
    // That is no retry: the block before has another length.
    assert!(rig.add(inode, Some(long(first.block, 8))).is_err());
    assert!(rig.add(inode, None).is_err());
    rig.received(previous);
    let third = rig.add(inode, Some(long(second.block, 1))).unwrap();
    assert!(
        rig.add(inode, Some(previous)).is_err(),
        "that answer was understood long ago"
    );
    assert_eq!(third.offset, 10);
}

#[test]
fn lengths_and_generations_are_checked() {
    let mut rig = Rig::new();
    let inode = rig.create("/f", "ada");
    let block = rig.add(inode, None).unwrap().block;
    for bad in [
        long(block, BLOCK_SIZE + 1),
        long(block, u64::MAX),
        Block {
            generation: GenerationStamp(1),
            ..long(block, 1)
        },
        Block {
            id: crate::block::BlockId(1),
            ..long(block, 1)
        },
    ] {
        assert!(rig.add(inode, Some(bad)).is_err(), "{bad:?}");
        assert!(rig.complete(inode, Some(bad)).is_err(), "{bad:?}");
    }
    assert!(rig.complete(inode, None).is_err(), "the file has a block");
    assert_eq!(rig.complete(inode, Some(long(block, 5))), Ok(false));
    assert!(
        rig.complete(inode, Some(long(block, 6))).is_err(),
        "it was committed with 5"
    );
    assert!(
        rig.namenode.abandon_block(inode, "ada", block).is_err(),
        "it is committed"
    );
}

#[test]
fn a_file_has_one_writer() {
    let mut rig = Rig::new();
    let inode = rig.create("/f", "ada");
    for client in ["ada", "bob"] {
        let again = rig.namenode.create(&request("/f", client, false), NOW);
        assert!(
            matches!(again, Err(FsError::AlreadyBeingCreated { .. })),
            "{again:?}"
        );
    }
    let block = rig.add(inode, None).unwrap().block;
    let as_bob = [
        rig.namenode.complete(inode, "bob", Some(block), NOW).err(),
        rig.namenode.abandon_block(inode, "bob", block).err(),
        rig.namenode
            .update_block_for_pipeline(inode, "bob", block)
            .err(),
        rig.namenode
            .update_pipeline(inode, "bob", block, block, &[])
            .err(),
    ];
    for answer in as_bob {
        assert!(
            matches!(answer, Some(FsError::LeaseExpired { .. })),
            "{answer:?}"
        );
    }
    assert_eq!(rig.namenode.delete("/f", false, NOW), Ok(true));
    assert!(matches!(
        rig.add(inode, None),
        Err(FsError::LeaseExpired { .. })
    ));
}

#[test]
fn overwriting_makes_a_new_file() {
    let mut rig = Rig::new();
    let inode = rig.create("/f", "ada");
    assert_eq!(
        rig.complete(inode, None),
        Ok(true),
        "an empty file is a file"
    );
    let refused = rig.namenode.create(&request("/f", "bob", false), NOW);
    assert_eq!(refused, Err(FsError::FileAlreadyExists("/f".into())));
    let new = rig
        .namenode
        .create(&request("/f", "bob", true), NOW)
        .unwrap();
    assert!(new.inode > inode && new.under_construction);
    rig.namenode.mkdirs("/d", true, &permission(), NOW).unwrap();
    let refused = rig.namenode.create(&request("/d", "bob", true), NOW);
    assert_eq!(refused, Err(FsError::PathIsDirectory("/d".into())));
}

#[test]
fn a_rebuilt_pipeline_has_a_new_generation() {
    let mut rig = Rig::new();
    let inode = rig.create("/f", "ada");
    let old = rig.add(inode, None).unwrap().block;
    let generation = rig
        .namenode
        .update_block_for_pipeline(inode, "ada", old)
        .unwrap();
    assert!(generation > old.generation);
    let new = Block {
        generation,
        ..long(old, 100)
    };
    let never_given = Block {
        generation: GenerationStamp(generation.0 + 1),
        ..new
    };
    let pipeline = [DatanodeId(1), DatanodeId(2)];
    for bad in [never_given, long(new, BLOCK_SIZE + 1)] {
        let answer = rig
            .namenode
            .update_pipeline(inode, "ada", old, bad, &pipeline);
        assert!(answer.is_err(), "{bad:?}");
    }
    for _ in 0..2 {
        rig.namenode
            .update_pipeline(inode, "ada", old, new, &pipeline)
            .unwrap();
    }
    assert!(
        rig.add(inode, Some(long(old, 100))).is_err(),
        "the old version is out of date"
    );
    assert!(
        rig.complete(inode, Some(long(new, 99))).is_err(),
        "100 bytes were acknowledged"
    );
    let mut again = rig.restart();
    again.received(long(new, 200));
    assert_eq!(again.complete(inode, Some(long(new, 200))), Ok(true));
}

#[test]
fn an_abandoned_block_is_gone_and_its_id_is_not_used_again() {
    let mut rig = Rig::new();
    let inode = rig.create("/f", "ada");
    let first = rig.add(inode, None).unwrap().block;
    for _ in 0..2 {
        rig.namenode.abandon_block(inode, "ada", first).unwrap();
    }
    let mut again = rig.restart();
    let next = again.add(inode, None).unwrap().block;
    assert!(next.id > first.id && next.generation > first.generation);
}

#[test]
fn safe_mode_refuses_every_change_and_says_how_to_leave() {
    let mut rig = Rig::new();
    let inode = rig.create("/f", "ada");
    let block = rig.add(inode, None).unwrap().block;
    rig.namenode.set_safe_mode(true, NOW);
    let txid = rig.namenode.last_txid();
    let (namenode, two) = (&mut rig.namenode, &[DatanodeId(2)]);
    let answers = [
        namenode.mkdirs("/d", true, &permission(), NOW).err(),
        namenode.create(&request("/g", "ada", false), NOW).err(),
        namenode.rename("/f", "/g", NOW).err(),
        namenode.delete("/f", true, NOW).err(),
        namenode.set_replication("/f", 1).err(),
        namenode.complete(inode, "ada", Some(block), NOW).err(),
        namenode.abandon_block(inode, "ada", block).err(),
        namenode
            .update_block_for_pipeline(inode, "ada", block)
            .err(),
        namenode
            .update_pipeline(inode, "ada", block, block, two)
            .err(),
        rig.add(inode, Some(long(block, 1))).err(),
    ];
    for answer in answers {
        match answer {
            Some(e @ FsError::SafeMode { .. }) => {
                assert!(e.to_string().contains("-safemode leave"), "{e}");
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(rig.namenode.last_txid(), txid);
    assert!(
        rig.namenode.get_file_info("/f").unwrap().is_some(),
        "reads go on"
    );
    rig.namenode.set_safe_mode(false, NOW);
    assert_eq!(rig.namenode.delete("/f", true, NOW), Ok(true));
}

#[test]
fn trees_are_made_listed_summed_up_and_removed() {
    let mut rig = Rig::new();
    let mode = permission();
    assert_eq!(
        rig.namenode.mkdirs("/a/b/c", false, &mode, NOW),
        Err(FsError::FileNotFound("/a/b".into()))
    );
    rig.namenode.mkdirs("/a/b/c", true, &mode, NOW).unwrap();
    rig.namenode.mkdirs("/a/b/c", false, &mode, NOW).unwrap();
    for path in ["/a/f", "/a/b/g", "/a/b/c/h"] {
        rig.create(path, "ada");
    }
    let listing = rig.namenode.get_listing("/a", "").unwrap();
    let paths: Vec<&str> = listing.entries.iter().map(|e| e.path.as_str()).collect();
    assert_eq!((paths, listing.remaining), (vec!["/a/b", "/a/f"], 0));
    let summary = rig.namenode.get_content_summary("/").unwrap();
    assert_eq!((summary.files, summary.directories), (3, 4));
    let mut seen: Vec<String> = Vec::new();
    loop {
        let after = seen.last().cloned().unwrap_or_default();
        let files = rig.namenode.fsck("/a", &after, 1, NOW).unwrap();
        let Some(file) = files.first() else { break };
        seen.push(file.status.path.clone());
    }
    assert_eq!(seen, ["/a/b/c/h", "/a/b/g", "/a/f"]);
    assert_eq!(rig.namenode.fsck("/a/f", "/a/f", 1, NOW), Ok(vec![]));
    assert!(rig.namenode.fsck("/a/b", "/a/f", 1, NOW).is_err());
    let refused = rig.namenode.delete("/a", false, NOW);
    assert_eq!(refused, Err(FsError::PathIsNotEmptyDirectory("/a".into())));
    assert!(rig.namenode.delete("/", true, NOW).is_err());
    assert_eq!(rig.namenode.delete("/a", true, NOW), Ok(true));
    assert_eq!(rig.namenode.delete("/a", true, NOW), Ok(false));
    let status = rig.namenode.status(NOW);
    assert_eq!((status.inodes, status.under_construction), (1, 0));
}

#[test]
fn a_checkpoint_is_asked_for_when_it_is_due() {
    let mut rig = Rig::new();
    let hour = Config::default().checkpoint_period;
    rig.create("/f", "ada");
    rig.sync();
    rig.namenode.renew_lease("ada", NOW + hour);
    rig.namenode.tick(NOW + hour, &mut Rng::new(4));
    rig.sync();
    assert_eq!(rig.namenode.status(NOW).checkpoint_txid, 1);
    let mut again = rig.restart();
    assert_eq!(again.namenode.namespace(), rig.namenode.namespace());
    again.create("/g", "ada");
    assert_eq!(again.namenode.last_txid().0, 2);
}

#[test]
fn arguments_are_checked() {
    let mut rig = Rig::new();
    let good = request("/f", "ada", false);
    let bad = [
        CreateRequest {
            block_size: 513 << 20 | 1,
            ..good.clone()
        },
        CreateRequest {
            block_size: 512,
            ..good.clone()
        },
        CreateRequest {
            replication: 513,
            ..good.clone()
        },
        CreateRequest {
            client: String::new(),
            ..good.clone()
        },
        CreateRequest {
            client: "c".repeat(256),
            ..good.clone()
        },
        CreateRequest {
            permission: Permission {
                mode: 0o2000,
                ..permission()
            },
            ..good.clone()
        },
    ];
    for request in bad {
        let answer = rig.namenode.create(&request, NOW);
        assert!(
            matches!(answer, Err(FsError::InvalidArgument(_))),
            "{request:?}: {answer:?}"
        );
    }
    let no_parent = CreateRequest {
        path: "/no/f".into(),
        create_parent: false,
        ..good.clone()
    };
    assert_eq!(
        rig.namenode.create(&no_parent, NOW),
        Err(FsError::FileNotFound("/no".into()))
    );
    rig.namenode.create(&good, NOW).unwrap();
    let below_file = CreateRequest {
        path: "/f/g".into(),
        ..good
    };
    assert_eq!(
        rig.namenode.create(&below_file, NOW),
        Err(FsError::ParentNotDirectory("/f".into()))
    );
    assert!(rig.namenode.set_replication("/f", 0).is_err());
    assert_eq!(
        rig.namenode.set_replication("/", 2),
        Err(FsError::PathIsDirectory("/".into()))
    );
}

#[test]
fn owner_group_and_mode_change_and_survive() {
    let mut rig = Rig::new();
    rig.namenode
        .create(&request("/f", "ada", false), NOW)
        .unwrap();
    rig.namenode.set_permission("/f", 0o1600).unwrap();
    rig.namenode.set_owner("/f", Some("bob"), None).unwrap();
    rig.namenode.set_owner("/f", None, Some("wheel")).unwrap();
    let changed = Permission {
        owner: "bob".into(),
        group: "wheel".into(),
        mode: 0o1600,
    };
    let again = rig.restart();
    for rig in [&rig, &again] {
        let status = rig.namenode.get_file_info("/f").unwrap().unwrap();
        assert_eq!(status.permission, changed);
    }
    assert!(rig.namenode.set_permission("/f", 0o2000).is_err());
    assert!(rig.namenode.set_owner("/f", Some(""), None).is_err());
    assert_eq!(
        rig.namenode.set_owner("/none", Some("bob"), None),
        Err(FsError::FileNotFound("/none".into()))
    );
}

#[test]
fn a_datanode_of_another_file_system_is_refused() {
    let mut rig = Rig::new();
    let info = |id: u64| DatanodeInfo {
        id: DatanodeId(id),
        hostname: "host".into(),
        address: format!("10.0.1.{id}:9866"),
        rack: "/default-rack".into(),
    };
    let mut register = |id, namespace| {
        let namenode = &mut rig.namenode;
        namenode.register_datanode(info(id), namespace, NOW, &mut rig.rng)
    };
    let ours = register(1, None).unwrap().namespace_id;
    assert_eq!(register(1, Some(ours)).unwrap().namespace_id, ours);
    let refusal = register(2, Some(ours ^ 1)).unwrap_err();
    assert!(
        matches!(refusal, FsError::InconsistentNamespace { .. }),
        "all its replicas would be deleted, but: {refusal}"
    );
}

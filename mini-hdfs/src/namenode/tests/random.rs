//! Random calls, and what of them a restart gives back.

use proptest::prelude::*;

use super::{NOW, Rig, long, request};
use crate::block::{Block, DatanodeId, InodeId};
use crate::namenode::NameNode;

/// What is durable of all blocks.
fn durable_blocks(namenode: &NameNode) -> Vec<(Block, InodeId, u16)> {
    let infos = namenode.blocks().blocks().iter();
    infos
        .map(|info| (info.block, info.inode, info.replication))
        .collect()
}

impl Rig {
    /// One call, on one of a few files; whether it is refused does not matter.
    fn call(&mut self, kind: u8, a: u8, b: u8) {
        let names = ["/f", "/g", "/d/f", "/d/g", "/d", "/e"];
        let (path, to) = (names[usize::from(a) % 6], names[usize::from(b) % 6]);
        let found = self.namenode.get_file_info(path).unwrap();
        let inode = found.map_or(InodeId(0), |status| status.inode);
        let last = self
            .namenode
            .namespace()
            .get(inode)
            .and_then(|i| i.as_file()?.blocks.last().copied());
        let last = last.map(|id| self.namenode.blocks().blocks().get(id).unwrap().block);
        let named = last.unwrap_or_default();
        let written = last.map(|block| long(block, block.len.max(u64::from(b))));
        match kind % 14 {
            0 => drop(self.namenode.create(&request(path, "ada", b > 200), NOW)),
            1..=3 => drop(self.add(inode, written)),
            4 => self.received(written.unwrap_or_default()),
            5 | 6 => drop(self.complete(inode, written)),
            7 => drop(self.namenode.abandon_block(inode, "ada", named)),
            8 => {
                let generation = self.namenode.update_block_for_pipeline(inode, "ada", named);
                if let Ok(generation) = generation {
                    let new = Block {
                        generation,
                        ..named
                    };
                    let pipeline = [DatanodeId(1)];
                    self.namenode
                        .update_pipeline(inode, "ada", named, new, &pipeline)
                        .unwrap();
                }
            }
            9 => drop(self.namenode.rename(path, to, NOW)),
            10 => drop(self.namenode.delete(path, b > 100, NOW)),
            11 => drop(self.namenode.set_permission(path, u16::from(b) * 8)),
            12 => {
                let name = |bit: u8, name| (b & bit == 0).then_some(name);
                drop(self.namenode.set_owner(path, name(1, "bob"), name(2, "x")));
            }
            _ => drop(self.namenode.set_replication(path, u16::from(b % 5))),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn recovery_gives_back_what_calls_have_made(calls in prop::collection::vec(any::<(u8, u8, u8)>(), 1..150)) {
        let mut rig = Rig::new();
        for (kind, a, b) in calls {
            rig.call(kind, a, b);
        }
        let again = rig.restart();
        prop_assert_eq!(again.namenode.namespace(), rig.namenode.namespace());
        prop_assert_eq!(durable_blocks(&again.namenode), durable_blocks(&rig.namenode));
        for name in ["/f", "/g", "/d/f", "/d/g"] {
            prop_assert_eq!(again.namenode.get_file_info(name), rig.namenode.get_file_info(name));
        }
    }
}

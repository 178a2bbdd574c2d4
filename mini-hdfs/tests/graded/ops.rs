//! What the tests of the NameNode's durable half share: edit ops written briefly, and a state to apply them to.

use mini_hdfs::block::{Block, BlockId, GenerationStamp, InodeId};
use mini_hdfs::error::FsError;
use mini_hdfs::namenode::blocks::{BlockState, BlocksMap};
use mini_hdfs::namenode::edit_op::{EditOp, apply};
use mini_hdfs::namenode::namespace::Namespace;
use mini_hdfs::protocol::Permission;
use proptest::prelude::*;

pub(crate) fn permission() -> Permission {
    Permission {
        owner: "ada".into(),
        group: "staff".into(),
        mode: 0o750,
    }
}

pub(crate) fn mkdir(inode: u64, path: &str) -> EditOp {
    EditOp::Mkdir {
        inode: InodeId(inode),
        path: path.into(),
        permission: permission(),
        time_ms: inode,
    }
}

pub(crate) fn add(inode: u64, path: &str) -> EditOp {
    EditOp::Add {
        inode: InodeId(inode),
        path: path.into(),
        permission: permission(),
        replication: 3,
        block_size: 1 << 20,
        client: "writer".into(),
        time_ms: inode,
    }
}

/// The durable half of a NameNode.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    pub(crate) namespace: Namespace,
    pub(crate) blocks: BlocksMap,
}

/// What is durable of a block: id, generation, length; file; replication; whether it is complete.
type DurableBlock = (Block, InodeId, u16, bool);

impl State {
    pub(crate) fn apply(&mut self, op: &EditOp) -> Result<(), FsError> {
        apply(op, &mut self.namespace, &mut self.blocks).map(|_| ())
    }

    pub(crate) fn after(ops: &[EditOp]) -> State {
        let mut state = State::default();
        for op in ops {
            state
                .apply(op)
                .unwrap_or_else(|e| panic!("{op:?} should have been applied, but: {e}"));
        }
        state
    }

    /// Everything that has to survive.
    pub(crate) fn durable(&self) -> (Namespace, Vec<DurableBlock>, BlockId, GenerationStamp) {
        let blocks = self.blocks.iter().map(|info| {
            let complete = info.state == BlockState::Complete;
            (info.block, info.inode, info.replication, complete)
        });
        let blocks = blocks.collect();
        let (id, generation) = (self.blocks.last_id(), self.blocks.last_generation());
        (self.namespace.clone(), blocks, id, generation)
    }
}

/// Comparing.
impl State {
    /// Expects everything that has to survive to be as in `expected`; otherwise says what differs, a line each.
    pub(crate) fn expect(&self, expected: &State, when: &str) {
        if self.durable() == expected.durable() {
            return;
        }
        let (found, wanted) = (self.lines(), expected.lines());
        let only_in = |these: &[String], others: &[String]| {
            let lines = these.iter().filter(|line| !others.contains(line));
            lines
                .map(|line| format!("\n    {line}"))
                .collect::<String>()
        };
        panic!(
            "{when}, there should be:{}\n  but instead there is:{}",
            only_in(&wanted, &found),
            only_in(&found, &wanted)
        );
    }

    fn lines(&self) -> Vec<String> {
        let (namespace, blocks, last_id, last_generation) = self.durable();
        let root = namespace.require("/").expect("the root is always there");
        let inodes = namespace
            .walk(root)
            .map(|inode| format!("{}: {inode:?}", namespace.path_of(inode)));
        let blocks = blocks.iter().map(|(block, inode, replication, complete)| {
            let len = block.len;
            format!("{block} of {len} bytes, of inode {inode}, replication {replication}, complete: {complete}")
        });
        let counters = format!(
            "highest ids: inode {}, block {last_id}, generation {last_generation}; {} open files",
            namespace.last_inode(),
            namespace.open_files()
        );
        inodes.chain(blocks).chain([counters]).collect()
    }
}

/// A history as a NameNode would log it: each op fits the state that those before it leave. Each element of `draws`
/// proposes one op; what does not fit is left out.
pub(crate) fn history(draws: &[(u8, u8, u8)]) -> Vec<EditOp> {
    let mut state = State::default();
    let mut ops = Vec::new();
    for (kind, a, b) in draws {
        let op = propose(&state, *kind, *a, *b);
        let mut trial = state.clone();
        if trial.apply(&op).is_ok() {
            state = trial;
            ops.push(op);
        }
    }
    ops
}

pub(crate) fn draws(most: usize) -> impl Strategy<Value = Vec<(u8, u8, u8)>> {
    prop::collection::vec(any::<(u8, u8, u8)>(), 0..most)
}

/// One of some forty paths, up to three names deep.
pub(crate) fn path(draw: u8) -> String {
    let names = ["a", "b", "c"];
    let mut path = String::new();
    for level in 0..=u32::from(draw / 27 % 3) {
        let name = names[usize::from(draw) / 3usize.pow(level) % 3];
        path = format!("{path}/{name}");
    }
    path
}

fn propose(state: &State, kind: u8, a: u8, b: u8) -> EditOp {
    let (from, to) = (path(a), path(b));
    let next = state.namespace.last_inode().0 + 1;
    let id = state.blocks.last_id().0 + 1;
    let generation = state.blocks.last_generation().0 + 1;
    let file = state.namespace.require_file(&from).ok();
    let inode = file.map_or(InodeId(0), |(inode, _)| inode);
    let ids = file.map_or(Vec::new(), |(_, file)| file.blocks.to_vec());
    let blocks: Vec<Block> = ids
        .iter()
        .map(|id| {
            state
                .blocks
                .get(*id)
                .expect("a file knows its blocks")
                .block
        })
        .collect();
    let last = ids.last().map(|id| {
        let info = state.blocks.get(*id).expect("a file knows its blocks");
        match info.state {
            BlockState::UnderConstruction => Block {
                len: u64::from(b),
                ..info.block
            },
            _ => info.block,
        }
    });
    let open = file.is_some_and(|(_, file)| file.client.is_some());
    let time_ms = next;
    match kind % 12 {
        0 | 1 => mkdir(next, &from),
        2 | 3 => add(next, &from),
        4 | 5 if open => EditOp::AddBlock {
            inode,
            previous: last,
            block: Block::new(id, generation, 0),
        },
        6 if open => EditOp::Close {
            inode,
            last,
            time_ms,
        },
        7 if open => EditOp::UpdateBlocks {
            inode,
            blocks: blocks[..blocks.len().saturating_sub(1)].to_vec(),
        },
        8 => EditOp::SetGenerationStamp(GenerationStamp(generation)),
        9 => EditOp::SetReplication {
            path: from,
            replication: u16::from(b) + 1,
        },
        10 => EditOp::Delete {
            path: from,
            time_ms,
        },
        _ => EditOp::Rename { from, to, time_ms },
    }
}

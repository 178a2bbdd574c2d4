//! Between the plain types and the generated ones. Outward nothing can fail; inward a message may lack a part
//! that we cannot do without, or hold a number that is out of range.
//!
//! Here are the tools; `nouns.rs`, `client.rs` and `datanode.rs` use them.

mod client;
mod datanode;
mod nouns;

use tonic::Status;

use super::wire;

/// A message that is no such message; holds the field at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed message: {0} is missing or out of range")]
pub struct Malformed(&'static str);

impl From<Malformed> for Status {
    fn from(malformed: Malformed) -> Status {
        Status::invalid_argument(malformed.to_string())
    }
}

/// The value of a field that must be there.
pub(crate) fn needed<W, T: TryFrom<W>>(
    field: Option<W>,
    name: &'static str,
) -> Result<T, Malformed> {
    T::try_from(field.ok_or(Malformed(name))?).map_err(|_| Malformed(name))
}

/// A number in a narrower type than the wire has.
pub(crate) fn narrowed<T: TryFrom<u32>>(number: u32, name: &'static str) -> Result<T, Malformed> {
    T::try_from(number).map_err(|_| Malformed(name))
}

pub(crate) fn all<W, T: From<W>>(items: Vec<W>) -> Vec<T> {
    items.into_iter().map(T::from).collect()
}

pub(crate) fn try_all<W, T: TryFrom<W, Error = Malformed>>(
    items: Vec<W>,
) -> Result<Vec<T>, Malformed> {
    items.into_iter().map(T::try_from).collect()
}

/// An enum whose value 0 on the wire means that it was not set.
macro_rules! enums {
    ($($core:ident { $($variant:ident),* })*) => { $(
        impl From<$core> for wire::$core {
            fn from(core: $core) -> Self {
                match core { $($core::$variant => wire::$core::$variant),* }
            }
        }

        impl TryFrom<wire::$core> for $core {
            type Error = Malformed;

            fn try_from(wire: wire::$core) -> Result<Self, Malformed> {
                match wire {
                    wire::$core::Unspecified => Err(Malformed(stringify!($core))),
                    $(wire::$core::$variant => Ok($core::$variant)),*
                }
            }
        }
    )* };
}

/// Structs of plain numbers and texts, whose fields are the same on both sides.
macro_rules! same_fields {
    ($($name:ident { $($field:ident),* $(,)? })*) => { $(
        impl From<$name> for wire::$name {
            fn from(core: $name) -> Self {
                wire::$name { $($field: core.$field),* }
            }
        }

        impl From<wire::$name> for $name {
            fn from(wire: wire::$name) -> Self {
                $name { $($field: wire.$field),* }
            }
        }
    )* };
}

/// Answers that say nothing but that the call was carried out.
macro_rules! empty_answers {
    ($($name:ident),*) => { $(
        impl From<()> for wire::$name {
            fn from((): ()) -> Self {
                wire::$name {}
            }
        }
    )* };
}

/// Answers of one field.
macro_rules! answers {
    ($($name:ident { $field:ident: $core:ty => $convert:expr })*) => { $(
        impl From<$core> for wire::$name {
            fn from(core: $core) -> Self {
                wire::$name { $field: $convert(core) }
            }
        }
    )* };
}

use {answers, empty_answers, enums, same_fields};

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use super::*;
    use crate::block::{
        Block, DatanodeId, DatanodeInfo, GenerationStamp, InodeId, LocatedBlock, ReplicaState,
    };
    use crate::namenode::blocks::BlockState;
    use crate::protocol::{
        BlockEvent, BlockSynchronization, Command, CreateRequest, FileStatus, FsckBlock,
        Permission, RecoveringBlock, ReplicaHealth, ReportedReplica,
    };

    fn node(id: u64) -> DatanodeInfo {
        DatanodeInfo {
            id: DatanodeId(id),
            hostname: "h".to_owned(),
            address: "127.0.0.1:1".to_owned(),
            rack: "/r".to_owned(),
        }
    }

    fn permission() -> Permission {
        Permission {
            owner: "o".to_owned(),
            group: "g".to_owned(),
            mode: 0o1777,
        }
    }

    /// There and back again, through the bytes.
    fn arrives<T, W>(sent: &T)
    where
        T: Clone + Debug + PartialEq + TryFrom<W>,
        T::Error: Debug,
        W: From<T> + prost::Message + Default,
    {
        let bytes = W::from(sent.clone()).encode_to_vec();
        let arrived = T::try_from(W::decode(bytes.as_slice()).unwrap()).unwrap();
        assert_eq!(arrived, *sent);
    }

    #[test]
    fn what_is_sent_arrives() {
        let block = Block::new(1_073_741_825, 1001, u64::MAX);
        arrives::<_, wire::LocatedBlock>(&LocatedBlock {
            block,
            offset: 7,
            locations: vec![node(1), node(u64::MAX)],
            corrupt: true,
            under_construction: false,
        });
        arrives::<_, wire::FileStatus>(&FileStatus {
            path: "/ä".to_owned(),
            inode: InodeId(16_386),
            is_directory: false,
            len: 1,
            replication: u16::MAX,
            block_size: 2,
            modified_ms: 3,
            accessed_ms: 4,
            permission: permission(),
            under_construction: true,
            children: 0,
        });
        arrives::<_, wire::CreateRequest>(&CreateRequest {
            path: "/f".to_owned(),
            client: "c".to_owned(),
            overwrite: true,
            create_parent: false,
            replication: 3,
            block_size: 512,
            permission: permission(),
        });
        arrives::<_, wire::FsckBlock>(&FsckBlock {
            block,
            state: BlockState::Committed,
            expected: 3,
            replicas: vec![
                (node(1), ReplicaHealth::Stale),
                (node(2), ReplicaHealth::Corrupt),
            ],
            badly_distributed: true,
        });
        arrives::<_, wire::Command>(&Command::Register);
        arrives::<_, wire::Command>(&Command::Invalidate(vec![block, block]));
        arrives::<_, wire::Command>(&Command::Transfer {
            block,
            targets: vec![node(3)],
        });
        arrives::<_, wire::Command>(&Command::Recover(vec![RecoveringBlock {
            block,
            recovery_id: GenerationStamp(1002),
            locations: vec![node(4)],
        }]));
        for len in [None, Some(0)] {
            arrives::<_, wire::CommitBlockSynchronizationRequest>(&BlockSynchronization {
                block,
                recovery_id: GenerationStamp(1002),
                len,
                datanodes: vec![DatanodeId(4)],
            });
        }
        arrives::<_, wire::BlockEvent>(&BlockEvent::Deleted(block));
        arrives::<_, wire::ReportedReplica>(&ReportedReplica {
            block,
            state: ReplicaState::Rwr,
        });
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        assert!(LocatedBlock::try_from(wire::LocatedBlock::default()).is_err());
        assert!(Command::try_from(wire::Command::default()).is_err());
        assert!(ReportedReplica::try_from(wire::ReportedReplica::default()).is_err());
        let wide = wire::Permission {
            mode: 1 << 16,
            ..wire::Permission::default()
        };
        assert!(Permission::try_from(wide).is_err());
    }
}

//! The tree of directories and files (`FSDirectory`, `INodeDirectory`, `INodeFile`), in memory as HDFS's is.
//!
//! Inodes live in one map by id and name each other by id, so that a rename moves one entry, however
//! much is below it, and a writer that holds an id is not disturbed by renames above it. A file knows only the ids
//! of its blocks; everything else about a block is in the [`BlocksMap`](super::blocks::BlocksMap).
//! There are millions of them, so what many have in common is kept once: owner, group and mode, and a name that both the inode and its
//! directory know.
//!
//! There are two kinds of method. Some take `&self` and *decide*: may this be done, and what exactly would it
//! be? The others, in `namespace/change.rs`, take what was decided, out of an
//! [`EditOp`](super::edit_op::EditOp), and do it. They alone run when the edit log is replayed. All of them take valid
//! paths only: who calls has passed them through [`path::check`](super::path::check).
//!
//! Each operation costs O(depth × log entries), plus what it returns or removes; a page of a listing does not walk
//! the entries before it.

mod change;

use std::collections::{BTreeMap, BTreeSet, btree_map};
use std::ops::Bound::{Excluded, Unbounded};
use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smallvec::SmallVec;

use super::id_map::IdMap;
use super::path::{is_below, join, names, parent};
use crate::block::{BlockId, InodeId};
use crate::error::FsError;
use crate::protocol::Permission;

/// The inode of `/` (`ROOT_INODE_ID`).
pub const ROOT: InodeId = InodeId(16385);

/// A file or a directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inode {
    /// Which.
    pub id: InodeId,
    /// The directory that it is in; the root is its own.
    pub parent: InodeId,
    /// Its name there; empty for the root.
    #[serde(
        serialize_with = "plainly",
        deserialize_with = "from_plain::<_, String, _>"
    )]
    pub name: Arc<str>,
    /// Owner, group and mode, shared with others that have the same.
    #[serde(
        serialize_with = "plainly",
        deserialize_with = "from_plain::<_, Permission, _>"
    )]
    pub permission: Arc<Permission>,
    /// When its contents last changed: for a directory, when an entry came or went. Milliseconds since the epoch.
    pub modified_ms: u64,
    /// When it came into being, milliseconds since the epoch. (HDFS moves it with reads.)
    pub accessed_ms: u64,
    /// What it is.
    pub kind: InodeKind,
}

/// The entries of a directory, in the order of their names.
pub type Entries = BTreeMap<Arc<str>, InodeId>;

/// The blocks of a file, in order. Most files have one or two, and need no memory elsewhere for these. `collect()` makes it, or `into()` of a
/// `Vec`.
pub type BlockIds = SmallVec<[BlockId; 2]>;

/// What an inode is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum InodeKind {
    /// A directory, with its entries. (An fsimage leaves them out: each inode names its parent.)
    Directory(#[serde(skip)] Entries),
    /// A file.
    File(FileInode),
}

/// What a file is besides an inode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileInode {
    /// How many replicas its blocks should have.
    pub replication: u16,
    /// Bytes in each block but the last.
    pub block_size: u64,
    /// Its blocks in order.
    #[serde(
        serialize_with = "plainly",
        deserialize_with = "from_plain::<_, Vec<BlockId>, _>"
    )]
    pub blocks: BlockIds,
    /// The client that is writing it; none once it is closed.
    pub client: Option<String>,
}

/// In an fsimage, what is shared or packed in memory is written as what it is.
fn plainly<S: Serializer>(value: &impl Deref<Target: Serialize>, to: S) -> Result<S::Ok, S::Error> {
    value.deref().serialize(to)
}

fn from_plain<'de, D, P, T>(from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    P: Deserialize<'de>,
    T: From<P>,
{
    P::deserialize(from).map(T::from)
}

impl Inode {
    /// The file that it is, if it is one.
    pub fn as_file(&self) -> Option<&FileInode> {
        match &self.kind {
            InodeKind::File(file) => Some(file),
            InodeKind::Directory(_) => None,
        }
    }

    /// The entries of the directory that it is, if it is one.
    pub fn as_directory(&self) -> Option<&Entries> {
        match &self.kind {
            InodeKind::Directory(entries) => Some(entries),
            InodeKind::File(_) => None,
        }
    }
}

/// One page of a directory's entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<'a> {
    /// In the order of their names.
    pub entries: Vec<&'a Inode>,
    /// How many follow, counted no further than one page.
    pub remaining: usize,
}

/// All files and directories.
#[derive(Clone, Debug)]
pub struct Namespace {
    inodes: IdMap<Inode>,
    /// Every owner, group and mode that an inode has, or had (`SerialNumberManager`, which forgets none either).
    permissions: BTreeSet<Arc<Permission>>,
    /// The highest inode id ever used; ids are not used again.
    last_inode: InodeId,
    open_files: u64,
}

impl PartialEq for Namespace {
    /// Whether the same files and directories are there.
    fn eq(&self, other: &Namespace) -> bool {
        (self.last_inode, self.open_files) == (other.last_inode, other.open_files)
            && self.inodes == other.inodes
    }
}

impl Eq for Namespace {}

impl Default for Namespace {
    /// An empty root directory.
    fn default() -> Namespace {
        let root = Inode {
            id: ROOT,
            parent: ROOT,
            name: Arc::from(""),
            permission: Arc::new(Permission {
                owner: "hdfs".to_owned(),
                group: "supergroup".to_owned(),
                mode: 0o755,
            }),
            modified_ms: 0,
            accessed_ms: 0,
            kind: InodeKind::Directory(Entries::new()),
        };
        let mut inodes = IdMap::default();
        inodes.insert(ROOT.0, root);
        Namespace {
            inodes,
            permissions: BTreeSet::new(),
            last_inode: ROOT,
            open_files: 0,
        }
    }
}

fn not_found(path: &str) -> FsError {
    FsError::FileNotFound(path.to_owned())
}

/// Looking things up.
impl Namespace {
    /// An inode by its id.
    pub fn get(&self, id: InodeId) -> Option<&Inode> {
        self.inodes.get(id.0)
    }

    fn root(&self) -> &Inode {
        self.get(ROOT).expect("the root is never removed")
    }

    /// What stands at `path`; none if nothing does.
    pub fn lookup(&self, path: &str) -> Option<&Inode> {
        names(path).try_fold(self.root(), |dir, name| {
            self.get(*dir.as_directory()?.get(name)?)
        })
    }

    /// What stands at `path`.
    ///
    /// # Errors
    /// [`FsError::FileNotFound`].
    pub fn require(&self, path: &str) -> Result<&Inode, FsError> {
        self.lookup(path).ok_or_else(|| not_found(path))
    }

    /// The file at `path`.
    ///
    /// # Errors
    /// [`FsError::FileNotFound`], [`FsError::PathIsDirectory`].
    pub fn require_file(&self, path: &str) -> Result<(InodeId, &FileInode), FsError> {
        let inode = self.require(path)?;
        let file = inode
            .as_file()
            .ok_or_else(|| FsError::PathIsDirectory(path.to_owned()))?;
        Ok((inode.id, file))
    }

    /// The full path of an inode.
    pub fn path_of(&self, inode: &Inode) -> String {
        let mut names = Vec::new();
        let mut at = inode;
        while at.id != ROOT {
            names.push(&*at.name);
            at = self
                .get(at.parent)
                .expect("an inode's parent is in the map as long as it is");
        }
        names.reverse();
        format!("/{}", names.join("/"))
    }

    /// Files and directories, the root included.
    pub fn len(&self) -> usize {
        self.inodes.len()
    }

    /// Whether there is nothing but the root.
    pub fn is_empty(&self) -> bool {
        self.inodes.len() == 1
    }

    /// Files that a client is writing.
    pub fn open_files(&self) -> u64 {
        self.open_files
    }

    /// The highest inode id ever used.
    pub fn last_inode(&self) -> InodeId {
        self.last_inode
    }

    /// The entries of the directory at `path` whose names come after `start_after`, up to `limit`. A file is a page of its own.
    ///
    /// # Errors
    /// [`FsError::FileNotFound`].
    pub fn list(&self, path: &str, start_after: &str, limit: usize) -> Result<Page<'_>, FsError> {
        let inode = self.require(path)?;
        let Some(entries) = inode.as_directory() else {
            let entries = vec![inode];
            return Ok(Page {
                entries,
                remaining: 0,
            });
        };
        let mut following = entries.range::<str, _>((Excluded(start_after), Unbounded));
        Ok(Page {
            entries: following
                .by_ref()
                .take(limit)
                .filter_map(|(_, id)| self.get(*id))
                .collect(),
            remaining: following.take(limit.max(1)).count(),
        })
    }

    /// `top` and everything below it, each directory before its entries, entries in the order of their names.
    pub fn walk<'a>(&'a self, top: &'a Inode) -> Walk<'a> {
        Walk {
            namespace: self,
            top: Some(top),
            open: Vec::new(),
        }
    }

    /// As [`Namespace::walk`], but only what comes after `start_after`, the path of something below `top` that may
    /// have gone away since. Does not visit what comes before.
    ///
    /// # Errors
    /// [`FsError::InvalidArgument`] where `start_after` is not below `top`.
    pub fn walk_after<'a>(
        &'a self,
        top: &'a Inode,
        start_after: &str,
    ) -> Result<Walk<'a>, FsError> {
        let top_path = self.path_of(top);
        if start_after != top_path && !is_below(start_after, &top_path) {
            let reason = format!("{start_after} is not below {top_path}");
            return Err(FsError::InvalidArgument(reason));
        }
        let depth = names(&top_path).count();
        let mut open = Vec::new();
        let mut at = Some(top);
        for name in names(start_after).skip(depth) {
            let Some(entries) = at.and_then(Inode::as_directory) else {
                break;
            };
            open.push(entries.range::<str, _>((Excluded(name), Unbounded)));
            at = entries.get(name).and_then(|id| self.get(*id));
        }
        // A directory comes before its entries, so they come after it.
        if let Some(entries) = at.and_then(Inode::as_directory) {
            open.push(entries.range::<str, _>(..));
        }
        Ok(Walk {
            namespace: self,
            top: None,
            open,
        })
    }
}

/// An iterator over a tree; see [`Namespace::walk`].
#[derive(Debug)]
pub struct Walk<'a> {
    namespace: &'a Namespace,
    top: Option<&'a Inode>,
    /// What is left of each directory on the way down.
    open: Vec<btree_map::Range<'a, Arc<str>, InodeId>>,
}

impl<'a> Iterator for Walk<'a> {
    type Item = &'a Inode;

    fn next(&mut self) -> Option<&'a Inode> {
        let inode = match self.top.take() {
            Some(top) => top,
            None => loop {
                match self.open.last_mut()?.next() {
                    Some((_, id)) => break self.namespace.get(*id)?,
                    None => {
                        self.open.pop();
                    }
                }
            },
        };
        if let Some(entries) = inode.as_directory() {
            self.open.push(entries.range::<str, _>(..));
        }
        Some(inode)
    }
}

/// Deciding.
impl Namespace {
    /// The directories that `mkdir -p` of `path` has to make, from the top; none where it is a directory already.
    ///
    /// # Errors
    /// [`FsError::FileAlreadyExists`] where a file stands at `path`; [`FsError::ParentNotDirectory`] where one stands on
    /// the way.
    pub fn missing_directories(&self, path: &str) -> Result<Vec<String>, FsError> {
        let mut missing = Vec::new();
        let mut at = Some(self.root());
        let mut at_path = "/".to_owned();
        for name in names(path) {
            let entries = match at {
                Some(dir) => Some(
                    dir.as_directory()
                        .ok_or_else(|| FsError::ParentNotDirectory(at_path.clone()))?,
                ),
                None => None,
            };
            at = entries.and_then(|entries| self.get(*entries.get(name)?));
            at_path = join(&at_path, name);
            if at.is_none() {
                missing.push(at_path.clone());
            }
        }
        match at {
            Some(inode) if inode.as_file().is_some() => {
                Err(FsError::FileAlreadyExists(path.to_owned()))
            }
            _ => Ok(missing),
        }
    }

    /// The directory that `path` is or would be in.
    ///
    /// # Errors
    /// [`FsError::FileNotFound`] where it does not exist, [`FsError::ParentNotDirectory`] where it is a file;
    /// [`FsError::FileAlreadyExists`] for the root, which is in none.
    pub fn require_parent(&self, path: &str) -> Result<&Inode, FsError> {
        let (dir, _) = parent(path).ok_or_else(|| FsError::FileAlreadyExists(path.to_owned()))?;
        let missing = self.missing_directories(dir).map_err(|e| match e {
            FsError::FileAlreadyExists(file) => FsError::ParentNotDirectory(file),
            other => other,
        })?;
        match missing.first() {
            Some(dir) => Err(not_found(dir)),
            None => self.require(dir),
        }
    }

    /// Where a rename of `from` to `to` puts it, by HDFS's rules: inside `to`, under its old name, where `to` is a
    /// directory; at `to` otherwise. None where it is there already, so that nothing is to be done. Nothing is changed
    /// here; [`Namespace::rename`] does it.
    ///
    /// # Errors
    /// Where several apply, the first of these:
    /// 1. [`FsError::FileNotFound`] with `from`, where nothing is at `from`;
    /// 2. [`FsError::InvalidRename`] where `from` is the root, or the destination lies below `from`;
    /// 3. [`FsError::FileAlreadyExists`] with the destination, where something has that name;
    /// 4. those of [`Namespace::require_parent`] of the destination.
    pub fn rename_destination(&self, from: &str, to: &str) -> Result<Option<String>, FsError> {
        // EXERCISE(hdfs/rename): find the destination, then refuse what would lose, replace or cut off anything.
        let refuse = |reason: &str| FsError::InvalidRename {
            from: from.to_owned(),
            to: to.to_owned(),
            reason: reason.to_owned(),
        };
        self.require(from)?;
        let (_, name) = parent(from).ok_or_else(|| refuse("the root cannot be moved"))?;
        let destination = match self.lookup(to) {
            Some(inode) if inode.as_directory().is_some() => join(to, name),
            _ => to.to_owned(),
        };
        if destination == from {
            return Ok(None);
        }
        if is_below(&destination, from) {
            return Err(refuse("a directory cannot be moved into itself"));
        }
        if self.lookup(&destination).is_some() {
            return Err(FsError::FileAlreadyExists(destination));
        }
        self.require_parent(&destination)?;
        Ok(Some(destination))
    }
}

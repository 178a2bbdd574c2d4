//! The client library (`DistributedFileSystem`, `DFSClient`): files of the cluster with the traits of `std::io`.
//!
//! It blocks, as files do, and may be used from any plain thread, `spawn_blocking` among them. Calls to the NameNode run
//! on a small runtime of its own; block data goes straight to the DataNodes over plain sockets. What to do when something
//! fails is decided in [`crate::client`]; here are the threads and sockets that carry it out.
//!
//! ```no_run
//! use std::io::{Read, Write};
//! use mini_hdfs::server::dfs_client::{ClientSettings, CreateOptions, DfsClient};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let client = DfsClient::connect(ClientSettings::new("127.0.0.1:8020", "alice"))?;
//! let mut out = client.create("/greeting", CreateOptions::default())?;
//! out.write_all(b"hello")?;
//! out.close()?;
//! let mut text = String::new();
//! client.open("/greeting")?.read_to_string(&mut text)?;
//! # Ok(())
//! # }
//! ```

mod checksum;
mod error;
mod input_stream;
mod lease_renewer;
mod output_stream;
mod settings;
mod sockets;
mod streamer;

use std::collections::VecDeque;
use std::collections::hash_map::RandomState;
use std::future::Future;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use tokio::runtime::Runtime;

use super::rpc::{FsckFiles, NameNodeClient, RpcError};
use crate::balancer::StoredBlock;
use crate::block::DatanodeId;
use crate::client::retry::{CallFailure, Repeat};
use crate::namenode::hosts::Wish;
use crate::protocol::{
    ContentSummary, CreateRequest, DatanodeReport, FileStatus, FsStatus, FsckFile, LocatedBlocks,
    Permission,
};
pub use checksum::FileChecksum;
pub use error::DfsError;
pub use input_stream::DfsInputStream;
pub use output_stream::DfsOutputStream;
pub use settings::ClientSettings;

/// How a new file shall be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CreateOptions {
    /// Replace a file that is there. Otherwise that is an error.
    pub overwrite: bool,
    /// Make missing directories above it.
    pub create_parent: bool,
    /// Replicas of each block; 0 for what [`ClientSettings::replication`] says.
    pub replication: u16,
    /// Bytes in a block; 0 for what [`ClientSettings::block_size`] says.
    pub block_size: u64,
}

impl Default for CreateOptions {
    /// A new file; directories above it are made.
    fn default() -> CreateOptions {
        CreateOptions {
            overwrite: false,
            create_parent: true,
            replication: 0,
            block_size: 0,
        }
    }
}

/// A client of one file system. Clones share its connection.
#[derive(Clone, Debug)]
pub struct DfsClient {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    settings: ClientSettings,
    /// Unique: the holder of the leases of all files that it writes.
    name: String,
    writing: lease_renewer::Files,
    name_node: NameNodeClient,
    /// None once it is being dropped.
    runtime: Option<Runtime>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        // The ordinary way waits for tasks, which a thread of another runtime may not do.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl DfsClient {
    /// A client with these settings. The NameNode is called when it is needed, not yet.
    ///
    /// # Errors
    /// When the NameNode's address is not of the form `HOST:PORT`, or no thread can be started.
    pub fn connect(settings: ClientSettings) -> Result<DfsClient, DfsError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("dfs-client")
            .enable_all()
            .build()
            .map_err(|e| DfsError::local("cannot start a client", &e))?;
        let name_node = {
            let _inside = runtime.enter();
            NameNodeClient::new(&settings.connector, &settings.name_node)
                .map_err(|e| DfsError::local("bad address of the NameNode", &e))?
        };
        let name = format!(
            "DFSClient_{:016x}_{}",
            RandomState::new().build_hasher().finish(),
            std::process::id()
        );
        Ok(DfsClient {
            shared: Arc::new(Shared {
                settings,
                name,
                writing: lease_renewer::Files::default(),
                name_node,
                runtime: Some(runtime),
            }),
        })
    }

    /// The settings that it was made with.
    pub fn settings(&self) -> &ClientSettings {
        &self.shared.settings
    }

    /// Makes a directory, and those above it if `create_parent` says so.
    pub fn mkdirs(&self, path: &str, create_parent: bool) -> Result<(), DfsError> {
        let permission = self.permission(0o755);
        self.call(Repeat::Idempotent, || {
            self.name_node().mkdirs(path, create_parent, &permission)
        })
    }

    /// Opens a new file for writing. It is there at once, empty, and is finished by [`DfsOutputStream::close`].
    pub fn create(&self, path: &str, options: CreateOptions) -> Result<DfsOutputStream, DfsError> {
        let settings = self.settings();
        let request = CreateRequest {
            path: path.to_owned(),
            client: self.shared.name.clone(),
            overwrite: options.overwrite,
            create_parent: options.create_parent,
            replication: if options.replication == 0 {
                settings.replication
            } else {
                options.replication
            },
            block_size: if options.block_size == 0 {
                settings.block_size
            } else {
                options.block_size
            },
            permission: self.permission(0o644),
        };
        let status = self.call(Repeat::AtMostOnce, || self.name_node().create(&request))?;
        DfsOutputStream::start(self, request.client, &status)
    }

    /// Closes a file whose writer is thought to be gone, without waiting until its lease has run out. False while that is under way: ask
    /// again. If the writer lives, it can write no further.
    pub fn recover_lease(&self, path: &str) -> Result<bool, DfsError> {
        self.call(Repeat::Idempotent, || self.name_node().recover_lease(path))
    }

    /// Whether nobody is writing the file any more.
    pub fn is_file_closed(&self, path: &str) -> Result<bool, DfsError> {
        self.call(Repeat::Idempotent, || self.name_node().is_file_closed(path))
    }

    /// Opens a file for reading. One that is being written ends where it ended now.
    pub fn open(&self, path: &str) -> Result<DfsInputStream, DfsError> {
        DfsInputStream::open(self.clone(), path)
    }

    /// What stands at `path`; none where nothing does.
    pub fn stat(&self, path: &str) -> Result<Option<FileStatus>, DfsError> {
        self.call(Repeat::Idempotent, || self.name_node().get_file_info(path))
    }

    /// The entries of a directory in the order of their names, or a file as itself. They are fetched page by page; entries
    /// that come and go meanwhile may be seen or not.
    pub fn list(&self, path: &str) -> Result<Entries, DfsError> {
        let mut entries = Entries {
            client: self.clone(),
            path: path.to_owned(),
            page: VecDeque::new(),
            more: true,
            last: String::new(),
        };
        entries.fetch()?;
        Ok(entries)
    }

    /// Moves a file or directory; into `to` where that is a directory.
    pub fn rename(&self, from: &str, to: &str) -> Result<(), DfsError> {
        self.call(Repeat::AtMostOnce, || self.name_node().rename(from, to))
    }

    /// Removes a file, or a directory; one with entries only if `recursive`. False where there was nothing.
    pub fn delete(&self, path: &str, recursive: bool) -> Result<bool, DfsError> {
        self.call(Repeat::AtMostOnce, || {
            self.name_node().delete(path, recursive)
        })
    }

    /// Sets how many replicas a file's blocks should have. They are made or removed by and by.
    pub fn set_replication(&self, path: &str, replication: u16) -> Result<(), DfsError> {
        self.call(Repeat::Idempotent, || {
            self.name_node().set_replication(path, replication)
        })
    }

    /// Changes the mode of a file or directory: `0o644`.
    pub fn set_permission(&self, path: &str, mode: u16) -> Result<(), DfsError> {
        self.call(Repeat::Idempotent, || {
            self.name_node().set_permission(path, mode)
        })
    }

    /// Changes who owns a file or directory, its group, or both; none: it stays.
    pub fn set_owner(
        &self,
        path: &str,
        owner: Option<&str>,
        group: Option<&str>,
    ) -> Result<(), DfsError> {
        self.call(Repeat::Idempotent, || {
            self.name_node().set_owner(path, owner, group)
        })
    }

    /// Sums over a tree.
    pub fn content_summary(&self, path: &str) -> Result<ContentSummary, DfsError> {
        self.call(Repeat::Idempotent, || {
            self.name_node().get_content_summary(path)
        })
    }

    /// The blocks of a range of a file, and where they are, the nearest first.
    pub fn block_locations(
        &self,
        path: &str,
        offset: u64,
        len: u64,
    ) -> Result<LocatedBlocks, DfsError> {
        let host = self.settings().host.as_deref();
        self.call(Repeat::Idempotent, || {
            self.name_node()
                .get_block_locations(path, offset, len, host)
        })
    }

    /// Every file below `path` with its blocks and replicas, one after another.
    pub fn fsck(
        &self,
        path: &str,
    ) -> Result<impl Iterator<Item = Result<FsckFile, DfsError>> + use<>, DfsError> {
        let mut files: FsckFiles = self.call(Repeat::Idempotent, || self.name_node().fsck(path))?;
        let client = self.clone();
        Ok(std::iter::from_fn(move || {
            client
                .block_on(files.next())
                .map_err(DfsError::from)
                .transpose()
        }))
    }

    /// Every DataNode that has registered since the NameNode started.
    pub fn datanode_report(&self) -> Result<Vec<DatanodeReport>, DfsError> {
        self.call(Repeat::Idempotent, || self.name_node().datanode_report())
    }

    /// Figures of the whole file system.
    pub fn status(&self) -> Result<FsStatus, DfsError> {
        self.call(Repeat::Idempotent, || self.name_node().status())
    }

    /// Why safe mode is on, and what turns it off; none when it is off.
    pub fn safe_mode(&self) -> Result<Option<String>, DfsError> {
        self.call(Repeat::Idempotent, || self.name_node().safe_mode())
    }

    /// Turns safe mode on or off by hand.
    pub fn set_safe_mode(&self, on: bool) -> Result<(), DfsError> {
        self.call(Repeat::Idempotent, || self.name_node().set_safe_mode(on))
    }

    /// Lets the NameNode read again which DataNodes shall be out of service.
    pub fn refresh_nodes(&self) -> Result<(), DfsError> {
        self.call(Repeat::Idempotent, || self.name_node().refresh_nodes())
    }

    /// Lets the NameNode write down what is wanted of DataNodes, each `HOST` or `HOST:PORT`, and act upon it: none to have
    /// them in service.
    pub fn set_admin_state(&self, hosts: &[String], wish: Option<Wish>) -> Result<(), DfsError> {
        self.call(Repeat::Idempotent, || {
            self.name_node().set_admin_state(hosts, wish)
        })
    }

    /// Some of the blocks of a DataNode, for the balancer.
    pub fn get_blocks(
        &self,
        datanode: DatanodeId,
        size: u64,
        min_block_size: u64,
    ) -> Result<Vec<StoredBlock>, DfsError> {
        self.call(Repeat::Idempotent, || {
            self.name_node().get_blocks(datanode, size, min_block_size)
        })
    }

    fn name_node(&self) -> &NameNodeClient {
        &self.shared.name_node
    }

    fn permission(&self, mode: u16) -> Permission {
        let settings = self.settings();
        Permission {
            owner: settings.user.clone(),
            group: settings.group.clone(),
            mode,
        }
    }

    fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        match &self.shared.runtime {
            Some(runtime) => runtime.block_on(future),
            None => unreachable!("the runtime is taken by Drop alone"),
        }
    }

    /// Makes a call, and again where that can mend it.
    fn call<T, F>(&self, repeat: Repeat, call: impl Fn() -> F) -> Result<T, DfsError>
    where
        F: Future<Output = Result<T, RpcError>>,
    {
        let backoff = match repeat {
            Repeat::MidFile => self.settings().retry_mid_file,
            Repeat::Idempotent | Repeat::AtMostOnce => self.settings().retry,
        };
        let began = Instant::now();
        for attempt in 0.. {
            let error = match self.block_on(call()) {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let failure = match &error {
                RpcError::Refused(refused) => CallFailure::Refused(refused.clone()),
                RpcError::Unreachable { .. } => CallFailure::NotSent,
                RpcError::Unavailable { .. } => CallFailure::Unanswered,
                RpcError::Broken { .. } => return Err(error.into()),
            };
            match backoff.retry(repeat, &failure, attempt, began.elapsed()) {
                Some(pause) => {
                    tracing::debug!(%error, ?pause, "calling the NameNode again");
                    thread::sleep(pause);
                }
                None => return Err(error.into()),
            }
        }
        unreachable!("the numbers of attempts do not end")
    }
}

/// The entries of a directory, page by page.
#[derive(Debug)]
pub struct Entries {
    client: DfsClient,
    path: String,
    page: VecDeque<FileStatus>,
    more: bool,
    /// The name of the last entry fetched.
    last: String,
}

impl Entries {
    fn fetch(&mut self) -> Result<(), DfsError> {
        let (path, last) = (&self.path, &self.last);
        let listing = self.client.call(Repeat::Idempotent, || {
            self.client.name_node().get_listing(path, last)
        })?;
        self.more = listing.remaining > 0;
        if let Some(entry) = listing.entries.last() {
            let name = entry.path.rsplit('/').next().unwrap_or_default();
            self.last = name.to_owned();
        }
        self.page = listing.entries.into();
        Ok(())
    }
}

impl Iterator for Entries {
    type Item = Result<FileStatus, DfsError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.page.is_empty()
            && self.more
            && let Err(error) = self.fetch()
        {
            self.more = false;
            return Some(Err(error));
        }
        self.page.pop_front().map(Ok)
    }
}

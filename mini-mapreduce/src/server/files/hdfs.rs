//! mini-hdfs, through its client. What a NameNode has answered is durable, and so is what a writer has closed: there is nothing to be synced afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};

use glob::Pattern;
use mini_hdfs::block::LocatedBlock;
use mini_hdfs::protocol::FileStatus;
use mini_hdfs::server::dfs_client::{ClientSettings, CreateOptions, DfsClient, DfsOutputStream};

use super::read_ahead::ReadAhead;
use super::{
    FileSystem, FileWriter, Layout, is_hidden, is_pattern, nested, paths, uncompressed,
    unless_missing, user,
};
use crate::input::{File, Files, Place, is_compressed};

/// A client for each NameNode that is called.
#[derive(Debug, Default)]
pub(super) struct NameNodes {
    /// The machine that we are on, as DataNodes call it.
    host: Option<String>,
    clients: Mutex<BTreeMap<String, Arc<Hdfs>>>,
}

impl NameNodes {
    pub(super) fn of(host: &str) -> NameNodes {
        NameNodes {
            host: Some(host.to_owned()),
            clients: Mutex::default(),
        }
    }

    /// The client of the NameNode at `HOST:PORT`.
    pub(super) fn client(&self, authority: &str) -> io::Result<Arc<Hdfs>> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(authority) {
            return Ok(client.clone());
        }
        let mut settings = ClientSettings::new(authority, &user());
        settings.host.clone_from(&self.host);
        let client = Arc::new(Hdfs {
            authority: authority.to_owned(),
            client: DfsClient::connect(settings)?,
        });
        clients.insert(authority.to_owned(), client.clone());
        Ok(client)
    }
}

/// The file system of a NameNode.
#[derive(Debug)]
pub(super) struct Hdfs {
    authority: String,
    client: DfsClient,
}

impl Hdfs {
    /// A job's name of what the NameNode calls `path`.
    fn named(&self, path: &str) -> String {
        format!("hdfs://{}{path}", self.authority)
    }

    fn missing(&self, path: &str) -> io::Error {
        let text = format!("{} is not there", self.named(path));
        io::Error::new(io::ErrorKind::NotFound, text)
    }

    /// What a path with `*`, `?` and `[…]` in its parts means, in the order of names.
    fn matching(&self, pattern: &str) -> io::Result<Vec<FileStatus>> {
        let mut found: Vec<FileStatus> = self.client.stat("/")?.into_iter().collect();
        for part in pattern.split('/').filter(|part| !part.is_empty()) {
            let mut next = Vec::new();
            for dir in found.into_iter().filter(|status| status.is_directory) {
                if !is_pattern(part) {
                    let path = format!("{}/{part}", dir.path.trim_end_matches('/'));
                    next.extend(self.client.stat(&path)?);
                    continue;
                }
                let pattern = Pattern::new(part).map_err(io::Error::other)?;
                for entry in self.client.list(&dir.path)? {
                    let entry = entry?;
                    if pattern.matches(last(&entry.path)) {
                        next.push(entry);
                    }
                }
            }
            found = next;
        }
        Ok(found)
    }

    fn file(&self, status: &FileStatus) -> io::Result<File> {
        if status.is_directory {
            return Err(nested(&self.named(&status.path)));
        }
        let located = self.client.block_locations(&status.path, 0, u64::MAX)?;
        Ok(File {
            path: self.named(&status.path),
            length: located.len,
            block: status.block_size,
            blocks: located.blocks.iter().map(place).collect(),
        })
    }
}

/// Where the replicas of a block are.
fn place(block: &LocatedBlock) -> Place {
    let hosts = block.locations.iter().map(|node| node.hostname.clone());
    let racks: BTreeSet<String> = block
        .locations
        .iter()
        .map(|node| node.rack.clone())
        .collect();
    Place {
        hosts: hosts.collect(),
        racks: racks.into_iter().collect(),
    }
}

/// What the NameNode calls it.
fn path_of(path: &str) -> io::Result<&str> {
    let (_, path) = paths::hdfs(path).ok_or_else(|| {
        let text = format!("{path} is no hdfs://HOST:PORT/path");
        io::Error::new(io::ErrorKind::InvalidInput, text)
    })?;
    Ok(path)
}

/// The last part of a path.
fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

impl Files for Hdfs {
    fn list(&self, path: &str) -> io::Result<Vec<File>> {
        let path = path_of(path)?;
        let roots = match self.client.stat(path)? {
            Some(status) => vec![status],
            None if is_pattern(path) => self.matching(path)?,
            None => return Err(self.missing(path)),
        };
        let mut files = Vec::new();
        for root in roots {
            if !root.is_directory {
                files.push(self.file(&root)?);
                continue;
            }
            for child in self.client.list(&root.path)? {
                let child = child?;
                if !is_hidden(last(&child.path)) {
                    files.push(self.file(&child)?);
                }
            }
        }
        Ok(files)
    }

    fn open(&self, path: &str, offset: u64) -> io::Result<Box<dyn Read + Send>> {
        let mut file = self.client.open(path_of(path)?)?;
        if offset > 0 && !is_compressed(path) {
            file.seek(SeekFrom::Start(offset))?;
        }
        Ok(uncompressed(path, ReadAhead::new(file)?))
    }
}

impl FileSystem for Hdfs {
    /// Of two who do so at the same moment neither hears of the other: a NameNode's `mkdirs` does not tell who made it.
    fn create_new_dir(&self, dir: &str) -> io::Result<()> {
        let path = path_of(dir)?;
        if self.client.stat(path)?.is_some() {
            let text = format!("{dir} is there already");
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, text));
        }
        Ok(self.client.mkdirs(path, true)?)
    }

    fn create_dir(&self, dir: &str) -> io::Result<()> {
        Ok(self.client.mkdirs(path_of(dir)?, false)?)
    }

    fn create(&self, path: &str, layout: Layout) -> io::Result<Box<dyn FileWriter>> {
        let options = CreateOptions {
            overwrite: true,
            create_parent: false,
            replication: layout.replication,
            block_size: layout.block_size,
        };
        Ok(Box::new(self.client.create(path_of(path)?, options)?))
    }

    fn exists(&self, path: &str) -> io::Result<bool> {
        Ok(self.client.stat(path_of(path)?)?.is_some())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        Ok(self.client.rename(path_of(from)?, path_of(to)?)?)
    }

    fn remove_all(&self, path: &str) -> io::Result<()> {
        self.client.delete(path_of(path)?, true)?;
        Ok(())
    }

    fn remove_dir(&self, dir: &str) -> io::Result<()> {
        let removed = self.client.delete(path_of(dir)?, false);
        unless_missing(removed.map(drop).map_err(io::Error::from))
    }

    fn entries(&self, dir: &str) -> io::Result<Vec<(String, bool)>> {
        let mut entries = Vec::new();
        for entry in self.client.list(path_of(dir)?)? {
            let entry = entry?;
            entries.push((last(&entry.path).to_owned(), entry.is_directory));
        }
        Ok(entries)
    }

    fn sync_dir(&self, _: &str) -> io::Result<()> {
        Ok(())
    }
}

impl FileWriter for DfsOutputStream {
    fn close(self: Box<Self>) -> io::Result<()> {
        Ok(DfsOutputStream::close(*self)?)
    }
}

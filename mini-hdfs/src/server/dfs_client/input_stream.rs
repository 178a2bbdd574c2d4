//! A file being read (`DFSInputStream`).

use std::collections::BTreeSet;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::ops::Range;
use std::thread;

use tracing::{Span, info_span};

use super::sockets::{NoReplica, Replica};
use super::{DfsClient, DfsError};
use crate::block::{Block, DatanodeId, DatanodeInfo, LocatedBlock};
use crate::client::block_reader::{BlockReader, ReadAction, ReadError};
use crate::client::last_block::{Answer, LENGTH_RETRIES_MAX, visible_len};
use crate::client::retry::Repeat;
use crate::packet::Packet;
use crate::protocol::LocatedBlocks;

/// The locations of so many bytes are fetched at a time (`dfs.client.read.prefetch.size`): ten blocks of the default size.
const PREFETCH: u64 = 10 * (128 << 20);

/// Reads a file. Every byte was checked; what a bad or lost replica cannot give comes from another one.
#[derive(Debug)]
pub struct DfsInputStream {
    client: DfsClient,
    path: String,
    len: u64,
    /// Where reading stops: `len`, or the end of a range.
    end: u64,
    position: u64,
    /// Some of the blocks, around where we read.
    blocks: Vec<LocatedBlock>,
    /// The block being read, and the replica that it comes from.
    reader: Option<(BlockReader, LocatedBlock)>,
    replica: Option<(DatanodeId, Replica)>,
    /// The last packet, and which of its bytes were not handed on yet.
    packet: Packet,
    unread: Range<usize>,
    /// Nodes that failed.
    dead: BTreeSet<DatanodeId>,
    /// From here to the end of reading, in traces.
    span: Span,
}

impl DfsInputStream {
    pub(super) fn open(client: DfsClient, path: &str) -> Result<DfsInputStream, DfsError> {
        let mut stream = DfsInputStream {
            client,
            path: path.to_owned(),
            len: 0,
            end: 0,
            position: 0,
            blocks: Vec::new(),
            reader: None,
            replica: None,
            packet: Packet::new(0, 0, []),
            unread: 0..0,
            dead: BTreeSet::new(),
            span: info_span!("read_file", path, otel.kind = "client"),
        };
        let _entered = stream.span.clone().entered();
        let located = stream.locate(0)?;
        (stream.len, stream.blocks) = (located.len, located.blocks);
        if located.under_construction {
            stream.find_end()?;
        }
        stream.end = stream.len;
        Ok(stream)
    }

    /// The file's length in bytes; of a file being written, what its writer had flushed when it was opened.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether the file is empty.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Goes to `offset` and ends `len` bytes after it, or with the file. No more than that is fetched.
    pub fn set_range(&mut self, offset: u64, len: u64) {
        self.forget_reader();
        self.position = offset;
        self.end = offset.saturating_add(len).min(self.len);
    }

    fn locate(&self, offset: u64) -> Result<LocatedBlocks, DfsError> {
        self.client.block_locations(&self.path, offset, PREFETCH)
    }

    /// Finds out how long the file is that is being written. What was known of its last block may be out of date by then.
    fn find_end(&mut self) -> Result<(), DfsError> {
        for retry in 0.. {
            let beyond = self.locate(self.len)?;
            self.len = self.len.max(beyond.len);
            self.blocks.retain(|block| !block.under_construction);
            self.blocks.extend(beyond.blocks.iter().cloned());
            let last = beyond.blocks.last();
            let Some(last) = last.filter(|block| block.under_construction) else {
                return Ok(());
            };
            let mut reasons = String::new();
            let answers = last.locations.iter().map(|node| {
                match Replica::open(self.client.settings(), node, last.block, 0, 0) {
                    Ok(replica) => Answer::Visible(replica.visible_len),
                    Err(NoReplica::NotFound(_)) => Answer::NoReplica,
                    Err(NoReplica::Refused(reason) | NoReplica::Unreachable(reason)) => {
                        reasons += &format!("\n  {}: {reason}", node.address);
                        Answer::Unknown
                    }
                }
            });
            if let Some(visible) = visible_len(answers) {
                self.len = last.offset + visible;
                return Ok(());
            }
            if retry == LENGTH_RETRIES_MAX {
                return Err(self.unreadable(ReadError {
                    block: last.block,
                    offset: 0,
                    reasons: format!(
                        "no DataNode says how long it is, and it is not finished:{reasons}"
                    ),
                }));
            }
            thread::sleep(self.client.settings().retry_window * (retry + 1));
        }
        Ok(())
    }

    fn unreadable(&self, error: ReadError) -> DfsError {
        DfsError::Read {
            path: self.path.clone(),
            error,
        }
    }

    /// The block that holds the byte at `position`, as the NameNode says now if `fresh`.
    fn block(&mut self, fresh: bool) -> Result<LocatedBlock, DfsError> {
        let position = self.position;
        let holds = |block: &&LocatedBlock| {
            let before_end = block.under_construction || position < block.offset + block.block.len;
            block.offset <= position && before_end
        };
        if fresh || !self.blocks.iter().any(|block| holds(&block)) {
            self.blocks = self.locate(position)?.blocks;
        }
        let block = self.blocks.iter().find(holds).cloned();
        block.ok_or_else(|| DfsError::Changed {
            path: self.path.clone(),
            offset: position,
        })
    }

    fn forget_reader(&mut self) {
        if let Some((reader, _)) = self.reader.take() {
            self.dead = reader.into_dead();
        }
        self.replica = None;
        self.unread = 0..0;
    }

    /// Fetches until there are bytes to hand on; false at the end.
    fn fetch(&mut self) -> Result<bool, DfsError> {
        let _entered = self.unread.is_empty().then(|| self.span.clone().entered());
        while self.unread.is_empty() {
            if self.position >= self.end {
                return Ok(false);
            }
            let Some((reader, located)) = &mut self.reader else {
                let block = self.block(false)?;
                let (offset, len) = (self.position - block.offset, self.end - self.position);
                let dead = std::mem::take(&mut self.dead);
                self.reader = Some((BlockReader::new(&block, offset, len, dead), block));
                continue;
            };
            match reader.action() {
                ReadAction::Read {
                    from,
                    block,
                    offset,
                    len,
                } => self.receive(&from, block, offset, len),
                ReadAction::Refetch { windows } => {
                    let id = located.block.id;
                    thread::sleep(self.client.settings().retry_window * windows);
                    self.replica = None;
                    let fresh = self.block(true)?;
                    if fresh.block.id != id {
                        return Err(DfsError::Changed {
                            path: self.path.clone(),
                            offset: self.position,
                        });
                    }
                    if let Some((reader, located)) = &mut self.reader {
                        reader.on_locations(&fresh);
                        *located = fresh;
                    }
                }
                ReadAction::Done => {
                    // A block that is still being written is the last one.
                    if located.under_construction {
                        self.end = self.position;
                    }
                    self.forget_reader();
                }
                ReadAction::Fail(error) => return Err(self.unreadable(error)),
            }
        }
        Ok(true)
    }

    /// Receives a packet from this node, or tells the reader that it cannot.
    fn receive(&mut self, from: &DatanodeInfo, block: Block, offset: u64, len: u64) {
        let Some((reader, _)) = &mut self.reader else {
            return;
        };
        let settings = self.client.settings();
        let received = match &mut self.replica {
            Some((id, replica)) if *id == from.id => {
                replica.receive(&mut self.packet).map_err(|e| e.to_string())
            }
            _ => match Replica::open(settings, from, block, offset, len) {
                Ok(replica) => {
                    self.replica = Some((from.id, replica));
                    return;
                }
                Err(
                    NoReplica::NotFound(reason)
                    | NoReplica::Refused(reason)
                    | NoReplica::Unreachable(reason),
                ) => Err(reason),
            },
        };
        let handed_on = match received {
            Ok(()) => reader.on_packet(&self.packet),
            Err(reason) => {
                tracing::warn!(%block, node = from.address, reason, "a replica cannot be read");
                reader.on_failure(reason);
                None
            }
        };
        if handed_on.is_none() {
            self.replica = None;
        }
        self.unread = handed_on.unwrap_or(0..0);
        for (block, id) in reader.take_corrupt() {
            tracing::warn!(%block, node = from.address, "a corrupt replica");
            let name_node = self.client.name_node();
            let reported = self
                .client
                .call(Repeat::Idempotent, || name_node.report_bad_block(block, id));
            if let Err(error) = reported {
                tracing::warn!(%block, %error, "could not report a corrupt replica");
            }
        }
    }
}

impl Read for DfsInputStream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() || !self.fetch()? {
            return Ok(0);
        }
        let unread = &self.packet.data[self.unread.clone()];
        let taken = unread.len().min(into.len());
        into[..taken].copy_from_slice(&unread[..taken]);
        self.unread.start += taken;
        self.position += taken as u64;
        Ok(taken)
    }
}

impl Seek for DfsInputStream {
    /// Goes anywhere in the file, and forgets a range set before.
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(delta) => self.len.checked_add_signed(delta),
            SeekFrom::Current(delta) => self.position.checked_add_signed(delta),
        };
        let Some(position) = position else {
            let text = format!("{}: cannot seek to before its beginning", self.path);
            return Err(io::Error::new(ErrorKind::InvalidInput, text));
        };
        if position != self.position || self.end != self.len {
            self.set_range(position, u64::MAX);
        }
        Ok(position)
    }
}

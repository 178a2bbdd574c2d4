//! A file being written (`DFSOutputStream`): the half that the writer sees. It cuts bytes into packets and queues them; the
//! threads of [`super::streamer`] do the rest.
//!
//! Nobody waits for ever: each wait for a node ends with its socket's timeout, and so with the node being left
//! out. Because an idle pipeline must not look like a dead one, the streamer sends an empty packet now and then.

use std::io::{self, Write};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use tracing::{Span, info_span};

use super::streamer::Shared;
use super::{DfsClient, DfsError};
use crate::block::InodeId;
use crate::client::packets::Packetizer;
use crate::packet::Packet;
use crate::protocol::FileStatus;

/// Writes a new file. What is written is in the file for good only once [`DfsOutputStream::close`] has returned; dropping it
/// without that leaves the file open until the lease of its client runs out, which it does not while the same client writes other
/// files; the NameNode then closes it, with what had arrived. [`DfsClient::recover_lease`] has it closed sooner.
#[derive(Debug)]
pub struct DfsOutputStream {
    shared: Arc<Shared>,
    packetizer: Packetizer,
    /// The last packet queued in the current block.
    last_queued: Option<u64>,
    streamer: Option<JoinHandle<()>>,
    /// From here to the end of the file, in traces.
    span: Span,
}

impl DfsOutputStream {
    pub(super) fn start(
        client: &DfsClient,
        holder: String,
        status: &FileStatus,
    ) -> Result<DfsOutputStream, DfsError> {
        let shared = Arc::new(Shared::new(client.clone(), holder, status));
        client.shared.keep_lease(&shared);
        let for_thread = Arc::clone(&shared);
        let span = info_span!("write_file", path = status.path, otel.kind = "client");
        let of_thread = span.clone();
        let streamer = thread::Builder::new()
            .name("dfs-streamer".to_owned())
            .spawn(move || of_thread.in_scope(|| for_thread.stream()))
            .map_err(|e| DfsError::local("cannot start a thread", &e))?;
        Ok(DfsOutputStream {
            shared,
            packetizer: Packetizer::new(status.block_size),
            last_queued: None,
            streamer: Some(streamer),
            span,
        })
    }

    /// Which file it writes, whatever stands at its path by now.
    pub fn inode(&self) -> InodeId {
        self.shared.inode
    }

    /// Returns once every node of the pipeline has what was written: another reader sees it then, and it survives the
    /// loss of all nodes but one, though perhaps not the loss of power.
    pub fn hflush(&mut self) -> Result<(), DfsError> {
        self.flush_to(false)
    }

    /// As [`DfsOutputStream::hflush`], and what was written is on the nodes' disks.
    pub fn hsync(&mut self) -> Result<(), DfsError> {
        self.flush_to(true)
    }

    fn flush_to(&mut self, sync: bool) -> Result<(), DfsError> {
        if self.packetizer.block_len() == 0 {
            return self.shared.lock().check(&self.shared.path);
        }
        self.shared.lock().streamer.set_hflushed();
        if let Some(packet) = self.packetizer.flush(sync) {
            self.queue(packet)?;
        }
        let last = self.last_queued;
        self.shared
            .wait_until(|state| last.is_none_or(|seqno| state.streamer.is_acked(seqno)))
    }

    /// Finishes the file: everything is on the disks of its nodes (`dfs.datanode.synconclose`), and the NameNode knows that it is
    /// complete.
    pub fn close(mut self) -> Result<(), DfsError> {
        if self.packetizer.block_len() > 0 {
            self.end_block()?;
        }
        let last = {
            let mut state = self.shared.lock();
            state.check(&self.shared.path)?;
            state.closed = true;
            state.previous
        };
        self.shared.changed.notify_all();
        if let Some(streamer) = self.streamer.take() {
            // It has nothing more to do; a panic in it was printed when it happened.
            let _ = streamer.join();
        }
        let span = self.span.clone();
        span.in_scope(|| self.shared.complete(last))
    }

    /// Waits until the current block is finished.
    fn end_block(&mut self) -> Result<(), DfsError> {
        let before = self.shared.lock().blocks_finished;
        let sync = self.shared.client.settings().sync_on_close;
        for packet in self.packetizer.end_block(sync) {
            self.queue(packet)?;
        }
        self.last_queued = None;
        self.shared
            .wait_until(|state| state.blocks_finished > before)
    }

    fn queue(&mut self, packet: Packet) -> Result<(), DfsError> {
        let shared = &self.shared;
        let mut state = shared.wait_while(shared.lock(), |state| state.streamer.is_full());
        state.check(&shared.path)?;
        self.last_queued = Some(state.streamer.push(packet));
        drop(state);
        shared.changed.notify_all();
        Ok(())
    }

    fn write_some(&mut self, bytes: &[u8]) -> Result<usize, DfsError> {
        if self.packetizer.block_is_full() {
            self.end_block()?;
        }
        let mut rest = bytes;
        if let Some(packet) = self.packetizer.write(&mut rest) {
            self.queue(packet)?;
        }
        Ok(bytes.len() - rest.len())
    }
}

impl Write for DfsOutputStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(self.write_some(bytes)?)
    }

    /// As [`DfsOutputStream::hflush`].
    fn flush(&mut self) -> io::Result<()> {
        Ok(self.hflush()?)
    }
}

impl Drop for DfsOutputStream {
    fn drop(&mut self) {
        self.shared.abort();
    }
}

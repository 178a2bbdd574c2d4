//! How the simulated client reads a file: the client's core decides, this carries it out.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use mini_hdfs::block::{DatanodeId, LocatedBlock};
use mini_hdfs::client::block_reader::{BlockReader, ReadAction};
use mini_hdfs::client::retry::{CallFailure, Repeat};
use node::Ctx;

use super::{ClientProcess, Task};
use crate::cluster::Member;
use crate::history::Known;
use crate::wire::{Frame, Request, Response, Timer, node_at};

const PATIENCE: Duration = Duration::from_secs(2);
/// `dfs.client.retry.window.base`.
const WINDOW: Duration = Duration::from_secs(1);

/// What the NameNode is asked, or will be after a pause.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Nothing,
    /// The reader takes his time.
    Nobody,
    Locations,
    /// Locations again, for a reader that has run out of replicas.
    Refetch,
    Report,
}

/// A file being read.
pub(super) struct Reading {
    path: String,
    /// It was being written when it was located: only a beginning of it is there.
    open: bool,
    /// Bytes that every reader was promised when this one began.
    least: usize,
    got: Vec<u8>,
    blocks: VecDeque<LocatedBlock>,
    reader: Option<BlockReader>,
    /// How many blocks are read.
    index: usize,
    dead: BTreeSet<DatanodeId>,
    asked: Asked,
    connection: Option<u64>,
}

impl ClientProcess {
    pub(super) fn begin_read(&mut self, path: String, ctx: &mut Ctx<'_, Member>) {
        let request = Request::Locations(path.clone());
        let least = self.history.borrow().promised_len(&path);
        self.task = Task::Read(Box::new(Reading {
            path,
            open: false,
            least,
            got: Vec::new(),
            blocks: VecDeque::new(),
            reader: None,
            index: 0,
            dead: BTreeSet::new(),
            asked: Asked::Locations,
            connection: None,
        }));
        self.call(request, Repeat::Idempotent, ctx);
    }

    pub(super) fn read_answered(
        &mut self,
        result: Result<Response, CallFailure>,
        ctx: &mut Ctx<'_, Member>,
    ) {
        let Task::Read(reading) = &mut self.task else {
            return;
        };
        match (
            std::mem::replace(&mut reading.asked, Asked::Nothing),
            result,
        ) {
            (Asked::Report, _) => {}
            (Asked::Locations, Ok(Response::Located(located))) => {
                if ctx.rng.percent(30) {
                    // What he was told may be old when he comes to the DataNodes.
                    reading.asked = Asked::Nobody;
                    let pause = Duration::from_micros(ctx.rng.below(4_000_000));
                    ctx.set_timer(Timer::Next, pause);
                }
                reading.open = located.under_construction;
                reading.blocks = located.blocks.into();
            }
            (Asked::Refetch, Ok(Response::Located(located))) => {
                match (located.blocks.get(reading.index), &mut reading.reader) {
                    (Some(block), Some(reader)) => reader.on_locations(block),
                    _ => return self.end_read(false, ctx),
                }
            }
            _ => return self.end_read(false, ctx),
        }
        self.read_on(ctx);
    }

    /// Does what the reader of the current block wants next.
    fn read_on(&mut self, ctx: &mut Ctx<'_, Member>) {
        let Task::Read(reading) = &mut self.task else {
            return;
        };
        if reading.asked != Asked::Nothing {
            return;
        }
        let Some(reader) = &mut reading.reader else {
            let Some(block) = reading.blocks.pop_front() else {
                return self.end_read(true, ctx);
            };
            let dead = std::mem::take(&mut reading.dead);
            reading.reader = Some(BlockReader::new(&block, 0, u64::MAX, dead));
            return self.read_on(ctx);
        };
        if let Some((block, datanode)) = reader.take_corrupt().pop() {
            reading.asked = Asked::Report;
            return self.call(Request::BadBlock(block, datanode), Repeat::Idempotent, ctx);
        }
        match reader.action() {
            ReadAction::Read {
                from,
                block,
                offset,
                len,
            } => {
                if reading.connection.is_none() {
                    let frame = Frame::Read { block, offset, len };
                    let peer = node_at(&from.address);
                    let connection = self.connections.open(peer, frame, ctx);
                    reading.connection = Some(connection);
                    ctx.set_timer(Timer::Silence(connection), PATIENCE);
                }
            }
            ReadAction::Refetch { windows } => {
                reading.asked = Asked::Refetch;
                ctx.set_timer(Timer::Next, WINDOW * windows);
            }
            ReadAction::Done => {
                let reader = reading.reader.take();
                reading.dead = reader.map(BlockReader::into_dead).unwrap_or_default();
                reading.index += 1;
                self.disconnect(ctx);
                self.read_on(ctx);
            }
            ReadAction::Fail(_) => self.end_read(false, ctx),
        }
    }

    /// A pause is over.
    pub(super) fn after_pause(&mut self, ctx: &mut Ctx<'_, Member>) {
        let Task::Read(reading) = &mut self.task else {
            return;
        };
        if reading.asked == Asked::Refetch {
            let request = Request::Locations(reading.path.clone());
            self.call(request, Repeat::Idempotent, ctx);
        } else {
            reading.asked = Asked::Nothing;
            self.read_on(ctx);
        }
    }

    fn disconnect(&mut self, ctx: &mut Ctx<'_, Member>) {
        if let Task::Read(reading) = &mut self.task
            && let Some(connection) = reading.connection.take()
        {
            self.connections.close(connection, ctx);
            ctx.cancel_timer(Timer::Silence(connection));
        }
    }

    pub(super) fn read_frame(&mut self, connection: u64, frame: Frame, ctx: &mut Ctx<'_, Member>) {
        let Task::Read(reading) = &mut self.task else {
            return;
        };
        let (true, Some(reader)) = (reading.connection == Some(connection), &mut reading.reader)
        else {
            return;
        };
        ctx.set_timer(Timer::Silence(connection), PATIENCE);
        let over = match frame {
            Frame::Accepted => false,
            Frame::Packet(packet) => match reader.on_packet(&packet) {
                Some(range) => {
                    reading.got.extend_from_slice(&packet.data[range]);
                    packet.last
                }
                None => true,
            },
            Frame::Refused { reason, .. } => {
                reader.on_failure(reason);
                true
            }
            _ => {
                reader.on_failure("closed the connection".to_owned());
                true
            }
        };
        if over {
            self.disconnect(ctx);
        }
        self.read_on(ctx);
    }

    fn end_read(&mut self, whole: bool, ctx: &mut Ctx<'_, Member>) {
        self.disconnect(ctx);
        let task = std::mem::replace(&mut self.task, Task::Idle);
        if let (Task::Read(reading), true) = (task, whole) {
            let mut history = self.history.borrow_mut();
            let Reading {
                path,
                open,
                least,
                got,
                ..
            } = &*reading;
            if *open && got.len() < *least && history.open.contains_key(path) {
                let read = got.len();
                let short = format!("{path}: {read} bytes were read, and {least} were flushed");
                history.wrong_reads.push(short);
            }
            let bytes = match history.paths.get(path) {
                Some(Known::Closed(file)) => Some(file.bytes.clone()),
                // Somebody may have deleted or renamed it meanwhile: then nothing is expected.
                _ => history.open.get(path).cloned(),
            };
            if let Some(bytes) = bytes
                && !(*bytes == **got || *open && bytes.starts_with(got))
            {
                let (len, read) = (bytes.len(), got.len());
                let same = bytes.iter().zip(got).take_while(|(a, b)| a == b).count();
                let wrong =
                    format!("{path}: {read} bytes of {len} were read, the first {same} as written");
                history.wrong_reads.push(wrong);
            }
            if let Some(to_verify) = &mut self.to_verify {
                to_verify.pop_front();
            }
        }
        self.idle(ctx);
    }
}

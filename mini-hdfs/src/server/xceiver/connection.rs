//! Connections: accepted, asked for one op after the other, ended (`DataXceiverServer`, `DataXceiver`).

use std::io::{self, BufReader, ErrorKind, Read};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tracing::{Span, debug, info_span, warn};

use super::reading::serve_read;
use super::{BUFFER, LINGER, Shared, balancing, block_receiver, checksum, lock, transfer};
use crate::block::DatanodeId;
use crate::server::data_transfer::{Op, OpReply, receive_op, send_replica, send_reply};

/// How long a connection is kept open for the next op (`dfs.datanode.socket.reuse.keepalive`).
const KEEP_ALIVE: Duration = Duration::from_secs(4);

/// The sockets that a connection uses, so that another thread can end it.
#[derive(Debug)]
pub(super) struct Sockets(Mutex<Option<Vec<TcpStream>>>);

impl Default for Sockets {
    fn default() -> Sockets {
        Sockets(Mutex::new(Some(Vec::new())))
    }
}

impl Sockets {
    pub(super) fn add(&self, socket: &TcpStream) -> io::Result<()> {
        let socket = socket.try_clone()?;
        match lock(&self.0).as_mut() {
            Some(open) => open.push(socket),
            None => return Err(io::Error::other("the connection is being closed")),
        }
        Ok(())
    }

    pub(super) fn close(&self) {
        for socket in lock(&self.0).take().unwrap_or_default() {
            // It may be closed already.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}

/// A connection to whoever asks.
pub(super) struct Upstream {
    pub(super) reader: BufReader<TcpStream>,
    pub(super) socket: TcpStream,
    pub(super) peer: SocketAddr,
    pub(super) sockets: Arc<Sockets>,
}

pub(super) fn accept(shared: &Arc<Shared>, listener: &TcpListener) {
    for number in 0.. {
        let accepted = listener.accept();
        if shared.stopping.load(Ordering::SeqCst) {
            return;
        }
        let (socket, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(e) => {
                warn!("cannot accept a connection: {e}");
                // Too many open files, most likely: some must be closed first.
                thread::sleep(Duration::from_millis(50));
                continue;
            }
        };
        let sockets = Arc::new(Sockets::default());
        lock(&shared.connections).insert(number, sockets.clone());
        let serving = shared.clone();
        let run = move || {
            if let Err(e) = serve(&serving, socket, peer, &sockets) {
                debug!("connection from {peer}: {e:#}");
            }
            serving.forget(number);
        };
        if let Err(e) = thread::Builder::new().name("xceiver".into()).spawn(run) {
            warn!("cannot serve {peer}: no thread: {e}");
            shared.forget(number);
        }
    }
}

fn serve(
    shared: &Shared,
    socket: TcpStream,
    peer: SocketAddr,
    sockets: &Arc<Sockets>,
) -> Result<()> {
    sockets.add(&socket)?;
    socket.set_nodelay(true)?;
    socket.set_write_timeout(Some(shared.settings.socket_timeout))?;
    let mut up = Upstream {
        reader: BufReader::with_capacity(BUFFER, socket.try_clone()?),
        socket,
        peer,
        sockets: sockets.clone(),
    };
    up.socket
        .set_read_timeout(Some(shared.settings.socket_timeout))?;
    loop {
        let (op, span) = match receive_op(&mut up.reader) {
            Ok(Some((op, traceparent))) => {
                let span = span_of(shared, &op, &traceparent);
                (op, span)
            }
            Ok(None) => return Ok(()),
            Err(e) => {
                if e.kind() == ErrorKind::InvalidData {
                    refuse(&mut up, e.to_string(), None)?;
                    drain(&mut up)?;
                }
                return Err(e.into());
            }
        };
        let Some(_busy) = Transferring::begin(shared) else {
            let reason = format!("{} is too busy", shared.name());
            refuse(&mut up, reason, None)?;
            continue;
        };
        up.socket
            .set_read_timeout(Some(shared.settings.socket_timeout))?;
        let _entered = span.entered();
        match op {
            Op::Write(op) => return block_receiver::receive_block(shared, &mut up, op),
            Op::Read(op) => serve_read(shared, &mut up, &op)?,
            Op::InitRecovery { id, recovery_id } => match shared.init_recovery(id, recovery_id) {
                Ok(replica) => send_replica(&mut up.socket, replica)?,
                Err(e) => send_reply(&mut up.socket, &shared.no(&e))?,
            },
            Op::UpdateRecovered {
                id,
                recovery_id,
                len,
            } => {
                let updated = shared.update_recovered(id, recovery_id, len);
                let reply = updated.map(|()| OpReply::Success { visible_len: len });
                send_reply(&mut up.socket, &reply.unwrap_or_else(|e| shared.no(&e)))?;
            }
            Op::Replace(op) => return balancing::replace(shared, &mut up, &op),
            Op::Copy(op) => return balancing::copy(shared, &mut up, op),
            Op::Checksum(block) => checksum::serve(shared, &mut up, block)?,
            Op::Transfer(op) => transfer::serve(shared, &mut up, &op)?,
        }
        up.socket.set_read_timeout(Some(KEEP_ALIVE))?;
    }
}

/// The span of an op that belongs to a trace.
fn span_of(shared: &Shared, op: &Op, traceparent: &str) -> Span {
    if traceparent.is_empty() {
        return Span::none();
    }
    let (name, block) = match op {
        Op::Write(op) => ("WriteBlock", op.block.to_string()),
        Op::Read(op) => ("ReadBlock", op.block.to_string()),
        Op::Checksum(block) => ("BlockChecksum", block.to_string()),
        Op::InitRecovery { id, .. } => ("InitReplicaRecovery", id.to_string()),
        Op::UpdateRecovered { id, .. } => ("UpdateReplicaUnderRecovery", id.to_string()),
        Op::Replace(op) => ("ReplaceBlock", op.block.to_string()),
        Op::Copy(op) => ("CopyBlock", op.block.to_string()),
        Op::Transfer(op) => ("TransferBlock", op.block.to_string()),
    };
    let span =
        info_span!("op", otel.name = name, otel.kind = "server", datanode = %shared.id, %block);
    traces::continued(span, traceparent)
}

pub(super) fn refuse(
    up: &mut Upstream,
    reason: String,
    bad_link: Option<DatanodeId>,
) -> io::Result<()> {
    debug!("refused {}: {reason}", up.peer);
    let reply = OpReply::Refused {
        reason,
        bad_link,
        no_replica: false,
    };
    send_reply(&mut up.socket, &reply)
}

/// Counts an op while it is under way.
pub(super) struct Transferring<'a>(&'a Shared);

impl Transferring<'_> {
    /// None where there are as many as may be.
    pub(super) fn begin(shared: &Shared) -> Option<Transferring<'_>> {
        let before = shared.transfers.fetch_add(1, Ordering::Relaxed);
        let counted = Transferring(shared);
        (before < shared.settings.transfers_max).then_some(counted)
    }
}

impl Drop for Transferring<'_> {
    fn drop(&mut self) {
        self.0.transfers.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Reads what still comes until the other side closes, for a while: if we closed first, with bytes unread, it might never
/// see our last words.
pub(super) fn drain(up: &mut Upstream) -> Result<()> {
    up.socket.shutdown(Shutdown::Write).context("closing")?;
    up.socket.set_read_timeout(Some(LINGER))?;
    let (began, mut unread) = (Instant::now(), [0; BUFFER]);
    while began.elapsed() < LINGER && up.reader.read(&mut unread).is_ok_and(|read| read > 0) {}
    Ok(())
}

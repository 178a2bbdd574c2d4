//! A connection: frames in, answers out, in the order of their requests. What no client sends closes it, with one line in
//! the log; so does silence.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use thiserror::Error;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Interest};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::mpsc;

use super::api::{self, Answer, BadRequest};
use super::apis::Api;
use super::broker::Broker;
use super::metrics;
use super::response::{FileSlice, Piece, Response};

/// How many requests of a connection may wait for their answers; the next one is not read before.
const IN_FLIGHT_MAX: usize = 32;
/// Small frames are read in one go. What is larger goes around this buffer.
const READ_BUFFER_BYTES: usize = 4096;
/// Memory is made for a frame as it arrives, so that a length alone costs nothing: this much, and then three times what has come.
const READ_AHEAD_BYTES: usize = 256 << 10;

/// As much of an answer has to be taken in `connections.max.idle.ms`.
const TAKEN_BYTES_MIN: usize = 64 << 10;

/// Why a connection is over. The client's own end of it is no reason.
#[derive(Debug, Error)]
pub enum Closed {
    /// A length that no request has.
    #[error("a frame of {0} bytes: it must be from 1 to socket.request.max.bytes")]
    FrameSize(i32),
    /// What is in the frame makes no sense.
    #[error(transparent)]
    BadRequest(#[from] BadRequest),
    /// Nothing came, or too little was taken.
    #[error("{0} for connections.max.idle.ms")]
    Idle(&'static str),
    /// The network's reason.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A request that is being served.
struct InFlight {
    api: &'static Api,
    began: Instant,
    answer: Answer,
}

/// Serves a connection until its client ends it.
///
/// # Errors
/// Why it had to be closed.
pub async fn serve(
    broker: Arc<Broker>,
    mut stream: TcpStream,
    peer: SocketAddr,
) -> Result<(), Closed> {
    stream.set_nodelay(true)?;
    let (read, write) = stream.split();
    let (sender, receiver) = mpsc::channel(IN_FLIGHT_MAX);
    let answered = AtomicUsize::new(0);
    tokio::select! {
        biased;
        read = read_requests(&broker, read, peer, sender, &answered) => read,
        written = write_answers(&broker, write, receiver, &answered) => written,
    }
}

async fn read_requests(
    broker: &Arc<Broker>,
    read: ReadHalf<'_>,
    peer: SocketAddr,
    sender: mpsc::Sender<InFlight>,
    answered: &AtomicUsize,
) -> Result<(), Closed> {
    let mut asked = 0;
    let mut read = BufReader::with_capacity(READ_BUFFER_BYTES, read);
    let idle = broker.settings.millis("connections.max.idle.ms");
    let max = broker.settings.count("socket.request.max.bytes");
    let client_host = format!("/{}", peer.ip());
    loop {
        // A client is not idle while it waits for an answer, nor as long after that as it may be silent.
        let mut answered_before = answered.load(Ordering::Relaxed);
        while tokio::time::timeout(idle, read.fill_buf()).await.is_err() {
            if answered_before == asked {
                return Err(Closed::Idle("nothing was asked"));
            }
            answered_before = answered.load(Ordering::Relaxed);
        }
        let Some(frame) =
            in_time(idle, "a frame was not finished", read_frame(&mut read, max)).await?
        else {
            return Ok(());
        };
        let began = Instant::now();
        let (api, answer) = api::serve(broker, frame, &client_host)?;
        asked += 1;
        let request = InFlight { api, began, answer };
        if sender.send(request).await.is_err() {
            return Ok(());
        }
        // An answer that need not wait goes out before the next request is served, which is there already where a client has many
        // under way, and may be one that closes the connection.
        tokio::task::yield_now().await;
    }
}

async fn in_time<T>(
    limit: Duration,
    what: &'static str,
    future: impl Future<Output = Result<T, Closed>>,
) -> Result<T, Closed> {
    let done = tokio::time::timeout(limit, future).await;
    done.unwrap_or(Err(Closed::Idle(what)))
}

/// A frame without its length; none where the client has ended the connection between two.
async fn read_frame(
    read: &mut BufReader<ReadHalf<'_>>,
    max: usize,
) -> Result<Option<Bytes>, Closed> {
    let mut length = [0; 4];
    match read.read_exact(&mut length).await {
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    };
    let length = i32::from_be_bytes(length);
    let size = usize::try_from(length)
        .ok()
        .filter(|size| (1..=max).contains(size));
    let size = size.ok_or(Closed::FrameSize(length))?;
    let mut frame = BytesMut::new();
    while frame.len() < size {
        let left = size - frame.len();
        if frame.len() == frame.capacity() {
            frame.reserve(left.min(READ_AHEAD_BYTES.max(3 * frame.len())));
        }
        if (&mut *read).take(left as u64).read_buf(&mut frame).await? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
    }
    Ok(Some(frame.freeze()))
}

async fn write_answers(
    broker: &Broker,
    mut write: WriteHalf<'_>,
    mut receiver: mpsc::Receiver<InFlight>,
    answered: &AtomicUsize,
) -> Result<(), Closed> {
    let idle = broker.settings.millis("connections.max.idle.ms");
    while let Some(InFlight { api, began, answer }) = receiver.recv().await {
        let response = answer.await?;
        write_answer(&mut write, response, idle).await?;
        answered.fetch_add(1, Ordering::Relaxed);
        metrics::request(api, began.elapsed());
    }
    Ok(())
}

async fn write_answer(
    write: &mut WriteHalf<'_>,
    response: Response,
    idle: Duration,
) -> Result<(), Closed> {
    let what = "an answer was not taken";
    for piece in response.pieces {
        match piece {
            Piece::Bytes(bytes) => {
                for part in bytes.chunks(TAKEN_BYTES_MIN) {
                    let written = async { Ok(write.write_all(part).await?) };
                    in_time(idle, what, written).await?;
                }
            }
            Piece::File(mut slice) => {
                while slice.len > 0 {
                    let left = slice.len.saturating_sub(TAKEN_BYTES_MIN);
                    let sent = async {
                        while slice.len > left {
                            send_some(write.as_ref(), &mut slice).await?;
                        }
                        Ok(())
                    };
                    in_time(idle, what, sent).await?;
                }
            }
        }
    }
    Ok(())
}

/// Sends as much of the slice as the socket takes.
async fn send_some(stream: &TcpStream, slice: &mut FileSlice) -> Result<(), Closed> {
    let sent = stream
        .async_io(Interest::WRITABLE, || copy(stream, slice))
        .await?;
    if sent == 0 {
        // Shorter than when it was looked at: its end was cut meanwhile.
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    slice.position += sent as u64;
    slice.len -= sent;
    Ok(())
}

/// Lets the kernel copy from the file to the socket.
#[cfg(target_os = "linux")]
fn copy(stream: &TcpStream, slice: &FileSlice) -> io::Result<usize> {
    let mut position = slice.position;
    let sent = rustix::fs::sendfile(stream, &*slice.file, Some(&mut position), slice.len);
    Ok(sent?)
}

/// Copies through this process, where the kernel has no such call, or another one.
#[cfg(not(target_os = "linux"))]
fn copy(stream: &TcpStream, slice: &FileSlice) -> io::Result<usize> {
    use std::os::unix::fs::FileExt;
    let mut bytes = vec![0; slice.len.min(64 << 10)];
    let read = slice.file.read_at(&mut bytes, slice.position)?;
    // Within `async_io` the socket does not block.
    Ok(rustix::io::write(stream, &bytes[..read])?)
}

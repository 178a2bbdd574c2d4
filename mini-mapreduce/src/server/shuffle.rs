//! Map outputs over the network: their server on the worker that has them, and the copy on the one that wants them (`ShuffleHandler`, `Fetcher`).

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Request, Response, Status as Refusal};
use tracing::Span;

use super::agent::Agent;
use super::links::{FetchError, Segment};
use super::wire::{self, pb};
use crate::protocol::AttemptId;
use crate::segment;

/// How long another worker may be silent in the middle of a fetch.
const SILENCE_MAX: Duration = Duration::from_secs(5);
/// How long a reader may leave a piece unread. Behind it waits a thread.
const UNREAD_MAX: Duration = Duration::from_secs(60);
/// How much of a segment is sent at once, and how many such pieces wait for a slow reader.
const PIECE_BYTES: usize = 256 << 10;
const PIECES: usize = 4;

/// Copies a segment over the network into a file.
pub(super) async fn copy(
    channel: Channel,
    map: AttemptId,
    partition: u32,
    file: &Path,
) -> Result<Segment, FetchError> {
    let silent = |_| {
        let reason = "the worker is silent";
        FetchError::There(io::Error::new(io::ErrorKind::TimedOut, reason))
    };
    let refused = |refusal: Refusal| FetchError::There(io::Error::other(refusal));
    let here = |error| FetchError::Here {
        file: file.to_owned(),
        error,
    };
    let mut client = pb::shuffle_client::ShuffleClient::with_interceptor(channel, traces::tell);
    let request = pb::FetchRequest {
        map: Some(wire::attempt_to(map)),
        partition,
    };
    let answer = timeout(SILENCE_MAX, client.fetch(request)).await;
    let mut pieces = answer.map_err(silent)?.map_err(refused)?.into_inner();
    let mut out = File::create(file).map_err(here)?;
    let (mut expected, mut copied) = (None, 0);
    // What a segment ends with.
    let mut tail = Vec::new();
    while let Some(piece) = timeout(SILENCE_MAX, pieces.message())
        .await
        .map_err(silent)?
        .map_err(refused)?
    {
        let length = *expected.get_or_insert(piece.length);
        copied += piece.bytes.len() as u64;
        if copied > length {
            break;
        }
        out.write_all(&piece.bytes).map_err(here)?;
        tail.extend_from_slice(&piece.bytes);
        tail.drain(..tail.len().saturating_sub(segment::END_BYTES));
    }
    if expected != Some(copied) {
        let reason = format!("{copied} bytes came of {expected:?}");
        let error = io::Error::new(io::ErrorKind::UnexpectedEof, reason);
        return Err(FetchError::There(error));
    }
    Ok(Segment {
        file: file.to_owned(),
        offset: 0,
        length: copied,
        records: segment::records(&tail).map_err(FetchError::There)?,
    })
}

/// Serves a worker's map outputs.
pub(super) struct Service(pub(super) Arc<Agent>);

type Pieces = ReceiverStream<Result<pb::FetchPiece, Refusal>>;

#[tonic::async_trait]
impl pb::shuffle_server::Shuffle for Service {
    type FetchStream = Pieces;

    async fn fetch(&self, request: Request<pb::FetchRequest>) -> Result<Response<Pieces>, Refusal> {
        let pb::FetchRequest { map, partition } = request.into_inner();
        let map = map.ok_or_else(|| Refusal::invalid_argument("the message has no map"))?;
        let map = wire::attempt_from(map);
        let found = self.0.segment(map, partition);
        let segment = found.ok_or_else(|| Refusal::not_found(format!("{map} is not here")))?;
        let (sender, receiver) = mpsc::channel(PIECES);
        // The call's span lasts until all is sent.
        let (agent, span, runtime) = (self.0.clone(), Span::current(), Handle::current());
        tokio::task::spawn_blocking(move || {
            let _sending = span.enter();
            let sent = |bytes| agent.metrics.served(bytes);
            if let Err(error) = send(&segment, &sender, &runtime, UNREAD_MAX, sent) {
                // Nobody waits for one who does not read.
                let _ = sender.try_send(Err(Refusal::data_loss(format!("{map}: {error}"))));
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}

/// Sends a segment in pieces. A reader that is slow is waited for, each time for `unread_max` at most; one that is gone is none.
fn send(
    segment: &Segment,
    to: &mpsc::Sender<Result<pb::FetchPiece, Refusal>>,
    runtime: &Handle,
    unread_max: Duration,
    sent: impl Fn(usize),
) -> io::Result<()> {
    let mut file = File::open(&segment.file)?;
    file.seek(SeekFrom::Start(segment.offset))?;
    let length = segment.length;
    let mut left = length;
    loop {
        let size = usize::try_from(left).unwrap_or(usize::MAX).min(PIECE_BYTES);
        let mut bytes = vec![0; size];
        file.read_exact(&mut bytes)?;
        left -= size as u64;
        let piece = pb::FetchPiece { length, bytes };
        match runtime.block_on(to.send_timeout(Ok(piece), unread_max)) {
            Ok(()) => sent(size),
            Err(mpsc::error::SendTimeoutError::Closed(_)) => return Ok(()),
            Err(mpsc::error::SendTimeoutError::Timeout(_)) => {
                let reason = format!("nothing was read for {} s", unread_max.as_secs_f64());
                return Err(io::Error::new(io::ErrorKind::TimedOut, reason));
            }
        }
        if left == 0 {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_never_reads_holds_no_thread() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        let length = 2 * PIECES * PIECE_BYTES;
        file.as_file().set_len(length as u64).unwrap();
        let segment = Segment {
            file: file.path().to_owned(),
            offset: 0,
            length: length as u64,
            records: 0,
        };
        let (sender, mut receiver) = mpsc::channel(PIECES);
        let wait = Duration::from_millis(20);
        let error = send(&segment, &sender, runtime.handle(), wait, |_| {}).unwrap_err();
        assert_eq!(error.to_string(), "nothing was read for 0.02 s");
        let mut pieces = 0;
        while receiver.try_recv().is_ok() {
            pieces += 1;
        }
        assert_eq!(pieces, PIECES, "what there was room for was sent");
        drop(receiver);
        send(&segment, &sender, runtime.handle(), wait, |_| {}).unwrap();
    }
}

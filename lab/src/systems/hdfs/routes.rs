//! Files over HTTP: uploads, downloads, samples, and reading back to compare.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures::StreamExt;
use serde::Deserialize;
use tokio::sync::mpsc;

use crate::web::{Answer, attachment, blocking};

use super::{Checked, Hdfs};

/// Pieces of an upload, or of a download, under way between a socket and a file.
const PIECES_MAX: usize = 8;

/// Everything below `/api/hdfs`.
pub(super) fn routes(hdfs: Arc<Hdfs>) -> Router {
    Router::new()
        .route("/files", get(download).post(upload).delete(delete))
        .route("/files/check", post(check))
        .route("/files/sample", post(sample))
        .with_state(hdfs)
}

type Shared = State<Arc<Hdfs>>;

#[derive(Deserialize)]
struct FilePath {
    path: String,
}

async fn upload(
    State(hdfs): Shared,
    Query(FilePath { path }): Query<FilePath>,
    body: Body,
) -> Answer<axum::Json<Checked>> {
    let (pieces, receiver) = mpsc::channel(PIECES_MAX);
    let mut body = body.into_data_stream();
    // What arrives is handed on piece by piece, no faster than it is written.
    let feed = async move {
        while let Some(piece) = body.next().await {
            let piece = piece.map_err(io::Error::other);
            let broken = piece.is_err();
            if pieces.send(piece).await.is_err() || broken {
                return;
            }
        }
    };
    let store = blocking(move || hdfs.put(&path, &mut Pieces::new(receiver)));
    let (checked, ()) = tokio::join!(store, feed);
    Ok(axum::Json(checked?))
}

async fn download(
    State(hdfs): Shared,
    Query(FilePath { path }): Query<FilePath>,
) -> Answer<Response> {
    let (sender, receiver) = mpsc::channel::<io::Result<Bytes>>(PIECES_MAX);
    let name = path.rsplit('/').next().unwrap_or_default();
    let binary = "application/octet-stream".to_owned();
    let headers = [(header::CONTENT_TYPE, binary), attachment(name)];
    // Opened before the answer begins, so that a file that cannot be read is an error and not an empty download.
    let mut file = blocking(move || hdfs.open(&path)).await?;
    tokio::task::spawn_blocking(move || {
        loop {
            let mut piece = vec![0; 64 << 10];
            let piece = io::Read::read(&mut file, &mut piece).map(|len| {
                piece.truncate(len);
                Bytes::from(piece)
            });
            let last = !piece.as_ref().is_ok_and(|piece| !piece.is_empty());
            if sender.blocking_send(piece).is_err() || last {
                return;
            }
        }
    });
    let pieces = tokio_stream::wrappers::ReceiverStream::new(receiver);
    Ok((headers, Body::from_stream(pieces)).into_response())
}

async fn delete(
    State(hdfs): Shared,
    Query(FilePath { path }): Query<FilePath>,
) -> Answer<StatusCode> {
    blocking(move || hdfs.delete(&path)).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn check(
    State(hdfs): Shared,
    Query(FilePath { path }): Query<FilePath>,
) -> Answer<axum::Json<Checked>> {
    let checked = blocking(move || hdfs.read_back(&path)).await?;
    Ok(axum::Json(checked))
}

#[derive(Deserialize)]
struct Sample {
    /// Take this long to write it.
    seconds: u64,
}

async fn sample(
    State(hdfs): Shared,
    Query(Sample { seconds }): Query<Sample>,
) -> Answer<axum::Json<Checked>> {
    let over = Duration::from_secs(seconds.min(600));
    let checked = blocking(move || hdfs.put_sample(over)).await?;
    Ok(axum::Json(checked))
}

/// The pieces of an upload, as something to read from.
struct Pieces {
    receiver: mpsc::Receiver<io::Result<Bytes>>,
    piece: Bytes,
}

impl Pieces {
    fn new(receiver: mpsc::Receiver<io::Result<Bytes>>) -> Pieces {
        let piece = Bytes::new();
        Pieces { receiver, piece }
    }
}

impl io::Read for Pieces {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.receiver.blocking_recv() {
                Some(piece) => self.piece = piece?,
                None => return Ok(0),
            }
        }
        let len = into.len().min(self.piece.len());
        into[..len].copy_from_slice(&self.piece.split_to(len));
        Ok(len)
    }
}

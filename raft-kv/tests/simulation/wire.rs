//! Requests and answers over simulated TCP: a connection each, so that what is lost is lost alone.

use bytes::Bytes;
use raft_kv::consensus::{Member, Transport, TransportError};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use turmoil::net::TcpStream;

/// Where members hear each other.
pub(crate) const PEERS: u16 = 2380;
/// Where they hear clients.
pub(crate) const CLIENTS: u16 = 2379;

/// Sends a frame.
pub(crate) async fn send(
    stream: &mut (impl AsyncWrite + Unpin),
    frame: &[u8],
) -> std::io::Result<()> {
    stream
        .write_all(&(frame.len() as u64).to_be_bytes())
        .await?;
    stream.write_all(frame).await
}

/// Receives a frame.
pub(crate) async fn receive(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Vec<u8>> {
    let len = usize::try_from(stream.read_u64().await?).map_err(std::io::Error::other)?;
    let mut frame = vec![0; len];
    stream.read_exact(&mut frame).await?;
    Ok(frame)
}

/// Asks a host, and returns its answer. Whether it was asked is known only where the connection could not be made.
pub(crate) async fn ask(
    host: &str,
    port: u16,
    frame: &[u8],
) -> Result<Vec<u8>, (bool, std::io::Error)> {
    let mut stream = TcpStream::connect((host, port))
        .await
        .map_err(|e| (false, e))?;
    send(&mut stream, frame).await.map_err(|e| (true, e))?;
    receive(&mut stream).await.map_err(|e| (true, e))
}

/// Members' messages: a member's address is the name of its host.
#[derive(Clone)]
pub(crate) struct Wire;

impl Transport for Wire {
    async fn call(&self, _: u64, member: &Member, message: Bytes) -> Result<Bytes, TransportError> {
        let Some(host) = member.peer_urls.first() else {
            return Err(TransportError::Unreachable("it has no address".to_owned()));
        };
        match ask(host, PEERS, &message).await {
            Ok(answer) => Ok(answer.into()),
            Err((true, error)) => Err(TransportError::Broken(error.to_string())),
            Err((false, error)) => Err(TransportError::Unreachable(error.to_string())),
        }
    }
}

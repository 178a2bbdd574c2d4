//! How a member reaches the others: directly, or through a SOCKS5 listener (RFC 1928). The lab gives each process a listener
//! of its own: so it knows who calls whom, and can cut, delay and throttle each link in each direction.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::transport::{Channel, Endpoint};

use super::urls::Url;

/// How long a connection may take to come up.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// A connection without a sign of life for this long is lost.
const KEEP_ALIVE: Duration = Duration::from_secs(2);

/// There was no connection, so nothing was sent on it. Who finds this behind a refused call knows that the call was not carried out.
#[derive(Debug, Error)]
#[error("cannot connect to {address}: {source}")]
pub struct NotConnected {
    /// To whom.
    address: String,
    source: io::Error,
}

/// Dials other processes.
#[derive(Clone, Copy, Debug)]
pub struct Connector {
    socks: Option<SocketAddr>,
}

impl Connector {
    /// Dials through the SOCKS5 listener at `socks`, which must need no password, or else directly.
    pub fn new(socks: Option<SocketAddr>) -> Connector {
        Connector { socks }
    }

    /// A gRPC channel to `url`. It connects with the first call, and again whenever the connection is lost. Must be
    /// called within a tokio runtime.
    ///
    /// # Errors
    /// When `url` is none for gRPC.
    pub fn channel(self, url: &Url) -> io::Result<Channel> {
        let endpoint = Endpoint::from_shared(url.to_string())
            .map_err(|e| io::Error::new(ErrorKind::InvalidInput, format!("{url}: {e}")))?
            .http2_keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE)
            .tcp_nodelay(true);
        let address = url.authority();
        let dial = move |_| {
            let address = address.clone();
            async move {
                let connected = tokio::time::timeout(CONNECT_TIMEOUT, self.connect(&address));
                let connected = connected.await.unwrap_or(Err(ErrorKind::TimedOut.into()));
                let stream = connected.map_err(|source| NotConnected { address, source });
                Ok::<_, NotConnected>(TokioIo::new(stream?))
            }
        };
        Ok(endpoint.connect_with_connector_lazy(tower::service_fn(dial)))
    }

    async fn connect(self, address: &str) -> io::Result<TcpStream> {
        let stream = match self.socks {
            None => TcpStream::connect(address).await?,
            Some(proxy) => {
                let mut stream = TcpStream::connect(proxy).await?;
                ask_proxy(&mut stream, address).await?;
                stream
            }
        };
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

/// SOCKS5's `CONNECT`, without authentication. The host is sent as a name: the listener resolves it.
async fn ask_proxy(stream: &mut TcpStream, address: &str) -> io::Result<()> {
    let invalid = || io::Error::new(ErrorKind::InvalidInput, format!("{address}: not HOST:PORT"));
    let (host, port) = address.rsplit_once(':').ok_or_else(invalid)?;
    let port: u16 = port.parse().map_err(|_| invalid())?;
    let host_len = u8::try_from(host.len()).map_err(|_| invalid())?;

    stream.write_all(&[5, 1, 0]).await?;
    let mut method = [0; 2];
    stream.read_exact(&mut method).await?;
    if method != [5, 0] {
        return Err(io::Error::other("the SOCKS5 listener wants a password"));
    }
    let mut request = vec![5, 1, 0, 3, host_len];
    request.extend_from_slice(host.as_bytes());
    request.extend_from_slice(&port.to_be_bytes());
    stream.write_all(&request).await?;

    let mut reply = [0; 4];
    stream.read_exact(&mut reply).await?;
    let [_, code, _, kind] = reply;
    if code != 0 {
        let reason = format!("the SOCKS5 listener could not reach {address} (code {code})");
        return Err(io::Error::new(ErrorKind::ConnectionRefused, reason));
    }
    // The address that the listener dials from follows, and says nothing that is needed.
    let bound_len = match kind {
        1 => 4,
        4 => 16,
        _ => usize::from(stream.read_u8().await?),
    };
    stream.read_exact(&mut vec![0; bound_len + 2]).await?;
    Ok(())
}

/// Whether a call has never left this side, since there was no connection.
pub(crate) fn never_sent(status: &tonic::Status) -> bool {
    let first = std::error::Error::source(status);
    let mut causes = std::iter::successors(first, |cause| cause.source());
    causes.any(|cause| cause.is::<NotConnected>())
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    #[tokio::test]
    async fn a_socks5_listener_is_asked_for_the_address() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = listener.local_addr().unwrap();
        let served = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut seen = [0; 3 + 5 + 9 + 2];
            stream.read_exact(&mut seen[..3]).unwrap();
            stream.write_all(&[5, 0]).unwrap();
            stream.read_exact(&mut seen[3..]).unwrap();
            stream.write_all(&[5, 0, 0, 1, 127, 0, 0, 1, 0, 0]).unwrap();
            stream.write_all(b"hello").unwrap();
            seen
        });
        let mut stream = Connector::new(Some(proxy))
            .connect("localhost:2379")
            .await
            .unwrap();
        let mut hello = String::new();
        stream.read_to_string(&mut hello).await.unwrap();
        assert_eq!(hello, "hello");
        assert_eq!(served.join().unwrap()[8..], *b"localhost\x09\x4b");
    }

    #[tokio::test]
    async fn what_the_listener_refuses_is_no_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = listener.local_addr().unwrap();
        let served = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.read_exact(&mut [0; 3]).unwrap();
            stream.write_all(&[5, 0]).unwrap();
            stream.read_exact(&mut [0; 5 + 9 + 2]).unwrap();
            stream.write_all(&[5, 5, 0, 1, 0, 0, 0, 0, 0, 0]).unwrap();
        });
        let refused = Connector::new(Some(proxy)).connect("127.0.0.1:1").await;
        let refused = refused.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused, "{refused}");
        let _ = served;
    }
}

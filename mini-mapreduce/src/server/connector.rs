//! How a process reaches the others: directly, or through a SOCKS5 listener (RFC 1928). The lab gives each process a listener of its own: so it
//! knows who calls whom, and can cut, delay and throttle each link in each direction.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::transport::{Channel, Endpoint};

/// How long a connection may take to come up.
const CONNECT_MAX: Duration = Duration::from_secs(3);

/// Dials other processes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Connector {
    /// Through which it dials; it must need no password.
    pub(super) socks5: Option<SocketAddr>,
}

impl Connector {
    /// A gRPC channel to `HOST:PORT`. It connects with the first call, and again whenever the connection is lost. Must be called within a
    /// tokio runtime.
    pub(super) fn channel(self, address: &str, calls_max: Option<Duration>) -> Result<Channel> {
        let endpoint = Endpoint::from_shared(format!("http://{address}"));
        let mut endpoint = endpoint.with_context(|| format!("{address} is no HOST:PORT"))?;
        if let Some(calls_max) = calls_max {
            endpoint = endpoint.timeout(calls_max);
        }
        let address = address.to_owned();
        let dial = move |_| {
            let address = address.clone();
            async move {
                let connected = tokio::time::timeout(CONNECT_MAX, self.connect(&address)).await;
                let stream = connected.unwrap_or(Err(ErrorKind::TimedOut.into()))?;
                Ok::<_, io::Error>(TokioIo::new(stream))
            }
        };
        Ok(endpoint.connect_with_connector_lazy(tower::service_fn(dial)))
    }

    async fn connect(self, address: &str) -> io::Result<TcpStream> {
        let stream = match self.socks5 {
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

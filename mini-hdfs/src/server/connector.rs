//! How a process reaches the others. Everything that is dialled, for control or for data, is dialled here, either
//! directly or through a SOCKS5 listener (RFC 1928). The lab gives each process a listener of its own: so it
//! knows who calls whom, and can cut, delay and throttle each link in each direction.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tonic::transport::{Channel, Endpoint};

/// A call that is not answered by a sign of life for this long has lost its connection.
const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// How long a control connection may take to come up.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The most bytes of headers in an answer: refusals travel there, with their paths.
const HEADERS_MAX: u32 = 256 << 10;

/// Dials other processes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connector {
    socks: Option<SocketAddr>,
}

impl Connector {
    /// Dials without a detour.
    pub fn direct() -> Connector {
        Connector { socks: None }
    }

    /// Dials through the SOCKS5 listener at `proxy`, which must need no password.
    pub fn socks5(proxy: SocketAddr) -> Connector {
        Connector { socks: Some(proxy) }
    }

    /// A gRPC channel to `address` (`HOST:PORT`). It connects with the first call, and again whenever
    /// the connection is lost. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When `address` is not of that form.
    pub fn channel(&self, address: &str) -> io::Result<Channel> {
        let endpoint = Endpoint::from_shared(format!("http://{address}"))
            .map_err(|e| io::Error::new(ErrorKind::InvalidInput, format!("{address}: {e}")))?
            .connect_timeout(CONNECT_TIMEOUT)
            .http2_keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE)
            .http2_max_header_list_size(HEADERS_MAX);
        let (connector, address) = (self.clone(), address.to_owned());
        let dial = move |_| {
            let (connector, address) = (connector.clone(), address.clone());
            async move {
                let dialled = tokio::task::spawn_blocking(move || {
                    connector.connect(&address, CONNECT_TIMEOUT)
                });
                let stream = dialled.await.map_err(io::Error::other)??;
                stream.set_nonblocking(true)?;
                let stream = tokio::net::TcpStream::from_std(stream)?;
                Ok::<_, io::Error>(TokioIo::new(stream))
            }
        };
        Ok(endpoint.connect_with_connector_lazy(tower::service_fn(dial)))
    }

    /// A blocking connection to `address` (`HOST:PORT`), without delay of small writes. It may take
    /// `timeout` at most; reads and writes on it have no timeout yet.
    ///
    /// # Errors
    /// When nobody answers in time, or the listener refuses.
    pub fn connect(&self, address: &str, timeout: Duration) -> io::Result<TcpStream> {
        let stream = match self.socks {
            None => dial(address, timeout)?,
            Some(proxy) => {
                let mut stream = TcpStream::connect_timeout(&proxy, timeout)?;
                stream.set_read_timeout(Some(timeout))?;
                stream.set_write_timeout(Some(timeout))?;
                ask_proxy(&mut stream, address)?;
                stream.set_read_timeout(None)?;
                stream.set_write_timeout(None)?;
                stream
            }
        };
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

fn dial(address: &str, timeout: Duration) -> io::Result<TcpStream> {
    let mut failed = io::Error::new(ErrorKind::NotFound, format!("{address}: no such host"));
    for resolved in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&resolved, timeout) {
            Ok(stream) => return Ok(stream),
            Err(e) => failed = e,
        }
    }
    Err(failed)
}

/// SOCKS5's `CONNECT`, without authentication. The host is sent as a name: the listener resolves it.
fn ask_proxy(stream: &mut TcpStream, address: &str) -> io::Result<()> {
    let invalid = || io::Error::new(ErrorKind::InvalidInput, format!("{address}: not HOST:PORT"));
    let (host, port) = address.rsplit_once(':').ok_or_else(invalid)?;
    let port: u16 = port.parse().map_err(|_| invalid())?;
    let host_len = u8::try_from(host.len()).map_err(|_| invalid())?;

    stream.write_all(&[5, 1, 0])?;
    let mut method = [0; 2];
    stream.read_exact(&mut method)?;
    if method != [5, 0] {
        return Err(io::Error::other("the SOCKS5 listener wants a password"));
    }
    let mut request = vec![5, 1, 0, 3, host_len];
    request.extend_from_slice(host.as_bytes());
    request.extend_from_slice(&port.to_be_bytes());
    stream.write_all(&request)?;

    let mut reply = [0; 4];
    stream.read_exact(&mut reply)?;
    let [_, code, _, kind] = reply;
    if code != 0 {
        let kind = match code {
            3 | 4 => ErrorKind::HostUnreachable,
            5 => ErrorKind::ConnectionRefused,
            _ => ErrorKind::Other,
        };
        let reason = format!("the SOCKS5 listener could not reach {address} (code {code})");
        return Err(io::Error::new(kind, reason));
    }
    // The address that the listener dials from follows, and says nothing that is needed.
    let bound_len = match kind {
        1 => 4,
        4 => 16,
        _ => {
            let mut len = [0];
            stream.read_exact(&mut len)?;
            usize::from(len[0])
        }
    };
    stream.read_exact(&mut vec![0; bound_len + 2])
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    #[test]
    fn a_socks5_listener_is_asked_for_the_address() {
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
        let connector = Connector::socks5(proxy);
        let mut stream = connector
            .connect("localhost:8020", Duration::from_secs(5))
            .unwrap();
        let mut hello = String::new();
        stream.read_to_string(&mut hello).unwrap();
        assert_eq!(hello, "hello");
        assert_eq!(served.join().unwrap()[8..], *b"localhost\x1f\x54");
    }
}

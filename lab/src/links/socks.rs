//! The part of SOCKS5 (RFC 1928) by which a node says whom it dials.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The answers of RFC 1928, section 6, that are given here.
#[derive(Clone, Copy)]
pub(super) enum Reply {
    Connected = 0,
    NotAllowed = 2,
    Refused = 5,
    NotSupported = 7,
}

pub(super) async fn reply(near: &mut TcpStream, reply: Reply) -> io::Result<()> {
    near.write_all(&[5, reply as u8, 0, 1, 0, 0, 0, 0, 0, 0])
        .await
}

/// Reads a greeting and a request. None: something other than CONNECT to an IP address.
pub(super) async fn read_request(near: &mut TcpStream) -> io::Result<Option<SocketAddr>> {
    let mut greeting = [0; 2];
    near.read_exact(&mut greeting).await?;
    let mut methods = vec![0; usize::from(greeting[1])];
    near.read_exact(&mut methods).await?;
    if greeting[0] != 5 || !methods.contains(&0) {
        near.write_all(&[5, 0xff]).await?;
        return Err(io::ErrorKind::InvalidData.into());
    }
    near.write_all(&[5, 0]).await?;
    let mut request = [0; 4];
    near.read_exact(&mut request).await?;
    let ip = match request[3] {
        1 => Ipv4Addr::from_bits(near.read_u32().await?).into(),
        4 => Ipv6Addr::from_bits(near.read_u128().await?).into(),
        3 => {
            let mut name = vec![0; usize::from(near.read_u8().await?)];
            near.read_exact(&mut name).await?;
            match String::from_utf8_lossy(&name).parse() {
                Ok(ip) => ip,
                Err(_) if name == b"localhost" => Ipv4Addr::LOCALHOST.into(),
                Err(_) => return Ok(None),
            }
        }
        _ => return Ok(None),
    };
    let port = near.read_u16().await?;
    Ok((request[1] == 1).then(|| SocketAddr::new(ip, port)))
}

/// Dials `address` through the listener at `proxy`, which needs no password, as a node does that blocks.
///
/// # Errors
/// When nobody is there, or it takes longer than `patience`.
pub fn dial(
    proxy: SocketAddr,
    address: SocketAddr,
    patience: Duration,
) -> io::Result<std::net::TcpStream> {
    use std::io::{Read, Write};
    let SocketAddr::V4(target) = address else {
        let text = format!("{address} is no IPv4 address");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    };
    let mut stream = std::net::TcpStream::connect_timeout(&proxy, patience)?;
    stream.set_read_timeout(Some(patience))?;
    let mut request = vec![5, 1, 0, 5, 1, 0, 1];
    request.extend(target.ip().octets());
    request.extend(target.port().to_be_bytes());
    stream.write_all(&request)?;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer)?;
    if answer[3] != 0 {
        let text = format!("{address} cannot be reached");
        return Err(io::Error::new(io::ErrorKind::ConnectionRefused, text));
    }
    stream.set_read_timeout(None)?;
    Ok(stream)
}

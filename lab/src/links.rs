//! The links between nodes, and what can be wrong with them.
//!
//! Each node dials through a SOCKS5 listener (RFC 1928) that is its own, so that the listener knows who dials and the
//! request says whom: a link is (source, destination), and what flows in each direction obeys that direction's rule.
//! A cut link swallows nothing and resets nothing: bytes wait, as they would behind a broken cable, and flow again
//! when it is mended. So neither root nor containers are needed to partition a cluster.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

/// Bytes taken from a socket at a time, and how many such pieces a link holds while it may not deliver them.
const PIECE_BYTES: usize = 64 << 10;
const PIECES_MAX: usize = 4;
/// How long to wait after a connection could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);
/// How long a new node's address may take to become known.
const UNKNOWN_WAIT_MAX: Duration = Duration::from_secs(2);

/// What is wrong with one direction of a link. The default is: nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rule {
    /// Nothing gets through.
    pub cut: bool,
    /// Everything arrives this much later.
    pub delay_ms: u64,
    /// No more than this gets through in a second; 0 for no limit.
    pub bytes_per_second: u64,
}

/// One direction between two nodes.
pub type Direction = (String, String);

#[derive(Clone, Debug, Default)]
struct Table {
    names: BTreeMap<SocketAddr, String>,
    rules: BTreeMap<Direction, Rule>,
}

impl Table {
    fn rule(&self, direction: &Direction) -> Rule {
        self.rules.get(direction).copied().unwrap_or_default()
    }
}

/// All links of a cluster. Clones are handles on the same links.
#[derive(Clone, Debug)]
pub struct Links {
    runtime: Handle,
    table: watch::Sender<Table>,
    /// Until when the bytes let through so far occupy a throttled direction.
    busy_until: Arc<Mutex<BTreeMap<Direction, Instant>>>,
}

impl Links {
    /// Links that work on `runtime`.
    pub fn new(runtime: Handle) -> Links {
        Links {
            runtime,
            table: watch::Sender::default(),
            busy_until: Arc::default(),
        }
    }

    /// Opens the listener through which the node `source` dials.
    pub fn listen(&self, source: &str) -> io::Result<SocketAddr> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let _entered = self.runtime.enter();
        let listener = TcpListener::from_std(listener)?;
        let (links, source) = (self.clone(), source.to_owned());
        self.runtime.spawn(async move {
            loop {
                match listener.accept().await {
                    Ok((stream, _)) => {
                        let (links, source) = (links.clone(), source.clone());
                        tokio::spawn(async move { links.serve(stream, source).await });
                    }
                    // Too many files are open, say. That passes, and the node must not stay mute.
                    Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
                }
            }
        });
        Ok(address)
    }

    /// Says that the node `name` listens on `address`, and on none that it had before.
    pub fn register(&self, name: &str, addresses: &[SocketAddr]) {
        self.table.send_modify(|table| {
            table.names.retain(|_, known| known != name);
            let named = addresses.iter().map(|&address| (address, name.to_owned()));
            table.names.extend(named);
        });
    }

    /// Makes `rule` hold for what flows from `from` to `to`, in connections that exist and in those to come.
    pub fn set(&self, from: &str, to: &str, rule: Rule) {
        let direction = (from.to_owned(), to.to_owned());
        self.table.send_modify(|table| {
            if rule == Rule::default() {
                table.rules.remove(&direction);
            } else {
                table.rules.insert(direction, rule);
            }
        });
    }

    /// Mends every link.
    pub fn heal(&self) {
        self.table.send_modify(|table| table.rules.clear());
    }

    /// The directions with which something is wrong.
    pub fn rules(&self) -> BTreeMap<Direction, Rule> {
        self.table.borrow().rules.clone()
    }

    async fn serve(&self, mut near: TcpStream, source: String) {
        // An error here is the end of one node's connection, which both of its ends see for themselves.
        let _ = self.relay(&mut near, source).await;
    }

    async fn relay(&self, near: &mut TcpStream, source: String) -> io::Result<()> {
        near.set_nodelay(true)?;
        let Some(target) = read_request(near).await? else {
            return reply(near, Reply::NotSupported).await;
        };
        let Some(name) = self.name(target).await else {
            return reply(near, Reply::NotAllowed).await;
        };
        let there = (source.clone(), name.clone());
        let back = (name, source);
        // A connection begins with a question and an answer, each of which must get through.
        self.pass(&there, Instant::now(), 0).await;
        self.pass(&back, Instant::now(), 0).await;
        let Ok(mut far) = TcpStream::connect(target).await else {
            return reply(near, Reply::Refused).await;
        };
        far.set_nodelay(true)?;
        reply(near, Reply::Connected).await?;
        let ((near_read, near_write), (far_read, far_write)) = (near.split(), far.split());
        tokio::join!(
            self.pump(near_read, far_write, &there),
            self.pump(far_read, near_write, &back)
        );
        Ok(())
    }

    /// The name of the node that listens on `address`. A node that has just started is dialled before the lab knows
    /// where it listens, hence some patience.
    async fn name(&self, address: SocketAddr) -> Option<String> {
        let mut table = self.table.subscribe();
        let known = table.wait_for(|table| table.names.contains_key(&address));
        let table = tokio::time::timeout(UNKNOWN_WAIT_MAX, known).await.ok()?;
        table.ok()?.names.get(&address).cloned()
    }

    /// Carries bytes one way until their source ends or their destination is gone.
    async fn pump(
        &self,
        mut from: impl AsyncReadExt + Unpin,
        mut to: impl AsyncWriteExt + Unpin,
        direction: &Direction,
    ) {
        let (pieces, mut arriving) = mpsc::channel(PIECES_MAX);
        let read = async move {
            loop {
                let mut piece = vec![0; PIECE_BYTES];
                match from.read(&mut piece).await {
                    Ok(len) if len > 0 => piece.truncate(len),
                    _ => return,
                }
                if pieces.send((Instant::now(), piece)).await.is_err() {
                    return;
                }
            }
        };
        let write = async move {
            while let Some((arrived, piece)) = arriving.recv().await {
                self.pass(direction, arrived, piece.len()).await;
                if to.write_all(&piece).await.is_err() {
                    return;
                }
            }
            // The news that a connection is closed does not get through a cut either.
            self.pass(direction, Instant::now(), 0).await;
            let _ = to.shutdown().await;
        };
        tokio::join!(read, write);
    }

    /// Waits until `len` bytes that set out at `departed` have got through.
    async fn pass(&self, direction: &Direction, departed: Instant, len: usize) {
        let mut table = self.table.subscribe();
        loop {
            let Ok(rule) = table
                .wait_for(|table| !table.rule(direction).cut)
                .await
                .map(|table| table.rule(direction))
            else {
                return;
            };
            let due = (departed + Duration::from_millis(rule.delay_ms))
                .max(self.throttle(direction, rule, len));
            // Timers are of a millisecond's grain, which would be the delay of a whole link.
            if due <= Instant::now() {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep_until(due) => return,
                // Another rule holds from now on: judge by that.
                _ = table.wait_for(|table| table.rule(direction) != rule) => {}
            }
        }
    }

    /// When `len` more bytes have got through a throttled direction, shared by all its connections.
    fn throttle(&self, direction: &Direction, rule: Rule, len: usize) -> Instant {
        let now = Instant::now();
        if rule.bytes_per_second == 0 {
            return now;
        }
        let micros = (len as u64).saturating_mul(1_000_000) / rule.bytes_per_second;
        let mut busy = self
            .busy_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let free = busy.get(direction).copied().unwrap_or(now).max(now);
        let until = free + Duration::from_micros(micros);
        busy.insert(direction.clone(), until);
        until
    }
}

/// The answers of RFC 1928, section 6, that are given here.
#[derive(Clone, Copy)]
enum Reply {
    Connected = 0,
    NotAllowed = 2,
    Refused = 5,
    NotSupported = 7,
}

async fn reply(near: &mut TcpStream, reply: Reply) -> io::Result<()> {
    near.write_all(&[5, reply as u8, 0, 1, 0, 0, 0, 0, 0, 0])
        .await
}

/// Reads a greeting and a request. None: something other than CONNECT to an IP address.
async fn read_request(near: &mut TcpStream) -> io::Result<Option<SocketAddr>> {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// How long silence must last to count, and how long a byte may take on a busy machine.
    const SILENCE: Duration = Duration::from_millis(200);
    const DEADLINE: Duration = Duration::from_secs(20);

    struct Wire {
        links: Links,
        source: TcpStream,
        destination: TcpStream,
    }

    async fn dial(socks: SocketAddr, target: SocketAddr) -> (TcpStream, u8) {
        let mut stream = TcpStream::connect(socks).await.unwrap();
        let SocketAddr::V4(target) = target else {
            panic!("tests use IPv4");
        };
        let mut request = vec![5, 1, 0, 5, 1, 0, 1];
        request.extend(target.ip().octets());
        request.extend(target.port().to_be_bytes());
        stream.write_all(&request).await.unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        (stream, answer[3])
    }

    async fn wire() -> Wire {
        let links = Links::new(Handle::current());
        let socks = links.listen("client").unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = listener.local_addr().unwrap();
        links.register("dn1", &[target]);
        let (source, accepted) = tokio::join!(dial(socks, target), listener.accept());
        assert_eq!(source.1, 0);
        Wire {
            links,
            source: source.0,
            destination: accepted.unwrap().0,
        }
    }

    async fn send(from: &mut TcpStream) {
        from.write_all(b"x").await.unwrap();
    }

    async fn heard(to: &mut TcpStream, within: Duration) -> bool {
        let read = tokio::time::timeout(within, to.read_u8()).await;
        read.is_ok_and(|byte| byte.unwrap() == b'x')
    }

    const CUT: Rule = Rule {
        cut: true,
        delay_ms: 0,
        bytes_per_second: 0,
    };

    #[tokio::test]
    async fn a_cut_stops_one_direction_and_healing_delivers_what_waited() {
        let mut wire = wire().await;
        send(&mut wire.source).await;
        assert!(heard(&mut wire.destination, DEADLINE).await);
        wire.links.set("client", "dn1", CUT);
        send(&mut wire.source).await;
        assert!(!heard(&mut wire.destination, SILENCE).await);
        send(&mut wire.destination).await;
        assert!(heard(&mut wire.source, DEADLINE).await);
        wire.links.set("dn1", "client", CUT);
        send(&mut wire.destination).await;
        assert!(!heard(&mut wire.source, SILENCE).await);
        wire.links.heal();
        assert!(heard(&mut wire.destination, DEADLINE).await);
        assert!(heard(&mut wire.source, DEADLINE).await);
    }

    #[tokio::test]
    async fn a_cut_hides_that_the_other_end_is_gone() {
        let mut wire = wire().await;
        wire.links.set("client", "dn1", CUT);
        drop(wire.source);
        let end = wire.destination.read_u8();
        assert!(tokio::time::timeout(SILENCE, end).await.is_err());
        wire.links.heal();
        assert!(wire.destination.read_u8().await.is_err());
    }

    #[tokio::test]
    async fn delay_and_throttle_take_their_time() {
        let mut wire = wire().await;
        let slow = Rule {
            delay_ms: 100,
            ..Rule::default()
        };
        wire.links.set("client", "dn1", slow);
        let begun = Instant::now();
        send(&mut wire.source).await;
        assert!(heard(&mut wire.destination, DEADLINE).await);
        assert!(begun.elapsed() >= Duration::from_millis(100));
        let narrow = Rule {
            bytes_per_second: 100_000,
            ..Rule::default()
        };
        wire.links.set("client", "dn1", narrow);
        let begun = Instant::now();
        wire.source.write_all(&[0; 20_000]).await.unwrap();
        wire.destination.read_exact(&mut [0; 20_000]).await.unwrap();
        assert!(begun.elapsed() >= Duration::from_millis(190));
    }

    #[tokio::test]
    async fn only_nodes_of_the_cluster_are_reached() {
        let wire = wire().await;
        let socks = wire.links.listen("dn2").unwrap();
        let stranger = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (_, code) = dial(socks, stranger.local_addr().unwrap()).await;
        assert_eq!(code, Reply::NotAllowed as u8);
        let gone = stranger.local_addr().unwrap();
        drop(stranger);
        wire.links.register("dn3", &[gone]);
        assert_eq!(dial(socks, gone).await.1, Reply::Refused as u8);
    }
}

//! The links between nodes, and what can be wrong with them.
//!
//! Each node dials through a SOCKS5 listener (RFC 1928) that is its own, so that the listener knows who dials and the
//! request says whom: a link is (source, destination), and what flows in each direction obeys that direction's rule.
//! A cut link swallows nothing and resets nothing: bytes wait, as they would behind a broken cable, and flow again
//! when it is mended. So neither root nor containers are needed to partition a cluster.
//!
//! What passes is understood beside (`recogniser.rs`), and told message by message to whoever watches (`passing.rs`).

pub mod grpc;
mod passing;
pub mod recogniser;
mod socks;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::fmt::{self, Debug};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::lab::lock;

pub use passing::Sink;
use passing::{InFlight, Teller};
use recogniser::{Conversation, Protocol, Way};
pub use socks::dial;
use socks::{Reply, read_request, reply};

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

    fn set(&mut self, direction: Direction, rule: Rule) {
        if rule == Rule::default() {
            self.rules.remove(&direction);
        } else {
            self.rules.insert(direction, rule);
        }
    }
}

/// All links of a cluster. Clones are handles on the same links.
#[derive(Clone, Debug)]
pub struct Links {
    runtime: Handle,
    table: watch::Sender<Table>,
    /// Until when the bytes let through so far occupy a throttled direction.
    busy_until: Arc<Mutex<BTreeMap<Direction, Instant>>>,
    /// Bytes that have got through each direction so far.
    carried: Arc<Mutex<BTreeMap<Direction, u64>>>,
    watch: Arc<OnceLock<Watch>>,
    /// One for each node that dials; its connections end with it.
    listeners: Arc<Mutex<JoinSet<()>>>,
}

/// Who hears of messages, and how they are understood.
struct Watch {
    sink: Arc<dyn Sink>,
    protocols: Arc<[Protocol]>,
}

impl Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}

/// What listens to one way of a connection.
struct Ear<'a> {
    conversation: &'a Mutex<Conversation>,
    way: Way,
    teller: Teller,
}

impl Ear<'_> {
    /// Bytes enter the link. Returns the messages that are in flight from now on.
    fn hear(&mut self, bytes: &[u8]) -> Vec<InFlight> {
        let seen = lock(self.conversation).feed(self.way, bytes);
        let now = Instant::now();
        let told = seen.iter().filter_map(|seen| self.teller.tell(seen, now));
        told.collect()
    }
}

impl Links {
    /// Links that work on `runtime`.
    pub fn new(runtime: Handle) -> Links {
        Links {
            runtime,
            table: watch::Sender::default(),
            busy_until: Arc::default(),
            carried: Arc::default(),
            watch: Arc::default(),
            listeners: Arc::default(),
        }
    }

    /// Has `sink` told of every message from now on, of gRPC and of `protocols`. To be called once, before anything is dialled:
    /// what came before is not understood.
    pub fn watch(&self, sink: Arc<dyn Sink>, protocols: &[Protocol]) {
        let protocols = protocols.iter().copied().chain([grpc::GRPC]).collect();
        // A second one would hear halves of conversations, and hears nothing.
        let _ = self.watch.set(Watch { sink, protocols });
    }

    /// Opens the listener through which the node `source` dials.
    pub fn listen(&self, source: &str) -> io::Result<SocketAddr> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let _entered = self.runtime.enter();
        let listener = TcpListener::from_std(listener)?;
        let accepting = self.clone().accept(listener, source.to_owned());
        lock(&self.listeners).spawn(accepting);
        Ok(address)
    }

    async fn accept(self, listener: TcpListener, source: String) {
        let mut connections = JoinSet::new();
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    let (links, source) = (self.clone(), source.clone());
                    connections.spawn(async move { links.serve(stream, source).await });
                }
                // Too many files are open, say. That passes, and the node must not stay mute.
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            }
            while connections.try_join_next().is_some() {}
        }
    }

    /// Ends every connection, and listens no more. Until then the listeners keep these links, and who watches them.
    pub fn close(&self) {
        lock(&self.listeners).abort_all();
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
        // What got through by another rule does not hold up what comes.
        lock(&self.busy_until).remove(&direction);
        self.table.send_modify(|table| table.set(direction, rule));
    }

    /// Cuts every link between nodes of different groups, and mends what was cut within a group. Links of nodes that are in none stay as
    /// they are.
    pub fn partition(&self, groups: &[Vec<String>]) {
        let group = |n: usize| groups[n].iter().map(move |name| (n, name));
        let all: Vec<(usize, &String)> = (0..groups.len()).flat_map(group).collect();
        self.table.send_modify(|table| {
            for &(group, from) in &all {
                for &(other, to) in all.iter().filter(|(_, to)| *to != from) {
                    let direction = (from.clone(), to.clone());
                    let rule = Rule {
                        cut: group != other,
                        ..table.rule(&direction)
                    };
                    table.set(direction, rule);
                }
            }
        });
    }

    /// Mends every link.
    pub fn heal(&self) {
        lock(&self.busy_until).clear();
        self.table.send_modify(|table| table.rules.clear());
    }

    /// The directions with which something is wrong.
    pub fn rules(&self) -> BTreeMap<Direction, Rule> {
        self.table.borrow().rules.clone()
    }

    /// How many bytes have got through each direction so far.
    pub fn carried(&self) -> BTreeMap<Direction, u64> {
        lock(&self.carried).clone()
    }

    fn carry(&self, direction: &Direction, len: u64) {
        let mut carried = lock(&self.carried);
        match carried.get_mut(direction) {
            Some(bytes) => *bytes += len,
            None => drop(carried.insert(direction.clone(), len)),
        }
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
        let watch = self.watch.get();
        let teller = |direction| watch.map(|watch| Teller::new(watch.sink.clone(), direction));
        let mut teller_there = teller(&there);
        // A connection begins with a question and an answer, each of which must get through.
        let question = teller_there.as_mut().and_then(Teller::connect);
        self.pass(&there, Instant::now(), 0).await;
        if let Some(question) = question {
            question.deliver();
        }
        self.pass(&back, Instant::now(), 0).await;
        let Ok(mut far) = TcpStream::connect(target).await else {
            return reply(near, Reply::Refused).await;
        };
        far.set_nodelay(true)?;
        reply(near, Reply::Connected).await?;
        let ((near_read, near_write), (far_read, far_write)) = (near.split(), far.split());
        let conversation = watch.map(|watch| Conversation::new(watch.protocols.clone()));
        let conversation = conversation.map(Mutex::new);
        let ear = |way, teller: Option<Teller>| {
            let (conversation, teller) = conversation.as_ref().zip(teller)?;
            Some(Ear {
                conversation,
                way,
                teller,
            })
        };
        tokio::join!(
            self.pump(near_read, far_write, &there, ear(Way::There, teller_there)),
            self.pump(far_read, near_write, &back, ear(Way::Back, teller(&back)))
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
        mut ear: Option<Ear<'_>>,
    ) {
        let (pieces, mut arriving) = mpsc::channel(PIECES_MAX);
        let read = async move {
            loop {
                let mut piece = Vec::with_capacity(PIECE_BYTES);
                if !from.read_buf(&mut piece).await.is_ok_and(|len| len > 0) {
                    return;
                }
                let begun = ear.as_mut().map(|ear| ear.hear(&piece));
                let piece = (Instant::now(), piece, begun.unwrap_or_default());
                if pieces.send(piece).await.is_err() {
                    return;
                }
            }
        };
        let write = async move {
            let (mut in_flight, mut passed) = (VecDeque::new(), 0);
            while let Some((arrived, piece, begun)) = arriving.recv().await {
                in_flight.extend(begun);
                self.pass(direction, arrived, piece.len()).await;
                if to.write_all(&piece).await.is_err() {
                    return;
                }
                self.carry(direction, piece.len() as u64);
                passed += piece.len() as u64;
                while in_flight
                    .front()
                    .is_some_and(|it: &InFlight| it.end <= passed)
                    && let Some(whole) = in_flight.pop_front()
                {
                    whole.deliver();
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
        let mut busy = lock(&self.busy_until);
        let free = busy.get(direction).copied().unwrap_or(now).max(now);
        let until = free + Duration::from_micros(micros);
        busy.insert(direction.clone(), until);
        until
    }
}

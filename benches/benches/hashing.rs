//! Partitioning: a look-up at 10 to 10,000 nodes for every strategy, building, a node that comes and goes, and memory; beside the crates that do the
//! same. Peers hash with XXH3 too, wherever they let one choose, so that what is compared is the strategy.
//!
//! It prints tables for a person to read. All contestants of a size take turns, round after round, and each one's shortest
//! round counts: what disturbs a round only makes it longer. Peers' memory is not told, since they do not say it.

use std::hash::{BuildHasher, Hasher};
use std::hint::black_box;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use benches::{measuring, size};
use consistent_hash::{
    Anchor, Bounded, Jump, Maglev, Modulo, MultiProbe, Node, Partitioner, Ranges, Rendezvous, Ring,
    hash, maglev, multi_probe,
};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A key. As many of them stay in a cache of the second level.
type Key = [u8; 16];
const KEYS: u32 = 4096;

/// Points on a ring for each node, ours and the peers'.
const POINTS: u32 = 160;

const SIZES: [u32; 4] = [10, 100, 1_000, 10_000];

/// What takes longer for all keys has one round: chance is small in it.
const ROUND_NS_MAX: f64 = 2e8;

/// Some peers take minutes, or gigabytes, to be built with more nodes than these.
const NODES_OF_SLOW_BUILDERS: u32 = 1_000;

/// XXH3 in one go: what a peer hashes is one piece of bytes, perhaps after a seed.
#[derive(Clone, Copy, Default)]
struct OneShot(u64);

impl Hasher for OneShot {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxh3_64_with_seed(bytes, self.0);
    }

    /// Numbers of nodes and seeds: no bytes that would need a hash for bytes.
    fn write_u32(&mut self, number: u32) {
        self.0 = hash::mix(self.0, u64::from(number) << 1 | 1);
    }

    /// The length before a slice says nothing new: keys are all as long.
    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

impl BuildHasher for OneShot {
    type Hasher = OneShot;

    fn build_hasher(&self) -> OneShot {
        OneShot(0)
    }
}

type LookUp = Box<dyn Fn(&[Key]) -> u64>;
type Change = Box<dyn FnMut() -> (Duration, Duration)>;

/// Something that takes keys to nodes.
struct Contestant {
    name: String,
    /// Looks all keys up, and returns a sum that nobody can do without.
    look_up: LookUp,
    built: Duration,
    /// Has another node come and go; how long each of the two took.
    change: Option<Change>,
    memory: Option<usize>,
}

fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let made = work();
    (start.elapsed(), made)
}

fn keys() -> Vec<Key> {
    let key = |n: u32| -> Key {
        let mut key = *b"user:0000000000/";
        key[5..15].copy_from_slice(format!("{n:010}").as_bytes());
        key
    };
    (0..KEYS).map(key).collect()
}

fn nodes(count: u32) -> Vec<Node> {
    (1..=count).map(Node::new).collect()
}

/// One of ours: `empty` is given the nodes.
fn ours<P: Partitioner + Clone + 'static>(name: &str, count: u32, empty: P) -> Contestant {
    ours_with(name, count, empty, |_| {})
}

/// One of ours that is told the keys as well, by `finish`.
fn ours_with<P: Partitioner + Clone + 'static>(
    name: &str,
    count: u32,
    mut empty: P,
    finish: impl FnOnce(&mut P),
) -> Contestant {
    let nodes = nodes(count);
    let (built, full) = timed(|| {
        empty.add_all(&nodes).expect("distinct nodes join");
        finish(&mut empty);
        empty
    });
    let mut changing = full.clone();
    let memory = Some(full.memory_bytes());
    let look_up = move |keys: &[Key]| -> u64 {
        let find = |key: &Key| {
            full.locate(black_box(key))
                .map_or(0, |node| u64::from(node.0))
        };
        keys.iter().map(find).sum()
    };
    let change = move || {
        let fresh = Node::new(count + 1);
        let (came, joined) = timed(|| changing.add(fresh));
        let (went, left) = timed(|| changing.remove(fresh.id));
        joined.and(left).expect("a new node comes and goes");
        (came, went)
    };
    Contestant {
        name: name.to_owned(),
        look_up: Box::new(look_up),
        built,
        change: Some(Box::new(change)),
        memory,
    }
}

/// A peer.
fn peer<T: 'static>(
    name: &str,
    build: impl FnOnce() -> T,
    find: impl Fn(&T, &Key) -> u32 + 'static,
) -> Contestant {
    let (built, full) = timed(build);
    let look_up = move |keys: &[Key]| -> u64 {
        let find = |key: &Key| u64::from(find(&full, black_box(key)));
        keys.iter().map(find).sum()
    };
    Contestant {
        name: name.to_owned(),
        look_up: Box::new(look_up),
        built,
        change: None,
        memory: None,
    }
}

impl Contestant {
    /// With a way in which another node comes and goes.
    fn changed_by<T: 'static>(
        mut self,
        mut state: T,
        mut come: impl FnMut(&mut T) + 'static,
        mut go: impl FnMut(&mut T) + 'static,
    ) -> Contestant {
        self.change = Some(Box::new(move || {
            let (came, ()) = timed(|| come(&mut state));
            let (went, ()) = timed(|| go(&mut state));
            (came, went)
        }));
        self
    }
}

/// Places in Maglev's table. The paper wants a hundred for each node; at 1,000 nodes it is 65, since the peer keeps a permutation of the whole
/// table for each node while it builds, half a gigabyte.
fn table(count: u32) -> u32 {
    if count > NODES_OF_SLOW_BUILDERS {
        maglev::LARGE
    } else {
        maglev::SMALL
    }
}

fn our_contestants(count: u32, keys: &[Key]) -> Vec<Contestant> {
    let owned: Vec<Vec<u8>> = keys.iter().map(|key| key.to_vec()).collect();
    let bounded = |bounded: &mut Bounded| {
        for key in keys {
            bounded.insert(key);
        }
    };
    vec![
        ours("modulo", count, Modulo::new(0)),
        ours("ring", count, Ring::new(POINTS, 0)),
        ours("jump", count, Jump::new(0)),
        ours("rendezvous", count, Rendezvous::new(0)),
        ours("maglev", count, Maglev::new(table(count), 0)),
        ours("anchor", count, Anchor::new(2 * count, 0)),
        ours(
            "multi-probe",
            count,
            MultiProbe::new(multi_probe::PROBES, 0),
        ),
        ours_with("bounded", count, Bounded::new(25, 0), bounded),
        ours_with("range", count, Ranges::new(), |ranges| {
            ranges.distribute(&owned);
        }),
    ]
}

/// A point of a ring that knows no virtual nodes.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
struct Virtual {
    node: u32,
    number: u32,
}

fn virtuals(node: u32) -> Vec<Virtual> {
    (0..POINTS).map(|number| Virtual { node, number }).collect()
}

fn peers(count: u32) -> Vec<Contestant> {
    let all = || 1..=count;
    let fresh = count + 1;
    let anchor = move || {
        let room = u16::try_from(2 * count).unwrap_or(u16::MAX);
        let builder = anchorhash::Builder::with_hasher(OneShot(0)).with_resources(1..=count);
        builder.build::<&[u8]>(room)
    };
    let hashring = move || {
        let mut ring = hashring::HashRing::with_hasher(OneShot(0));
        ring.batch_add(all().flat_map(virtuals).collect());
        ring
    };
    let multi_probe = move || {
        let ring = mpchash::HashRing::<u32>::new();
        all().for_each(|node| ring.add(node));
        ring
    };
    let jump = || jumphash::CustomJumpHasher::new(OneShot(0));
    let mut peers = vec![
        peer("jump: jumphash", jump, move |jump, key| {
            jump.slot(&&key[..], count)
        }),
        peer(
            "rendezvous: hrw-hash",
            || hrw_hash::HrwNodes::new(all()),
            |nodes, key| nodes.sorted(&&key[..]).next().copied().unwrap_or(0),
        ),
        peer("anchor: anchorhash", anchor, |anchor, key| {
            anchor.get_resource(&key[..]).copied().unwrap_or(0)
        })
        .changed_by(
            anchor(),
            move |anchor| anchor.add_resource(fresh).expect("there is room"),
            move |anchor| anchor.remove_resource(&fresh).expect("it is there"),
        ),
        peer("multi-probe: mpchash", multi_probe, |ring, key| {
            ring.node(&&key[..]).map_or(0, |token| *token.node())
        })
        .changed_by(
            multi_probe(),
            move |ring| ring.add(fresh),
            move |ring| ring.remove(&fresh),
        ),
        peer("ring: hashring", hashring, |ring, key| {
            ring.get(&&key[..]).map_or(0, |point| point.node)
        })
        .changed_by(
            hashring(),
            move |ring| ring.batch_add(virtuals(fresh)),
            move |ring| {
                for point in virtuals(fresh) {
                    ring.remove(&point);
                }
            },
        ),
    ];
    if count <= NODES_OF_SLOW_BUILDERS {
        let places = table(count) as usize;
        let maglev =
            move || ::maglev::Maglev::with_capacity_and_hasher(1..=count, places, OneShot(0));
        // It knows no change: whoever has other nodes builds another one.
        peers.push(peer("maglev: maglev", maglev, |maglev, key| {
            let found = ::maglev::ConsistentHasher::get(maglev, &key[..]);
            found.copied().unwrap_or(0)
        }));
        let ring = move || {
            consistent_hash_ring::RingBuilder::new(OneShot(0))
                .vnodes(POINTS as usize)
                .nodes_iter(1..=count)
                .build()
        };
        let peer = peer("ring: consistent_hash_ring", ring, |ring, key| {
            *ring.get(&key[..])
        });
        peers.push(peer.changed_by(
            ring(),
            move |ring| {
                ring.insert(fresh);
            },
            move |ring| {
                ring.remove(&fresh);
            },
        ));
    }
    peers
}

/// What was measured of one contestant at one size.
struct Measured {
    name: String,
    look_up_ns: f64,
    built: Duration,
    change: Option<(Duration, Duration)>,
    memory: Option<usize>,
}

fn measure(count: u32, keys: &[Key], rounds: u32) -> Vec<Measured> {
    let mut contestants = our_contestants(count, keys);
    contestants.extend(peers(count));
    let start = |contestant: &Contestant| Measured {
        name: contestant.name.clone(),
        look_up_ns: f64::MAX,
        built: contestant.built,
        change: None,
        memory: contestant.memory,
    };
    let mut all: Vec<Measured> = contestants.iter().map(start).collect();
    for round in 0..rounds {
        for (contestant, measured) in contestants.iter_mut().zip(&mut all) {
            if round > 0 && measured.look_up_ns * f64::from(KEYS) > ROUND_NS_MAX {
                continue;
            }
            // The first time fills the caches.
            black_box((contestant.look_up)(keys));
            let (took, sum) = timed(|| (contestant.look_up)(keys));
            black_box(sum);
            let ns = took.as_nanos() as f64 / f64::from(KEYS);
            measured.look_up_ns = measured.look_up_ns.min(ns);
            // A change may take a second where a look-up takes nanoseconds.
            if round < 3
                && let Some(change) = &mut contestant.change
            {
                let (came, went) = change();
                let known = measured.change.get_or_insert((came, went));
                *known = (known.0.min(came), known.1.min(went));
            }
        }
    }
    all
}

fn main() -> io::Result<()> {
    let most = size("HASH_NODES", 10_000, 100);
    let rounds = if measuring() { 25 } else { 1 };
    let keys = keys();
    let mut out = io::stdout();
    let sizes: Vec<u32> = SIZES
        .into_iter()
        .filter(|count| u64::from(*count) <= most)
        .collect();
    let tables: Vec<Vec<Measured>> = sizes
        .iter()
        .map(|count| measure(*count, &keys, rounds))
        .collect();
    let Some(names) = tables.first() else {
        return writeln!(out, "FAULTLINE_BENCH_HASH_NODES: at least {}", SIZES[0]);
    };
    let head: Vec<String> = sizes.iter().map(ToString::to_string).collect();
    let rule = "---: | ".repeat(sizes.len());
    writeln!(
        out,
        "\nA look-up in ns, by nodes:\n\n| strategy | {} |\n| --- | {rule}",
        head.join(" | ")
    )?;
    let row = |name: &str, cell: &dyn Fn(&Measured) -> String| {
        let cell = |table: &Vec<Measured>| {
            let found = table.iter().find(|measured| measured.name == name);
            found.map_or("–".to_owned(), cell)
        };
        let cells: Vec<String> = tables.iter().map(cell).collect();
        format!("| {name} | {} |", cells.join(" | "))
    };
    let sorted = by_strategy(names);
    for name in &sorted {
        writeln!(out, "{}", row(name, &|m| format!("{:.1}", m.look_up_ns)))?;
    }
    writeln!(
        out,
        "\nTo build; then for another node to come, and to go:\n\n| strategy | {} |\n| --- | {rule}",
        head.join(" | ")
    )?;
    for name in &sorted {
        let cell = |m: &Measured| {
            let change = m.change.map_or("–".to_owned(), |(came, went)| {
                format!("{came:.1?}, {went:.1?}")
            });
            format!("{:.1?}; {change}", m.built)
        };
        writeln!(out, "{}", row(name, &cell))?;
    }
    writeln!(
        out,
        "\nMemory in KiB:\n\n| strategy | {} |\n| --- | {rule}",
        head.join(" | ")
    )?;
    for measured in names.iter().filter(|measured| measured.memory.is_some()) {
        let cell = |m: &Measured| {
            m.memory
                .map_or("–".to_owned(), |bytes| bytes.div_ceil(1024).to_string())
        };
        writeln!(out, "{}", row(&measured.name, &cell))?;
    }
    Ok(())
}

/// Names such that each of ours stands before its peers.
fn by_strategy(all: &[Measured]) -> Vec<String> {
    let ours = all.iter().filter(|measured| measured.memory.is_some());
    ours.flat_map(|our| {
        let prefix = format!("{}: ", our.name);
        let peers = all
            .iter()
            .filter(move |measured| measured.name.starts_with(&prefix));
        [our]
            .into_iter()
            .chain(peers)
            .map(|measured| measured.name.clone())
    })
    .collect()
}

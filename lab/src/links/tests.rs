//! Links, with sockets at both ends.

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
    wire_watched_by(None).await
}

async fn wire_watched_by(sink: Option<Arc<dyn Sink>>) -> Wire {
    let links = Links::new(Handle::current());
    if let Some(sink) = sink {
        links.watch(sink, &[]);
    }
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
async fn what_got_through_by_an_older_rule_holds_up_nothing() {
    let mut wire = wire().await;
    let narrow = Rule {
        bytes_per_second: 1_000,
        ..Rule::default()
    };
    for mended in [true, false] {
        wire.links.set("client", "dn1", narrow);
        // A minute's worth, which the next rule lets through at once.
        wire.source.write_all(&[b'x'; 60_000]).await.unwrap();
        assert!(!heard(&mut wire.destination, SILENCE).await);
        if mended {
            wire.links.heal();
        } else {
            wire.links.set("client", "dn1", Rule::default());
        }
        wire.destination.read_exact(&mut [0; 60_000]).await.unwrap();
        wire.links.set("client", "dn1", narrow);
        send(&mut wire.source).await;
        assert!(heard(&mut wire.destination, DEADLINE).await);
        wire.links.heal();
    }
}

#[tokio::test]
async fn links_that_are_closed_keep_nobody() {
    let log = Arc::new(Log::default());
    let kept = Arc::downgrade(&log);
    let mut wire = wire_watched_by(Some(log)).await;
    wire.links.set("client", "dn1", CUT);
    send(&mut wire.source).await;
    wire.links.close();
    // A connection ends, even one that waits at a cut.
    assert!(!matches!(wire.source.read(&mut [0]).await, Ok(len) if len > 0));
    drop(wire.links);
    let end = Instant::now() + DEADLINE;
    while kept.strong_count() > 0 {
        assert!(Instant::now() < end, "somebody still tells of messages");
        tokio::task::yield_now().await;
    }
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

/// What was told, in order: `send`, `deliver` or `lose`, and the label.
#[derive(Default)]
struct Log {
    labels: Mutex<Vec<String>>,
    told: watch::Sender<Vec<String>>,
}

impl Log {
    fn note(&self, what: &str, message: u64) {
        let labels = lock(&self.labels);
        let label = &labels[usize::try_from(message).unwrap()];
        let note = format!("{what} {label}");
        self.told.send_modify(|told| told.push(note));
    }

    async fn until(&self, expected: &[&str]) {
        let mut told = self.told.subscribe();
        let waited = told.wait_for(|told| told == expected);
        let waited = tokio::time::timeout(DEADLINE, waited).await.is_ok();
        assert!(
            waited,
            "{expected:?}, and told was {:?}",
            self.told.borrow()
        );
    }
}

impl Sink for Log {
    fn send(&self, from: &str, to: &str, label: &str, text: &str) -> u64 {
        let mut labels = lock(&self.labels);
        labels.push(format!("{label} from {from} to {to}"));
        let message = labels.len() as u64 - 1;
        drop(labels);
        let flood = text.ends_with("and 80 messages before it");
        assert!(
            text == "x" || text == "connect" || text == "1 bytes" || flood,
            "{text}"
        );
        self.note("send", message);
        message
    }

    fn deliver(&self, _from: &str, _to: &str, message: u64) {
        self.note("deliver", message);
    }

    fn lose(&self, _from: &str, _to: &str, message: u64, _why: &str) {
        self.note("lose", message);
    }
}

#[tokio::test]
async fn a_message_is_told_when_it_enters_and_when_it_has_got_through() {
    let log = Arc::new(Log::default());
    let mut wire = wire_watched_by(Some(log.clone())).await;
    let mut expected = vec![
        "send connect from client to dn1",
        "deliver connect from client to dn1",
    ];
    log.until(&expected).await;
    send(&mut wire.source).await;
    assert!(heard(&mut wire.destination, DEADLINE).await);
    expected.extend([
        "send bytes from client to dn1",
        "deliver bytes from client to dn1",
    ]);
    log.until(&expected).await;
    // A cut holds it on its way.
    wire.links.set("dn1", "client", CUT);
    send(&mut wire.destination).await;
    expected.push("send bytes from dn1 to client");
    log.until(&expected).await;
    assert!(!heard(&mut wire.source, SILENCE).await);
    log.until(&expected).await;
    wire.links.heal();
    assert!(heard(&mut wire.source, DEADLINE).await);
    expected.push("deliver bytes from dn1 to client");
    log.until(&expected).await;
}

#[test]
fn of_a_flood_a_part_is_told_and_the_rest_is_counted() {
    let log = Arc::new(Log::default());
    let mut teller = Teller::new(log.clone(), &("a".to_owned(), "b".to_owned()));
    let seen = |text: &str| recogniser::Seen {
        label: "packet".into(),
        text: text.to_owned(),
        end: 0,
    };
    let now = Instant::now();
    let told = (0..100).filter_map(|_| teller.tell(&seen("x"), now));
    let told: Vec<InFlight> = told.collect();
    assert_eq!(told.len(), 20);
    drop(told);
    let later = teller.tell(&seen("x"), now + Duration::from_secs(1));
    later.unwrap().deliver();
    let log = log.told.borrow();
    let count = |what: &str| log.iter().filter(|note| note.starts_with(what)).count();
    assert_eq!(
        (count("send"), count("lose"), count("deliver")),
        (21, 20, 1)
    );
}

#[test]
fn a_partition_cuts_between_groups_and_nowhere_else() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let links = Links::new(runtime.handle().clone());
    let group = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    let slow = Rule {
        delay_ms: 5,
        ..Rule::default()
    };
    links.set("a", "b", CUT);
    links.set("a", "c", slow);
    links.set("x", "a", CUT);
    links.partition(&[group(&["a", "b"]), group(&["c"])]);
    let rules = links.rules();
    let cut: Vec<String> = rules
        .iter()
        .filter(|(_, rule)| rule.cut)
        .map(|((from, to), _)| format!("{from}>{to}"))
        .collect();
    assert_eq!(cut, ["a>c", "b>c", "c>a", "c>b", "x>a"]);
    assert_eq!(links.rules()[&("a".to_owned(), "c".to_owned())].delay_ms, 5);
}

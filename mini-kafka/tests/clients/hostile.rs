//! What no client does: it closes that one connection, and nothing else.

use std::io::{Error, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use crate::broker::{Broker, DEADLINE};

/// A frame: length, key, version, correlation id, client id, body.
pub(crate) fn frame(key: i16, version: i16, body: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    frame.extend(key.to_be_bytes());
    frame.extend(version.to_be_bytes());
    frame.extend(7i32.to_be_bytes());
    frame.extend((-1i16).to_be_bytes());
    frame.extend(body);
    let mut whole = i32::try_from(frame.len()).unwrap().to_be_bytes().to_vec();
    whole.extend(frame);
    whole
}

pub(crate) fn connect(broker: &Broker) -> TcpStream {
    let stream = TcpStream::connect(&broker.address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream
}

fn receive(stream: &mut TcpStream) -> Vec<u8> {
    let mut size = [0; 4];
    stream.read_exact(&mut size).unwrap();
    let mut answer = vec![0; usize::try_from(i32::from_be_bytes(size)).unwrap()];
    stream.read_exact(&mut answer).unwrap();
    answer
}

/// Whether the broker ends the connection without an answer.
fn is_closed(stream: &mut TcpStream) -> bool {
    match stream.read(&mut [0; 64]) {
        Ok(read) => read == 0,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

pub(crate) fn answers(broker: &Broker) {
    let mut stream = connect(broker);
    stream.write_all(&frame(18, 0, &[])).unwrap();
    assert_eq!(receive(&mut stream)[..4], [0, 0, 0, 7]);
}

#[test]
fn a_hostile_frame_closes_its_connection_and_nothing_else() {
    let mut broker = Broker::start(&["socket.request.max.bytes=100000"]);
    let many = [127, 255, 255, 255];
    let hostile: Vec<Vec<u8>> = vec![
        vec![255, 255, 255, 255],
        vec![127, 255, 255, 255],
        vec![0, 0, 0, 0],
        vec![0, 0, 0, 4, 0, 3, 0, 1],
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
        // A client id that is no text.
        vec![0, 0, 0, 11, 0, 18, 0, 0, 0, 0, 0, 7, 0, 1, 0xff],
        frame(999, 0, &[]),
        frame(3, 99, &[]),
        frame(0, 2, &[]),
        frame(3, 1, &many),
        frame(3, 1, &[0, 0, 0, 2, 0, 1, b'a']),
        frame(11, 5, &[0, 1, b'g', 0, 0]),
        frame(1, 11, &[[0; 26].as_slice(), &many].concat()),
        frame(
            0,
            7,
            &[[255, 255, 0, 1, 0, 0, 0, 0].as_slice(), &many].concat(),
        ),
    ];
    for bytes in hostile {
        let mut stream = connect(&broker);
        stream.write_all(&bytes).unwrap();
        assert!(is_closed(&mut stream), "{bytes:?}");
        answers(&broker);
    }
    assert!(broker.is_running());
}

#[test]
fn what_was_asked_before_a_hostile_frame_is_answered() {
    let broker = Broker::start(&[]);
    let mut stream = connect(&broker);
    let both = [frame(18, 0, &[]), frame(999, 0, &[])].concat();
    stream.write_all(&both).unwrap();
    assert_eq!(receive(&mut stream)[..4], [0, 0, 0, 7]);
    assert!(is_closed(&mut stream));
}

#[test]
fn random_bytes_are_survived() {
    let mut broker = Broker::start(&["socket.request.max.bytes=100000"]);
    let mut rng = node::Rng::new(9);
    for _ in 0..300 {
        let key = i16::try_from(rng.below(49)).unwrap();
        let version = i16::try_from(rng.below(12)).unwrap();
        let body: Vec<u8> = (0..rng.below(60))
            .map(|_| {
                if rng.percent(60) {
                    0
                } else {
                    u8::try_from(rng.below(256)).unwrap()
                }
            })
            .collect();
        let mut stream = connect(&broker);
        // It may be closed in the middle of the writing.
        let _ = stream.write_all(&frame(key, version, &body));
        let _ = stream.shutdown(Shutdown::Write);
        // An answer, or none; in either case an end.
        let ended = stream.read_to_end(&mut Vec::new());
        let reset = |e: &Error| e.kind() == ErrorKind::ConnectionReset;
        assert!(
            ended.as_ref().is_ok() || ended.as_ref().is_err_and(reset),
            "request {key} version {version} {body:?}: {ended:?}"
        );
    }
    answers(&broker);
    assert!(broker.is_running());
}

#[test]
fn an_api_versions_request_of_the_future_is_told_what_is_known() {
    let broker = Broker::start(&[]);
    let mut stream = connect(&broker);
    stream
        .write_all(&frame(18, 42, &[2, b'x', 2, b'1', 0]))
        .unwrap();
    // Correlation id; error 35; one kind of request: 18, from 0 to 4. The connection goes on.
    let told = [0, 0, 0, 7, 0, 35, 0, 0, 0, 1, 0, 18, 0, 0, 0, 4];
    assert_eq!(receive(&mut stream), told);
    stream
        .write_all(&frame(18, 3, &[0, 2, b'x', 2, b'1', 0]))
        .unwrap();
    let answer = receive(&mut stream);
    assert_eq!(answer[..6], [0, 0, 0, 7, 0, 0]);
}

#[test]
fn pipelined_requests_are_answered_in_their_order() {
    let broker = Broker::start(&[]);
    let mut stream = connect(&broker);
    let mut bytes = Vec::new();
    for n in 0..200u8 {
        let mut one = frame(18, 0, &[]);
        one[11] = n;
        bytes.extend(one);
    }
    stream.write_all(&bytes).unwrap();
    for n in 0..200u8 {
        assert_eq!(receive(&mut stream)[3], n);
    }
}

#[test]
fn one_connection_too_many_is_refused_and_has_room_later() {
    let broker = Broker::start(&["max.connections=3"]);
    let mut open: Vec<TcpStream> = (0..3).map(|_| connect(&broker)).collect();
    let mut fourth = connect(&broker);
    assert!(is_closed(&mut fourth));
    open.pop();
    let began = Instant::now();
    while is_refused(&broker) {
        assert!(began.elapsed() < DEADLINE, "the place is never free");
    }
}

/// Whether a connection is closed before its first request is answered.
fn is_refused(broker: &Broker) -> bool {
    let mut stream = connect(broker);
    stream.write_all(&frame(18, 0, &[])).is_err() || is_closed(&mut stream)
}

#[test]
fn silence_is_cut() {
    let broker = Broker::start(&["connections.max.idle.ms=300"]);
    let began = Instant::now();
    let mut half = connect(&broker);
    half.write_all(&[0, 0, 0, 50, 1]).unwrap();
    let mut silent = connect(&broker);
    assert!(is_closed(&mut silent) && is_closed(&mut half));
    assert!(began.elapsed() >= Duration::from_millis(300));
}

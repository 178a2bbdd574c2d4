//! How nodes of the lab's own small systems talk to each other: over TCP, a line there and a line back, each a word and then JSON.
//! These systems stand for real ones of which one idea is to be seen; a protocol of a real one would hide it.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use serde_json::{Value, json};

use crate::lab::{Lab, NodeSpec};
use crate::links::dial;
use crate::links::recogniser::{NotUnderstood, Pieces, Protocol, Recogniser, Seen, Step, Way};

/// How long a node waits for another one.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);
/// A longer line is nobody's.
const LINE_MAX: u64 = 1 << 20;

/// How much of a message the page is told.
const SHOWN_MAX: usize = 80;

/// By which links know these messages: a line each, and its word says what it is.
#[cfg_attr(
    not(any(feature = "clocks", feature = "hash")),
    expect(
        dead_code,
        reason = "clients of mini-kafka and raft-kv are asked from outside alone"
    )
)]
pub(super) const PROTOCOL: Protocol = Protocol {
    begins: |first| first.first().map(u8::is_ascii_lowercase),
    recogniser: || Box::<Lines>::default(),
};

#[derive(Default)]
struct Lines([Pieces; 2]);

impl Recogniser for Lines {
    fn feed(&mut self, way: Way, bytes: &[u8], seen: &mut Vec<Seen>) -> Result<(), NotUnderstood> {
        self.0[way as usize].cut(bytes, |rest, at| {
            let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
                let too_long = rest.len() as u64 >= LINE_MAX;
                return if too_long {
                    Err(NotUnderstood)
                } else {
                    Ok(Step::More)
                };
            };
            let line = String::from_utf8_lossy(&rest[..end]);
            let word = line.split(' ').next().unwrap_or_default();
            let text: String = line.chars().take(SHOWN_MAX).collect();
            let more = if text.len() < line.len() { " …" } else { "" };
            seen.push(Seen {
                label: word.to_owned().into(),
                text: text + more,
                end: at + end as u64 + 1,
            });
            Ok(Step::Took {
                head: end + 1,
                skip: 0,
            })
        })
    }
}

/// What the lab tells every node.
#[derive(Clone, Debug, Args)]
pub(super) struct NodeOptions {
    /// Where to listen
    #[arg(long)]
    listen: SocketAddr,
    /// The SOCKS5 listener to dial through; without it, nodes are dialled themselves
    #[arg(long)]
    pub(super) socks: Option<SocketAddr>,
    /// End when standard input does
    #[arg(long)]
    exit_with_stdin: bool,
}

/// Adds a node that is one of these to the lab, and starts it.
pub(super) fn add(
    lab: &Lab,
    name: &str,
    role: &'static str,
    program: &'static str,
    args: &[&str],
) -> Result<()> {
    lab.add(NodeSpec {
        name: name.to_owned(),
        role,
        rack: None,
        program,
        args: args.iter().map(|arg| (*arg).to_owned()).collect(),
        listens: &[("--listen", "address")],
    })?;
    lab.start(name)
}

/// Answers whoever asks, until standard input ends.
pub(super) fn serve(
    options: &NodeOptions,
    answer: impl Fn(&str, &Value) -> Result<Value> + Send + Sync + 'static,
) -> Result<()> {
    let listener = TcpListener::bind(options.listen)
        .with_context(|| format!("cannot listen at {}", options.listen))?;
    // The ready line, with what `NodeSpec::listens` names.
    let ready = json!({"address": listener.local_addr()?.to_string()});
    writeln!(io::stdout(), "{ready}")?;
    let answer = Arc::new(answer);
    let accepting = std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = answer.clone();
            // Whoever asked has gone, or never said anything sensible: the next one is not concerned.
            std::thread::spawn(move || converse(&stream, &*answer));
        }
    });
    if options.exit_with_stdin {
        io::stdin().read_to_end(&mut Vec::new())?;
    } else if accepting.join().is_err() {
        bail!("cannot accept connections any longer");
    }
    Ok(())
}

fn converse(
    mut stream: &TcpStream,
    answer: &impl Fn(&str, &Value) -> Result<Value>,
) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    while (&mut reader).take(LINE_MAX).read_line(&mut line)? > 0 {
        let answered = parse(&line).and_then(|(word, said)| answer(word, &said));
        let answered = match answered {
            Ok(value) => format!("ok {value}\n"),
            Err(e) => format!("error {}\n", json!(format!("{e:#}"))),
        };
        stream.write_all(answered.as_bytes())?;
        line.clear();
    }
    Ok(())
}

fn parse(line: &str) -> Result<(&str, Value)> {
    let line = line.trim_end();
    let (word, rest) = line.split_once(' ').unwrap_or((line, "null"));
    let said = serde_json::from_str(rest);
    Ok((
        word,
        said.with_context(|| format!("what follows {word} is no JSON"))?,
    ))
}

/// Asks the node at `address`, through the listener `socks` if there is one.
///
/// # Errors
/// When it does not answer within `patience`, or says that it cannot.
pub(super) fn ask(
    socks: Option<SocketAddr>,
    address: SocketAddr,
    word: &str,
    said: &Value,
    patience: Duration,
) -> Result<Value> {
    let mut stream = match socks {
        Some(socks) => dial(socks, address, patience)?,
        None => TcpStream::connect_timeout(&address, patience)?,
    };
    stream.set_read_timeout(Some(patience))?;
    stream.write_all(format!("{word} {said}\n").as_bytes())?;
    let mut line = String::new();
    BufReader::new(stream).take(LINE_MAX).read_line(&mut line)?;
    if line.is_empty() {
        bail!("{address} has hung up");
    }
    match parse(&line)? {
        ("ok", answer) => Ok(answer),
        (_, error) => Err(anyhow!("{address} says: {}", error.as_str().unwrap_or("?"))),
    }
}

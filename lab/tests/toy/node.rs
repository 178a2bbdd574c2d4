//! A node of the toy: a register. It answers lines over TCP: `get`, `set N`, and for the leader `put N`, which sets its own and then
//! all followers', each through the listener that the lab gave it.

use std::ffi::OsString;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use clap::Parser;

/// How long a node waits for another, and a client for an answer for which nodes may wait so long.
pub(crate) const PATIENCE: Duration = Duration::from_millis(500);

/// The options of a node: its own, then those that the lab adds to any.
#[derive(Debug, Parser)]
pub(crate) struct Options {
    /// Where it keeps its number
    #[arg(long)]
    dir: PathBuf,
    /// Whom it tells of each `put`
    #[arg(long, value_delimiter = ',')]
    followers: Vec<SocketAddr>,
    /// Where to listen
    #[arg(long)]
    listen: SocketAddr,
    /// The SOCKS5 listener to dial through
    #[arg(long)]
    socks: SocketAddr,
    /// End when standard input does
    #[arg(long)]
    exit_with_stdin: bool,
}

impl Options {
    /// The number that it keeps, across restarts.
    fn number(&self) -> u64 {
        let text = fs::read_to_string(self.dir.join("number"));
        text.ok().and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    fn keep(&self, number: u64) -> io::Result<()> {
        fs::create_dir_all(&self.dir)?;
        fs::write(self.dir.join("number"), number.to_string())
    }
}

/// Is a node, until standard input ends.
pub(crate) fn run(args: Vec<OsString>) -> Result<()> {
    let options = Options::parse_from([OsString::from("toy")].into_iter().chain(args));
    let listener = TcpListener::bind(options.listen)?;
    // The ready line, with what `NodeSpec::listens` names.
    println!(
        "{}",
        serde_json::json!({"address": listener.local_addr()?.to_string()})
    );
    let options = Arc::new(options);
    std::thread::spawn({
        let options = options.clone();
        move || {
            for stream in listener.incoming().flatten() {
                let options = options.clone();
                std::thread::spawn(move || serve(&stream, &options));
            }
        }
    });
    if options.exit_with_stdin {
        io::stdin().read_to_end(&mut Vec::new())?;
    }
    Ok(())
}

fn serve(stream: &TcpStream, options: &Options) -> io::Result<()> {
    for line in BufReader::new(stream).lines() {
        let line = line?;
        let (word, number) = line.split_once(' ').unwrap_or((&line, "0"));
        let number = number.parse().unwrap_or(0);
        match word {
            "get" => writeln!(&*stream, "{}", options.number())?,
            "set" => {
                options.keep(number)?;
                writeln!(&*stream, "ok")?;
            }
            _ => {
                options.keep(number)?;
                let tell = |to: &&SocketAddr| {
                    ask(
                        Some(options.socks),
                        **to,
                        &format!("set {number}"),
                        PATIENCE,
                    )
                };
                let told = options.followers.iter().filter(|to| tell(to).is_ok());
                writeln!(&*stream, "{}", 1 + told.count())?;
            }
        }
    }
    Ok(())
}

/// Asks the node at `address` something, through the listener `socks` if there is one; returns its answer.
pub(crate) fn ask(
    socks: Option<SocketAddr>,
    address: SocketAddr,
    question: &str,
    patience: Duration,
) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&socks.unwrap_or(address), patience)?;
    stream.set_read_timeout(Some(patience))?;
    if socks.is_some() {
        // RFC 1928: a greeting, then CONNECT to an IPv4 address.
        let SocketAddr::V4(address) = address else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        let mut request = vec![5, 1, 0, 5, 1, 0, 1];
        request.extend(address.ip().octets());
        request.extend(address.port().to_be_bytes());
        stream.write_all(&request)?;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer)?;
        if answer[3] != 0 {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
    }
    writeln!(stream, "{question}")?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer)?;
    match answer.is_empty() {
        true => Err(io::ErrorKind::UnexpectedEof.into()),
        false => Ok(answer.trim_end().to_owned()),
    }
}

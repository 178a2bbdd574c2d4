//! The input of jobs: files on the disks of the workers' machines. A worker reads what lies on its own disk itself, and what lies elsewhere over
//! the network, as from HDFS. So what is read far from where it lies really crosses links, where it is seen, counted and slowed.
//!
//! `disk://w1,w2/text` is a file with a replica on w1 and on w2. `store://w1,w2/text` is the same file, but whoever schedules is not told where it
//! lies, as with an object store. Other paths are of this machine, whose files all workers see.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use mini_mapreduce::input::{self, File, Files};
use mini_mapreduce::server::files::LocalFiles;
use node::DiskFaults;

use crate::links::dial;
use crate::links::recogniser::{
    NotUnderstood, Pieces, Protocol, Recogniser, Seen, Step, Way, begins_with,
};

/// How long another machine may take to answer, and be silent.
const PATIENCE: Duration = Duration::from_secs(10);
/// A longer question is nobody's.
const LINE_MAX: u64 = 4096;
/// How much is read from a disk at a time.
const READ_BYTES: usize = 64 << 10;
/// How a question begins.
const WORD: &str = "input ";

/// By which links know who reads what from whom.
pub(super) const PROTOCOL: Protocol = Protocol {
    begins: |first| begins_with(first, WORD.as_bytes()),
    recogniser: || Box::<Reading>::default(),
};

/// What every node is told of the machines.
#[derive(Clone, Debug, Args)]
pub(super) struct MachineOptions {
    /// A machine, and where files on its disk are read by others
    #[arg(long = "machine", value_name = "NAME=HOST:PORT")]
    machines: Vec<String>,
    /// Through which it dials
    #[arg(long, value_name = "HOST:PORT")]
    pub(super) socks: Option<SocketAddr>,
}

/// The disks of all machines, as one of them sees them.
#[derive(Clone, Debug)]
pub(super) struct Machines {
    addresses: BTreeMap<String, SocketAddr>,
    socks: Option<SocketAddr>,
    /// This machine's name, and the directory that is its disk.
    own: Option<(String, PathBuf)>,
}

/// A file on disks.
struct Place<'a> {
    hosts: Vec<&'a str>,
    /// Whether whoever schedules is told.
    is_known: bool,
    name: &'a str,
}

impl<'a> Place<'a> {
    fn of(path: &'a str) -> Option<Place<'a>> {
        let (scheme, rest) = path.split_once("://")?;
        let (hosts, name) = rest.split_once('/')?;
        let is_known = match scheme {
            "disk" => true,
            "store" => false,
            _ => return None,
        };
        let hosts = hosts.split(',').collect();
        Some(Place {
            hosts,
            is_known,
            name,
        })
    }
}

impl Machines {
    pub(super) fn new(
        options: &MachineOptions,
        own: Option<(String, PathBuf)>,
    ) -> Result<Machines> {
        let named = options.machines.iter().map(|machine| {
            let (name, address) = machine
                .split_once('=')
                .with_context(|| format!("--machine {machine}: it has to be NAME=HOST:PORT"))?;
            Ok((name.to_owned(), address.parse()?))
        });
        Ok(Machines {
            addresses: named.collect::<Result<_>>()?,
            socks: options.socks,
            own,
        })
    }

    /// The first of the hosts that answers: how much it has to say, and where from.
    fn ask(&self, place: &Place<'_>, question: &str) -> io::Result<(u64, BufReader<TcpStream>)> {
        let mut failed = io::Error::new(ErrorKind::NotFound, "no machine is named");
        for host in &place.hosts {
            match self.ask_one(host, question) {
                Ok(answer) => return Ok(answer),
                Err(error) => failed = io::Error::new(error.kind(), format!("{host}: {error}")),
            }
        }
        Err(failed)
    }

    fn ask_one(&self, host: &str, question: &str) -> io::Result<(u64, BufReader<TcpStream>)> {
        let unknown = || io::Error::new(ErrorKind::NotFound, "there is no such machine");
        let address = *self.addresses.get(host).ok_or_else(unknown)?;
        let mut stream = match self.socks {
            Some(socks) => dial(socks, address, PATIENCE)?,
            None => TcpStream::connect_timeout(&address, PATIENCE)?,
        };
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(question.as_bytes())?;
        let mut reader = BufReader::with_capacity(READ_BYTES, stream);
        let mut line = String::new();
        (&mut reader).take(LINE_MAX).read_line(&mut line)?;
        match line.trim_end().split_once(' ') {
            Some(("ok", len)) => match len.parse() {
                Ok(len) => Ok((len, reader)),
                Err(_) => Err(ErrorKind::InvalidData.into()),
            },
            Some((_, why)) => Err(io::Error::other(why.to_owned())),
            None => Err(ErrorKind::UnexpectedEof.into()),
        }
    }
}

impl Files for Machines {
    fn list(&self, path: &str) -> io::Result<Vec<File>> {
        let Some(place) = Place::of(path) else {
            return LocalFiles.list(path);
        };
        let (length, _) = self.ask(&place, &format!("{WORD}length {}\n", place.name))?;
        let hosts = place.hosts.iter().map(|host| (*host).to_owned());
        Ok(vec![File {
            path: path.to_owned(),
            length,
            // It is one block.
            block: length.max(1),
            blocks: match place.is_known {
                true => vec![input::Place {
                    hosts: hosts.collect(),
                    racks: Vec::new(),
                }],
                false => Vec::new(),
            },
        }])
    }

    fn open(&self, path: &str, offset: u64) -> io::Result<Box<dyn Read + Send>> {
        let Some(place) = Place::of(path) else {
            return LocalFiles.open(path, offset);
        };
        if let Some((_, dir)) = self
            .own
            .as_ref()
            .filter(|(own, _)| place.hosts.contains(&own.as_str()))
        {
            let mut file = fs::File::open(dir.join(place.name))?;
            file.seek(SeekFrom::Start(offset))?;
            return Ok(Box::new(file));
        }
        let (left, from) = self.ask(&place, &format!("{WORD}read {offset} {}\n", place.name))?;
        Ok(Box::new(Far { left, from }))
    }
}

/// A file on another machine. One that breaks off is no short file.
struct Far {
    left: u64,
    from: BufReader<TcpStream>,
}

impl Read for Far {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        let read = self.from.read(&mut buffer[..most])?;
        if read == 0 && most > 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        self.left -= read as u64;
        Ok(read)
    }
}

/// Lets other machines read the files in `dir`, for as long as the process lives.
pub(super) fn serve(listener: TcpListener, dir: PathBuf, faults: DiskFaults) {
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (dir, faults) = (dir.clone(), faults.clone());
            // Whoever asked has gone: the next one is not concerned.
            std::thread::spawn(move || answer(&stream, &dir, &faults));
        }
    });
}

fn answer(mut stream: &TcpStream, dir: &Path, faults: &DiskFaults) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut line = String::new();
    BufReader::new(stream.take(LINE_MAX)).read_line(&mut line)?;
    let (mut file, left, reads) = match asked(&line, dir) {
        Ok(found) => found,
        Err(error) => return writeln!(stream, "error {error}"),
    };
    writeln!(stream, "ok {left}")?;
    let mut buffer = vec![0; READ_BYTES];
    let mut left = if reads { left } else { 0 };
    while left > 0 {
        faults.before("read", &line).map_err(io::Error::other)?;
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(READ_BYTES);
        let read = file.read(&mut buffer[..most])?;
        if read == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        stream.write_all(&buffer[..read])?;
        left -= read as u64;
    }
    Ok(())
}

/// The file, where it is to be read from, how much is left from there, and whether it is wanted.
fn asked(line: &str, dir: &Path) -> io::Result<(fs::File, u64, bool)> {
    let senseless = || io::Error::new(ErrorKind::InvalidInput, "nobody understands this");
    let question = line.trim_end().strip_prefix(WORD).ok_or_else(senseless)?;
    let (offset, name) = match question.split_once(' ').ok_or_else(senseless)? {
        ("length", name) => (None, name),
        ("read", rest) => {
            let (offset, name) = rest.split_once(' ').ok_or_else(senseless)?;
            (Some(offset.parse().map_err(|_| senseless())?), name)
        }
        _ => return Err(senseless()),
    };
    if Path::new(name).file_name().is_none_or(|last| last != name) {
        return Err(senseless());
    }
    let mut file = fs::File::open(dir.join(name))?;
    let from = file.seek(SeekFrom::Start(offset.unwrap_or(0)))?;
    let left = file.metadata()?.len().saturating_sub(from);
    Ok((file, left, offset.is_some()))
}

/// Who reads is told apart from what comes.
#[derive(Default)]
struct Reading {
    there: Pieces,
    back: u64,
}

impl Recogniser for Reading {
    fn feed(&mut self, way: Way, bytes: &[u8], seen: &mut Vec<Seen>) -> Result<(), NotUnderstood> {
        if way == Way::Back {
            self.back += bytes.len() as u64;
            seen.push(Seen {
                label: "input".into(),
                text: format!("input, {} bytes", bytes.len()),
                end: self.back,
            });
            return Ok(());
        }
        self.there.cut(bytes, |rest, at| {
            let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
                return match rest.len() as u64 >= LINE_MAX {
                    true => Err(NotUnderstood),
                    false => Ok(Step::More),
                };
            };
            let line = String::from_utf8_lossy(&rest[..end]);
            let question = line.strip_prefix(WORD).ok_or(NotUnderstood)?;
            seen.push(Seen {
                label: "read input".into(),
                text: question.to_owned(),
                end: at + end as u64 + 1,
            });
            Ok(Step::Took {
                head: end + 1,
                skip: 0,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::links::recogniser::tests::seen;

    fn served(dir: &Path) -> Machines {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        serve(listener, dir.to_owned(), DiskFaults::default());
        Machines {
            addresses: [("w1".to_owned(), address)].into(),
            socks: None,
            own: None,
        }
    }

    #[test]
    fn a_file_elsewhere_is_read_from_any_byte_on_and_lies_where_it_says() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("text"), "0123456789").unwrap();
        let machines = served(dir.path());
        let known = machines.list("disk://w1/text").unwrap();
        assert_eq!((known[0].length, known[0].block), (10, 10));
        assert_eq!(known[0].blocks[0].hosts, ["w1"]);
        let store = machines.list("store://w9,w1/text").unwrap();
        assert!(store[0].blocks.is_empty());
        let mut rest = String::new();
        let mut far = machines.open("store://w9,w1/text", 7).unwrap();
        far.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "789");
        for (path, why) in [
            ("disk://w1/../text", "nobody understands this"),
            ("disk://w1/none", "No such file"),
            ("disk://w9/text", "there is no such machine"),
        ] {
            let error = machines.open(path, 0).err().unwrap().to_string();
            assert!(error.contains(why), "{path}: {error}");
        }
    }

    #[test]
    fn links_see_who_reads_and_what_comes() {
        let talk = [
            (Way::There, b"input read 0 text\n".to_vec()),
            (Way::Back, b"ok 3\nabc".to_vec()),
        ];
        let told = seen(&[PROTOCOL], &talk, 99);
        assert_eq!(
            told.texts,
            ["there read input: read 0 text", "back input, 8 bytes"]
        );
    }
}

//! `mini-hdfs oev` and `oiv`: edit logs and images as JSON, a record a line, and back (`OfflineEditsViewer`,
//! `OfflineImageViewer`).
//!
//! They read files alone and need no NameNode. What a text editor has changed can be written back: lengths and checksums are
//! computed anew, and transactions and references are checked when a NameNode loads it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use mini_hdfs::block::TxId;
use mini_hdfs::namenode::edit_log::{self, RawFrame};
use mini_hdfs::namenode::edit_op::EditOp;
use mini_hdfs::namenode::fsimage::{Header, ImageReader, ImageWriter, InodeRecord};
use node::FileDisk;
use serde::{Deserialize, Serialize};

/// What to read, what to write, and how.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The file to read
    #[arg(short, long, value_name = "FILE", alias = "inputFile")]
    input: PathBuf,
    /// The file to write; - is the standard output
    #[arg(
        short,
        long,
        value_name = "FILE",
        alias = "outputFile",
        default_value = "-"
    )]
    output: PathBuf,
    /// What to make of it; back to binary from JSON
    #[arg(short, long, value_enum, default_value_t)]
    processor: Processor,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Processor {
    /// A JSON object a line
    #[default]
    Json,
    /// What the NameNode reads, from such lines
    Binary,
    /// How many records there are of each kind
    Stats,
}

impl Options {
    fn output(&self) -> Result<Box<dyn Write>> {
        if self.output == Path::new("-") {
            return Ok(Box::new(BufWriter::new(io::stdout())));
        }
        // To open it for writing would empty what is still to be read.
        let same = |other: &Path| {
            Some(other.canonicalize().ok()?.as_path() == self.output.canonicalize().ok()?)
        };
        ensure!(
            same(&self.input) != Some(true),
            "{} is the input, too; say another --output",
            self.output.display()
        );
        let file = File::create(&self.output)
            .with_context(|| format!("cannot write {}", self.output.display()))?;
        Ok(Box::new(BufWriter::new(file)))
    }

    /// What came of writing the output, with its name.
    fn written(&self, done: io::Result<()>) -> Result<()> {
        done.with_context(|| match self.output.to_str() {
            Some("-") => "cannot write to the standard output".to_owned(),
            _ => format!("cannot write {}", self.output.display()),
        })
    }

    fn write_line(&self, out: &mut dyn Write, line: &impl Serialize) -> Result<()> {
        let written = serde_json::to_writer(&mut *out, line).map_err(io::Error::from);
        self.written(written.and_then(|()| writeln!(out)))
    }

    /// The lines of the input, each read as a record.
    fn lines<T: for<'a> Deserialize<'a>>(&self) -> Result<impl Iterator<Item = Result<T>>> {
        let name = self.input.display().to_string();
        let file = File::open(&self.input).with_context(|| format!("cannot read {name}"))?;
        let lines = BufReader::new(file).lines().zip(1..);
        let lines = lines.filter(|(line, _)| !line.as_ref().is_ok_and(|l| l.trim().is_empty()));
        Ok(lines.map(move |(line, number)| {
            let at = || format!("{name}, line {number}");
            let line = line.with_context(at)?;
            serde_json::from_str(&line).with_context(at)
        }))
    }
}

/// A record of the edit log as a line of JSON.
#[derive(Serialize, Deserialize)]
struct Edit {
    txid: TxId,
    op: EditOp,
}

/// A record of an image as a line of JSON. The first one is the header.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ImageLine {
    Header(Header),
    Inode(InodeRecord),
}

/// Runs `oev`.
pub(crate) fn oev(options: &Options) -> Result<()> {
    but_for_a_closed_pipe(edits(options))
}

/// Runs `oiv`.
pub(crate) fn oiv(options: &Options) -> Result<()> {
    but_for_a_closed_pipe(image(options))
}

/// Whoever reads our output may have enough of it.
fn but_for_a_closed_pipe(ran: Result<()>) -> Result<()> {
    let is_closed = |error: &anyhow::Error| {
        let kind = error.chain().find_map(|cause| {
            let json = cause.downcast_ref::<serde_json::Error>();
            let io = cause.downcast_ref::<io::Error>().map(io::Error::kind);
            io.or(json.and_then(serde_json::Error::io_error_kind))
        });
        kind == Some(io::ErrorKind::BrokenPipe)
    };
    ran.or_else(|error| {
        if is_closed(&error) {
            Ok(())
        } else {
            Err(error)
        }
    })
}

fn edits(options: &Options) -> Result<()> {
    match options.processor {
        Processor::Binary => write_edits(options),
        Processor::Json => {
            let mut out = options.output()?;
            read_edits(options, |edit| options.write_line(&mut out, &edit))?;
            options.written(out.flush())
        }
        Processor::Stats => {
            let mut kinds = BTreeMap::new();
            read_edits(options, |edit| {
                count(&mut kinds, &serde_json::to_value(edit.op)?);
                Ok(())
            })?;
            print_counts(&kinds, options)
        }
    }
}

/// Hands on each record of a segment. A torn tail is told of; damage is an error, after all that stands before it.
fn read_edits(options: &Options, mut each: impl FnMut(Edit) -> Result<()>) -> Result<()> {
    let name = options.input.display();
    let bytes = fs::read(&options.input).with_context(|| format!("cannot read {name}"))?;
    let Ok(RawFrame { txid: first, .. }) = edit_log::split_frame(&bytes) else {
        ensure!(
            bytes.is_empty(),
            "{name} does not begin as an edit log does"
        );
        return Ok(());
    };
    let (ops, trouble) = match edit_log::scan(&bytes, first) {
        Ok(scan) => {
            if let Some(why) = scan.tail {
                let len = bytes.len() - scan.good_len;
                eprintln!("{name}: the last {len} bytes are a torn tail: {why}");
            }
            (scan.ops, None)
        }
        // What stands before the damage is good.
        Err(damage) => {
            let before = edit_log::scan(&bytes[..damage.offset], first);
            (
                before.map(|scan| scan.ops).unwrap_or_default(),
                Some(damage),
            )
        }
    };
    for (txid, op) in ops {
        each(Edit { txid, op })?;
    }
    if let Some(damage) = trouble {
        bail!(
            "{name} is damaged at byte {}: {}",
            damage.offset,
            damage.reason
        );
    }
    Ok(())
}

fn write_edits(options: &Options) -> Result<()> {
    let (mut out, mut frame) = (options.output()?, Vec::new());
    for edit in options.lines()? {
        let Edit { txid, op } = edit?;
        // JSON is never shorter than what it becomes.
        ensure!(
            serde_json::to_vec(&op)?.len() <= edit_log::PAYLOAD_LEN_MAX,
            "{}: transaction {txid} is too long for a record",
            options.input.display()
        );
        frame.clear();
        edit_log::encode(txid, &op, &mut frame);
        options.written(out.write_all(&frame))?;
    }
    options.written(out.flush())
}

fn image(options: &Options) -> Result<()> {
    match options.processor {
        Processor::Binary => write_image(options),
        Processor::Json => {
            let mut out = options.output()?;
            read_image(options, |line| options.write_line(&mut out, &line))?;
            options.written(out.flush())
        }
        Processor::Stats => {
            let mut kinds = BTreeMap::new();
            read_image(options, |line| {
                if let ImageLine::Inode((inode, _)) = line {
                    count(&mut kinds, &serde_json::to_value(inode.kind)?);
                }
                Ok(())
            })?;
            print_counts(&kinds, options)
        }
    }
}

fn read_image(options: &Options, mut each: impl FnMut(ImageLine) -> Result<()>) -> Result<()> {
    // A disk knows its files by their names alone.
    let shown = options.input.display();
    let found = fs::metadata(&options.input).with_context(|| format!("cannot read {shown}"))?;
    ensure!(!found.is_dir(), "cannot read {shown}: it is a directory");
    let (disk, name) = beside(&options.input)?;
    let mut reader = ImageReader::open(&name, &disk)?;
    each(ImageLine::Header(reader.header))?;
    while let Some(record) = reader.next_inode()? {
        each(ImageLine::Inode(record))?;
    }
    Ok(())
}

fn write_image(options: &Options) -> Result<()> {
    ensure!(
        options.output != Path::new("-"),
        "an image is no text: say with --output where to write it"
    );
    let input = options.input.display();
    let mut lines = options.lines()?;
    let Some(ImageLine::Header(header)) = lines.next().transpose()? else {
        bail!("{input}: the first line should be the header");
    };
    let (mut disk, name) = beside(&options.output)?;
    ensure!(
        !options.output.exists(),
        "{} exists; say another --output",
        options.output.display()
    );
    let mut writer = ImageWriter::create(&header, &name, &mut disk)?;
    let mut inodes = 0;
    for line in lines {
        let ImageLine::Inode((inode, blocks)) = line? else {
            bail!("{input}: only the first line can be a header");
        };
        inodes += 1;
        writer.inode(&inode, &blocks)?;
    }
    writer.finish()?;
    ensure!(
        inodes == header.inodes,
        "{input}: the header says {} inodes, and {inodes} follow; mend its \"inodes\"",
        header.inodes
    );
    Ok(())
}

/// The directory of a file as a disk, and the file's name on it.
fn beside(path: &Path) -> Result<(FileDisk, String)> {
    let shown = path.display();
    let name = path
        .file_name()
        .with_context(|| format!("{shown} names no file"))?;
    let name = name
        .to_str()
        .with_context(|| format!("{shown} is no UTF-8"))?;
    let dir = match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    };
    ensure!(dir.is_dir(), "there is no directory {}", dir.display());
    Ok((FileDisk::open(dir)?, name.to_owned()))
}

/// Counts a value by the name of its variant: a text where there is nothing in it, else the one key of an object.
fn count(kinds: &mut BTreeMap<String, u64>, value: &serde_json::Value) {
    let key = || value.as_object()?.keys().next().map(String::as_str);
    let name = value.as_str().or_else(key).unwrap_or_default();
    *kinds.entry(name.to_owned()).or_default() += 1;
}

fn print_counts(kinds: &BTreeMap<String, u64>, options: &Options) -> Result<()> {
    let mut out = options.output()?;
    let lines = kinds
        .iter()
        .map(|(kind, number)| format!("{number:>12} {kind}\n"));
    let all = kinds.values().sum::<u64>();
    let text = lines.collect::<String>() + &format!("{all:>12} in all\n");
    options.written(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

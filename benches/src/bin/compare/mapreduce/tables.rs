//! What is worked on, made from a seed; and what came of it, in a form that does not depend on the order of lines or on how many files there are.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use mini_mapreduce::job::JobSpec;
use mini_mapreduce::server::local;
use node::Rng;

use super::Work;

/// Lines of the text in a MiB, about, and its different words.
const LINES_PER_MIB: u64 = 14_000;
const WORDS: u64 = 200_000;
const SEED: u64 = 1;

/// The length of a row that is sorted, with its end of line, and of its key.
const ROW: usize = 100;
const KEY: usize = 10;

/// The files of the input: one, or a large and a small one.
pub(super) struct Tables(Vec<PathBuf>);

impl Tables {
    pub(super) fn make(work: Work, mib: u64, rows: u64, dir: &Path) -> Result<Tables> {
        let paths = match work {
            Work::WordCount => vec![text(mib, dir)?],
            Work::Sort => vec![sortable(mib, dir)?],
            Work::Join => vec![large(rows, dir)?, small(rows / 20, dir)?],
        };
        // Nobody shall pay for what the maker has left to be written.
        for path in &paths {
            File::open(path)?.sync_all()?;
        }
        Ok(Tables(paths))
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|path| path.display().to_string())
    }

    pub(super) fn remove(self) -> Result<()> {
        self.0.iter().try_for_each(|path| remove(path))
    }
}

/// Zipf text, by mini-mapreduce's own generator, in one file.
fn text(mib: u64, dir: &Path) -> Result<PathBuf> {
    let parts = dir.join("text.parts");
    let spec = JobSpec {
        program: "zipftext".to_owned(),
        args: [mib * LINES_PER_MIB, WORDS, SEED]
            .map(|n| n.to_string())
            .to_vec(),
        inputs: Vec::new(),
        output: parts.display().to_string(),
        reduces: 0,
        settings: mini_mapreduce::job::Settings::default(),
    };
    local::run(&spec, 2, |_| {})?;
    let path = dir.join("text");
    let mut whole = File::create(&path)?;
    for part in files(&parts)? {
        io::copy(&mut File::open(part)?, &mut whole)?;
    }
    remove(&parts)?;
    Ok(path)
}

/// Rows of text, so that tools for text sort them, too: a random key in printable characters, the row's number, filler.
fn sortable(mib: u64, dir: &Path) -> Result<PathBuf> {
    let path = dir.join("rows");
    let mut out = BufWriter::with_capacity(1 << 20, File::create(&path)?);
    let mut rng = Rng::new(SEED);
    for row in 0..(mib << 20) / ROW as u64 {
        let mut key = [0; KEY];
        key.fill_with(|| b'A' + u8::try_from(rng.below(58)).unwrap_or(0));
        out.write_all(&key)?;
        // 10 + 1 + 20 + 1 + 67 + 1.
        writeln!(out, " {row:020} {:067}", row % 1000)?;
    }
    out.flush()?;
    Ok(path)
}

fn large(rows: u64, dir: &Path) -> Result<PathBuf> {
    let (path, mut rng) = (dir.join("orders"), Rng::new(SEED));
    let mut out = BufWriter::with_capacity(1 << 20, File::create(&path)?);
    for row in 0..rows {
        writeln!(out, "k{:07}\torder{row:08}", rng.below(rows / 20))?;
    }
    out.flush()?;
    Ok(path)
}

fn small(rows: u64, dir: &Path) -> Result<PathBuf> {
    let path = dir.join("customers");
    let mut out = BufWriter::with_capacity(1 << 20, File::create(&path)?);
    for row in 0..rows {
        writeln!(out, "k{row:07}\tname{:06}", row * 7919 % 1_000_000)?;
    }
    out.flush()?;
    Ok(path)
}

/// What a result is, whoever made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Digest {
    lines: u64,
    sum: u64,
}

impl Digest {
    /// Of a file, or of all files of a directory; `sorted` ones have to be, by their key, from file to file.
    pub(super) fn of(output: &Path, sorted: bool) -> Result<Digest> {
        let mut digest = Digest { lines: 0, sum: 0 };
        let mut last = Vec::new();
        for path in files(output)? {
            let mut lines = BufReader::with_capacity(1 << 20, File::open(&path)?);
            let mut line = Vec::new();
            loop {
                line.clear();
                if lines.read_until(b'\n', &mut line)? == 0 {
                    break;
                }
                let text = line.trim_ascii_end();
                digest.lines += 1;
                digest.sum = digest.sum.wrapping_add(xxhash_rust::xxh3::xxh3_64(text));
                if sorted {
                    let key = &text[..KEY.min(text.len())];
                    ensure!(*last <= *key, "{}: a row is out of order", path.display());
                    last.clear();
                    last.extend_from_slice(key);
                }
            }
        }
        Ok(digest)
    }
}

/// A file itself, or a directory's in the order of their names, without what is hidden or none of the result.
fn files(output: &Path) -> Result<Vec<PathBuf>> {
    if output.is_file() {
        return Ok(vec![output.to_owned()]);
    }
    let entries = fs::read_dir(output).with_context(|| format!("no {}", output.display()))?;
    let paths: io::Result<Vec<PathBuf>> = entries.map(|entry| Ok(entry?.path())).collect();
    let mut paths = paths?;
    paths.retain(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        !name.starts_with(['_', '.'])
    });
    paths.sort();
    Ok(paths)
}

/// Removes a file or a directory, if it is there.
pub(super) fn remove(path: &Path) -> Result<()> {
    let removed = match path.is_dir() {
        true => fs::remove_dir_all(path),
        false => fs::remove_file(path),
    };
    removed.with_context(|| format!("cannot remove {}", path.display()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_of_their_length_and_a_digest_sees_their_order() {
        let dir = tempfile::tempdir().unwrap();
        let path = sortable(1, dir.path()).unwrap();
        let bytes = fs::read(&path).unwrap();
        assert!(bytes.chunks(ROW).all(|row| row.last() == Some(&b'\n')));
        let any = Digest::of(&path, false).unwrap();
        assert_eq!(any.lines, (1 << 20) / ROW as u64);
        Digest::of(&path, true).unwrap_err();
        let mut rows: Vec<&[u8]> = bytes.chunks(ROW).collect();
        rows.sort_unstable();
        fs::write(&path, rows.concat()).unwrap();
        assert_eq!(Digest::of(&path, true).unwrap(), any);
    }
}

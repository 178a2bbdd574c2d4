//! Where keys come from: a file, the standard input, or Zipf's law.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use consistent_hash::skew::zipf;

/// As many keys are drawn at once: what a machine can hold.
const DRAWS_MAX: usize = 10_000_000;
/// The longest key, in bytes: what is longer is hardly a list of keys.
const KEY_LEN_MAX: usize = 1 << 20;
/// As many bytes of keys are held at once.
const KEYS_LEN_MAX: usize = 1 << 29;

/// Keys that are made rather than read.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Zipf {
    /// How many keys are drawn
    #[arg(long, default_value_t = 100_000, value_name = "COUNT")]
    draws: usize,
    /// How many different keys there are
    #[arg(long, default_value_t = 10_000, value_name = "COUNT")]
    distinct: usize,
    /// How steep: 0 draws all keys alike, 1 is Zipf's law
    #[arg(long, default_value_t = 1.0)]
    exponent: f64,
    /// Another seed draws others
    #[arg(long, default_value_t = 1, value_name = "SEED")]
    zipf_seed: u64,
}

impl Zipf {
    fn table(&self) -> Result<zipf::Zipf> {
        if !(1..=DRAWS_MAX).contains(&self.draws) {
            bail!("--draws {}: it must be 1 to {DRAWS_MAX}", self.draws);
        }
        Ok(zipf::Zipf::new(self.distinct, self.exponent)?)
    }

    /// Writes the keys, one a line.
    pub(crate) fn write(&self, out: &mut dyn Write) -> Result<()> {
        let zipf = self.table()?;
        for rank in zipf.ranks(self.zipf_seed).take(self.draws) {
            writeln!(out, "{}", zipf::key(rank))?;
        }
        Ok(())
    }
}

/// Keys that are read, or else made.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Source {
    /// A file with a key a line; - is the standard input. Without it, keys are drawn by Zipf's law
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
    #[command(flatten)]
    zipf: Zipf,
}

/// Keys as they are asked for, and each once.
pub(crate) struct Keys {
    /// Where they are from, in words.
    pub(crate) origin: String,
    /// In order, with repetitions.
    pub(crate) all: Vec<Vec<u8>>,
    /// In ascending order.
    pub(crate) distinct: Vec<Vec<u8>>,
}

impl Source {
    /// All keys.
    pub(crate) fn load(&self) -> Result<Keys> {
        let (origin, all) = match &self.keys {
            Some(path) => (name(path), load(path)?),
            None => {
                let Zipf {
                    distinct,
                    exponent,
                    zipf_seed: seed,
                    ..
                } = self.zipf;
                let zipf = self.zipf.table()?;
                let ranks = zipf.ranks(seed).take(self.zipf.draws);
                let all = ranks.map(|rank| zipf::key(rank).into_bytes()).collect();
                (
                    format!("Zipf's law over {distinct} keys, exponent {exponent}, seed {seed}"),
                    all,
                )
            }
        };
        let distinct: BTreeSet<&Vec<u8>> = all.iter().collect();
        let distinct = distinct.into_iter().cloned().collect();
        Ok(Keys {
            origin,
            all,
            distinct,
        })
    }
}

fn name(path: &Path) -> String {
    match path.to_str() {
        Some("-") => "the standard input".to_owned(),
        _ => path.display().to_string(),
    }
}

/// All keys of a file, in order.
pub(crate) fn load(path: &Path) -> Result<Vec<Vec<u8>>> {
    let (mut all, mut bytes) = (Vec::new(), 0);
    for_each(path, |key| {
        bytes += key.len() + size_of::<Vec<u8>>();
        if bytes > KEYS_LEN_MAX {
            bail!(
                "there are more keys in {} than are held at once, {} of {KEYS_LEN_MAX} bytes: give some of them, as `head` does",
                name(path),
                all.len()
            );
        }
        all.push(key.to_vec());
        Ok(())
    })?;
    Ok(all)
}

/// Calls `each` with every key of a file: a line without its end. Empty lines are no keys; bytes need not be text.
pub(crate) fn for_each(path: &Path, mut each: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let name = name(path);
    let mut input: Box<dyn BufRead> = if path == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        let file = File::open(path).with_context(|| format!("cannot open the keys in {name}"))?;
        Box::new(BufReader::new(file))
    };
    let (mut line, mut keys) = (Vec::new(), 0u64);
    loop {
        line.clear();
        let read = (&mut input)
            .take(KEY_LEN_MAX as u64 + 2)
            .read_until(b'\n', &mut line);
        if read.with_context(|| format!("cannot read the keys in {name}"))? == 0 {
            break;
        }
        let key = line.strip_suffix(b"\n").unwrap_or(&line);
        let key = key.strip_suffix(b"\r").unwrap_or(key);
        if key.len() > KEY_LEN_MAX {
            bail!(
                "key {} in {name} is longer than {KEY_LEN_MAX} bytes: one a line is expected",
                keys + 1
            );
        }
        if !key.is_empty() {
            keys += 1;
            each(key)?;
        }
    }
    if keys == 0 {
        bail!("there are no keys in {name}: one a line is expected");
    }
    Ok(())
}

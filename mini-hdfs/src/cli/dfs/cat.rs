//! `-cat` and `-tail`, and the copying that `-put` and `-get` share with it.

use std::io::{self, ErrorKind, IsTerminal, Read, Write};
use std::thread;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::{Failure, Shell};

/// Bytes that are copied in one go.
const PIECE: usize = 256 << 10;
/// Bytes that `-tail` shows.
const TAIL: u64 = 1024;
/// How often `-tail -f` looks whether the file has grown.
const FOLLOW_EVERY: Duration = Duration::from_secs(1);
/// A copy of fewer bytes is over before a bar could be read.
const BAR_MIN: u64 = 32 << 20;

/// Which side of a copy failed.
pub(super) enum CopyError {
    From(io::Error),
    To(io::Error),
}

/// Copies until `from` ends and returns how many bytes that was. `expected` of them are on the way, where that is known.
pub(super) fn copy(
    from: &mut dyn Read,
    to: &mut dyn Write,
    name: &str,
    expected: Option<u64>,
) -> Result<u64, CopyError> {
    let bar = expected.filter(|len| *len >= BAR_MIN && io::stderr().is_terminal());
    let bar = bar.map(|len| bar_of(name, len));
    let mut buffer = vec![0; PIECE];
    let mut copied = 0;
    loop {
        let read = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(CopyError::From(error)),
        };
        to.write_all(&buffer[..read]).map_err(CopyError::To)?;
        copied += read as u64;
        if let Some(bar) = &bar {
            bar.set_position(copied);
        }
    }
    if let Some(bar) = &bar {
        bar.finish_and_clear();
    }
    Ok(copied)
}

fn bar_of(name: &str, len: u64) -> ProgressBar {
    let bar = ProgressBar::new(len).with_message(name.to_owned());
    let template = "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

pub(super) fn cat(shell: &mut Shell<'_>, words: &[String]) -> Result<(), Failure> {
    for word in words {
        shell.each(word, |shell, item| {
            if item.is_directory {
                return Err(Failure::said(format!("`{word}': Is a directory")));
            }
            let mut file = shell.client.open(&item.path)?;
            match copy(&mut file, shell.out, word, None) {
                Ok(_) => Ok(()),
                Err(CopyError::From(error)) => Err(Failure::said(error.to_string())),
                Err(CopyError::To(error)) => Err(error.into()),
            }
        })?;
    }
    Ok(())
}

pub(super) fn tail(shell: &mut Shell<'_>, words: &[String]) -> Result<(), Failure> {
    for word in words {
        shell.each(word, |shell, item| {
            if item.is_directory {
                return Err(Failure::said(format!("`{word}': Is a directory")));
            }
            let mut shown = None;
            loop {
                let mut file = shell.client.open(&item.path)?;
                // A file that is shorter than it was is another one.
                let from = shown.filter(|shown| *shown <= file.len());
                let from = from.unwrap_or(file.len().saturating_sub(TAIL));
                file.set_range(from, u64::MAX);
                match copy(&mut file, shell.out, word, None) {
                    Ok(copied) => shown = Some(from + copied),
                    Err(CopyError::From(error)) => return Err(Failure::said(error.to_string())),
                    Err(CopyError::To(error)) => return Err(error.into()),
                }
                if !shell.has("f") {
                    return Ok(());
                }
                shell.out.flush()?;
                thread::sleep(FOLLOW_EVERY);
            }
        })?;
    }
    Ok(())
}

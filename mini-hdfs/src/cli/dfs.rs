//! `mini-hdfs dfs`: the commands of Hadoop's `FsShell`.
//!
//! A command goes on after a file that fails, tells of it at once, and ends with exit code 1. Times are shown in UTC.

mod attributes;
mod cat;
mod copy;
mod cp;
mod list;
mod sums;
mod tree;

use std::fmt::Write as _;
use std::io::Write;

use mini_hdfs::protocol::FileStatus;
use mini_hdfs::server::dfs_client::DfsClient;

use super::{Failure, Generic, paths, reason};

/// A command and what its command line may be.
struct Spec {
    name: &'static str,
    usage: &'static str,
    help: &'static str,
    flags: &'static [&'static str],
    /// How many words there must be after the flags.
    words: std::ops::RangeInclusive<usize>,
    run: fn(&mut Shell<'_>, &[String]) -> Result<(), Failure>,
}

const ANY: usize = usize::MAX;

const COMMANDS: &[Spec] = &[
    Spec {
        name: "-cat",
        usage: "<src> ...",
        help: "Write files to the standard output.",
        flags: &[],
        words: 1..=ANY,
        run: cat::cat,
    },
    Spec {
        name: "-checksum",
        usage: "<src> ...",
        help: "Show checksums of files: an MD5 of MD5s of CRC32Cs, computed where the blocks are.",
        flags: &[],
        words: 1..=ANY,
        run: sums::checksum,
    },
    Spec {
        name: "-chgrp",
        usage: "[-R] GROUP <path> ...",
        help: "Change the group. -R: and of all below.",
        flags: &["R"],
        words: 2..=ANY,
        run: attributes::chgrp,
    },
    Spec {
        name: "-chmod",
        usage: "[-R] <MODE[,MODE]... | OCTALMODE> <path> ...",
        help: "Change modes, as chmod(1) does: 644, u=rwx,go-w, +t. -R: and of all below.",
        flags: &["R"],
        words: 2..=ANY,
        run: attributes::chmod,
    },
    Spec {
        name: "-chown",
        usage: "[-R] [OWNER][:[GROUP]] <path> ...",
        help: "Change owner, group, or both. -R: and of all below.",
        flags: &["R"],
        words: 2..=ANY,
        run: attributes::chown,
    },
    Spec {
        name: "-count",
        usage: "[-h] [-v] <path> ...",
        help: "Count directories, files and bytes below a path. -h: 1.5 K. -v: with a header.",
        flags: &["h", "v"],
        words: 1..=ANY,
        run: sums::count,
    },
    Spec {
        name: "-cp",
        usage: "[-f] [-p] <src> ... <dst>",
        help: "Copy files and directories within the file system. -f: replace what is there. -p: keep owner, group and mode.",
        flags: &["f", "p"],
        words: 2..=ANY,
        run: cp::cp,
    },
    Spec {
        name: "-df",
        usage: "[-h] [<path> ...]",
        help: "Show how large the file system is, and how full. -h: 1.5 K.",
        flags: &["h"],
        words: 0..=ANY,
        run: sums::df,
    },
    Spec {
        name: "-du",
        usage: "[-s] [-h] <path> ...",
        help: "Show how many bytes files have, and how many with all replicas. -s: each path as a whole. -h: 1.5 K.",
        flags: &["s", "h"],
        words: 0..=ANY,
        run: list::du,
    },
    Spec {
        name: "-get",
        usage: "[-f] <src> ... <localdst>",
        help: "Copy files and directories to this machine; every byte is checked. -f: replace what is there.",
        flags: &["f"],
        words: 1..=ANY,
        run: copy::get,
    },
    Spec {
        name: "-ls",
        usage: "[-d] [-h] [-R] [<path> ...]",
        help: "List directories. -d: themselves, not what is in them. -h: sizes as 1.5 K. -R: and all below.",
        flags: &["d", "h", "R"],
        words: 0..=ANY,
        run: list::ls,
    },
    Spec {
        name: "-mkdir",
        usage: "[-p] <path> ...",
        help: "Make directories. -p: and those above them; it is no error when they are there.",
        flags: &["p"],
        words: 1..=ANY,
        run: tree::mkdir,
    },
    Spec {
        name: "-mv",
        usage: "<src> ... <dst>",
        help: "Move files and directories; several of them, into a directory.",
        flags: &[],
        words: 2..=ANY,
        run: tree::mv,
    },
    Spec {
        name: "-put",
        usage: "[-f] <localsrc> ... <dst>",
        help: "Copy files and directories from this machine; - is the standard input. -f: replace what is there.",
        flags: &["f"],
        words: 1..=ANY,
        run: copy::put,
    },
    Spec {
        name: "-rm",
        usage: "[-f] [-r|-R] [-skipTrash] <src> ...",
        help: "Delete files, for good. -r: directories too. -f: what is not there is no error.",
        flags: &["f", "r", "R", "skipTrash"],
        words: 1..=ANY,
        run: tree::rm,
    },
    Spec {
        name: "-setrep",
        usage: "[-R] [-w] <rep> <path> ...",
        help: "Set how many replicas files have; of a directory, all files below it. -w: wait until they have them.",
        flags: &["R", "w"],
        words: 2..=ANY,
        run: tree::setrep,
    },
    Spec {
        name: "-stat",
        usage: "[format] <path> ...",
        help: "Show figures: %b bytes, %n name, %o block size, %r replicas, %u owner, %g group, %a mode in octal, %A in \
               letters, %F kind, %y when changed (UTC), %Y the same in milliseconds.",
        flags: &[],
        words: 1..=ANY,
        run: list::stat,
    },
    Spec {
        name: "-tail",
        usage: "[-f] <file>",
        help: "Show the last 1 KB of a file. -f: and what is added to it, until interrupted.",
        flags: &["f"],
        words: 1..=1,
        run: cat::tail,
    },
    Spec {
        name: "-test",
        usage: "-[defrswz] <path>",
        help: "Answer by the exit code, 0 for yes: -e it is there, -d a directory, -f a file, -s not empty, -z an empty file, -r and -w it can be read and written.",
        flags: &["d", "e", "f", "r", "s", "w", "z"],
        words: 1..=1,
        run: attributes::test,
    },
    Spec {
        name: "-touchz",
        usage: "<path> ...",
        help: "Make empty files.",
        flags: &[],
        words: 1..=ANY,
        run: attributes::touchz,
    },
];

/// What a command works with.
struct Shell<'a> {
    client: DfsClient,
    out: &'a mut dyn Write,
    /// The command's name, without its dash.
    name: &'static str,
    flags: Vec<&'static str>,
    failed: bool,
}

impl Shell<'_> {
    fn has(&self, flag: &str) -> bool {
        self.flags.contains(&flag)
    }

    /// Tells of something that failed; the command goes on.
    fn report(&mut self, what: &str) -> Result<(), Failure> {
        // What came before it stands before it.
        self.out.flush()?;
        eprintln!("{}: {what}", self.name);
        self.failed = true;
        Ok(())
    }

    /// Does something to everything that `word` stands for.
    fn each(
        &mut self,
        word: &str,
        mut act: impl FnMut(&mut Self, FileStatus) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let items = match paths::expand(&self.client, word) {
            Ok(items) => items,
            Err(error) => return self.report(&reason(&error)),
        };
        if items.is_empty() {
            return self.report(&format!("`{word}': No such file or directory"));
        }
        for item in items {
            self.attempt(|shell| act(shell, item))?;
        }
        Ok(())
    }

    /// Does something; what fails is told, and is no reason to stop.
    fn attempt(
        &mut self,
        act: impl FnOnce(&mut Self) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        match act(self) {
            Err(Failure::Failed(text)) => {
                self.failed = true;
                text.map_or(Ok(()), |text| self.report(&text))
            }
            ended => ended,
        }
    }
}

/// Runs `dfs` with the words behind it.
pub(crate) fn run(words: &[String], out: &mut dyn Write) -> Result<(), Failure> {
    let (generic, words) = Generic::parse(words)?;
    let Some((name, words)) = words.split_first() else {
        return Err(Failure::Usage(usage_of_all()));
    };
    if ["-help", "--help", "-h", "-usage"].contains(&name.as_str()) {
        return help(words, out);
    }
    let Some(spec) = COMMANDS.iter().find(|spec| spec.name == name) else {
        let usage = usage_of_all();
        return Err(Failure::Usage(format!("{name}: Unknown command\n{usage}")));
    };
    let (flags, words) = parse(spec, words)
        .map_err(|why| Failure::Usage(format!("{name}: {why}\n{}", usage_of(spec))))?;
    let mut shell = Shell {
        client: generic.client,
        out,
        name: &spec.name[1..],
        flags,
        failed: false,
    };
    let ran = shell.attempt(|shell| (spec.run)(shell, words));
    match ran {
        Err(Failure::Usage(why)) => {
            Err(Failure::Usage(format!("{name}: {why}\n{}", usage_of(spec))))
        }
        Ok(()) if shell.failed => Err(Failure::Failed(None)),
        ended => ended,
    }
}

fn parse<'a>(
    spec: &Spec,
    words: &'a [String],
) -> Result<(Vec<&'static str>, &'a [String]), String> {
    let (mut flags, mut rest) = (Vec::new(), words);
    while let [word, after @ ..] = rest {
        match word.strip_prefix('-') {
            None | Some("") => break,
            Some("-") => {
                rest = after;
                break;
            }
            Some(flag) => match spec.flags.iter().find(|known| **known == flag) {
                Some(known) => flags.push(*known),
                None => return Err(format!("Illegal option {word}")),
            },
        }
        rest = after;
    }
    let (least, most, got) = (*spec.words.start(), *spec.words.end(), rest.len());
    if got < least {
        return Err(format!(
            "Not enough arguments: expected {least} but got {got}"
        ));
    }
    if got > most {
        return Err(format!("Too many arguments: expected {most} but got {got}"));
    }
    Ok((flags, rest))
}

fn usage_of(spec: &Spec) -> String {
    format!(
        "Usage: mini-hdfs dfs [generic options] {} {}",
        spec.name, spec.usage
    )
}

fn usage_of_all() -> String {
    let mut text = String::from("Usage: mini-hdfs dfs [generic options]");
    for spec in COMMANDS {
        // Writing to a String cannot fail.
        let _ = write!(text, "\n\t[{} {}]", spec.name, spec.usage);
    }
    text + "\n\t[-help [cmd ...]]\n\nGeneric options:\n\
            -fs hdfs://HOST:PORT  the NameNode [default: MINI_HDFS_NAMENODE, or 127.0.0.1:8020]\n\
            -D KEY=VALUE          a setting, such as dfs.replication=2 or dfs.blocksize=64m"
}

fn help(words: &[String], out: &mut dyn Write) -> Result<(), Failure> {
    if words.is_empty() {
        writeln!(out, "{}", usage_of_all())?;
    }
    for word in words {
        let name = word.trim_start_matches('-');
        match COMMANDS.iter().find(|spec| &spec.name[1..] == name) {
            Some(spec) => writeln!(out, "{} {}:\n  {}", spec.name, spec.usage, spec.help)?,
            None => return Err(Failure::Usage(format!("{word}: Unknown command"))),
        }
    }
    Ok(())
}

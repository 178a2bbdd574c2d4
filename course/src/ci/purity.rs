//! The purity scan: a core names no I/O, no clock, no thread, no random source, no unordered collection.
//!
//! Clippy's lists of disallowed names hold for a whole package, and know nothing of modules; cores and
//! shells share a package. So this reads tokens, as the compiler does: comments, strings and longer names
//! do not count, the inside of macros does. It follows `use` trees (`use std::{fs as files}`), and where
//! a name could hide behind another (`use std as s`, `std::$module`), that is itself forbidden. It is a
//! fence, not a wall: a library that a core may use could still do I/O, so which those are is seen to by
//! the `light` step and by review.

use std::collections::BTreeSet;

use anyhow::{Result, anyhow};
use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};

use super::{Outcome, none_of, sources};
use crate::source;
use crate::workspace::{Layer, Workspace};

/// What may not be named.
enum Name {
    /// A path from its root on, with all that is below it.
    Path(&'static [&'static str]),
    /// Another crate, as the first part of a path or in a `use`.
    Crate(&'static str),
    /// A name, wherever it stands.
    Word(&'static str),
    /// A macro.
    Macro(&'static str),
}

use Name::{Crate, Macro, Path, Word};

struct Rule {
    names: &'static [Name],
    why: &'static str,
    /// Whether it lets code act outside of what it is handed, rather than only spoil a replay. Submissions that break
    /// such a rule are not run; see `grade/scan.rs`.
    reaches_out: bool,
}

const RULES: [Rule; 11] = [
    Rule {
        names: &[Path(&["std", "fs"]), Word("FileDisk")],
        why: "a core reaches files through the `node::Disk` that it is handed",
        reaches_out: true,
    },
    Rule {
        names: &[
            Path(&["std", "net"]),
            Path(&["std", "os"]),
            Crate("tokio"),
            Crate("tonic"),
            Crate("axum"),
            Crate("hyper"),
            Crate("mio"),
            Crate("futures"),
        ],
        why: "a core returns what is to be sent; sockets and runtimes belong to the shell (`server/`)",
        reaches_out: true,
    },
    Rule {
        names: &[Path(&["std", "thread"]), Macro("thread_local")],
        why: "a core runs on its caller's thread; threads belong to the shell (`server/`)",
        reaches_out: true,
    },
    Rule {
        names: &[Path(&["std", "process"])],
        why: "a core returns an error; whether the process ends is for the shell to say",
        reaches_out: true,
    },
    Rule {
        names: &[
            Path(&["std", "env"]),
            Path(&["std", "arch"]),
            Macro("env"),
            Macro("option_env"),
        ],
        why: "a core does not ask where it runs; settings are arguments",
        reaches_out: true,
    },
    Rule {
        names: &[
            Word("Instant"),
            Word("SystemTime"),
            Word("UNIX_EPOCH"),
            Crate("chrono"),
            Crate("time"),
        ],
        why: "the time is an argument (`node::Time`), so that a seed replays it",
        reaches_out: false,
    },
    Rule {
        names: &[
            Crate("rand"),
            Crate("getrandom"),
            Crate("fastrand"),
            Word("RandomState"),
            Word("DefaultHasher"),
        ],
        why: "randomness is drawn from the `node::Rng` that is handed in, so that a seed replays it",
        reaches_out: false,
    },
    Rule {
        names: &[
            Word("HashMap"),
            Word("HashSet"),
            Word("hash_map"),
            Word("hash_set"),
            Crate("hashbrown"),
        ],
        why: "its order differs from run to run; use BTreeMap or BTreeSet",
        reaches_out: false,
    },
    Rule {
        names: &[
            Macro("print"),
            Macro("println"),
            Macro("eprint"),
            Macro("eprintln"),
            Macro("dbg"),
        ],
        why: "a core returns what happened; printing and logging belong to the shell",
        reaches_out: false,
    },
    Rule {
        names: &[
            Word("stdin"),
            Word("stdout"),
            Word("stderr"),
            Crate("tracing"),
            Crate("log"),
        ],
        why: "a core returns what happened; printing and logging belong to the shell",
        reaches_out: true,
    },
    Rule {
        names: &[
            Path(&["crate", "server"]),
            Path(&["crate", "cli"]),
            Macro("include"),
        ],
        why: "a core does not reach for code that this scan does not see",
        reaches_out: true,
    },
];

const HIDES_STD: &str = "under another name, or as a whole, `std` would escape this scan";
const PATH_ATTRIBUTE: &str =
    "a module's file stands where its name says, so that this scan finds it";

/// A forbidden name in a source text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// Its line, from 1.
    pub(crate) line: usize,
    pub(crate) what: String,
    pub(crate) why: &'static str,
    /// See [`Rule::reaches_out`].
    pub(crate) reaches_out: bool,
}

pub(super) fn check(workspace: &Workspace) -> Result<Outcome> {
    let mut findings = Vec::new();
    for package in workspace.layer(Layer::System) {
        let src = package.dir.join("src");
        for file in source::rust_files(&src)? {
            if !sources::is_core(&src, &file) {
                continue;
            }
            let shown = workspace.display(&file);
            let found = scan(&sources::read(&file)?).map_err(|error| anyhow!("{shown}:{error}"))?;
            findings.extend((found.into_iter()).map(
                |Finding {
                     line, what, why, ..
                 }| format!("{shown}:{line}: {what}: {why}"),
            ));
        }
    }
    none_of(&findings)
}

/// The forbidden names in a text, by line; an error where the text is not made of Rust's tokens.
pub(crate) fn scan(text: &str) -> Result<BTreeSet<Finding>> {
    let tokens: TokenStream = text.parse().map_err(|error: proc_macro2::LexError| {
        anyhow!(
            "{}: cannot be read as Rust: {error}",
            error.span().start().line
        )
    })?;
    let mut scanner = Scanner::default();
    scanner.walk(tokens, &[], false);
    Ok(scanner.findings)
}

#[derive(Default)]
struct Scanner {
    findings: BTreeSet<Finding>,
}

impl Scanner {
    /// Scans a sequence of tokens. Inside the braces of a `use` tree, `prefix` is the path before them.
    fn walk(&mut self, tokens: TokenStream, prefix: &[String], mut in_use: bool) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut i = 0;
        while let Some(token) = tokens.get(i) {
            match token {
                // `extern crate tokio` is an import as well.
                TokenTree::Ident(ident) if ident == "use" || ident == "extern" => in_use = true,
                TokenTree::Ident(ident) if in_use && ident == "as" => i += 1,
                TokenTree::Ident(_) => {
                    i = self.path(&tokens, i, prefix, in_use);
                    continue;
                }
                TokenTree::Punct(punct) if punct.as_char() == ';' => in_use = false,
                TokenTree::Group(group) => {
                    let before = i.checked_sub(1).and_then(|i| tokens.get(i));
                    if is_punct(before, '#') {
                        self.attribute(group.stream());
                    }
                    let in_braces = group.delimiter() == Delimiter::Brace;
                    let is_use_tree = in_braces && is_word(before, "use");
                    self.walk(group.stream(), &[], is_use_tree);
                    // The body behind `extern "C"` or `use<'a>` ends what looked like an import.
                    in_use &= !in_braces;
                }
                _ => {}
            }
            i += 1;
        }
    }

    /// Scans the path that begins at token `i`; the index of the first token behind it.
    fn path(
        &mut self,
        tokens: &[TokenTree],
        mut i: usize,
        prefix: &[String],
        in_use: bool,
    ) -> usize {
        let mut path = prefix.to_vec();
        let line = tokens[i].span().start().line;
        loop {
            match tokens.get(i) {
                Some(TokenTree::Ident(ident)) => {
                    self.word(ident, &tokens[i + 1..]);
                    path.push(bare(ident));
                }
                // The braces of a `use` tree: each path in them goes on from here.
                Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                    self.walk(group.stream(), &path, true);
                    return i + 1;
                }
                Some(TokenTree::Punct(punct)) if matches!(punct.as_char(), '*' | '$') => {
                    path.push(punct.to_string());
                }
                // `<`, as in `Vec::<u8>::new`, or the end of a macro's fragment.
                _ => break,
            }
            i += 1;
            if is_punct(tokens.get(i), ':') && is_punct(tokens.get(i + 1), ':') {
                i += 2;
            } else {
                break;
            }
        }
        self.whole_path(&path, line, in_use);
        i
    }

    fn whole_path(&mut self, path: &[String], line: usize, in_use: bool) {
        let parts: Vec<&str> = path.iter().map(String::as_str).collect();
        if matches!(parts[..], ["std"] | ["std", "*" | "$" | "self", ..]) {
            self.add(line, "std", HIDES_STD, true);
        }
        for rule in &RULES {
            for name in rule.names {
                match *name {
                    Path(forbidden) if parts.starts_with(forbidden) => {
                        self.add(line, &forbidden.join("::"), rule.why, rule.reaches_out);
                    }
                    Crate(forbidden) if parts[0] == forbidden && (in_use || parts.len() > 1) => {
                        self.add(line, forbidden, rule.why, rule.reaches_out);
                    }
                    _ => {}
                }
            }
        }
    }

    /// Checks a single name, and whether it calls a macro.
    fn word(&mut self, ident: &Ident, rest: &[TokenTree]) {
        let (line, word) = (ident.span().start().line, bare(ident));
        let is_macro =
            is_punct(rest.first(), '!') && matches!(rest.get(1), Some(TokenTree::Group(_)));
        for rule in &RULES {
            for name in rule.names {
                match *name {
                    Word(forbidden) if word == forbidden => {
                        self.add(line, forbidden, rule.why, rule.reaches_out);
                    }
                    Macro(forbidden) if is_macro && word == forbidden => {
                        self.add(line, &format!("{forbidden}!"), rule.why, rule.reaches_out);
                    }
                    _ => {}
                }
            }
        }
    }

    /// `#[path = "…"]`, `#[cfg_attr(all(), path = "…")]`.
    fn attribute(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        for (i, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Group(group) => self.attribute(group.stream()),
                TokenTree::Ident(ident) if ident == "path" && is_punct(tokens.get(i + 1), '=') => {
                    self.add(ident.span().start().line, "#[path]", PATH_ATTRIBUTE, true);
                }
                _ => {}
            }
        }
    }

    fn add(&mut self, line: usize, what: &str, why: &'static str, reaches_out: bool) {
        self.findings.insert(Finding {
            line,
            what: what.to_owned(),
            why,
            reaches_out,
        });
    }
}

/// The name without `r#`.
fn bare(ident: &Ident) -> String {
    ident.to_string().trim_start_matches("r#").to_owned()
}

fn is_punct(token: Option<&TokenTree>, expected: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == expected)
}

fn is_word(token: Option<&TokenTree>, expected: &str) -> bool {
    matches!(token, Some(TokenTree::Ident(ident)) if ident == expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The forbidden names, in the order of their lines.
    fn found(text: &str) -> Vec<String> {
        (scan(text).unwrap().into_iter())
            .map(|finding| finding.what)
            .collect()
    }

    fn check(text: &str, expected: &str) {
        assert_eq!(found(text), [expected], "in: {text}");
    }

    #[test]
    fn imports_are_followed_through_groups_and_new_names() {
        check("use std::fs;", "std::fs");
        check("use std::fs::File;", "std::fs");
        check("use std::{fs as files};", "std::fs");
        check(
            "use std::{collections::BTreeMap, fs::{self, File}};",
            "std::fs",
        );
        check("use ::std::{io, net::{TcpStream as Stream}};", "std::net");
        check("pub(crate) use {std::thread};", "std::thread");
        check("use r#std::r#process;", "std::process");
        check("fn f() { use std::env::var as ask; }", "std::env");
        check("use std::time::{Duration, Instant as Moment};", "Instant");
        check(
            "use std::collections::{BTreeMap, HashMap as Map};",
            "HashMap",
        );
        check("use tokio as t;", "tokio");
        check("use {serde, rand as r};", "rand");
        check("extern crate getrandom as luck;", "getrandom");
        check("use crate::server::rpc;", "crate::server");
    }

    #[test]
    fn names_are_found_without_an_import() {
        check("fn f() { let x = std::fs::read(\"a\"); }", "std::fs");
        check("fn f(x: <std::net::TcpStream as T>::U) {}", "std::net");
        check("fn f() { tokio::spawn(async {}); }", "tokio");
        check("#[tokio::test]\nfn f() {}", "tokio");
        check(
            "type M = std::collections::hash_map::Entry<u8, u8>;",
            "hash_map",
        );
        check("fn f() { std::io::stdout(); }", "stdout");
        check("struct S { disk: node::FileDisk }", "FileDisk");
        check("fn f() { println!(\"{}\", 1); }", "println!");
        check("fn f() { std::dbg!(1); }", "dbg!");
        check("fn f() { tracing::info!(\"hello\"); }", "tracing");
    }

    #[test]
    fn macros_do_not_hide_anything() {
        check(
            "macro_rules! m { () => { std::fs::read(\"a\") } }",
            "std::fs",
        );
        check(
            "macro_rules! m { ($m:ident) => { std::$m::read(\"a\") } }",
            "std",
        );
        check(
            "macro_rules! m { ($s:ident) => { $s::fs::read(\"a\") } } m!(std);",
            "std",
        );
        check(
            "fn f() { assert!(std::env::var(\"A\").is_ok()); }",
            "std::env",
        );
        check(
            "macro_rules! m { () => { $crate::server::run() } }",
            "crate::server",
        );
    }

    #[test]
    fn what_would_escape_the_scan_is_forbidden_itself() {
        check("use std as s;", "std");
        check("use std::{self as s};", "std");
        check("use std::*;", "std");
        check("extern crate std as s;", "std");
        check("include!(\"../elsewhere.rs\");", "include!");
        check("#[path = \"../elsewhere.rs\"] mod m;", "#[path]");
        check("#[cfg_attr(all(), path = \"x.rs\")] mod m;", "#[path]");
    }

    #[test]
    fn innocent_text_passes() {
        let text = r##"
            //! Unlike std::fs, tokio and HashMap, this is a comment.
            /// See `std::net::TcpStream`.
            use std::collections::{BTreeMap, BTreeSet};
            use std::io::{self as fs, Read, Write};
            use std::{fmt::{self, Debug}, time::Duration};
            use super::log::{Segment, env};
            fn f(instant: u64, rand: u64, time: u64) -> bool {
                let s = "std::fs::read(HashMap) println!()";
                let r = r#"use tokio;"#;
                let print = rand != time && !(instant < 3);
                let path = self.log.env(Instants::new(), 'x');
                crate::client::server(b"Instant", path, s, r, print as fmt::Alignment)
            }
            extern "C" {}
            struct RandomStateOfMind { time: u64, log: Vec<u8> }
        "##;
        assert_eq!(found(text), Vec::<String>::new());
    }

    #[test]
    fn a_finding_has_its_line_and_a_text_that_is_no_rust_says_so() {
        let findings = scan("fn f() {}\n\nuse std::{\n    io,\n    fs,\n};\n").unwrap();
        let lines: Vec<usize> = findings.iter().map(|finding| finding.line).collect();
        assert_eq!(lines, [5]);
        let error = scan("fn f() {\n    \"open\n").unwrap_err().to_string();
        assert!(error.contains("cannot be read as Rust"), "{error}");
    }
}

//! Whether a student's file may be compiled and run.
//!
//! The graded tests run in one process with his code, so what it could do to them, to the results or to the compiler
//! is refused before anything is built: files, processes, threads, `unsafe`, other files by `include!` or `#[path]`,
//! attributes that change how a program is linked or begun. It reads tokens, so comments and strings do not count and
//! the inside of macros does. What merely spoils a replay (a HashMap, a forgotten `dbg!`) costs no points and is remarked
//! upon.

use std::collections::BTreeSet;

use anyhow::Result;
use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::contract;
use crate::ci::purity;

/// No exercise needs a file that is a quarter as long.
const BYTES_MAX: usize = 256 << 10;

/// What was found in a file, as `line: what: why`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Findings {
    /// Why it is not run; empty when it may be.
    pub(crate) refused: Vec<String>,
    /// What an instructor may want to see.
    pub(crate) remarks: Vec<String>,
}

/// Words that no exercise needs and some trick does, and what for.
const WORDS: [(&[&str], &str); 6] = [
    (
        &["unsafe"],
        "unsafe code could change the memory of the tests",
    ),
    (
        &[
            "extern",
            "no_mangle",
            "export_name",
            "link_name",
            "link_section",
        ],
        "linking is not a core's business",
    ),
    (
        &["include", "include_str", "include_bytes", "cfg_attr"],
        "a solution stands in its file",
    ),
    (
        &[
            "asm",
            "global_asm",
            "naked_asm",
            "global_allocator",
            "panic_handler",
            "alloc_error_handler",
        ],
        "a core has no business below the language",
    ),
    (
        &[
            "proc_macro",
            "proc_macro_derive",
            "proc_macro_attribute",
            "macro_export",
            "ctor",
            "dtor",
        ],
        "nothing of a core runs in the compiler, or before `main`",
    ),
    (
        &[
            "set_hook",
            "take_hook",
            "update_hook",
            "catch_unwind",
            "resume_unwind",
            "panic_any",
        ],
        "panics are what the tests report failures with",
    ),
];

/// What `==` and `<` mean.
const COMPARISONS: [&str; 4] = ["PartialEq", "Eq", "PartialOrd", "Ord"];

/// Attributes that change nothing but the item below them.
const ATTRIBUTES: [&str; 23] = [
    "allow",
    "automatically_derived",
    "cfg",
    "clippy",
    "cold",
    "default",
    "deny",
    "deprecated",
    "derive",
    "doc",
    "error",
    "expect",
    "from",
    "inline",
    "must_use",
    "non_exhaustive",
    "repr",
    "rustfmt",
    "serde",
    "source",
    "test",
    "track_caller",
    "warn",
];

/// Scans a file's bytes. What is in its `stub` too was handed out, and is well.
pub(crate) fn scan(contents: &[u8], stub: &str) -> Findings {
    let refuse = |why: String| Findings {
        refused: vec![why],
        ..Findings::default()
    };
    if contents.len() > BYTES_MAX {
        return refuse(format!(
            "it has {} bytes; at most {BYTES_MAX} are taken",
            contents.len()
        ));
    }
    let Ok(text) = std::str::from_utf8(contents) else {
        return refuse("it is not UTF-8".to_owned());
    };
    let (found, handed_out) = match (all(text, stub), all(stub, stub)) {
        (Ok(found), Ok(handed_out)) => (found, handed_out),
        (Err(error), _) | (_, Err(error)) => return refuse(error.to_string()),
    };
    let handed_out: BTreeSet<String> = handed_out.into_iter().map(|finding| finding.what).collect();
    let mut findings = Findings::default();
    for finding in found
        .into_iter()
        .filter(|finding| !handed_out.contains(&finding.what))
    {
        let line = format!("{}: {}", finding.line, finding.what);
        if finding.is_refused {
            findings.refused.push(line);
        } else {
            findings.remarks.push(line);
        }
    }
    findings
}

/// Something in a text.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    line: usize,
    /// What, and why it is looked for.
    what: String,
    is_refused: bool,
}

/// Everything that is found in a text; `stub` is what a student is handed out.
fn all(text: &str, stub: &str) -> Result<BTreeSet<Finding>> {
    let impure = purity::scan(text)?.into_iter().map(|finding| Finding {
        line: finding.line,
        what: format!("{}: {}", finding.what, finding.why),
        is_refused: finding.reaches_out,
    });
    let mut tricks = Tricks::default();
    tricks.declare(stub.parse().unwrap_or_default());
    tricks.walk(text.parse().unwrap_or_default());
    let broken = contract::broken(text, stub).into_iter();
    let broken = broken.map(|(line, what)| Finding {
        line,
        what,
        is_refused: true,
    });
    Ok(impure.chain(tricks.found).chain(broken).collect())
}

/// What is refused, besides what no core does.
#[derive(Default)]
struct Tricks {
    found: BTreeSet<Finding>,
    /// The types that the stub declares.
    declared: BTreeSet<String>,
}

impl Tricks {
    fn declare(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        for (i, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Ident(word) if word == "struct" || word == "enum" => {
                    self.declared
                        .extend(tokens.get(i + 1).map(TokenTree::to_string));
                }
                TokenTree::Group(group) => self.declare(group.stream()),
                _ => {}
            }
        }
    }

    fn walk(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        for (i, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Ident(ident) => {
                    if ident == "impl" {
                        self.comparison(&tokens[i..]);
                    }
                    let word = ident.to_string();
                    let word = word.trim_start_matches("r#");
                    let rule = WORDS.iter().find(|(words, _)| words.contains(&word));
                    // Fields and methods may be called what they like.
                    if let Some((_, why)) = rule
                        && !is_punct(&tokens, i.wrapping_sub(1), '.')
                    {
                        self.add(token, format!("{word}: {why}"));
                    }
                }
                TokenTree::Punct(punct) if punct.as_char() == '#' => self.attribute(&tokens, i),
                TokenTree::Punct(punct) if punct.as_char() == '$' => self.argument(&tokens, i),
                TokenTree::Group(group) => self.walk(group.stream()),
                _ => {}
            }
        }
    }

    /// What follows a `#`.
    fn attribute(&mut self, tokens: &[TokenTree], at: usize) {
        let is_inner = is_punct(tokens, at + 1, '!');
        let Some(TokenTree::Group(group)) = tokens.get(at + 1 + usize::from(is_inner)) else {
            // A macro could put it before brackets that stand elsewhere.
            self.add(
                &tokens[at],
                "#: without the brackets of an attribute".to_owned(),
            );
            return;
        };
        let content = group.stream();
        let name = match content.clone().into_iter().next() {
            Some(TokenTree::Ident(ident)) => ident.to_string(),
            _ => String::new(),
        };
        let shown = format!("#{}[{name}]", if is_inner { "!" } else { "" });
        if group.delimiter() != Delimiter::Bracket || (is_inner && name != "doc") {
            let why = "attributes of a whole module or function are the handout's business";
            self.add(&tokens[at], format!("{shown}: {why}"));
        } else if !ATTRIBUTES.contains(&name.as_str()) {
            self.add(
                &tokens[at],
                format!("{shown}: no exercise needs this attribute"),
            );
        } else if name == "serde" && content.to_string().contains("::") {
            let why = "an attribute's text can call what this scan does not see";
            self.add(&tokens[at], format!("{shown}: {why}"));
        }
    }

    /// `$name!(…)`, `$name::exit()`: in a macro, what is called would be an argument.
    fn argument(&mut self, tokens: &[TokenTree], at: usize) {
        let calls = is_punct(tokens, at + 2, '!')
            && matches!(tokens.get(at + 3), Some(TokenTree::Group(_)));
        if calls {
            let why = "which macro is called has to stand where it is called";
            self.add(&tokens[at], format!("$…!: {why}"));
        }
    }

    /// `impl PartialEq for Answer`: who says when two answers are the same says when a test passes. Types of his own a
    /// student may compare as he likes.
    fn comparison(&mut self, tokens: &[TokenTree]) {
        let is_word = |at: usize, word: &str| matches!(tokens.get(at), Some(TokenTree::Ident(ident)) if ident == word);
        let is_body = |token: &TokenTree| matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace);
        let end = tokens.iter().position(is_body).unwrap_or(tokens.len());
        // Not that of `for<'a> Fn(&'a u8)`.
        let Some(at) = (1..end).find(|&at| is_word(at, "for") && !is_punct(tokens, at + 1, '<'))
        else {
            return;
        };
        let mut depth = 0;
        let name = (0..at).rev().find(|&i| {
            depth += i32::from(is_punct(tokens, i, '>')) - i32::from(is_punct(tokens, i, '<'));
            depth == 0 && matches!(tokens[i], TokenTree::Ident(_))
        });
        let Some(name) = name.filter(|&name| COMPARISONS.iter().any(|word| is_word(name, word)))
        else {
            return;
        };
        let generics = (at..end)
            .find(|&i| is_punct(tokens, i, '<') || is_word(i, "where"))
            .unwrap_or(end);
        let compared = tokens[generics - 1].to_string();
        let is_macro = tokens[at..generics]
            .iter()
            .any(|token| token.to_string() == "$");
        if name + 1 < at || is_macro || self.declared.contains(&compared) {
            let why = "what counts as the same is not for a solution to say; derive it";
            self.add(
                &tokens[0],
                format!("impl {} for {compared}: {why}", tokens[name]),
            );
        }
    }

    fn add(&mut self, token: &TokenTree, what: String) {
        self.found.insert(Finding {
            line: token.span().start().line,
            what,
            is_refused: true,
        });
    }
}

fn is_punct(tokens: &[TokenTree], at: usize, expected: char) -> bool {
    matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == expected)
}

#[cfg(test)]
mod tests {
    use super::super::AnswerKey;
    use super::*;
    use crate::workspace::Workspace;

    /// Checks that `text` is refused for something at line 1 that begins so.
    #[track_caller]
    fn refused(text: &str, what: &str) {
        let findings = scan(text.as_bytes(), "");
        let start = format!("1: {what}");
        assert!(
            findings
                .refused
                .iter()
                .any(|finding| finding.starts_with(&start)),
            "{text}: {findings:?}"
        );
    }

    #[test]
    fn what_reaches_out_is_refused() {
        refused("fn f() { std::process::exit(0) }", "std::process");
        refused("use std::process as p;", "std::process");
        refused(
            "fn f() { std::fs::write(\"results.json\", \"\"); }",
            "std::fs",
        );
        refused(
            "fn f() { std::fs::read(\"tests/graded/a.rs\"); }",
            "std::fs",
        );
        refused(
            "fn f() { std::io::stdout().write_all(b\"test a ... ok\"); }",
            "stdout",
        );
        refused("fn f() { std::thread::spawn(|| loop {}); }", "std::thread");
        refused("fn f() { std::env::vars(); }", "std::env");
        refused("fn f() { unsafe { g() } }", "unsafe");
        refused("static S: &str = include_str!(\"../a.rs\");", "include_str");
        refused("use core::include as i;", "include");
        refused("#[path = \"/etc/passwd\"] mod m;", "#[path]");
        refused("extern \"C\" { fn exit(code: i32) -> !; }", "extern");
        refused("fn f() { core::arch::asm!(\"nop\"); }", "asm");
        refused("fn f() { std::panic::set_hook(g) }", "set_hook");
        refused(
            "macro_rules! m { () => { std::process::abort() } }",
            "std::process",
        );
    }

    #[test]
    fn attributes_are_refused_but_for_a_few() {
        refused("#![no_main]", "#![no_main]");
        refused("#![cfg_attr(all(), no_main)]", "#![cfg_attr]");
        refused("fn f() { #![allow(unused)] }", "#![allow]");
        refused("#[no_mangle] pub fn main() {}", "#[no_mangle]");
        refused("#[unsafe(no_mangle)] pub fn main() {}", "#[unsafe]");
        refused("#[cfg_attr(all(), path = \"x.rs\")] mod m;", "cfg_attr");
        refused(
            "#[global_allocator] static A: S = S;",
            "#[global_allocator]",
        );
        refused("#[proc_macro_derive(X)] fn f() {}", "#[proc_macro_derive]");
        refused(
            "#[serde(default = \"std::process::abort\")] struct S;",
            "#[serde]",
        );
        refused("#[ctor::ctor] fn f() {}", "#[ctor]");
    }

    #[test]
    fn macros_cannot_put_a_trick_together() {
        refused(
            "macro_rules! m { ($h:tt $_a:tt $b:tt) => { $h $b fn f() {} } } m!(# [inline] [no_mangle]);",
            "no_mangle",
        );
        refused("macro_rules! m { ($b:tt) => { # $b fn f() {} } }", "#:");
        refused("macro_rules! m { ($i:ident) => { $i!(\"x\") } }", "$…!");
        refused(
            "macro_rules! m { ($s:ident) => { std::$s::exit(0) } }",
            "std",
        );
    }

    #[test]
    fn what_is_no_source_text_is_refused() {
        assert_eq!(scan(b"fn f() {} // \xff", "").refused, ["it is not UTF-8"]);
        assert!(scan(b"fn f() { ( }", "").refused[0].contains("cannot be read as Rust"));
        let long = "// much\n".repeat(40_000);
        assert!(scan(long.as_bytes(), "").refused[0].contains("at most 262144"));
    }

    #[test]
    fn when_answers_are_the_same_is_not_for_a_solution_to_say() {
        let stub = "struct Answer<T>(T); mod m { enum Kind { A } }";
        let check = |text: &str, is_refused: bool| {
            let findings = scan(text.as_bytes(), stub).refused;
            assert_eq!(!findings.is_empty(), is_refused, "{text}: {findings:?}");
        };
        check(
            "impl<T> PartialEq for Answer<T> { fn eq(&self, _: &Self) -> bool { true } }",
            true,
        );
        check("impl std::cmp::PartialEq for m::Kind {}", true);
        check(
            "fn f() { impl<F: for<'a> Fn(&'a u8)> Ord for Answer<F> {} }",
            true,
        );
        check("struct Yes; impl PartialEq<Answer<u8>> for Yes {}", true);
        check(
            "macro_rules! m { ($t:ty) => { impl PartialEq for $t {} } }",
            true,
        );
        check(
            "struct Mine; impl Ord for Mine {} impl<T: PartialEq<u8>> From<T> for Mine {}",
            false,
        );
        check("impl<T> Answer<T> { fn f() { for x in 0..3 {} } }", false);
        check("fn f(x: impl PartialEq) { for i in 0..2 {} }", false);
    }

    #[test]
    fn what_was_handed_out_is_well() {
        let stub = "#![allow(dead_code)] struct S; impl PartialEq for S {}";
        assert_eq!(scan(stub.as_bytes(), stub), Findings::default());
        assert_eq!(scan(b"#![allow(unused)]", stub).refused, [""; 0]);
        assert_eq!(scan(b"#![no_main]", stub).refused.len(), 1);
    }

    #[test]
    fn habits_are_remarked_upon() {
        let findings = scan(
            b"use std::collections::HashMap;\nfn f() { println!(\"test a ... ok\"); }\n",
            "",
        );
        assert_eq!(findings.refused, [""; 0]);
        let remarks = findings.remarks;
        assert!(
            remarks[0].starts_with("1: HashMap") && remarks[1].starts_with("2: println!"),
            "{remarks:?}"
        );
    }

    #[test]
    fn honest_code_passes() {
        let text = r#"
            //! Not unsafe, no `include!`.
            use std::{cmp::Ordering, collections::BTreeMap};
            /// Says `#![no_main]`.
            #[derive(Clone, Debug, PartialEq)]
            #[must_use]
            pub struct S { #[serde(default)] used_bytes: u64 }
            impl S {
                #[inline]
                fn f(&self, env: u8) -> Result<(), String> {
                    let text = "std::process::exit(0)";
                    self.include(text).map_err(|e| format!("{e} {env}"))?;
                    assert!(self.used() < 3, "too much");
                    macro_rules! twice { ($e:expr) => { $e + $e } }
                    (0..twice!(2)).filter(|n| n % 2 != 0 && !(*n < 1)).count();
                    Ok(())
                }
            }
            #[cfg(test)]
            mod tests { #[test] fn t() {} }
        "#;
        assert_eq!(scan(text.as_bytes(), ""), Findings::default());
    }

    #[test]
    fn the_reference_passes() {
        let workspace = Workspace::load().unwrap();
        let key = AnswerKey::files_alone(&workspace).unwrap();
        for (path, stub) in key.files() {
            let contents = std::fs::read(workspace.root.join(path)).unwrap();
            let findings = scan(&contents, stub);
            assert_eq!(findings.refused, [""; 0], "{}", path.display());
        }
        assert!(key.files().count() > 10);
    }
}

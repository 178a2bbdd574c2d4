//! The suspects of the bug hunt: Rust that compiles and tells nothing.
//!
//! `exercises/bug-hunt/suspects/honest.rs` is a NameNode; each file beside it replaces functions of it by wrong ones. From
//! them this makes `bug-hunt/src/suspects/*.rs`: without comments, with meaningless names, functions in an order that
//! differs from file to file. That is no secret, only a fence: whoever climbs it knows the mistake, and still has no
//! invariant that sees it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::source;

/// Where the readable ones are.
const READABLE: &str = "exercises/bug-hunt/suspects";
/// The package that gets the others.
const PACKAGE: &str = "bug-hunt/src";
const LINE_MAX: usize = 100;

/// The opaque files with their texts; none where there are no readable ones, as in a handout.
pub(crate) fn expected(root: &Path) -> Result<BTreeMap<PathBuf, String>> {
    let mut expected = BTreeMap::new();
    let mut sources = BTreeMap::new();
    for file in source::rust_files(&root.join(READABLE))? {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        sources.insert(name.into_owned(), read(&file)?);
    }
    let Some(honest) = sources.remove("honest") else {
        return Ok(expected);
    };
    let known = known_names(root)?;
    let mut add = |name: &str, source: &str, seed: &str| -> Result<()> {
        let text = opaque(source, &known, seed).with_context(|| format!("{READABLE}/{seed}.rs"))?;
        let path = Path::new(PACKAGE).join("suspects").join(name);
        expected.insert(path.with_extension("rs"), text);
        Ok(())
    };
    add("honest", &honest, "honest")?;
    // The order of the letters tells nothing either.
    let mut broken: Vec<_> = sources.iter().collect();
    broken.sort_by_key(|(name, _)| hash(name));
    for (letter, (name, replacement)) in ('a'..='z').zip(broken) {
        let source =
            replaced(&honest, replacement).with_context(|| format!("{READABLE}/{name}.rs"))?;
        add(&letter.to_string(), &source, name)?;
    }
    Ok(expected)
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

/// All words of the package's readable sources: a suspect uses some of them, and they stay as they are.
fn known_names(root: &Path) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for file in source::rust_files(&root.join(PACKAGE))? {
        let ours = file.strip_prefix(root.join(PACKAGE)).unwrap_or(&file);
        if !ours.starts_with("suspects") && !ours.starts_with("invariants.rs") {
            let text = read(&file)?;
            words(tokens(&text)?, &mut names);
        }
    }
    Ok(names)
}

fn words(stream: TokenStream, names: &mut BTreeSet<String>) {
    for token in stream {
        match token {
            TokenTree::Group(group) => words(group.stream(), names),
            TokenTree::Ident(ident) => drop(names.insert(ident.to_string())),
            _ => {}
        }
    }
}

fn tokens(text: &str) -> Result<TokenStream> {
    text.parse().map_err(|error| anyhow!("{error}"))
}

/// `honest` with the methods that `replacement` has of the same type and name.
fn replaced(honest: &str, replacement: &str) -> Result<String> {
    let mut text = honest.to_owned();
    let wrong = methods(replacement)?;
    if wrong.is_empty() {
        bail!("it replaces no method");
    }
    for (name, range) in wrong {
        let at = methods(&text)?
            .remove(&name)
            .with_context(|| format!("honest.rs has no {name}"))?;
        text.replace_range(at, &replacement[range]);
    }
    Ok(text)
}

/// The methods of a text, by `Type::name`.
fn methods(text: &str) -> Result<BTreeMap<String, Range<usize>>> {
    let mut methods = BTreeMap::new();
    for item in syn::parse_file(text)?.items {
        let syn::Item::Impl(block) = item else {
            continue;
        };
        let owner = &text[block.self_ty.span().byte_range()];
        for item in &block.items {
            if let syn::ImplItem::Fn(method) = item {
                let name = format!("{owner}::{}", method.sig.ident);
                methods.insert(name, method.span().byte_range());
            }
        }
    }
    Ok(methods)
}

/// A text that means the same and tells less. Other seeds give other names and another order.
fn opaque(text: &str, known: &BTreeSet<String>, seed: &str) -> Result<String> {
    let file = syn::parse_file(text)?;
    let mut declared = Declared::default();
    declared.visit_file(&file);
    let mut names: Vec<&String> = declared.names.difference(known).collect();
    names.sort_by_key(|name| hash(&format!("{seed} {name}")));
    let rename = |(number, name): (usize, &String)| {
        let letter = if name.starts_with(char::is_uppercase) {
            'Q'
        } else {
            'q'
        };
        (name.clone(), format!("{letter}{number}"))
    };
    let renames = names.into_iter().cloned().collect::<Vec<_>>();
    let renames: BTreeMap<String, String> = renames.iter().enumerate().map(rename).collect();
    let mut printer = Printer {
        renames,
        members: declared.members,
        text: "// Made by `cargo course stubs`, to be hunted and not to be read.\n".to_owned(),
        column: 0,
        glue: true,
        after_dot: false,
    };
    printer.stream(tokens(&shuffled(text, &file, seed))?);
    printer.text.push('\n');
    Ok(printer.text)
}

/// The text with its items, and the methods of each type, in another order.
fn shuffled(text: &str, file: &syn::File, seed: &str) -> String {
    let mut imports = String::new();
    let mut items = Vec::new();
    for item in &file.items {
        let range = item.span().byte_range();
        match item {
            syn::Item::Use(_) => imports.push_str(&text[range]),
            syn::Item::Impl(block) => {
                let head = &text[range.start..block.brace_token.span.open().byte_range().end];
                let methods = block.items.iter();
                let methods = methods.map(|item| text[item.span().byte_range()].to_owned());
                items.push(format!(
                    "{head}\n{}\n}}",
                    in_order_of(methods.collect(), seed)
                ));
            }
            _ => items.push(text[range].to_owned()),
        }
    }
    format!("{imports}\n{}", in_order_of(items, seed))
}

fn in_order_of(mut pieces: Vec<String>, seed: &str) -> String {
    pieces.sort_by_key(|piece| hash(&format!("{seed} {piece}")));
    pieces.join("\n")
}

/// FNV-1a: the same on every machine, unlike the standard library's.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// What a file gives names to.
#[derive(Default)]
struct Declared {
    names: BTreeSet<String>,
    /// Those of them that may follow a dot: fields and methods.
    members: BTreeSet<String>,
}

impl<'ast> Visit<'ast> for Declared {
    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.names.insert(item.ident.to_string());
        visit::visit_item_struct(self, item);
    }

    fn visit_item_const(&mut self, item: &'ast syn::ItemConst) {
        self.names.insert(item.ident.to_string());
    }

    fn visit_field(&mut self, field: &'ast syn::Field) {
        let name = field.ident.iter().map(ToString::to_string);
        self.members.extend(name.clone());
        self.names.extend(name);
    }

    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        let name = signature.ident.to_string();
        self.members.insert(name.clone());
        self.names.insert(name);
        visit::visit_signature(self, signature);
    }

    fn visit_pat_ident(&mut self, pattern: &'ast syn::PatIdent) {
        let name = pattern.ident.to_string();
        // A pattern may name a variant: `None`.
        if !name.starts_with(char::is_uppercase) {
            self.names.insert(name);
        }
        visit::visit_pat_ident(self, pattern);
    }
}

/// Prints tokens with as little between them as may be.
struct Printer {
    renames: BTreeMap<String, String>,
    members: BTreeSet<String>,
    text: String,
    column: usize,
    /// The next token follows the last one without a blank.
    glue: bool,
    after_dot: bool,
}

impl Printer {
    fn stream(&mut self, stream: TokenStream) {
        let mut tokens = stream.into_iter().peekable();
        while let Some(token) = tokens.next() {
            if is_hash(&token) {
                // `#[doc = "…"]`, `#![doc = "…"]`: what a comment has become.
                let inner = tokens.next_if(|next| next.to_string() == "!").is_some();
                if tokens.next_if(is_doc).is_some() {
                    continue;
                }
                self.word(if inner { "#!" } else { "#" });
                continue;
            }
            self.token(token);
        }
    }

    fn token(&mut self, token: TokenTree) {
        match token {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                self.word(open);
                self.stream(group.stream());
                self.word(close);
            }
            TokenTree::Ident(ident) => {
                let name = ident.to_string();
                let ours = !self.after_dot || self.members.contains(&name);
                let new = self.renames.get(&name).filter(|_| ours).cloned();
                self.word(&new.unwrap_or(name));
            }
            TokenTree::Punct(punct) => {
                let alone = !self.glue && punct.spacing() == Spacing::Alone;
                self.word(&punct.as_char().to_string());
                self.glue = punct.spacing() == Spacing::Joint;
                // Not so the second dot of `..end`.
                self.after_dot = alone && punct.as_char() == '.';
            }
            TokenTree::Literal(literal) => self.word(&literal.to_string()),
        }
    }

    fn word(&mut self, word: &str) {
        let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '"';
        let apart = self.text.ends_with(is_word) && word.starts_with(is_word);
        // Between other tokens a blank could only matter to operators: `& &`, `- >`.
        let operators = self.text.ends_with(is_operator) && word.starts_with(is_operator);
        if !self.glue && self.column + word.len() > LINE_MAX {
            self.text.push('\n');
            self.column = 0;
        } else if !self.glue && (apart || operators) {
            self.text.push(' ');
            self.column += 1;
        }
        self.text.push_str(word);
        self.column += word.len();
        (self.glue, self.after_dot) = (false, false);
    }
}

fn is_operator(c: char) -> bool {
    "!#$%&'*+,-./:;<=>?@^|~".contains(c)
}

fn is_hash(token: &TokenTree) -> bool {
    token.to_string() == "#"
}

fn is_doc(token: &TokenTree) -> bool {
    token.to_string().replace(' ', "").starts_with("[doc=")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HONEST: &str = "
use std::fmt;
/// Counts what must not be counted.
#[derive(Default)]
struct Counter { counted: Vec<u32>, seen: u32 }
const MOST: u32 = 3;
impl Counter {
    /// The secret.
    fn count(&mut self, value: u32) -> bool {
        let counted = self.counted.iter().copied().count(); // why
        self.seen += 1;
        value < MOST && counted as u32 - -1 == self.seen
    }
    fn forget(&mut self) { self.counted.drain(..self.counted.len()); }
}
";

    #[test]
    fn names_and_comments_go_and_known_names_stay() {
        let known = BTreeSet::from(["value".to_owned()]);
        let text = opaque(HONEST, &known, "seed").unwrap();
        for gone in [
            "Counter", "counted", "seen", "MOST", "forget", "secret", "why",
        ] {
            assert!(!text.contains(gone), "{gone}: {text}");
        }
        for kept in [
            "value:u32",
            "Vec<u32>",
            ".iter().copied()",
            ".len()",
            ".drain(..",
        ] {
            assert!(text.contains(kept), "{kept}: {text}");
        }
        assert!(text.lines().all(|line| line.len() <= LINE_MAX));
        syn::parse_file(&text).unwrap();
        assert_eq!(text, opaque(HONEST, &known, "seed").unwrap());
        assert_ne!(text, opaque(HONEST, &known, "other").unwrap());
    }

    #[test]
    fn a_method_is_replaced_by_type_and_name() {
        let wrong = "impl Counter { fn forget(&mut self) { self.seen = 0; } }";
        let text = replaced(HONEST, wrong).unwrap();
        assert!(text.contains("self.seen = 0") && !text.contains("drain"));
        let unknown = replaced(HONEST, "impl Counter { fn remember(&self) {} }");
        assert!(
            unknown
                .unwrap_err()
                .to_string()
                .contains("Counter::remember")
        );
        assert!(replaced(HONEST, "fn forget() {}").is_err());
    }
}

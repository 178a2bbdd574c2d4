//! Reading the file of a variant.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path, PathBuf};

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::spanned::Spanned;

use super::{Function, Helper, HelperKind, Kind, Variant, shown};
use crate::catalogue::Exercise;
use crate::source::{params, type_name};

/// The lines above the code.
struct Header {
    about: String,
    caught_by: Vec<String>,
    replaces: Option<PathBuf>,
}

/// Reads a variant; fails with a sentence that has the file and the line.
pub(super) fn variant(
    kind: Kind,
    path: &Path,
    text: &str,
    exercises: &[&Exercise],
) -> Result<Variant, String> {
    let file = shown(path);
    let stem = path
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let (exercise, name) = exercise_of(&stem, exercises).ok_or_else(|| {
        let slugs: Vec<&str> = exercises.iter().map(|exercise| exercise.slug()).collect();
        format!(
            "{file}:1: a name is `EXERCISE-WHAT.rs`; {stem:?} begins with no exercise of this crate: {}",
            slugs.join(", ")
        )
    })?;
    let header = header(text);
    let fault = |message: &str| Err(format!("{file}:1: {message}"));
    if header.about.is_empty() {
        return fault(
            "the file must open with `//!` and a sentence on what is wrong, or different, in it",
        );
    }
    match kind {
        Kind::Wrong if header.caught_by.is_empty() => {
            return fault(
                "a wrong solution names the test that fails: `//! caught-by: module::test`",
            );
        }
        Kind::Right if !header.caught_by.is_empty() => {
            return fault(
                "`caught-by` stands in wrong solutions; no test may fail with a right one",
            );
        }
        _ => {}
    }
    let mut variant = Variant {
        kind,
        name: format!("{}/{name}", kind.name()),
        id: exercise.id.clone(),
        path: path.to_owned(),
        text: text.to_owned(),
        about: header.about,
        caught_by: header.caught_by,
        replaces: header.replaces,
        functions: Vec::new(),
        helpers: Vec::new(),
    };
    let unreadable = |span: Span, error: String| {
        format!(
            "{file}:{}: cannot be read as Rust: {error}",
            span.start().line
        )
    };
    let tokens: TokenStream = text
        .parse()
        .map_err(|error: proc_macro2::LexError| unreadable(error.span(), error.to_string()))?;
    let parsed: syn::File =
        syn::parse2(tokens).map_err(|error| unreadable(error.span(), error.to_string()))?;
    if variant.replaces.is_none() {
        for item in &parsed.items {
            add(&mut variant, item);
        }
    }
    Ok(variant)
}

/// The exercise whose slug, and the variant's own name, a file's name is made of; the longest slug that fits.
fn exercise_of<'a>(stem: &str, exercises: &[&'a Exercise]) -> Option<(&'a Exercise, String)> {
    let name = |exercise: &Exercise| {
        stem.strip_prefix(exercise.slug())?
            .strip_prefix('-')
            .map(str::to_owned)
    };
    let fitting = exercises
        .iter()
        .filter_map(|exercise| Some((*exercise, name(exercise)?)));
    fitting
        .filter(|(_, name)| !name.is_empty())
        .max_by_key(|(exercise, _)| exercise.slug().len())
}

/// The `//!` lines at the top: sentences, then `key: value`.
fn header(text: &str) -> Header {
    let (mut about, mut caught_by, mut replaces) = (Vec::new(), Vec::new(), None);
    for line in text
        .lines()
        .map_while(|line| line.strip_prefix("//!"))
        .map(str::trim)
    {
        if let Some(test) = line.strip_prefix("caught-by:") {
            caught_by.push(test.trim().to_owned());
        } else if let Some(file) = line.strip_prefix("replaces:") {
            replaces = Some(PathBuf::from(file.trim()));
            // What follows are the docs of the file itself.
            if !caught_by.is_empty() {
                break;
            }
        } else if replaces.is_none() && caught_by.is_empty() {
            about.push(line);
        }
    }
    Header {
        about: about.join(" ").trim().to_owned(),
        caught_by,
        replaces,
    }
}

fn add(variant: &mut Variant, item: &syn::Item) {
    let range = item.span().byte_range();
    let helper = |kind, names| Helper {
        kind,
        names,
        words: words(&variant.text, &range),
        range: range.clone(),
    };
    match item {
        syn::Item::Fn(item) => {
            let function = function(&variant.text, None, &item.sig, &item.block, range);
            variant.functions.push(function);
        }
        syn::Item::Impl(item) if !defines(variant, &item.self_ty) => {
            let owner = type_name(&item.self_ty);
            for item in &item.items {
                if let syn::ImplItem::Fn(item) = item {
                    let range = item.span().byte_range();
                    let function = function(
                        &variant.text,
                        owner.as_deref(),
                        &item.sig,
                        &item.block,
                        range,
                    );
                    variant.functions.push(function);
                }
            }
        }
        syn::Item::Impl(item) => {
            let helper = helper(
                HelperKind::Other,
                type_name(&item.self_ty).into_iter().collect(),
            );
            variant.helpers.push(helper);
        }
        syn::Item::Use(item) => {
            let mut names = Vec::new();
            imported(&item.tree, &mut names);
            let helper = helper(HelperKind::Import, names);
            variant.helpers.push(helper);
        }
        other => {
            let helper = helper(HelperKind::Other, item_name(other).into_iter().collect());
            variant.helpers.push(helper);
        }
    }
}

/// Whether the file itself defines this type, above.
fn defines(variant: &Variant, self_ty: &syn::Type) -> bool {
    let name = type_name(self_ty);
    (variant.helpers.iter()).any(|helper| {
        helper.kind == HelperKind::Other
            && name
                .as_ref()
                .is_some_and(|name| helper.names.contains(name))
    })
}

fn function(
    text: &str,
    owner: Option<&str>,
    sig: &syn::Signature,
    block: &syn::Block,
    range: Range<usize>,
) -> Function {
    let braces = block.brace_token.span;
    let inner = braces.open().byte_range().end..braces.close().byte_range().start;
    Function {
        name: match owner {
            Some(owner) => format!("{owner}::{}", sig.ident),
            None => sig.ident.to_string(),
        },
        params: params(sig),
        words: words(text, &inner),
        inner,
        range,
    }
}

/// Every identifier of a part of the text, those in strings included, since `format!("{limit}")` uses `limit`.
pub(super) fn words(text: &str, range: &Range<usize>) -> BTreeSet<String> {
    fn collect(tokens: TokenStream, words: &mut BTreeSet<String>) {
        for token in tokens {
            match token {
                TokenTree::Group(group) => collect(group.stream(), words),
                TokenTree::Ident(ident) => {
                    words.insert(ident.to_string());
                }
                TokenTree::Literal(literal) => {
                    let text = literal.to_string();
                    let parts = text.split(|c: char| !c.is_alphanumeric() && c != '_');
                    words.extend(parts.map(str::to_owned));
                }
                TokenTree::Punct(_) => {}
            }
        }
    }
    let mut all = BTreeSet::new();
    // What was parsed as a part of the file, parses again.
    collect(text[range.clone()].parse().unwrap_or_default(), &mut all);
    all
}

fn item_name(item: &syn::Item) -> Option<String> {
    let ident = match item {
        syn::Item::Const(item) => &item.ident,
        syn::Item::Enum(item) => &item.ident,
        syn::Item::Static(item) => &item.ident,
        syn::Item::Struct(item) => &item.ident,
        syn::Item::Trait(item) => &item.ident,
        syn::Item::Type(item) => &item.ident,
        syn::Item::Macro(item) => item.ident.as_ref()?,
        _ => return None,
    };
    Some(ident.to_string())
}

fn imported(tree: &syn::UseTree, names: &mut Vec<String>) {
    match tree {
        syn::UseTree::Path(path) => imported(&path.tree, names),
        syn::UseTree::Name(name) => names.push(name.ident.to_string()),
        syn::UseTree::Rename(rename) => names.push(rename.rename.to_string()),
        syn::UseTree::Group(group) => {
            for tree in &group.items {
                imported(tree, names);
            }
        }
        syn::UseTree::Glob(_) => {}
    }
}

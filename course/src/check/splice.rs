//! All solutions of a source file in one text.
//!
//! Each marked body becomes a `match` on what an environment variable chooses; the reference, the stub and every variant are
//! an arm each. So one build of a crate serves every run of its tests, where a build for each would take half an hour.

use std::path::PathBuf;

use super::modules;
use crate::source::{Body, SourceFile};
use crate::variants::{Function, HelperKind, Variant};

/// The variable that chooses: `hdfs/placement=wrong/same-rack,hdfs/read=stub`; `*=stub` is for all that are not named.
pub(super) const CHOICE: &str = "FAULTLINE_VARIANTS";

/// The module, added to the crate, that reads it.
pub(super) const MODULE: &str = r#"//! Which solution of each exercise runs; written by `cargo course check`.

use std::sync::OnceLock;

/// The place in `names` of what the environment chooses for an exercise; one past their end for the reference.
pub(crate) fn chosen(id: &str, names: &[&str]) -> usize {
    static CHOICES: OnceLock<Vec<(String, String)>> = OnceLock::new();
    let choices = CHOICES.get_or_init(|| {
        let choices = std::env::var("FAULTLINE_VARIANTS").unwrap_or_default();
        let pairs = choices.split(',').filter_map(|choice| choice.split_once('='));
        pairs.map(|(id, choice)| (id.to_owned(), choice.to_owned())).collect()
    });
    let of = |id: &str| choices.iter().find(|choice| choice.0 == id);
    let choice = of(id).or_else(|| of("*")).map_or("reference", |choice| &choice.1);
    names.iter().position(|name| *name == choice).unwrap_or(names.len())
}
"#;

/// The name of [`MODULE`].
pub(super) const MODULE_NAME: &str = "faultline_variants";

/// A text put together from others, that knows where its lines are from.
#[derive(Debug, Default)]
pub(super) struct Spliced {
    pub(super) text: String,
    /// The first line of each part, in ascending order, and its origin.
    origins: Vec<(usize, Origin)>,
    /// The line that is being written.
    line: usize,
}

/// Where a part of a text is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) path: PathBuf,
    /// The line there.
    pub(super) line: usize,
    /// The variant that it is of, by its place in the list, and its function.
    pub(super) variant: Option<(usize, String)>,
}

impl Spliced {
    /// The origin of a line of the text, from 1.
    pub(super) fn origin(&self, line: usize) -> Option<Origin> {
        let (first, origin) = self
            .origins
            .iter()
            .rev()
            .find(|(first, _)| *first <= line)?;
        Some(Origin {
            line: origin.line + line - first,
            ..origin.clone()
        })
    }

    fn push(&mut self, text: &str, origin: Option<Origin>) {
        if let Some(origin) = origin {
            self.origins.push((1 + self.line, origin));
        }
        self.line += text.matches('\n').count();
        self.text.push_str(text);
    }
}

/// The text of a source file with all that its marked bodies may be.
pub(super) fn splice(file: &SourceFile, variants: &[Variant]) -> Spliced {
    let mut out = Spliced::default();
    let line_at = |offset: usize| 1 + file.text[..offset].matches('\n').count();
    let here = |offset| {
        Some(Origin {
            path: file.path.clone(),
            line: line_at(offset),
            variant: None,
        })
    };
    let mut done = 0;
    for body in &file.bodies {
        out.push(&file.text[done..body.inner.start], here(done));
        let arms = arms(body, variants);
        let names: Vec<&str> = arms
            .iter()
            .map(|(_, variant)| variant.name.as_str())
            .collect();
        out.push(&choice(&body.id, &names), None);
        out.push(&stub(body), None);
        for (place, (index, variant)) in arms.into_iter().enumerate() {
            out.push(&format!("{} => {{\n", place + 1), None);
            match variant
                .functions
                .iter()
                .find(|function| function.name == body.name)
            {
                Some(function) => arm(&mut out, index, variant, function),
                None => out.push(&modules::call(index, body), call_of(index, variant, body)),
            }
            out.push("}\n", None);
        }
        out.push("_ => {", None);
        out.push(&file.text[body.inner.clone()], here(body.inner.start));
        out.push("}\n}\n", None);
        done = body.inner.end;
    }
    out.push(&file.text[done..], here(done));
    out
}

/// The variants of a body, with their places in the list.
fn arms<'a>(body: &Body, variants: &'a [Variant]) -> Vec<(usize, &'a Variant)> {
    let has = |variant: &Variant| {
        variant.replaces.is_some()
            || variant
                .functions
                .iter()
                .any(|function| function.name == body.name)
    };
    let variants = variants.iter().enumerate();
    variants
        .filter(|(_, variant)| variant.id == body.id && has(variant))
        .collect()
}

/// The head of the `match`. Bodies are called millions of times, so a name is looked up once.
fn choice(id: &str, names: &[&str]) -> String {
    let names: String = names.iter().map(|name| format!(", {name:?}")).collect();
    format!(
        "\nstatic FAULTLINE_CHOICE: std::sync::OnceLock<usize> = std::sync::OnceLock::new();\n\
         match *FAULTLINE_CHOICE.get_or_init(|| crate::{MODULE_NAME}::chosen({id:?}, &[\"stub\"{names}])) {{\n"
    )
}

fn stub(body: &Body) -> String {
    let params: String = body
        .params
        .iter()
        .map(|param| format!("{param}, "))
        .collect();
    let what = format!("{}: {}", body.id, body.intent);
    format!("0 => {{ let _ = ({params}); todo!(\"{{}}\", {what:?}) }}\n")
}

fn arm(out: &mut Spliced, index: usize, variant: &Variant, function: &Function) {
    let from = |offset: usize| {
        Some(Origin {
            path: variant.path.clone(),
            line: variant.line(offset),
            variant: Some((index, function.name.clone())),
        })
    };
    for helper in variant.helpers_of(function) {
        if helper.kind == HelperKind::Import && variant.is_nameless_import(helper) {
            // It may be for another function of the file.
            out.push("#[allow(unused_imports)]\n", None);
        }
        out.push(
            &variant.text[helper.range.clone()],
            from(helper.range.start),
        );
        out.push("\n", None);
    }
    out.push(
        &variant.text[function.inner.clone()],
        from(function.inner.start),
    );
}

/// An error in a call is the variant's, whose function is not as it should be.
fn call_of(index: usize, variant: &Variant, body: &Body) -> Option<Origin> {
    Some(Origin {
        path: variant.path.clone(),
        line: 1,
        variant: Some((index, body.name.clone())),
    })
}

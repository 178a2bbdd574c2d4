//! All solutions of a source file in one text.
//!
//! Each marked body becomes a `match` on what an environment variable chooses; the reference, the stub and every variant are
//! an arm each. So one build of a crate serves every run of its tests, where a build for each would take half an hour.

use std::path::PathBuf;

use crate::source::{Body, SourceFile};
use crate::variants::{Function, HelperKind, Variant};

/// The variable that chooses: `hdfs/placement=wrong/same-rack,hdfs/read=stub`; `*=stub` is for all that are not named.
pub(super) const CHOICE: &str = "FAULTLINE_VARIANTS";

/// The module, added to the crate, that reads it.
pub(super) const MODULE: &str = r#"//! Which solution of each exercise runs; written by `cargo course check`.

use std::sync::OnceLock;

/// The choice for an exercise, from the environment.
pub(crate) fn chosen(id: &str) -> &'static str {
    static CHOICES: OnceLock<Vec<(String, String)>> = OnceLock::new();
    let choices = CHOICES.get_or_init(|| {
        let choices = std::env::var("FAULTLINE_VARIANTS").unwrap_or_default();
        let pairs = choices.split(',').filter_map(|choice| choice.split_once('='));
        pairs.map(|(id, choice)| (id.to_owned(), choice.to_owned())).collect()
    });
    let of = |id: &str| choices.iter().find(|choice| choice.0 == id);
    of(id).or_else(|| of("*")).map_or("reference", |choice| &choice.1)
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
        let id = &body.id;
        out.push(
            &format!("\nmatch crate::{MODULE_NAME}::chosen({id:?}) {{\n"),
            None,
        );
        out.push(&stub(body), None);
        for (index, variant) in variants
            .iter()
            .enumerate()
            .filter(|(_, variant)| variant.id == *id)
        {
            if let Some(function) = variant
                .functions
                .iter()
                .find(|function| function.name == body.name)
            {
                arm(&mut out, index, variant, function);
            }
        }
        out.push("_ => {", None);
        out.push(&file.text[body.inner.clone()], here(body.inner.start));
        out.push("}\n}\n", None);
        done = body.inner.end;
    }
    out.push(&file.text[done..], here(done));
    out
}

fn stub(body: &Body) -> String {
    let params: String = body
        .params
        .iter()
        .map(|param| format!("{param}, "))
        .collect();
    let what = format!("{}: {}", body.id, body.intent);
    format!("\"stub\" => {{ let _ = ({params}); todo!(\"{{}}\", {what:?}) }}\n")
}

fn arm(out: &mut Spliced, index: usize, variant: &Variant, function: &Function) {
    let from = |offset: usize| {
        Some(Origin {
            path: variant.path.clone(),
            line: variant.line(offset),
            variant: Some((index, function.name.clone())),
        })
    };
    out.push(&format!("{:?} => {{\n", variant.name), None);
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
    out.push("}\n", None);
}

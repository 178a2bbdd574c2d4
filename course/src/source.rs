//! The marks in the reference's sources, and the stubs that are made from them.
//!
//! `// EXERCISE(hdfs/placement): intent`, as the first thing in a function, marks its body as what a student writes;
//! `// BEGIN SOLUTION` … `// END SOLUTION` are lines around what only the solution needs. A Rust parser says where
//! bodies are; what is replaced are ranges of bytes of the text, so everything else stays as it was, comments included.

mod functions;
mod stub;

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};

use functions::Function;
pub(crate) use functions::{params, type_name};
use stub::formatted;

const MARK: &str = "// EXERCISE(";
const BEGIN: &str = "// BEGIN SOLUTION";
const END: &str = "// END SOLUTION";

/// A source file of the reference with marks.
#[derive(Clone, Debug)]
pub(crate) struct SourceFile {
    /// From the workspace's root.
    pub(crate) path: PathBuf,
    pub(crate) text: String,
    /// The marked bodies, in the order of the text.
    pub(crate) bodies: Vec<Body>,
    /// What only the solution needs, in the order of the text.
    pub(crate) regions: Vec<Region>,
}

/// The body of a function that a student writes.
#[derive(Clone, Debug)]
pub(crate) struct Body {
    /// The exercise.
    pub(crate) id: String,
    /// What the mark says of it.
    pub(crate) intent: String,
    /// `f`, or `Type::f`.
    pub(crate) name: String,
    /// The bytes between the braces.
    pub(crate) inner: Range<usize>,
    /// The names that its parameters bind, `self` left out.
    pub(crate) params: Vec<String>,
}

/// Lines that only the solution needs.
#[derive(Clone, Debug)]
pub(crate) struct Region {
    /// The exercise.
    pub(crate) id: String,
    /// The bytes of its lines, markers included.
    pub(crate) range: Range<usize>,
}

impl SourceFile {
    /// Finds the marks of a file. `path` is from the workspace's root.
    ///
    /// # Errors
    /// When the text is no Rust, or a mark is not where it may be; with the line.
    pub(crate) fn parse(path: &Path, text: &str) -> Result<SourceFile> {
        let shown = path.to_string_lossy().replace('\\', "/");
        let parsed = functions::parse(text)
            .map_err(|(line, error)| anyhow!("{shown}:{line}: cannot be read as Rust: {error}"))?;
        let fail = |(offset, message): (usize, String)| {
            let line = 1 + text[..offset].matches('\n').count();
            anyhow!("{shown}:{line}: {message}")
        };
        let marks = lines(text)
            .filter(|line| !parsed.is_in_literal(line.start) && line.text.starts_with(MARK));
        let bodies: Vec<Body> = marks
            .map(|line| body(text, &line, &parsed.functions).map_err(fail))
            .collect::<Result<_>>()?;
        let regions = regions(text, &bodies, &parsed).map_err(fail)?;
        Ok(SourceFile {
            path: path.to_owned(),
            text: text.to_owned(),
            bodies,
            regions,
        })
    }

    /// The text as a student gets it, who has not done the exercises that `strip` names. Of the others he gets the
    /// reference's solution, without marks.
    ///
    /// # Errors
    /// When rustfmt is missing, or does not accept what is left.
    pub(crate) fn stubbed(&self, strip: &dyn Fn(&str) -> bool) -> Result<String> {
        stub::stubbed(self, strip)
    }

    /// The exercises that have marks here, each once.
    pub(crate) fn ids(&self) -> Vec<&str> {
        let mut ids: Vec<&str> = self.bodies.iter().map(|body| body.id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }
}

/// A function's text with its body marked, and that text alone, in its `impl` where it has one.
///
/// # Errors
/// When there is no such function, or its body cannot be left to a student.
pub(crate) fn with_mark(text: &str, name: &str, mark: &str) -> Result<(String, String)> {
    let parsed = functions::parse(text).map_err(|(line, error)| anyhow!("line {line}: {error}"))?;
    let function = (parsed.functions.iter())
        .find(|function| function.name == name)
        .with_context(|| format!("there is no function `{name}` in it"))?;
    if let Some(reason) = &function.unfit {
        bail!("`{name}` cannot be an exercise: {reason}");
    }
    let (before, after) = text.split_at(function.inner.start);
    let marked = format!("{before}\n{mark}\n{}", after.trim_start_matches('\n'));
    let alone = &text[function.whole.clone()];
    let alone = match name.split_once("::") {
        Some((owner, _)) => format!("impl {owner} {{\n{alone}\n}}\n"),
        None => format!("{alone}\n"),
    };
    Ok((formatted(&marked)?, formatted(&alone)?))
}

/// The files with marks below a package's `src`, in the order of their paths.
pub(crate) fn marked_files(root: &Path, package: &Path) -> Result<Vec<SourceFile>> {
    let mut marked = Vec::new();
    for file in rust_files(&package.join("src"))? {
        let text =
            fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        if lines(&text).any(|line| {
            [MARK, BEGIN, END]
                .iter()
                .any(|mark| line.text.starts_with(mark))
        }) {
            let source = SourceFile::parse(file.strip_prefix(root).unwrap_or(&file), &text)?;
            marked.push(source);
        }
    }
    Ok(marked)
}

/// Every `.rs` file below `dir`, in the order of their paths; none where there is no such directory.
pub(crate) fn rust_files(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut directories = vec![dir.to_owned()];
    while let Some(dir) = directories.pop() {
        if !dir.is_dir() {
            continue;
        }
        let entries =
            fs::read_dir(&dir).with_context(|| format!("cannot list {}", dir.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// A line of a text.
struct Line<'a> {
    /// Without the blanks around it.
    text: &'a str,
    /// Where `text` begins.
    start: usize,
    /// The whole line, with its end.
    range: Range<usize>,
}

fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    let mut next = 0;
    text.split_inclusive('\n').map(move |line| {
        let range = next..next + line.len();
        next = range.end;
        let indent = line.len() - line.trim_start().len();
        Line {
            text: line.trim(),
            start: range.start + indent,
            range,
        }
    })
}

/// A place in the text, and what is wrong there.
type Fault = (usize, String);

fn body(text: &str, line: &Line<'_>, functions: &[Function]) -> Result<Body, Fault> {
    let fault = |message: &str| (line.start, message.to_owned());
    let (id, intent) = line.text[MARK.len()..]
        .split_once("):")
        .ok_or_else(|| fault("a mark is `// EXERCISE(system/slug): what is to be done`"))?;
    let intent = intent.trim();
    if intent.is_empty() {
        return Err(fault("the mark does not say what is to be done"));
    }
    let is_first = |function: &&Function| {
        let inner = &text[function.inner.clone()];
        function.inner.start + inner.len() - inner.trim_start().len() == line.start
    };
    let function = functions.iter().find(is_first).ok_or_else(|| {
        fault("the mark is not the first thing in the body of a function (functions inside of macros do not count)")
    })?;
    if let Some(reason) = &function.unfit {
        return Err((
            line.start,
            format!("`{}` cannot be an exercise: {reason}", function.name),
        ));
    }
    Ok(Body {
        id: id.to_owned(),
        intent: intent.to_owned(),
        name: function.name.clone(),
        inner: function.inner.clone(),
        params: function.params.clone(),
    })
}

fn regions(text: &str, bodies: &[Body], parsed: &functions::Parsed) -> Result<Vec<Region>, Fault> {
    let mut regions = Vec::new();
    let mut open: Option<(usize, String, usize)> = None;
    for line in lines(text).filter(|line| !parsed.is_in_literal(line.start)) {
        if let Some(rest) = line.text.strip_prefix(BEGIN) {
            if open.is_some() {
                return Err((line.start, format!("`{BEGIN}` inside of another one")));
            }
            let id = region_id(rest, bodies).map_err(|message| (line.start, message))?;
            open = Some((line.range.start, id, line.start));
        } else if line.text == END {
            let (start, id, _) = open
                .take()
                .ok_or_else(|| (line.start, format!("`{END}` without a `{BEGIN}`")))?;
            regions.push(Region {
                id,
                range: start..line.range.end,
            });
        }
    }
    match open {
        Some((_, _, begin)) => Err((begin, format!("`{BEGIN}` without an `{END}`"))),
        None => Ok(regions),
    }
}

/// The exercise that a region belongs to: the one it names, else the only one of the file.
fn region_id(rest: &str, bodies: &[Body]) -> Result<String, String> {
    if let Some(id) = rest
        .strip_prefix('(')
        .and_then(|rest| rest.strip_suffix(')'))
    {
        return Ok(id.to_owned());
    }
    let mut ids: Vec<&str> = bodies.iter().map(|body| body.id.as_str()).collect();
    ids.dedup();
    match ids[..] {
        [id] if rest.is_empty() => Ok(id.to_owned()),
        [_] => Err(format!(
            "`{BEGIN}{rest}` is no mark; write `{BEGIN}` or `{BEGIN}(system/slug)`"
        )),
        _ => Err(format!(
            "this file has {} exercises, so the mark must name its own: `{BEGIN}(system/slug)`",
            ids.len()
        )),
    }
}

#[cfg(test)]
mod tests;

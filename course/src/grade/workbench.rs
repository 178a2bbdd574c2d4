//! The one workspace in which all submissions are built, one after the other: the reference's manifests, lock file, tests
//! and unmarked sources, with the student's files laid in.
//!
//! What a class shares is built once, and for each student only the packages that his files belong to. Cargo compares
//! times, so a file that differs from the student's before is written anew; one that says the same need not be.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::build::{self, CompilerMessage};
use crate::tree::{Tree, write_if_different};
use crate::workspace::Workspace;

/// The workspace.
pub(crate) struct Workbench<'a> {
    workspace: &'a Workspace,
    dir: PathBuf,
    /// Keeps a second `grade` from building here at the same time.
    _lock: File,
}

/// What to build.
#[derive(Clone, Copy, Debug)]
pub(crate) enum What<'a> {
    /// A test binary of the cores, without default features.
    Graded(&'a str),
    /// A test binary of the finished system, from outside.
    Outside(&'a str),
    /// The system's own program.
    Program,
}

/// How a build ended.
#[derive(Debug)]
pub(crate) enum Built {
    /// The program.
    Program(PathBuf),
    Failed(Errors),
}

/// Why something does not compile.
#[derive(Clone, Debug, Default)]
pub(crate) struct Errors {
    /// The compiler's words.
    pub(crate) text: String,
    /// The files that errors are in, from the workspace's root.
    pub(crate) files: BTreeSet<PathBuf>,
}

impl<'a> Workbench<'a> {
    /// Lays the reference out, with what `crates` need.
    ///
    /// # Errors
    /// When the workspace cannot be read, or the workbench not be written.
    pub(crate) fn open(workspace: &'a Workspace, crates: &[&str]) -> Result<Workbench<'a>> {
        let dir = workspace.target.join("grading");
        fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
        let lock = File::create(dir.join("lock")).context("cannot make a lock file")?;
        if lock.try_lock().is_err() {
            eprintln!("Waiting for another `cargo course grade` to end …");
            lock.lock().context("cannot lock the workbench")?;
        }
        let tree = Tree::of_packages(workspace, crates, "grading")?;
        let dir = dir.join("workspace");
        tree.write(&dir)?;
        Ok(Workbench {
            workspace,
            dir,
            _lock: lock,
        })
    }

    /// Lays a student's files in.
    pub(crate) fn lay(&self, files: &BTreeMap<PathBuf, String>) -> Result<()> {
        let mut files = files.iter();
        files.try_for_each(|(path, text)| write_if_different(&self.dir.join(path), text.as_bytes()))
    }

    /// Builds something of a package. Warnings are the student's own business.
    ///
    /// # Errors
    /// When cargo cannot be run, or says what nobody can make sense of.
    pub(crate) fn build(&self, package: &str, what: What<'_>) -> Result<Built> {
        let (name, args) = match what {
            What::Graded(binary) => (
                binary,
                &["test", "--no-run", "--no-default-features", "--test"][..],
            ),
            What::Outside(binary) => (binary, &["test", "--no-run", "--test"][..]),
            What::Program => (package, &["build", "--bin"][..]),
        };
        let args = [args, &[name, "--package", package]].concat();
        let built = build::cargo(self.workspace, &self.dir, &args)?;
        if built.succeeded {
            let program = built.program(name);
            return Ok(Built::Program(
                program.with_context(|| format!("cargo built no {name} of {package}"))?,
            ));
        }
        let mut errors = Errors::default();
        for error in (built.messages)
            .into_iter()
            .filter(|said| said.level.starts_with("error"))
        {
            errors.add(error, &self.dir);
        }
        if errors.text.is_empty() {
            bail!("cannot build {package}:\n{}", built.log);
        }
        Ok(Built::Failed(errors))
    }

    /// Builds something with the reference's files in place.
    ///
    /// # Errors
    /// When it does not compile.
    pub(crate) fn build_reference(&self, package: &str, what: What<'_>) -> Result<PathBuf> {
        match self.build(package, what)? {
            Built::Program(program) => Ok(program),
            Built::Failed(errors) => bail!("the reference does not compile:\n{}", errors.text),
        }
    }
}

impl Errors {
    fn add(&mut self, error: CompilerMessage, dir: &Path) {
        let spans = error.spans.into_iter().filter(|span| span.is_primary);
        let files = spans.map(|span| span.file_name);
        self.files
            .extend(files.map(|file| file.strip_prefix(dir).map(Path::to_owned).unwrap_or(file)));
        let rendered = error.rendered.unwrap_or_default();
        if !self.text.contains(&rendered) {
            self.text += &rendered;
        }
    }
}

//! The one workspace in which all submissions are built, one after the other: the reference's manifests, lock file, tests
//! and unmarked sources, with the student's files laid in.
//!
//! What a class shares is built once, and for each student only the packages that his files belong to. Cargo compares
//! times, so a file that differs from the student's before is written anew; one that says the same need not be.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::process;
use crate::tree::{Tree, write_if_different};
use crate::workspace::{self, Workspace};

/// How long a build may take. The first one of all compiles every dependency.
const BUILD_MAX: Duration = Duration::from_secs(1800);

/// The workspace.
pub(crate) struct Workbench {
    dir: PathBuf,
    target: PathBuf,
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

impl Workbench {
    /// Lays the reference out, with what `crates` need.
    ///
    /// # Errors
    /// When the workspace cannot be read, or the workbench not be written.
    pub(crate) fn open(workspace: &Workspace, crates: &[&str]) -> Result<Workbench> {
        let dir = workspace.target.join("grading");
        fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
        let lock = File::create(dir.join("lock")).context("cannot make a lock file")?;
        if lock.try_lock().is_err() {
            eprintln!("Waiting for another `cargo course grade` to end …");
            lock.lock().context("cannot lock the workbench")?;
        }
        let mut tree = Tree::load(&workspace.root)?;
        tree.keep_packages(workspace, crates, "grading")?;
        let is_beside = |path: &Path| {
            ["exercises", "book", ".ci", ".github"]
                .iter()
                .any(|dir| path.starts_with(dir))
        };
        tree.retain(|path| !is_beside(path));
        let dir = dir.join("workspace");
        tree.write(&dir)?;
        Ok(Workbench {
            dir,
            target: workspace.target.clone(),
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
        let mut command = workspace::cargo();
        match what {
            What::Graded(binary) => command.args([
                "test",
                "--no-run",
                "--no-default-features",
                "--test",
                binary,
            ]),
            What::Outside(binary) => command.args(["test", "--no-run", "--test", binary]),
            What::Program => command.args(["build", "--bin", package]),
        };
        let mut child = command
            .args(["--package", package, "--offline", "--message-format=json"])
            .env("CARGO_TARGET_DIR", &self.target)
            .current_dir(&self.dir)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot run cargo")?;
        let messages = self.messages(&mut child)?;
        let name = match what {
            What::Graded(binary) | What::Outside(binary) => binary,
            What::Program => package,
        };
        if messages.succeeded {
            let built = messages
                .artifacts
                .into_iter()
                .rev()
                .find(|(target, _)| target == name);
            let (_, program) =
                built.with_context(|| format!("cargo built no {name} of {package}"))?;
            return Ok(Built::Program(program));
        }
        if messages.errors.text.is_empty() {
            bail!("cannot build {package}:\n{}", messages.log);
        }
        Ok(Built::Failed(messages.errors))
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

    /// Waits for cargo, for as long as a build may take.
    fn messages(&self, child: &mut Child) -> Result<Messages> {
        let (sender, receiver) = mpsc::channel();
        let (stdout, stderr) = (
            child.stdout.take().context("no output")?,
            child.stderr.take().context("no output")?,
        );
        let log = thread::spawn(move || {
            let mut log = String::new();
            let _ = BufReader::new(stderr).read_to_string(&mut log);
            log
        });
        let dir = self.dir.clone();
        thread::spawn(move || {
            let mut messages = Messages::default();
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                messages.add(&line, &dir);
            }
            // Nobody waits any more once the time is over.
            let _ = sender.send(messages);
        });
        let Ok(mut messages) = receiver.recv_timeout(BUILD_MAX) else {
            process::kill(child);
            bail!("a build has not ended after {BUILD_MAX:?}");
        };
        messages.succeeded = child.wait().context("cannot wait for cargo")?.success();
        messages.log = log.join().unwrap_or_default();
        Ok(messages)
    }
}

/// What cargo said.
#[derive(Default)]
struct Messages {
    succeeded: bool,
    /// Programs, by the name of their target.
    artifacts: Vec<(String, PathBuf)>,
    errors: Errors,
    log: String,
}

/// A line of cargo's, as far as it is used.
#[derive(Deserialize)]
struct Message {
    message: Option<Diagnostic>,
    target: Option<Target>,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

#[derive(Deserialize)]
struct Diagnostic {
    level: String,
    rendered: Option<String>,
    spans: Vec<Span>,
}

#[derive(Deserialize)]
struct Span {
    file_name: PathBuf,
    is_primary: bool,
}

impl Messages {
    fn add(&mut self, line: &str, dir: &Path) {
        // What a build script prints is no message of cargo's.
        let Ok(message) = serde_json::from_str::<Message>(line) else {
            return;
        };
        if let (Some(target), Some(executable)) = (message.target, message.executable) {
            self.artifacts.push((target.name, executable));
        }
        let Some(diagnostic) = message
            .message
            .filter(|diagnostic| diagnostic.level.starts_with("error"))
        else {
            return;
        };
        let spans = diagnostic.spans.into_iter().filter(|span| span.is_primary);
        let files = spans.map(|span| span.file_name);
        self.errors
            .files
            .extend(files.map(|file| file.strip_prefix(dir).map(Path::to_owned).unwrap_or(file)));
        let rendered = diagnostic.rendered.unwrap_or_default();
        if !self.errors.text.contains(&rendered) {
            self.errors.text += &rendered;
        }
    }
}

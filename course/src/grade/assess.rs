//! One submission, from its files to its points.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Instant;

use anyhow::{Result, bail};

use super::answer_key::{AnswerKey, Crate, Graded};
use super::handed_out;
use super::result::{
    CrateResult, ExerciseResult, Fate, FileResult, Status, SubmissionResult, TestResult,
};
use super::scan;
use super::submission::{Found, Submission};
use super::tests::{self, Binary, Settings};
use super::workbench::{Built, Errors, What, Workbench};
use crate::handout;
use crate::student::{MARKER, Marker};
use crate::tree::Tree;
use crate::workspace::Workspace;

/// How often files that do not compile are put aside before a package is given up.
const TRIES: usize = 4;

/// Grades submissions against a key.
pub(crate) struct Grader<'a> {
    workspace: &'a Workspace,
    key: &'a AnswerKey,
    settings: Settings,
    workbench: Workbench<'a>,
    /// The reference, and handouts by their markers: to tell what a student changed.
    reference: Tree,
    handouts: BTreeMap<String, Tree>,
    /// The reference's tests of real processes, by package and binary.
    outside: BTreeMap<(String, String), PathBuf>,
    /// What was built last of each package, and from which texts: students who did not touch it share it.
    built: BTreeMap<String, (BTreeMap<PathBuf, String>, Rc<Binary>)>,
}

/// A package's files as they are built: some of them stubs by now.
struct Laid<'a> {
    krate: &'a Crate,
    texts: BTreeMap<PathBuf, String>,
    /// What the compiler said when each was as handed in.
    errors: String,
    /// Files that were put aside because of that.
    put_aside: BTreeSet<PathBuf>,
}

impl<'a> Grader<'a> {
    /// Lays the workbench out, and builds what all submissions share.
    ///
    /// # Errors
    /// When the reference does not build.
    pub(crate) fn new(
        workspace: &'a Workspace,
        key: &'a AnswerKey,
        settings: Settings,
    ) -> Result<Grader<'a>> {
        let crates: Vec<&str> = key.crates.iter().map(|krate| krate.name.as_str()).collect();
        let workbench = Workbench::open(workspace, &crates)?;
        let mut outside = BTreeMap::new();
        for Graded { exercise, .. } in &key.exercises {
            let name = (exercise.krate.clone(), exercise.binary.clone());
            if exercise.has_marks() || outside.contains_key(&name) {
                continue;
            }
            let tests =
                workbench.build_reference(&exercise.krate, What::Outside(&exercise.binary))?;
            if let Some(test) = &exercise.prerequisite {
                // It starts no program of anybody's.
                let ran =
                    Binary::outside(&tests, &tests)?.run(std::slice::from_ref(test), settings)?;
                if let Some(failed) = ran.iter().find(|test| test.status != Status::Ok) {
                    bail!(
                        "{} cannot be graded on this machine, so nothing is (--no-processes leaves it out): {}",
                        exercise.id,
                        failed.message
                    );
                }
            }
            outside.insert(name, tests);
        }
        Ok(Grader {
            workspace,
            key,
            settings,
            workbench,
            reference: Tree::load(&workspace.root)?,
            handouts: BTreeMap::new(),
            outside,
            built: BTreeMap::new(),
        })
    }

    /// Grades one submission.
    ///
    /// # Errors
    /// When it cannot be read, or something that is not its fault goes wrong.
    pub(crate) fn grade(&mut self, path: &Path) -> Result<SubmissionResult> {
        let started = Instant::now();
        let wanted: Vec<&Path> = self.key.files().map(|(path, _)| path.as_path()).collect();
        let submission = Submission::open(path, &wanted)?;
        eprintln!("{} …", submission.name);
        let (mut files, mut crates, mut exercises) = (Vec::new(), Vec::new(), Vec::new());
        let key = self.key;
        for krate in &key.crates {
            let (mut laid, mut fates) = lay(krate, &submission)?;
            let binary = self.build(&mut laid)?;
            for file in fates
                .iter_mut()
                .filter(|file| laid.put_aside.contains(Path::new(&file.path)))
            {
                file.fate = Fate::DoesNotCompile;
            }
            for graded in key.of_crate(&krate.name) {
                let results = match &binary {
                    Err(errors) => not_built(&graded.tests, &errors.text),
                    Ok(binary) if graded.exercise.has_marks() => {
                        binary.run(&graded.tests, self.settings)?
                    }
                    Ok(_) => self.outside(graded)?,
                };
                exercises.push(exercise(graded, results));
            }
            crates.push(CrateResult {
                name: krate.name.clone(),
                compiles: laid.errors.is_empty(),
                errors: tests::readable(&laid.errors),
            });
            files.extend(fates);
        }
        Ok(SubmissionResult {
            name: submission.name.clone(),
            points: exercises.iter().map(|exercise| exercise.points).sum(),
            points_max: exercises
                .iter()
                .filter(|e| !e.optional)
                .map(|e| e.points_max)
                .sum(),
            crates,
            exercises,
            files,
            ignored: self.ignored(&submission)?,
            seconds: started.elapsed().as_secs_f64(),
        })
    }

    /// Builds a package's graded tests. Files with errors in them are put aside, so that the others are graded: what they
    /// hold counts as untouched then. The error is what the compiler said when that did not help.
    fn build(&mut self, laid: &mut Laid<'_>) -> Result<Result<Rc<Binary>, Errors>> {
        let mut last = Errors::default();
        for _ in 0..TRIES {
            last = match self.build_once(&laid.krate.name, &laid.texts)? {
                Ok(binary) => return Ok(Ok(binary)),
                Err(errors) => errors,
            };
            laid.errors += &last.text;
            let mut changed = false;
            for file in &last.files {
                let stub = laid.krate.files.get(file);
                if let (Some(stub), Some(text)) = (stub, laid.texts.get_mut(file))
                    && text != stub
                {
                    text.clone_from(stub);
                    laid.put_aside.insert(file.clone());
                    changed = true;
                }
            }
            if !changed {
                break;
            }
        }
        Ok(Err(last))
    }

    fn build_once(
        &mut self,
        name: &str,
        texts: &BTreeMap<PathBuf, String>,
    ) -> Result<Result<Rc<Binary>, Errors>> {
        self.workbench.lay(texts)?;
        if let Some((_, binary)) = self.built.get(name).filter(|(built, _)| built == texts) {
            return Ok(Ok(Rc::clone(binary)));
        }
        let program = match self.workbench.build(name, What::Graded("graded"))? {
            Built::Program(program) => program,
            Built::Failed(errors) => return Ok(Err(errors)),
        };
        let binary = Rc::new(Binary::graded(&program)?);
        let built = (texts.clone(), Rc::clone(&binary));
        self.built.insert(name.to_owned(), built);
        Ok(Ok(binary))
    }

    /// Runs the reference's tests of real processes on the student's program.
    fn outside(&self, graded: &Graded) -> Result<Vec<TestResult>> {
        let exercise = &graded.exercise;
        let program = match self.workbench.build(&exercise.krate, What::Program)? {
            Built::Program(program) => program,
            Built::Failed(errors) => return Ok(not_built(&graded.tests, &errors.text)),
        };
        let name = (exercise.krate.clone(), exercise.binary.clone());
        let Some(tests) = self.outside.get(&name) else {
            return Ok(not_built(&graded.tests, "its tests were not built"));
        };
        Binary::outside(tests, &program)?.run(&graded.tests, self.settings)
    }

    /// The files of a submission that are not taken, and not as they were handed out.
    fn ignored(&mut self, submission: &Submission) -> Result<Vec<String>> {
        let taken: BTreeSet<&Path> = self.key.files().map(|(path, _)| path.as_path()).collect();
        let others: Vec<(&Path, &Path)> = (submission.files())
            .filter(|(path, _)| !taken.contains(path))
            .collect();
        // Its own repository knows best what was handed out, maybe long ago.
        if let Some(unchanged) = handed_out::unchanged(&submission.root, &others) {
            let others = submission.paths().filter(|path| !taken.contains(path));
            return Ok(others
                .filter(|path| !unchanged.contains(*path))
                .map(shown)
                .collect());
        }
        self.know_handout(submission)?;
        let handout = self
            .handouts
            .get(&marker(submission)?)
            .unwrap_or(&self.reference);
        let mut ignored = Vec::new();
        for path in submission.paths().filter(|path| !taken.contains(path)) {
            let is_as_handed_out = matches!(
                (submission.get(path)?, handout.get(path)),
                (Found::Contents(own), Some(handed_out)) if own == handed_out
            );
            if !is_as_handed_out {
                ignored.push(shown(path));
            }
        }
        Ok(ignored)
    }

    /// Makes the handout that a submission says it was made from. Where it says none, or none that there is here, its files
    /// are compared with the reference's.
    fn know_handout(&mut self, submission: &Submission) -> Result<()> {
        let text = marker(submission)?;
        if text.is_empty() || self.handouts.contains_key(&text) {
            return Ok(());
        }
        let marker = toml::from_str::<Marker>(&text).map_err(anyhow::Error::from);
        match marker.and_then(|marker| handout::handed_out(&marker, self.workspace)) {
            Ok(tree) => drop(self.handouts.insert(text, tree)),
            Err(error) => eprintln!(
                "{}: its {MARKER} says nothing of use: {error:#}",
                submission.name
            ),
        }
        Ok(())
    }
}

/// A path as it is shown on every system.
fn shown(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "/")
}

/// The marker of the handout that a submission was made from; empty where it has none.
fn marker(submission: &Submission) -> Result<String> {
    Ok(match submission.get(Path::new(MARKER))? {
        Found::Contents(contents) => String::from_utf8(contents).unwrap_or_default(),
        _ => String::new(),
    })
}

/// A package's files out of a submission, with stubs for those that are not taken; and what became of each.
fn lay<'k>(krate: &'k Crate, submission: &Submission) -> Result<(Laid<'k>, Vec<FileResult>)> {
    let mut texts = BTreeMap::new();
    let mut fates = Vec::new();
    for (path, stub) in &krate.files {
        let (mut fate, mut reasons, mut remarks) = (Fate::Missing, Vec::new(), Vec::new());
        let mut text = stub.clone();
        match submission.get(path)? {
            Found::Missing => {}
            Found::Unusable(why) => (fate, reasons) = (Fate::Refused, vec![why]),
            Found::Contents(contents) => {
                let findings = scan::scan(&contents, stub);
                (reasons, remarks) = (findings.refused, findings.remarks);
                match String::from_utf8(contents) {
                    Ok(own) if reasons.is_empty() => (fate, text) = (Fate::Taken, own),
                    _ => fate = Fate::Refused,
                }
            }
        }
        texts.insert(path.clone(), text);
        fates.push(FileResult {
            path: shown(path),
            fate,
            reasons,
            remarks,
        });
    }
    let laid = Laid {
        krate,
        texts,
        errors: String::new(),
        put_aside: BTreeSet::new(),
    };
    Ok((laid, fates))
}

/// The results of tests of what does not compile.
fn not_built(names: &[String], errors: &str) -> Vec<TestResult> {
    let result = |name: &String| TestResult {
        name: name.clone(),
        status: Status::NotBuilt,
        message: tests::readable(errors),
        milliseconds: 0,
    };
    names.iter().map(result).collect()
}

/// An exercise with its points: each test is worth the same.
fn exercise(graded: &Graded, tests: Vec<TestResult>) -> ExerciseResult {
    let exercise = &graded.exercise;
    let mut result = ExerciseResult {
        id: exercise.id.clone(),
        title: exercise.title.clone(),
        krate: exercise.krate.clone(),
        command: exercise.test_command(),
        optional: exercise.optional,
        points: 0.0,
        points_max: exercise.points,
        tests,
    };
    let share = |part: usize| u32::try_from(part).map_or(0.0, f64::from);
    result.points =
        f64::from(exercise.points) * share(result.passed()) / share(result.tests.len()).max(1.0);
    result
}

//! What grading found out: the terms of every output.

use serde::Serialize;

/// How a test ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    Ok,
    /// An assertion of the test, or a panic of the student's code.
    Failed,
    /// It came to a body that is still a stub.
    Todo,
    /// It did not end within its time.
    Timeout,
    /// Its process ended before the test did: by an abort, a stack overflow, an exit.
    Crashed,
    /// What it would have tested does not compile.
    NotBuilt,
}

/// A test of a submission.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct TestResult {
    /// Its full name: `placement::the_second_replica_is_on_another_rack`.
    pub(crate) name: String,
    pub(crate) status: Status,
    /// Why, in the test's own words; empty where it is ok.
    pub(crate) message: String,
    pub(crate) milliseconds: u64,
}

/// An exercise of a submission.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ExerciseResult {
    pub(crate) id: String,
    pub(crate) title: String,
    #[serde(rename = "crate")]
    pub(crate) krate: String,
    /// The command that runs its tests.
    pub(crate) command: String,
    /// Its points are a bonus: not counted in what can be had.
    pub(crate) optional: bool,
    pub(crate) points: f64,
    pub(crate) points_max: u32,
    pub(crate) tests: Vec<TestResult>,
}

impl ExerciseResult {
    /// How many of its tests are ok.
    pub(crate) fn passed(&self) -> usize {
        self.tests
            .iter()
            .filter(|test| test.status == Status::Ok)
            .count()
    }
}

/// What became of one of the files that exercises are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fate {
    Taken,
    /// Not handed in.
    Missing,
    /// It may not be compiled and run.
    Refused,
    /// The compiler found errors in it.
    DoesNotCompile,
}

/// One of the files that exercises are about. What is not taken is graded as untouched.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct FileResult {
    pub(crate) path: String,
    pub(crate) fate: Fate,
    /// Why, a finding a line: `line: what: why`.
    pub(crate) reasons: Vec<String>,
    /// What costs nothing, and an instructor may want to see.
    pub(crate) remarks: Vec<String>,
}

/// A package of a submission.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct CrateResult {
    pub(crate) name: String,
    /// Whether it compiles as handed in.
    pub(crate) compiles: bool,
    /// What the compiler said; paths are from the workspace's root.
    pub(crate) errors: String,
}

/// A graded submission.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SubmissionResult {
    pub(crate) name: String,
    pub(crate) points: f64,
    pub(crate) points_max: u32,
    pub(crate) crates: Vec<CrateResult>,
    pub(crate) exercises: Vec<ExerciseResult>,
    pub(crate) files: Vec<FileResult>,
    /// Other files that are not as they were handed out. Nothing of them is used.
    pub(crate) ignored: Vec<String>,
    pub(crate) seconds: f64,
}

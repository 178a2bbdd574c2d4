//! GitHub Classroom's result of a test runner, as its reporter (`classroom-resources/autograding-grading-reporter`) reads
//! it: there in base64, as the output `result` of the step that ran the tests.

use serde::Serialize;

use super::gradescope::explanation;
use super::result::{ExerciseResult, SubmissionResult};

/// What the reporter reads.
#[derive(Serialize)]
pub(crate) struct ClassroomResult {
    version: u32,
    /// `pass` or `fail`.
    status: &'static str,
    max_score: u32,
    tests: Vec<Test>,
}

#[derive(Serialize)]
struct Test {
    name: String,
    status: &'static str,
    score: f64,
    message: Option<String>,
    /// The command that repeats it.
    test_code: String,
    filename: String,
    line_no: u32,
    /// Milliseconds.
    duration: u64,
}

/// The result of one submission: an entry for each exercise.
pub(crate) fn result(result: &SubmissionResult) -> ClassroomResult {
    let tests: Vec<Test> = result.exercises.iter().map(test).collect();
    // A bonus that somebody left out is no failure.
    let required = result
        .exercises
        .iter()
        .filter(|exercise| !exercise.optional);
    ClassroomResult {
        version: 1,
        status: status(required.into_iter().all(is_passed)),
        max_score: result.points_max,
        tests,
    }
}

fn test(exercise: &ExerciseResult) -> Test {
    let is_passed = is_passed(exercise);
    Test {
        name: format!("{} ({})", exercise.title, exercise.id),
        status: status(is_passed),
        score: (exercise.points * 100.0).round() / 100.0,
        message: (!is_passed).then(|| explanation(exercise)),
        test_code: exercise.command.clone(),
        filename: String::new(),
        line_no: 0,
        duration: exercise.tests.iter().map(|test| test.milliseconds).sum(),
    }
}

fn is_passed(exercise: &ExerciseResult) -> bool {
    exercise.passed() == exercise.tests.len()
}

fn status(is_passed: bool) -> &'static str {
    if is_passed { "pass" } else { "fail" }
}

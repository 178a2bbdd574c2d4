//! Gradescope's `results.json`: one entry for each exercise. The format is described in its documentation of
//! autograders, under "Output Format".

use serde::Serialize;

use super::result::{ExerciseResult, Fate, Status, SubmissionResult};
use super::table::points;

/// What Gradescope reads.
#[derive(Serialize)]
pub(crate) struct Results {
    score: f64,
    /// Seconds.
    execution_time: f64,
    /// Shown above the tests.
    output: String,
    output_format: &'static str,
    visibility: &'static str,
    /// What the autograder itself prints is for the instructor.
    stdout_visibility: &'static str,
    tests: Vec<Test>,
}

#[derive(Serialize)]
struct Test {
    name: String,
    number: String,
    score: f64,
    /// 0 for a bonus: what is had above it raises the score.
    max_score: u32,
    status: &'static str,
    output: String,
    output_format: &'static str,
    visibility: &'static str,
    tags: Vec<String>,
}

/// The result of one submission.
pub(crate) fn results(result: &SubmissionResult) -> Results {
    let exercises = result.exercises.iter().enumerate();
    Results {
        score: rounded(result.points),
        execution_time: rounded(result.seconds),
        output: output(result),
        output_format: "text",
        visibility: "visible",
        stdout_visibility: "hidden",
        tests: exercises
            .map(|(index, exercise)| test(index + 1, exercise))
            .collect(),
    }
}

fn test(number: usize, exercise: &ExerciseResult) -> Test {
    let bonus = if exercise.optional {
        format!(", a bonus of up to {}", exercise.points_max)
    } else {
        String::new()
    };
    Test {
        name: format!("{} ({}{bonus})", exercise.title, exercise.id),
        number: number.to_string(),
        score: rounded(exercise.points),
        max_score: if exercise.optional {
            0
        } else {
            exercise.points_max
        },
        status: if exercise.passed() == exercise.tests.len() {
            "passed"
        } else {
            "failed"
        },
        output: explanation(exercise),
        output_format: "text",
        visibility: "visible",
        tags: vec![exercise.krate.clone()],
    }
}

/// What happened in an exercise: a line a test, with the messages of those that failed.
pub(crate) fn explanation(exercise: &ExerciseResult) -> String {
    let mut lines = vec![format!(
        "{} of {} tests are ok: {} of {} points",
        exercise.passed(),
        exercise.tests.len(),
        points(exercise.points),
        exercise.points_max
    )];
    for test in &exercise.tests {
        let status = match test.status {
            Status::Ok => "ok",
            Status::Failed => "FAILED",
            Status::Todo => "not written yet",
            Status::Timeout => "DID NOT END",
            Status::Crashed => "CRASHED",
            Status::NotBuilt => "not compiled",
        };
        lines.push(format!("{} ... {status}", test.name));
        if matches!(
            test.status,
            Status::Failed | Status::Timeout | Status::Crashed
        ) {
            lines.extend(test.message.lines().map(|line| format!("    {line}")));
        }
    }
    lines.join("\n")
}

/// What is to be said of the submission as a whole.
fn output(result: &SubmissionResult) -> String {
    let mut lines = Vec::new();
    for krate in result.crates.iter().filter(|krate| !krate.compiles) {
        lines.push(format!(
            "{} does not compile as handed in:\n{}",
            krate.name, krate.errors
        ));
    }
    for file in &result.files {
        match file.fate {
            Fate::Taken => {}
            Fate::Missing => lines.push(format!("{} was not handed in", file.path)),
            Fate::Refused => lines.push(format!(
                "{} is refused, and graded as untouched:",
                file.path
            )),
            Fate::DoesNotCompile => lines.push(format!(
                "{} does not compile, and is graded as untouched",
                file.path
            )),
        }
        lines.extend(
            file.reasons
                .iter()
                .chain(&file.remarks)
                .map(|reason| format!("    {}:{reason}", file.path)),
        );
    }
    if !result.ignored.is_empty() {
        lines.push(format!(
            "Ignored, since exercises are in other files: {}",
            result.ignored.join(", ")
        ));
    }
    if lines.is_empty() {
        lines.push("All files of exercises were taken.".to_owned());
    }
    lines.join("\n")
}

fn rounded(points: f64) -> f64 {
    (points * 100.0).round() / 100.0
}

//! What GitHub Classroom needs: a step of its workflow for each exercise, and the older list in JSON, which some of its
//! pages still read.
//!
//! Each exercise is worth its points when all of its tests pass, and nothing before: its graders know no parts. They run in
//! the student's own repository, where he could change the tests; grades that matter come from `cargo course grade`.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::json;

use super::contents::Contents;

/// Minutes; the first test builds everything.
const TIMEOUT: u32 = 10;

/// The files, by their paths in the handout.
pub(super) fn files(contents: &Contents<'_>) -> Result<Vec<(PathBuf, String)>> {
    let tests: Vec<Test> = contents
        .left()
        .filter(|exercise| exercise.has_marks())
        .map(|exercise| Test {
            id: exercise.id.replace('/', "-"),
            title: exercise.title.clone(),
            command: exercise.test_command(),
            points: exercise.points,
        })
        .collect();
    Ok(vec![
        (".github/classroom/autograding.json".into(), list(&tests)?),
        (".github/workflows/classroom.yml".into(), workflow(&tests)?),
    ])
}

/// An exercise, as Classroom sees it.
struct Test {
    /// What the steps of a workflow may be called.
    id: String,
    title: String,
    command: String,
    points: u32,
}

fn list(tests: &[Test]) -> Result<String> {
    let tests: Vec<_> = tests
        .iter()
        .map(|test| {
            json!({
                "name": test.title,
                "setup": "",
                "run": test.command,
                "input": "",
                "output": "",
                "comparison": "included",
                "timeout": TIMEOUT,
                "points": test.points,
            })
        })
        .collect();
    let text = serde_json::to_string_pretty(&json!({ "tests": tests }));
    Ok(text.context("cannot write Classroom's list")? + "\n")
}

fn workflow(tests: &[Test]) -> Result<String> {
    let mut text = String::from(
        "name: Autograding Tests\n'on':\n- push\n- workflow_dispatch\n- repository_dispatch\npermissions:\n  checks: write\n  \
         actions: read\n  contents: read\njobs:\n  run-autograding-tests:\n    runs-on: ubuntu-latest\n    if: github.actor \
         != 'github-classroom[bot]'\n    steps:\n    - name: Checkout code\n      uses: actions/checkout@v4\n    - name: Keep \
         what was built\n      uses: Swatinem/rust-cache@v2\n",
    );
    for test in tests {
        // JSON's strings are YAML's too.
        let quoted = |text: &str| serde_json::to_string(text).context("cannot write the workflow");
        let (title, command) = (quoted(&test.title)?, quoted(&test.command)?);
        text += &format!(
            "    - name: {title}\n      id: {id}\n      uses: classroom-resources/autograding-command-grader@v1\n      \
             with:\n        test-name: {title}\n        setup-command: ''\n        command: {command}\n        timeout: \
             {TIMEOUT}\n        max-score: {points}\n",
            id = test.id,
            points = test.points,
        );
    }
    text += "    - name: Autograding Reporter\n      uses: classroom-resources/autograding-grading-reporter@v1\n      env:\n";
    for test in tests {
        let variable = test.id.to_uppercase();
        text += &format!(
            "        {variable}_RESULTS: \"${{{{steps.{}.outputs.result}}}}\"\n",
            test.id
        );
    }
    let ids: Vec<&str> = tests.iter().map(|test| test.id.as_str()).collect();
    text += &format!("      with:\n        runners: {}\n", ids.join(","));
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_exercise_is_a_step_with_its_points() {
        let test = Test {
            id: "hdfs-placement".to_owned(),
            title: "Placement: \"where\"".to_owned(),
            command: "cargo test -p mini-hdfs --test graded placement::".to_owned(),
            points: 10,
        };
        let workflow = workflow(&[test]).unwrap();
        for line in [
            "    - name: \"Placement: \\\"where\\\"\"\n      id: hdfs-placement\n",
            "        command: \"cargo test -p mini-hdfs --test graded placement::\"\n        timeout: 10\n        max-score: 10\n",
            "        HDFS-PLACEMENT_RESULTS: \"${{steps.hdfs-placement.outputs.result}}\"\n",
            "        runners: hdfs-placement\n",
        ] {
            assert!(workflow.contains(line), "no {line:?} in:\n{workflow}");
        }
    }
}

//! What a handout has and the reference has not: its README, and what editors and git want to know. The texts are in
//! `course/handout/`.

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::classroom;
use super::contents::Contents;
use crate::catalogue::Exercise;
use crate::student::{MARKER, Marker};

/// Files that are the same for each handout.
const FIXED: [(&str, &str); 6] = [
    (
        ".cargo/config.toml",
        include_str!("../../handout/cargo-config.toml"),
    ),
    (".editorconfig", include_str!("../../handout/editorconfig")),
    (".gitignore", include_str!("../../handout/gitignore")),
    (
        ".vscode/extensions.json",
        include_str!("../../handout/vscode-extensions.json"),
    ),
    (
        ".vscode/settings.json",
        include_str!("../../handout/vscode-settings.json"),
    ),
    (
        ".vscode/tasks.json",
        include_str!("../../handout/vscode-tasks.json"),
    ),
];

const README: &str = include_str!("../../handout/README.template");

/// The files, by their paths in the handout.
pub(super) fn files(contents: &Contents<'_>, marker: &Marker) -> Result<Vec<(PathBuf, String)>> {
    let mut files: Vec<(PathBuf, String)> = (FIXED.iter())
        .map(|(path, text)| (PathBuf::from(path), (*text).to_owned()))
        .collect();
    files.push(("README.md".into(), readme(contents, marker)?));
    let made = "# Made by `cargo course new`, read by `cargo course`. Not yours to change.\n\n";
    let marked = toml::to_string(marker).context("cannot write course.toml")?;
    files.push((MARKER.into(), made.to_owned() + &marked));
    if marker.classroom {
        files.extend(classroom::files(contents)?);
    }
    Ok(files)
}

/// The student's README: the template, with what the list says.
fn readme(contents: &Contents<'_>, marker: &Marker) -> Result<String> {
    let left: Vec<&Exercise> = contents.left().collect();
    let first = left.first().context("there is no exercise")?;
    let points: u32 = left.iter().map(|exercise| exercise.points).sum();
    let minutes: u32 = left.iter().map(|exercise| exercise.minutes).sum();
    let hours = match (minutes + 30) / 60 {
        1 => "1 hour".to_owned(),
        hours => format!("{hours} hours"),
    };
    let mut crates: Vec<&str> = left
        .iter()
        .map(|exercise| exercise.krate.as_str())
        .collect();
    crates.dedup();
    let row = |name: &&str| format!("| `cargo test -p {name}` | tests the exercises of {name} |\n");
    let other_tests: String = crates.iter().skip(1).map(row).collect();
    let mut text = README.to_owned();
    for (name, is_kept) in [
        ("lab", contents.has("lab")),
        ("from", marker.from.is_some()),
    ] {
        text = optional(&text, name, is_kept);
    }
    for (name, value) in [
        ("title", marker.title.as_str()),
        ("release", &marker.release),
        ("first-id", &first.id),
        ("first-title", &first.title),
        ("first-book", &first.book),
        ("first-crate", &first.krate),
        ("first-test", &first.test_command()),
        ("points", &points.to_string()),
        ("hours", &hours),
        ("exercises", &table(contents)),
        ("other-tests", &other_tests),
    ] {
        text = text.replace(&format!("{{{{{name}}}}}"), value);
    }
    Ok(text)
}

/// Keeps the lines between `<!-- NAME -->` and `<!-- /NAME -->`, or drops them.
pub(super) fn optional(text: &str, name: &str, is_kept: bool) -> String {
    let (open, close) = (format!("<!-- {name} -->"), format!("<!-- /{name} -->"));
    let mut inside = false;
    let mut kept = String::new();
    for line in text.split_inclusive('\n') {
        if line.trim() == open {
            inside = true;
        } else if line.trim() == close {
            inside = false;
        } else if is_kept || !inside {
            kept.push_str(line);
        }
    }
    kept
}

fn table(contents: &Contents<'_>) -> String {
    let left: Vec<&str> = contents
        .left()
        .map(|exercise| exercise.id.as_str())
        .collect();
    let mut lines = vec![
        "| | exercise | id | points | minutes | |".to_owned(),
        "| ---: | --- | --- | ---: | ---: | --- |".to_owned(),
    ];
    for (index, exercise) in contents.exercises().enumerate() {
        let note = match (left.contains(&exercise.id.as_str()), exercise.optional) {
            (false, _) => "solved".to_owned(),
            (true, true) => format!("{}, optional", exercise.difficulty),
            (true, false) => exercise.difficulty.to_string(),
        };
        lines.push(format!(
            "| {} | [{}](book/src/{}) | `{}` | {} | {} | {note} |",
            index + 1,
            exercise.title,
            exercise.book,
            exercise.id,
            exercise.points,
            exercise.minutes
        ));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_template_are_kept_or_dropped() {
        let text = "a\n<!-- lab -->\nb\n<!-- /lab -->\nc\n";
        assert_eq!(optional(text, "lab", true), "a\nb\nc\n");
        assert_eq!(optional(text, "lab", false), "a\nc\n");
    }
}

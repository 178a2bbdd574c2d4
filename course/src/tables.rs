//! What the book says of exercises in numbers: generated from the list, between two comments.
//!
//! `<!-- exercise: hdfs/placement -->` … `<!-- /exercise -->` holds one exercise's line,
//! `<!-- exercises: hdfs -->` … `<!-- /exercises -->` the table of a system's exercises with its sums, and
//! `<!-- hours: hdfs/read hdfs/excess -->…<!-- /hours -->` what some exercises take together.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::catalogue::{Catalogue, Exercise};

const BOOK: &str = "book/src";

/// The book's pages that have something generated, as they should be.
pub(crate) fn expected(catalogue: &Catalogue, root: &Path) -> Result<BTreeMap<PathBuf, String>> {
    let mut expected = BTreeMap::new();
    let mut directories = vec![root.join(BOOK)];
    while let Some(directory) = directories.pop() {
        let entries = fs::read_dir(&directory)
            .with_context(|| format!("cannot list {}", directory.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                let text = fs::read_to_string(&path)
                    .with_context(|| format!("cannot read {}", path.display()))?;
                let path = path.strip_prefix(root)?.to_owned();
                let shown = path.display().to_string();
                let page =
                    filled(catalogue, &text).with_context(|| format!("cannot fill {shown}"))?;
                if OPEN.iter().any(|open| page.contains(open)) {
                    expected.insert(path, page);
                }
            }
        }
    }
    Ok(expected)
}

const OPEN: [&str; 3] = ["<!-- exercise: ", "<!-- exercises: ", "<!-- hours: "];
const CLOSE: [&str; 3] = [
    "<!-- /exercise -->",
    "<!-- /exercises -->",
    "<!-- /hours -->",
];

/// A page with what belongs between its comments.
pub(crate) fn filled(catalogue: &Catalogue, page: &str) -> Result<String> {
    filled_with(catalogue, &|_| true, page)
}

/// The same of those exercises alone that are handed out.
pub(crate) fn filled_with(
    catalogue: &Catalogue,
    is_here: &dyn Fn(&Exercise) -> bool,
    page: &str,
) -> Result<String> {
    let mut filled = String::new();
    let mut rest = page;
    while let Some((at, kind)) = (0..OPEN.len())
        .filter_map(|kind| rest.find(OPEN[kind]).map(|at| (at, kind)))
        .min()
    {
        let (before, from) = rest.split_at(at);
        let end = from.find(" -->").context("a comment is not closed")?;
        let what = &from[OPEN[kind].len()..end];
        let close = from
            .find(CLOSE[kind])
            .with_context(|| format!("`{}{what} -->` without `{}`", OPEN[kind], CLOSE[kind]))?;
        let content = match kind {
            0 => format!("\n{}", line(catalogue.get(what)?)),
            1 => format!("\n{}", table(catalogue, is_here, what)?),
            // In the line that it stands in: a cell of a table.
            _ => sum(catalogue, is_here, what)?,
        };
        filled.push_str(before);
        filled.push_str(&format!("{}{what} -->{content}{}", OPEN[kind], CLOSE[kind]));
        rest = &from[close + CLOSE[kind].len()..];
    }
    filled.push_str(rest);
    Ok(filled)
}

fn line(exercise: &Exercise) -> String {
    let Exercise {
        id,
        points,
        difficulty,
        minutes,
        ..
    } = exercise;
    let needs: Vec<String> = exercise
        .needs
        .iter()
        .map(|need| format!("`{need}`"))
        .collect();
    let needs = match &needs[..] {
        [] => "nothing before it".to_owned(),
        needs => needs.join(", "),
    };
    let optional = if exercise.optional {
        " · optional"
    } else {
        ""
    };
    format!(
        "\n*`{id}` · {points} points · {difficulty} · about {minutes} minutes · needs {needs}{optional}*\n\n"
    )
}

/// The exercises whose ids begin with `system/`, or all.
fn table(
    catalogue: &Catalogue,
    is_here: &dyn Fn(&Exercise) -> bool,
    system: &str,
) -> Result<String> {
    let is_of =
        |exercise: &&Exercise| system == "all" || exercise.id.starts_with(&format!("{system}/"));
    let mut exercises: Vec<&Exercise> = catalogue.exercises.iter().filter(is_of).collect();
    if exercises.is_empty() {
        bail!("no exercise's id begins with {system}/");
    }
    exercises.retain(|exercise| is_here(exercise));
    let mut table =
        String::from("\n| exercise | | points | minutes | |\n| --- | --- | ---: | ---: | --- |\n");
    for exercise in &exercises {
        let Exercise {
            id,
            title,
            points,
            minutes,
            difficulty,
            ..
        } = exercise;
        let optional = if exercise.optional { ", optional" } else { "" };
        table.push_str(&format!(
            "| `{id}` | {title} | {points} | {minutes} | {difficulty}{optional} |\n"
        ));
    }
    let points: u32 = exercises.iter().map(|exercise| exercise.points).sum();
    let minutes: u32 = exercises.iter().map(|exercise| exercise.minutes).sum();
    table.push_str(&format!(
        "| | **sum** | **{points}** | **{minutes}** | {} h |\n\n",
        hours(minutes)
    ));
    Ok(table)
}

/// The hours of exercises that are named one after the other; a dash where none of them is here.
fn sum(catalogue: &Catalogue, is_here: &dyn Fn(&Exercise) -> bool, ids: &str) -> Result<String> {
    let mut minutes = 0;
    for id in ids.split_whitespace() {
        let exercise = catalogue.get(id)?;
        if is_here(exercise) {
            minutes += exercise.minutes;
        }
    }
    Ok(if minutes == 0 {
        "–".to_owned()
    } else {
        hours(minutes)
    })
}

/// In steps of half an hour: `7.5`.
pub(crate) fn hours(minutes: u32) -> String {
    let halves = (minutes + 15) / 30;
    if halves.is_multiple_of(2) {
        format!("{}", halves / 2)
    } else {
        format!("{}.5", halves / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::tests::entry;

    fn catalogue() -> Catalogue {
        Catalogue::parse(&[entry("a/b", ""), entry("a/c", "\"a/b\""), entry("d/e", "")].concat())
            .unwrap()
    }

    #[test]
    fn what_is_between_the_comments_is_replaced_and_filling_twice_changes_nothing() {
        let page = "# T\n\n<!-- exercise: a/c -->old<!-- /exercise -->\n\nText <!-- hours: a/b a/c -->9<!-- /hours --> h\n<!-- exercises: a --><!-- /exercises -->\nEnd";
        let once = filled(&catalogue(), page).unwrap();
        assert!(once.contains("*`a/c` · 10 points · easy · about 60 minutes · needs `a/b`*"));
        assert!(once.contains("| `a/b` | T | 10 | 60 | easy |\n| `a/c` |"));
        assert!(once.contains("| **20** | **120** | 2 h |"));
        assert!(once.contains("Text <!-- hours: a/b a/c -->2<!-- /hours --> h\n"));
        assert!(!once.contains("old") && !once.contains("d/e") && once.ends_with("\nEnd"));
        assert_eq!(filled(&catalogue(), &once).unwrap(), once);
    }

    #[test]
    fn what_is_not_handed_out_is_in_no_table_and_no_sum() {
        let page = "<!-- exercises: all --><!-- /exercises --> <!-- hours: a/b d/e --><!-- /hours --> h, <!-- hours: d/e -->1<!-- /hours --> h";
        let is_here = |exercise: &Exercise| exercise.id != "d/e";
        let filled = filled_with(&catalogue(), &is_here, page).unwrap();
        assert!(!filled.contains("| `d/e` |") && filled.contains("| `a/c` |"));
        assert!(filled.contains("| **20** | **120** | 2 h |"));
        assert!(
            filled.contains("a/b d/e -->1<!-- /hours --> h, <!-- hours: d/e -->–<!-- /hours --> h")
        );
    }

    #[test]
    fn mistakes_are_named() {
        let error = |page: &str| filled(&catalogue(), page).unwrap_err().to_string();
        assert!(
            error("<!-- exercise: a/x --><!-- /exercise -->")
                .contains("there is no exercise \"a/x\"")
        );
        assert!(
            error("<!-- exercises: x --><!-- /exercises -->")
                .contains("no exercise's id begins with x/")
        );
        assert!(error("<!-- exercise: a/b -->").contains("without `<!-- /exercise -->`"));
    }

    #[test]
    fn hours_are_halves() {
        assert_eq!([hours(60), hours(100), hours(20)], ["1", "1.5", "0.5"]);
    }
}

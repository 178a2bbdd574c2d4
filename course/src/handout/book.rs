//! The book as a student gets it: without what is for instructors, and without parts on crates that he does not have.
//! Lines between `<!-- lab -->` and `<!-- /lab -->` are left out with the lab; tables list the exercises that are handed out.

use std::path::Path;

use anyhow::{Context, Result, bail};

use super::contents::Contents;
use super::templates;
use crate::catalogue::Exercise;

/// Opens a note that is for the instructor alone.
const OPEN: &str = "<details class=\"instructor\">";
const CLOSE: &str = "</details>";

/// Chapters for instructors alone.
const INSTRUCTORS: [&str; 1] = ["book/src/instructors.md"];

/// Whether a file of the book stays with the reference: a chapter for instructors, the section of an exercise that is not
/// handed out, or anything in a directory of such sections alone.
pub(super) fn is_left_out(path: &Path, contents: &Contents<'_>) -> bool {
    let Ok(inside) = path.strip_prefix("book/src") else {
        return false;
    };
    let is_here = |exercise: &Exercise| contents.has(&exercise.krate);
    let is_section = |exercise: &Exercise| Path::new(&exercise.book) == inside;
    if INSTRUCTORS.iter().any(|chapter| Path::new(chapter) == path)
        || contents
            .all()
            .any(|exercise| is_section(exercise) && !is_here(exercise))
    {
        return true;
    }
    let Some(dir) = inside.parent().and_then(|dir| dir.iter().next()) else {
        return false;
    };
    let mut part = (contents.all()).filter(|exercise| Path::new(&exercise.book).starts_with(dir));
    part.clone().next().is_some() && !part.any(is_here)
}

/// A page without notes for the instructor; the table of contents without the pages that are left out.
pub(super) fn page(name: &str, text: &str, contents: &Contents<'_>) -> Result<String> {
    let text = with_or_without_lab(name, &without_notes(name, text)?, contents.has("lab"))?;
    let text = contents
        .filled(&text)
        .with_context(|| format!("cannot fill {name}"))?;
    if name != "book/src/SUMMARY.md" {
        return Ok(text);
    }
    let is_kept = |line: &&str| {
        let target = (line.split_once("](")).and_then(|(_, rest)| rest.split_once(')'));
        target.is_none_or(|(target, _)| !is_left_out(&Path::new("book/src").join(target), contents))
    };
    Ok(without_empty_parts(text.lines().filter(is_kept)))
}

/// What is on the lab alone stays only with it; the comments around it go in any case.
fn with_or_without_lab(name: &str, text: &str, is_kept: bool) -> Result<String> {
    let count = |comment: &str| text.lines().filter(|line| line.trim() == comment).count();
    if count("<!-- lab -->") != count("<!-- /lab -->") {
        bail!(
            "{name}: each `<!-- lab -->` is closed with `<!-- /lab -->`, both on lines of their own"
        );
    }
    Ok(templates::optional(text, "lab", is_kept))
}

/// Cuts the notes out, with the lines that they begin and end on.
fn without_notes(name: &str, text: &str) -> Result<String> {
    let mut kept = String::new();
    // How many elements are open, the note's own among them.
    let mut depth = 0_usize;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        if depth == 0 && line.trim_start().starts_with(OPEN) {
            depth = 1 + line.matches("<details").count() - 1;
            depth -= line.matches(CLOSE).count().min(depth);
        } else if depth > 0 {
            depth += line.matches("<details").count();
            depth = depth.saturating_sub(line.matches(CLOSE).count());
        } else if line.contains("class=\"instructor\"") {
            bail!(
                "{name}:{}: a note for the instructor opens its line with {OPEN}",
                index + 1
            );
        } else {
            kept.push_str(line);
        }
    }
    if depth > 0 {
        bail!("{name}: a note for the instructor is never closed with {CLOSE}");
    }
    Ok(kept.trim_end().to_owned() + "\n")
}

/// Drops headings of parts that list no page.
fn without_empty_parts<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for line in lines {
        if line.starts_with("# ") {
            drop_empty_part(&mut kept);
        }
        kept.push(line);
    }
    drop_empty_part(&mut kept);
    kept.join("\n").trim_end().to_owned() + "\n"
}

fn drop_empty_part(lines: &mut Vec<&str>) {
    let filled = lines.iter().rposition(|line| !line.trim().is_empty());
    if let Some(last) = filled.filter(|&last| lines[last].starts_with("# ") && last > 0) {
        lines.truncate(last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_for_the_instructor_are_cut_out() {
        let text = "a\n<details><summary>Answer</summary>b</details>\n<details class=\"instructor\"><summary>For the \
                    instructor</summary>\nsecret\n<details>\nsecret\n</details>\nsecret\n</details>\nc\n";
        let kept = without_notes("page.md", text).unwrap();
        assert_eq!(
            kept,
            "a\n<details><summary>Answer</summary>b</details>\nc\n"
        );
        let one_line = "a\n<details class=\"instructor\">secret</details>\nb\n";
        assert_eq!(without_notes("page.md", one_line).unwrap(), "a\nb\n");
    }

    #[test]
    fn a_note_that_would_not_be_cut_out_is_an_error() {
        let error = |text| without_notes("page.md", text).unwrap_err().to_string();
        assert!(error("a\n<details class=\"instructor\">\nsecret\n").contains("never closed"));
        assert!(
            error("a\nb <details class=\"instructor\">secret</details>\n").starts_with("page.md:2")
        );
    }

    #[test]
    fn what_is_on_the_lab_goes_with_it() {
        let text = "a\n<!-- lab -->\n## In the lab\n<!-- /lab -->\nb\n";
        let page = |text, is_kept| with_or_without_lab("page.md", text, is_kept);
        assert_eq!(page(text, true).unwrap(), "a\n## In the lab\nb\n");
        assert_eq!(page(text, false).unwrap(), "a\nb\n");
        let error = page("a\n<!-- lab -->\nb\n", false).unwrap_err();
        assert!(error.to_string().starts_with("page.md: "));
    }

    #[test]
    fn headings_of_empty_parts_go() {
        let lines = "# Summary\n\n[A](a.md)\n\n# One\n\n# Two\n\n- [B](b.md)\n\n# Three\n";
        let kept = "# Summary\n\n[A](a.md)\n\n# Two\n\n- [B](b.md)\n";
        assert_eq!(without_empty_parts(lines.lines()), kept);
    }
}

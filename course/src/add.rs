//! `cargo course add`: everything that an exercise consists of, as a beginning.
//!
//! What it writes is honest about being unfinished: its only test fails, its wrong solution is still the reference, so
//! `cargo course check` says what is left to do.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::catalogue::{Catalogue, LIST};
use crate::source;
use crate::workspace::Workspace;

/// What to add.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The new exercise: `hdfs/leases`
    id: String,
    /// As a heading of the book
    #[arg(long)]
    title: Option<String>,
    /// The package, where no other exercise of that system says it
    #[arg(long = "crate", value_name = "NAME")]
    krate: Option<String>,
    /// Function whose body students write: `mini-hdfs/src/namenode/leases.rs:LeaseManager::renew`
    #[arg(long, value_name = "FILE:FUNCTION")]
    mark: Option<String>,
    /// What its `todo!()` says
    #[arg(long, default_value = "say in one line what is to be done.")]
    intent: String,
}

/// Adds the exercise behind the last one of its system, and prints what to do next.
pub(crate) fn run(args: &Args, workspace: &Workspace) -> Result<()> {
    let root = &workspace.root;
    let files = scaffold(args, root)?;
    for (path, text) in &files {
        let file = root.join(path);
        let failed = || format!("cannot write {}", file.display());
        fs::create_dir_all(file.parent().unwrap_or(root)).with_context(failed)?;
        fs::write(&file, text).with_context(failed)?;
        eprintln!("wrote {}", path.to_string_lossy().replace('\\', "/"));
    }
    let Args { id, intent, .. } = args;
    if args.mark.is_none() {
        eprintln!("\nBegin the body that students write with `// EXERCISE({id}): {intent}`");
    }
    eprintln!(
        "\nThen fill in what was written, and until nothing is missing:\n\n    cargo course stubs\n    \
         cargo course check --exercise {id}"
    );
    Ok(())
}

/// The files as they are to be, from the workspace's root.
fn scaffold(args: &Args, root: &Path) -> Result<Vec<(PathBuf, String)>> {
    let read = |path: &str| {
        fs::read_to_string(root.join(path)).with_context(|| format!("cannot read {path}"))
    };
    let list = read(LIST)?;
    let catalogue = Catalogue::parse(&list).with_context(|| format!("{LIST} is not right"))?;
    let id = args.id.as_str();
    let (system, slug) = id
        .split_once('/')
        .with_context(|| format!("{id:?} is no id; one is `system/slug`, as hdfs/placement"))?;
    if catalogue.exercises.iter().any(|exercise| exercise.id == id) {
        bail!("{id} is listed already");
    }
    let is_marked_sibling = |id: &str| id.starts_with(&format!("{system}/"));
    let last = (catalogue.exercises.iter()).rfind(|exercise| {
        exercise.has_marks()
            && is_marked_sibling(&exercise.id)
            && args
                .krate
                .as_ref()
                .is_none_or(|krate| *krate == exercise.krate)
    });
    let krate = (args.krate.as_deref())
        .or(last.map(|last| last.krate.as_str()))
        .with_context(|| {
            format!("no exercise of {system} tells its package; name it with --crate")
        })?;
    let title = args.title.clone().unwrap_or_else(|| title(slug));
    let module = slug.replace('-', "_");

    let entry = entry(id, &title, krate, &module);
    // The new list is read before anything is written.
    let list = insert_behind(&list, last.map(|last| last.id.as_str()), &entry);
    Catalogue::parse(&list).with_context(|| format!("{id} cannot be listed"))?;
    let main = format!("{krate}/tests/graded/main.rs");
    let summary = "book/src/SUMMARY.md";
    let mut files = vec![
        (LIST.to_owned(), list),
        (
            main.clone(),
            registered(
                &read(&main)?,
                id,
                &module,
                last.map(|last| last.id.as_str()),
            )?,
        ),
        (format!("{krate}/tests/graded/{module}.rs"), test(&title)),
        (
            summary.to_owned(),
            linked(
                &read(summary)?,
                id,
                &title,
                last.map(|last| last.book.as_str()),
            ),
        ),
        (
            format!("book/src/{id}.md"),
            section(id, &title, krate, &module, args.mark.as_deref()),
        ),
    ];
    let mut body = format!("// The whole function of {krate}/src that is marked with {id}.\n");
    if let Some((file, function)) = args.mark.as_deref().and_then(|mark| mark.split_once(':')) {
        let mark = format!("// EXERCISE({id}): {}", args.intent);
        let (marked, alone) = source::with_mark(&read(file)?, function, &mark)
            .with_context(|| format!("cannot mark a body in {file}"))?;
        files.push((file.to_owned(), marked));
        body = alone;
    } else if let Some(mark) = &args.mark {
        bail!("--mark {mark} is not FILE:FUNCTION");
    }
    let wrong = "//! Say what is wrong, and what it breaks for a user.\n//! caught-by: ";
    let test = format!("{module}::what_must_hold\n\n{body}");
    files.push((
        format!("exercises/{krate}/wrong/{slug}-first.rs"),
        format!("{wrong}{test}"),
    ));
    let right = "//! Say what is built differently from the reference.\n\n";
    files.push((
        format!("exercises/{krate}/right/{slug}-other.rs"),
        format!("{right}{body}"),
    ));
    let new = files
        .iter()
        .filter(|(path, _)| ![LIST, &main, summary].contains(&path.as_str()));
    for (path, _) in new {
        let is_source = args
            .mark
            .as_ref()
            .is_some_and(|mark| mark.starts_with(path.as_str()));
        if !is_source && root.join(path).exists() {
            bail!("{path} exists already");
        }
    }
    Ok(files
        .into_iter()
        .map(|(path, text)| (PathBuf::from(path), text))
        .collect())
}

/// `edit-log` as `Edit log`.
fn title(slug: &str) -> String {
    let words = slug.replace('-', " ");
    let mut letters = words.chars();
    letters.next().map_or(String::new(), |first| {
        first.to_uppercase().collect::<String>() + letters.as_str()
    })
}

fn entry(id: &str, title: &str, krate: &str, module: &str) -> String {
    format!(
        "\n[[exercise]]\nid = {id:?}\ntitle = {title:?}\ncrate = {krate:?}\npoints = 10\ndifficulty = \"medium\"\n\
         minutes = 60\nneeds = []\nbook = \"{id}.md\"\ntests = [{module:?}]\nhints = [\n    \"A nudge.\",\n    \
         \"Where to look.\",\n    \"Nearly the idea.\",\n]\n"
    )
}

/// Puts an entry behind that of `last`, else at the end.
fn insert_behind(list: &str, last: Option<&str>, entry: &str) -> String {
    let end = last
        .and_then(|last| list.find(&format!("id = {last:?}")))
        .and_then(|at| list[at..].find("\n[[exercise]]").map(|length| at + length))
        .unwrap_or(list.len());
    let (before, after) = list.split_at(end);
    format!("{}\n{entry}{after}", before.trim_end_matches('\n'))
}

/// The tests' `main.rs` with one more module.
fn registered(main: &str, id: &str, module: &str, last: Option<&str>) -> Result<String> {
    let call = main
        .find("autograder::main!")
        .context("tests/graded/main.rs does not call autograder::main!")?;
    let (modules, table) = main.split_at(call);
    let line = format!("    {id:?} => {module},\n");
    let behind = |at: usize| table[at..].find('\n').map(|length| at + length + 1);
    let at = last
        .and_then(|last| table.find(&format!("{last:?} =>")))
        .and_then(behind)
        .or_else(|| table.rfind('}'))
        .context("autograder::main! has no end")?;
    let (before, after) = table.split_at(at);
    Ok(format!(
        "{}\n\nmod {module};\n\n{before}{line}{after}",
        modules.trim_end()
    ))
}

fn test(title: &str) -> String {
    format!(
        "//! {title}: what must hold.\n\nuse autograder::{{Test, tests}};\n\n\
         pub(crate) const TESTS: &[Test] = tests![what_must_hold];\n\nfn what_must_hold() {{\n    \
         panic!(\"this test is to be written: say in a sentence what was expected, and what came\");\n}}\n"
    )
}

/// The book's table of contents with one more section.
fn linked(summary: &str, id: &str, title: &str, last: Option<&str>) -> String {
    let behind = last.and_then(|last| {
        let at = summary.find(&format!("({last})"))?;
        summary[at..].find('\n').map(|length| at + length + 1)
    });
    let (before, after) = summary.split_at(behind.unwrap_or(summary.len()));
    format!("{before}  - [{title}]({id}.md)\n{after}")
}

fn section(id: &str, title: &str, krate: &str, module: &str, mark: Option<&str>) -> String {
    let modify = match mark.and_then(|mark| mark.split_once(':')) {
        Some((file, function)) => format!("- [`{file}`](../../../{file}): `{function}`"),
        None => "- Name the file and the function.".to_owned(),
    };
    format!(
        "# {title}\n\n<!-- exercise: {id} -->\n<!-- /exercise -->\n\n\
         ## Before you begin\n\nWhat to have read, and:\n\n```sh\ncargo test -p {krate} --test graded {module}::\n```\n\n\
         ## Files to modify\n\n{modify}\n\n## The idea\n\nOne idea, with a picture.\n\n\
         ## Checkpoint\n\nWhat is green now.\n\n## Test your understanding\n\n1. A question.\n   \
         <details><summary>Answer</summary>\n\n   Its answer.\n   </details>\n\n## Going further\n\n\
         The paper's section, the real system's class.\n\n<details class=\"instructor\">\
         <summary>For the instructor</summary>\n\nHow it is usually missed; a question for class.\n\n</details>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::tests::entry;

    fn workspace() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let file = dir.path().join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        };
        write(
            LIST,
            &[entry("hdfs/a", ""), "\n".to_owned(), entry("kafka/b", "")].concat(),
        );
        write(
            "mini-hdfs/tests/graded/main.rs",
            "//! Tests.\n\nmod t;\n\nautograder::main! {\n    \"hdfs/a\" => t,\n    \"kafka/b\" => t,\n}\n",
        );
        write(
            "book/src/SUMMARY.md",
            "# S\n\n  - [A](hdfs/a.md)\n- [B](kafka/b.md)\n",
        );
        write(
            "mini-hdfs/src/x.rs",
            "impl X {\n    pub fn f(&self) -> u8 {\n        1\n    }\n}\n",
        );
        dir
    }

    fn args(id: &str, mark: Option<&str>) -> Args {
        Args {
            id: id.to_owned(),
            title: None,
            krate: None,
            mark: mark.map(str::to_owned),
            intent: "give one.".to_owned(),
        }
    }

    #[test]
    fn an_exercise_begins_with_all_its_parts_behind_the_last_of_its_system() {
        let dir = workspace();
        let args = args("hdfs/edit-log", Some("mini-hdfs/src/x.rs:X::f"));
        let files = scaffold(&args, dir.path()).unwrap();
        let text = |path: &str| {
            &files
                .iter()
                .find(|(file, _)| file == Path::new(path))
                .unwrap()
                .1
        };
        let ids: Vec<String> = Catalogue::parse(text(LIST))
            .unwrap()
            .exercises
            .into_iter()
            .map(|e| e.id)
            .collect();
        assert_eq!(ids, ["hdfs/a", "hdfs/edit-log", "kafka/b"]);
        assert_eq!(
            text("mini-hdfs/tests/graded/main.rs"),
            "//! Tests.\n\nmod t;\n\nmod edit_log;\n\nautograder::main! {\n    \"hdfs/a\" => t,\n    \
             \"hdfs/edit-log\" => edit_log,\n    \"kafka/b\" => t,\n}\n"
        );
        let links = "  - [A](hdfs/a.md)\n  - [Edit log](hdfs/edit-log.md)\n- [B]";
        assert!(text("book/src/SUMMARY.md").contains(links));
        let marked =
            "pub fn f(&self) -> u8 {\n        // EXERCISE(hdfs/edit-log): give one.\n        1\n";
        assert!(text("mini-hdfs/src/x.rs").contains(marked));
        let wrong = text("exercises/mini-hdfs/wrong/edit-log-first.rs");
        assert!(wrong.contains("//! caught-by: edit_log::what_must_hold\n"));
        assert!(wrong.ends_with("impl X {\n    pub fn f(&self) -> u8 {\n        1\n    }\n}\n"));
        assert!(text("exercises/mini-hdfs/right/edit-log-other.rs").contains("impl X {"));
        assert!(
            text("book/src/hdfs/edit-log.md")
                .contains("mini-hdfs/src/x.rs`](../../../mini-hdfs/src/x.rs): `X::f`")
        );
    }

    #[test]
    fn what_cannot_be_added_is_refused_with_a_reason() {
        let dir = workspace();
        let error = |args: &Args| format!("{:#}", scaffold(args, dir.path()).unwrap_err());
        assert!(error(&args("hdfs/a", None)).contains("hdfs/a is listed already"));
        assert!(error(&args("leases", None)).contains("\"leases\" is no id"));
        assert!(error(&args("raft/log", None)).contains("name it with --crate"));
        assert!(
            error(&args("hdfs/x", Some("mini-hdfs/src/x.rs:X::g"))).contains("no function `X::g`")
        );
        assert!(error(&args("hdfs/x", Some("X::g"))).contains("cannot read X"));
        assert!(error(&args("hdfs/x", Some("x"))).contains("is not FILE:FUNCTION"));
        fs::write(dir.path().join("mini-hdfs/tests/graded/leases.rs"), "").unwrap();
        assert!(error(&args("hdfs/leases", None)).contains("leases.rs exists already"));
    }
}

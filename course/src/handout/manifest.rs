//! The manifests and the list of a handout: edited, so that comments and order stay.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use toml_edit::{Array, DocumentMut, Item, Table, value};

use super::contents::Contents;

/// The version of the workspace.
pub(super) fn version(root: &Path) -> Result<String> {
    let file = root.join("Cargo.toml");
    let text =
        fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let manifest: DocumentMut = text.parse()?;
    let version = manifest["workspace"]["package"]["version"].as_str();
    Ok(version
        .context("Cargo.toml has no workspace.package.version")?
        .to_owned())
}

/// The root manifest, with the packages that are handed out.
pub(super) fn root(text: &str, contents: &Contents<'_>, root: &Path) -> Result<String> {
    let mut manifest: DocumentMut = text.parse().context("cannot read Cargo.toml")?;
    let dirs = contents.packages.iter().map(|package| {
        let dir = package.dir.strip_prefix(root).unwrap_or(&package.dir);
        dir.to_string_lossy().replace('\\', "/")
    });
    let workspace = manifest["workspace"]
        .as_table_mut()
        .context("Cargo.toml has no [workspace]")?;
    workspace["members"] = value(dirs.collect::<Array>());
    // `cargo run` is the lab where there is one; else `cargo test` is what students work on.
    if !contents.has("lab") {
        let mut graded: Vec<&str> = Vec::new();
        for exercise in contents.exercises() {
            if !graded.contains(&exercise.krate.as_str()) {
                graded.push(&exercise.krate);
            }
        }
        let comment = "# `cargo test` tests what you work on.\n";
        workspace.insert(
            "default-members",
            value(graded.into_iter().collect::<Array>()),
        );
        if let Some(mut key) = workspace.key_mut("default-members") {
            key.leaf_decor_mut().set_prefix(comment);
        }
    }
    if let Some(dependencies) = table(&mut manifest, &["workspace", "dependencies"]) {
        retain(dependencies, |name, item| {
            item.get("path").is_none() || contents.has(name)
        });
    }
    // Stubs are full of it.
    if let Some(lints) = table(&mut manifest, &["workspace", "lints", "clippy"]) {
        lints.remove("todo");
    }
    if let Some(profiles) = table(&mut manifest, &["profile", "dev", "package"]) {
        retain(profiles, |name, _| name == "*" || contents.has(name));
    }
    if let Some(others) = table(&mut manifest, &["profile", "dev", "package", "*"]) {
        others.remove("opt-level");
        let why = "\n# Dependencies are built once, while you wait. Optimised they would take twice as long, and no test is the \
                   faster for it.\n";
        others.decor_mut().set_prefix(why);
    }
    Ok(manifest.to_string())
}

/// The manifest of a crate that students work in: its cores alone, so that it builds fast, and the graded tests alone, since
/// those in `src` are about the reference's inside.
pub(super) fn with_exercises(text: &str, name: &str) -> Result<String> {
    let mut manifest: DocumentMut = text
        .parse()
        .with_context(|| format!("cannot read {name}"))?;
    if let Some(features) = table(&mut manifest, &["features"])
        && features.contains_key("default")
    {
        features["default"] = value(Array::new());
    }
    let library = manifest
        .entry("lib")
        .or_insert_with(|| Item::Table(Table::new()));
    library["test"] = value(false);
    library["doctest"] = value(false);
    Ok(manifest.to_string())
}

/// The manifest of `course`, with what the student's commands need.
pub(super) fn course(text: &str) -> Result<String> {
    let mut manifest: DocumentMut = text.parse().context("cannot read course/Cargo.toml")?;
    for name in ["features", "bin", "test", "dev-dependencies"] {
        manifest.remove(name);
    }
    if let Some(package) = table(&mut manifest, &["package"]) {
        package.remove("default-run");
        package["description"] = value("`cargo course`: what is done, what comes next, hints.");
    }
    if let Some(dependencies) = table(&mut manifest, &["dependencies"]) {
        retain(dependencies, |_, item| item.get("optional").is_none());
    }
    Ok(manifest.to_string())
}

/// The list, with the exercises of the packages that are handed out.
pub(super) fn list(text: &str, contents: &Contents<'_>) -> Result<String> {
    let mut list: DocumentMut = text.parse().context("cannot read the list of exercises")?;
    let here: Vec<&str> = contents
        .exercises()
        .map(|exercise| exercise.id.as_str())
        .collect();
    let is_here = |id: Option<&str>| id.is_some_and(|id| here.contains(&id));
    if let Some(exercises) = list["exercise"].as_array_of_tables_mut() {
        // The comment on top of the file hangs on the first entry, which may go.
        let head = (exercises.get(0))
            .and_then(|first| first.decor().prefix()?.as_str())
            .unwrap_or_default()
            .to_owned();
        exercises.retain(|exercise| is_here(exercise.get("id").and_then(Item::as_str)));
        for exercise in exercises.iter_mut() {
            if let Some(needs) = exercise.get_mut("needs").and_then(Item::as_array_mut) {
                needs.retain(|id| is_here(id.as_str()));
            }
        }
        if let Some(first) = exercises.get_mut(0) {
            first.decor_mut().set_prefix(head);
        }
    }
    Ok(list.to_string())
}

/// The table at the end of a path of keys.
fn table<'a>(manifest: &'a mut DocumentMut, path: &[&str]) -> Option<&'a mut Table> {
    path.iter().try_fold(manifest.as_table_mut(), |table, key| {
        table.get_mut(key)?.as_table_mut()
    })
}

fn retain(table: &mut Table, keep: impl Fn(&str, &Item) -> bool) {
    let gone: Vec<String> = (table.iter())
        .filter(|(name, item)| !keep(name, item))
        .map(|(name, _)| name.to_owned())
        .collect();
    for name in gone {
        table.remove(&name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_that_students_work_in_builds_its_cores_and_graded_tests() {
        let text = "[package]\nname = \"a\"\n\n[features]\ndefault = [\"server\"]\n# The shell.\nserver = []\n";
        let edited = with_exercises(text, "a/Cargo.toml").unwrap();
        let expected = "[package]\nname = \"a\"\n\n[features]\ndefault = []\n# The shell.\nserver = []\n\n[lib]\ntest = \
                        false\ndoctest = false\n";
        assert_eq!(edited, expected);
        assert!(
            !with_exercises("[package]\nname = \"a\"\n", "")
                .unwrap()
                .contains("default")
        );
    }

    #[test]
    fn the_course_keeps_what_a_student_runs() {
        let text = "[package]\nname = \"course\"\ndescription = \"d\"\ndefault-run = \"course\"\n\n[features]\ndefault = \
                    [\"instructor\"]\n\n[[bin]]\nname = \"x\"\n\n[dependencies]\nclap.workspace = true\nsyn = { workspace \
                    = true, optional = true }\n\n[dev-dependencies]\na = \"1\"\n\n[lints]\nworkspace = true\n";
        let edited = course(text).unwrap();
        for gone in ["default-run", "features", "bin", "syn", "dev-dependencies"] {
            assert!(!edited.contains(gone), "{gone} in:\n{edited}");
        }
        assert!(edited.contains("clap.workspace = true") && edited.contains("[lints]"));
    }
}

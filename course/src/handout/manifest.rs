//! The manifests and the list of a handout: edited, so that comments and order stay.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use toml_edit::{Array, DocumentMut, Item, Table, Value, value};

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
    if let Some(patches) = table(&mut manifest, &["patch", "crates-io"]) {
        retain(patches, |name, _| contents.has(name));
        if patches.is_empty() {
            manifest.remove("patch");
        }
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

/// A manifest, without the features whose systems are gone, what only these need, and tests of these.
pub(super) fn without(text: &str, name: &str, is_gone: &dyn Fn(&str) -> bool) -> Result<String> {
    let mut manifest: DocumentMut = text
        .parse()
        .with_context(|| format!("cannot read {name}"))?;
    let mut cut: Vec<String> = Vec::new();
    let (mut needed, mut unneeded): (Vec<String>, Vec<String>) = Default::default();
    if let Some(features) = table(&mut manifest, &["features"]) {
        for (feature, item) in features.iter() {
            let parts = item
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str);
            let names = parts.filter_map(|part| part.strip_prefix("dep:"));
            let names: Vec<String> = names.map(str::to_owned).collect();
            if names.iter().any(|name| is_gone(name)) {
                cut.push(feature.to_owned());
                unneeded.extend(names);
            } else {
                needed.extend(names);
            }
        }
        retain(features, |feature, _| !cut.iter().any(|cut| cut == feature));
        if let Some(default) = features.get_mut("default").and_then(Item::as_array_mut) {
            default.retain(|feature| !cut.iter().any(|cut| Some(cut.as_str()) == feature.as_str()));
            default.fmt();
        }
    }
    if let Some(dependencies) = table(&mut manifest, &["dependencies"]) {
        retain(dependencies, |name, _| {
            !unneeded.iter().any(|unneeded| unneeded == name) || needed.iter().any(|n| n == name)
        });
    }
    if let Some(tests) = manifest
        .get_mut("test")
        .and_then(Item::as_array_of_tables_mut)
    {
        let is_cut = |feature: &Value| cut.iter().any(|cut| Some(cut.as_str()) == feature.as_str());
        tests.retain(|test| {
            let features = test.get("required-features").and_then(Item::as_array);
            !features.into_iter().flatten().any(is_cut)
        });
    }
    // Their files are still there: cargo would find them again as tests without needs.
    if let Some(package) = table(&mut manifest, &["package"]).filter(|_| !cut.is_empty()) {
        package["autotests"] = value(false);
    }
    Ok(manifest.to_string())
}

/// The manifest of the lab, without what drives a browser, and the tests that need it.
pub(super) fn lab(text: &str) -> Result<String> {
    let mut manifest: DocumentMut = text.parse().context("cannot read lab/Cargo.toml")?;
    manifest.remove("dev-dependencies");
    let tests = manifest
        .get_mut("test")
        .and_then(Item::as_array_of_tables_mut);
    if let Some(tests) = tests {
        tests.retain(|test| test.get("name").and_then(Item::as_str) != Some("browser"));
    }
    if let Some(package) = table(&mut manifest, &["package"]) {
        package["autotests"] = value(false);
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
    fn the_lab_shows_what_is_there() {
        let text = "[package]\nname = \"lab\"\n\n[features]\ndefault = [\"hash\", \"hdfs\"]\nhash = [\"dep:hash\", \
                    \"dep:both\"]\nhdfs = [\"dep:hdfs\", \"dep:both\", \"dep:one\"]\n\n[[test]]\nname = \"a\"\n\n[[test]]\nname = \
                    \"b\"\nrequired-features = [\"hdfs\"]\n\n[dependencies]\nall = \"1\"\nboth = \"1\"\nhash = \"1\"\nhdfs = \
                    \"1\"\none = \"1\"\n";
        let expected = "[package]\nname = \"lab\"\nautotests = false\n\n[features]\ndefault = [\"hash\"]\nhash = \
                        [\"dep:hash\", \"dep:both\"]\n\n[[test]]\nname = \"a\"\n\n[dependencies]\nall = \"1\"\nboth = \"1\"\nhash = \
                        \"1\"\n";
        assert_eq!(without(text, "", &|name| name == "hdfs").unwrap(), expected);
        assert_eq!(without(text, "", &|_| false).unwrap(), text);
    }

    #[test]
    fn the_lab_comes_without_a_browser() {
        let text = "[package]\nname = \"lab\"\n\n[[test]]\nname = \"a\"\n\n[[test]]\nname = \"browser\"\n\n[dev-dependencies]\ndriver = \"1\"\n";
        let expected = "[package]\nname = \"lab\"\nautotests = false\n\n[[test]]\nname = \"a\"\n";
        assert_eq!(lab(text).unwrap(), expected);
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

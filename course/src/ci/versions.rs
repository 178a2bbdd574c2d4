//! Every version stands once, in `[workspace.dependencies]`, and lints stand once, in
//! `[workspace.lints]`: members say `workspace = true`.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use toml::{Table, Value};

use super::{Outcome, none_of, sources};
use crate::workspace::Workspace;

pub(super) fn check(workspace: &Workspace) -> Result<Outcome> {
    let root = parse(
        &sources::read(&workspace.root.join("Cargo.toml"))?,
        "Cargo.toml",
    )?;
    let mut findings = Vec::new();
    let mut used = BTreeSet::new();
    for package in &workspace.packages {
        let path = package.dir.join("Cargo.toml");
        let shown = workspace.display(&path);
        let manifest = parse(&sources::read(&path)?, &shown)?;
        findings.extend(strays(&manifest).map(|stray| format!("{shown}: {stray}")));
        used.extend(
            dependencies(&manifest)
                .into_iter()
                .map(|(name, _)| name.clone()),
        );
    }
    none_of(&findings)?;
    let shared = root
        .get("workspace")
        .and_then(|workspace| workspace.get("dependencies"))
        .and_then(Value::as_table)
        .context("Cargo.toml: there is no [workspace.dependencies]")?;
    let unused = shared.keys().filter(|name| !used.contains(*name));
    Ok(Outcome::Passed(
        unused
            .map(|name| format!("warning: Cargo.toml: no member uses {name}"))
            .collect(),
    ))
}

fn parse(text: &str, file: &str) -> Result<Table> {
    text.parse().with_context(|| format!("cannot parse {file}"))
}

/// All dependencies of a manifest, of every kind and for every target.
fn dependencies(manifest: &Table) -> Vec<(&String, &Value)> {
    let targets = manifest.get("target").and_then(Value::as_table);
    let tables = targets
        .into_iter()
        .flat_map(Table::values)
        .filter_map(Value::as_table)
        .chain([manifest]);
    tables
        .flat_map(|table| {
            ["dependencies", "dev-dependencies", "build-dependencies"]
                .into_iter()
                .filter_map(|kind| table.get(kind)?.as_table())
                .flatten()
        })
        .collect()
}

/// What a member's manifest says that only the root's should.
fn strays(manifest: &Table) -> impl Iterator<Item = String> {
    let inherits = |value: Option<&Value>| {
        value.and_then(|value| value.get("workspace")) == Some(&Value::Boolean(true))
    };
    let versions = dependencies(manifest)
        .into_iter()
        .filter(move |(_, value)| !inherits(Some(value)))
        .map(|(name, _)| {
            format!(
                "{name} is not taken from the workspace; put its version into the root's \
                 [workspace.dependencies] and write `{name}.workspace = true` here"
            )
        });
    let lints = (!inherits(manifest.get("lints"))).then(|| {
        "the workspace's lints are not taken; write `[lints]` and `workspace = true`".to_owned()
    });
    versions.chain(lints)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strays_of(manifest: &str) -> Vec<String> {
        let manifest = parse(manifest, "test").unwrap();
        strays(&manifest)
            .map(|stray| stray.split(' ').next().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn versions_in_a_member_are_found_wherever_they_hide() {
        let manifest = r#"
            dependencies.a = "1"
            dependencies.b = { version = "2", optional = true }
            dependencies.c = { workspace = true, features = ["x"] }
            dev-dependencies.d = { path = "../d" }
            target."cfg(unix)".build-dependencies.e = { git = "https://example.org/e" }
            lints.workspace = true
        "#;
        let mut found = strays_of(manifest);
        found.sort();
        assert_eq!(found, ["a", "b", "d", "e"]);
    }

    #[test]
    fn lints_are_inherited() {
        assert_eq!(strays_of("lints.workspace = true"), Vec::<String>::new());
        assert_eq!(strays_of("[lints.rust]\nunsafe_code = 'allow'").len(), 1);
        assert_eq!(strays_of("").len(), 1);
    }
}

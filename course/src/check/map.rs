//! `exercises/<crate>/tests.toml`: which tests grade an exercise, and which fail without it.
//!
//! It is derived from runs and committed: `grade` takes from it the names that it expects, and a review sees when a test
//! begins to lean on another exercise.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;

use super::judge::Proof;
use crate::catalogue::Catalogue;

/// The map of a crate, by the ids of its exercises.
pub(crate) type Map = BTreeMap<String, Entry>;

/// What is known of an exercise.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    /// The tests that grade it, with their modules, in learning order.
    pub(crate) tests: Vec<String>,
    /// All tests that fail when it alone is a stub, in learning order.
    pub(crate) stripped: Vec<String>,
}

/// Where the map of a crate is, from the workspace's root.
pub(crate) fn path(krate: &str) -> PathBuf {
    Path::new("exercises").join(krate).join("tests.toml")
}

/// Reads the map of a crate; an empty one where there is none yet.
pub(crate) fn load(root: &Path, krate: &str) -> Result<Map> {
    let file = root.join(path(krate));
    if !file.exists() {
        return Ok(Map::new());
    }
    let text =
        fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    toml::from_str(&text).with_context(|| format!("{} is no map of tests", file.display()))
}

/// Takes what was proved into the map; says where that changes it. `is_whole` where every exercise was looked at, so
/// that others go.
pub(super) fn update(map: &mut Map, proofs: &[Proof], is_whole: bool) -> Vec<String> {
    let mut changes = Vec::new();
    for proof in proofs {
        let entry = Entry {
            tests: proof.tests.clone(),
            stripped: proof.stripped.clone(),
        };
        let Some(before) = map.insert(proof.id.clone(), entry.clone()) else {
            changes.push(format!("{} is not in it", proof.id));
            continue;
        };
        let lists = [
            ("grade it", &before.tests, &entry.tests),
            ("fail without it", &before.stripped, &entry.stripped),
        ];
        for (what, before, now) in lists {
            if before == now {
                continue;
            }
            let only = |these: &[String], those: &[String]| {
                let only: Vec<&str> = these
                    .iter()
                    .filter(|test| !those.contains(test))
                    .map(String::as_str)
                    .collect();
                if only.is_empty() {
                    "none".to_owned()
                } else {
                    only.join(", ")
                }
            };
            let (new, gone) = (only(now, before), only(before, now));
            changes.push(format!(
                "{}: the tests that {what} changed; new: {new}; gone: {gone}",
                proof.id
            ));
        }
    }
    if is_whole {
        let gone: Vec<String> = map
            .keys()
            .filter(|id| !proofs.iter().any(|proof| proof.id == **id))
            .cloned()
            .collect();
        for id in gone {
            changes.push(format!("{id}: is no exercise of this crate"));
            map.remove(&id);
        }
    }
    changes
}

/// Writes the map of a crate, in learning order.
pub(super) fn save(root: &Path, krate: &str, catalogue: &Catalogue, map: &Map) -> Result<()> {
    let mut text = "# Which tests grade an exercise (`tests`), and which fail when it alone is not done (`stripped`).\n\
                    # Written by `cargo course check --bless`, from runs.\n"
        .to_owned();
    for exercise in catalogue.of_crate(krate) {
        let Some(entry) = map.get(&exercise.id) else {
            continue;
        };
        text.push_str(&format!("\n[{:?}]\n", exercise.id));
        for (key, tests) in [("tests", &entry.tests), ("stripped", &entry.stripped)] {
            let lines: String = tests
                .iter()
                .map(|test| format!("    {test:?},\n"))
                .collect();
            text.push_str(&format!("{key} = [\n{lines}]\n"));
        }
    }
    let file = root.join(path(krate));
    fs::create_dir_all(file.parent().unwrap_or(root))?;
    fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))
}

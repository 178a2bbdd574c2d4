//! Which stubs are left in the sources.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// What a stub does, until the exercise's id.
const TODO: &str = "todo!(";

/// Where a crate's stubs are, by the id of their exercise: `mini-hdfs/src/path.rs:40`.
pub(crate) fn places(root: &Path, krate: &str) -> Result<BTreeMap<String, Vec<String>>> {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in sources(&root.join(krate).join("src"))? {
        let text =
            fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let shown = file.strip_prefix(root).unwrap_or(&file);
        let shown = shown.to_string_lossy().replace('\\', "/");
        for (line, id) in ids(&text) {
            places
                .entry(id.to_owned())
                .or_default()
                .push(format!("{shown}:{line}"));
        }
    }
    Ok(places)
}

/// The stubs of a text: the line of each, and its exercise.
fn ids(text: &str) -> Vec<(usize, &str)> {
    let id = |(at, _): (usize, &str)| {
        let message = text[at + TODO.len()..].trim_start().strip_prefix('"')?;
        let (id, _) = message.split_once(':')?;
        let is_id = id.contains('/') && !id.contains(['"', ' ', '\n']);
        is_id.then(|| (1 + text[..at].matches('\n').count(), id))
    };
    text.match_indices(TODO).filter_map(id).collect()
}

fn sources(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(dir) = dirs.pop() {
        let entries =
            fs::read_dir(&dir).with_context(|| format!("cannot list {}", dir.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                dirs.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stubs_are_told_from_other_words() {
        let text = "fn a() {\n    todo!(\"hdfs/paths: one\")\n}\n// todo!(later)\nfn b() {\n    todo!(\n        \
                    \"hdfs/rename: two\"\n    );\n    todo!(\"no id: x\")\n}\n";
        assert_eq!(ids(text), [(2, "hdfs/paths"), (6, "hdfs/rename")]);
    }
}

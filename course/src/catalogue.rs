//! The list of exercises: `exercises/exercises.toml`, in learning order.
//!
//! It is the only list. The book's tables, the student's README, hints, points and grading are made from it.

use std::collections::BTreeSet;
use std::fmt::{self, Display};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// Where the list is, from the workspace's root.
pub(crate) const LIST: &str = "exercises/exercises.toml";

/// All exercises, in learning order.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Catalogue {
    #[serde(rename = "exercise")]
    pub(crate) exercises: Vec<Exercise>,
}

/// An entry of the list.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exercise {
    /// A slug: `hdfs/placement`.
    pub(crate) id: String,
    pub(crate) title: String,
    /// The package that it belongs to.
    #[serde(rename = "crate")]
    pub(crate) krate: String,
    /// Spread evenly over its tests.
    pub(crate) points: u32,
    pub(crate) difficulty: Difficulty,
    /// What a good student needs.
    pub(crate) minutes: u32,
    /// Exercises without which some of its tests cannot pass.
    pub(crate) needs: Vec<String>,
    /// Its section, from `book/src`.
    pub(crate) book: String,
    /// The test binary that grades it. One that is not `graded` tests the finished system from outside, so such an
    /// exercise has no marks.
    #[serde(default = "graded")]
    pub(crate) binary: String,
    /// Modules of `graded`; of another binary, the tests that count.
    pub(crate) tests: Vec<String>,
    /// Of another binary than `graded`, a test that the machine has what the others need: where it fails, nobody is graded there.
    #[serde(default)]
    pub(crate) prerequisite: Option<String>,
    /// Not part of the core of the course.
    #[serde(default)]
    pub(crate) optional: bool,
    /// From a nudge to nearly the idea.
    pub(crate) hints: Vec<String>,
}

/// How hard an exercise is, for a student who has done those before it.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Difficulty {
    Easy,
    Medium,
    Hard,
}

impl Display for Difficulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Difficulty::Easy => "easy",
            Difficulty::Medium => "medium",
            Difficulty::Hard => "hard",
        })
    }
}

fn graded() -> String {
    "graded".to_owned()
}

impl Exercise {
    /// What follows the slash of its id: `placement`.
    pub(crate) fn slug(&self) -> &str {
        self.id.split_once('/').map_or(&self.id, |(_, slug)| slug)
    }

    /// What runs its tests alone: `cargo test -p mini-hdfs --test graded placement::`. Without the name of the binary, cargo
    /// would build and filter unit tests too, even those of a library that says `test = false`.
    pub(crate) fn test_command(&self) -> String {
        let test = format!("cargo test -p {}", self.krate);
        if self.has_marks() {
            let modules = self.tests.iter().map(|module| format!(" {module}::"));
            test + " --test graded" + &modules.collect::<String>()
        } else {
            // Only tests of the finished system, from outside, need its server.
            format!("{test} --features server --test {}", self.binary)
        }
    }

    /// Whether a student writes bodies for it in the sources.
    pub(crate) fn has_marks(&self) -> bool {
        self.binary == "graded"
    }
}

impl Catalogue {
    /// Reads the list of the workspace at `root`.
    pub(crate) fn load(root: &Path) -> Result<Catalogue> {
        let file = root.join(LIST);
        let text = fs::read_to_string(&file)
            .with_context(|| format!("cannot read the list of exercises, {}", file.display()))?;
        Catalogue::parse(&text).with_context(|| format!("{LIST} is not right"))
    }

    /// Reads a list.
    pub(crate) fn parse(text: &str) -> Result<Catalogue> {
        let catalogue: Catalogue = toml::from_str(text)?;
        let mut before = BTreeSet::new();
        for exercise in &catalogue.exercises {
            let id = exercise.id.as_str();
            if !is_id(id) {
                bail!(
                    "{id:?} is no id; one is made of small letters, digits and hyphens: hdfs/placement"
                );
            }
            if let Some(need) = exercise
                .needs
                .iter()
                .find(|need| !before.contains(need.as_str()))
            {
                bail!("{id} needs {need}, which is no exercise before it");
            }
            if !before.insert(id) {
                bail!("{id} is listed twice");
            }
            if exercise.points == 0 || exercise.minutes == 0 || exercise.tests.is_empty() {
                bail!("{id} has no points, no minutes or no tests");
            }
        }
        Ok(catalogue)
    }

    /// The exercise of this id; the error names ids that resemble it.
    pub(crate) fn get(&self, id: &str) -> Result<&Exercise> {
        Ok(&self.exercises[self.position(id)?])
    }

    /// The place of an id in learning order.
    pub(crate) fn position(&self, id: &str) -> Result<usize> {
        if let Some(position) = self.exercises.iter().position(|exercise| exercise.id == id) {
            return Ok(position);
        }
        let slug = id.rsplit('/').next().unwrap_or(id);
        let resembles = |other: &&str| {
            other.rsplit('/').next().is_some_and(|other| {
                !slug.is_empty()
                    && (other.contains(slug)
                        || slug.contains(other)
                        || other.get(..4) == slug.get(..4))
            })
        };
        let ids = self.exercises.iter().map(|exercise| exercise.id.as_str());
        let near: Vec<&str> = ids.clone().filter(resembles).collect();
        if near.is_empty() {
            bail!(
                "there is no exercise {id:?}; there are {}",
                ids.collect::<Vec<_>>().join(", ")
            );
        }
        bail!(
            "there is no exercise {id:?}; did you mean {}?",
            near.join(" or ")
        );
    }

    /// The exercises of a package, in learning order.
    pub(crate) fn of_crate<'a>(&'a self, krate: &'a str) -> impl Iterator<Item = &'a Exercise> {
        self.exercises
            .iter()
            .filter(move |exercise| exercise.krate == krate)
    }

    /// The packages that have exercises, in learning order.
    pub(crate) fn crates(&self) -> Vec<&str> {
        let mut crates: Vec<&str> = Vec::new();
        for exercise in &self.exercises {
            if !crates.contains(&exercise.krate.as_str()) {
                crates.push(&exercise.krate);
            }
        }
        crates
    }
}

fn is_id(id: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && part
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    };
    id.split_once('/')
        .is_some_and(|(system, slug)| is_part(system) && is_part(slug))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// An entry of the list.
    pub(crate) fn entry(id: &str, needs: &str) -> String {
        format!(
            "[[exercise]]\nid = {id:?}\ntitle = \"T\"\ncrate = \"mini-hdfs\"\npoints = 10\ndifficulty = \"easy\"\n\
             minutes = 60\nneeds = [{needs}]\nbook = \"{id}.md\"\ntests = [\"t\"]\nhints = []\n"
        )
    }

    fn error(text: &str) -> String {
        format!("{:#}", Catalogue::parse(text).unwrap_err())
    }

    #[test]
    fn the_list_of_this_repository_is_right() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let catalogue = Catalogue::load(&root).unwrap();
        assert!(catalogue.get("hdfs/placement").is_ok());
        assert!(catalogue.crates().contains(&"mini-hdfs"));
    }

    #[test]
    fn mistakes_are_named() {
        assert!(error(&entry("placement", "")).contains("\"placement\" is no id"));
        let twice = [entry("a/b", ""), entry("a/b", "")].concat();
        assert!(error(&twice).contains("a/b is listed twice"));
        let later = [entry("a/b", "\"a/c\""), entry("a/c", "")].concat();
        assert!(error(&later).contains("a/b needs a/c, which is no exercise before it"));
        assert!(error(&entry("a/b", "").replace("hints", "hint")).contains("unknown field `hint`"));
    }

    #[test]
    fn an_unknown_id_names_those_that_resemble_it() {
        let text = [entry("hdfs/edit-log", ""), entry("hdfs/read", "")].concat();
        let catalogue = Catalogue::parse(&text).unwrap();
        assert_eq!(catalogue.position("hdfs/read").unwrap(), 1);
        let error = |id| catalogue.get(id).unwrap_err().to_string();
        assert!(error("edit-log").ends_with("did you mean hdfs/edit-log?"));
        assert!(error("hdfs/editlog").ends_with("did you mean hdfs/edit-log?"));
        assert!(error("zzz").ends_with("there are hdfs/edit-log, hdfs/read"));
    }
}

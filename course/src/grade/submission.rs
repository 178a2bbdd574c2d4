//! What a student hands in: his workspace, some files of it, or an archive of either.
//!
//! Only the files that exercises are about are taken. They are found by their paths, from wherever in the submission the
//! workspace begins, or by their names where somebody handed in the bare files. Links are never followed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

/// More files than that is no submission.
const FILES_MAX: usize = 20_000;
/// More bytes than that are unpacked from no archive.
const UNPACKED_MAX: u64 = 100 << 20;
/// What tools leave behind, and nobody wrote.
const SKIPPED: [&str; 6] = [
    ".git",
    ".course",
    "target",
    "__MACOSX",
    ".DS_Store",
    "node_modules",
];

/// A submission's files.
pub(crate) struct Submission {
    /// What the directory or the archive is called.
    pub(crate) name: String,
    /// Where the workspace begins.
    pub(crate) root: PathBuf,
    /// Regular files by their paths from where the workspace begins.
    files: BTreeMap<PathBuf, PathBuf>,
    /// Symbolic links, and what else is no file.
    links: BTreeSet<PathBuf>,
    /// Holds what was unpacked.
    _unpacked: Option<TempDir>,
}

/// What became of a file that was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Contents(Vec<u8>),
    Missing,
    /// It is there, but is no file of his own: why.
    Unusable(String),
}

impl Submission {
    /// Opens a directory or a zip archive, and finds where in it the workspace with these files begins.
    ///
    /// # Errors
    /// When it cannot be read, is no submission by its size, or holds two workspaces.
    pub(crate) fn open(path: &Path, wanted: &[&Path]) -> Result<Submission> {
        let shown = path.display();
        let path = fs::canonicalize(path)
            .with_context(|| format!("cannot open the submission {shown}"))?;
        let name = if path.is_dir() {
            path.file_name()
        } else {
            path.file_stem()
        };
        let name = name.unwrap_or_default().to_string_lossy().into_owned();
        let (dir, unpacked) = if path.is_dir() {
            (path, None)
        } else if path
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("zip"))
        {
            let dir = unpack(&path).with_context(|| format!("cannot unpack {shown}"))?;
            (dir.path().to_owned(), Some(dir))
        } else {
            bail!("{shown} is neither a directory nor a zip archive");
        };
        let (all, links) =
            walk(&dir).with_context(|| format!("cannot read the submission {shown}"))?;
        let base = base(&all, wanted).with_context(|| format!("in the submission {shown}"))?;
        let below = |path: &PathBuf| Some(path.strip_prefix(&base).ok()?.to_owned());
        let mut files: BTreeMap<PathBuf, PathBuf> = all
            .iter()
            .filter_map(|path| Some((below(path)?, dir.join(path))))
            .collect();
        let bare = bare_files(&files, wanted);
        for (wanted, found) in bare {
            if let Some(file) = files.remove(&found) {
                files.insert(wanted, file);
            }
        }
        Ok(Submission {
            name,
            root: dir.join(&base),
            files,
            links: links.iter().filter_map(below).collect(),
            _unpacked: unpacked,
        })
    }

    /// The file that stands at `path` of the workspace.
    pub(crate) fn get(&self, path: &Path) -> Result<Found> {
        if let Some(link) = path
            .ancestors()
            .find(|&ancestor| self.links.contains(ancestor))
        {
            return Ok(Found::Unusable(format!(
                "{} is a symbolic link",
                link.display()
            )));
        }
        let Some(file) = self.files.get(path) else {
            return Ok(Found::Missing);
        };
        let contents = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        Ok(Found::Contents(contents))
    }

    /// The regular files: their paths, and where they are.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&Path, &Path)> {
        (self.files.iter()).map(|(path, file)| (path.as_path(), file.as_path()))
    }

    /// The paths of all files and links.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.files.keys().chain(&self.links).map(PathBuf::as_path)
    }
}

/// Every file below `dir` and, apart, every link, as paths from it.
fn walk(dir: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>)> {
    let (mut files, mut links, mut open) = (Vec::new(), Vec::new(), vec![PathBuf::new()]);
    while let Some(below) = open.pop() {
        for entry in fs::read_dir(dir.join(&below))? {
            let entry = entry?;
            let (path, kind) = (below.join(entry.file_name()), entry.file_type()?);
            if SKIPPED.iter().any(|name| entry.file_name() == *name) {
                continue;
            } else if kind.is_dir() {
                open.push(path);
            } else if kind.is_file() {
                files.push(path);
            } else {
                links.push(path);
            }
            ensure!(
                files.len() + links.len() <= FILES_MAX,
                "it has more than {FILES_MAX} files"
            );
        }
    }
    files.sort();
    links.sort();
    Ok((files, links))
}

/// The directory below which the wanted files stand: the topmost, and of several the one with most of them.
fn base(files: &[PathBuf], wanted: &[&Path]) -> Result<PathBuf> {
    let mut counts: BTreeMap<PathBuf, usize> = BTreeMap::new();
    for file in files {
        for wanted in wanted.iter().filter(|wanted| file.ends_with(wanted)) {
            let base = file.ancestors().nth(wanted.components().count());
            *counts
                .entry(base.unwrap_or(Path::new("")).to_owned())
                .or_default() += 1;
        }
    }
    // The reference has a copy of its stubs further down.
    let depth = |base: &Path| base.components().count();
    let top = counts.keys().map(|base| depth(base)).min().unwrap_or(0);
    counts.retain(|base, _| depth(base) == top);
    let most = counts.values().copied().max().unwrap_or(0);
    counts.retain(|_, count| *count == most);
    let mut bases = counts.into_keys();
    match (bases.next(), bases.next()) {
        (Some(first), Some(second)) => {
            bail!(
                "there are two workspaces, {:?} and {:?}; hand in one of them",
                first.display(),
                second.display()
            )
        }
        (base, _) => Ok(base.unwrap_or_default()),
    }
}

/// Wanted files that stand bare at the top: `placement.rs`. Not where two wanted ones have that name.
fn bare_files(files: &BTreeMap<PathBuf, PathBuf>, wanted: &[&Path]) -> Vec<(PathBuf, PathBuf)> {
    let named = |name: &Path| {
        wanted
            .iter()
            .filter(move |path| path.ends_with(name))
            .count()
    };
    let bare = wanted.iter().filter_map(|path| {
        let name = PathBuf::from(path.file_name()?);
        let is_there = !files.contains_key(*path) && files.contains_key(&name) && named(&name) == 1;
        is_there.then(|| (path.to_path_buf(), name))
    });
    bare.collect()
}

/// Unpacks an archive: regular files alone, none outside of the directory, and not more than a submission can have.
fn unpack(archive: &Path) -> Result<TempDir> {
    let dir = tempfile::tempdir().context("cannot make a temporary directory")?;
    let mut archive = zip::ZipArchive::new(fs::File::open(archive)?)?;
    let mut left = UNPACKED_MAX;
    for index in 0..archive.len() {
        let entry = archive.by_index(index)?;
        let path = entry
            .enclosed_name()
            .with_context(|| format!("{:?} is outside of it", entry.name()))?;
        let path = dir.path().join(path);
        if entry.is_dir() {
            fs::create_dir_all(&path)?;
        } else if entry.is_file() {
            fs::create_dir_all(path.parent().unwrap_or(dir.path()))?;
            let mut file = fs::File::create(&path)?;
            left -= std::io::copy(&mut entry.take(left), &mut file)?;
            ensure!(left > 0, "it holds more than {UNPACKED_MAX} bytes");
        }
    }
    Ok(dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WANTED: [&str; 3] = ["q/src/queue.rs", "q/src/a/log.rs", "q/src/b/log.rs"];

    fn submission(files: &[&str]) -> (TempDir, Result<Submission>) {
        let dir = tempfile::tempdir().unwrap();
        for file in files {
            let path = dir.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, file).unwrap();
        }
        let submission = open(dir.path());
        (dir, submission)
    }

    fn open(path: &Path) -> Result<Submission> {
        Submission::open(path, &WANTED.map(Path::new))
    }

    /// Where the submission has a wanted file, from its root.
    fn found(submission: &Submission, path: &str) -> Option<String> {
        match submission.get(Path::new(path)).unwrap() {
            Found::Contents(contents) => Some(String::from_utf8(contents).unwrap()),
            _ => None,
        }
    }

    #[test]
    fn the_workspace_is_found_wherever_it_begins() {
        for base in ["", "ada/", "homework/2/ada/"] {
            let file = format!("{base}q/src/queue.rs");
            let (_dir, submission) =
                submission(&[&file, &format!("{base}Cargo.toml"), "target/q/src/queue.rs"]);
            let submission = submission.unwrap();
            assert_eq!(found(&submission, "q/src/queue.rs"), Some(file));
            assert!(
                submission
                    .paths()
                    .any(|path| path == Path::new("Cargo.toml"))
            );
            assert_eq!(found(&submission, "q/src/a/log.rs"), None);
        }
    }

    #[test]
    fn copies_further_down_do_not_count() {
        let (_dir, submission) = submission(&[
            "q/src/queue.rs",
            "exercises/q/src/queue.rs",
            "exercises/q/src/a/log.rs",
        ]);
        let submission = submission.unwrap();
        assert_eq!(
            found(&submission, "q/src/queue.rs").unwrap(),
            "q/src/queue.rs"
        );
        assert_eq!(found(&submission, "q/src/a/log.rs"), None);
    }

    #[test]
    fn bare_files_are_known_by_their_names_unless_two_have_it() {
        let (_dir, submission) = submission(&["queue.rs", "log.rs"]);
        let submission = submission.unwrap();
        assert_eq!(found(&submission, "q/src/queue.rs").unwrap(), "queue.rs");
        assert_eq!(found(&submission, "q/src/a/log.rs"), None);
    }

    #[test]
    fn two_workspaces_are_one_too_many() {
        let (_dir, submission) = submission(&["old/q/src/queue.rs", "new/q/src/queue.rs"]);
        let error = format!("{:#}", submission.err().unwrap());
        assert!(
            error.contains("two workspaces, \"new\" and \"old\""),
            "{error}"
        );
    }

    #[cfg(unix)]
    #[test]
    fn links_are_not_followed() {
        use std::os::unix::fs::symlink;
        let (dir, _) = submission(&["q/src/a/log.rs", "real/queue.rs"]);
        symlink("/etc/hostname", dir.path().join("q/src/queue.rs")).unwrap();
        symlink("../../real", dir.path().join("q/src/b")).unwrap();
        let submission = open(dir.path()).unwrap();
        let unusable = |path: &str| match submission.get(Path::new(path)).unwrap() {
            Found::Unusable(why) => why,
            other => panic!("{path}: {other:?}"),
        };
        assert_eq!(
            unusable("q/src/queue.rs"),
            "q/src/queue.rs is a symbolic link"
        );
        assert_eq!(unusable("q/src/b/log.rs"), "q/src/b is a symbolic link");
    }

    #[test]
    fn an_archive_is_a_submission() {
        use std::io::Write;
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("ada.zip");
        let mut writer = zip::ZipWriter::new(fs::File::create(&file).unwrap());
        let options = zip::write::SimpleFileOptions::default();
        writer.start_file("w/q/src/queue.rs", options).unwrap();
        writer.write_all(b"mine").unwrap();
        writer.finish().unwrap();
        let submission = open(&file).unwrap();
        assert_eq!(submission.name, "ada");
        assert_eq!(found(&submission, "q/src/queue.rs").unwrap(), "mine");
        assert!(open(&dir.path().join("none")).is_err());
    }
}

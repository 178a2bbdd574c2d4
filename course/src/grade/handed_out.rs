//! What was handed out, by the word of the submission's own repository: its branch `handout`.
//!
//! The repository is a student's, so it is data. Its configuration, hooks and attributes are never in force: git runs in an
//! empty repository of ours that reads the objects of the other one, and nothing is checked out. What a forged branch hides
//! is a line of a list of files that do not count anyway.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::git::Git;
use crate::student::VENDOR;

/// Where the branch may be: in the student's own repository, or in a clone of it.
const REFS: [&str; 2] = ["refs/heads/", "refs/remotes/origin/"];
/// More is no reference, and no list of them.
const REFS_BYTES_MAX: u64 = 1 << 20;

/// Those of the files, by their paths from `root`, that are as the branch has them. Nothing where there is no such branch,
/// or it cannot be read.
pub(super) fn unchanged(root: &Path, files: &[(&Path, &Path)]) -> Option<BTreeSet<PathBuf>> {
    let repository = root.join(".git");
    // Not a link, and not a file that points to a repository elsewhere.
    let is_dir = fs::symlink_metadata(&repository).is_ok_and(|found| found.is_dir());
    let commit = is_dir.then(|| branch(&repository)).flatten()?;
    compare(&repository, &commit, files).ok()
}

/// The commit of the branch: a file of its name, or a line of `packed-refs`.
fn branch(repository: &Path) -> Option<String> {
    let packed = read(&repository.join("packed-refs")).unwrap_or_default();
    REFS.iter().find_map(|place| {
        let name = format!("{place}{VENDOR}");
        let own = read(&repository.join(&name)).map(|text| text.trim().to_owned());
        let packed = || {
            let mut lines = packed.lines().filter_map(|line| line.split_once(' '));
            lines
                .find(|(_, packed)| *packed == name)
                .map(|(id, _)| id.to_owned())
        };
        own.or_else(packed).filter(|id| is_id(id))
    })
}

/// A small regular file.
fn read(file: &Path) -> Option<String> {
    let found = fs::symlink_metadata(file).ok()?;
    let is_readable = found.is_file() && found.len() <= REFS_BYTES_MAX;
    is_readable.then(|| fs::read_to_string(file).ok()).flatten()
}

fn is_id(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn compare(repository: &Path, commit: &str, files: &[(&Path, &Path)]) -> Result<BTreeSet<PathBuf>> {
    let ours = tempfile::tempdir().context("cannot make a temporary directory")?;
    Git::new(ours.path()).run(&["init", "--quiet", "--bare", "--template="])?;
    let objects = repository.join("objects");
    // A line each: what has a line break in its name is not asked for, and so is not as it was.
    let line = |path: &Path| {
        path.to_str()
            .filter(|path| !path.contains(['\n', '\r', '"']))
            .map(str::to_owned)
    };
    let known: Vec<(String, String, &Path)> = (files.iter())
        .filter_map(|(path, file)| Some((line(path)?.replace('\\', "/"), line(file)?, *path)))
        .collect();
    let handed_out = (known.iter()).map(|(path, _, _)| format!("{commit}:{path}\n"));
    let handed_out = ask(
        ours.path(),
        &objects,
        &["cat-file", "--batch-check=%(objectname)"],
        &format!("{commit}^{{tree}}\n{}", handed_out.collect::<String>()),
    )?;
    let (tree, handed_out) = handed_out.split_first().context("git says nothing")?;
    ensure!(is_id(tree), "there is no commit {commit}");
    let own: String = known
        .iter()
        .map(|(_, file, _)| format!("{file}\n"))
        .collect();
    let own = ask(
        ours.path(),
        &objects,
        &["hash-object", "--no-filters", "--stdin-paths"],
        &own,
    )?;
    ensure!(
        own.len() == known.len() && handed_out.len() == known.len(),
        "git left files out"
    );
    let pairs = known.iter().zip(own.iter().zip(handed_out));
    let same = pairs.filter(|(_, (own, handed_out))| own == handed_out);
    Ok(same.map(|((_, _, path), _)| path.to_path_buf()).collect())
}

/// Runs git on lines of input, and returns its lines.
fn ask(ours: &Path, objects: &Path, args: &[&str], lines: &str) -> Result<Vec<String>> {
    // From a file: git may answer before it has read everything.
    let input = ours.join("input");
    fs::write(&input, lines)?;
    let output = Command::new("git")
        .args(args)
        .env("GIT_DIR", ours)
        .env("GIT_ALTERNATE_OBJECT_DIRECTORIES", objects)
        .env_remove("GIT_WORK_TREE")
        .env_remove("GIT_OBJECT_DIRECTORY")
        .current_dir(ours)
        .stdin(Stdio::from(File::open(&input)?))
        .output()
        .context("cannot run git; is it installed?")?;
    ensure!(
        output.status.success(),
        "git cannot read {}",
        objects.display()
    );
    Ok(String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(str::to_owned)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: [&str; 3] = ["a.txt", "dir/b c.txt", "new.txt"];

    /// A repository whose branch has two files, one of which was changed since.
    fn repository() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| fs::write(dir.path().join(file), text).unwrap();
        fs::create_dir(dir.path().join("dir")).unwrap();
        let git = Git::new(dir.path());
        git.run(&["init", "--quiet"]).unwrap();
        write("a.txt", "a\n");
        write("dir/b c.txt", "b\n");
        git.run(&["add", "--all"]).unwrap();
        git.run(&["commit", "--quiet", "-m", "handed out"]).unwrap();
        git.run(&["branch", VENDOR]).unwrap();
        write("a.txt", "mine\n");
        write("new.txt", "mine\n");
        dir
    }

    fn ask_for(dir: &Path) -> Option<Vec<PathBuf>> {
        let files = FILES.map(|file| (file, dir.join(file)));
        let files: Vec<(&Path, &Path)> = (files.iter())
            .map(|(path, file)| (Path::new(*path), file.as_path()))
            .collect();
        Some(unchanged(dir, &files)?.into_iter().collect())
    }

    #[test]
    fn what_is_as_the_branch_has_it_is_told() {
        let dir = repository();
        let expected = Some(vec![PathBuf::from("dir/b c.txt")]);
        assert_eq!(ask_for(dir.path()), expected);
        // Packed, as a clone of it has it.
        let git = Git::new(dir.path());
        let name = format!("refs/remotes/origin/{VENDOR}");
        git.run(&["update-ref", &name, VENDOR]).unwrap();
        git.run(&["branch", "--quiet", "-D", VENDOR]).unwrap();
        git.run(&["gc", "--quiet"]).unwrap();
        assert!(!dir.path().join(".git").join(&name).exists());
        assert_eq!(ask_for(dir.path()), expected);
    }

    #[test]
    fn a_repository_that_says_nothing_of_use_is_none() {
        let dir = repository();
        let reference = dir.path().join(".git/refs/heads").join(VENDOR);
        for text in ["", "ref: refs/heads/main\n", &"0".repeat(40), "--help"] {
            fs::write(&reference, text).unwrap();
            assert_eq!(ask_for(dir.path()), None, "{text:?}");
        }
        fs::remove_dir_all(dir.path().join(".git")).unwrap();
        assert_eq!(ask_for(dir.path()), None);
        fs::write(dir.path().join(".git"), "gitdir: /elsewhere\n").unwrap();
        assert_eq!(ask_for(dir.path()), None);
    }

    #[test]
    fn objects_that_are_damaged_are_none_or_changed() {
        let dir = repository();
        let objects = dir.path().join(".git/objects");
        for entry in fs::read_dir(&objects).unwrap() {
            let entry = entry.unwrap().path();
            if entry.file_name().is_some_and(|name| name.len() == 2) {
                fs::remove_dir_all(entry).unwrap();
            }
        }
        assert_eq!(ask_for(dir.path()), None);
    }

    #[cfg(unix)]
    #[test]
    fn nothing_of_its_configuration_is_run() {
        use std::os::unix::fs::PermissionsExt;
        let dir = repository();
        let (trap, sprung) = (dir.path().join("trap"), dir.path().join("sprung"));
        fs::write(&trap, format!("#!/bin/sh\ntouch {}\n", sprung.display())).unwrap();
        fs::set_permissions(&trap, fs::Permissions::from_mode(0o755)).unwrap();
        let run = trap.display();
        let config = format!(
            "[core]\nrepositoryformatversion = 1\nfsmonitor = {run}\npager = {run}\nsshCommand = {run}\n\
             [extensions]\npartialClone = origin\n[remote \"origin\"]\nurl = ssh://h/x\npromisor = true\n\
             [filter \"x\"]\nclean = {run}\n[diff \"x\"]\ntextconv = {run}\n"
        );
        fs::write(dir.path().join(".git/config"), config).unwrap();
        fs::write(dir.path().join(".gitattributes"), "* filter=x diff=x\n").unwrap();
        assert!(ask_for(dir.path()).is_some());
        assert!(!sprung.exists());
    }
}

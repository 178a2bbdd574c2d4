//! Finds source files, and tells cores from shells.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// What of a system's `src` is its shell: I/O is these files' business.
const SHELL: [&str; 5] = ["main.rs", "server.rs", "server", "cli.rs", "cli"];

/// Every `.rs` file below `dir`, in the order of their paths; none where there is no such directory.
pub(super) fn rust_files(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut directories = vec![dir.to_owned()];
    while let Some(dir) = directories.pop() {
        if !dir.is_dir() {
            continue;
        }
        let entries =
            fs::read_dir(&dir).with_context(|| format!("cannot list {}", dir.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// Whether a file of a system's `src` belongs to its core.
pub(super) fn is_core(src: &Path, file: &Path) -> bool {
    let below = file.strip_prefix(src).unwrap_or(file);
    !SHELL.iter().any(|shell| below.starts_with(shell))
}

/// Reads a file; the error names it.
pub(super) fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shell_is_main_and_server_and_cli() {
        let src = Path::new("/w/mini-hdfs/src");
        let core = |file: &str| is_core(src, &src.join(file));
        assert!(core("lib.rs") && core("namenode.rs") && core("namenode/blocks.rs"));
        assert!(core("client/server.rs"), "only the top level counts");
        assert!(!core("main.rs") && !core("server.rs") && !core("server/rpc.rs"));
        assert!(!core("cli/dfs.rs"));
    }
}

//! Tells cores from shells.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// What of a system's `src` is its shell: I/O is these files' business.
const SHELL: [&str; 5] = ["main.rs", "server.rs", "server", "cli.rs", "cli"];

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

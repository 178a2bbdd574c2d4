//! Tells cores from shells.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// What of a system's `src` is its shell: I/O is these files' business.
const SHELL: [&str; 7] = [
    "main.rs",
    "server.rs",
    "server",
    "cli.rs",
    "cli",
    "consensus.rs",
    "consensus",
];
/// The same of one system alone, by the name of its directory: elsewhere a client is what it decides, apart from its sockets.
const SHELL_OF: [(&str, &str); 2] = [("raft-kv", "client.rs"), ("raft-kv", "client")];

/// Whether a file of a system's `src` belongs to its core.
pub(super) fn is_core(src: &Path, file: &Path) -> bool {
    let below = file.strip_prefix(src).unwrap_or(file);
    let of = |(system, shell): &(&str, &str)| {
        src.parent().is_some_and(|dir| dir.ends_with(system)) && below.starts_with(shell)
    };
    !SHELL.iter().any(|shell| below.starts_with(shell)) && !SHELL_OF.iter().any(of)
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
        let src = Path::new("/w/raft-kv/src");
        let core = |file: &str| is_core(src, &src.join(file));
        assert!(core("wal.rs") && !core("consensus/storage.rs") && !core("client.rs"));
    }
}
